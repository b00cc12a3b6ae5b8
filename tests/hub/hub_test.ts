import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  BlockingSwitchOutError,
  Event,
  getHub,
  type Greenlet,
  Hub,
  joinAll,
  Queue,
  Semaphore,
  sleep,
  spawn,
  type Tracer,
  until,
} from "@verdant/green";
import { captureErrors, turn } from "../helpers.ts";

Deno.test("Hub runs one greenlet at a time: code between two waits is atomic across plain awaits", async () => {
  const log: string[] = [];
  const helper = async (entry: string) => {
    await Promise.resolve();
    log.push(entry);
    await null;
  };
  const body = async (name: string) => {
    await helper(`${name}1`);
    await helper(`${name}2`);
    await sleep();
    await helper(`${name}3`);
  };
  await joinAll([spawn(body, "a"), spawn(body, "b")]);
  assertEquals(log, ["a1", "a2", "b1", "b2", "a3", "b3"]);
});

Deno.test("Hub resumes in the order in which the greenlets became ready", async () => {
  const log: number[] = [];
  const gates = [new Event(), new Event(), new Event()];
  const greenlets = gates.map((gate, i) =>
    spawn(async () => {
      await gate.wait();
      log.push(i);
    })
  );
  await sleep();
  for (const i of [2, 0, 1]) gates[i]!.set();
  await joinAll(greenlets);
  assertEquals(log, [2, 0, 1]);
});

const readyOperations: Record<string, () => () => Promise<unknown>> = {
  "Queue.get() of a filled queue": () => {
    const queue = new Queue<number>(Infinity, [0]);
    return async () => {
      queue.putNowait(1);
      await queue.get();
    };
  },
  "Semaphore.acquire() of a free one": () => {
    const semaphore = new Semaphore(1);
    return async () => {
      await semaphore.acquire();
      semaphore.release();
    };
  },
  "Event.wait() of a set one": () => {
    const event = new Event();
    event.set();
    return () => event.wait();
  },
  "sleep(0)": () => () => sleep(),
  "Event.wait() with timeout 0": () => () => new Event().wait({ timeout: 0 }),
  "Queue.get() with timeout 0": () => () => new Queue().get({ timeout: 0 }).catch(() => {}),
  "Event.wait() with an aborted signal": () => () =>
    new Event().wait({ signal: AbortSignal.abort() }).catch(() => {}),
  "Hub.join() with timeout 0": () => () => getHub().join({ timeout: 0 }),
  "until() of a function that throws": () => () =>
    until(() => {
      throw new Error("always");
    }).catch(() => {}),
};

for (const [name, make] of Object.entries(readyOperations)) {
  Deno.test(`Hub lets timers and the event loop run during a loop of ${name}`, async () => {
    const operation = make();
    let timerFired = false;
    let loopTurned = false;
    setImmediate(() => loopTurned = true);
    const timer = setTimeout(() => timerFired = true, 1);
    const greenlet = spawn(async () => {
      while (!timerFired || !loopTurned) await operation(); // for ever, if the loop starves them
    });
    assert(await greenlet.join({ timeout: 10_000 }));
    clearTimeout(timer);
  });
}

Deno.test("Hub takes the token back from a greenlet that awaits something foreign, and runs the others", async () => {
  const log: string[] = [];
  const foreign = Promise.withResolvers<void>();
  const waiting = spawn(async () => {
    log.push("before");
    await foreign.promise;
    log.push("after");
    await sleep();
    log.push("rejoined");
  });
  const other = spawn(async () => {
    for (let i = 0; i < 3; i++) {
      log.push(`other${i}`);
      await sleep();
    }
    assertEquals(getHub().stats().detached, 1);
    foreign.resolve();
  });
  await joinAll([waiting, other]);
  assertEquals(log, ["before", "other0", "other1", "other2", "after", "rejoined"]);
  assertEquals(getHub().stats().detached, 0);
});

Deno.test("Hub delivers a kill to a detached greenlet at its next wait", async () => {
  const foreign = Promise.withResolvers<void>();
  const log: string[] = [];
  const greenlet = spawn(async () => {
    await foreign.promise;
    log.push("came back");
    await sleep();
    log.push("never");
  });
  await turn();
  await sleep();
  await greenlet.kill(undefined, { block: false });
  foreign.resolve();
  await greenlet.join();
  assertEquals(log, ["came back"]);
});

Deno.test("Hub.join() returns true once nothing is left to do", async () => {
  const log: string[] = [];
  spawn(async () => {
    await sleep(1);
    log.push("timer");
    await until(turn());
    log.push("foreign");
  });
  assertEquals(await getHub().join(), true);
  assertEquals(log, ["timer", "foreign"]);
});

Deno.test("Hub.join() does not wait for unreferenced timers", async () => {
  const daemon = spawn(() => sleep(60_000, { ref: false }));
  await sleep();
  assertEquals(await getHub().join(), true);
  await daemon.kill();
});

Deno.test("Hub.join() returns false when the time is over", async () => {
  const sleeper = spawn(() => sleep(60_000));
  assertEquals(await getHub().join({ timeout: 1 }), false);
  await sleeper.kill();
});

Deno.test("Hub.stats() counts greenlets, timers and foreign waits", async () => {
  const hub = getHub();
  const before = hub.stats();
  const foreign = Promise.withResolvers<void>();
  const greenlets = [spawn(() => sleep(60_000)), spawn(() => until(foreign.promise))];
  assertEquals(hub.stats().runnable, before.runnable + 2);
  await sleep();
  const during = hub.stats();
  assertEquals([during.greenlets, during.timers, during.foreignWaits], [2, 1, 1]);
  foreign.resolve();
  await greenlets[0]!.kill();
  await greenlets[1]!.join();
  const after = hub.stats();
  assertEquals([after.greenlets, after.timers, after.foreignWaits], [0, 0, 0]);
});

Deno.test("Hub.runCallback() runs after what is queued, outside greenlets, unless it is cancelled", async () => {
  const log: string[] = [];
  spawn(() => log.push("greenlet"));
  getHub().runCallback((word: string) => log.push(word), "callback");
  const cancelled = getHub().runCallback(() => log.push("never"));
  cancelled[Symbol.dispose]();
  spawn(() => log.push("last"));
  await sleep();
  assertEquals(log, ["greenlet", "callback", "last"]);
});

Deno.test("Hub.runCallback() throws TypeError with the value for a non-function", () => {
  assertThrows(() => getHub().runCallback(5 as unknown as () => void), TypeError, "received 5");
});

Deno.test("Hub.runCallback() reports an error and goes on", async () => {
  using errors = captureErrors();
  const failure = new Error("in a callback");
  const log: string[] = [];
  getHub().runCallback(() => {
    throw failure;
  });
  getHub().runCallback(() => log.push("next"));
  await sleep();
  assertEquals([errors.seen, log], [[failure], ["next"]]);
});

Deno.test("Hub.onError that throws cannot damage the hub", async () => {
  const hub = getHub();
  const { onError } = hub;
  const printed: unknown[] = [];
  const { error } = console;
  console.error = (...args) => printed.push(...args);
  hub.onError = () => {
    throw new Error("handler is broken");
  };
  try {
    const failing = spawn(() => {
      throw new Error("first");
    });
    await failing.join();
  } finally {
    hub.onError = onError;
    console.error = error;
  }
  const text = printed.map(String).join("\n");
  assert(text.includes("first") && text.includes("handler is broken"), text);
  assertEquals(await spawn(() => "alive").get(), "alive");
});

Deno.test("Hub.handleError() gets the greenlet and the very error", async () => {
  const hub = getHub();
  const { onError } = hub;
  const seen: unknown[] = [];
  hub.onError = (context, error) => seen.push(context, error);
  const failure = new Error("boom");
  let failing: Greenlet;
  try {
    failing = spawn(() => {
      throw failure;
    });
    await failing.join();
  } finally {
    hub.onError = onError;
  }
  assertStrictEquals(seen[0], failing);
  assertStrictEquals(seen[1], failure);
});

Deno.test("Hub.tracer sees spawns, parks, switches and ends in their order", async () => {
  const log: string[] = [];
  const tracer: Tracer = {
    spawned: (task) => log.push(`spawn ${task.label}`),
    parked: (waiter) => log.push(`park ${waiter.task.label} ${waiter.source.what}`),
    switched: (task, waiter) => log.push(`switch ${task.label} ${waiter?.source.what ?? "start"}`),
    ended: (task) => log.push(`end ${task.label}`),
  };
  const event = new Event();
  const hub = getHub();
  hub.tracer = tracer;
  try {
    const worker = spawn(async function worker() {
      await event.wait();
    });
    await sleep();
    event.set();
    await worker.join();
  } finally {
    hub.tracer = undefined;
  }
  const own = log.filter((entry) => entry.includes("worker"));
  assertEquals(own, [
    "spawn worker",
    "switch worker start",
    "park worker wait",
    "switch worker wait",
    "end worker",
  ]);
});

Deno.test("Hub.switchInterval of 0 gives the event loop a turn at every look at the clock", async () => {
  const hub = getHub();
  const { switchInterval } = hub;
  const count = async () => {
    const before = hub.stats().turns;
    for (let i = 0; i < 640; i++) await sleep();
    return hub.stats().turns - before;
  };
  hub.switchInterval = 0;
  try {
    assert(await count() >= 5);
    hub.switchInterval = Infinity;
    assert(await count() <= 1);
  } finally {
    hub.switchInterval = switchInterval;
  }
});

Deno.test("Hub.breakDeadlock() does nothing while a timer is to fire", async () => {
  const flow = sleep(5);
  assertEquals(getHub().breakDeadlock(), false);
  await flow;
});

Deno.test("getHub() is the hub of the greenlet, the same as outside", async () => {
  const hub = getHub();
  assert(hub instanceof Hub);
  assertStrictEquals(await spawn(() => getHub()).get(), hub);
});

Deno.test("BlockingSwitchOutError names the call that must not wait", async () => {
  const seen: unknown[] = [];
  getHub().runCallback(() => {
    assertThrows(() => sleep(1), BlockingSwitchOutError, "Cannot sleep here");
    seen.push("checked");
  });
  await sleep();
  assertEquals(seen, ["checked"]);
});

Deno.test("Hub.startTimer() that never fires leaves nothing armed once it is cancelled", () => {
  const hub = getHub();
  const timer = hub.startTimer(Infinity, true, () => {}, undefined);
  assert(timer.active);
  hub.cancelTimer(timer); // the sanitizer looks for the platform's timer
  assert(!timer.active);
});
