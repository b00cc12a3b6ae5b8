import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import {
  ByteFile,
  type ByteMode,
  getHub,
  open,
  spawn,
  TextFile,
  type TextMode,
  Timeout,
} from "@verdant/green";
import { bytes } from "../network.ts";
import { TempFolder } from "./temp_folder.ts";

Deno.test("open() makes a file of text, or of bytes if the mode says so", async () => {
  using folder = new TempFolder();
  const path = folder.file("a", "é\n");
  await using text = await open(path);
  const line: string = await text.read();
  await using binary = await open(path, "rb");
  const data: Uint8Array = await binary.read();
  assertInstanceOf(text, TextFile);
  assertInstanceOf(binary, ByteFile);
  assertEquals([line, data, text.name, `${binary}`], ["é\n", bytes("é\n"), path, path]);
});

Deno.test("open() takes the modes of Python, in either order of their letters", async () => {
  using folder = new TempFolder();
  const path = folder.file("a", "");
  for (const mode of ["r", "rt", "r+", "r+t", "rt+", "a", "w", "a+", "w+t"] as TextMode[]) {
    await using file = await open(path, mode);
    assertInstanceOf(file, TextFile);
  }
  for (const mode of ["rb", "r+b", "rb+", "ab", "wb+", "a+b"] as ByteMode[]) {
    await using file = await open(path, mode);
    assertInstanceOf(file, ByteFile);
  }
});

Deno.test("open() refuses what is no mode at the call", () => {
  for (const bad of ["", "q", "rw", "br", "r++", "rbt", "r+b+", "U", "r "]) {
    assertThrows(() => open("/no/such", bad as TextMode), TypeError, `received "${bad}"`);
  }
});

Deno.test("open() does to the content what the mode says", async () => {
  using folder = new TempFolder();
  const path = folder.file("a", "0123");
  const after = async (mode: TextMode, text = "xy") => {
    {
      await using file = await open(path, mode);
      await file.write(text);
    }
    return Deno.readTextFileSync(path);
  };
  assertEquals(await after("r+"), "xy23");
  assertEquals(await after("a"), "xy23xy");
  assertEquals(await after("a+", "z"), "xy23xyz");
  assertEquals(await after("w"), "xy");
  assertEquals(await after("w+", "1"), "1");
  await assertRejects(() => after("x"), Deno.errors.AlreadyExists, `Cannot open ${path}: File exists`);
  Deno.removeSync(path);
  assertEquals(await after("x"), "xy");
  Deno.removeSync(path);
  await assertRejects(() => after("r+"), Deno.errors.NotFound);
  assertEquals(await after("a", "new"), "new");
});

Deno.test("open() in a mode with + reads and writes", async () => {
  using folder = new TempFolder();
  for (const mode of ["w+", "x+", "a+", "r+"] as TextMode[]) {
    const path = folder.file("a");
    if (mode === "x+") Deno.removeSync(path);
    await using file = await open(path, mode);
    await file.seek(0);
    await file.truncate();
    await file.write(mode);
    await file.seek(0);
    assertEquals(await file.read(), mode);
  }
});

Deno.test("open() with create makes what r+ misses, and leaves what is there", async () => {
  using folder = new TempFolder();
  for (const text of ["ab", "c"]) {
    await using file = await open(folder.file("new"), "r+", { create: true });
    await file.write(text);
  }
  assertEquals(Deno.readTextFileSync(folder.file("new")), "cb");
  await assertRejects(() => open(folder.file("other"), "r", { create: true }), Deno.errors.NotFound);
  await assertRejects(() => open(folder.file("new"), "x+", { create: true }), Deno.errors.AlreadyExists);
});

Deno.test("open() gives a new file the permissions that are asked for", async () => {
  using folder = new TempFolder();
  await using file = await open(folder.file("new"), "w", { permissions: 0o600 });
  assertEquals((await file.stat()).mode! & 0o777, 0o600);
});

Deno.test("open() says what could not be opened, by the platform's class of error", async () => {
  const error = await assertRejects(
    () => open("/no/such"),
    Deno.errors.NotFound,
    "Cannot open /no/such: No such file or directory (os error 2)",
  );
  assert(!error.message.includes("open '"));
  await assertRejects(() => open("/etc/passwd/x"), Error, "Cannot open /etc/passwd/x: Not a directory");
  await using folder = await open("/etc");
  await assertRejects(() => folder.read(), Deno.errors.IsADirectory, "Cannot read from /etc: Is a directory");
});

Deno.test("open() takes a file URL, and nothing else that is no path", async () => {
  using folder = new TempFolder();
  const path = folder.file("a é#%.txt", "text");
  await using file = await open(new URL(`file://${encodeURI(folder.path)}/a%20%C3%A9%23%25.txt`));
  assertEquals([file.name, await file.read()], [path, "text"]);
  assertThrows(() => open(new URL("https://example.com/")), TypeError, "received https://example.com/");
  for (const bad of [5, undefined, null, {}]) {
    assertThrows(() => open(bad as unknown as string), TypeError, "must be a string or a file: URL");
  }
});

Deno.test("open() refuses bad options at the call", () => {
  for (const bad of [-1, 0.5, NaN, Infinity]) {
    assertThrows(() => open("/no/such", "r", { bufferSize: bad }), RangeError, `received ${bad}`);
  }
  const encoding = "utf-7" as unknown as "utf-8";
  assertThrows(() => open("/no/such", "r", { encoding }), TypeError, '"utf-7"');
  assertThrows(() => open("/no/such", "r", { timeout: -1 }), RangeError, "-1");
});

Deno.test("open() with timeout 0 or an aborted signal opens nothing", async () => {
  using folder = new TempFolder();
  await assertRejects(
    () => open(folder.file("a"), "w", { timeout: 0 }),
    Timeout,
    `opening ${folder.file("a")}`,
  );
  const signal = AbortSignal.abort(new RangeError("no"));
  await assertRejects(() => open(folder.file("a"), "w", { signal }), RangeError, "no");
  assertEquals(folder.names(), []);
});

Deno.test("open() lets other greenlets run meanwhile, and leaves nothing to wait for", async () => {
  using folder = new TempFolder();
  const path = folder.file("a", "text");
  const log: string[] = [];
  const opener = spawn(async () => {
    await using file = await open(path);
    log.push(await file.read());
  });
  spawn(() => log.push("other"));
  await opener.get();
  assertEquals([log, getHub().stats().foreignWaits], [["other", "text"], 0]);
});
