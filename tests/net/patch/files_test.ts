import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { patch, sleep, spawn, Timeout, withTimeout } from "@verdant/green";
import { dump } from "@verdant/green/hub";
import { makePipe, readerIsGone } from "./pipes.ts";

const text = (chunk: Uint8Array) => new TextDecoder().decode(chunk);

/** Runs in a greenlet with the files patched, and gives it a folder. */
function fileTest(name: string, fn: (folder: string) => Promise<void>): void {
  Deno.test({
    name,
    ignore: Deno.build.os === "windows", // there are no named pipes of this kind
    async fn() {
      const folder = await Deno.makeTempDir();
      try {
        using _patches = patch({ files: true });
        await spawn(fn, folder).get();
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

/** A pipe that nobody writes to: what reads it waits. */
function pipeIn(folder: string): string {
  return makePipe(`${folder}/pipe`);
}

async function readText(file: Deno.FsFile, size: number): Promise<string | null> {
  const buffer = new Uint8Array(size);
  const count = await file.read(buffer);
  return count === null ? null : text(buffer.subarray(0, count));
}

fileTest("the functions of Deno for files work in greenlets as they do outside", async (folder) => {
  const path = `${folder}/a`;
  await Deno.writeTextFile(path, "hello");
  assertEquals(await Deno.readTextFile(path), "hello");
  await Deno.rename(path, `${folder}/b`);
  assertEquals((await Deno.stat(`${folder}/b`)).size, 5);
  await assertRejects(() => Deno.readFile(path), Deno.errors.NotFound);
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) names.push(name);
  assertEquals(names, ["b"]);
});

fileTest(
  "Deno.readFile() of a pipe that nobody writes to can be killed, and reports say so",
  async (folder) => {
    const path = pipeIn(folder);
    using keeper = Deno.openSync(path, { read: true, write: true });
    const reader = spawn(() => Deno.readFile(path));
    await sleep();
    assertStringIncludes(dump(), "waits for Deno.readFile");
    assert(await reader.kill());
    keeper.writeSync(new Uint8Array(1)); // the platform's thread comes back
  },
);

fileTest("Deno.readTextFile() with a signal is aborted by it", async (folder) => {
  await Deno.writeTextFile(`${folder}/a`, "hello");
  const signal = AbortSignal.abort(new Error("enough"));
  await assertRejects(() => Deno.readTextFile(`${folder}/a`, { signal }), Error, "enough");
});

fileTest("Deno.writeTextFile() with a kill that is due writes nothing", async (folder) => {
  const victim = spawn(async () => {
    victim.kill(undefined, { block: false });
    await Deno.writeTextFile(`${folder}/a`, "hello");
  });
  await victim.join();
  assertThrows(() => Deno.statSync(`${folder}/a`), Deno.errors.NotFound);
});

fileTest("Deno.open() that is interrupted closes the file that comes too late", async (folder) => {
  const path = pipeIn(folder);
  await assertRejects(() => withTimeout(1, () => Deno.open(path)), Timeout); // waits for one who writes
  await readerIsGone(path);
});

fileTest("Deno.FsFile.read() of a pipe that is killed loses no byte", async (folder) => {
  using file = await Deno.open(pipeIn(folder), { read: true, write: true });
  const victim = spawn(() => readText(file, 10));
  await sleep(1);
  await victim.kill();
  file.writeSync(new TextEncoder().encode("kept"));
  assertEquals(await readText(file, 10), "kept");
});

fileTest("Deno.FsFile.read() that is killed leaves the bytes to the next", async (folder) => {
  await Deno.writeTextFile(`${folder}/a`, "0123456789");
  using file = await Deno.open(`${folder}/a`);
  await interruptedRead(file, 4);
  assertEquals([await readText(file, 2), await readText(file, 9), await readText(file, 9)], [
    "01",
    "23",
    "456789",
  ]);
  assertEquals(await readText(file, 1), null);
});

async function interruptedRead(file: Deno.FsFile, size: number): Promise<void> {
  const victim = spawn(() => readText(file, size));
  await sleep();
  victim.kill(undefined, { block: false });
  await victim.join();
}

fileTest("Deno.FsFile.seek() goes by what was read by somebody", async (folder) => {
  await Deno.writeTextFile(`${folder}/a`, "0123456789");
  using file = await Deno.open(`${folder}/a`);
  await interruptedRead(file, 4);
  assertEquals(await file.seek(2, Deno.SeekMode.Current), 2);
  assertEquals(await readText(file, 1), "2");
  await interruptedRead(file, 4);
  assertEquals(await file.seek(1n, Deno.SeekMode.Start), 1);
  assertEquals(await readText(file, 1), "1");
  assertEquals(await file.seek(1, Deno.SeekMode.Current), 3); // as ever
});

fileTest("Deno.FsFile.write() writes where the last reader left off", async (folder) => {
  await Deno.writeTextFile(`${folder}/a`, "0123456789");
  using file = await Deno.open(`${folder}/a`, { read: true, write: true });
  assertEquals(await readText(file, 1), "0");
  await interruptedRead(file, 4);
  await file.write(new TextEncoder().encode("ab"));
  assertEquals(await Deno.readTextFile(`${folder}/a`), "0ab3456789");
  assertEquals(await readText(file, 9), "3456789");
});

fileTest("Deno.FsFile.write() to a pipe leaves alone what was read for nobody", async (folder) => {
  using file = await Deno.open(pipeIn(folder), { read: true, write: true });
  const victim = spawn(() => readText(file, 4));
  await sleep(1);
  await victim.kill();
  file.writeSync(new TextEncoder().encode("kept"));
  await file.write(new TextEncoder().encode("more"));
  assertEquals([await readText(file, 10), await readText(file, 10)], ["kept", "more"]);
});

fileTest("Deno.FsFile.readable is read through the hub", async (folder) => {
  await Deno.writeTextFile(`${folder}/a`, "hello");
  const file = await Deno.open(`${folder}/a`);
  let seen = "";
  for await (const chunk of file.readable) seen += text(chunk);
  assertEquals(seen, "hello");
});

fileTest("Deno.readDir() that is interrupted ends", async (folder) => {
  for (let i = 0; i < 5; i++) await Deno.writeTextFile(`${folder}/${i}`, "");
  const seen: string[] = [];
  const lister = spawn(async () => {
    for await (const { name } of Deno.readDir(folder)) {
      seen.push(name);
      lister.kill(undefined, { block: false });
    }
  });
  await lister.join();
  assertEquals(seen.length, 1);
});
