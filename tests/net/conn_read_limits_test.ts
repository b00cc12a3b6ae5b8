import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
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
import { assertIdle, caughtFrom, text } from "./network.ts";
import { ScriptedRaw } from "./scripted.ts";

Deno.test("Conn.readExactly() that is killed or times out takes nothing, and the next reads get all", async () => {
  const raw = new ScriptedRaw().receive("ab");
  const conn = raw.conn();
  const victim = spawn(() => conn.readExactly(4));
  await sleep();
  await victim.kill();
  raw.receive("c");
  await assertRejects(() => conn.readExactly(4, { timeout: 1 }), Timeout);
  raw.receive("defg");
  assertEquals(text(await conn.readExactly(6)), "abcdef");
  assertEquals(text(await conn.readSome()), "g");
  assertEquals(raw.reads, 3); // the reads of those who left were not in vain
  assertIdle();
});

Deno.test("Conn.readSome() that was granted bytes before the kill returns them", async () => {
  const raw = new ScriptedRaw();
  const conn = raw.conn();
  const victim = spawn(() => conn.readSome());
  await sleep();
  raw.receive("ab");
  await Promise.resolve();
  await Promise.resolve(); // the read of the platform is done
  await victim.kill();
  assertEquals(text(victim.value as Uint8Array), "ab");
});

Deno.test("Conn.readSome() throws an interruption that came before it, and takes nothing", async () => {
  const conn = new ScriptedRaw().receive("ab").conn();
  const error = new RangeError("came before");
  const victim = spawn(async () => {
    getCurrent()!.throw(error);
    return await conn.readSome().catch((caught) => caught);
  });
  assertStrictEquals(await victim.get(), error);
  assertEquals(text(await conn.readSome()), "ab");
});

/** Every reading method, as one that waits for ever. */
const reads: Record<string, (conn: Conn, options?: WaitOptions) => Promise<unknown>> = {
  "read()": (conn, options) => conn.read(new Uint8Array(1), options),
  "readSome()": (conn, options) => conn.readSome(options),
  "readExactly()": (conn, options) => conn.readExactly(1, options),
  "readLine()": (conn, options) => conn.readLine(options),
  "readUntil()": (conn, options) => conn.readUntil(";", options),
  "lines()": (conn, options) => conn.lines(options).next(),
};

for (const [name, read] of Object.entries(reads)) {
  Deno.test(`Conn.${name} limits its wait as it is told`, async () => {
    const raw = new ScriptedRaw();
    const conn = raw.conn();
    for (const timeout of [0, 1, Temporal.Duration.from({ milliseconds: 1 })]) {
      const ms = typeof timeout === "number" ? timeout : 1;
      const error = await assertRejects(() => read(conn, { timeout }), Timeout);
      assertEquals(error.message, `Timed out after ${ms} ms: reading from 192.0.2.1:7`);
    }
    const limit = new Timeout(1);
    assertStrictEquals(await read(conn, { timeout: limit }).catch((error) => error), limit);
    {
      using running = Timeout.start(1);
      assertStrictEquals(await read(conn, { timeout: running }).catch((error) => error), running);
    }
    const own = new Timeout(1, { error: new RangeError("mine") });
    await assertRejects(() => read(conn, { timeout: own }), RangeError, "mine");
    const controller = new AbortController();
    const aborted = read(conn, { signal: controller.signal });
    controller.abort("enough");
    assertEquals(await aborted.catch((reason) => reason), "enough");
    assertEquals(await read(conn, { signal: controller.signal }).catch((reason) => reason), "enough");
    assertIdle();
    raw.receive("all there\n;");
    assertEquals(text(await conn.readExactly(11)), "all there\n;");
    assertEquals(raw.reads, 1);
  });

  Deno.test(`Conn.${name} with timeout: 0 does not switch, and leaves nothing that keeps the process alive`, async () => {
    const raw = new ScriptedRaw();
    const conn = raw.conn();
    let othersRan = false;
    spawn(() => othersRan = true);
    await assertRejects(() => read(conn, { timeout: 0 }), Timeout);
    assertEquals([othersRan, raw.referenced, raw.reads], [false, false, 1]);
    const reader = spawn(() => read(conn));
    await sleep();
    assertEquals([raw.referenced, raw.reads], [true, 1]);
    await reader.kill();
    assertEquals(raw.referenced, false);
  });

  Deno.test(`Conn.${name} has the limit of setTimeout() unless it is given another`, async () => {
    const conn = new ScriptedRaw().conn();
    conn.setTimeout(1);
    const limited: (WaitOptions | undefined)[] = [undefined, {}, { timeout: undefined }, {
      signal: new AbortController().signal,
    }];
    for (const options of limited) {
      await assertRejects(() => read(conn, options), Timeout, "after 1 ms");
    }
    await assertRejects(() => read(conn, { timeout: 0 }), Timeout, "after 0 ms");
    conn.setTimeout(0);
    await assertRejects(() => read(conn), Timeout, "after 0 ms");
    await assertRejects(() => read(conn, { timeout: 2 }), Timeout, "after 2 ms");
    const three = Temporal.Duration.from({ milliseconds: 3 });
    conn.setTimeout(three);
    assertStrictEquals(conn.timeout, three);
    await assertRejects(() => read(conn), Timeout, "after 3 ms");
    assertEquals(await read(conn, { signal: AbortSignal.abort("no") }).catch((reason) => reason), "no");
    conn.setTimeout(null);
    assertEquals(conn.timeout, null);
    const patient = spawn(() => read(conn));
    assertEquals(await patient.join({ timeout: 10 }), false);
    await patient.kill();
  });

  Deno.test(`Conn.${name} is refused while another greenlet reads, whom the error names`, async () => {
    const raw = new ScriptedRaw();
    const conn = raw.conn();
    const first = spawnWith({ name: "first" }, () => conn.readLine());
    await sleep();
    const second = spawnWith({ name: "second" }, () => {
      if (name !== "lines()") assertThrows(() => void read(conn), ConcurrentObjectUseError); // at the call
      return caughtFrom(() => read(conn));
    });
    const error = await second.get();
    assertInstanceOf(error, ConcurrentObjectUseError);
    assertEquals(
      error.message,
      `Cannot read from 192.0.2.1:7 in #${second.id} second: #${first.id} first is doing so`,
    );
    raw.receive("for the first\n");
    assertEquals(await first.get(), "for the first");
  });
}

Deno.test("Conn.setTimeout() limits writing, too", async () => {
  const raw = new ScriptedRaw();
  raw.holdsWrites = true;
  const conn = raw.conn();
  conn.setTimeout(1);
  const error = await assertRejects(() => conn.writeAll("x"), Timeout);
  assertEquals(error.message, "Timed out after 1 ms: writing to 192.0.2.1:7");
});

Deno.test("Conn.readSome() in the main flow is named so by the one who is refused", async () => {
  const raw = new ScriptedRaw();
  const conn = raw.conn();
  const first = conn.readSome();
  const caught = await spawn(() => caughtFrom(() => conn.readSome())).get() as Error;
  assert(caught.message.endsWith("the main flow is doing so"), caught.message);
  raw.receive("x");
  assertEquals(text(await first), "x");
});
