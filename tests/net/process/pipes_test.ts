import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  ConcurrentObjectUseError,
  getHub,
  PipeReader,
  PipeWriter,
  sleep,
  spawn,
  spawnProcess,
  Timeout,
  TooLongError,
} from "@verdant/green";
import { PipeSource } from "../../../net/process/pipe_source.ts";
import { turn } from "../../helpers.ts";
import { bytes, text } from "../network.ts";

/** Streams that the test fills. */
function tap(): {
  stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  say(words: string): void;
  end(): void;
  fail(error: Error): void;
  readonly cancelled: boolean;
} {
  let controller!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  let cancelled = false;
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (it) => void (controller = it),
    cancel: () => void (cancelled = true),
  });
  return {
    stream,
    say: (words) => controller.enqueue(bytes(words)),
    end: () => controller.close(),
    fail: (error) => controller.error(error),
    get cancelled() {
      return cancelled;
    },
  };
}

Deno.test("PipeReader reads in all the ways of a Conn", async () => {
  const { stream, say, end } = tap();
  const pipe = new PipeReader("pipe", stream);
  say("one\r\ntwo\nabc;def");
  assertEquals(await pipe.readLine(), "one");
  assertEquals(text(await pipe.readExactly(4)), "two\n");
  assertEquals(text(await pipe.readUntil(";")), "abc;");
  const buffer = new Uint8Array(2);
  assertEquals([await pipe.read(buffer), text(buffer)], [2, "de"]);
  assertEquals(text(await pipe.readSome()), "f");
  say("a\nb");
  end();
  assertEquals(await Array.fromAsync(pipe.lines()), ["a", "b"]);
  assertEquals([await pipe.read(buffer), await pipe.readSome(), await pipe.readLine()], [null, null, null]);
  assertEquals(await pipe.readAll(), new Uint8Array(0));
  await assertRejects(() => pipe.readExactly(1), Deno.errors.UnexpectedEof, "from pipe");
});

Deno.test("PipeReader takes pieces of any size apart and puts them together", async () => {
  const { stream, say, end } = tap();
  const pipe = new PipeReader("pipe", stream);
  const long = "0123456789".repeat(30_000);
  say(long);
  for (const piece of long) if (piece === "0") break;
  assertEquals(text(await pipe.readExactly(7)), "0123456");
  assertEquals(text(await pipe.readExactly(100_000)), long.slice(7, 100_007));
  say("x");
  say("y");
  end();
  assertEquals(text(await pipe.readAll()), long.slice(100_007) + "xy");
});

Deno.test("PipeReader.readAll() takes nothing before the end", async () => {
  const { stream, say, end } = tap();
  const pipe = new PipeReader("pipe", stream);
  say("abc");
  await assertRejects(() => pipe.readAll({ timeout: 1 }), Timeout, "reading from pipe");
  const g = spawn(() => pipe.readAll());
  await sleep();
  await g.kill();
  await assertRejects(
    () => pipe.readAll({ maxBytes: 2 }),
    TooLongError,
    "Cannot read all of pipe: it is longer than 2 bytes",
  );
  say("de");
  end();
  assertEquals(text(await pipe.readAll({ maxBytes: 5 })), "abcde");
});

Deno.test("PipeReader.read*() that are killed or time out take nothing", async () => {
  const { stream, say, end } = tap();
  const pipe = new PipeReader("pipe", stream);
  const victim = spawn(() => pipe.readLine());
  await sleep();
  await victim.kill();
  await assertRejects(() => pipe.readSome({ timeout: 1 }), Timeout);
  await assertRejects(() => pipe.readExactly(1, { timeout: 0 }), Timeout);
  say("all of it\n");
  end();
  assertEquals([await pipe.readLine(), await pipe.readLine()], ["all of it", null]);
});

Deno.test("PipeReader reads two streams as one, in the order of arrival, to the end of both", async () => {
  const [a, b] = [tap(), tap()];
  const pipe = new PipeReader("pipe", a.stream, b.stream);
  const seen: string[] = [];
  const reader = spawn(async () => {
    for await (const line of pipe.lines()) seen.push(line);
  });
  const steps: [() => void, string[]][] = [
    [() => b.say("b1\n"), ["b1"]],
    [() => a.say("a1\na2\n"), ["b1", "a1", "a2"]],
    [() => a.end(), ["b1", "a1", "a2"]],
    [() => b.say("b2\n"), ["b1", "a1", "a2", "b2"]],
  ];
  for (const [step, expected] of steps) {
    step();
    while (seen.length < expected.length) await sleep();
    assertEquals(seen, expected);
  }
  assert(!reader.ready);
  b.end();
  await reader.get();
});

Deno.test("PipeReader of two streams takes no more than a piece of each in advance", async () => {
  const pulls = [0, 0];
  const streams = pulls.map((_, i) =>
    new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull(controller) {
        pulls[i]!++;
        controller.enqueue(bytes(`${i}`.repeat(10)));
      },
    }, { highWaterMark: 0 })
  );
  using pipe = new PipeReader("pipe", ...streams);
  assertEquals(text(await pipe.read(new Uint8Array(4)).then(() => pipe.readExactly(6))), "000000");
  await sleep(1);
  assertEquals(pulls, [1, 1]);
  assertEquals(text(await pipe.readExactly(10)), "1111111111");
});

Deno.test("PipeReader hands out what came before a failure, and then the failure", async () => {
  const { stream, say, fail } = tap();
  const pipe = new PipeReader("pipe", stream);
  const failure = new Error("torn");
  say("abc");
  assertEquals(text(await pipe.readExactly(2)), "ab");
  fail(failure);
  assertEquals(await pipe.readExactly(5).catch((error) => error), failure);
  assertEquals(text(await pipe.readSome()), "c");
  assertEquals(await pipe.readSome().catch((error) => error), failure);
});

Deno.test("PipeSource hands out what came of one stream before the failure of another", async () => {
  const [a, b] = [tap(), tap()];
  const source = new PipeSource([a.stream, b.stream]);
  a.say("abcdef");
  const into = new Uint8Array(4);
  assertEquals([await source.read(into), text(into)], [4, "abcd"]);
  b.fail(new Error("torn"));
  await turn();
  assertEquals([await source.read(into), text(into)], [2, "efcd"]);
  await assertRejects(() => source.read(into), Error, "torn");
});

Deno.test("PipeReader.close() tells who reads, refuses who comes later, and cancels the stream", async () => {
  const one = tap();
  const pipe = new PipeReader("pipe", one.stream);
  const reader = spawn(() => pipe.readSome().catch((error) => error));
  await sleep();
  assertThrows(() => pipe.readSome(), ConcurrentObjectUseError, "Cannot read from pipe");
  pipe.close();
  await spawn(() => pipe.close()).get(); // it was closed before
  const told = await reader.get() as Error;
  assert(told instanceof Deno.errors.Interrupted && told.message.includes("it was closed by the main flow"));
  await assertRejects(
    () => pipe.readSome(),
    Deno.errors.BadResource,
    "Cannot read from pipe: it was closed by the main flow",
  );
  assertEquals([pipe.closed, one.cancelled, String(pipe)], [true, true, "pipe"]);
  assertEquals(getHub().stats().foreignWaits, 0);
});

/** A stream whose writes the test lets go. */
function sink(): {
  stream: WritableStream<Uint8Array>;
  written: string[];
  go(): void;
  closed: boolean;
  holds: boolean;
} {
  const held: (() => void)[] = [];
  const it = {
    written: [] as string[],
    closed: false,
    holds: false,
    go: () => held.shift()!(),
    stream: new WritableStream<Uint8Array>({
      async write(chunk) {
        if (it.holds) await new Promise<void>((resolve) => held.push(resolve));
        it.written.push(text(new Uint8Array(chunk))!);
      },
      close: () => void (it.closed = true),
    }),
  };
  return it;
}

Deno.test("PipeWriter writes text and bytes, some or all, in pieces", async () => {
  const out = sink();
  const pipe = new PipeWriter("pipe", out.stream);
  await pipe.writeAll("grün");
  assertEquals(await pipe.write(bytes("abc")), 3);
  assertEquals(await pipe.write(new Uint8Array(100_000)), 65_536);
  await pipe.writeAll(new Uint8Array(100_000));
  assertEquals(out.written.slice(0, 2), ["grün", "abc"]);
  assertEquals(out.written.map((piece) => piece.length), [4, 3, 65_536, 65_536, 34_464]);
  assertEquals(pipe.handed, 5 + 3 + 65_536 + 100_000);
  pipe.close();
  await spawn(() => pipe.close()).get(); // it was closed before
  await sleep(1);
  assertEquals([out.closed, pipe.closed], [true, true]);
  await assertRejects(
    () => pipe.writeAll("x"),
    Deno.errors.BadResource,
    "Cannot write to pipe: it was closed by the main flow",
  );
});

Deno.test("PipeWriter.handed tells how much of a killed write goes out", async () => {
  const out = sink();
  out.holds = true;
  const pipe = new PipeWriter("pipe", out.stream);
  const data = bytes("0123456789".repeat(10_000));
  const writer = spawn(() => pipe.writeAll(data));
  await sleep(1);
  await writer.kill();
  assertEquals(pipe.handed, 65_536);
  const next = spawn(() => pipe.writeAll(data.subarray(pipe.handed)));
  await sleep(1);
  assertEquals(out.written, []);
  for (let i = 0; i < 2; i++) {
    out.go();
    await sleep(1);
  }
  await next.get();
  assertEquals(out.written.join(""), text(data));
});

Deno.test("PipeWriter.close() tells who writes, and closes behind what was handed over", async () => {
  const out = sink();
  out.holds = true;
  const pipe = new PipeWriter("pipe", out.stream);
  const writer = spawn(() => pipe.writeAll("abc").catch((error) => error));
  await sleep();
  assertThrows(() => pipe.writeAll("x"), ConcurrentObjectUseError);
  pipe.close();
  assert(await writer.get() instanceof Deno.errors.Interrupted);
  assertEquals(out.closed, false);
  out.go();
  await sleep(1);
  assertEquals([out.written, out.closed], [["abc"], true]);
});

Deno.test("PipeWriter fails with BrokenPipe if the process reads no more", async () => {
  await using child = spawnProcess(["true"], { stdin: "pipe" });
  await child.wait();
  for (let i = 0; i < 2; i++) {
    await assertRejects(
      () => child.stdin.writeAll("x"),
      Deno.errors.BrokenPipe,
      "Cannot write to stdin of process",
    );
  }
});

Deno.test("Pipes of a process are closed by closing them: the process is told", async () => {
  await using child = spawnProcess(["yes"], { stdout: "pipe" });
  assertEquals(await child.stdout.readLine(), "y");
  child.stdout.close();
  assertEquals([await child.wait(), child.signal], [-13, "SIGPIPE"]);
});
