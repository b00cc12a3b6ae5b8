/**
 * Interrupts a greenlet at every one of its waits in turn, for each primitive: once while it is parked, and
 * once after its wait was granted but before it ran. Then nothing may be lost or doubled.
 */
import { assert, assertEquals } from "@std/assert";
import {
  AsyncResult,
  Barrier,
  BrokenBarrierError,
  Condition,
  Event,
  Lock,
  Queue,
  RLock,
  Semaphore,
  sleep,
} from "@verdant/green";
import { interruptAnywhere, type Trial } from "./interrupt_anywhere.ts";

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

interruptAnywhere("AsyncResult.wait()", () => {
  const result = new AsyncResult<number>();
  const seen: unknown[] = [];
  const wait = async () => void seen.push(await result.wait());
  return {
    victim: wait,
    others: [wait, async () => {
      await sleep();
      result.setError("no value");
    }],
    check: (interrupted) =>
      assert(seen.length >= (interrupted ? 1 : 2) && seen.every((value) => value === undefined)),
  };
});

interruptAnywhere("Semaphore.wait()", () => {
  const semaphore = new Semaphore(0);
  const taken: boolean[] = [];
  return {
    victim: async () => {
      for (let i = 0; i < 2; i++) await semaphore.wait();
    },
    others: [
      async () => void taken.push(await semaphore.acquire()),
      async () => {
        for (let i = 0; i < 2; i++) {
          await sleep();
          semaphore.release();
        }
      },
    ],
    check: () => assertEquals([taken, semaphore.counter], [[true], 1]),
  };
});

interruptAnywhere("Clean-up in the order of using, await using and finally", () => {
  const semaphore = new Semaphore(0);
  const queue = new Queue<number>();
  const log: string[] = [];
  return {
    victim: async () => {
      await using _outer = {
        async [Symbol.asyncDispose]() {
          try {
            await sleep();
          } finally {
            log.push("await using");
          }
        },
      };
      using _permit = await semaphore.lease();
      using _inner = { [Symbol.dispose]: () => void log.push(`using, ${semaphore.counter} free`) };
      try {
        await queue.get();
        await sleep();
      } finally {
        log.push("finally");
      }
    },
    others: [async () => {
      await sleep();
      semaphore.release();
      await sleep();
      queue.putNowait(1);
    }],
    check(interrupted) {
      const all = ["finally", "using, 0 free", "await using"];
      if (!interrupted) assertEquals(log, all);
      else assertEquals(log, log.length === 1 ? ["await using"] : all);
      assertEquals([semaphore.counter, queue.getters.size], [1, 0]);
    },
  };
});
