import { assert, assertEquals, assertFalse, assertStrictEquals, assertThrows } from "@std/assert";
import { BlockingSwitchOutError, Event, getHub, sleep, spawn, Timeout } from "@verdant/green";
import {
  callerTask,
  enterWait,
  EXPIRE_FALSE,
  expireThrowing,
  expireWith,
  failedWith,
  immediately,
  KILL,
  linkReady,
  planWait,
  readyWith,
  refusal,
  rejected,
  suspend,
  WaitList,
  type WaitOptions,
} from "../../hub/mod.ts";
import { captureErrors } from "../helpers.ts";

const reasonOf = (promise: Promise<unknown> | undefined) => promise!.then(() => "no error", (error) => error);

/** A primitive of four lines, as somebody outside the library would write it. */
function waitFor(list: WaitList, options?: WaitOptions, expiry = EXPIRE_FALSE): Promise<unknown> {
  const plan = planWait(options, "wait for news");
  const task = enterWait("wait for news");
  return refusal(task, plan) ?? suspend(task, list, undefined, plan, expiry);
}

Deno.test("planWait() of no options, or of empty ones, has no limit", () => {
  for (const options of [undefined, {}, { timeout: undefined, signal: undefined }, { timeout: Infinity }]) {
    const { timeout, owner, signal } = planWait(options, "wait");
    assertEquals([timeout, owner, signal], [Infinity, undefined, undefined]);
  }
});

Deno.test("planWait() leaves the limit to a Timeout that is pending, and takes it from one that is not", () => {
  const idle = new Timeout(5);
  assertEquals(planWait({ timeout: idle }, "wait").timeout, 5);
  assertStrictEquals(planWait({ timeout: idle }, "wait").owner, idle);
  using running = Timeout.start(60_000);
  assertEquals(planWait({ timeout: running }, "wait").timeout, Infinity);
  assertStrictEquals(planWait({ timeout: running }, "wait").owner, running);
  assertEquals(planWait({ timeout: new Timeout(null) }, "wait").timeout, Infinity);
});

Deno.test("enterWait() returns who calls, and throws BlockingSwitchOutError in a callback of the hub", async () => {
  assertStrictEquals(enterWait("wait"), getHub().root);
  let checked = false;
  getHub().runCallback(() => {
    assertThrows(() => enterWait("wait for news"), BlockingSwitchOutError, "Cannot wait for news here");
    checked = true;
  });
  await sleep();
  assert(checked);
  assertStrictEquals(enterWait("wait"), getHub().root);
});

Deno.test("refusal() delivers pending interruptions before an aborted signal, one for each call", async () => {
  const task = callerTask();
  const errors = [new Error("first"), new Error("second")];
  for (const error of errors) task.interrupt({ error, origin: KILL, depth: 0 });
  const plan = planWait({ signal: AbortSignal.abort("aborted") }, "wait");
  const seen = [];
  for (let i = 0; i < 3; i++) seen.push(await reasonOf(refusal(task, plan)));
  assertEquals(seen, [...errors, "aborted"]);
  assertEquals([task.pending, refusal(task, planWait(undefined, "wait"))], [undefined, undefined]);
});

Deno.test("suspend() registers and yields what wakes it", async () => {
  const list = new WaitList("news", {});
  const log: unknown[] = [];
  const greenlet = spawn(async () => log.push(await waitFor(list)));
  await sleep();
  assertEquals([list.size, log.length], [1, 0]);
  list.wakeAll("good news");
  await greenlet.join();
  assertEquals(log, ["good news"]);
});

Deno.test("suspend() with timeout 0 does not register", async () => {
  const list = new WaitList("news", {});
  const waiting = waitFor(list, { timeout: 0 });
  assertEquals([list.size, callerTask().waits], [0, undefined]);
  assertEquals(await waiting, false);
});

Deno.test("suspend() that expires leaves the list, the task and the timers as they were", async () => {
  const list = new WaitList("news", {});
  assertEquals(await waitFor(list, { timeout: 1 }), false);
  assertEquals(await waitFor(list, { timeout: 1 }, expireWith("late")), "late");
  assertEquals([list.size, callerTask().waits, getHub().stats().timers], [0, undefined, 0]);
});

Deno.test("suspend() with a throwing end makes an error for each call, but throws a Timeout that is its limit", async () => {
  const list = new WaitList("news", {});
  let made = 0;
  const expiry = expireThrowing(() => new RangeError(`late ${++made}`));
  assertEquals((await reasonOf(waitFor(list, { timeout: 1 }, expiry))).message, "late 1");
  assertEquals((await reasonOf(waitFor(list, { timeout: 0 }, expiry))).message, "late 2");
  for (const make of [() => new Timeout(1), () => Timeout.start(1), () => new Timeout(0)]) {
    const limit = make();
    assertStrictEquals(await reasonOf(waitFor(list, { timeout: limit }, expiry)), limit);
  }
  const error = new Error("of my own");
  assertStrictEquals(await reasonOf(waitFor(list, { timeout: new Timeout(1, { error }) }, expiry)), error);
  assertEquals([list.size, made], [0, 2]);
});

Deno.test("suspend() under a running Timeout that is not its limit throws that one, also where it would return", async () => {
  const list = new WaitList("news", {});
  const foreign = Timeout.start(1);
  assertStrictEquals(await reasonOf(waitFor(list, { timeout: new Timeout(60_000) })), foreign);
  assertEquals([list.size, getHub().stats().timers], [0, 0]);
});

Deno.test("suspend() ends with the reason of its signal, before it expires", async () => {
  const list = new WaitList("news", {});
  const controller = new AbortController();
  const waiting = reasonOf(waitFor(list, { timeout: 60_000, signal: controller.signal }));
  controller.abort("changed my mind");
  assertEquals(await waiting, "changed my mind");
  assertEquals([list.size, getHub().stats().timers], [0, 0]);
});

Deno.test("suspend() leaves no listener at its signal, however it ends", async () => {
  const { signal } = new AbortController();
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    listeners++;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    listeners--;
    removeEventListener.apply(signal, args);
  };
  const list = new WaitList("news", {});
  const granted = spawn(() => waitFor(list, { signal }));
  const killed = spawn(() => waitFor(list, { signal }));
  await sleep();
  assertEquals(listeners, 2);
  list.shift()!.wake(1);
  await granted.join();
  await killed.kill();
  await waitFor(list, { signal, timeout: 1 });
  await waitFor(list, { signal, timeout: 0 });
  await sleep();
  assertEquals(listeners, 0);
});

Deno.test("a grant that came first stands: a later kill, abort or time-out waits for the next wait", async () => {
  const list = new WaitList("news", {});
  const controller = new AbortController();
  const log: unknown[] = [];
  const greenlet = spawn(async () => {
    log.push(await waitFor(list, { signal: controller.signal }));
    try {
      await sleep();
      log.push("not reached");
    } finally {
      log.push("killed");
    }
  });
  await sleep();
  list.shift()!.wake("granted");
  controller.abort();
  void greenlet.kill(undefined, { block: false });
  await greenlet.join();
  assertEquals(log, ["granted", "killed"]);
});

Deno.test("an interruption that came first stands: the list grants to the next in line", async () => {
  const list = new WaitList("news", {});
  const killed = spawn(() => waitFor(list));
  const next = spawn(() => waitFor(list));
  await sleep();
  void killed.kill(undefined, { block: false });
  assertEquals(list.size, 1);
  list.shift()!.wake("granted");
  assertEquals(await next.get(), "granted");
  await killed.join();
});

Deno.test("immediately() returns, or rejects without being unhandled", async () => {
  assertEquals(await immediately(planWait({ timeout: 0 }, "wait"), expireWith("late")), "late");
  const failure = new Error("late");
  const thrown = immediately(planWait({ timeout: 0 }, "wait"), expireThrowing(() => failure));
  await sleep();
  assertStrictEquals(await reasonOf(thrown), failure);
});

Deno.test("rejected() may be looked at late", async () => {
  const failure = new Error("not yet");
  const promise = rejected(failure);
  await sleep(1);
  assertStrictEquals(await reasonOf(promise), failure);
});

Deno.test("readyWith() does not switch within a slice, and does at its end", async () => {
  const hub = getHub();
  const { switchInterval } = hub;
  const list = new WaitList("news", {});
  const run = async (interval: number) => {
    hub.switchInterval = interval;
    let othersRan = false;
    hub.runCallback(() => othersRan = true);
    let calls = 0;
    while (!othersRan && calls < 1000) {
      assertEquals(await readyWith(callerTask(), list, calls), calls);
      calls++;
    }
    hub.switchInterval = switchInterval;
    await sleep();
    return calls;
  };
  try {
    assertEquals(await spawn(run, Infinity).get(), 1000);
    assert(await spawn(run, 0).get() < 1000);
  } finally {
    hub.switchInterval = switchInterval;
  }
});

Deno.test("failedWith() rejects quietly, within a slice without a switch, and with one at its end", async () => {
  const hub = getHub();
  const { switchInterval } = hub;
  const list = new WaitList("news", {});
  const failure = new Error("no news");
  const run = async (interval: number) => {
    hub.switchInterval = interval;
    let othersRan = false;
    hub.runCallback(() => othersRan = true);
    let calls = 0;
    while (!othersRan && calls < 1000) {
      void failedWith(callerTask(), list, new Error("nobody looks"));
      assertStrictEquals(await reasonOf(failedWith(callerTask(), list, failure)), failure);
      calls++;
    }
    hub.switchInterval = switchInterval;
    await sleep();
    return calls;
  };
  try {
    assertEquals(await spawn(run, Infinity).get(), 1000);
    assert(await spawn(run, 0).get() < 1000);
  } finally {
    hub.switchInterval = switchInterval;
  }
});

/** The hub goes idle and disarms its clock. */
async function settle(): Promise<void> {
  await sleep();
  await sleep();
}

/** A `Timeout` of the caller that has fired and was not delivered. */
function firedTimeout(): Timeout {
  const limit = Timeout.start(0);
  getHub().timers.fireDue(getHub().now() + 1);
  return limit;
}

Deno.test("suspend() under a Timeout that fired before, and is its limit, ends as if it fired now", async () => {
  const list = new WaitList("news", {});
  const expiry = expireThrowing(() => new RangeError("late"));
  assertEquals(await waitFor(list, { timeout: firedTimeout() }), false);
  const limit = firedTimeout();
  assertStrictEquals(await reasonOf(waitFor(list, { timeout: limit }, expiry)), limit);
  assertEquals([list.size, callerTask().pending], [0, undefined]); // delivered, once
  await settle();
});

Deno.test("suspend() under a Timeout that fired before still throws what else is due", async () => {
  const list = new WaitList("news", {});
  const limit = firedTimeout();
  const error = new Error("a kill, say");
  callerTask().interrupt({ error, origin: KILL, depth: 0 });
  assertStrictEquals(await reasonOf(waitFor(list, { timeout: limit })), error);
  assertEquals([await waitFor(list, { timeout: limit }), callerTask().pending], [false, undefined]);
  await settle();
});

Deno.test("refusal() throws a limit that fired after the plan was made", async () => {
  using limit = Timeout.start(60_000);
  const plan = planWait({ timeout: limit }, "wait");
  getHub().timers.fireDue(getHub().now() + 60_001);
  assertStrictEquals(await reasonOf(refusal(callerTask(), plan)), limit);
  await settle();
});

Deno.test("linkReady() calls once with the source when it is ready, unless it was disposed", async () => {
  const list = new WaitList("news", {});
  const source = { ready: false };
  const log: unknown[] = [];
  linkReady(source, list, (given) => log.push("linked", given === source));
  linkReady(source, list, () => log.push("never"))[Symbol.dispose]();
  assertEquals(list.size, 1);
  list.wakeAll(undefined);
  assertEquals(log, []);
  await sleep();
  source.ready = true;
  linkReady(source, list, () => log.push("late"));
  assertEquals(list.size, 0);
  await sleep();
  assertEquals(log, ["linked", true, "late"]);
});

Deno.test("linkReady() throws TypeError with the value, and reports an error of its callback", async () => {
  using errors = captureErrors();
  const list = new WaitList("news", {});
  const link = (callback: unknown) => linkReady({ ready: true }, list, callback as () => void);
  assertThrows(() => link("later"), TypeError, "received later");
  const failure = new Error("in a link");
  link(() => {
    throw failure;
  });
  await sleep();
  assertEquals([errors.seen, list.size], [[failure], 0]);
});

Deno.test("several waits of one greenlet at once all end with one kill", async () => {
  const lists = ["a", "b", "c"].map((name) => new WaitList(name, {}));
  const outcomes: string[] = [];
  const greenlet = spawn(async () => {
    const results = await Promise.allSettled(lists.map((list) => waitFor(list)));
    outcomes.push(...results.map(({ status }) => status));
  });
  await sleep();
  await greenlet.kill();
  assertEquals(outcomes, ["rejected", "rejected", "rejected"]);
  assertEquals(lists.map((list) => list.size), [0, 0, 0]);
  assertFalse(greenlet.failed);
});

Deno.test("a wait that nobody awaits registers, and its kill is no unhandled rejection", async () => {
  const event = new Event();
  const unhandled: unknown[] = [];
  const listener = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    unhandled.push(event.reason);
  };
  globalThis.addEventListener("unhandledrejection", listener);
  try {
    const greenlet = spawn(async () => {
      void event.wait();
      void event.wait({ timeout: 60_000 });
      void event.wait({ timeout: new Timeout(60_000), signal: new AbortController().signal });
      await sleep(60_000);
    });
    await sleep();
    assertEquals(greenlet.allWaits().map(({ source }) => source.what), ["wait", "wait", "wait", "sleep"]);
    await greenlet.kill();
    await sleep(1); // the event is fired between two turns of the event loop
    await sleep(1);
  } finally {
    globalThis.removeEventListener("unhandledrejection", listener);
  }
  assertEquals([unhandled, getHub().stats().timers], [[], 0]);
});
