import { assertEquals, assertStrictEquals } from "@std/assert";
import { getHub, type Greenlet, Queue, sleep, spawn, spawnWith, type Tracer } from "@verdant/green";
import type { Task, Waiter } from "../../hub/mod.ts";

/** Writes down what the tracer of the hub sees of the greenlets it is told about. */
function trace(): Disposable & { readonly log: string[]; readonly waiters: Waiter[] } {
  const hub = getHub();
  const log: string[] = [];
  const waiters: Waiter[] = [];
  const note = (what: string, task: Task, detail = "") => {
    if (task !== hub.root) log.push(`${what} ${task.label}${detail}`);
  };
  const tracer: Tracer = {
    spawned: (task) => note("spawn", task),
    parked: (waiter) => note("park", waiter.task, ` ${waiter.source.what}`),
    switched: (task, waiter) => {
      if (waiter !== undefined && task !== hub.root) waiters.push(waiter);
      note("switch", task, ` ${waiter?.source.what ?? "start"}`);
    },
    ended: (task) => note("end", task),
  };
  hub.tracer = tracer;
  return { log, waiters, [Symbol.dispose]: () => hub.tracer = undefined };
}

Deno.test("Tracer sees two greenlets hand over an item in the order it happens", async () => {
  using traced = trace();
  const queue = new Queue<number>();
  const getter = spawn(async function getter() {
    await queue.get();
  });
  const putter = spawn(async function putter() {
    await queue.put(1);
    await sleep();
  });
  await getter.join();
  await putter.join();
  assertEquals(traced.log, [
    "spawn getter",
    "spawn putter",
    "switch getter start",
    "park getter get",
    "switch putter start",
    "switch getter get",
    "end getter",
    "switch putter sleep",
    "end putter",
  ]);
});

Deno.test("Tracer.switched() names the wait that ended, of several", async () => {
  using traced = trace();
  const [first, second] = [new Queue<string>(), new Queue<string>()];
  const greenlet = spawn(async function both() {
    return await Promise.all([first.get(), second.get()]);
  });
  await sleep();
  const waits = greenlet.allWaits();
  assertEquals(waits.length, 2);
  second.putNowait("second");
  first.putNowait("first");
  assertEquals(await greenlet.get(), ["first", "second"]);
  assertStrictEquals(traced.waiters[0], waits[1]);
  assertStrictEquals(traced.waiters[1], waits[0]);
});

Deno.test("Tracer sees a kill as the end of the wait", async () => {
  using traced = trace();
  const victim = spawnWith({ name: "victim" }, () => sleep(60_000));
  await sleep();
  await victim.kill();
  assertEquals(
    traced.log,
    [
      "spawn Greenlet",
      "switch victim start",
      "park victim sleep",
      "switch victim sleep",
      "end victim",
    ].map((entry) => entry.replace("spawn Greenlet", traced.log[0]!)),
  );
});

Deno.test("Tracer sees no switch to a greenlet that is killed before its start", async () => {
  using traced = trace();
  const unborn: Greenlet<void> = spawn(function unborn() {});
  void unborn.kill(undefined, { block: false });
  await sleep();
  assertEquals(traced.log, ["spawn unborn", "end unborn"]);
});

Deno.test("Tracer sees no park where nobody has to wait", async () => {
  using traced = trace();
  const queue = new Queue<number>(Infinity, [1]);
  const greenlet = spawn(async function lucky() {
    await queue.get();
  });
  await greenlet.join();
  assertEquals(traced.log, ["spawn lucky", "switch lucky start", "end lucky"]);
});
