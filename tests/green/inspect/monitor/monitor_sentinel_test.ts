import { assertEquals, assertStringIncludes } from "@std/assert";
import { getHub, sleep, spawn, spawnWith } from "@verdant/green";
import { LAYOUT } from "../../../../green/inspect/monitor/heartbeat.ts";
import { turn } from "../../../helpers.ts";
import { endlessSlice } from "../../trial.ts";
import { MonitorTrial } from "./monitor_trial.ts";

/** Without the numbers of greenlets, which depend on the tests before. */
const plain = (lines: string[]) => lines.map((line) => line.replaceAll(/#\d+/g, "#N"));

Deno.test("the monitor says who holds the loop when that is too long, and whenever it has doubled", async () => {
  using trial = new MonitorTrial();
  await spawn(function busy() {
    trial.hold(100);
    assertEquals(trial.lines, []); // until the next beat was due, 20 ms, the loop may have been idle
    trial.hold(20);
    assertEquals(trial.lines.length, 1);
    trial.hold(80);
    assertEquals(trial.lines.length, 1);
    trial.hold(220);
  }).get();
  assertEquals(plain(trial.lines), [
    'green monitor: #N "busy" has held the event loop for 100 ms, and still does; spawned outside greenlets',
    'green monitor: #N "busy" has held the event loop for 200 ms, and still does; spawned outside greenlets',
    'green monitor: #N "busy" has held the event loop for 400 ms, and still does; spawned outside greenlets',
  ]);
});

Deno.test("the monitor names the spawner and the last wait", async () => {
  using trial = new MonitorTrial();
  await spawnWith({ name: "acceptor" }, async () => {
    await spawnWith({ name: 'parse "report"' }, async () => {
      await sleep(1);
      trial.hold(140);
    }).get();
  }).get();
  assertEquals(plain(trial.lines), [
    'green monitor: #N "parse \\"report\\"" has held the event loop for 100 ms, and still does; ' +
    'spawned by #N "acceptor"; it last waited for sleep',
  ]);
});

Deno.test("the monitor names greenlets without a name by their numbers", async () => {
  using trial = new MonitorTrial();
  const parent = spawn(() => spawn(() => trial.hold(140)).join());
  await parent.get();
  const { id } = parent;
  assertStringIncludes(trial.lines[0]!, `#${id + 1} "Greenlet-${id + 1}" has`);
  assertStringIncludes(trial.lines[0]!, `spawned by #${id} "Greenlet-${id}"`);
});

Deno.test("the monitor says that a spawner has ended", async () => {
  using trial = new MonitorTrial();
  let busy;
  await spawn(() => {
    busy = spawn(() => trial.hold(140));
  }).get();
  await busy!.get();
  assertStringIncludes(trial.lines[0]!, "spawned by a greenlet that has ended");
});

Deno.test("the monitor says with hub.debug where a greenlet was spawned and where it waited", async () => {
  const hub = getHub();
  hub.debug = true;
  try {
    using trial = new MonitorTrial();
    await spawn(async function busy() {
      await sleep(1);
      trial.hold(140);
      trial.beat();
      await sleep();
      trial.hold(140);
    }).get();
    assertEquals(trial.lines.length, 2);
    for (const line of trial.lines) {
      const [, spawned, waited] = line.split("; ");
      assertEquals(
        /^spawned outside greenlets at \S+monitor_sentinel_test\.ts:\d+:\d+$/.test(spawned!),
        true,
      );
      assertEquals(/^it last waited for sleep at \S+monitor_sentinel_test\.ts:\d+:\d+$/.test(waited!), true);
    }
    assertEquals(trial.lines[0] === trial.lines[1], false); // two places
  } finally {
    hub.debug = false;
  }
});

Deno.test("the monitor knows the greenlet that makes it", async () => {
  await spawn(function maker() {
    using trial = new MonitorTrial();
    trial.hold(120);
    assertStringIncludes(trial.lines[0]!, '"maker" has held');
  }).get();
});

Deno.test("the monitor knows greenlets that are older than it is", async () => {
  await spawn(async function older() {
    using trial = new MonitorTrial();
    await sleep();
    trial.hold(120);
    assertEquals(trial.lines.length, 1);
    assertStringIncludes(trial.lines[0]!, '"older" has held');
  }).get();
});

Deno.test("the monitor says how long the loop was blocked and how long the last one has held it", async () => {
  using trial = new MonitorTrial();
  const all = ["a", "b", "c"].map((name) => spawnWith({ name }, () => trial.hold(60)));
  for (const greenlet of all) await greenlet.get();
  assertEquals(plain(trial.lines), [
    "green monitor: the event loop has been blocked for 100 ms, for the last 40 ms of them by " +
    '#N "b", and still is; spawned outside greenlets',
  ]);
});

Deno.test("the monitor blames nobody for code outside greenlets", async () => {
  using trial = new MonitorTrial();
  await spawn(() => sleep(1)).get();
  await spawn(() => sleep()).get();
  await turn();
  trial.hold(140);
  assertEquals(trial.lines.length, 1);
  assertStringIncludes(trial.lines[0]!, "blocked for 100 ms, and still is, by no greenlet that is known");
});

Deno.test("the monitor blames nobody for what runs while greenlets that only yield let the loop turn", async () => {
  using trial = new MonitorTrial();
  let over = false;
  const yielding = spawn(async () => {
    while (!over) await sleep();
  });
  await new Promise((resolve) => setTimeout(resolve, 2));
  trial.hold(140); // in a callback of the platform
  over = true;
  await yielding.get();
  assertStringIncludes(trial.lines[0]!, "no greenlet that is known");
});

Deno.test("the monitor does not report one that awaits something foreign while the loop turns", async () => {
  using trial = new MonitorTrial();
  await spawn(async function patient() {
    for (let i = 0; i < 20; i++) {
      trial.hold(20);
      trial.beat();
      await turn();
    }
  }).get();
  assertEquals([trial.lines, trial.blockings], [[], []]);
});

Deno.test("the monitor does not take one that awaits something foreign for code outside", async () => {
  using trial = new MonitorTrial();
  const { promise, resolve } = Promise.withResolvers<void>();
  const patient = spawn(() => promise);
  await turn();
  trial.beat();
  trial.hold(140);
  assertStringIncludes(trial.lines[0]!, "no greenlet that is known");
  resolve();
  await patient.get();
});

Deno.test("the monitor knows who runs after a second wait that began at the same time", async () => {
  using _slice = endlessSlice();
  using trial = new MonitorTrial();
  const both = spawn(async () => {
    await sleep();
    await Promise.all([sleep(1), sleep(1)]);
  });
  const next = spawn(async function next() {
    await sleep();
    trial.hold(140);
  });
  await both.get();
  await next.get();
  assertStringIncludes(trial.lines[0]!, '"next" has held');
});

Deno.test("the monitor says nothing of one that let go just before", async () => {
  using trial = new MonitorTrial();
  const { cells } = trial.heartbeat;
  await spawn(function busy() {
    trial.hold(100);
    // In the middle of what the worker does, which reads the number twice.
    const { who } = LAYOUT;
    let reads = 0;
    const load = Atomics.load;
    Atomics.load = ((array: Int32Array, index: number) => {
      if (array === cells && ++reads === 2) cells[who] = 0;
      return load(array, index);
    }) as typeof Atomics.load;
    try {
      trial.hold(20);
    } finally {
      Atomics.load = load;
    }
    assertEquals(cells[LAYOUT.attention], 0);
  }).get();
  assertEquals(trial.lines, []);
  trial.beat();
  assertEquals(trial.blockings, []);
});

Deno.test("the monitor does not count time in which it was not run itself", async () => {
  using trial = new MonitorTrial();
  await spawn(function stopped() {
    trial.stopTheWorld(10_000);
    trial.hold(80);
    assertEquals(trial.lines, []);
    trial.hold(40);
  }).get();
  assertEquals(trial.lines.length, 1);
  assertStringIncludes(trial.lines[0]!, "for 100 ms");
});

Deno.test("the monitor begins anew whenever the loop has turned", async () => {
  using trial = new MonitorTrial();
  await spawn(function busy() {
    for (let i = 0; i < 5; i++) {
      trial.hold(110);
      trial.beat();
    }
    assertEquals(trial.lines, []);
    trial.hold(120);
    trial.beat();
    trial.hold(120);
  }).get();
  assertEquals(trial.lines.length, 2);
});

Deno.test("the monitor says nothing as long as those run who may block, and nothing of their time", async () => {
  using trial = new MonitorTrial();
  await spawn(async function allowed() {
    const self = [...getHub().tasks()].find(({ label }) => label === "allowed")!;
    trial.tracer.setMayBlock(self, true);
    trial.tracer.setMayBlock(self, true);
    trial.tracer.setMayBlock(self, false);
    trial.hold(500);
    const next = spawn(function next() {
      trial.hold(90);
    });
    await next.get();
    assertEquals(trial.lines, []);
    trial.tracer.setMayBlock(self, false);
    trial.hold(60);
  }).get();
  assertEquals(trial.lines.length, 1);
  assertStringIncludes(trial.lines[0]!, '"allowed"');
});

Deno.test("the monitor lets code outside greenlets block, if it may", () => {
  using trial = new MonitorTrial();
  const { root } = getHub();
  trial.tracer.setMayBlock(root, true);
  trial.hold(500);
  assertEquals(trial.lines, []);
  trial.tracer.setMayBlock(root, false);
  trial.hold(120);
  assertEquals(trial.lines.length, 1);
});
