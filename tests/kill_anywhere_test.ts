/**
 * Interrupts a greenlet at every one of its waits in turn, for each primitive: once while it is parked, and
 * once after its wait was granted but before it ran. Then nothing may be lost or doubled.
 */
import { assert, assertEquals } from "@std/assert";
import {
  after,
  AsyncResult,
  Barrier,
  BrokenBarrierError,
  Channel,
  Condition,
  done,
  Event,
  getHub,
  type Greenlet,
  GreenletExit,
  Group,
  joinAll,
  Lock,
  nursery,
  Pool,
  Queue,
  recv,
  RLock,
  select,
  Semaphore,
  send,
  ShutDown,
  sleep,
  spawn,
  spawnWith,
  withTimeout,
} from "@verdant/green";
import type { Waiter } from "../hub/mod.ts";

/** One run of a scenario. */
interface Trial {
  /** What is interrupted. */
  readonly victim: () => Promise<unknown>;
  /** What runs beside it; must end whatever happens to the victim. */
  readonly others?: (() => Promise<unknown>)[];
  /** The conservation law; called when all have ended. */
  readonly check: (interrupted: boolean) => void | Promise<void>;
}

const interruptions = {
  "a kill": (victim: Greenlet) => void victim.kill(undefined, { block: false }),
  "a time-out": (victim: Greenlet) => victim.throw(new RangeError("stands for a time-out")),
};

type Mode = "while it is parked" | "after the grant";

/** Runs a trial; interrupts the victim at its k-th wait. Returns how often it waited. */
async function run(
  trial: Trial,
  k: number,
  mode: Mode,
  interrupt: (victim: Greenlet) => void,
): Promise<number> {
  const hub = getHub();
  let waits = 0;
  let interrupted = false;
  const strike = () => {
    interrupted = true;
    interrupt(victim);
  };
  hub.tracer = {
    spawned() {},
    switched() {},
    ended() {},
    parked(waiter: Waiter) {
      if (waiter.task !== victim || ++waits !== k) return;
      if (mode === "while it is parked") {
        hub.runCallback(strike);
        return;
      }
      const { wake } = waiter;
      waiter.wake = (value) => {
        wake.call(waiter, value);
        strike();
      };
    },
  };
  const onError = hub.onError;
  hub.onError = () => {};
  const victim: Greenlet = spawnWith({ name: "victim" }, trial.victim);
  try {
    const all = [victim, ...(trial.others ?? []).map((other) => spawn(other))];
    const ended = await joinAll(all, { timeout: 5_000 });
    assertEquals(ended.length, all.length, "somebody hangs");
    for (const other of all.slice(1)) if (other.failed) throw other.error;
    await trial.check(interrupted);
  } finally {
    hub.tracer = undefined;
    hub.onError = onError;
  }
  const { greenlets, timers, foreignWaits } = hub.stats();
  assertEquals({ greenlets, timers, foreignWaits }, { greenlets: 0, timers: 0, foreignWaits: 0 });
  return waits;
}

function interruptAnywhere(name: string, make: () => Trial): void {
  for (const [kind, interrupt] of Object.entries(interruptions)) {
    for (const mode of ["while it is parked", "after the grant"] as const) {
      Deno.test(`${name} loses nothing by ${kind} at any wait, ${mode}`, async () => {
        const total = await run(make(), 0, mode, interrupt);
        assert(total > 0, "the victim never waits");
        for (let k = 1; k <= total; k++) await run(make(), k, mode, interrupt);
      });
    }
  }
}

function semaphoreTrial(use: (semaphore: Semaphore, inside: () => Promise<void>) => Promise<void>): Trial {
  const semaphore = new Semaphore(1);
  let holders = 0;
  let cleanUps = 0;
  const inside = async () => {
    assertEquals(++holders, 1);
    try {
      await sleep();
    } finally {
      holders--;
      cleanUps++;
    }
  };
  const twice = async () => {
    for (let i = 0; i < 2; i++) await use(semaphore, inside);
  };
  return {
    victim: twice,
    others: [twice, twice],
    check(interrupted) {
      assertEquals([semaphore.counter, holders], [1, 0]);
      assert(interrupted ? cleanUps >= 4 : cleanUps === 6);
    },
  };
}

interruptAnywhere("Semaphore.acquire()", () =>
  semaphoreTrial(async (semaphore, inside) => {
    await semaphore.acquire();
    try {
      await inside();
    } finally {
      semaphore.release();
    }
  }));

interruptAnywhere("Semaphore.lease()", () =>
  semaphoreTrial(async (semaphore, inside) => {
    using _lease = await semaphore.lease();
    await inside();
  }));

interruptAnywhere("Semaphore.with()", () => semaphoreTrial((semaphore, inside) => semaphore.with(inside)));

for (const LockClass of [Lock, RLock]) {
  interruptAnywhere(`${LockClass.name}.acquire()`, () => {
    const lock = new LockClass();
    let holders = 0;
    const work = async () => {
      for (let i = 0; i < 2; i++) {
        await lock.acquire();
        assertEquals(++holders, 1);
        try {
          if (lock instanceof RLock) await lock.with(() => sleep());
          else await sleep();
        } finally {
          holders--;
          lock.release();
        }
      }
    };
    return {
      victim: work,
      others: [work, work],
      check: () => assertEquals([lock.locked, holders], [false, 0]),
    };
  });
}

for (const wait of ["wait", "waitFor"] as const) {
  interruptAnywhere(`Condition.${wait}()`, () => {
    const condition = new Condition();
    let ready = 0;
    let holders = 0;
    const consume = () =>
      condition.with(async () => {
        if (wait === "waitFor") await condition.waitFor(() => ready > 0);
        else while (ready === 0) await condition.wait();
        assertEquals([++holders, condition.lock.owned], [1, true]);
        try {
          await sleep();
        } finally {
          holders--;
        }
      });
    const produce = async () => {
      for (let i = 0; i < 3; i++) {
        await sleep();
        await condition.with(() => {
          ready++;
          condition.notifyAll();
        });
      }
    };
    return {
      victim: async () => {
        try {
          await consume();
        } finally {
          assertEquals(condition.lock.owned, false);
        }
      },
      others: [consume, produce],
      check: () => assertEquals(condition.lock.locked, false),
    };
  });
}

interruptAnywhere("Barrier.wait()", () => {
  const barrier = new Barrier(3);
  const outcomes: string[] = [];
  const arrive = async () => {
    for (let i = 0; i < 2; i++) {
      try {
        await barrier.wait();
        outcomes.push("passed");
      } catch (error) {
        if (!(error instanceof BrokenBarrierError)) throw error;
        outcomes.push("broken");
      }
    }
  };
  return {
    victim: async () => {
      try {
        await arrive();
      } finally {
        if (!barrier.broken) barrier.abort(); // nobody else may wait for it for ever
      }
    },
    others: [arrive, arrive],
    check(interrupted) {
      assertEquals(barrier.waiting, 0);
      const passed = outcomes.filter((outcome) => outcome === "passed").length;
      // All of a round pass, or none but one that was granted and then interrupted in its next wait.
      assert(interrupted ? passed % 3 === 0 || passed % 3 === 2 : passed === 6, outcomes.join());
    },
  };
});

/** Every item that was put must be seen once, by a getter or in the queue at the end. */
function transferTrial(queue: Queue<string> | Channel<string>, victimPuts: boolean): Trial {
  const put: string[] = [];
  const seen: string[] = [];
  const producer = (name: string) => async () => {
    for (let i = 0; i < 3; i++) {
      await queue.put(`${name}${i}`);
      put.push(`${name}${i}`);
    }
  };
  const consumer = (count: number) => async () => {
    for (let i = 0; i < count; i++) seen.push(await queue.get());
  };
  const closeAtLast = async () => {
    await getHub().join({ timeout: 1 }); // all the others have ended or wait for ever
    queue.shutdown();
  };
  const untilClosed = (work: () => Promise<void>) => async () => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof ShutDown)) throw error;
    }
  };
  return {
    victim: victimPuts ? producer("v") : consumer(3),
    others: [
      untilClosed(producer("a")),
      untilClosed(victimPuts ? consumer(6) : producer("b")),
      ...victimPuts ? [] : [untilClosed(consumer(3))],
      closeAtLast,
    ],
    async check() {
      while (queue.size > 0) seen.push(await queue.get());
      assertEquals(seen.length, new Set(seen).size, "an item was doubled");
      // A put that was interrupted did not happen; one that was granted did, though its caller was killed.
      const lost = put.filter((item) => !seen.includes(item));
      assertEquals(lost, [], "an item was lost");
      assert(seen.length - put.length <= 1, "an item came from nowhere");
      assertEquals([queue.getters.size, queue.putters.size], [0, 0]);
    },
  };
}

interruptAnywhere("Queue.put()", () => transferTrial(new Queue<string>(1), true));
interruptAnywhere("Channel.put()", () => transferTrial(new Channel<string>(), true));

/** What a getter was given before it was interrupted is its own: it has it in hand. */
for (const make of [() => new Queue<string>(1), () => new Channel<string>()]) {
  interruptAnywhere(`${make().constructor.name}.get()`, () => transferTrial(make(), false));
}

interruptAnywhere("Queue.peek()", () => {
  const queue = new Queue<number>();
  const seen: number[] = [];
  return {
    victim: () => queue.peek(),
    others: [
      async () => void seen.push(await queue.get()),
      () => queue.put(1),
    ],
    check: () => assertEquals([seen, queue.size, queue.getters.size], [[1], 0, 0]),
  };
});

interruptAnywhere("Queue.join()", () => {
  const queue = new Queue<number>(Infinity, [1]);
  return {
    victim: () => queue.join(),
    others: [async () => {
      await queue.get();
      await sleep();
      queue.taskDone();
    }],
    check: () => assertEquals(queue.unfinishedTasks, 0),
  };
});

interruptAnywhere("Event.wait()", () => {
  const event = new Event();
  let woken = 0;
  const wait = async () => {
    await event.wait();
    woken++;
  };
  return {
    victim: wait,
    others: [wait, async () => {
      await sleep();
      event.set();
    }],
    check: (interrupted) => assert(woken >= (interrupted ? 1 : 2)),
  };
});

interruptAnywhere("AsyncResult.get()", () => {
  const result = new AsyncResult<number>();
  const got: number[] = [];
  const get = async () => void got.push(await result.get());
  return {
    victim: get,
    others: [get, async () => {
      await sleep();
      result.set(7);
    }],
    check: (interrupted) => assert(got.length >= (interrupted ? 1 : 2) && got.every((value) => value === 7)),
  };
});

interruptAnywhere("select()", () => {
  const inbox = new Queue<string>();
  const outbox = new Channel<string>();
  const stopped = spawn(() => sleep(1));
  const received: string[] = [];
  const log: string[] = [];
  const shared = async () => {
    for (let i = 0; i < 3; i++) {
      const { index, value } = await select([recv(inbox), send(outbox, "out"), after(60_000), done(stopped)]);
      if (index === 0) received.push(value as string);
      log.push(`case${index}`);
    }
  };
  return {
    victim: shared,
    others: [
      shared,
      async () => {
        for (let i = 0; i < 2; i++) {
          await sleep();
          await inbox.put(`in${i}`);
        }
      },
      async () => {
        await outbox.get({ timeout: 50 }).catch(() => {});
      },
    ],
    async check() {
      await stopped.join();
      const all = [...received];
      while (!inbox.empty) all.push(inbox.getNowait());
      assertEquals(all.toSorted(), ["in0", "in1"]);
      assertEquals([inbox.getters.size, inbox.putters.size, outbox.getters.size, outbox.putters.size], [
        0,
        0,
        0,
        0,
      ]);
    },
  };
});

interruptAnywhere("Greenlet.join() and get()", () => {
  const worker = spawn(async () => {
    for (let i = 0; i < 3; i++) await sleep();
    return 5;
  });
  return {
    victim: async () => {
      await worker.join();
      return await worker.get();
    },
    async check() {
      assertEquals(await worker.get(), 5);
      assertEquals(worker.links?.size ?? 0, 0);
    },
  };
});

interruptAnywhere("Pool.spawn()", () => {
  const pool = new Pool(2);
  let running = 0;
  let most = 0;
  const fill = async () => {
    for (let i = 0; i < 3; i++) {
      await pool.spawn(async () => {
        most = Math.max(most, ++running);
        try {
          await sleep();
        } finally {
          running--;
        }
      });
    }
  };
  return {
    victim: fill,
    others: [fill],
    async check() {
      await pool.join();
      assertEquals([pool.freeCount, pool.size, running, most], [2, 0, 0, 2]);
    },
  };
});

for (const make of [() => new Pool(2), () => new Group()]) {
  const { name } = make().constructor;
  const calls: Record<
    string,
    (group: Pool | Group, task: (n: number) => Promise<number>) => Promise<unknown>
  > = {
    apply: (group, task) => group.apply(task, [1]),
    map: (group, task) => group.map(task, [1, 2, 3, 4]),
    imap: (group, task) => Array.fromAsync(group.imap(task, [1, 2, 3, 4], { maxSize: 2 })),
    imapUnordered: (group, task) => Array.fromAsync(group.imapUnordered(task, [1, 2, 3, 4])),
  };
  for (const [method, call] of Object.entries(calls)) {
    interruptAnywhere(`${name}.${method}()`, () => {
      const group = make();
      let begun = 0;
      let cleaned = 0;
      const task = async (n: number) => {
        begun++;
        try {
          await sleep();
          return n;
        } finally {
          try {
            await sleep(); // a kill that came after the grant of the first wait arrives here
          } finally {
            cleaned++;
          }
        }
      };
      return {
        victim: async () => {
          await call(group, task);
        },
        check() {
          assertEquals([group.size, cleaned], [0, begun], "work went on behind the caller's back");
          if (group instanceof Pool) assertEquals(group.freeCount, 2);
        },
      };
    });
  }
}

interruptAnywhere("nursery()", () => {
  const log: string[] = [];
  const child = async () => {
    log.push("begin");
    try {
      await sleep();
      await sleep();
    } finally {
      try {
        await sleep();
      } finally {
        log.push("end");
      }
    }
  };
  return {
    victim: () =>
      nursery(async (n) => {
        n.spawn(child);
        await sleep();
        n.spawn(child);
        await sleep();
      }).finally(() => log.push("nursery")),
    check() {
      assertEquals(log.at(-1), "nursery");
      assertEquals(
        log.filter((entry) => entry === "end").length,
        log.filter((entry) => entry === "begin").length,
      );
    },
  };
});

interruptAnywhere("withTimeout()", () => {
  const log: string[] = [];
  return {
    victim: () =>
      withTimeout(60_000, async () => {
        try {
          await sleep();
          await sleep(1);
        } finally {
          log.push("cleaned up");
        }
      }),
    check: () => assertEquals(log, ["cleaned up"]),
  };
});

Deno.test("Greenlet.kill() runs finally, using and await using from the inside out", async () => {
  const log: string[] = [];
  const resource = (name: string) => ({
    [Symbol.dispose]: () => void log.push(name),
    async [Symbol.asyncDispose]() {
      await sleep();
      log.push(name);
    },
  });
  const victim = spawn(async () => {
    await using _outer = resource("outer await using");
    using _inner = resource("inner using");
    try {
      await using _innermost = resource("innermost await using");
      await sleep(60_000);
    } finally {
      await sleep();
      log.push("finally");
    }
  });
  await sleep();
  await victim.kill();
  assertEquals(log, ["innermost await using", "finally", "inner using", "outer await using"]);
  assert(victim.value as unknown instanceof GreenletExit);
});

Deno.test("Greenlet.kill() during the clean-up of a kill still counts as a quiet end", async () => {
  const victim = spawn(async () => {
    await using _resource = {
      async [Symbol.asyncDispose]() {
        await sleep(60_000); // the second kill arrives here
      },
    };
    await sleep(60_000);
  });
  await sleep();
  await victim.kill("first", { block: false });
  await sleep();
  await victim.kill("second");
  assert(victim.successful);
  assert(victim.value as unknown instanceof GreenletExit);
});
