/** The watchers of the hub's phases: prepare, check, idle. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  Event,
  explore,
  getHub,
  Hub,
  joinAll,
  LoopExit,
  Queue,
  simulate,
  sleep,
  spawn,
  until,
} from "@verdant/green";
import { captureErrors, turn } from "../../helpers.ts";
import { HandClock } from "./hand_clock.ts";

/** Without slices in which nothing happened, and the end of that in which the watchers were started. */
function told(log: readonly string[]): string {
  return log.join("").replace(/^\]/, "").replaceAll("[]", "");
}

/** What happens in which order. */
function record(hub = getHub()): Disposable & { readonly log: string[] } {
  const log: string[] = [];
  const prepare = hub.prepare();
  const check = hub.check();
  prepare.start(() => log.push("["));
  check.start(() => log.push("]"));
  return {
    log,
    [Symbol.dispose]() {
      prepare.close();
      check.close();
    },
  };
}

Deno.test("PrepareWatcher calls before a slice, CheckWatcher after it, however much runs in it", async () => {
  using recorded = record();
  const { log } = recorded;
  for (const name of ["a", "b"]) {
    spawn(async () => {
      log.push(name);
      await sleep();
      log.push(name);
    });
  }
  await turn();
  assertEquals(told(log), "[abab]");
});

Deno.test("PrepareWatcher calls before a slice that a wait outside greenlets begins, once", async () => {
  using recorded = record();
  const { log } = recorded;
  spawn(() => log.push("a"));
  await sleep();
  log.push("outside");
  await sleep();
  assertEquals(told(log), "[aoutside][");
});

Deno.test("PrepareWatcher calls again for the slice of a timer", async () => {
  await simulate(async (world) => {
    using recorded = record(world.hub);
    const { log } = recorded;
    spawn(async () => {
      log.push("a");
      await sleep(10);
      log.push("b");
    });
    await sleep(20);
    assertEquals(told(log), "a][b][");
  });
});

Deno.test("PrepareWatcher calls before what I/O has made runnable, CheckWatcher after it", async () => {
  const arrival = Promise.withResolvers<void>();
  const hub = getHub();
  const log: string[] = [];
  const reader = spawn(async () => {
    await until(arrival.promise);
    log.push("a");
  });
  await turn();
  await turn();
  using prepare = hub.prepare();
  using check = hub.check();
  prepare.start(() => log.push("["));
  check.start(() => log.push("]"));
  arrival.resolve();
  await turn();
  assertEquals([told(log), reader.ready], ["[a]", true]);
});

Deno.test("CheckWatcher calls at the end of a slice that has used up its time", async () => {
  const hub = getHub();
  const { switchInterval } = hub;
  hub.switchInterval = 0;
  try {
    using recorded = record();
    const { log } = recorded;
    const spinner = spawn(async () => {
      for (let i = 0; i < 200; i++) await sleep();
      log.push("end");
    });
    while (!spinner.ready) await turn();
    assertEquals(/^\]?(\[\]){2,}\[end\]/.test(log.join("")), true, log.join(""));
  } finally {
    hub.switchInterval = switchInterval;
  }
});

Deno.test("CheckWatcher calls before the turn of the event loop that ends the slice", async () => {
  const hub = getHub();
  const { switchInterval } = hub;
  hub.switchInterval = 0;
  try {
    const log: string[] = [];
    using check = hub.check();
    await turn();
    const spinner = spawn(async () => {
      setImmediate(() => log.push("turn"));
      check.start(() => log.push("]"));
      for (let i = 0; i < 200; i++) await sleep();
    });
    while (!spinner.ready) await turn();
    assertEquals(log.slice(0, 2), ["]", "turn"]);
  } finally {
    hub.switchInterval = switchInterval;
  }
});

Deno.test("CheckWatcher calls for a slice that ended in a foreign promise when the next one begins", async () => {
  using recorded = record();
  const { log } = recorded;
  const foreign = Promise.withResolvers<void>();
  const detached = spawn(async () => {
    log.push("a");
    await foreign.promise;
    log.push("back");
    await sleep();
    log.push("b");
  });
  await turn();
  spawn(() => log.push("c"));
  await turn();
  await turn();
  assertEquals(told(log), "[a][c]");
  foreign.resolve();
  await detached.join();
  await turn();
  assertEquals(told(log).slice(0, 13), "[a][c]back[b]");
});

Deno.test("PrepareWatcher calls once for a slice also while some greenlet awaits a foreign promise", async () => {
  const foreign = Promise.withResolvers<void>();
  const detached = spawn(() => foreign.promise);
  await turn();
  spawn(() => {});
  await turn();
  assertEquals(getHub().stats().detached, 1);
  using recorded = record();
  const { log } = recorded;
  for (const name of ["a", "b"]) {
    spawn(async () => {
      log.push(name);
      await sleep();
      log.push(name);
    });
  }
  await turn();
  assertEquals(told(log), "[abab]");
  foreign.resolve();
  await detached.join();
});

Deno.test("PrepareWatcher may make greenlets runnable: they run in the slice", async () => {
  await simulate(async () => {
    const hub = getHub();
    const queue = new Queue<string>();
    const log: string[] = [];
    const getter = spawn(async () => void log.push(await queue.get()));
    await sleep(1);
    using prepare = hub.prepare();
    prepare.start(() => {
      log.push("[");
      prepare.stop();
      queue.putNowait("got");
    });
    using check = hub.check();
    check.start(() => log.push("]"));
    await sleep(1);
    await sleep(1);
    assertEquals([log.join("").slice(0, 6), getter.ready], ["][got]", true]);
  });
});

Deno.test("CheckWatcher may make greenlets runnable: they run in the next slice", async () => {
  const hub = getHub();
  const event = new Event();
  const log: string[] = [];
  const waiting = spawn(async () => {
    await event.wait();
    log.push("woken");
  });
  await turn();
  using prepare = hub.prepare();
  prepare.start(() => log.push("["));
  using check = hub.check();
  check.start(() => {
    log.push("]");
    event.set();
  });
  spawn(() => log.push("a"));
  await turn();
  await turn();
  assertEquals(waiting.ready, true);
  assertEquals(told(log).slice(0, 9), "[a][woken");
});

Deno.test("PrepareWatcher and CheckWatcher take turns under every schedule, whoever is killed", async () => {
  await explore(async (world) => {
    using recorded = record(world.hub);
    const queue = new Queue<number>(1);
    const producer = spawn(async () => {
      for (let i = 0; i < 4; i++) {
        await queue.put(i, { timeout: 50 }).catch(() => {});
        await sleep(i % 2);
      }
    });
    const consumer = spawn(async () => {
      for (let i = 0; i < 4; i++) await queue.get({ timeout: 50 }).catch(() => {});
    });
    await joinAll([producer, consumer]);
    assertEquals(/^\]?(\[\])*\[?$/.test(recorded.log.join("")), true, recorded.log.join(""));
  }, { runs: 200, inject: ["kill", "timeout"] });
});

Deno.test("CheckWatcher may start a timer", () => {
  const clock = new HandClock();
  const hub = new Hub({ clock });
  using tick = hub.timer(1);
  using later = hub.timer(50);
  using check = hub.check();
  tick.start(() => {});
  check.start(() => later.start(() => {}));
  clock.reach(1);
  assertEquals([later.active, clock.deadline], [true, 51]);
});

Deno.test("PrepareWatcher, CheckWatcher, IdleWatcher: one may stop and start others", async () => {
  const hub = getHub();
  for (const kind of ["prepare", "check", "idle"] as const) {
    using errors = captureErrors();
    const log: string[] = [];
    using a = hub[kind]();
    using b = hub[kind]();
    using c = hub[kind]();
    a.start(() => {
      log.push("a");
      a.stop();
      b.stop();
      c.start(() => log.push("c"));
    });
    b.start(() => log.push("b"));
    spawn(() => {});
    await turn();
    await turn();
    assertEquals(log.slice(0, 1), ["a"], kind);
    assert(!log.includes("b"), kind);
    spawn(() => {});
    await turn();
    await turn();
    assertEquals(log.slice(0, 2), ["a", "c"], kind);
    assertEquals(errors.seen, [], kind);
  }
});

Deno.test("PrepareWatcher that another one starts is called from the next slice on", () => {
  const clock = new HandClock();
  const hub = new Hub({ clock });
  using tick = hub.timer(1, { repeat: 1 });
  using first = hub.prepare();
  using second = hub.prepare();
  const log: string[] = [];
  tick.start(() => {});
  first.start(() => {
    log.push("first");
    second.start(() => log.push("second"));
  });
  clock.reach(1);
  assertEquals(log, ["first"]);
  clock.reach(2);
  assertEquals(log, ["first", "first", "second"]);
});

Deno.test("PrepareWatcher, CheckWatcher, IdleWatcher call on after an error", async () => {
  const hub = getHub();
  for (const kind of ["prepare", "check", "idle"] as const) {
    using errors = captureErrors();
    using watcher = hub[kind]();
    watcher.start(() => {
      throw new Error(kind);
    });
    for (let i = 0; i < 2; i++) {
      spawn(() => {});
      await turn();
      await turn();
    }
    assert(errors.seen.length >= 2, kind);
    assertEquals(watcher.active, true);
  }
});

Deno.test("Hub that never had a watcher of a phase has nothing to look at", () => {
  const hub = new Hub();
  using timer = hub.timer(60_000);
  timer.start(() => {});
  assertEquals(hub.watchers, undefined);
});

Deno.test("IdleWatcher calls in every turn in which nothing is runnable, and in no other", async () => {
  const hub = getHub();
  using idle = hub.idle();
  const log: string[] = [];
  idle.start(() => log.push("idle"));
  const { switchInterval } = hub;
  hub.switchInterval = 0;
  try {
    await spawn(async () => {
      for (let i = 0; i < 300; i++) await sleep();
      log.push("busy");
    }).join();
  } finally {
    hub.switchInterval = switchInterval;
  }
  assertEquals(log, ["busy"]);
  for (let i = 0; i < 3; i++) await turn();
  assert(log.length >= 3, log.join());
  idle.stop();
  const { length } = log;
  await turn();
  await turn();
  assertEquals(log.length, length);
});

Deno.test("IdleWatcher calls while a greenlet awaits a promise that is not the library's own", async () => {
  const foreign = Promise.withResolvers<void>();
  using idle = getHub().idle();
  const awaiting = spawn(() => foreign.promise);
  idle.start(() => foreign.resolve());
  await awaiting.join();
});

Deno.test("IdleWatcher is called before a simulation moves time or finds a deadlock", async () => {
  await simulate(async (world) => {
    const event = new Event();
    using idle = world.hub.idle();
    const times: number[] = [];
    idle.start(() => void (times.at(-1) === world.now || times.push(world.now)));
    await sleep(10);
    await sleep(10);
    idle.stop();
    assertEquals(times.slice(0, 2), [0, 10]);
    idle.start(() => event.set());
    await event.wait();
  });
});

Deno.test("IdleWatcher that another one starts is called before a simulation finds a deadlock", async () => {
  await simulate(async (world) => {
    const event = new Event();
    using first = world.hub.idle();
    using second = world.hub.idle();
    first.start(() => {
      first.stop();
      second.start(() => event.set());
    });
    await event.wait();
  });
});

Deno.test("IdleWatcher that wakes nobody does not hide a deadlock in a simulation", async () => {
  const deadlock = simulate(async (world) => {
    using idle = world.hub.idle();
    idle.start(() => {});
    await new Event().wait();
  });
  await assertRejects(() => deadlock, LoopExit);
});

Deno.test("IdleWatcher may make greenlets runnable more than once in a simulation", async () => {
  await simulate(async (world) => {
    const queue = new Queue<number>();
    using idle = world.hub.idle();
    let calls = 0;
    idle.start(() => queue.putNowait(calls++));
    assertEquals([await queue.get(), await queue.get(), await queue.get()], [0, 1, 2]);
  });
});
