import { assertEquals, assertThrows } from "@std/assert";
import { joinAll, open, sleep, spawn } from "@verdant/green";
import { bytes } from "../network.ts";
import { ScriptedFile } from "./scripted_file.ts";
import { TempFolder } from "./temp_folder.ts";

Deno.test("ByteFile.read() reads as many bytes as are asked for, fewer only at the end", async () => {
  const raw = new ScriptedFile("abcdefg");
  raw.most = 2;
  await using file = raw.bytes();
  assertEquals(await file.read(0), bytes(""));
  assertEquals(await file.read(5), bytes("abcde"));
  assertEquals(await file.read(5), bytes("fg"));
  assertEquals([await file.read(5), await file.read(), await file.read(0)], [null, bytes(""), bytes("")]);
});

Deno.test("ByteFile.readSome() and readInto() take what is there, at least one byte", async () => {
  const raw = new ScriptedFile("abcdefg");
  raw.most = 3;
  await using file = raw.bytes();
  const buffer = new Uint8Array(2);
  assertEquals([await file.readInto(buffer), buffer], [2, bytes("ab")]);
  assertEquals([await file.readInto(buffer), buffer], [1, bytes("cb")]);
  assertEquals(await file.readSome(), bytes("def"));
  assertEquals(await file.readSome(), bytes("g"));
  assertEquals([await file.readSome(), await file.readInto(buffer)], [null, null]);
});

Deno.test("ByteFile.readLine() is text, as that of a Conn", async () => {
  await using file = new ScriptedFile("é\r\nb").bytes();
  assertEquals(await Array.fromAsync(file), ["é", "b"]);
});

Deno.test("ByteFile reads for several greenlets in the order in which they asked", async () => {
  const raw = new ScriptedFile("abcdef");
  raw.most = 1;
  await using file = raw.bytes();
  const readers = [1, 2, 3].map((count) => spawn(() => file.read(count)));
  await joinAll(readers);
  assertEquals(readers.map(({ value }) => value), [bytes("a"), bytes("bc"), bytes("def")]);
});

Deno.test("ByteFile keeps operations of several greenlets in order", async () => {
  const raw = new ScriptedFile("abc");
  raw.holds = true;
  await using file = raw.bytes();
  const log: string[] = [];
  const work = [
    () => file.read(1),
    () => file.write(bytes("XY")),
    () => file.tell(),
    () => file.seek(0),
    () => file.readAll(),
    () => file.stat(),
  ].map((operation, i) =>
    spawn(async () => {
      await operation();
      log.push(`${i}`);
    })
  );
  const pump = spawn(async () => {
    while (work.some(({ ready }) => !ready)) {
      await new Promise((resolve) => setImmediate(resolve));
      if (raw.underWay !== undefined) raw.go();
    }
  });
  await joinAll([...work, pump], { raiseError: true });
  assertEquals(log, ["0", "1", "2", "3", "4", "5"]);
  assertEquals([raw.said, work[2]!.value, raw.log.filter((what) => /^write/.test(what))], [
    "aXY",
    undefined,
    ["write XY"],
  ]);
  raw.holds = false;
});

Deno.test("ByteFile.read() does not overtake what was asked for before, though it has read ahead", async () => {
  const raw = new ScriptedFile("abc");
  const file = raw.bytes();
  await file.read(1);
  raw.holds = true;
  const seek = spawn(() => file.seek(0));
  const reader = spawn(() => file.read(1));
  await sleep();
  raw.holds = false;
  raw.go();
  assertEquals([await seek.get(), await reader.get()], [0, bytes("a")]);
  await file.close();
});

Deno.test("ByteFile.flush() waits for what was asked to be written before", async () => {
  const raw = new ScriptedFile();
  raw.holds = true;
  const file = raw.bytes({ bufferSize: 0 });
  const work = [() => file.stat(), () => file.write(bytes("x")), () => file.flush()].map((
    act: () => Promise<unknown>,
  ) => spawn(act));
  await sleep();
  assertEquals([raw.log, work[2]!.ready], [["stat"], false]);
  raw.holds = false;
  raw.go();
  await work[2]!.get();
  assertEquals(raw.said, "x");
  await file.close();
});

Deno.test("ByteFile refuses bad arguments at the call", () => {
  const file = new ScriptedFile("abc").bytes();
  for (const bad of [-1, 1.5, NaN]) assertThrows(() => file.read(bad), RangeError, `received ${bad}`);
  assertThrows(() => file.readInto(new Uint8Array(0)), RangeError, "length of 0");
  assertThrows(() => file.readInto([] as unknown as Uint8Array), TypeError, "Uint8Array");
  assertThrows(() => file.write("text" as unknown as Uint8Array), TypeError, "received text");
});

Deno.test("ByteFile reads and writes a real file of some megabytes", async () => {
  using folder = new TempFolder();
  const data = new Uint8Array(3_000_000).map((_, i) => i * 7 % 251);
  {
    await using file = await open(folder.file("data"), "wb");
    for (let at = 0; at < data.length; at += 12_345) await file.write(data.subarray(at, at + 12_345));
    assertEquals(await file.tell(), data.length);
  }
  await using file = await open(folder.file("data"), "rb");
  assertEquals(await file.readAll(), data);
});
