import { assert, assertEquals } from "@std/assert";
import {
  Counters,
  countSwitches,
  getHub,
  type Greenlet,
  Hub,
  Queue,
  simulate,
  sleep,
  spawn,
} from "@verdant/green";
import type { Task, TaskCounters, Waiter } from "../../../hub/mod.ts";

/** Keeps the thread busy. */
function compute(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** Stands for a greenlet. */
const someone = (id: number, ready = false) =>
  ({ id, label: `t${id}`, ready, links: undefined }) as unknown as Task;

/** Counters of a hub that does nothing, with a clock to set. */
function bench(): {
  counters: Counters;
  hub: Hub;
  at: (us: number, task: Task) => void;
  time: { us: number };
} {
  const time = { us: 0 };
  const hub = new Hub({ clock: { now: () => time.us / 1000, arm() {}, disarm() {} } });
  const counters = new Counters(hub);
  return {
    counters,
    hub,
    time,
    at(us, task) {
      time.us = us;
      hub.holder = task;
      counters.switched(task);
    },
  };
}

const held = (counters: Counters, task: Task) => Math.round(counters.of(task)!.held * 1e6) / 1e3;

Deno.test("countSwitches() counts switches and waits of each greenlet", async () => {
  await simulate(async () => {
    using counters = countSwitches();
    const queue = new Queue<number>();
    const yields = spawn(async () => {
      for (let i = 0; i < 5; i++) await sleep();
      await sleep(60_000);
    });
    const waits = spawn(async () => {
      for (;;) await queue.get();
    });
    await sleep(1);
    for (let i = 0; i < 3; i++) {
      await queue.put(i);
      await sleep(1);
    }
    const { held: _, ...ofYields } = counters.of(yields)!;
    assertEquals(ofYields, { switches: 6, waits: 1 });
    assertEquals([counters.of(waits)!.switches, counters.of(waits)!.waits], [4, 4]);
    const total = counters.total;
    assertEquals(total.switches >= 6 + 4 && total.waits >= 1 + 4, true);
    await yields.kill();
    await waits.kill();
  });
});

Deno.test("countSwitches() forgets a greenlet at its end, not its share of the total", async () => {
  using counters = countSwitches();
  const g = spawn(() => compute(2));
  await g.join();
  assertEquals(counters.of(g), undefined);
  assertEquals([...counters], []);
  assert(counters.total.held >= 2 && counters.total.switches >= 1);
});

Deno.test("countSwitches() has nothing of one that has not run", () => {
  using counters = countSwitches();
  const g = spawn(() => {});
  assertEquals(counters.of(g), { switches: 0, waits: 0, held: 0 });
  return void g.kill();
});

Deno.test("Counters lists those first that have held the token longest", () => {
  const { counters, at } = bench();
  const [a, b, c] = [1, 2, 3].map((id) => someone(id)) as [Task, Task, Task];
  at(0, a);
  at(100, b);
  at(1_000, c);
  at(1_400, a);
  assertEquals([...counters].map(({ id, label, held }) => [id, label, Math.round(held * 1000)]), [
    [2, "t2", 900],
    [3, "t3", 400],
    [1, "t1", 100],
  ]);
});

Deno.test("Counters leaves out a time in which nobody runs", () => {
  const { counters, at, time, hub } = bench();
  const [a, b] = [1, 2].map((id) => someone(id)) as [Task, Task];
  const parks = (us: number, task: Task) => {
    time.us = us;
    counters.parked({ task } as Waiter);
  };
  at(0, a);
  parks(30, a);
  at(10_000, b);
  time.us = 10_040;
  counters.detached();
  at(20_000, a);
  parks(20_005, b); // it has come back from a foreign await: the one who has the token goes on
  time.us = 20_050;
  hub.holder = a;
  counters.ended(a);
  assertEquals(Math.round(counters.total.held * 1000), 120);
  at(30_000, b);
  time.us = 30_001;
  assertEquals([held(counters, b), counters.of(b)!.waits], [41, 1]);
  assertEquals(Math.round(counters.total.held * 1000), 121);
});

Deno.test("Counters go on to count if somebody waits and another one is to run", () => {
  const { counters, at, time, hub } = bench();
  Object.defineProperty(hub, "hasRunnable", { value: true });
  const a = someone(1);
  at(0, a);
  time.us = 30;
  counters.parked({ task: a } as Waiter);
  at(100, someone(2));
  assertEquals(held(counters, a), 100);
});

Deno.test("Counters leaves out foreign awaits", async () => {
  using counters = countSwitches();
  const gate = Promise.withResolvers<void>();
  const foreign = spawn(() => gate.promise);
  const busy = spawn(async () => {
    while (!foreign.ready) await sleep();
  });
  await sleep(2);
  const during = counters.of(foreign)!.held;
  const total = counters.total.held;
  await sleep(20);
  assertEquals(counters.of(foreign)!.held, during);
  assert(counters.total.held > total);
  gate.resolve();
  await busy.join();
});

Deno.test("Counters.of() counts the run under way", async () => {
  using counters = countSwitches();
  const g: Greenlet<number[]> = spawn(() => {
    compute(3);
    const first = counters.of(g)!.held;
    compute(3);
    return [first, counters.of(g)!.held];
  });
  const [first, second] = await g.get();
  assert(first! >= 3 && second! >= first! + 3);
});

Deno.test("Counters are exact while switches come slowly", () => {
  const { counters, at, time } = bench();
  const [a, b] = [someone(1), someone(2)];
  at(0, a);
  at(100, b);
  at(130, a);
  at(300, b);
  time.us = 350;
  assertEquals([held(counters, a), held(counters, b)], [270, 80]);
  assertEquals(counters.total, { switches: 4, waits: 0, held: 0.35 });
});

Deno.test("Counters let switches that come fast share the time evenly, and lose none of it", () => {
  const { counters, at, time } = bench();
  const tasks = [1, 2, 3].map((id) => someone(id));
  for (let i = 0; i < 3_000; i++) at(i * 0.1, tasks[i % 3]!);
  time.us = 300;
  const shares = tasks.map((task) => held(counters, task));
  for (const share of shares) assert(Math.abs(share - 100) < 2, String(shares));
  assert(Math.abs(counters.total.held - 0.3) < 1e-9);
});

Deno.test("Counters blame one that suddenly computes as soon as it has a look at the clock of its own", () => {
  const { counters, at, time } = bench();
  const tasks = Array.from({ length: 100 }, (_, id) => someone(id + 1));
  let us = 0;
  const round = (last: number) => tasks.forEach((task, i) => at(us += i === 0 ? last : 0.1, task));
  for (let i = 0; i < 20; i++) round(0.1);
  for (let i = 0; i < 10; i++) round(10_000); // whoever ran before the first one: the last
  time.us = us;
  const last = held(counters, tasks.at(-1)!);
  const others = Math.max(...tasks.slice(0, -1).map((task) => held(counters, task)));
  assert(last > 89_000, String(last));
  assert(others < 1_000, String(others));
});

Deno.test("Counters does not count time after the switch to code outside greenlets", () => {
  const { counters, at, hub, time } = bench();
  const a = someone(1);
  at(0, a);
  at(50, hub.root);
  at(5_000, a);
  time.us = 5_020;
  assertEquals(held(counters, a), 70);
  assertEquals([counters.of(hub.root)!.switches, Math.round(counters.total.held * 1000)], [1, 70]);
});

Deno.test("Counters finds each of very many", () => {
  const { counters, at } = bench();
  const tasks = Array.from({ length: 5_000 }, (_, id) => someone(id + 1));
  for (let round = 0; round < 3; round++) tasks.forEach((task, i) => at(round * 1e6 + i * 100, task));
  assert(tasks.every((task) => counters.of(task)!.switches === 3));
  for (const task of tasks.slice(0, 4_000)) counters.ended(task);
  assertEquals([...counters].length, 1_000);
  at(9e6, someone(1)); // the same slot of the cache
  assertEquals([...counters].length, 1_001);
});

Deno.test("hub.counters are those that began last and still count", () => {
  const hub = getHub();
  assertEquals(hub.counters, undefined);
  const first = countSwitches();
  const second = countSwitches();
  assertEquals(hub.counters === second, true);
  first[Symbol.dispose]();
  assertEquals(hub.counters === second, true);
  second[Symbol.dispose]();
  second[Symbol.dispose]();
  assertEquals([hub.counters, hub.tracer, second.active], [undefined, undefined, false]);
  const other = { of: (): TaskCounters | undefined => undefined };
  hub.counters = other;
  countSwitches()[Symbol.dispose]();
  assertEquals(hub.counters === other, true);
  hub.counters = undefined;
});

Deno.test("Counters that have stopped can still be read, and count no more", async () => {
  const counters = countSwitches();
  const body = async () => {
    for (let i = 0; i < 10; i++) await sleep();
    await sleep(60_000);
  };
  const both = [spawn(body), spawn(body)];
  await sleep();
  counters[Symbol.dispose]();
  const { total } = counters;
  const of = counters.of(both[0]!);
  await sleep(1);
  assertEquals([counters.total, counters.of(both[0]!)], [total, of]);
  for (const g of both) await g.kill();
});
