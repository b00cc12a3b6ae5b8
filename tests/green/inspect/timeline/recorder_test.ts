import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  Channel,
  explore,
  getHub,
  type Greenlet,
  Hub,
  joinAll,
  Lock,
  named,
  Queue,
  type RecordedEvent,
  Recorder,
  simulate,
  sleep,
  spawn,
  spawnLater,
  spawnWith,
  until,
} from "@verdant/green";
import { callerTask, expireWith, park, planWait, type Task, Waiter, WaitList } from "../../../../hub/mod.ts";
import { snapshotOf } from "../../../../green/inspect/timeline/recorder.ts";
import { turn } from "../../../helpers.ts";

/** `"woken boss by worker at 5"`. */
function tell(recorder: Recorder, names: Map<number, string>): string[] {
  const nameOf = (id: number) => names.get(id) ?? (id === getHub().root.id ? "root" : `?${id}`);
  return recorder.events().map(({ kind, id, other, time, wait }) => {
    const by = other === undefined ? "" : ` by ${nameOf(other)}`;
    return `${time} ${kind} ${nameOf(id)}${wait === undefined ? by : ` ${wait}`}`;
  });
}

/** Calls `body` in a simulation with a recorder; returns what was recorded. */
function record(body: (names: Map<number, string>) => Promise<unknown>): Promise<string[]> {
  return simulate(async () => {
    const names = new Map<number, string>();
    using recorder = new Recorder(getHub());
    await body(names);
    return tell(recorder, names);
  });
}

function spawnNamed<T>(names: Map<number, string>, name: string, fn: () => T): Greenlet<Awaited<T>> {
  const greenlet = spawnWith({ name }, fn) as Greenlet<Awaited<T>>;
  names.set(greenlet.id, name);
  return greenlet;
}

Deno.test("Recorder.events() tells who spawned, woke and ran, in order, at the times of the hub's clock", async () => {
  const told = await record(async (names) => {
    names.set(getHub().holder!.id, "body");
    const jobs = new Queue<string>();
    jobs.name = "jobs";
    const worker = spawnNamed(names, "worker", () => jobs.get());
    spawnNamed(names, "boss", async () => {
      await sleep(5);
      await jobs.put("sweep");
    });
    await worker.join();
  });
  assertEquals(told, [
    "0 spawned worker by body",
    "0 spawned boss by body",
    `0 parked body the end of #${told.length && told[2]!.match(/#(\d+)/)![1]} worker`,
    "0 switched worker",
    "0 parked worker Queue(jobs) get",
    "0 switched boss",
    "0 parked boss sleep",
    "5 woken boss",
    "5 switched boss",
    "5 woken worker by boss",
    "5 ended boss",
    "5 switched worker",
    "5 ended worker",
    "5 woken body by worker",
    "5 switched body",
  ]);
});

Deno.test("Recorder.events() leaves a mere yield to the next switch", async () => {
  const told = await record(async (names) => {
    names.set(getHub().holder!.id, "body");
    await sleep();
  });
  assertEquals(told, ["0 switched body"]);
});

Deno.test("Recorder.events() tells of kills, and who did it", async () => {
  const told = await record(async (names) => {
    names.set(getHub().holder!.id, "body");
    const victim = spawnNamed(names, "victim", () => new Lock().with(() => sleep(60_000)));
    await sleep();
    await victim.kill();
  });
  assert(told.includes("0 interrupted victim by body"), told.join("\n"));
  assert(told.includes("0 woken victim by body"));
});

Deno.test("Recorder.runs() tells who ran when, and since when", async () => {
  await simulate(async () => {
    using recorder = new Recorder(getHub());
    const worker = spawn(async function worker() {
      await sleep(10);
      await sleep(10);
    });
    await worker.join();
    const of = (since?: number) => recorder.runs(since).filter(({ id }) => id === worker.id);
    assertEquals(of().map(({ label, start, end }) => [label, start, end]), [
      ["worker", 0, 0],
      ["worker", 10, 10],
      ["worker", 20, 20],
    ]);
    assertEquals(of(9).map(({ start }) => start), [10, 20]);
    assertEquals(of(10).map(({ start }) => start), [20]);
    assertEquals(recorder.runs(1_000), []);
    assertThrows(() => recorder.runs(NaN), RangeError, "NaN");
  });
});

Deno.test("Recorder.runs() shows who runs now as running until now", async () => {
  using recorder = new Recorder(getHub());
  const greenlet = spawn(() => {
    const before = getHub().now();
    while (getHub().now() < before + 2);
    return recorder.runs().at(-1)!;
  });
  const run = await greenlet.get();
  assertEquals(run.id, greenlet.id);
  assert(run.end - run.start >= 2);
});

Deno.test("Recorder.runs() of a greenlet that yields are one after the other", async () => {
  using recorder = new Recorder(getHub());
  const body = async () => {
    for (let i = 0; i < 500; i++) await sleep();
  };
  const both = [spawn(body), spawn(body)];
  await joinAll(both);
  const runs = recorder.runs().filter(({ id }) => both.some((greenlet) => greenlet.id === id));
  assertEquals(runs.length, 2 * 501);
  for (let i = 1; i < runs.length; i++) {
    assert(runs[i]!.start >= runs[i - 1]!.end && runs[i]!.id !== runs[i - 1]!.id);
  }
});

Deno.test("Recorder shows a foreign await as neither run nor wait of the library", async () => {
  using recorder = new Recorder(getHub());
  const gate = Promise.withResolvers<void>();
  const foreign = spawn(() => gate.promise);
  const busy = spawn(async () => {
    for (let i = 0; !foreign.ready; i++) {
      await sleep();
      if (i === 500) await turn().then(() => gate.resolve());
    }
  });
  await joinAll([foreign, busy]);
  const kinds = recorder.events().filter(({ id }) => id === foreign.id).map(({ kind }) => kind);
  assertEquals(kinds, ["spawned", "switched", "detached", "ended"]);
  const states = [...snapshotOf(recorder).spans()].filter(({ id }) => id === foreign.id);
  assertEquals(states.map(({ state }) => state), ["queued", "running", "outside"]);
});

Deno.test("Recorder.labels are those at the end, also of greenlets that are gone", async () => {
  using recorder = new Recorder(getHub());
  const early = spawn(function early() {});
  early.name = "renamed";
  const late = spawn(() => sleep(60_000));
  await sleep();
  late.name = "sleeper";
  const labels = new Map(recorder.runs().map(({ id, label }) => [id, label]));
  assertEquals([labels.get(early.id), labels.get(late.id)], ["renamed", "sleeper"]);
  await late.kill();
  assertEquals(recorder.runs().at(-1)?.label, "the main flow");
});

Deno.test("Recorder keeps the newest events, and counts those it has dropped", async () => {
  await simulate(async () => {
    using recorder = new Recorder(getHub(), { capacity: 7 });
    assertEquals([recorder.capacity, recorder.dropped], [8, 0]);
    for (let i = 0; i < 20; i++) await sleep(1); // parked, woken, switched
    assertEquals(recorder.dropped, 60 - 8);
    const events = recorder.events();
    assert(events.length > 0 && events.length <= 8);
    assertEquals([events.at(-1)!.kind, events.at(-1)!.time], ["switched", 20]);
    const [waiting] = [...snapshotOf(recorder).spans()];
    assert(waiting !== undefined && waiting.start >= 17);
  });
});

Deno.test("Recorder refuses a capacity that is none, and is not attached then", () => {
  const { tracer } = getHub();
  for (const bad of [0, -1, 1.5, NaN, Infinity, 2 ** 25, "8" as never]) {
    assertThrows(() => new Recorder(getHub(), { capacity: bad }), RangeError, `received ${String(bad)}`);
  }
  assertStrictEquals(getHub().tracer, tracer);
  using recorder = new Recorder(getHub(), { capacity: 1 });
  assertEquals([recorder.capacity, recorder.active], [1, true]);
});

Deno.test("Recorder[Symbol.dispose]() stops it, twice is harmless, and it can still be read", async () => {
  const recorder = new Recorder(getHub());
  const seen = spawn(function seen() {});
  await sleep();
  recorder[Symbol.dispose]();
  recorder[Symbol.dispose]();
  spawn(function unseen() {});
  await sleep();
  assertEquals([getHub().tracer, recorder.active], [undefined, false]);
  const labels = recorder.runs().map(({ label }) => label);
  assert(labels.includes("seen") && !labels.includes("unseen"));
  assertEquals(recorder.events().filter(({ id }) => id === seen.id).length, 3);
});

Deno.test("Recorder in the middle of things infers what went on before", async () => {
  await simulate(async () => {
    const jobs = new Queue<number>();
    const waiting = spawn(() => jobs.get());
    const queued = spawn(() => {});
    const bystander = spawn(function bystander() {
      return new Queue().get();
    });
    const later = spawnLater(60_000, () => {});
    await sleep(1);
    using recorder = new Recorder(getHub());
    jobs.putNowait(1);
    await sleep(1);
    const recording = snapshotOf(recorder);
    const spans = [...recording.spans()].filter(({ id }) => id === waiting.id);
    assertEquals(spans.map(({ state }) => state), ["waiting", "queued", "running"]);
    assertEquals(recording.bystanders, [
      { id: bystander.id, wait: "Queue get" },
      { id: later.id, wait: undefined },
    ]);
    await queued.join();
    await bystander.kill();
    await later.kill();
  });
});

Deno.test("Recorder shows several waits at once as one, until the first is over", async () => {
  await simulate(async () => {
    using recorder = new Recorder(getHub());
    const [a, b] = [new Queue<number>(), new Channel<number>()];
    const both = spawn(() => Promise.all([a.get(), b.get()]));
    await sleep(1);
    a.putNowait(1);
    await sleep(1);
    await b.put(2);
    await both.join();
    const spans = [...snapshotOf(recorder).spans()].filter(({ id, state }) =>
      id === both.id && state === "waiting"
    );
    assertEquals(spans.map(({ wait }) => wait), ["Queue get and for Channel get", "Channel get"]);
    assertEquals([spans[0]!.start, spans[0]!.end, spans[1]!.end], [0, 1, 2]);
  });
});

Deno.test("Recorder keeps nothing alive that greenlets wait on", async () => {
  const { gc } = globalThis as { gc?: () => void };
  using recorder = new Recorder(getHub());
  let collected = 0;
  const registry = new FinalizationRegistry(() => collected++);
  for (let i = 0; i < 50; i++) {
    const queue = new Queue<number>();
    registry.register(queue, i);
    const getter = spawn(() => queue.get());
    registry.register(getter, i);
    await sleep();
    await queue.put(1);
    await getter.join();
  }
  if (gc === undefined) return; // run with --v8-flags=--expose-gc
  for (let i = 0; i < 10 && collected < 90; i++) {
    await until(turn());
    gc();
  }
  assert(collected >= 90, `${collected} of 100`);
  assert(recorder.events().length > 100);
});

Deno.test("Recorder spans of one greenlet never overlap, and one runs at a time, whatever the order", async () => {
  await explore(async () => {
    using recorder = new Recorder(getHub(), { capacity: 64 });
    const queue = new Queue<number>(1);
    const lock = new Lock();
    const body = async (n: number) => {
      await queue.put(n);
      await lock.with(() => sleep(n));
      await Promise.all([queue.get(), sleep(1)]);
    };
    await joinAll([1, 2, 3].map((n) => spawn(body, n)));
    const spans = [...snapshotOf(recorder).spans()];
    const last = new Map<number, number>();
    let running = -Infinity;
    for (const { id, state, start, end } of spans) {
      assert(start <= end && start >= (last.get(id) ?? -Infinity), `${state} of ${id} overlaps`);
      last.set(id, end);
      if (state !== "running") continue;
      assert(start >= running, "two run at once");
      running = end;
    }
  }, { runs: 50 });
});

Deno.test("Recorder calls what is waited on by its title, its name, or its class", async () => {
  const waitOn = (owner: object) => {
    const task = callerTask();
    const list = new WaitList("turn", owner);
    const waiter = new Waiter(task, list, undefined);
    list.push(waiter);
    return park(waiter, planWait({ timeout: 1 }, "wait"), expireWith(undefined));
  };
  await simulate(async () => {
    using recorder = new Recorder(getHub());
    await waitOn({ inspectTitle: "127.0.0.1:80", name: "ignored" });
    await waitOn(named(new Lock(), "accounts"));
    await waitOn(new Lock());
    await waitOn(Object.create(null));
    await waitOn(new (class {})());
    const waits = recorder.events().flatMap(({ wait }) => wait ?? []);
    assertEquals(waits, [
      "127.0.0.1:80 turn",
      "Lock(accounts) turn",
      "Lock turn",
      "Object turn",
      "Object turn",
    ]);
  });
});

Deno.test("Recorder: a snapshot stays as it is", async () => {
  using recorder = new Recorder(getHub(), { capacity: 16 });
  for (let i = 0; i < 10; i++) await sleep(0.1);
  const snapshot = snapshotOf(recorder);
  const before = [...snapshot.events()];
  for (let i = 0; i < 3; i++) await sleep(0.1);
  assertEquals([...snapshot.events()], before);
});

const someone = (id: number) => ({ id, label: `t${id}` }) as unknown as Task;

Deno.test("Recorder looks at the clock when a pause ends, however fast it went before", () => {
  let time = 0;
  const hub = new Hub({ clock: { now: () => time, arm() {}, disarm() {} } });
  const fast = (recorder: Recorder) => {
    for (let i = 0; i < 500; i++) {
      time += 0.0001;
      recorder.switched(someone(1));
    }
  };
  const parks = {
    task: someone(1),
    source: { what: "sleep", owner: undefined, remove() {} },
  } as unknown as Waiter;
  using recorder = new Recorder(hub);
  fast(recorder);
  time += 0.0001;
  recorder.parked(parks); // nobody else is to run
  const paused = time;
  time += 1_000;
  recorder.spawned(someone(2));
  const events = recorder.events().slice(-2);
  assertEquals(events.map(({ time, error }) => [time, error]), [[paused, 0], [paused + 1_000, 0]]);
  fast(recorder); // code outside greenlets has the token, and stops without a word
  time += 1_000;
  recorder.woken(parks);
  assertEquals([recorder.events().at(-1)!.time, recorder.events().at(-1)!.error], [time, 0]);
  assert(recorder.events().at(-2)!.time < time - 999);
});

Deno.test("Recorder works in a hub of its own, and counts from its clock", () => {
  const hub = new Hub({ clock: { now: () => 7, arm() {}, disarm() {} } });
  using recorder = new Recorder(hub);
  assertEquals(recorder.events(), [] as RecordedEvent[]);
  assertEquals(recorder.runs(), []);
});
