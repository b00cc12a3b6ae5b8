import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { open, sleep, spawn, TextFile, TooLongError } from "@verdant/green";
import { ScriptedFile } from "./scripted_file.ts";

/** Whose bytes come one at a time. */
function drop(content: string | Uint8Array): ScriptedFile {
  const raw = new ScriptedFile(content);
  raw.most = 1;
  return raw;
}

const MIXED = "aé€😀\u0301z";

Deno.test("TextFile.read() counts code points, as Python does", async () => {
  for (const raw of [new ScriptedFile(MIXED), drop(MIXED)]) {
    await using file = raw.text();
    const pieces: (string | null)[] = [];
    for (const count of [0, 1, 2, 1, 0, 9, 0, 1]) pieces.push(await file.read(count));
    assertEquals(pieces, ["", "a", "é€", "😀", "", "\u0301z", "", null]);
  }
});

Deno.test("TextFile.read() without a count is all that is left, and nothing at the end", async () => {
  for (const raw of [new ScriptedFile(MIXED), drop(MIXED)]) {
    await using file = raw.text();
    assertEquals([await file.read(2), await file.read(), await file.read()], ["aé", "€😀\u0301z", ""]);
    assertEquals(await file.readAll(), "");
  }
});

Deno.test("TextFile.readSome() takes what is there, but no part of a character", async () => {
  const raw = new ScriptedFile(new Uint8Array([0x61, 0xf0, 0x9f]));
  raw.endless = true;
  await using file = raw.text();
  assertEquals(await file.readSome(), "a");
  const reader = spawn(() => file.readSome());
  await sleep();
  assertEquals([reader.ready, raw.underWay], [false, "read"]);
  raw.content = new Uint8Array([...raw.content, 0x98, 0x80, 0x62]);
  raw.go();
  assertEquals(await reader.get(), "😀b");
});

Deno.test("TextFile.readSome() gives the rest of a broken character at the end, then null", async () => {
  await using file = new ScriptedFile(new Uint8Array([0x61, 0xe2, 0x82])).text();
  assertEquals([await file.readSome(), await file.readSome(), await file.readSome()], ["a", "\ufffd", null]);
});

Deno.test("TextFile.read() counts what is no UTF-8 as the decoder does", async () => {
  const broken = new Uint8Array([
    0x80,
    0x81,
    0xc0,
    0x80,
    0xc3,
    0x41,
    0xe2,
    0x82,
    0x42,
    0xff,
    0xf0,
    0x9f,
    0x98,
  ]);
  const whole = new TextDecoder().decode(broken);
  for (const raw of [new ScriptedFile(broken), drop(broken)]) {
    await using file = raw.text();
    let text = "";
    for (let next = await file.read(1); next !== null; next = await file.read(1)) {
      assertEquals([...next].length, 1);
      text += next;
    }
    assertEquals(text, whole);
  }
});

Deno.test("TextFile.readLine() strips \\n and \\r\\n; what is left at the end counts as a line", async () => {
  const content = "one\r\n\ntwo\rthree\n\r\nlast";
  for (const raw of [new ScriptedFile(content), drop(content)]) {
    await using file = raw.text();
    assertEquals(await Array.fromAsync(file), ["one", "", "two\rthree", "", "last"]);
    assertEquals([await file.readLine(), await file.readLine()], [null, null]);
  }
});

Deno.test("TextFile.readLine() does not ask the platform for what was read ahead", async () => {
  const raw = new ScriptedFile("a\nb\nc\n");
  await using file = raw.text();
  for (const line of ["a", "b", "c"]) assertEquals(await file.readLine({ timeout: 1000 }), line);
  assertEquals(raw.log, ["read"]);
});

Deno.test("TextFile.readLine() refuses a line that is too long, and takes nothing of it", async () => {
  for (const raw of [new ScriptedFile("12345\n67"), drop("12345\n67")]) {
    await using file = raw.text();
    await assertRejects(() => file.readLine({ maxBytes: 4 }), TooLongError, "line from scripted");
    assertEquals(await file.readLine({ maxBytes: 5 }), "12345");
    await assertRejects(() => file.readLine({ maxBytes: 1 }), TooLongError);
    assertEquals([await file.readLine(), await file.readLine()], ["67", null]);
  }
});

Deno.test("TextFile.readLine() counts a carriage return that ends the file", async () => {
  await using file = new ScriptedFile("1234\r").text();
  await assertRejects(() => file.readLine({ maxBytes: 4 }), TooLongError);
  assertEquals(await file.readLine({ maxBytes: 5 }), "1234\r");
});

Deno.test("TextFile.readLine() has no limit of its own", async () => {
  const long = "x".repeat(200_000);
  await using file = new ScriptedFile(`${long}\nend`).text();
  assertEquals([(await file.readLine())?.length, await file.readLine()], [200_000, "end"]);
});

Deno.test("TextFile keeps a byte order mark, as Python and Deno do", async () => {
  await using file = new ScriptedFile("\ufeffa\n").text();
  assertEquals(await file.readLine(), "\ufeffa");
});

Deno.test("TextFile goes on behind its end when the file has grown", async () => {
  const raw = new ScriptedFile("one\ntw");
  await using file = raw.text();
  assertEquals(await Array.fromAsync(file.lines()), ["one", "tw"]);
  raw.grow("o\nthree\n");
  assertEquals(await Array.fromAsync(file.lines()), ["o", "three"]);
});

Deno.test("TextFile with fatal refuses what is no text, and takes nothing of it", async () => {
  const raw = new ScriptedFile(new Uint8Array([0x61, 0x0a, 0xff, 0x0a, 0x62]));
  await using file = new TextFile(raw, { fatal: true });
  assertEquals(await file.readLine(), "a");
  await assertRejects(() => file.readLine(), TypeError);
  await assertRejects(() => file.readAll(), TypeError);
  assertEquals(await file.bytes.read(2), new Uint8Array([0xff, 0x0a]));
  assertEquals(await file.readAll(), "b");
});

Deno.test("TextFile in latin1 has one byte for each character, and refuses others", async () => {
  const raw = new ScriptedFile();
  await using file = new TextFile(raw, { name: "old", encoding: "latin1" });
  const all = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i)).repeat(40);
  await file.write(all);
  await assertRejects(async () => await file.write("a€"), TypeError, '"€"');
  await file.seek(0);
  assertEquals(raw.content.length, 256 * 40);
  assertEquals(await file.read(300), all.slice(0, 300));
  assertEquals(await file.read(), all.slice(300));
});

Deno.test("TextFile.bytes is the same file: one position, one order", async () => {
  const raw = new ScriptedFile("é1\nabc");
  await using file = raw.text();
  assertEquals(await file.bytes.read(1), new Uint8Array([0xc3]));
  assertEquals(await file.bytes.read(1), new Uint8Array([0xa9]));
  assertEquals([await file.readLine(), await file.bytes.readLine()], ["1", "abc"]);
  assert(file.bytes === file.bytes);
  await file.bytes.close();
  assertEquals([file.closed, raw.closes], [true, 1]);
});

Deno.test("TextFile refuses bad arguments at the call", () => {
  const file = new ScriptedFile("abc").text();
  for (const bad of [-1, 1.5, NaN, Infinity]) {
    assertThrows(() => file.read(bad), RangeError, `received ${bad}`);
    assertThrows(() => file.truncate(bad), RangeError, `received ${bad}`);
  }
  assertThrows(() => file.seek(0.5), RangeError, "received 0.5");
  for (const bad of [0, -1, 1.5]) {
    assertThrows(() => file.readLine({ maxBytes: bad }), RangeError, `received ${bad}`);
    assertThrows(() => file.lines({ maxBytes: bad }), RangeError, `received ${bad}`);
  }
  assertThrows(() => file.lines({ timeout: -1 }), RangeError, "-1");
  assertThrows(() => file.write(new Uint8Array(1) as unknown as string), TypeError, "must be a string");
  const encoding = "ebcdic" as unknown as "latin1";
  assertThrows(() => new TextFile(new ScriptedFile(), { encoding }), TypeError, "ebcdic");
  assertThrows(() => new TextFile(new ScriptedFile(), { bufferSize: -1 }), RangeError, "bufferSize");
});

Deno.test("TextFile.lines() goes through a real file, a megabyte of it", async () => {
  const path = await Deno.makeTempFile();
  const lines = Array.from({ length: 50_000 }, (_, i) => `line ${i} é`);
  await Deno.writeTextFile(path, lines.join("\n"));
  await using file = await open(path);
  let i = 0;
  for await (const line of file) if (line !== lines[i++]) throw new Error(`line ${i} is ${line}`);
  assertEquals(i, lines.length);
  await Deno.remove(path);
});
