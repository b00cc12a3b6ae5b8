import { assert, assertEquals, assertFalse, assertStrictEquals } from "@std/assert";
import { Event, getHub, sleep, spawn } from "@verdant/green";
import { callerTask, Waiter, WaitList } from "../../hub/mod.ts";
import { turn } from "../helpers.ts";

function makeWaiter(value?: unknown): { waiter: Waiter; list: WaitList } {
  const list = new WaitList("news", {});
  const task = callerTask();
  const waiter = new Waiter(task, list, value);
  task.addWait(waiter);
  list.push(waiter);
  return { waiter, list };
}

Deno.test("Waiter.wake() settles the promise with the value, not before the hub dispatches it", async () => {
  const { waiter, list } = makeWaiter("brought");
  const log: unknown[] = [];
  waiter.promise.then((value) => log.push(value));
  assertEquals([waiter.value, waiter.waiting], ["brought", true]);
  list.shift()!.wake("granted");
  assertFalse(waiter.waiting);
  assertEquals(callerTask().waits, undefined);
  await Promise.resolve();
  assertEquals(log, []);
  await sleep();
  assertEquals(log, ["granted"]);
});

Deno.test("Waiter.fail() rejects the promise with the very error", async () => {
  const { waiter, list } = makeWaiter();
  const failure = new Error("shut down");
  list.shift()!.fail(failure);
  assertStrictEquals(await waiter.promise.catch((error) => error), failure);
});

Deno.test("Waiter.fail() passes on what is no Error, a promise included, as it is", async () => {
  for (const reason of [undefined, "text", Promise.resolve("inner")]) {
    const { waiter, list } = makeWaiter();
    list.shift()!.fail(reason);
    const [result] = await Promise.allSettled([waiter.promise]);
    assert(result.status === "rejected");
    assertStrictEquals(result.reason, reason);
  }
});

Deno.test("Waiter.interrupt() takes it out of its list, and the next in line keeps its place", async () => {
  const { waiter, list } = makeWaiter();
  const next = new Waiter(callerTask(), list, undefined);
  callerTask().addWait(next);
  list.push(next);
  const failure = new Error("enough");
  waiter.interrupt(failure);
  assertStrictEquals(list.first, next);
  assertStrictEquals(callerTask().waits, next);
  assertStrictEquals(await waiter.promise.catch((error) => error), failure);
  list.shift()!.wake(1);
  assertEquals(await next.promise, 1);
});

Deno.test("Waiter cancels its timer when it is granted", async () => {
  const hub = getHub();
  const { waiter, list } = makeWaiter();
  waiter.timer = hub.timers.add(hub.now() + 60_000, true, () => {}, waiter);
  list.shift()!.wake(1);
  assertEquals([waiter.timer.active, hub.stats().timers], [false, 0]);
  await waiter.promise;
});

Deno.test("Waiter that fails and that nobody looks at is no unhandled rejection", async () => {
  const unhandled: unknown[] = [];
  const listener = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    unhandled.push(event.reason);
  };
  globalThis.addEventListener("unhandledrejection", listener);
  try {
    for (let i = 0; i < 10; i++) {
      const { list } = makeWaiter();
      list.shift()!.fail(new Error("nobody looks"));
    }
    await sleep(1); // the event is fired between two turns of the event loop
    await sleep(1);
  } finally {
    globalThis.removeEventListener("unhandledrejection", listener);
  }
  assertEquals(unhandled, []);
});

Deno.test("Waiter promises of one greenlet settle in the order of the grants", async () => {
  const log: string[] = [];
  const greenlet = spawn(async () => {
    const [a, b] = [makeWaiter(), makeWaiter()];
    const all = Promise.all([
      a.waiter.promise.then(() => log.push("a")),
      b.waiter.promise.then(() => log.push("b")),
    ]);
    b.list.shift()!.wake(0);
    a.list.shift()!.wake(0);
    callerTask().hub.release(callerTask());
    await all;
  });
  await greenlet.get();
  assertEquals(log, ["b", "a"]);
});

Deno.test("Waiter of a greenlet that has ended does not take the run token", async () => {
  const hub = getHub();
  const gate = new Event();
  const order: string[] = [];
  const leaver = spawn(() => {
    void gate.wait().then(() => order.push("left behind"));
  });
  await leaver.join();
  gate.set();
  await Promise.all([turn(), turn()]);
  await turn();
  assertEquals([order, hub.stats().detached, hub.holder === leaver], [["left behind"], 0, false]);
  assertEquals(await hub.join({ timeout: 1000 }), true);
});
