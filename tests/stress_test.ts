/**
 * Thousands of kills and time-outs at random moments, seeded; at the end everything must add up. A failure
 * names the seed that shows it again.
 */
import { assert, assertEquals } from "@std/assert";
import {
  after,
  Barrier,
  BoundedSemaphore,
  BrokenBarrierError,
  Channel,
  Condition,
  done,
  Empty,
  Event,
  Full,
  Lock,
  nursery,
  Pool,
  PriorityQueue,
  Queue,
  recv,
  RLock,
  select,
  Semaphore,
  send,
  sleep,
  Timeout,
} from "@verdant/green";
import { Ledger, stress } from "./torment.ts";

stress("Queue", () => {
  const queue = new Queue<number>(2);
  const ledger = new Ledger();
  return {
    steps: [
      () => ledger.put((item) => queue.put(item)),
      async () => ledger.see(await queue.get()),
    ],
    check() {
      while (!queue.empty) ledger.see(queue.getNowait());
      ledger.check();
      assertEquals([queue.getters.size, queue.putters.size], [0, 0]);
    },
  };
});

/** Limits that really run, so that they expire in the middle of grants and kills. */
stress("Queue with limits", () => {
  const queue = new Queue<number>(1);
  const ledger = new Ledger();
  const inTime = async (operation: Promise<unknown>) => {
    try {
      await operation;
    } catch (error) {
      if (!(error instanceof Empty) && !(error instanceof Full)) throw error;
    }
  };
  return {
    steps: [
      ({ below }) => inTime(ledger.put((item) => queue.put(item, { timeout: below(3) / 20 }))),
      ({ below }) => inTime(queue.get({ timeout: below(3) / 20 }).then((item) => ledger.see(item))),
      () => ledger.put((item) => queue.put(item)),
      async () => {
        await queue.peek();
        ledger.see(await queue.get());
      },
    ],
    check() {
      while (!queue.empty) ledger.see(queue.getNowait());
      ledger.check();
      assertEquals([queue.getters.size, queue.putters.size], [0, 0]);
    },
  };
});

stress("PriorityQueue", () => {
  const queue = new PriorityQueue<number>(3);
  const ledger = new Ledger();
  return {
    steps: [
      () => ledger.put((item) => queue.put(item)),
      async () => {
        ledger.see(await queue.get());
        queue.taskDone();
      },
      () => queue.join(),
    ],
    check() {
      // What was given to a getter is done in the same step of it, so the count is exact.
      assertEquals(queue.unfinishedTasks, queue.size);
      let last = -1;
      while (!queue.empty) {
        const item = queue.getNowait();
        assert(item > last, "out of order");
        ledger.see(last = item);
      }
      ledger.check();
      assertEquals([queue.getters.size, queue.putters.size], [0, 0]);
    },
  };
});

stress("Channel", () => {
  const channel = new Channel<number>();
  const ledger = new Ledger();
  return {
    steps: [
      () => ledger.put((item) => channel.put(item)),
      async () => ledger.see(await channel.get()),
    ],
    check() {
      ledger.check();
      assertEquals([channel.getters.size, channel.putters.size], [0, 0]);
    },
  };
});

stress("select()", () => {
  const inbox = new Queue<number>(1);
  const line = new Channel<number>();
  const ledger = new Ledger();
  return {
    steps: [
      () => ledger.put((item) => inbox.put(item)),
      // Whichever case came true: the item of a send that lost was not sent.
      async () => {
        let received: number | undefined;
        await ledger.put(async (item) => {
          const { index, value } = await select([send(line, item), recv(inbox)]);
          if (index === 1) received = value as number;
          if (index === 1) ledger.see(item); // it stays with us
        });
        if (received !== undefined) ledger.see(received);
      },
      async () => {
        const { value } = await select([recv(line), recv(inbox)]);
        ledger.see(value);
      },
    ],
    check() {
      while (!inbox.empty) ledger.see(inbox.getNowait());
      ledger.check();
      assertEquals([inbox.getters.size, inbox.putters.size, line.getters.size, line.putters.size], [
        0,
        0,
        0,
        0,
      ]);
    },
  };
});

stress("select() over channels, events and limits", () => {
  const lines = [new Channel<number>(), new Channel<number>()] as const;
  const bell = new Event();
  const ledger = new Ledger();
  return {
    steps: [
      async ({ below }) => {
        await ledger.put(async (item) => {
          const { index } = await select([send(lines[0], item), send(lines[1], item), after(below(3) / 20)]);
          if (index === 2) throw new Timeout(0); // not sent
        });
      },
      async () => {
        const { index, value } = await select([done(bell), recv(lines[1]), recv(lines[0])]);
        if (index !== 0) ledger.see(value);
        else bell.clear();
      },
      async ({ pause }) => {
        await pause();
        bell.set();
      },
    ],
    check() {
      ledger.check();
      assertEquals(lines.map(({ getters, putters }) => getters.size + putters.size), [0, 0]);
    },
  };
});

stress("Semaphore", () => {
  const semaphore = new Semaphore(3);
  let holders = 0;
  let uses = 0;
  return {
    steps: [async ({ pause }) => {
      using _lease = await semaphore.lease();
      assert(++holders <= 3, "too many holders");
      uses++;
      try {
        await pause();
      } finally {
        holders--;
      }
    }],
    check() {
      assertEquals([semaphore.counter, holders], [3, 0]);
      assert(uses > 100);
    },
  };
});

stress("BoundedSemaphore", () => {
  const semaphore = new BoundedSemaphore(2);
  let holders = 0;
  let uses = 0;
  const use = async (pause: () => Promise<void>) => {
    assert(++holders <= 2, "too many holders");
    uses++;
    try {
      await pause();
    } finally {
      holders--;
      semaphore.release(); // throws if a permit was doubled
    }
  };
  return {
    steps: [
      async ({ pause }) => {
        await semaphore.acquire();
        await use(pause);
      },
      async ({ pause, below }) => {
        if (await semaphore.acquire({ timeout: below(3) / 20 })) await use(pause);
      },
      async ({ pause }) => {
        if (semaphore.tryAcquire()) await use(pause);
      },
      async () => assert(await semaphore.wait() >= 0),
    ],
    check() {
      assertEquals([semaphore.counter, holders], [2, 0]);
      assert(uses > 100);
    },
  };
});

stress("Lock", () => {
  const lock = new Lock();
  let holders = 0;
  let uses = 0;
  return {
    steps: [async ({ pause, below }) => {
      using _lease = below(2) === 0 ? await lock.lease() : await lock.lease({ timeout: below(3) / 20 });
      assertEquals([++holders, lock.owned], [1, true]);
      uses++;
      try {
        await pause();
      } finally {
        holders--;
      }
    }],
    check() {
      assertEquals([lock.locked, holders], [false, 0]);
      assert(uses > 100);
    },
  };
});

stress("Barrier", () => {
  const parties = 3;
  let rounds = 0;
  const barrier = new Barrier(parties, { action: () => rounds++ });
  const passed = Array.from({ length: parties }, () => 0);
  return {
    steps: [async ({ below }) => {
      try {
        const index = await (below(4) > 0 ? barrier.wait() : barrier.wait({ timeout: below(3) / 20 }));
        passed[index]!++;
      } catch (error) {
        if (barrier.broken) barrier.reset();
        if (!(error instanceof BrokenBarrierError)) throw error;
      }
    }],
    check() {
      // Whom the barrier let pass is told so, even if it was killed at that moment: all or none of a round.
      assertEquals(passed, Array.from({ length: parties }, () => rounds));
      assertEquals(barrier.waiting, 0);
      assert(rounds > 30, `only ${rounds} rounds`);
    },
  };
});

stress("RLock", () => {
  const lock = new RLock();
  let holders = 0;
  let uses = 0;
  return {
    steps: [({ pause }) =>
      lock.with(async () => {
        assertEquals(++holders, 1);
        uses++;
        try {
          await pause();
          await lock.with(pause);
        } finally {
          holders--;
        }
      })],
    check() {
      assertEquals([lock.locked, holders], [false, 0]);
      assert(uses > 100);
    },
  };
});

stress("Condition", () => {
  const condition = new Condition();
  const items: number[] = [];
  const ledger = new Ledger();
  let inside = 0;
  const exclusive = (fn: () => unknown) => {
    assertEquals([++inside, condition.lock.owned], [1, true]);
    fn();
    inside--;
  };
  return {
    steps: [
      () =>
        ledger.put((item) =>
          condition.with(() =>
            exclusive(() => {
              items.push(item);
              condition.notify();
            })
          )
        ),
      () =>
        condition.with(async () => {
          while (items.length === 0) await condition.wait();
          exclusive(() => ledger.see(items.shift()!));
        }),
    ],
    check() {
      for (const item of items) ledger.see(item);
      ledger.check();
      assertEquals([condition.lock.locked, inside], [false, 0]);
    },
  };
});

stress("Pool", () => {
  const pool = new Pool(3);
  let running = 0;
  let begun = 0;
  let cleaned = 0;
  const task = async (pause: () => Promise<void>) => {
    begun++;
    assert(++running <= 3, "too many at once");
    try {
      await pause();
    } finally {
      try {
        await sleep();
      } finally {
        running--;
        cleaned++;
      }
    }
  };
  return {
    steps: [
      ({ pause }) => pool.spawn(task, pause),
      ({ pause }) => pool.apply(task, [pause]),
      ({ pause }) => pool.map(() => task(pause), [1, 2, 3]),
      async ({ pause, below }) => {
        let left = below(4);
        for await (const _ of pool.imapUnordered(() => task(pause), [1, 2, 3, 4, 5], { maxSize: 2 })) {
          if (left-- === 0) break;
        }
      },
      async ({ below }) => {
        const members = [...pool];
        const victim = members[below(members.length)];
        if (victim !== undefined) await pool.killOne(victim);
      },
    ],
    async check() {
      await pool.join();
      assertEquals([pool.size, pool.freeCount, running, cleaned], [0, 3, 0, begun]);
      assert(begun > 100);
    },
  };
});

stress("nursery()", () => {
  let begun = 0;
  let cleaned = 0;
  const child = async (pause: () => Promise<void>) => {
    begun++;
    try {
      await pause();
    } finally {
      cleaned++;
    }
  };
  return {
    steps: [({ pause, below }) =>
      nursery(async (n) => {
        const before = begun - cleaned;
        for (let i = below(4); i > 0; i--) n.spawn(child, pause);
        await pause();
        assert(begun - cleaned >= 0 && before >= 0);
      })],
    check() {
      assertEquals(cleaned, begun);
      assert(begun > 100);
    },
  };
});
