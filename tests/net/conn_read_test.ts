import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { type Conn, sleep, spawn, Timeout, TooLongError } from "@verdant/green";
import { bytes, text } from "./network.ts";
import { ScriptedRaw } from "./scripted.ts";

/** Calls `check` with every way to cut bytes into up to three pieces, and with single bytes. */
async function forAllCuts(whole: Uint8Array, check: (pieces: Uint8Array[]) => Promise<void>): Promise<void> {
  for (let i = 0; i <= whole.length; i++) {
    for (let j = i; j <= whole.length; j++) {
      const pieces = [whole.subarray(0, i), whole.subarray(i, j), whole.subarray(j)];
      await check(pieces.filter(({ length }) => length > 0));
    }
  }
  await check([...whole].map((byte) => Uint8Array.of(byte)));
}

function connOf(...pieces: (string | Uint8Array)[]): Conn {
  return new ScriptedRaw().receive(...pieces).conn();
}

/** What is left up to the end. */
async function rest(conn: Conn): Promise<string> {
  let all = "";
  for (let some = await conn.readSome(); some !== null; some = await conn.readSome()) all += text(some);
  return all;
}

// ---- Lines -----------------------------------------------------------------------------------------

const LINES = "a\r\n\n\r\nbb€b\n\rc\rc\n\uFEFFd\r\r\n\nlast";
const EXPECTED_LINES = ["a", "", "", "bb€b", "\rc\rc", "\uFEFFd\r", "", "last"];

Deno.test("Conn.readLine() yields the same lines wherever the stream is cut", async () => {
  await forAllCuts(bytes(LINES), async (pieces) => {
    const conn = new ScriptedRaw().receive(...pieces).end().conn();
    const lines: (string | null)[] = [];
    for (let i = 0; i <= EXPECTED_LINES.length; i++) lines.push(await conn.readLine());
    assertEquals(lines, [...EXPECTED_LINES, null]);
  });
});

Deno.test("Conn.lines() yields the lines up to the end, of which it leaves no bytes", async () => {
  const conn = new ScriptedRaw().receive(LINES).end().conn();
  const lines: string[] = [];
  for await (const line of conn.lines()) lines.push(line);
  assertEquals(lines, EXPECTED_LINES);
  assertEquals([await conn.readLine(), await conn.readSome()], [null, null]);
});

Deno.test("Conn.lines() that is left by break has taken no more than its lines", async () => {
  const conn = connOf("one\ntwo\nth", "ree\nfour\n");
  for await (const line of conn.lines()) if (line === "two") break;
  assertEquals(await conn.readLine(), "three");
  for await (const line of conn.lines()) {
    assertEquals(line, "four");
    break;
  }
  assert(!conn.closed);
});

Deno.test("Conn.readLine() takes a line of maxBytes, and refuses one of a byte more", async () => {
  for (const newline of ["\n", "\r\n"]) {
    await forAllCuts(bytes(`abc${newline}abcd${newline}`), async (pieces) => {
      const conn = connOf(...pieces);
      assertEquals(await conn.readLine({ maxBytes: 3 }), "abc");
      const error = await assertRejects(() => conn.readLine({ maxBytes: 3 }), TooLongError);
      assertEquals(
        error.message,
        "Cannot read line from 192.0.2.1:7: it is longer than 3 bytes",
      );
      assertEquals(await conn.readLine({ maxBytes: 4 }), "abcd"); // nothing was taken
    });
  }
});

Deno.test("Conn.readLine() refuses a line without end as soon as it is too long", async () => {
  const raw = new ScriptedRaw().receive("abc", "d");
  await assertRejects(() => raw.conn().readLine({ maxBytes: 3 }), TooLongError);
  assertEquals(raw.reads, 2);
});

Deno.test("Conn.readLine() counts bytes, not characters", async () => {
  assertEquals(await connOf("€\n").readLine({ maxBytes: 3 }), "€");
  await assertRejects(() => connOf("€\n").readLine({ maxBytes: 2 }), TooLongError);
});

Deno.test("Conn.readLine() has the same limit for what is left at the end", async () => {
  for (const last of ["abcd", "abc\r"]) {
    const conn = new ScriptedRaw().receive(last).end().conn();
    await assertRejects(() => conn.readLine({ maxBytes: 3 }), TooLongError);
    assertEquals(await conn.readLine({ maxBytes: 4 }), last);
  }
});

Deno.test("Conn.readLine() has a limit of 64 KiB by default, and none with Infinity", async () => {
  const long = "x".repeat(65_536);
  assertEquals(await connOf(`${long}\n`).readLine(), long);
  const conn = connOf(`${long}x\n`);
  await assertRejects(() => conn.readLine(), TooLongError, "65536");
  assertEquals((await conn.readLine({ maxBytes: Infinity }))!.length, 65_537);
});

Deno.test("Conn.readLine() replaces what is not UTF-8", async () => {
  assertEquals(await connOf(Uint8Array.of(0x61, 0xff, 0xe2, 0x82, 10)).readLine(), "a\uFFFD\uFFFD");
});

// ---- Delimiters ------------------------------------------------------------------------------------

Deno.test("Conn.readUntil() finds a delimiter wherever it is cut, also one that begins twice", async () => {
  for (const delimiter of ["aab", "--", "€", "\0", "a-a"]) {
    const messages = ["aaa", "", "-a", "x\u20abx"].map((body) => `${body}${delimiter}`);
    const whole = messages.join("");
    // What is read up to a delimiter ends with it, and has no other before.
    const expected: string[] = [];
    for (let at = 0; at < whole.length;) {
      const end = whole.indexOf(delimiter, at) + delimiter.length;
      expected.push(whole.slice(at, end));
      at = end;
    }
    await forAllCuts(bytes(whole), async (pieces) => {
      const conn = connOf(...pieces);
      for (const message of expected) assertEquals(text(await conn.readUntil(delimiter)), message);
    });
  }
});

Deno.test("Conn.readUntil() takes bytes as the delimiter", async () => {
  assertEquals([...await connOf("ab\0\x01c").readUntil(Uint8Array.of(0, 1))], [97, 98, 0, 1]);
});

Deno.test("Conn.readUntil() takes maxBytes with the delimiter, and refuses one byte more", async () => {
  await forAllCuts(bytes("abc--abcd--"), async (pieces) => {
    const conn = connOf(...pieces);
    assertEquals(text(await conn.readUntil("--", { maxBytes: 5 })), "abc--");
    const error = await assertRejects(() => conn.readUntil("--", { maxBytes: 5 }), TooLongError);
    assertEquals(error.message, "Cannot read from 192.0.2.1:7: no delimiter within 5 bytes");
    assertEquals(text(await conn.readUntil("--", { maxBytes: 6 })), "abcd--");
  });
});

Deno.test("Conn.readUntil() refuses a message as soon as no delimiter fits any more", async () => {
  const raw = new ScriptedRaw().receive("abc", "de", "f");
  await assertRejects(() => raw.conn().readUntil("--", { maxBytes: 5 }), TooLongError);
  assertEquals(raw.reads, 2);
});

// ---- Numbers of bytes ------------------------------------------------------------------------------

Deno.test("Conn.readExactly() yields what it is asked for wherever the stream is cut", async () => {
  await forAllCuts(bytes("abcdefgh"), async (pieces) => {
    const conn = connOf(...pieces);
    for (const part of ["a", "", "bcd", "efgh"]) {
      assertEquals(text(await conn.readExactly(part.length)), part);
    }
  });
});

Deno.test("Conn.readExactly(0) takes nothing and waits for nothing, at the end neither", async () => {
  const raw = new ScriptedRaw();
  const conn = raw.conn();
  assertEquals([(await conn.readExactly(0)).length, raw.reads], [0, 0]);
  raw.end();
  assertEquals(await conn.readSome(), null);
  assertEquals((await conn.readExactly(0)).length, 0);
});

Deno.test("Conn.readExactly() of far more than comes leaves what has come", async () => {
  const conn = new ScriptedRaw().receive("some", "thing").end().conn();
  const error = await assertRejects(
    () => conn.readExactly(Number.MAX_SAFE_INTEGER),
    Deno.errors.UnexpectedEof,
  );
  assertEquals(error.message, "Cannot read 9007199254740991 bytes from 192.0.2.1:7: it ended after 9");
  assertEquals(await rest(conn), "something");
});

Deno.test("Conn.readExactly() of several MiB yields every byte", async () => {
  const raw = new ScriptedRaw();
  const piece = Uint8Array.from({ length: 100_003 }, (_, i) => i % 251);
  for (let i = 0; i < 50; i++) raw.receive(piece);
  const all = await raw.conn().readExactly(50 * piece.length);
  for (let i = 0; i < 50; i++) {
    assertEquals(all.subarray(i * piece.length, (i + 1) * piece.length) as Uint8Array, piece);
  }
});

Deno.test("Conn.read() moves as much as there is and fits", async () => {
  const conn = connOf("abcde", "f");
  const target = new Uint8Array(3);
  const seen: unknown[] = [];
  for (let i = 0; i < 3; i++) {
    const count = await conn.read(target);
    seen.push(text(target.subarray(0, count!)));
  }
  assertEquals(seen, ["abc", "de", "f"]);
});

Deno.test("Conn.readSome() yields what is there at once", async () => {
  const conn = connOf("abcde", "f");
  assertEquals(await conn.readSome().then(text), "abcde");
  assertEquals(await conn.readSome().then(text), "f");
});

Deno.test("Conn's reading methods follow each other without a gap", async () => {
  await forAllCuts(bytes("line\r\nabc12345--z\n€"), async (pieces) => {
    const conn = new ScriptedRaw().receive(...pieces).end().conn();
    assertEquals(await conn.readLine(), "line");
    assertEquals(text(await conn.readExactly(3)), "abc");
    const target = new Uint8Array(1);
    assertEquals([await conn.read(target), text(target)], [1, "1"]);
    assertEquals(text(await conn.readUntil("--")), "2345--");
    assertEquals(await conn.readLine(), "z");
    assertEquals(await rest(conn).then((text) => text.length > 0), true);
  });
});

// ---- The end, and failures -------------------------------------------------------------------------

Deno.test("Conn's reading methods tell the end at every point of a message, and lose nothing", async () => {
  const whole = bytes("ab\r\n");
  for (let length = 0; length <= whole.length; length++) {
    const ended = () => new ScriptedRaw().receive(whole.subarray(0, length)).end().conn();
    const come = text(whole.subarray(0, length))!;
    assertEquals(await rest(ended()), come);
    const line = length === 4 ? "ab" : come || null;
    assertEquals(await ended().readLine(), line);
    for (const read of [(conn: Conn) => conn.readExactly(4), (conn: Conn) => conn.readUntil("\r\n")]) {
      const conn = ended();
      if (length === 4) {
        assertEquals(text(await read(conn)), come);
      } else {
        await assertRejects(() => read(conn), Deno.errors.UnexpectedEof, `${length}`);
        assertEquals(await rest(conn), come);
      }
      assertEquals(await conn.read(new Uint8Array(1)), null);
      assertEquals(await conn.readSome(), null); // again and again
    }
  }
});

Deno.test("Conn's reading methods yield what came before a failure, then the failure, again and again", async () => {
  const failure = new Deno.errors.ConnectionReset("reset");
  const raw = new ScriptedRaw().receive("ab\ncd").break(failure);
  const conn = raw.conn();
  const failed = (read: () => Promise<unknown>) =>
    read().then(() => "no error", (error) => error === failure);
  assertEquals(await failed(() => conn.readExactly(10)), true);
  assertEquals(failure.message, "Cannot read from 192.0.2.1:7: reset");
  assertEquals(await conn.readLine(), "ab");
  assertEquals(await failed(() => conn.readLine()), true);
  assertEquals(await conn.readSome().then(text), "cd");
  assertEquals(await failed(() => conn.readSome()), true);
  assertEquals(await failed(() => conn.read(new Uint8Array(1))), true);
  assertEquals(raw.reads, 2); // the platform is not asked again
});

Deno.test("Conn.readSome() yields what came while nobody read, then the failure that came, too", async () => {
  const failure = new Deno.errors.ConnectionReset("reset");
  const raw = new ScriptedRaw();
  const conn = raw.conn();
  await assertRejects(() => conn.readExactly(3, { timeout: 0 }), Timeout); // a read is under way now
  raw.receive("ab");
  await assertRejects(() => conn.readExactly(3, { timeout: 1 }), Timeout);
  raw.break(failure);
  await sleep();
  assertEquals(text(await conn.readSome()), "ab");
  assertStrictEquals(await conn.readSome().catch((error) => error), failure);
});

Deno.test("Conn.read() lets the others run now and then, however much is there", async () => {
  const conn = connOf("x".repeat(1_000_000));
  await assertRejects(() => conn.readExactly(1_000_001, { timeout: 1 }), Timeout); // all of it is there now
  let read = 0;
  let seen = -1;
  spawn(() => seen = read);
  const target = new Uint8Array(1);
  while (seen < 0 && read < 1_000_000) read += (await conn.read(target))!;
  assert(seen >= 0);
});
