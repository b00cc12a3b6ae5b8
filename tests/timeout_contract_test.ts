/** Every waiting call, one table: how it takes its limits, and how it tells that the time is over. */
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  AsyncResult,
  Barrier,
  BlockingSwitchOutError,
  BrokenBarrierError,
  Channel,
  Condition,
  Empty,
  Event,
  Full,
  getHub,
  Greenlet,
  Group,
  joinAll,
  Lock,
  Pool,
  PoolFull,
  Queue,
  recv,
  RLock,
  select,
  Semaphore,
  sleep,
  spawn,
  Timeout,
  until,
  wait,
  type WaitOptions,
} from "@verdant/green";

type Expected = { readonly returns: unknown } | { readonly throws: new () => Error };

interface Case {
  /** Calls what would wait for ever. */
  readonly call: (options: WaitOptions) => Promise<unknown>;
  /** What a time-out looks like. */
  readonly expected: Expected;
  /** What must not have changed afterwards. */
  readonly state: () => unknown;
  readonly release?: () => unknown;
}

const empty = () => new Queue<number>(1);
const full = () => new Queue<number>(1, [1]);

const cases: Record<string, () => Case | Promise<Case>> = {
  "Event.wait()": () => {
    const event = new Event();
    return { call: (o) => event.wait(o), expected: { returns: false }, state: () => event.isSet };
  },
  "AsyncResult.wait()": () => {
    const result = new AsyncResult<number>();
    return { call: (o) => result.wait(o), expected: { returns: undefined }, state: () => result.ready };
  },
  "AsyncResult.get()": () => {
    const result = new AsyncResult<number>();
    return { call: (o) => result.get(o), expected: { throws: Timeout }, state: () => result.ready };
  },
  "Semaphore.acquire()": () => {
    const semaphore = new Semaphore(0);
    return {
      call: (o) => semaphore.acquire(o),
      expected: { returns: false },
      state: () => semaphore.counter,
    };
  },
  "Semaphore.wait()": () => {
    const semaphore = new Semaphore(0);
    return { call: (o) => semaphore.wait(o), expected: { returns: 0 }, state: () => semaphore.counter };
  },
  "Semaphore.lease()": () => {
    const semaphore = new Semaphore(0);
    return { call: (o) => semaphore.lease(o), expected: { throws: Timeout }, state: () => semaphore.counter };
  },
  "Lock.acquire()": async () => {
    const lock = new Lock();
    const holder = spawn(() => lock.with(() => sleep(60_000)));
    await sleep();
    return {
      call: (o) => lock.acquire(o),
      expected: { returns: false },
      state: () => lock.holder === holder,
      release: () => holder.kill(),
    };
  },
  "RLock.lease()": async () => {
    const lock = new RLock();
    const holder = spawn(() => lock.with(() => sleep(60_000)));
    await sleep();
    return {
      call: (o) => lock.lease(o),
      expected: { throws: Timeout },
      state: () => lock.holder === holder,
      release: () => holder.kill(),
    };
  },
  "Condition.wait()": async () => {
    const condition = new Condition();
    await condition.acquire();
    return {
      call: (o) => condition.wait(o),
      expected: { returns: false },
      state: () => condition.lock.owned,
      release: () => condition.release(),
    };
  },
  "Condition.waitFor()": async () => {
    const condition = new Condition();
    await condition.acquire();
    return {
      call: (o) => condition.waitFor(() => false, o),
      expected: { returns: false },
      state: () => condition.lock.owned,
      release: () => condition.release(),
    };
  },
  "Queue.get()": () => {
    const queue = empty();
    return {
      call: (o) => queue.get(o),
      expected: { throws: Empty },
      state: () => [queue.size, queue.getters.size],
    };
  },
  "Queue.peek()": () => {
    const queue = empty();
    return {
      call: (o) => queue.peek(o),
      expected: { throws: Empty },
      state: () => [queue.size, queue.getters.size],
    };
  },
  "Queue.put()": () => {
    const queue = full();
    return {
      call: (o) => queue.put(2, o),
      expected: { throws: Full },
      state: () => [queue.size, queue.putters.size, queue.unfinishedTasks],
    };
  },
  "Queue.join()": () => {
    const queue = full();
    return { call: (o) => queue.join(o), expected: { returns: false }, state: () => queue.unfinishedTasks };
  },
  "Channel.get()": () => {
    const channel = new Channel<number>();
    return { call: (o) => channel.get(o), expected: { throws: Empty }, state: () => channel.balance };
  },
  "Channel.put()": () => {
    const channel = new Channel<number>();
    return { call: (o) => channel.put(1, o), expected: { throws: Full }, state: () => channel.balance };
  },
  "select()": () => {
    const queue = empty();
    return {
      call: (o) => select([recv(queue)], o),
      expected: { throws: Timeout },
      state: () => queue.getters.size,
    };
  },
  "Greenlet.join()": () => {
    const sleeper = spawn(() => sleep(60_000));
    return {
      call: (o) => sleeper.join(o),
      expected: { returns: false },
      state: () => sleeper.dead,
      release: () => sleeper.kill(),
    };
  },
  "Greenlet.get()": () => {
    const sleeper = spawn(() => sleep(60_000));
    return {
      call: (o) => sleeper.get(o),
      expected: { throws: Timeout },
      state: () => sleeper.dead,
      release: () => sleeper.kill(),
    };
  },
  "joinAll()": () => {
    const sleeper = spawn(() => sleep(60_000));
    return {
      call: (o) => joinAll([sleeper], o),
      expected: { returns: [] },
      state: () => sleeper.dead,
      release: () => sleeper.kill(),
    };
  },
  "wait()": () => {
    const event = new Event();
    return { call: (o) => wait([event], o), expected: { returns: [] }, state: () => event.isSet };
  },
  "Group.join()": () => {
    const group = new Group();
    group.spawn(() => sleep(60_000));
    return {
      call: (o) => group.join(o),
      expected: { returns: false },
      state: () => group.size,
      release: () => group.kill(),
    };
  },
  "Pool.start()": async () => {
    const pool = new Pool(1);
    await pool.spawn(() => sleep(60_000));
    return {
      call: (o) => pool.start(new Greenlet(() => {}), o),
      expected: { throws: PoolFull },
      state: () => [pool.size, pool.freeCount],
      release: () => pool.kill(),
    };
  },
  "Pool.waitAvailable()": async () => {
    const pool = new Pool(1);
    await pool.spawn(() => sleep(60_000));
    return {
      call: (o) => pool.waitAvailable(o),
      expected: { returns: 0 },
      state: () => pool.freeCount,
      release: () => pool.kill(),
    };
  },
  "until()": () => ({
    call: (o) => until(new Promise(() => {}), o),
    expected: { throws: Timeout },
    state: () => getHub().stats().foreignWaits,
  }),
  "Hub.join()": () => {
    const sleeper = spawn(() => sleep(60_000));
    return {
      call: (o) => getHub().join(o),
      expected: { returns: false },
      state: () => sleeper.dead,
      release: () => sleeper.kill(),
    };
  },
};

async function expectTimeout(expected: Expected, outcome: Promise<unknown>): Promise<void> {
  if ("returns" in expected) assertEquals(await outcome, expected.returns);
  else await assertRejects(() => outcome, expected.throws);
}

function contract(name: string, what: string, check: (entry: Case) => unknown): void {
  Deno.test(`${name} ${what}`, async () => {
    const entry = await cases[name]!();
    const before = entry.state();
    try {
      await check(entry);
      assertEquals(entry.state(), before);
    } finally {
      await entry.release?.();
    }
  });
}

for (const name of Object.keys(cases)) {
  contract(name, "tells a time-out the way of its kind", async ({ call, expected }) => {
    await expectTimeout(expected, call({ timeout: 1 }));
    await expectTimeout(expected, call({ timeout: Temporal.Duration.from({ milliseconds: 1 }) }));
  });

  contract(name, "does not wait with timeout: 0", async ({ call, expected }) => {
    if (name === "Condition.wait()") return; // lets go of its lock even then, and must get it back
    let othersRan = false;
    const outcome = call({ timeout: 0 });
    outcome.catch(() => {});
    getHub().runCallback(() => othersRan = true);
    await expectTimeout(expected, outcome);
    assertEquals(othersRan, false);
    await sleep();
  });

  contract(name, "throws RangeError or TypeError for a bad time-out at the call", ({ call }) => {
    for (const bad of [-1, NaN]) assertThrows(() => void call({ timeout: bad }), RangeError, String(bad));
    assertThrows(() => void call({ timeout: "soon" as unknown as number }), TypeError, "soon");
  });

  contract(name, "takes a Timeout as its limit, pending or not", async ({ call, expected }) => {
    for (const make of [() => new Timeout(1), () => Timeout.start(1)]) {
      const limit = make();
      const outcome = call({ timeout: limit });
      if ("returns" in expected) assertEquals(await outcome, expected.returns);
      else assertStrictEquals(await outcome.catch((error) => error), limit);
    }
  });

  contract(name, "passes a foreign Timeout on", async ({ call }) => {
    const foreign = Timeout.start(1);
    const caught = await call({ timeout: 60_000 }).catch((error) => error);
    assertStrictEquals(caught, foreign);
  });

  contract(name, "ends with the reason of its signal", async ({ call }) => {
    const controller = new AbortController();
    const waiting = call({ signal: controller.signal }).catch((reason) => reason);
    controller.abort("later");
    assertEquals(await waiting, "later");
    assertEquals(await call({ signal: AbortSignal.abort("before") }).catch((reason) => reason), "before");
  });

  contract(name, "throws BlockingSwitchOutError in a callback of the hub", async ({ call }) => {
    const seen: unknown[] = [];
    getHub().runCallback(() => {
      try {
        void call({ timeout: 1 });
      } catch (error) {
        seen.push(error);
      }
    });
    await sleep();
    assert(seen[0] instanceof BlockingSwitchOutError, String(seen[0]));
  });

  contract(name, "that nobody awaits is safe to kill", async ({ call }) => {
    if (name.startsWith("Condition")) return; // belongs to the holder of its lock
    const careless = spawn(async () => {
      call({}).then(() => {}, () => {}); // one that is looked at
      void call({}); // and one that is not: it must not become an unhandled rejection
      await sleep(60_000);
    });
    await sleep();
    await careless.kill();
    await sleep();
  });
}

Deno.test("Barrier.wait() that times out breaks the barrier for all", async () => {
  const barrier = new Barrier(2);
  await assertRejects(() => barrier.wait({ timeout: 1 }), BrokenBarrierError);
  assert(barrier.broken);
  await assertRejects(() => barrier.wait(), BrokenBarrierError);
});
