import { Buffer } from "node:buffer";
import { assert, assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import {
  ConcurrentObjectUseError,
  type Conn,
  getCurrent,
  sleep,
  spawn,
  spawnWith,
  Timeout,
  type WaitOptions,
} from "@verdant/green";
import { assertIdle, bytes, calm, pairs, text } from "./network.ts";
import { ScriptedRaw } from "./scripted.ts";

/** A connection whose writes wait for the test. */
function held(): { raw: ScriptedRaw; conn: Conn; sent: () => string } {
  const raw = new ScriptedRaw();
  raw.holdsWrites = true;
  return { raw, conn: raw.conn(), sent: () => text(Uint8Array.from(raw.sent))! };
}

Deno.test("Conn.write() returns how many bytes the system has taken", async () => {
  const { raw, conn, sent } = held();
  const writer = spawn(() => conn.write(bytes("abcdef")));
  await calm();
  raw.writes[0]!.go(2);
  assertEquals([await writer.get(), sent(), raw.writes.length], [2, "ab", 0]);
});

Deno.test("Conn.writeAll() goes on until all has gone", async () => {
  const { raw, conn, sent } = held();
  const writer = spawn(() => conn.writeAll("abcdef"));
  for (const count of [2, 1, 3]) {
    await calm();
    assertEquals(writer.ready, false);
    raw.writes[0]!.go(count);
  }
  assertEquals([await writer.get(), sent(), raw.writes.length], [undefined, "abcdef", 0]);
});

Deno.test("Conn.writeAll() sends text as UTF-8, and bytes as they are, views of a part as well", async () => {
  const raw = new ScriptedRaw();
  const conn = raw.conn();
  await conn.writeAll("a€");
  await conn.writeAll(bytes("xbcy").subarray(1, 3));
  assertEquals(text(Uint8Array.from(raw.sent)), "a€bc");
});

Deno.test("Conn.write() and writeAll() of nothing do nothing", async () => {
  const { raw, conn } = held();
  assertEquals(await conn.write(new Uint8Array(0)), 0);
  await conn.writeAll("");
  assertEquals(raw.writes.length, 0);
});

Deno.test("Conn.writeAll() that is killed has sent a beginning; the next bytes follow it, in order", async () => {
  const { raw, conn, sent } = held();
  const victim = spawn(() => conn.writeAll("abcdef"));
  await calm();
  raw.writes[0]!.go(2);
  await calm(); // "cdef" is with the system now
  await victim.kill();
  const next = spawn(() => conn.writeAll("XYZ"));
  await calm();
  assertEquals(raw.writes.length, 1); // it waits until the system is done with the bytes before
  raw.writes[0]!.go(1);
  await calm();
  raw.writes[0]!.go(3);
  await next.get();
  assertEquals(sent(), "abcXYZ");
  assertIdle();
});

Deno.test("Conn.writeAll() that is killed sends no more than the system has got, if nobody writes after it", async () => {
  const { raw, conn, sent } = held();
  const victim = spawn(() => conn.writeAll("abcdef"));
  await calm();
  await victim.kill();
  raw.writes[0]!.go(2);
  await calm();
  assertEquals([raw.writes.length, sent()], [0, "ab"]);
  const next = spawn(() => conn.writeAll("XYZ"));
  await calm();
  raw.writes[0]!.go(3);
  await next.get();
  assertEquals(sent(), "abXYZ");
});

Deno.test("Conn.write() behind a killed write of the same length is not taken for it", async () => {
  const { raw, conn, sent } = held();
  const victim = spawn(() => conn.write(bytes("abc")));
  await calm();
  await victim.kill();
  const next = spawn(() => conn.write(bytes("xyz")));
  await calm();
  raw.writes[0]!.go(3);
  await calm();
  assertEquals(next.ready, false);
  raw.writes[0]!.go(1);
  assertEquals([await next.get(), sent()], [1, "abcx"]);
});

Deno.test("Conn.write() of which several were killed meanwhile sends only what the system had, and the last", async () => {
  const { raw, conn, sent } = held();
  for (const data of ["abc", "not sent", "nor this"]) {
    const victim = spawn(() => conn.writeAll(data));
    await calm();
    await victim.kill();
  }
  const last = spawn(() => conn.writeAll("xyz"));
  await calm();
  raw.writes[0]!.go(3);
  await calm();
  raw.writes[0]!.go(3);
  await last.get();
  assertEquals(sent(), "abcxyz");
});

Deno.test("Conn.writeAll() that was done before the kill counts as done", async () => {
  const { raw, conn } = held();
  const victim = spawn(() => conn.write(bytes("ab")));
  await calm();
  raw.writes[0]!.go(2);
  await Promise.resolve();
  await Promise.resolve();
  await victim.kill();
  assertEquals(victim.value as unknown, 2);
});

Deno.test("Conn.writeAll() throws an interruption that came before it, and sends nothing", async () => {
  const { raw, conn } = held();
  const error = new RangeError("came before");
  const victim = spawn(async () => {
    getCurrent()!.throw(error);
    return await conn.writeAll("x").catch((caught) => caught);
  });
  assertStrictEquals(await victim.get() as unknown, error);
  assertEquals(raw.writes.length, 0);
});

Deno.test("Conn.writeAll() has one limit for all its parts together", async () => {
  const { raw, conn } = held();
  const drip = setInterval(() => raw.writes[0]?.go(1), 1);
  await assertRejects(() => conn.writeAll(new Uint8Array(10_000), { timeout: 20 }), Timeout, "after 20 ms");
  clearInterval(drip);
  assert(raw.sent.length > 1);
});

Deno.test("Conn.writeAll() that fails tells its writer and all that come after", async () => {
  const { raw, conn } = held();
  const failure = new Deno.errors.BrokenPipe("broken");
  const writer = spawn(() => conn.writeAll("ab").catch((error) => error));
  await calm();
  raw.writes[0]!.break(failure);
  assertStrictEquals(await writer.get() as unknown, failure);
  assertStrictEquals(await conn.writeAll("c").catch((error) => error) as unknown, failure);
  assertEquals(failure.message, "Cannot write to 192.0.2.1:7: broken");
  raw.receive("reading goes on");
  assertEquals(await conn.readSome().then(text), "reading goes on");
});

Deno.test("Conn.writeAll() behind a killed one gets the failure of its bytes", async () => {
  const { raw, conn } = held();
  const victim = spawn(() => conn.writeAll("ab"));
  await calm();
  await victim.kill();
  const failure = new Deno.errors.BrokenPipe("broken");
  const next = spawn(() => conn.writeAll("c").catch((error) => error));
  await calm();
  raw.writes[0]!.break(failure);
  assertStrictEquals(await next.get() as unknown, failure);
});

Deno.test("Conn.closeWrite() behind a killed write comes after its bytes", async () => {
  const { raw, conn } = held();
  const victim = spawn(() => conn.writeAll("ab"));
  await calm();
  await victim.kill();
  const closing = spawn(() => conn.closeWrite());
  await calm();
  assertEquals(raw.writingClosed, false);
  raw.writes[0]!.go(2);
  await closing.get();
  assertEquals(raw.writingClosed, true);
});

/** Every writing method, as one that waits for ever. */
const writes: Record<string, (conn: Conn, options?: WaitOptions) => Promise<unknown>> = {
  "write()": (conn, options) => conn.write(bytes("x"), options),
  "writeAll()": (conn, options) => conn.writeAll("x", options),
  "closeWrite()": (conn, options) => conn.closeWrite(options),
};

for (const [name, write] of Object.entries(writes)) {
  Deno.test(`Conn.${name} limits its wait as it is told`, async () => {
    const { raw, conn } = held();
    await assertRejects(() => conn.writeAll("held", { timeout: 1 }), Timeout); // the system is busy with it
    const error = await assertRejects(() => write(conn, { timeout: 1 }), Timeout);
    assertEquals(error.message, "Timed out after 1 ms: writing to 192.0.2.1:7");
    const limit = new Timeout(1);
    assertStrictEquals(await write(conn, { timeout: limit }).catch((error) => error), limit);
    {
      using running = Timeout.start(1);
      assertStrictEquals(await write(conn, { timeout: running }).catch((error) => error), running);
    }
    const controller = new AbortController();
    const aborted = write(conn, { signal: controller.signal });
    controller.abort("enough");
    assertEquals(await aborted.catch((reason) => reason), "enough");
    conn.setTimeout(2);
    await assertRejects(() => write(conn), Timeout, "after 2 ms");
    await assertRejects(() => write(conn, { timeout: undefined }), Timeout, "after 2 ms");
    await assertRejects(() => write(conn, { timeout: 1 }), Timeout, "after 1 ms");
    assertEquals([raw.writes.length, raw.writingClosed], [1, false]);
    assertIdle();
  });

  Deno.test(`Conn.${name} with timeout: 0 does not switch and sends nothing`, async () => {
    const { raw, conn } = held();
    let othersRan = false;
    spawn(() => othersRan = true);
    const error = await assertRejects(() => write(conn, { timeout: 0 }), Timeout);
    assertEquals(error.message, "Timed out after 0 ms: writing to 192.0.2.1:7");
    assertEquals([othersRan, raw.writes.length, raw.writingClosed], [false, 0, false]);
    await sleep();
  });

  Deno.test(`Conn.${name} is refused while another greenlet writes, whom the error names`, async () => {
    const { raw, conn, sent } = held();
    const first = spawnWith({ name: "first" }, () => conn.writeAll("abc"));
    await calm();
    const second = spawnWith({ name: "second" }, () => {
      try {
        void write(conn);
      } catch (error) {
        return error;
      }
    });
    const error = await second.get();
    assertInstanceOf(error, ConcurrentObjectUseError);
    assertEquals(
      error.message,
      `Cannot write to 192.0.2.1:7 in #${second.id} second: #${first.id} first is doing so`,
    );
    raw.writes[0]!.go(3);
    await first.get();
    assertEquals([sent(), raw.writingClosed], ["abc", false]);
  });
}

Deno.test("Conn.writeAll() and readSome() by two greenlets do not wait for each other", async () => {
  const { raw, conn } = held();
  const writer = spawn(() => conn.writeAll("x"));
  const reader = spawn(() => conn.readSome());
  await calm();
  raw.receive("y");
  assertEquals([text(await reader.get()), writer.ready], ["y", false]);
  await writer.kill();
});

// ---- Real sockets ----------------------------------------------------------------------------------

/** More than the buffers of a socket and its peer hold. */
const MUCH = 32 * 1024 * 1024;

/** Bytes that tell their place. */
function pattern(length: number): Uint8Array<ArrayBuffer> {
  const data = new Uint32Array(length / 4);
  for (let i = 0; i < data.length; i++) data[i] = i;
  return new Uint8Array(data.buffer);
}

for (const [kind, makePair] of Object.entries(pairs)) {
  Deno.test(`Conn.writeAll() waits for a peer that does not read (${kind})`, async () => {
    using pair = await makePair();
    const data = pattern(MUCH);
    const writer = spawn(() => pair.conn.writeAll(data));
    assertEquals(await writer.join({ timeout: 5 }), false);
    assertEquals(Buffer.compare(await pair.peer.readExactly(MUCH), data), 0);
    await writer.get();
  });

  Deno.test(`Conn.writeAll() killed before a peer that does not read: a beginning is sent, then the next (${kind})`, async () => {
    using pair = await makePair();
    const { conn, peer } = pair;
    const data = pattern(MUCH);
    const victim = spawn(() => conn.writeAll(data));
    assertEquals(await victim.join({ timeout: 5 }), false);
    await victim.kill();
    await assertRejects(() => conn.writeAll("late", { timeout: 1 }), Timeout); // the system is still busy
    const next = spawn(async () => {
      await conn.writeAll("next");
      await conn.closeWrite();
    });
    const got = await readAll(peer);
    await next.get();
    const prefix = got.subarray(0, -4);
    assert(prefix.length < data.length, "all of it went");
    assertEquals(Buffer.compare(prefix, data.subarray(0, prefix.length)), 0);
    assertEquals(text(got.subarray(-4)), "next");
  });

  Deno.test(`Conn.write() fills the socket and returns a part of much (${kind})`, async () => {
    using pair = await makePair();
    const count = await pair.conn.write(new Uint8Array(MUCH));
    assert(count > 0 && count < MUCH, `${count}`);
  });
}

async function readAll(conn: Conn): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for (let piece = await conn.readSome(); piece !== null; piece = await conn.readSome()) pieces.push(piece);
  return Buffer.concat(pieces);
}
