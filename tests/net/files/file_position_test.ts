import { assertEquals, assertRejects } from "@std/assert";
import { open } from "@verdant/green";
import { ScriptedFile } from "./scripted_file.ts";
import { TempFolder } from "./temp_folder.ts";

const { Start, Current, End } = Deno.SeekMode;

Deno.test("GreenFile.tell() knows what was read ahead and what is still to be written", async () => {
  const raw = new ScriptedFile("one\ntwo\n");
  await using file = raw.text();
  assertEquals(await file.tell(), 0);
  await file.readLine();
  assertEquals([await file.tell(), raw.position], [4, 8]);
  await file.write("TW");
  assertEquals([await file.tell(), raw.said], [6, "one\nTWo\n"]);
  assertEquals(await file.readLine(), "o");
});

Deno.test("GreenFile.seek() goes to a position, from wherever it is counted", async () => {
  const raw = new ScriptedFile("0123456789");
  await using file = raw.text();
  assertEquals([await file.seek(4), await file.read(2)], [4, "45"]);
  assertEquals([await file.seek(-3, Current), await file.read(1)], [3, "3"]);
  assertEquals([await file.seek(1, Current), await file.read(1)], [5, "5"]);
  assertEquals([await file.seek(-2, End), await file.read()], [8, "89"]);
  assertEquals([await file.seek(2, Start), await file.read(1)], [2, "2"]);
});

Deno.test("GreenFile.seek() that is refused changes nothing", async () => {
  const raw = new ScriptedFile("0123456789");
  await using file = raw.text({ name: "/the/file" });
  assertEquals(await file.read(2), "01");
  await assertRejects(() => file.seek(-3, Current), TypeError, "Cannot seek in /the/file: Invalid argument");
  assertEquals([await file.tell(), await file.read(3)], [2, "234"]);
});

Deno.test("GreenFile.seek() writes first what was gathered", async () => {
  const raw = new ScriptedFile("0123456789");
  await using file = raw.text();
  await file.write("ab");
  await file.seek(5);
  await file.write("cd");
  await file.seek(0);
  assertEquals(await file.read(), "ab234cd789");
});

Deno.test("GreenFile reads behind what it has written, and writes behind what it has read", async () => {
  const raw = new ScriptedFile("0123456789");
  await using file = raw.text();
  await file.write("a");
  assertEquals(await file.read(2), "12");
  await file.write("b");
  assertEquals(await file.read(1), "4");
  await file.flush();
  assertEquals(raw.said, "a12b456789");
});

Deno.test("GreenFile that appends writes at the end wherever it has read", async () => {
  using folder = new TempFolder();
  const path = folder.file("log", "one\ntwo\n");
  await using file = await open(path, "a+");
  assertEquals(await file.tell(), 8);
  await file.seek(0);
  assertEquals(await file.readLine(), "one");
  await file.write("three\n");
  assertEquals(await file.tell(), 14);
  await file.seek(4);
  assertEquals(await file.read(), "two\nthree\n");
});

Deno.test("GreenFile.truncate() cuts at the position, or at a size; the position stays", async () => {
  const raw = new ScriptedFile("0123456789");
  await using file = raw.text();
  await file.read(6);
  await file.truncate();
  assertEquals([raw.said, await file.read(), await file.tell()], ["012345", "", 6]);
  await file.truncate(2);
  assertEquals([raw.said, await file.tell()], ["01", 6]);
  await file.seek(0);
  await file.write("abcd");
  await file.truncate(3);
  assertEquals(raw.said, "abc");
});

Deno.test("GreenFile.stat() and sync() see what was gathered", async () => {
  using folder = new TempFolder();
  await using file = await open(folder.file("new"), "w");
  await file.write("12345");
  assertEquals((await file.stat()).size, 5);
  await file.write("678");
  await file.sync();
  assertEquals(Deno.statSync(folder.file("new")).size, 8);
});

Deno.test("GreenFile does the same as an array of bytes, whatever is done to it", async () => {
  let state = 42;
  const random = (below: number) => (state = (state * 48_271) % 2_147_483_647) % below;
  for (let round = 0; round < 300; round++) {
    const raw = new ScriptedFile("0123456789abcdef");
    raw.most = 1 + random(9);
    const file = raw.text({ bufferSize: random(7) });
    let model = raw.said;
    let at = 0;
    const log: string[] = [];
    for (let step = 0; step < 12; step++) {
      const count = random(6);
      const what = random(8);
      log.push(`${what}(${count})`);
      if (what <= 2) {
        const expected = model.slice(at, at + count);
        const got = await file.read(count);
        assertEquals(got ?? "", expected, log.join(" "));
        at += expected.length;
      } else if (what <= 4) {
        const text = "ABCDEF".slice(0, count);
        await file.write(text);
        model = model.padEnd(at, "\0").slice(0, at) + text + model.slice(at + text.length);
        at += text.length;
      } else if (what === 5) at = await file.seek(count * 3);
      else if (what === 6) at = await file.seek(-Math.min(count, at), Current);
      else assertEquals(await file.tell(), at, log.join(" "));
    }
    await file.close();
    // Nothing written behind the end leaves the end where it is.
    assertEquals(raw.said.replace(/\0+$/, ""), model.replace(/\0+$/, ""), log.join(" "));
  }
});
