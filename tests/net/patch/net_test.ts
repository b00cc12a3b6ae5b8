/** Code that only knows `Deno.connect` and `Deno.listen`, interrupted at each of its awaits. */
import { assert, assertEquals, assertRejects, assertStrictEquals, assertStringIncludes } from "@std/assert";
import { getHub, Greenlet, patch, sleep, spawn, Timeout, withTimeout } from "@verdant/green";
import { dump } from "@verdant/green/hub";
import { greenReadable } from "../../../net/patch/streams.ts";
import { turn } from "../../helpers.ts";

const LOCAL = { hostname: "127.0.0.1", port: 0 };
const bytes = (text: string) => new TextEncoder().encode(text);
const text = (chunk: Uint8Array) => new TextDecoder().decode(chunk);

/** Two ends of a connection, and what made them; all made in a greenlet. */
async function pair(): Promise<Disposable & { readonly left: Deno.Conn; readonly right: Deno.Conn }> {
  using listener = Deno.listen(LOCAL);
  const accepting = listener.accept();
  const left = await Deno.connect({ ...LOCAL, port: (listener.addr as Deno.NetAddr).port });
  const right = await accepting;
  return {
    left,
    right,
    [Symbol.dispose]() {
      left.close();
      right.close();
    },
  };
}

async function readText(conn: Deno.Conn, size = 100): Promise<string | null> {
  const buffer = new Uint8Array(size);
  const count = await conn.read(buffer);
  return count === null ? null : text(buffer.subarray(0, count));
}

/** Runs in a greenlet with the network patched. */
function netTest(name: string, fn: () => Promise<void>): void {
  Deno.test(name, async () => {
    using _patches = patch({ net: true });
    await spawn(fn).get();
  });
}

netTest("Deno.Conn.read() that is killed loses no byte, whoever reads next", async () => {
  using both = await pair();
  const buffer = new Uint8Array(8);
  const victim = spawn(() => both.left.read(buffer));
  await sleep();
  await victim.kill();
  await both.right.write(bytes("hello"));
  assertEquals(await readText(both.left), "hello");
  assertEquals(buffer, new Uint8Array(8)); // the victim's buffer is left alone
});

netTest("Deno.Conn.read() gets the rest first of what was too much for its predecessor", async () => {
  using both = await pair();
  const victim = spawn(() => readText(both.left, 8));
  await sleep();
  await victim.kill();
  await both.right.write(bytes("12345678"));
  assertEquals([await readText(both.left, 3), await readText(both.left, 3)], ["123", "456"]);
  await both.right.write(bytes("9"));
  assertEquals([await readText(both.left, 3), await readText(both.left, 3)], ["78", "9"]);
});

netTest("Deno.Conn.read() after a kill that nobody waited for does not overtake it", async () => {
  using both = await pair();
  const victim = spawn(() => readText(both.left, 2));
  await sleep();
  await both.right.write(bytes("abcd"));
  victim.kill(undefined, { block: false }); // the bytes are there, the victim does not know yet
  assertEquals([await readText(both.left, 2), await readText(both.left, 2)], ["ab", "cd"]);
});

netTest("Deno.Conn.read() of several that were killed is taken over in their order", async () => {
  using both = await pair();
  const first = spawn(() => readText(both.left, 1));
  const second = spawn(() => readText(both.left, 1));
  await sleep();
  await first.kill();
  await second.kill();
  await both.right.write(bytes("12"));
  assertEquals([await readText(both.left, 1), await readText(both.left, 1)], ["1", "2"]);
});

netTest("Deno.Conn.read() that timed out leaves the end of the stream to the next", async () => {
  using both = await pair();
  await assertRejects(() => withTimeout(1, () => readText(both.left)), Timeout);
  await both.right.closeWrite();
  assertEquals([await readText(both.left), await readText(both.left)], [null, null]);
});

netTest("Deno.Conn.read() fails with the platform's errors", async () => {
  const both = await pair();
  const reader = spawn(() => readText(both.left).catch((error) => error));
  await sleep();
  both[Symbol.dispose]();
  assert(await reader.get() instanceof Deno.errors.Interrupted);
  await assertRejects(() => readText(both.left), Deno.errors.BadResource);
});

Deno.test("Deno.Conn.read() outside greenlets gets what a killed greenlet has left", async () => {
  using _patches = patch({ net: true });
  using both = await pair();
  const victim = spawn(() => readText(both.left));
  await sleep();
  await victim.kill();
  await both.right.write(bytes("left"));
  assertEquals(await readText(both.left), "left");
  await both.right.write(bytes("plain"));
  assertEquals(await readText(both.left), "plain");
});

netTest("Deno.Conn.read() with a kill that is due begins nothing", async () => {
  using both = await pair();
  let read: string | null = null;
  const victim = spawn(async () => {
    victim.kill(undefined, { block: false });
    await readText(both.left);
  });
  await victim.join();
  await both.right.write(bytes("x"));
  read = await readText(both.left);
  assertEquals(read, "x");
});

netTest("Deno.Conn.read() that is interrupted is no foreign wait any more", async () => {
  using both = await pair();
  const { foreignWaits } = getHub().stats();
  const victim = spawn(() => readText(both.left));
  await sleep();
  assertEquals(getHub().stats().foreignWaits, foreignWaits + 1);
  await victim.kill();
  assertEquals(getHub().stats().foreignWaits, foreignWaits);
  await both.right.write(bytes("x"));
  await readText(both.left);
  assertEquals(getHub().stats().foreignWaits, foreignWaits);
});

netTest("Deno.Conn.read() into a buffer that is no more leaves the bytes to the next", async () => {
  using both = await pair();
  const buffer = new Uint8Array(10);
  const reader = spawn(() => both.left.read(buffer).catch((error) => error));
  await sleep();
  structuredClone(buffer, { transfer: [buffer.buffer] });
  await both.right.write(bytes("kept"));
  assert(await reader.get() instanceof TypeError);
  assertEquals(await readText(both.left), "kept");
});

netTest("Deno.Conn.write() that is blocked sends what the buffer held at the call", async () => {
  using both = await pair();
  let pending = true;
  let sent = 0;
  let buffer!: Uint8Array;
  const writer = spawn(async () => {
    for (;;) {
      buffer = new Uint8Array(1 << 20).fill(1);
      const writing = both.left.write(buffer);
      pending = true;
      sent += await writing;
      pending = false;
    }
  });
  const { promise: full, resolve } = Promise.withResolvers<void>();
  let last = -1;
  const watcher = setInterval(() => {
    if (pending && sent === last) resolve();
    last = sent;
  }, 20);
  await full;
  clearInterval(watcher);
  await writer.kill();
  buffer.fill(2);
  const received = new Uint8Array(1 << 20);
  for (let total = 0; total <= sent;) { // more than what was sent: some of the blocked one
    const count = (await both.right.read(received))!;
    assert(!received.subarray(0, count).includes(2));
    total += count;
  }
});

netTest("Deno.Conn.write() sends what the buffer held at the call", async () => {
  using both = await pair();
  const buffer = bytes("before");
  const writing = both.left.write(buffer);
  buffer.set(bytes("AFTER!"));
  await writing;
  assertEquals(await readText(both.right), "before");
});

netTest("Deno.Conn.write() that is blocked can be killed", async () => {
  using both = await pair();
  const writer = spawn(async () => {
    for (;;) await both.left.write(new Uint8Array(1 << 20));
  });
  const reader = spawn(() => readText(both.left)); // parked for good
  while (!dump().includes("write")) await sleep();
  await sleep(1);
  assert(await writer.kill());
  await reader.kill();
});

netTest("Deno.Listener.accept() that is killed loses no connection", async () => {
  using listener = Deno.listen(LOCAL);
  const victim = spawn(() => listener.accept());
  await sleep();
  await victim.kill();
  using _client = await Deno.connect({ ...LOCAL, port: (listener.addr as Deno.NetAddr).port });
  using conn = await listener.accept();
  assertStrictEquals((conn.localAddr as Deno.NetAddr).port, (listener.addr as Deno.NetAddr).port);
});

for (const end of ["close", "dispose"] as const) {
  netTest(`Deno.Listener.${end}() closes what was accepted for a killed greenlet`, async () => {
    const listener = Deno.listen(LOCAL);
    const victim = spawn(() => listener.accept());
    await sleep();
    await victim.kill();
    using client = await Deno.connect({ ...LOCAL, port: (listener.addr as Deno.NetAddr).port });
    await sleep(5); // it has been accepted
    if (end === "close") listener.close();
    else listener[Symbol.dispose]();
    const read = await readText(client).catch((error) => error);
    assert(read === null || read instanceof Deno.errors.ConnectionReset, String(read));
  });
}

netTest("Deno.Listener is iterated in greenlets, and stays open when that is interrupted", async () => {
  using listener = Deno.listen(LOCAL);
  const seen: string[] = [];
  const serve = async () => {
    for await (const conn of listener) {
      seen.push((await readText(conn))!);
      conn.close();
    }
  };
  const server = spawn(serve);
  const send = async (message: string) => {
    using client = await Deno.connect({ ...LOCAL, port: (listener.addr as Deno.NetAddr).port });
    await client.write(bytes(message));
    await readText(client);
  };
  await send("one");
  await server.kill();
  const next = spawn(serve);
  await send("two");
  assertEquals(seen, ["one", "two"]);
  await next.kill();
});

netTest("Deno.connect() that is interrupted leaves no connection", async () => {
  using listener = Deno.listen(LOCAL);
  const { port } = listener.addr as Deno.NetAddr;
  const victim = spawn(() => Deno.connect({ ...LOCAL, port }));
  await sleep();
  await victim.kill();
  await turn(); // the sanitizer would find it
});

netTest("Deno.connect() to a Unix socket that is interrupted closes what comes too late", async () => {
  const path = await Deno.makeTempFile();
  await Deno.remove(path);
  using listener = Deno.listen({ transport: "unix", path });
  const victim = spawn(() => Deno.connect({ transport: "unix", path }));
  await sleep();
  victim.kill(undefined, { block: false });
  await victim.join();
  using conn = await listener.accept();
  assertEquals(await readText(conn), null);
});

netTest("Deno.connect() keeps the signal of its caller", async () => {
  const reason = new Error("enough");
  await assertRejects(
    () => Deno.connect({ ...LOCAL, port: 1, signal: AbortSignal.abort(reason) }),
    Error,
    "enough",
  );
});

netTest("reports name what unmodified code waits for", async () => {
  using both = await pair();
  using listener = Deno.listen(LOCAL);
  const waiting = [spawn(() => readText(both.left)), spawn(() => listener.accept())];
  await sleep();
  const report = dump({ headline: "now" });
  assertStringIncludes(report, "waits for read");
  assertStringIncludes(report, "waits for accept");
  for (const greenlet of waiting) await greenlet.kill();
});

netTest("a connection is what it was: its class, its keys, its addresses", async () => {
  using both = await pair();
  assertEquals(both.left.constructor.name, "TcpConn");
  assertEquals(Object.keys(both.left), []);
  assertEquals(both.left.read.name, "read");
});

netTest(
  "for await over Deno.Conn.readable waits through the hub, and loses no chunk when interrupted",
  async () => {
    using both = await pair();
    const seen: string[] = [];
    const read = async () => {
      for await (const chunk of both.left.readable) seen.push(text(chunk));
    };
    const victim = spawn(read);
    await sleep();
    await both.right.write(bytes("one"));
    while (seen.length === 0) await sleep(1);
    assertStringIncludes(dump(), "read of a stream");
    await victim.kill();
    assert(!both.left.readable.locked);
    await both.right.write(bytes("two"));
    const reader = both.left.readable.getReader();
    assertEquals(text((await reader.read()).value!), "two");
    reader.releaseLock();
  },
);

netTest("a chunk that has come for a killed reader of a stream is for the next one", async () => {
  using both = await pair();
  const victim = spawn(async () => {
    for await (const _chunk of both.left.readable);
  });
  await sleep();
  await both.right.write(bytes("late"));
  for (let i = 0; i < 5; i++) await turn();
  victim.kill(undefined, { block: false });
  await victim.join();
  const reader = both.left.readable.getReader();
  await both.right.write(bytes("!"));
  let seen = "";
  while (seen.length < 5) seen += text((await reader.read()).value!);
  assertEquals(seen, "late!");
  reader.releaseLock();
});

Deno.test("a chunk that comes after the kill, before the victim knows, is for the next reader", async () => {
  let source!: ReadableStreamDefaultController<string>;
  const stream = greenReadable(
    new ReadableStream<string>({ start: (controller) => void (source = controller) }),
  );
  await spawn(async () => {
    const victim = spawn(async () => {
      for await (const _chunk of stream);
    });
    await sleep();
    victim.kill(undefined, { block: false });
    source.enqueue("first");
    for (let i = 0; i < 5; i++) await null; // the read is over, and the victim has not had its turn
    await victim.join();
    source.enqueue("second");
    const reader = stream.getReader();
    assertEquals([(await reader.read()).value, (await reader.read()).value], ["first", "second"]);
    reader.releaseLock();
  }).get();
});

netTest("a reader of a stream that is killed leaves its read to the same reader", async () => {
  using both = await pair();
  const reader = both.left.readable.getReader();
  const victim = spawn(() => reader.read());
  await sleep();
  await victim.kill();
  await both.right.write(bytes("kept"));
  assertEquals(text((await reader.read()).value!), "kept");
  reader.releaseLock();
});

netTest("leaving a for await over a stream cancels it, as it does outside", async () => {
  using listener = Deno.listen(LOCAL);
  const accepting = listener.accept();
  const left = await Deno.connect({ ...LOCAL, port: (listener.addr as Deno.NetAddr).port });
  using right = await accepting;
  await right.write(bytes("x"));
  for await (const _chunk of left.readable) break;
  assertEquals(await readText(right), null);
});

netTest("leaving a for await over a stream cancels it, also if a kill is due", async () => {
  using listener = Deno.listen(LOCAL);
  const accepting = listener.accept();
  const left = await Deno.connect({ ...LOCAL, port: (listener.addr as Deno.NetAddr).port });
  using right = await accepting;
  await right.write(bytes("x"));
  const victim = spawn(async () => {
    for await (const _chunk of left.readable) {
      victim.kill(undefined, { block: false });
      break;
    }
  });
  await victim.join();
  assertEquals(await readText(right), null);
});

netTest("Deno.Conn.writable waits through the hub", async () => {
  using both = await pair();
  const writer = both.left.writable.getWriter();
  await writer.ready;
  await writer.write(bytes("written"));
  assertEquals(await readText(both.right), "written");
  const blocked = spawn(async () => {
    for (;;) {
      await writer.ready;
      await writer.write(new Uint8Array(1 << 20));
    }
  });
  while (!dump().includes("write to a stream")) await sleep(1);
  assert(await blocked.kill());
});

netTest("greenlets that wait in patched calls keep the order of the run queue", async () => {
  using both = await pair();
  const log: string[] = [];
  const reader = spawn(async () => log.push((await readText(both.left))!));
  const others = ["a", "b"].map((name) =>
    spawn(async () => {
      log.push(name);
      await sleep();
      log.push(name);
    })
  );
  await Promise.all(others.map((other) => other.join()));
  assertEquals(log, ["a", "b", "a", "b"]);
  await both.right.write(bytes("read"));
  await reader.join();
  assertEquals(log.at(-1), "read");
  assert(reader instanceof Greenlet);
});
