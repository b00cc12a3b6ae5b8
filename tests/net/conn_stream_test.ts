import { assert, assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { ConcurrentObjectUseError, GreenletExit, sleep, spawn, until } from "@verdant/green";
import { assertIdle, assertIdleSoon, bytes, pairs, text } from "./network.ts";
import { ScriptedRaw } from "./scripted.ts";

for (const [kind, makePair] of Object.entries(pairs)) {
  Deno.test(`Conn.readable yields the bytes up to the end (${kind})`, async () => {
    using pair = await makePair();
    await pair.peer.writeAll("some bytes");
    await pair.peer.closeWrite();
    assertEquals(await new Response(pair.conn.readable).text(), "some bytes");
    assertEquals(pair.conn.closed, false);
  });

  Deno.test(`Conn.writable sends chunks in order and closes the writing side (${kind})`, async () => {
    using pair = await makePair();
    const writer = pair.conn.writable.getWriter();
    void writer.write(bytes("a")).catch(() => {});
    void writer.write(bytes("bc")).catch(() => {});
    await writer.close();
    assertEquals([await pair.peer.readLine(), await pair.peer.readSome()], ["abc", null]);
    await pair.peer.writeAll("the other direction is open\n");
    assertEquals(await pair.conn.readLine(), "the other direction is open");
  });

  Deno.test(`Conn.readable pipes into Conn.writable (${kind})`, async () => {
    using first = await makePair();
    using second = await makePair();
    const data = crypto.getRandomValues(new Uint8Array(65_536));
    const parts = Array.from({ length: 40 }, () => data);
    const relay = spawn(() => until(first.peer.readable.pipeTo(second.conn.writable)));
    const sender = spawn(async () => {
      for (const part of parts) await first.conn.writeAll(part);
      await first.conn.closeWrite();
    });
    for (const part of parts) assertEquals(await second.peer.readExactly(part.length), part);
    assertEquals(await second.peer.readSome(), null);
    await relay.get();
    await sender.get();
    assertIdle();
  });

  Deno.test(`Conn.readable that is cancelled closes the connection, also in the middle of a read (${kind})`, async () => {
    using pair = await makePair();
    const reader = pair.conn.readable.getReader();
    const reading = reader.read();
    await reader.cancel();
    assert((await reading).done);
    assertEquals(pair.conn.closed, true);
    assertEquals(await pair.peer.readSome(), null);
    assertIdle();
  });

  Deno.test(`Conn.writable that is aborted closes the connection (${kind})`, async () => {
    using pair = await makePair();
    await pair.conn.writable.abort();
    assertEquals([pair.conn.closed, await pair.peer.readSome()], [true, null]);
  });

  Deno.test(`Conn.writable that is aborted in the middle of a write does not wait for the peer (${kind})`, async () => {
    using pair = await makePair();
    const writer = pair.conn.writable.getWriter();
    const writing = writer.write(new Uint8Array(32 * 1024 * 1024)).catch((reason) => reason);
    await sleep(5);
    const reason = new Error("enough");
    await writer.abort(reason);
    assertStrictEquals(await writing, reason);
    assertEquals(pair.conn.closed, true);
    assertIdle();
  });

  Deno.test(`Conn.readable fills the memory of a reader that brings its own, and takes no more (${kind})`, async () => {
    using pair = await makePair();
    await pair.peer.writeAll("hello");
    const reader = pair.conn.readable.getReader({ mode: "byob" });
    assertEquals(text((await reader.read(new Uint8Array(3))).value!), "hel");
    reader.releaseLock();
    assertEquals(text(await pair.conn.readSome()), "lo");
    await pair.peer.closeWrite();
    const { done, value } = await pair.conn.readable.getReader({ mode: "byob" }).read(new Uint8Array(3));
    assertEquals([done, value?.length], [true, 0]);
  });
}

Deno.test("Conn.readable and writable are the same stream each time", () => {
  const conn = new ScriptedRaw().conn();
  assertStrictEquals(conn.readable, conn.readable);
  assertStrictEquals(conn.writable, conn.writable);
});

Deno.test("Conn.readable reads no more than it is asked for", async () => {
  const raw = new ScriptedRaw().receive("abc", "def");
  const conn = raw.conn();
  const reader = conn.readable.getReader();
  await sleep();
  assertEquals(raw.reads, 0);
  assertEquals(text((await reader.read()).value!), "abc");
  await sleep();
  assertEquals(raw.reads, 1);
  reader.releaseLock();
  assertEquals(await conn.readSome().then(text), "def"); // the connection can be read by itself again
});

Deno.test("Conn.readable passes a failure on", async () => {
  const failure = new Deno.errors.ConnectionReset("reset");
  const reader = new ScriptedRaw().receive("abc").break(failure).conn().readable.getReader();
  assertEquals(text((await reader.read()).value!), "abc");
  assertStrictEquals(await reader.read().catch((error) => error) as unknown, failure);
});

Deno.test("Conn.readable under a time-out of the connection fails with it, and loses nothing", async () => {
  const raw = new ScriptedRaw();
  const conn = raw.conn();
  conn.setTimeout(1);
  await assertRejects(() => conn.readable.getReader().read(), Error, "Timed out after 1 ms");
  raw.receive("abc");
  assertEquals(await conn.readSome().then(text), "abc");
});

Deno.test("Conn.readable is no use while a greenlet reads, whom the error names", async () => {
  const raw = new ScriptedRaw();
  const conn = raw.conn();
  const first = spawn(() => conn.readLine());
  await sleep();
  const error = await conn.readable.getReader().read().catch((error) => error);
  assertInstanceOf(error, ConcurrentObjectUseError);
  raw.receive("a\n");
  assertEquals(await first.get(), "a");
});

Deno.test("Conn.readable read by a greenlet that is killed: the bytes are there afterwards", async () => {
  for (const adopt of [until, (promise: Promise<unknown>) => promise]) {
    const raw = new ScriptedRaw();
    const conn = raw.conn();
    const victim = spawn(() => adopt(conn.readable.getReader().read()));
    await sleep();
    await victim.kill();
    assertInstanceOf(victim.value, GreenletExit);
    raw.receive("abc");
    assertEquals(await conn.readSome().then(text), "abc");
    await assertIdleSoon();
  }
});

Deno.test("Conn.writable waits for a peer that does not read", async () => {
  const raw = new ScriptedRaw();
  raw.holdsWrites = true;
  const writer = raw.conn().writable.getWriter();
  const first = writer.write(bytes("abc"));
  let ready = false;
  void writer.ready.then(() => ready = true);
  await sleep();
  assertEquals([raw.writes.length, ready], [1, false]);
  raw.writes[0]!.go(3);
  await first;
  await writer.ready;
  assert(ready);
});

Deno.test("Conn.writable passes a failure on", async () => {
  const raw = new ScriptedRaw();
  raw.holdsWrites = true;
  const failure = new Deno.errors.BrokenPipe("broken");
  const writer = raw.conn().writable.getWriter();
  writer.closed.catch(() => {});
  const writing = writer.write(bytes("abc"));
  await sleep();
  raw.writes[0]!.break(failure);
  assertStrictEquals(await writing.catch((error) => error) as unknown, failure);
});
