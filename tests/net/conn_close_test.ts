import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { Conn, createSocketPair, getHub, sleep, spawn, spawnWith } from "@verdant/green";
import { assertIdle, bytes, caughtFrom, pairs, text } from "./network.ts";
import { ScriptedRaw } from "./scripted.ts";

const MUCH = 32 * 1024 * 1024;

for (const [kind, makePair] of Object.entries(pairs)) {
  Deno.test(`Conn.close() ends a read and a write of other greenlets, naming who closed it (${kind})`, async () => {
    using pair = await makePair();
    const { conn } = pair;
    const place = String(conn);
    const reader = spawn(() => caughtFrom(() => conn.readLine()));
    const writer = spawn(() => caughtFrom(() => conn.writeAll(new Uint8Array(MUCH))));
    assertEquals(await writer.join({ timeout: 5 }), false);
    const closer = spawnWith({ name: "closer" }, () => conn.close());
    await closer.join();
    const ended = (doing: string) => `${doing} ${place} ended: it was closed by #${closer.id} closer`;
    const [fromReader, fromWriter] = [await reader.get(), await writer.get()];
    assertInstanceOf(fromReader, Deno.errors.Interrupted);
    assertInstanceOf(fromWriter, Deno.errors.Interrupted);
    assertEquals([fromReader.message, fromWriter.message], [ended("Reading from"), ended("Writing to")]);
    assertIdle();
  });

  Deno.test(`Conn.close() again does nothing, and use of a closed one is an error (${kind})`, async () => {
    using pair = await makePair();
    const { conn } = pair;
    assertEquals(conn.closed, false);
    conn.close();
    conn.close();
    conn[Symbol.dispose]();
    await conn[Symbol.asyncDispose]();
    assertEquals(conn.closed, true);
    const uses = [
      () => conn.read(new Uint8Array(1)),
      () => conn.readSome(),
      () => conn.readExactly(0),
      () => conn.readLine(),
      () => conn.readUntil(";"),
      () => conn.lines().next(),
      () => conn.write(bytes("x")),
      () => conn.writeAll(""),
      () => conn.closeWrite(),
    ];
    for (const use of uses) {
      await assertRejects(use, Deno.errors.BadResource, `${conn}: it was closed by the main flow`);
    }
    assertThrows(() => conn.detach(), Deno.errors.BadResource, "it was closed by the main flow");
    if (kind === "TCP") {
      const message = `Cannot set no delay on ${conn}: it was closed by the main flow`;
      assertThrows(() => conn.setNoDelay(), Deno.errors.BadResource, message);
    }
    assertEquals(typeof String(conn), "string");
  });

  Deno.test(`Conn.close() is seen by the peer as the end, after all that was written (${kind})`, async () => {
    using pair = await makePair();
    await pair.conn.writeAll("bye");
    pair.conn.close();
    assertEquals(text(await pair.peer.readExactly(3)), "bye");
    assertEquals(await pair.peer.readSome(), null);
  });

  Deno.test(`Conn.closeWrite() tells the peer the end and leaves the other direction open (${kind})`, async () => {
    using pair = await makePair();
    const { conn, peer } = pair;
    await conn.writeAll("last words");
    await conn.closeWrite();
    assertEquals([await peer.readLine(), await peer.readSome()], ["last words", null]);
    await peer.writeAll("an answer\n");
    assertEquals(await conn.readLine(), "an answer");
    await conn.closeWrite(); // again: harmless
    await assertRejects(() => conn.writeAll("more"), Error);
    await peer.writeAll("another\n");
    assertEquals(await conn.readLine(), "another");
  });

  Deno.test(`Conn is closed at the end of a using block, whatever ends it (${kind})`, async () => {
    using pair = await makePair();
    const { conn } = pair;
    const victim = spawn(async () => {
      using mine = conn;
      await mine.readSome();
    });
    await sleep();
    await victim.kill();
    assertEquals(conn.closed, true);
    const { peer } = pair;
    {
      await using mine = peer;
      assertStrictEquals(mine, peer);
    }
    assertEquals(peer.closed, true);
  });
}

Deno.test("Conn.close() drops bytes that nobody has read", async () => {
  const conn = new ScriptedRaw().receive("abc").conn();
  assertEquals(text(await conn.readExactly(1)), "a");
  conn.close();
  await assertRejects(() => conn.readSome(), Deno.errors.BadResource);
});

Deno.test("Conn.close() counts, whatever has failed before", async () => {
  const raw = new ScriptedRaw();
  raw.holdsWrites = true;
  const conn = raw.conn();
  const failing = spawn(() => caughtFrom(() => Promise.all([conn.readSome(), conn.writeAll("x")])));
  await sleep();
  raw.break(new Deno.errors.ConnectionReset("reset"));
  raw.writes[0]!.break(new Deno.errors.BrokenPipe("broken"));
  assertInstanceOf(await failing.get(), Deno.errors.ConnectionReset);
  await assertRejects(() => conn.writeAll("x"), Deno.errors.BrokenPipe);
  conn.close();
  await assertRejects(() => conn.readSome(), Deno.errors.BadResource);
  await assertRejects(() => conn.writeAll("x"), Deno.errors.BadResource);
});

Deno.test("Conn that is closed does not let a loop that ignores it keep the others from running", async () => {
  const conn = new ScriptedRaw().conn();
  conn.close();
  let over = false;
  for (const use of [() => conn.readSome(), () => conn.writeAll("x")]) {
    over = false;
    setTimeout(() => over = true);
    for (let tries = 0; !over; tries++) {
      assert(tries < 10_000_000);
      await use().catch(() => {});
    }
  }
});

Deno.test("Conn.close() after a kill ends the read that the dead reader left", async () => {
  const raw = new ScriptedRaw();
  const conn = raw.conn();
  const victim = spawn(() => conn.readSome());
  await sleep();
  await victim.kill();
  conn.close();
  await sleep();
  assertEquals(raw.closes, 1);
  assertIdle();
});

Deno.test("Conn.close() in a callback of the hub works: it does not wait", async () => {
  const conn = new ScriptedRaw().conn();
  const reader = spawn(() => caughtFrom(() => conn.readSome()));
  await sleep();
  getHub().runCallback(() => conn.close());
  assertInstanceOf(await reader.get(), Deno.errors.Interrupted);
});

Deno.test("Conn.closeWrite() while nobody reads does not take what the peer has sent", async () => {
  const raw = new ScriptedRaw().receive("abc");
  const conn = raw.conn();
  await conn.closeWrite();
  assertEquals([raw.writingClosed, await conn.readSome().then(text)], [true, "abc"]);
});

// ---- detach() --------------------------------------------------------------------------------------

Deno.test("Conn.detach() hands out the platform's connection, still open", async () => {
  using pair = await pairs.TCP();
  const { conn, peer } = pair;
  await peer.writeAll("one\n");
  assertEquals(await conn.readLine(), "one");
  const raw = conn.detach();
  assertStrictEquals(raw, conn.raw);
  assertEquals(conn.closed, true);
  conn.close(); // does not close it any more
  await assertRejects(() => conn.readSome(), Deno.errors.BadResource, "was detached");
  await assertRejects(() => conn.writeAll("x"), Deno.errors.BadResource, "was detached");
  assertThrows(() => conn.detach(), Deno.errors.BadResource);
  using again = new Conn(raw);
  await peer.writeAll("two\n");
  assertEquals(await again.readLine(), "two");
});

Deno.test("Conn.detach() is refused while it is in use or bytes are not read, and changes nothing then", async () => {
  const raw = new ScriptedRaw();
  raw.holdsWrites = true;
  const conn = raw.conn();
  const refused = () => {
    const error = assertThrows(() => conn.detach(), Deno.errors.Busy);
    assertEquals(
      error.message,
      "Cannot detach 192.0.2.1:7: a read or write is under way, or bytes are not read",
    );
    assertEquals(conn.closed, false);
  };
  const reader = spawn(() => conn.readExactly(2));
  await sleep();
  refused();
  await reader.kill();
  refused(); // the system still reads
  raw.receive("abc");
  await sleep();
  refused(); // the bytes would be lost
  assertEquals(text(await conn.readExactly(3)), "abc");
  const writer = spawn(() => conn.writeAll("xy"));
  await sleep();
  refused();
  await writer.kill();
  refused(); // the system still writes
  raw.writes[0]!.go(2);
  await sleep();
  assertStrictEquals(conn.detach() as unknown, raw);
});

Deno.test("Conn.detach() hands out a connection that keeps the process alive, also after a killed read", async () => {
  const raw = new ScriptedRaw();
  const conn = raw.conn();
  const victim = spawn(() => conn.readSome());
  await sleep();
  await victim.kill();
  assertEquals(raw.referenced, false);
  raw.receive("abc");
  await sleep();
  assertEquals(text(await conn.readExactly(3)), "abc"); // they are there: no need to wait
  conn.detach();
  assertEquals(raw.referenced, true);
});

Deno.test("Conn that the peer has ended can be detached", async () => {
  const [a, b] = await createSocketPair();
  using _a = a;
  b.close();
  assertEquals(await a.readSome(), null);
  a.detach().close();
});
