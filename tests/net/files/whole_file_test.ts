import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { readBytes, readText, sleep, spawn, Timeout, writeFile } from "@verdant/green";
import { turn } from "../../helpers.ts";
import { bytes } from "../network.ts";
import { TempFolder } from "./temp_folder.ts";

Deno.test("writeFile(), readText() and readBytes() write and read whole files", async () => {
  using folder = new TempFolder();
  const path = folder.file("a");
  for (const atomic of [false, true]) {
    await writeFile(path, "é", { atomic });
    assertEquals([await readText(path), await readBytes(path)], ["é", bytes("é")]);
    await writeFile(path, Uint8Array.of(1, 2, 3), { atomic });
    assertEquals(await readBytes(new URL(`file://${path}`)), Uint8Array.of(1, 2, 3));
    await writeFile(path, "", { atomic });
    assertEquals(await readText(path), "");
  }
  assertEquals(folder.names(), ["a"]);
});

Deno.test("readText(), readBytes() and writeFile() name the file that fails", async () => {
  const { NotFound } = Deno.errors;
  await assertRejects(() => readText("/no/such"), NotFound, "Cannot read /no/such: No such file");
  await assertRejects(() => readBytes("/no/such"), NotFound, "Cannot read /no/such: No such file");
  for (const atomic of [false, true]) {
    await assertRejects(
      () => writeFile("/no/such", "x", { atomic }),
      NotFound,
      "Cannot write /no/such: No such file",
    );
  }
});

Deno.test("writeFile() refuses bad arguments at the call", () => {
  assertThrows(() => writeFile("/no/such", 5 as unknown as string), TypeError, "received 5");
  assertThrows(() => writeFile(5 as unknown as string, ""), TypeError, "received 5");
  assertThrows(() => readText("/no/such", { timeout: -1 }), RangeError, "-1");
});

Deno.test("writeFile() gives a new file the permissions that are asked for", async () => {
  using folder = new TempFolder();
  for (const atomic of [false, true]) {
    const path = folder.file(`${atomic}`);
    await writeFile(path, "x", { atomic, permissions: 0o600 });
    assertEquals(Deno.statSync(path).mode! & 0o777, 0o600);
  }
});

Deno.test("writeFile() with atomic keeps the permissions, and what is linked stays linked", async () => {
  using folder = new TempFolder();
  const path = folder.file("a", "old");
  Deno.chmodSync(path, 0o666);
  Deno.symlinkSync(path, folder.file("link"));
  await writeFile(folder.file("link"), "new", { atomic: true });
  assertEquals([Deno.readTextFileSync(path), Deno.statSync(path).mode! & 0o777], ["new", 0o666]);
  assert(Deno.lstatSync(folder.file("link")).isSymlink);
  assertEquals(folder.names(), ["a", "link"]);
});

/** Tells when the replacing of a file has come to its end: the draft was renamed or removed. */
function endsOfReplacing(): Disposable & { next(): Promise<void> } {
  const { rename, remove } = Deno;
  let end = Promise.withResolvers<void>();
  Deno.rename = (...args) => rename(...args).then(() => end.resolve());
  Deno.remove = (...args) => remove(...args).finally(() => end.resolve());
  return {
    next() {
      end = Promise.withResolvers();
      return end.promise;
    },
    [Symbol.dispose]: () => void Object.assign(Deno, { rename, remove }),
  };
}

Deno.test("writeFile() with atomic that is killed leaves the file as it was, or whole, and nothing beside it", async () => {
  using folder = new TempFolder();
  using ends = endsOfReplacing();
  const path = folder.file("a", "old");
  const whole = "new".repeat(1000);
  const outcomes: string[] = [];
  for (let turns = 1; turns < 40; turns++) {
    Deno.writeTextFileSync(path, "old");
    const ended = ends.next();
    const victim = spawn(() => writeFile(path, whole, { atomic: true }));
    for (let i = 0; i < turns; i++) await turn();
    await victim.kill();
    await ended;
    outcomes.push(Deno.readTextFileSync(path));
    assertEquals(folder.names(), ["a"]);
  }
  assertEquals(outcomes[0], "old");
  for (const text of outcomes) assert(text === "old" || text === whole, text);
});

Deno.test("writeFile() with atomic that cannot be renamed leaves nothing beside it", async () => {
  using folder = new TempFolder();
  Deno.mkdirSync(folder.file("taken"));
  await assertRejects(() => writeFile(folder.file("taken"), "x", { atomic: true }), Error, "Cannot write");
  assertEquals(folder.names(), ["taken"]);
});

Deno.test("writeFile() with timeout 0 writes nothing", async () => {
  using folder = new TempFolder();
  await assertRejects(() => writeFile(folder.file("a"), "x", { timeout: 0 }), Timeout, "writing");
  assertEquals(folder.names(), []);
});

Deno.test("readText() of a pipe can be killed and timed out", async () => {
  using folder = new TempFolder();
  const path = folder.file("pipe");
  new Deno.Command("mkfifo", { args: [path] }).outputSync();
  using pipe = Deno.openSync(path, { read: true, write: true });
  await assertRejects(() => readText(path, { timeout: 5 }), Timeout, `reading ${path}`);
  const victim = spawn(() => readBytes(path));
  await sleep(1);
  await victim.kill();
  assert(victim.dead);
  pipe.writeSync(new Uint8Array(2)); // reads of the platform that were given up end with this
});
