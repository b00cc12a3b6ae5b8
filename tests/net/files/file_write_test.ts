import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ByteFile, joinAll, open, sleep, spawn, Timeout } from "@verdant/green";
import { captureErrors, turn } from "../../helpers.ts";
import { bytes } from "../network.ts";
import { ScriptedFile } from "./scripted_file.ts";
import { TempFolder } from "./temp_folder.ts";

const writes = ({ log }: ScriptedFile) =>
  log.filter((what) => what.startsWith("write")).map((w) => w.slice(6));

Deno.test("GreenFile.write() gathers small writes, without switching", async () => {
  const raw = new ScriptedFile();
  await using file = raw.text({ bufferSize: 8 });
  const other = spawn(() => {});
  for (const text of ["ab", "", "cd", "efgh"]) await file.write(text);
  assertEquals([other.started && other.ready, raw.log], [false, []]);
  await file.write("i");
  assertEquals(writes(raw), ["abcdefgh"]);
  await file.flush();
  assertEquals(writes(raw), ["abcdefgh", "i"]);
  await file.flush();
  assertEquals([writes(raw).length, raw.said], [2, "abcdefghi"]);
});

Deno.test("GreenFile.write() hands over at once what is larger than the buffer, behind what was gathered", async () => {
  const raw = new ScriptedFile();
  raw.most = 3;
  await using file = raw.text({ bufferSize: 4 });
  await file.write("ab");
  await file.write("cdefghij");
  assertEquals(writes(raw), ["ab", "cdefghij", "fghij", "ij"]);
  await file.write("1234"); // fills it: no use in copying
  assertEquals([raw.said, writes(raw).slice(4)], ["abcdefghij1234", ["1234", "4"]]);
});

Deno.test("GreenFile.write() with bufferSize 0 hands over each write", async () => {
  const raw = new ScriptedFile();
  await using file = raw.text({ bufferSize: 0 });
  for (const text of ["a", "", "b"]) await file.write(text);
  assertEquals(writes(raw), ["a", "b"]);
});

Deno.test("GreenFile.write() copies what it gathers: the data may be changed afterwards", async () => {
  const raw = new ScriptedFile();
  await using file = raw.bytes();
  const data = bytes("ab");
  await file.write(data);
  data.fill(120);
  await file.write(data);
  await file.flush();
  assertEquals(raw.said, "abxx");
});

Deno.test("GreenFile.write() goes on in its buffer after a part of it was written", async () => {
  using _quiet = captureErrors();
  const raw = new ScriptedFile();
  await using file = raw.text({ bufferSize: 6 });
  await file.write("abcd");
  raw.most = 3;
  raw.holds = true;
  const flush = spawn(() => file.flush());
  await sleep();
  raw.go(); // three of four bytes
  await turn();
  raw.break(new Error("Input/output error (os error 5)"));
  await assertRejects(() => flush.get(), Error, "Cannot write to scripted: Input/output error");
  raw.holds = false;
  for (const text of ["ef", "g", "h"]) await file.write(text);
  await file.flush();
  assertEquals(raw.said, "abcdefgh");
});

Deno.test("GreenFile.write() waits until the platform has it when the buffer is full", async () => {
  const raw = new ScriptedFile();
  raw.holds = true;
  await using file = raw.text({ bufferSize: 4 });
  const log: string[] = [];
  const writers = ["abc", "def", "ghi"].map((text) =>
    spawn(async () => {
      await file.write(text);
      log.push(text);
    })
  );
  await sleep();
  assertEquals([log, raw.underWay], [["abc"], "write abc"]);
  raw.go();
  await turn();
  assertEquals([log, raw.underWay], [["abc", "def"], "write def"]);
  raw.go();
  await joinAll(writers);
  assertEquals(log, ["abc", "def", "ghi"]);
  raw.holds = false;
  await file.close();
  assertEquals(raw.said, "abcdefghi");
});

Deno.test("GreenFile.write() with timeout 0 writes what fits, otherwise nothing", async () => {
  const raw = new ScriptedFile();
  await using file = raw.text({ bufferSize: 4 });
  await file.write("abc", { timeout: 0 });
  await assertRejects(() => file.write("de", { timeout: 0 }), Timeout, "writing to scripted");
  assertEquals(raw.log, []);
  await file.write("D", { timeout: 0 });
  await file.flush();
  assertEquals(raw.said, "abcD");
});

Deno.test("GreenFile.write() that fails was not taken; what was gathered before is kept", async () => {
  using _quiet = captureErrors();
  const raw = new ScriptedFile();
  await using file = raw.text({ bufferSize: 4 });
  await file.write("abc");
  raw.holds = true;
  const first = spawn(() => file.write("defgh"));
  await sleep();
  raw.break(new Error("No space left on device (os error 28)"));
  await assertRejects(() => first.get(), Error, "No space left");
  const second = spawn(() => file.write("ijklm"));
  await sleep();
  raw.go();
  await turn();
  assertEquals(raw.underWay, "write ijklm");
  raw.break(new Error("No space left on device (os error 28)"));
  await assertRejects(() => second.get(), Error, "Cannot write to scripted: No space left");
  raw.holds = false;
  await file.write("X");
  await file.close();
  assertEquals(raw.said, "abcX");
});

Deno.test("GreenFile.write() tells a full disk, with the path and the platform's code", async () => {
  const file = await open("/dev/full", "w");
  await file.write("gathered");
  const error = await assertRejects(() => file.flush(), Error, "Cannot write to /dev/full: No space left");
  assertEquals((error as Error & { code: string }).code, "ENOSPC");
  await assertRejects(() => file.close(), Error, "/dev/full");
  assert(file.closed);
});

Deno.test("GreenFile.write() into a pipe that nobody reads is a BrokenPipe in plain words", async () => {
  using _quiet = captureErrors();
  const raw = new ScriptedFile();
  const file = raw.text({ name: "the pipe", bufferSize: 0 });
  raw.holds = true;
  const writer = spawn(() => file.write("x"));
  await sleep();
  raw.break(new Deno.errors.BrokenPipe("Broken pipe (os error 32)"));
  await assertRejects(
    () => writer.get(),
    Deno.errors.BrokenPipe,
    "Cannot write to the pipe: nobody reads it any more: Broken pipe",
  );
});

Deno.test("GreenFile refuses at the call what it is not open for", async () => {
  using folder = new TempFolder();
  await using writing = await open(folder.file("new"), "w");
  assertThrows(() => writing.readLine(), Deno.errors.NotSupported, "Cannot read from");
  assertThrows(() => writing.read(), Deno.errors.NotSupported, "it is not open for reading");
  await using reading = await open(folder.file("old", "text"));
  assertThrows(() => reading.write("x"), Deno.errors.NotSupported, "it is not open for writing");
  assertThrows(() => reading.truncate(0), Deno.errors.NotSupported, "Cannot truncate");
  const bare = new ByteFile({ close() {} }, { name: "nothing" });
  assertThrows(() => bare.seek(0), Deno.errors.NotSupported, "Cannot seek in nothing");
  assertThrows(() => bare.tell(), Deno.errors.NotSupported);
  assertThrows(() => bare.stat(), Deno.errors.NotSupported);
  assertThrows(() => bare.sync(), Deno.errors.NotSupported);
  assertThrows(() => bare.setRaw(true), Deno.errors.NotSupported, "it is no terminal");
  assertEquals([bare.isTerminal, reading.isTerminal], [false, false]);
  await bare.close();
});

Deno.test("GreenFile.setRaw() of what is no terminal names it", async () => {
  using folder = new TempFolder();
  await using file = await open(folder.file("a", ""));
  assertThrows(() => file.setRaw(true), Error, `Cannot set the mode of ${folder.file("a")}`);
});
