import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { BlockingSwitchOutError, getHub, isKill, open, sleep, spawn, Timeout } from "@verdant/green";
import { captureErrors, turn } from "../../helpers.ts";
import { ScriptedFile } from "./scripted_file.ts";
import { TempFolder } from "./temp_folder.ts";

const FULL = "No space left on device (os error 28)";

Deno.test("GreenFile.close() writes what was gathered, and can be called twice", async () => {
  const raw = new ScriptedFile();
  const file = raw.text();
  await file.write("abc");
  const closing = file.close();
  assertEquals([file.closed, raw.closes], [true, 0]);
  await closing;
  await file.close();
  assertEquals([raw.said, raw.log], ["abc", ["write abc", "close"]]);
});

Deno.test("GreenFile.close() does not switch if there is nothing to wait for", async () => {
  const raw = new ScriptedFile();
  const other = spawn(() => {});
  await raw.text().close({ timeout: 0 });
  assertEquals([raw.closes, other.ready], [1, false]);
});

Deno.test("GreenFile.close() waits for the operations that were asked for before", async () => {
  const raw = new ScriptedFile("abc");
  raw.holds = true;
  const file = raw.text({ bufferSize: 0 });
  const writer = spawn(() => file.write("X"));
  const sizer = spawn(() => file.stat());
  await sleep();
  const closer = spawn(() => file.close());
  const again = spawn(() => file.close());
  await sleep();
  assertEquals([raw.log, closer.ready], [["write X"], false]);
  raw.go();
  await turn();
  assertEquals([writer.successful, raw.underWay, again.ready], [true, "stat", false]);
  raw.go();
  await again.get();
  assertEquals([closer.ready, (await sizer.get()).size, raw.log], [true, 3, ["write X", "stat", "close"]]);
});

Deno.test("GreenFile.close() tells who reads by Interrupted, who comes later by BadResource", async () => {
  const raw = new ScriptedFile();
  raw.endless = true;
  const file = raw.text({ name: "the pipe" });
  const readers = [spawn(() => file.readLine()), spawn(() => file.read(3))];
  for (const reader of readers) reader.rawlink(() => {});
  await sleep();
  using _quiet = captureErrors();
  await file.close();
  for (const reader of readers) {
    await assertRejects(
      () => reader.get(),
      Deno.errors.Interrupted,
      "Reading from the pipe ended: it was closed by the main flow",
    );
  }
  const { BadResource } = Deno.errors;
  await assertRejects(() => file.readLine(), BadResource, "Cannot read from the pipe: it was closed by");
  await assertRejects(() => file.write("x"), BadResource, "Cannot write to the pipe");
  await assertRejects(() => file.flush(), BadResource, "Cannot flush the pipe");
  await assertRejects(() => file.seek(0), BadResource, "Cannot seek in the pipe");
  assertEquals(raw.closes, 1);
});

Deno.test("GreenFile.close() ends a read that would last for ever, also one whose greenlet was killed", async () => {
  const raw = new ScriptedFile();
  raw.endless = true;
  const file = raw.text();
  const reader = spawn(() => file.readLine());
  await sleep();
  await reader.kill();
  assertEquals([raw.underWay, raw.closes], ["read", 0]);
  await file.close();
  assertEquals([raw.underWay, raw.closes], [undefined, 1]);
});

Deno.test("GreenFile.close() that cannot write the rest says so, and closes all the same", async () => {
  const raw = new ScriptedFile();
  const file = raw.text();
  await file.write("abc");
  raw.holds = true;
  const closer = spawn(() => file.close());
  await sleep();
  raw.break(new Error(FULL));
  using _quiet = captureErrors();
  await assertRejects(() => closer.get(), Error, "Cannot write to scripted: No space left");
  assertEquals(raw.closes, 1);
  await file.close();
});

Deno.test("GreenFile.close() goes on when its greenlet is killed", async () => {
  const raw = new ScriptedFile();
  const file = raw.text();
  await file.write("abc");
  raw.holds = true;
  const closer = spawn(() => file.close());
  await sleep();
  await closer.kill();
  assertEquals([closer.dead, raw.closes, file.closed], [true, 0, true]);
  raw.go();
  await file.close();
  assertEquals([raw.said, raw.closes], ["abc", 1]);
});

Deno.test("GreenFile.close() reports what it could not write if nobody waits for it any more", async () => {
  using errors = captureErrors();
  const raw = new ScriptedFile();
  const file = raw.text();
  await file.write("abc");
  raw.holds = true;
  await assertRejects(() => file.close({ timeout: 1 }), Timeout, "closing scripted");
  raw.break(new Error(FULL));
  await file.close();
  assertEquals([errors.seen.length, raw.closes], [1, 1]);
  assert(String(errors.seen[0]).includes(FULL));
});

Deno.test("GreenFile.close() begins even if a kill is due", async () => {
  const raw = new ScriptedFile();
  let refused: unknown;
  const greenlet = spawn(async () => {
    const file = raw.text();
    await file.write("abc");
    void greenlet.kill(undefined, { block: false });
    await file.close().catch((error) => refused = error);
  });
  await greenlet.join();
  await turn();
  assert(isKill(refused));
  assertEquals([raw.said, raw.closes], ["abc", 1]);
});

Deno.test("GreenFile.close() reports what it could not write if a kill was due", async () => {
  using errors = captureErrors();
  const raw = new ScriptedFile();
  const greenlet = spawn(async () => {
    const file = raw.text();
    await file.write("abc");
    raw.holds = true;
    void greenlet.kill(undefined, { block: false });
    await file.close();
  });
  await greenlet.join();
  await turn();
  raw.break(new Error(FULL));
  await turn();
  assertEquals([errors.seen.length, raw.closes], [1, 1]);
});

Deno.test("await using flushes and closes a file, after an error too", async () => {
  using folder = new TempFolder();
  const failure = new Error("in the block");
  const caught = await (async () => {
    await using file = await open(folder.file("new"), "w");
    await file.write("text");
    throw failure;
  })().catch((error) => error);
  assertStrictEquals(caught, failure);
  assertEquals(Deno.readTextFileSync(folder.file("new")), "text");
});

Deno.test("GreenFile refuses to wait in a callback of the hub", async () => {
  const raw = new ScriptedFile("abc");
  const file = raw.text();
  const refused: boolean[] = [];
  getHub().runCallback(() => {
    const calls = [
      () => file.readLine(),
      () => file.write("x"),
      () => file.flush(),
      () => file.tell(),
      () => file.stat(),
      () => file.close(),
    ];
    for (const call of calls) {
      try {
        void call();
        refused.push(false);
      } catch (error) {
        refused.push(error instanceof BlockingSwitchOutError);
      }
    }
  });
  await sleep();
  assertEquals([refused, raw.log, file.closed], [Array(6).fill(true), [], false]);
  await file.close();
});
