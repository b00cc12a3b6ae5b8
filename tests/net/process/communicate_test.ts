import { Buffer } from "node:buffer";
import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  ConcurrentObjectUseError,
  explore,
  isKill,
  sleep,
  spawn,
  spawnProcess,
  Timeout,
  TimeoutExpired,
  TooLongError,
} from "@verdant/green";
import { interruptAnywhere } from "../../interrupt_anywhere.ts";
import { turn } from "../../helpers.ts";
import { bytes } from "../network.ts";
import { FakeCat } from "./fake_child.ts";

const PIPES = { stdin: "pipe", stdout: "pipe", stderr: "pipe" } as const;

/** Bytes that differ from their neighbours. */
function pattern(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => i * 31 + (i >> 8));
}

Deno.test("Process.communicate() sends input, reads both outputs and waits for the end", async () => {
  await using child = spawnProcess("cat; echo err >&2; exit 2", { ...PIPES, shell: true });
  assertEquals(await child.communicate("in"), { stdout: "in", stderr: "err\n" });
  assertEquals([child.returnCode, child.stdin.closed], [2, true]);
  assertEquals(await child.communicate(), { stdout: "in", stderr: "err\n" }); // as often as you like
  assertEquals(await child.communicate("in", { timeout: 0 }), { stdout: "in", stderr: "err\n" });
});

Deno.test("Process.communicate() without input ends the process's input", async () => {
  await using child = spawnProcess(["cat"], { ...PIPES, encoding: "buffer" });
  assertEquals(await child.communicate(), { stdout: new Uint8Array(0), stderr: new Uint8Array(0) });
});

Deno.test("Process.communicate() reads what is left of a pipe, or nothing of what is none", async () => {
  await using child = spawnProcess("echo one; echo two", { shell: true, stdout: "pipe" });
  assertEquals(await child.stdout.readLine(), "one");
  assertEquals(await child.communicate(), { stdout: "two\n", stderr: "" });
});

Deno.test("Process.communicate() after own writing and closing sends no more", async () => {
  await using child = spawnProcess(["cat"], PIPES);
  await child.stdin.writeAll("before, ");
  assertEquals((await child.communicate("after")).stdout, "before, after");
  await using other = spawnProcess(["cat"], PIPES);
  await other.stdin.writeAll("all");
  other.stdin.close();
  assertEquals((await other.communicate()).stdout, "all");
});

Deno.test("Process.communicate() can be repeated after a time-out: nothing is lost or sent twice", async () => {
  const line = "read a; echo got $a; sleep 0.3; cat; echo end >&2";
  await using child = spawnProcess(line, { ...PIPES, shell: true });
  const input = "first\n" + "x".repeat(1_000_000);
  const error = await assertRejects(() => child.communicate(input, { timeout: 100 }), TimeoutExpired);
  assertEquals([error.stdout, error.timeout, child.ready], ["got first\n", 100, false]);
  await assertRejects(() => child.communicate(undefined, { timeout: 1 }), TimeoutExpired);
  await assertRejects(() => child.communicate(input, { timeout: 0 }), TimeoutExpired);
  const { stdout, stderr } = await child.communicate(input);
  assertEquals(stdout === "got " + input, true, `${stdout.length} characters`);
  assertEquals(stderr, "end\n");
});

Deno.test("Process.communicate() refuses another input than before, and input without a pipe", async () => {
  await using child = spawnProcess(["sleep", "60"], PIPES);
  await assertRejects(() => child.communicate("one", { timeout: 1 }), TimeoutExpired);
  assertThrows(() => child.communicate("two"), Error, "it was given another input before");
  assertThrows(() => child.communicate("on"), Error, "another input");
  await assertRejects(() => child.communicate(bytes("one"), { timeout: 1 }), TimeoutExpired);
  await using silent = spawnProcess(["sleep", "60"], { stdout: "pipe" });
  assertThrows(() => silent.communicate("x"), TypeError, "Cannot use stdin of process");
  await using late = spawnProcess(["sleep", "60"], PIPES);
  await assertRejects(() => late.communicate(undefined, { timeout: 1 }), TimeoutExpired);
  assertThrows(() => late.communicate("x"), Error, "another input"); // the end was sent
});

Deno.test("Process.communicate() in two greenlets is refused, and the first goes on", async () => {
  await using child = spawnProcess(["cat"], PIPES);
  const first = spawn(() => child.communicate("x"));
  await sleep();
  assertThrows(() => child.communicate(), ConcurrentObjectUseError, "(cat): another greenlet is doing so");
  assertEquals((await first.get()).stdout, "x");
});

Deno.test("Process.communicate() that was refused can be called again", async () => {
  await using child = spawnProcess(["cat"], PIPES);
  const signal = AbortSignal.abort("no");
  assertEquals(await child.communicate("x", { signal }).catch((reason) => reason), "no");
  assertEquals((await child.communicate("y")).stdout, "y");
});

Deno.test("Process.communicate() with maxOutput loses nothing", async () => {
  await using child = spawnProcess(["head", "-c", "200000", "/dev/zero"], PIPES);
  await assertRejects(
    () => child.communicate(undefined, { maxOutput: 100_000 }),
    TooLongError,
    "100000 bytes",
  );
  await assertRejects(() => child.communicate(undefined, { maxOutput: 10 }), TooLongError);
  const { stdout } = await child.communicate(undefined, { maxOutput: 200_000 });
  assertEquals([stdout.length, child.returnCode], [200_000, 0]);
});

Deno.test("Process.communicate() that is killed leaves the process running and the pipes free", async () => {
  await using child = spawnProcess(["cat"], PIPES);
  await child.stdin.writeAll("line\n");
  const g = spawn(() => child.communicate("more\n"));
  await sleep();
  await g.kill();
  assertEquals(child.ready, false);
  assertEquals((await child.communicate("more\n")).stdout, "line\nmore\n");
});

Deno.test("Process.communicate() that timed out leaves the pipes to whoever comes next, at once", async () => {
  await using silent = spawnProcess(["sleep", "60"], PIPES);
  const free = await silent.communicate(undefined, { timeout: 1 }).catch(() =>
    silent.stdout.readSome({ timeout: 1 })
  )
    .catch((error) => error.constructor);
  assertEquals(free, Timeout);
});

Deno.test("Process.communicate() throws the Timeout that is its limit", async () => {
  await using child = spawnProcess(["sleep", "60"], PIPES);
  const limit = new Timeout(1);
  assertStrictEquals(await child.communicate(undefined, { timeout: limit }).catch((e) => e), limit);
});

Deno.test("Process.communicate() does not wait for ever if its pipe was closed", async () => {
  await using child = spawnProcess(["echo", "x"], PIPES);
  child.stdout.close();
  await assertRejects(
    () => child.communicate(),
    Deno.errors.BadResource,
    "Cannot read from stdout of process",
  );
});

/** Calls it until it comes to an end. Says how often it was killed. */
async function insist(communicate: () => Promise<{ stdout: Uint8Array }>): Promise<[Uint8Array, number]> {
  for (let kills = 0;; kills++) {
    const g = spawn(communicate);
    try {
      const outcome = await g.get();
      if (!isKill(outcome)) return [outcome.stdout, kills];
    } catch (error) {
      if (!(error instanceof Timeout)) throw error;
    }
  }
}

Deno.test("Process.communicate() that is killed anywhere loses no byte and sends none twice, in any schedule", async () => {
  const input = pattern(150_000); // three pieces
  await explore(async () => {
    const cat = new FakeCat(() => Promise.resolve());
    const child = cat.process();
    const [stdout] = await insist(() => child.communicate(input));
    assertEquals(Buffer.compare(stdout, input), 0);
    assertEquals(cat.received.length, input.length);
  }, { runs: Number(Deno.env.get("GREEN_EXPLORE_RUNS") ?? 200) / 2, inject: ["kill", "timeout"], faults: 4 });
});

interruptAnywhere("Process.communicate()", () => {
  const input = pattern(200_000);
  const cat = new FakeCat(turn);
  const child = cat.process();
  return {
    victim: () => child.communicate(input),
    async check() {
      const { stdout } = await child.communicate(input);
      assertEquals(Buffer.compare(stdout, input), 0);
      assertEquals(cat.received.length, input.length);
    },
  };
});
