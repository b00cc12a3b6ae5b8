import { assert, assertEquals, assertStrictEquals, assertStringIncludes } from "@std/assert";
import {
  BlockedEvent,
  getCurrent,
  getHub,
  type Greenlet,
  Queue,
  sleep,
  spawn,
  spawnRaw,
  spawnWith,
} from "@verdant/green";
import { ALARM, ATTENTION, makeHeartbeat, SUSPECT } from "../../../../green/inspect/monitor/heartbeat.ts";
import { turn } from "../../../helpers.ts";
import { endlessSlice } from "../../trial.ts";
import { MonitorTrial } from "./monitor_trial.ts";

/** The numbers of greenlets in the table, at the place of each; 0 where there is none. */
function entered({ heartbeat }: MonitorTrial): number[] {
  return [...heartbeat.entries].filter((_, i) => i % 8 === 0);
}

Deno.test("the report afterwards says who it was, for how long, and what was said meanwhile", async () => {
  using trial = new MonitorTrial();
  const queue = new Queue<number>();
  const spawner = spawnWith({ name: "acceptor" }, async () => {
    const busy = spawn(async function busy() {
      await queue.get();
      trial.hold(140);
      await sleep(1);
    });
    await sleep(1);
    queue.putNowait(1);
    await busy.get();
    return busy;
  });
  const busy = await spawner.get();
  trial.beat();
  assertEquals(trial.blockings.length, 1);
  const { greenlet, stack, during, spawner: by, ...rest } = trial.blockings[0]!;
  assertStrictEquals(greenlet, busy);
  assertEquals(rest, {
    id: busy.id,
    name: "busy",
    held: 120, // until a beat was due, the loop may have been idle
    blocked: 120,
    spawnStack: undefined,
    lastWait: "get",
    end: "it waited for sleep",
  });
  assertEquals(by, undefined); // it has ended meanwhile
  assertEquals([during], trial.lines);
  assert(/^ {4}at busy \(\S+monitor_tracer_test\.ts:\d+:\d+\)$/m.test(stack!));
});

Deno.test("the report afterwards names the spawner", async () => {
  using trial = new MonitorTrial();
  const spawner = spawnWith({ name: "acceptor" }, async () => {
    await spawn(() => trial.hold(140)).get();
    trial.beat();
  });
  await spawner.get();
  assertEquals(trial.blockings[0]!.spawner, `#${spawner.id} acceptor`);
  assertEquals(trial.blockings[0]!.end, "it ended");
});

Deno.test("the report afterwards is there once, and not without an alarm", async () => {
  using trial = new MonitorTrial();
  await spawn(() => trial.hold(90)).get();
  trial.beat();
  assertEquals(trial.blockings.length, 0);
  await spawn(() => trial.hold(140)).get();
  trial.beat();
  trial.beat();
  assertEquals(trial.blockings.length, 1);
});

Deno.test("the report afterwards names one that let others run without waiting", async () => {
  using trial = new MonitorTrial();
  const other = spawn(async function other() {
    for (let i = 0; i < 3; i++) await sleep();
    await sleep(1);
  });
  const busy = spawn(async function busy() {
    await sleep(); // what runs first, the one who started it has on its stack
    trial.hold(140);
    await sleep();
    await sleep();
  });
  await other.get();
  await busy.get();
  trial.beat();
  const [{ name, end, stack }] = trial.blockings as [typeof trial.blockings[0]];
  assertEquals([name, end], ["busy", "it let others run"]);
  assert(/^ {4}at busy \(\S+monitor_tracer_test\.ts:\d+:\d+\)$/m.test(stack!));
});

Deno.test("the report afterwards does not take the stack of the one in whose wait a greenlet starts", async () => {
  for (const yields of [true, false]) {
    using _slice = endlessSlice();
    using trial = new MonitorTrial();
    await spawn(async function starter() {
      await sleep();
      const busy = spawn(async function busy() {
        trial.hold(140);
        if (yields) await sleep();
      });
      const innocent = spawn(async function innocent() {
        await sleep(1);
      });
      await sleep();
      await busy.get();
      await innocent.get();
    }).get();
    trial.beat();
    const [{ name, stack, end }] = trial.blockings as [typeof trial.blockings[0]];
    assertEquals([name, stack, end], ["busy", undefined, yields ? "it let others run" : "it ended"]);
  }
});

Deno.test("the report afterwards is not misled by an alarm that was withdrawn", async () => {
  using trial = new MonitorTrial();
  const { cells } = trial.heartbeat;
  const busy = spawn(async function busy() {
    await sleep(1);
    trial.hold(140);
  });
  cells[SUSPECT] = busy.id;
  Atomics.or(cells, ATTENTION, ALARM);
  await spawn(async function innocent() {
    await sleep();
  }).get();
  Atomics.and(cells, ATTENTION, ~ALARM);
  trial.beat();
  await busy.get();
  trial.beat();
  assertEquals(trial.blockings.map(({ name, end }) => [name, end]), [["busy", "it ended"]]);
});

Deno.test("the report afterwards names one that goes on to something foreign", async () => {
  using trial = new MonitorTrial();
  const { promise, resolve } = Promise.withResolvers<void>();
  const busy = spawn(async function busy() {
    trial.hold(140);
    await promise;
  });
  const other = spawn(async function other() {
    await sleep(1);
    await sleep(1);
  });
  await turn();
  trial.beat();
  assertEquals(trial.blockings.map(({ name }) => name), ["busy"]);
  resolve();
  await busy.get();
  await other.get();
});

Deno.test("the report afterwards names one that came back from something foreign", async () => {
  using trial = new MonitorTrial();
  const { promise, resolve } = Promise.withResolvers<void>();
  const busy = spawn(async function busy() {
    await promise;
    trial.hold(140);
    await sleep(1);
  });
  const other = spawn(async function other() {
    await sleep(1);
    await sleep(1);
  });
  await turn();
  await turn();
  trial.beat();
  resolve();
  await other.get();
  trial.beat();
  assertStringIncludes(trial.lines[0]!, "no greenlet that is known");
  const [blocking] = trial.blockings;
  assertEquals([blocking!.name, blocking!.lastWait], ["busy", undefined]);
  assertStrictEquals(blocking!.greenlet, busy);
  await busy.get();
});

Deno.test("the report afterwards blames nobody who only ran after code outside greenlets", async () => {
  using trial = new MonitorTrial();
  await turn();
  trial.hold(140);
  await spawn(async function innocent() {
    await sleep(1);
  }).get();
  trial.beat();
  const [blocking] = trial.blockings;
  assertEquals([blocking!.greenlet, blocking!.id, blocking!.name], [undefined, 0, "code outside greenlets"]);
  assertEquals([blocking!.end, blocking!.stack, blocking!.lastWait], [undefined, undefined, undefined]);
});

Deno.test("the report afterwards blames nobody who only ran after one that yielded and has ended", async () => {
  using trial = new MonitorTrial();
  const quick = spawn(async function busy() {
    trial.hold(140);
    await sleep();
  });
  await spawn(async function innocent() {
    await sleep(1);
  }).get();
  trial.beat();
  assertEquals(trial.blockings[0]!.name === "innocent", false);
  assertEquals(quick.ready, true);
});

Deno.test("the report afterwards names the last one of whom something was said", async () => {
  using trial = new MonitorTrial();
  const all = ["a", "b", "c"].map((name) => spawnWith({ name }, () => trial.hold(name === "b" ? 30 : 110)));
  for (const greenlet of all) await greenlet.get();
  trial.beat();
  assertEquals(trial.lines.length, 2);
  const [{ name, held, blocked }] = trial.blockings as [typeof trial.blockings[0]];
  assertEquals([name, held <= 110, blocked], ["c", true, 230]);
});

Deno.test("the report afterwards has no greenlet for one without a handle, but its name", async () => {
  using trial = new MonitorTrial();
  spawnRaw(function busy() {
    trial.hold(140);
  });
  await sleep(1);
  trial.beat();
  assertEquals([trial.blockings[0]!.greenlet, trial.blockings[0]!.name], [undefined, "busy"]);
});

Deno.test("BlockedEvent.report says all of it in lines", () => {
  const blocking = {
    greenlet: undefined,
    id: 7,
    name: "busy",
    held: 140,
    blocked: 150,
    spawner: "#3 acceptor",
    spawnStack: "    at spawned",
    lastWait: "get",
    end: "it waited for sleep",
    stack: "    at here",
    during: "",
  };
  assertEquals(new BlockedEvent(blocking).report.split("\n"), [
    'green monitor: #7 "busy" held the event loop for 140 ms',
    "  spawned by #3 acceptor",
    "    at spawned",
    "  before that, it waited for get",
    "  then it waited for sleep",
    "    at here",
  ]);
  const outside = {
    ...blocking,
    id: 0,
    name: "code outside greenlets",
    blocked: 400,
    spawner: undefined,
    spawnStack: undefined,
    lastWait: undefined,
    end: undefined,
    stack: undefined,
  };
  assertEquals(
    new BlockedEvent(outside).report,
    "green monitor: the event loop was blocked for 400 ms, of which code outside greenlets held it for 140 ms",
  );
});

Deno.test("the monitor says only the number of one for whom there is no room", async () => {
  using trial = new MonitorTrial(getHub(), makeHeartbeat(8));
  const sleepers = Array.from({ length: 8 }, () => spawn(() => sleep(60_000)));
  await sleep();
  const busy = spawnWith({ name: "busy" }, () => trial.hold(140));
  await busy.get();
  trial.beat();
  assertStringIncludes(trial.lines[0]!, `green monitor: #${busy.id} has held`);
  assertEquals(trial.blockings[0]!.name, "busy");
  for (const sleeper of sleepers) await sleeper.kill();
});

Deno.test("the monitor makes room for one that may block", async () => {
  using trial = new MonitorTrial(getHub(), makeHeartbeat(8));
  const sleepers = Array.from({ length: 8 }, () => spawn(() => sleep(60_000)));
  await sleep();
  await spawn(function allowed() {
    const self = [...getHub().tasks()].find(({ label }) => label === "allowed")!;
    trial.tracer.setMayBlock(self, true);
    trial.hold(500);
  }).get();
  assertEquals(trial.lines, []);
  for (const sleeper of sleepers) await sleeper.kill();
});

Deno.test("the monitor gives the room of those who have ended to others", async () => {
  using trial = new MonitorTrial(getHub(), makeHeartbeat(8));
  for (let i = 0; i < 30; i++) await spawn(() => sleep()).get();
  await spawnWith({ name: "busy" }, () => trial.hold(140)).get();
  assertStringIncludes(trial.lines[0]!, '"busy" has held');
});

Deno.test("the monitor goes on when its memory for texts is full, and knows the old greenlets", async () => {
  using trial = new MonitorTrial(getHub(), makeHeartbeat(1024, 300));
  const gate = new Queue<void>();
  const first = spawnWith({ name: "the first one" }, () => gate.get());
  const [old, allowed] = ["the old one", "allowed"].map((name) =>
    spawnWith({ name }, async () => {
      await gate.get();
      trial.hold(140);
    })
  ) as [Greenlet, Greenlet];
  trial.tracer.setMayBlock(allowed, true);
  await sleep();
  gate.putNowait();
  await first.get();
  for (let i = 0; i < 100; i++) {
    await spawnWith({ name: `the parent of ${i}` }, async () => {
      await spawnWith({ name: `number ${i}` }, async () => {
        await sleep(1);
        trial.hold(140);
      }).get();
      trial.beat();
    }).get();
    const names = [...trial.lines.at(-1)!.matchAll(/"(.*?)"/g)].map(([, name]) => name);
    assertEquals(names, [`number ${i}`, `the parent of ${i}`]);
    assert(trial.lines.at(-1)!.endsWith("; it last waited for sleep"));
  }
  assertEquals(trial.lines.length, 100);
  gate.putNowait();
  await old.get();
  assertStringIncludes(trial.lines[100]!, '"the old one" has held');
  assertStringIncludes(trial.lines[100]!, "spawned outside greenlets");
  trial.beat();
  gate.putNowait();
  await allowed.get();
  assertEquals(trial.lines.length, 101);
});

Deno.test("the monitor goes on when its memory for texts becomes full in the middle of a greenlet's", async () => {
  using trial = new MonitorTrial(getHub(), makeHeartbeat(1024, 300));
  const sleepers = Array.from(
    { length: 6 },
    (_, i) => spawnWith({ name: `${i} ${"long".repeat(7)}` }, () => sleep(60_000)),
  );
  await sleep();
  await spawn(async () => {
    for (let i = 0; i < 60; i++) {
      const name = `parent ${i} ${"x".repeat(30)}`;
      getCurrent()!.name = name; // a text that is new when its child starts
      await spawnWith({ name: `number ${i}` }, () => trial.hold(140)).get();
      const names = [...trial.lines.at(-1)!.matchAll(/"(.*?)"/g)].map(([, name]) => name);
      assertEquals(names, [`number ${i}`, name]);
      trial.beat();
    }
  }).get();
  for (const sleeper of sleepers) await sleeper.kill();
});

Deno.test("the monitor does not take the wait of one that has ended for that of another", async () => {
  using trial = new MonitorTrial(getHub(), makeHeartbeat(8));
  for (let i = 0; i < 8; i++) await spawn(() => sleep(1)).get();
  await spawn(() => trial.hold(140)).get();
  assert(trial.lines[0]!.endsWith("spawned outside greenlets"), trial.lines[0]);
});

Deno.test("the monitor goes on when the names of the living need more than its memory", async () => {
  using trial = new MonitorTrial(getHub(), makeHeartbeat(1024, 300));
  const sleepers = Array.from(
    { length: 100 },
    (_, i) => spawnWith({ name: `sleeper ${i}` }, () => sleep(60_000)),
  );
  await sleep();
  const busy = spawnWith({ name: "busy" }, () => trial.hold(140));
  await busy.get();
  assertStringIncludes(trial.lines[0]!, `#${busy.id} "busy" has held`);
  for (const sleeper of sleepers) await sleeper.kill();
});

Deno.test("the monitor forgets those who have ended, also if they might block", async () => {
  using trial = new MonitorTrial(getHub(), makeHeartbeat(64, 100));
  const allowed = spawn(() => {});
  trial.tracer.setMayBlock(allowed, true);
  await allowed.get();
  for (let i = 0; i < 20; i++) await spawnWith({ name: `number ${i}` }, () => {}).get();
  trial.tracer.setMayBlock(allowed, false);
  assertEquals(entered(trial).filter((id) => id !== 0), []);
});

Deno.test("the monitor enters one once that was there before it started", async () => {
  const early = spawn(() => sleep(1));
  using trial = new MonitorTrial();
  trial.tracer.setMayBlock(early, true);
  await early.get();
  assertEquals(entered(trial).includes(early.id), false);
});

Deno.test("the monitor does not mix up the waits of those whose numbers fall on the same place", async () => {
  using trial = new MonitorTrial(getHub(), makeHeartbeat(8));
  const queue = new Queue<void>();
  const old = spawn(async function old() {
    await sleep(20);
    trial.hold(140);
  });
  await sleep(1);
  for (let i = 0; i < 7; i++) await spawn(() => {}).get();
  const other = spawn(() => queue.get());
  assertEquals(other.id, old.id + 8);
  await old.get();
  assertStringIncludes(trial.lines[0]!, '"old" has held');
  assertStringIncludes(trial.lines[0]!, "it last waited for sleep");
  await other.kill();
});

Deno.test("the monitor tells the kinds of waits apart that take turns", async () => {
  using trial = new MonitorTrial();
  const queue = new Queue<void>();
  const kinds = ["get", "sleep", "join"];
  const seen: [wanted: string, said: string | undefined][] = [];
  for (const first of kinds) {
    for (const second of kinds) {
      for (const third of [first, ...kinds]) {
        const busy = spawn(async () => {
          for (const kind of [first, second, third]) {
            if (kind === "get") await queue.get();
            else if (kind === "sleep") await sleep(1);
            else await spawn(() => sleep(1)).join();
          }
          trial.hold(140);
        });
        while (!busy.ready) {
          await turn();
          if (busy.waits?.source.what === "get") queue.putNowait();
        }
        trial.beat();
        seen.push([third, /waited for (\w+)/.exec(trial.lines.at(-1)!)?.[1]]);
      }
    }
  }
  for (const [wanted, said] of seen) assertEquals(said, wanted);
});

Deno.test("the monitor says more of waits as soon as hub.debug is on, and less when it is off", async () => {
  using trial = new MonitorTrial();
  const hub = getHub();
  const queue = new Queue<void>();
  const busy = spawn(async () => {
    for (;;) {
      await queue.get();
      trial.hold(140);
    }
  });
  const lastWait = async () => {
    trial.beat();
    queue.putNowait();
    await sleep(1);
    return /waited for (.*)/.exec(trial.lines.at(-1)!)?.[1]?.replace(/at \S+/, "at place");
  };
  await sleep(1);
  assertEquals(await lastWait(), "get");
  try {
    hub.debug = true;
    await lastWait();
    assertEquals(await lastWait(), "Queue get at place");
  } finally {
    hub.debug = false;
  }
  await lastWait();
  assertEquals(await lastWait(), "Queue get"); // after an alarm, there is time to say what is waited on
  await busy.kill();
});

Deno.test("a callback of the hub that blocks is not blamed on the greenlet before it", async () => {
  using trial = new MonitorTrial();
  const before = spawn(() => sleep());
  getHub().runCallback(() => trial.hold(140));
  await before.join();
  trial.beat();
  assertEquals(trial.blockings.map(({ greenlet }) => greenlet), [undefined]);
});
