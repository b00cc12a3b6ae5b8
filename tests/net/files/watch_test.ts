import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type FileEvent, getHub, simulate, sleep, spawn, Timeout, watch } from "@verdant/green";
import { captureErrors, turn } from "../../helpers.ts";
import { ScriptedWatcher } from "./scripted_watcher.ts";
import { TempFolder } from "./temp_folder.ts";

const SOON = { timeout: 10_000 };
const say = (event: FileEvent | null) => event && `${event.kind} ${event.paths.join("+")}`;

Deno.test("watch() tells what happens in a folder, from the call on", async () => {
  using folder = new TempFolder();
  using watcher = watch(folder.path);
  const path = folder.file("a", "text");
  assertEquals(say(await watcher.receive(SOON)), `create ${path}`);
  Deno.removeSync(path);
  for (;;) if (say(await watcher.receive(SOON)) === `remove ${path}`) break;
});

Deno.test("watch() watches several paths, file URLs too", async () => {
  using one = new TempFolder();
  using other = new TempFolder();
  using watcher = watch([one.path, new URL(`file://${other.path}`)]);
  assertEquals([watcher.paths, `${watcher}`], [[one.path, other.path], `${one.path}, ${other.path}`]);
  const paths = [one.file("a", ""), other.file("b", "")];
  const seen = new Set<string>();
  while (seen.size < 2) for (const path of (await watcher.receive(SOON))!.paths) seen.add(path);
  assertEquals([...seen].sort(), paths.sort());
});

Deno.test("watch() looks into the folders of a folder unless recursive is false", async () => {
  for (const recursive of [true, false]) {
    using folder = new TempFolder();
    Deno.mkdirSync(folder.file("inner"));
    using watcher = watch(folder.path, { recursive });
    const inner = folder.file("inner/a", "");
    const outer = folder.file("b", "");
    let told = false;
    for (let event = await watcher.receive(SOON);; event = await watcher.receive(SOON)) {
      if (event!.paths.includes(inner)) told = true;
      if (event!.paths.includes(outer)) break;
    }
    assertEquals(told, recursive);
  }
});

Deno.test("watch() refuses what it cannot watch at the call", () => {
  assertThrows(() => watch("/no/such"), Deno.errors.NotFound, "Cannot watch /no/such: No path was found");
  assertThrows(() => watch([]), TypeError, "must not be empty");
  assertThrows(() => watch(5 as unknown as string), TypeError, "received 5");
  assertThrows(() => watch("/tmp", { debounce: -1 }), RangeError, "-1");
});

Deno.test("FileWatcher keeps what happens while nobody asks, and drops what repeats the last", async () => {
  const source = new ScriptedWatcher();
  using watcher = source.watcher();
  source.tell("create", "a");
  for (let i = 0; i < 3; i++) source.tell("modify", "a");
  source.tell("remove", "a");
  await turn();
  const events = [await watcher.receive(), await watcher.receive(), await watcher.receive()];
  assertEquals(events.map(say), ["create a", "modify a", "remove a"]);
  await assertRejects(() => watcher.receive({ timeout: 0 }), Timeout, "waiting for an event of /root");
});

Deno.test("FileWatcher says overflow if there is more than it keeps, or the system has lost something", async () => {
  const source = new ScriptedWatcher();
  using watcher = source.watcher({ capacity: 2 });
  for (const path of ["a", "b", "c", "d"]) source.tell("create", path);
  await turn();
  assertEquals([say(await watcher.receive()), say(await watcher.receive())], ["overflow /root", "create d"]);
  source.push({ kind: "other", paths: [], flag: "rescan" });
  assertEquals(say(await watcher.receive()), "overflow /root");
});

Deno.test("FileWatcher gives each event to one receiver, in the order in which they asked", async () => {
  const source = new ScriptedWatcher();
  using watcher = source.watcher();
  const receivers = [1, 2, 3].map(() => spawn(() => watcher.receive()));
  await sleep();
  await receivers[0]!.kill();
  source.tell("create", "a");
  source.tell("create", "b");
  assertEquals([say(await receivers[1]!.get()!), say(await receivers[2]!.get())], ["create a", "create b"]);
});

Deno.test("FileWatcher loses nothing when its receiver is killed or times out", async () => {
  const source = new ScriptedWatcher();
  using watcher = source.watcher();
  const victim = spawn(() => watcher.receive());
  await sleep();
  await victim.kill();
  await assertRejects(() => watcher.receive({ timeout: 1 }), Timeout);
  source.tell("create", "a");
  assertEquals([say(await watcher.receive()), getHub().stats().foreignWaits], ["create a", 0]);
});

Deno.test("FileWatcher keeps the process alive only while somebody waits", async () => {
  const source = new ScriptedWatcher();
  using watcher = source.watcher();
  const states = [source.referenced];
  const [one, two] = [spawn(() => watcher.receive()), spawn(() => watcher.receive())];
  await sleep();
  states.push(source.referenced);
  await one.kill();
  states.push(source.referenced);
  source.tell("create", "a");
  await two.get();
  states.push(source.referenced);
  assertEquals(states, [false, true, true, false]);
});

Deno.test("FileWatcher.close() ends loops and waits, and can be called twice", async () => {
  const source = new ScriptedWatcher();
  const watcher = source.watcher();
  const seen: (string | null)[] = [];
  const looper = spawn(async () => {
    for await (const event of watcher) seen.push(say(event));
  });
  const receiver = spawn(() => watcher.receive());
  source.tell("create", "a");
  await sleep();
  await turn();
  source.tell("create", "b");
  watcher.close();
  watcher.close();
  await looper.join();
  assertEquals([seen, await receiver.get(), await watcher.receive()], [["create a"], null, null]);
  assertEquals([source.closes, watcher.closed], [1, true]);
});

Deno.test("FileWatcher is closed when its loop is left, or its greenlet is killed", async () => {
  for (const where of ["break", "step", "body"]) {
    const source = new ScriptedWatcher();
    const watcher = source.watcher();
    const looper = spawn(async () => {
      for await (const _ of watcher) {
        if (where === "break") break;
        if (where === "body") await sleep(60_000);
      }
    });
    source.tell("create", "a");
    await sleep();
    await turn();
    assertEquals(source.closes, where === "break" ? 1 : 0);
    await looper.kill();
    assertEquals([source.closes, watcher.closed], [1, true]);
  }
});

Deno.test("FileWatcher tells an error of the platform, after what came before", async () => {
  const source = new ScriptedWatcher();
  using watcher = source.watcher();
  source.tell("create", "a");
  await turn();
  source.break(new Error("Too many open files (os error 24)"));
  await turn();
  assertEquals(say(await watcher.receive()), "create a");
  for (let i = 0; i < 2; i++) {
    await assertRejects(() => watcher.receive(), Error, "Cannot watch /root: Too many");
  }
});

Deno.test("FileWatcher tells those who wait of an error", async () => {
  using _quiet = captureErrors();
  const source = new ScriptedWatcher();
  using watcher = source.watcher();
  const receivers = [1, 2].map(() => spawn(() => watcher.receive()));
  await sleep();
  source.break(new Error("Too many open files (os error 24)"));
  for (const receiver of receivers) await assertRejects(() => receiver.get(), Error, "Too many");
  assertEquals(getHub().stats().foreignWaits, 0);
});

/** What has come until now. */
async function received(receive: () => Promise<FileEvent | null>): Promise<string | null> {
  return say(
    await receive().catch((error) => {
      assert(error instanceof Timeout);
      return null;
    }),
  );
}

Deno.test("watch() with debounce tells a burst as one event once it is quiet", async () => {
  await simulate(async (world) => {
    const source = new ScriptedWatcher();
    using watcher = source.watcher({ debounce: 100 });
    const now = () => received(() => watcher.receive({ timeout: 0 }));
    source.tell("create", "a");
    await world.advance(60);
    source.tell("modify", "a");
    await world.advance(60);
    source.tell("create", "b");
    await world.advance(99);
    assertEquals(await now(), null);
    await world.advance(1);
    assertEquals([await now(), await now()], ["several a+b", null]);
    source.tell("modify", "a");
    source.tell("modify", "b");
    await world.advance(100);
    assertEquals(await now(), "modify a+b");
  });
});

Deno.test("watch() with debounce tells a burst that nobody took together with the next", async () => {
  await simulate(async (world) => {
    const source = new ScriptedWatcher();
    using watcher = source.watcher({ debounce: 100 });
    const now = () => received(() => watcher.receive({ timeout: 0 }));
    source.tell("modify", "a");
    await world.advance(500);
    source.tell("modify", "b");
    await world.advance(50);
    assertEquals(await now(), null);
    await world.advance(50);
    assertEquals(await now(), "modify a+b");
  });
});

Deno.test("watch() with debounce tells a burst without end after ten times as long", async () => {
  await simulate(async (world) => {
    const source = new ScriptedWatcher();
    using watcher = source.watcher({ debounce: 100 });
    const at: number[] = [];
    for (let ms = 0; ms < 2_500; ms += 50) {
      source.tell("modify", `${ms}`);
      await world.advance(50);
      if (await received(() => watcher.receive({ timeout: 0 })) !== null) at.push(world.now);
    }
    assertEquals(at, [1_000, 2_000]);
  });
});

Deno.test("watch() with debounce wakes the one who waits, and leaves no timer when it is closed", async () => {
  const source = new ScriptedWatcher();
  const watcher = source.watcher({ debounce: 1 });
  const receiver = spawn(() => watcher.receive(SOON)); // a burst's own timer keeps nothing alive
  await sleep();
  source.tell("modify", "a");
  source.tell("modify", "b");
  assertEquals(say(await receiver.get()), "modify a+b");
  source.tell("modify", "a");
  await turn();
  watcher.close();
  assertEquals(getHub().stats().timers, 0);
});
