import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  BlockingSwitchOutError,
  Event,
  explore,
  Full,
  getHub,
  Greenlet,
  Pool,
  PoolFull,
  sleep,
  spawn,
  Timeout,
} from "@verdant/green";
import { captureErrors } from "../helpers.ts";
import { endlessSlice, passes, strikeEveryWait, Tally } from "./trial.ts";

/** What a pool has and what it has left. */
const account = (pool: Pool) => ({ size: pool.size, freeCount: pool.freeCount, full: pool.full });

Deno.test("Pool.spawn() waits for a slot, first come first served", async () => {
  const pool = new Pool(1);
  const log: string[] = [];
  const task = async (name: string) => {
    log.push(name);
    await sleep();
  };
  const spawners = ["a", "b", "c"].map((name) => spawn(() => pool.spawn(task, name)));
  for (const spawner of spawners) await spawner.join();
  await pool.join();
  assertEquals(log, ["a", "b", "c"]);
});

Deno.test("Pool.spawn() gives the greenlet, not its result, and does not start it at once", async () => {
  const greenlet = await new Pool(1).spawn((a: number, b: number) => a + b, 2, 3);
  assertInstanceOf(greenlet, Greenlet);
  assertEquals([greenlet.started, greenlet.ready, await greenlet.get()], [true, false, 5]);
});

Deno.test("Pool.spawn() does not switch if a slot is free", async () => {
  using _slice = endlessSlice();
  const log: string[] = [];
  const other = spawn(() => log.push("other"));
  const pool = new Pool(1);
  await pool.spawn(() => log.push("member"));
  log.push("spawned");
  await pool.join();
  assertEquals([log, other.ready], [["spawned", "other", "member"], true]);
});

Deno.test("Pool.spawn() that is not awaited makes a member at once if a slot is free", async () => {
  const pool = new Pool(2);
  const log: string[] = [];
  for (const name of ["a", "b"]) void pool.spawn(() => log.push(name));
  assertEquals(account(pool), { size: 2, freeCount: 0, full: true });
  assertEquals(await pool.join(), true);
  assertEquals(log, ["a", "b"]);
  void pool.spawn(() => log.push("never"));
  assertEquals(await pool.kill(), true);
  await passes(2);
  assertEquals([log, pool.freeCount], [["a", "b"], 2]);
});

Deno.test("Pool.spawn() never lets more than size run at once", async () => {
  const pool = new Pool(3);
  const tally = new Tally();
  for (let i = 0; i < 20; i++) await pool.spawn(tally.body, i);
  await pool.join();
  assertEquals([tally.most, tally.begun, tally.cleaned], [3, 20, 20]);
  assertEquals(account(pool), { size: 0, freeCount: 3, full: false });
});

Deno.test("Pool keeps its size through members that fail", async () => {
  using errors = captureErrors();
  const pool = new Pool(2);
  for (let i = 0; i < 6; i++) {
    await pool.spawn(() => {
      throw new Error("member failed");
    });
  }
  await pool.join();
  assertEquals(errors.seen.length, 6);
  assertEquals(account(pool), { size: 0, freeCount: 2, full: false });
});

Deno.test("Pool frees a slot only when the clean-up of its greenlet has ended", async () => {
  const pool = new Pool(1);
  const gate = Promise.withResolvers<void>();
  const member = await pool.spawn(async () => {
    try {
      await sleep(60_000);
    } finally {
      await gate.promise;
    }
  });
  await sleep();
  await member.kill(undefined, { block: false });
  assertEquals(await pool.waitAvailable({ timeout: 1 }), 0);
  assertEquals(account(pool), { size: 1, freeCount: 0, full: true });
  gate.resolve();
  assertEquals(await pool.waitAvailable(), 1);
  assertEquals(account(pool), { size: 0, freeCount: 1, full: false });
});

Deno.test("Pool.kill() ends the members, not those who wait for a slot: the next one gets it", async () => {
  const pool = new Pool(1);
  await pool.spawn(() => sleep(60_000));
  const spawner = spawn(() => pool.spawn(() => "ran"));
  await sleep();
  const [member] = pool;
  await member!.kill();
  assertEquals(await (await spawner.get()).get(), "ran");
  assertEquals(account(pool), { size: 0, freeCount: 1, full: false });
});

Deno.test("Pool.kill() ends a greenlet before it begins that gets a slot by the kill", async () => {
  const pool = new Pool(1);
  await pool.spawn(() => sleep(60_000));
  const spawner = spawn(() => pool.spawn(() => "never"));
  await sleep();
  await pool.kill();
  const late = await spawner.get();
  assertEquals([late.dead, late.value instanceof Error], [true, true]);
  assertEquals(account(pool), { size: 0, freeCount: 1, full: false });
});

for (const method of ["add", "start"] as const) {
  Deno.test(`Pool.${method}() throws PoolFull when no slot becomes free in time, and takes nothing`, async () => {
    const pool = new Pool(1);
    const busy = await pool.spawn(() => sleep(60_000));
    const greenlet = new Greenlet(() => "ran");
    for (const timeout of [0, 1]) {
      const caught = await pool[method](greenlet, { timeout }).catch((error) => error);
      assertInstanceOf(caught, PoolFull);
      assertInstanceOf(caught, Full);
      assertEquals(caught.name, "PoolFull");
    }
    assertEquals([[...pool], greenlet.started], [[busy], false]);
    await pool.kill();
    await pool[method](greenlet, { timeout: 0 });
    assertEquals([...pool], [greenlet]);
    greenlet.start();
    assertEquals([await greenlet.get(), pool.freeCount], ["ran", 1]);
  });

  Deno.test(`Pool.${method}() throws the Timeout that is its limit`, async () => {
    const pool = new Pool(1);
    await pool.spawn(() => sleep(60_000));
    const limit = new Timeout(1);
    assertStrictEquals(
      await pool[method](new Greenlet(() => {}), { timeout: limit }).catch((error) => error),
      limit,
    );
    using running = Timeout.start(1);
    assertStrictEquals(
      await pool[method](new Greenlet(() => {}), { timeout: running }).catch((error) => error),
      running,
    );
    await pool.kill();
    assertEquals(pool.freeCount, 1);
  });

  Deno.test(`Pool.${method}() ends with the reason of a signal and takes nothing`, async () => {
    const pool = new Pool(1);
    await pool.spawn(() => sleep(60_000));
    const controller = new AbortController();
    const { signal } = controller;
    const waiting = pool[method](new Greenlet(() => {}), { signal });
    controller.abort(new RangeError("not wanted"));
    await assertRejects(() => waiting, RangeError, "not wanted");
    await assertRejects(() => pool[method](new Greenlet(() => {}), { signal }), RangeError, "not wanted");
    await pool.kill();
    assertEquals(account(pool), { size: 0, freeCount: 1, full: false });
  });

  Deno.test(`Pool.${method}() of a greenlet that ends while it waits for a slot takes none`, async () => {
    const pool = new Pool(1);
    const busy = await pool.spawn(() => sleep(60_000));
    const waiting = new Greenlet(() => "never");
    const starter = spawn(() => pool[method](waiting));
    await sleep();
    await waiting.kill();
    await busy.kill();
    await starter.join();
    assertEquals(starter.successful, true);
    assertEquals(account(pool), { size: 0, freeCount: 1, full: false });
  });

  Deno.test(`Pool.${method}() refuses bad input at the call and stays as it was`, () => {
    const pool = new Pool(1);
    for (const value of [5, null, undefined, () => {}] as unknown[]) {
      assertThrows(() => pool[method](value as Greenlet), TypeError, String(value));
    }
    for (const timeout of [-1, NaN]) {
      assertThrows(() => pool[method](new Greenlet(() => {}), { timeout }), RangeError, String(timeout));
    }
    assertEquals(account(pool), { size: 0, freeCount: 1, full: false });
  });
}

Deno.test("Pool.add() of a member or of an ended greenlet is ignored, also if the pool is full", async () => {
  const pool = new Pool(1);
  const ended = spawn(() => {});
  await ended.join();
  await pool.add(ended);
  assertEquals(account(pool), { size: 0, freeCount: 1, full: false });
  const member = await pool.spawn(() => sleep(60_000));
  await pool.add(member);
  await pool.start(member);
  await pool.add(ended);
  assertEquals(account(pool), { size: 1, freeCount: 0, full: true });
  await pool.kill();
});

Deno.test("Pool.add() of the same greenlet by two who wait takes one slot", async () => {
  const pool = new Pool(1);
  const busy = await pool.spawn(() => sleep(60_000));
  const outsider = spawn(() => sleep(60_000));
  const adders = [1, 2].map(() => spawn(() => pool.add(outsider)));
  await sleep();
  await busy.kill();
  await adders[0]!.join();
  assertEquals([...pool], [outsider]);
  pool.discard(outsider); // its slot goes to the second, who takes it in again
  await adders[1]!.join();
  assertEquals([...pool], [outsider]);
  await pool.kill();
  assertEquals(account(pool), { size: 0, freeCount: 1, full: false });
});

Deno.test("Pool.add() of the same greenlet twice at once takes one slot of two", async () => {
  const pool = new Pool(2);
  const outsider = spawn(() => sleep(60_000));
  await Promise.all([pool.add(outsider), pool.add(outsider)]);
  assertEquals(account(pool), { size: 1, freeCount: 1, full: false });
  await pool.kill();
  assertEquals(pool.freeCount, 2);
});

Deno.test("Pool.discard() frees the slot of a greenlet that runs on, once", async () => {
  const pool = new Pool(1);
  const member = await pool.spawn(() => sleep(60_000));
  const spawner = spawn(() => pool.spawn(() => sleep(60_000)));
  await sleep();
  pool.discard(member);
  pool.discard(member);
  const next = await spawner.get();
  assertEquals([[...pool], pool.freeCount, member.dead], [[next], 0, false]);
  await member.kill();
  assertEquals([pool.freeCount, await pool.kill(), pool.freeCount], [0, true, 1]);
});

Deno.test("Pool.waitAvailable() tells how many slots are free, without taking one", async () => {
  using _slice = endlessSlice();
  const pool = new Pool(3);
  const other = spawn(() => {});
  assertEquals([await pool.waitAvailable(), other.ready, pool.freeCount], [3, false, 3]);
  for (let i = 0; i < 3; i++) await pool.spawn(() => sleep(60_000));
  assertEquals(await pool.waitAvailable({ timeout: 0 }), 0);
  const waiting = spawn(() => pool.waitAvailable());
  await sleep();
  await [...pool][1]!.kill();
  assertEquals([await waiting.get(), pool.freeCount], [1, 1]);
  for (const timeout of [-1, NaN]) {
    assertThrows(() => pool.waitAvailable({ timeout }), RangeError, String(timeout));
  }
  await pool.kill();
});

Deno.test("Pool.waitAvailable() is told of a slot that somebody else takes first", async () => {
  const pool = new Pool(1);
  const busy = await pool.spawn(() => sleep(60_000));
  const watcher = spawn(() => pool.waitAvailable());
  const spawner = spawn(() => pool.spawn(() => sleep(60_000)));
  await sleep();
  await busy.kill();
  assertEquals([await watcher.get(), (await spawner.get()).started], [0, true]);
  await pool.kill();
});

Deno.test("Pool of size 0 runs nothing", async () => {
  const pool = new Pool(0);
  assertEquals(account(pool), { size: 0, freeCount: 0, full: true });
  assertEquals([await pool.waitAvailable({ timeout: 0 }), await pool.join()], [0, true]);
  await assertRejects(() => pool.start(new Greenlet(() => {}), { timeout: 1 }), PoolFull);
  const spawner = spawn(() => pool.spawn(() => {}));
  await passes(2);
  assertEquals(spawner.ready, false);
  await spawner.kill();
});

Deno.test("Pool of size Infinity, the default, runs everything", async () => {
  const pool = new Pool();
  for (let i = 0; i < 100; i++) await pool.spawn(() => sleep(60_000));
  assertEquals(account(pool), { size: 100, freeCount: Infinity, full: false });
  assertEquals([await pool.waitAvailable(), await pool.waitAvailable({ timeout: 0 })], [Infinity, Infinity]);
  await pool.kill();
});

Deno.test("Pool.resize() lets in who waits, or waits until fewer are in", async () => {
  const pool = new Pool(1);
  const gates = [new Event(), new Event(), new Event()];
  const spawners = gates.map((gate) => spawn(() => pool.spawn(() => gate.wait())));
  await passes(2);
  assertEquals([pool.maxSize, pool.size, pool.waiting], [1, 1, 2]);
  pool.resize(2);
  assertEquals([account(pool), pool.waiting], [{ size: 2, freeCount: 0, full: true }, 1]);
  pool.resize(1);
  assertEquals([account(pool), pool.waiting], [{ size: 2, freeCount: -1, full: true }, 1]);
  for (const gate of gates) gate.set();
  for (const spawner of spawners) await spawner.join();
  await pool.join();
  assertEquals(account(pool), { size: 0, freeCount: 1, full: false });
  assertThrows(() => pool.resize(-1), RangeError, "Cannot resize pool: size must be a non-negative integer");
  assertEquals(pool.maxSize, 1);
});

Deno.test("Pool.join() waits for those that wait for a slot, too", async () => {
  const pool = new Pool(1);
  const log: string[] = [];
  const spawners = ["a", "b", "c"].map((name) => spawn(() => pool.spawn(() => log.push(name))));
  await sleep();
  await pool.join();
  assertEquals([log, spawners.every(({ ready }) => ready)], [["a", "b", "c"], true]);
});

Deno.test("Pool refuses a bad size", () => {
  for (const size of [-1, 1.5, NaN, -Infinity, "3", null] as number[]) {
    assertThrows(() => new Pool(size), RangeError, `received ${size}`);
  }
});

Deno.test("Pool.spawn() refuses what is not a function and stays as it was", () => {
  const pool = new Pool(1);
  for (const fn of [5, undefined, null, {}] as unknown[]) {
    assertThrows(() => pool.spawn(fn as () => void), TypeError, String(fn));
  }
  assertEquals(account(pool), { size: 0, freeCount: 1, full: false });
});

Deno.test("Pool throws at once in a callback of the hub where it might wait", async () => {
  const pool = new Pool(1);
  const caught: unknown[] = [];
  const calls = [
    () => pool.spawn(() => {}),
    () => pool.add(new Greenlet(() => {})),
    () => pool.start(new Greenlet(() => {})),
    () => pool.waitAvailable(),
  ];
  for (const call of calls) {
    getHub().runCallback(() => {
      try {
        void call();
      } catch (error) {
        caught.push(error);
      }
    });
  }
  await sleep();
  assertEquals(caught.map((error) => error instanceof BlockingSwitchOutError), [true, true, true, true]);
  assertEquals(account(pool), { size: 0, freeCount: 1, full: false });
});

Deno.test("Pool inside a pool's task works", async () => {
  const outer = new Pool(2);
  const sums = await outer.map(async (n) => {
    const inner = new Pool(2);
    const parts = await inner.map((m: number) => m * n, [1, 2, 3]);
    return parts.reduce((a, b) => a + b);
  }, [1, 2, 3]);
  assertEquals(sums, [6, 12, 18]);
});

Deno.test("Pool killed at the end of its block kills the pools inside its members first", async () => {
  const log: string[] = [];
  {
    await using outer = new Pool(1);
    await outer.spawn(async () => {
      await using inner = new Pool(1);
      await inner.spawn(async () => {
        try {
          await sleep(60_000);
        } finally {
          await sleep();
          log.push("inner member");
        }
      });
      try {
        await sleep(60_000);
      } finally {
        log.push("outer member");
      }
    });
    await passes(2);
  }
  assertEquals(log, ["outer member", "inner member"]);
});

Deno.test("Pool.spawn() by a member that waits for its own slot gets another's", async () => {
  const pool = new Pool(2);
  const log: string[] = [];
  await pool.spawn(async () => {
    await pool.spawn(() => log.push("child of a full pool"));
    log.push("parent");
  });
  await pool.spawn(() => sleep());
  await pool.join();
  assertEquals(log, ["parent", "child of a full pool"]);
});

const strikes = {
  "a kill": (victim: Greenlet) => void victim.kill(undefined, { block: false }),
  "a time-out": (victim: Greenlet) => victim.throw(new Timeout(0, { silent: true })),
};

for (const [kind, strike] of Object.entries(strikes)) {
  Deno.test(`Pool.spawn() loses no slot by ${kind} at any of its waits`, async () => {
    const waits = await strikeEveryWait(() => {
      const pool = new Pool(2);
      const tally = new Tally();
      return {
        victim: async () => {
          for (let i = 0; i < 5; i++) await pool.spawn(tally.body);
        },
        async check() {
          await pool.join();
          assertEquals(account(pool), { size: 0, freeCount: 2, full: false });
          assertEquals([tally.cleaned, tally.running, tally.most], [tally.begun, 0, 2]);
        },
      };
    }, strike);
    assertEquals(waits, 2);
  });

  Deno.test(`Pool in an await using block is empty after ${kind} at any wait of its owner`, async () => {
    await strikeEveryWait(() => {
      const tally = new Tally();
      let pool!: Pool;
      return {
        victim: async () => {
          await using own = pool = new Pool(1);
          await own.spawn(tally.body);
          await own.spawn(tally.body);
          await sleep();
        },
        async check(victim) {
          // An interruption of the final wait itself ends it early; the members are dying all the same.
          if (victim.failed || victim.value !== undefined) await pool.join();
          assertEquals(account(pool), { size: 0, freeCount: 1, full: false });
          assertEquals([tally.cleaned, tally.running], [tally.begun, 0]);
        },
      };
    }, strike);
  });
}

Deno.test("Pool.start() that is refused takes no slot, also if others take one before it returns", async () => {
  await explore(async () => {
    const pool = new Pool(1);
    const signal = AbortSignal.abort();
    await sleep();
    const other = spawn(() => pool.spawn(() => {}));
    await pool.start(new Greenlet(() => {}), { signal }).catch(() => {});
    await other.join();
    await pool.join();
    assertEquals(pool.freeCount, 1);
  }, { strategy: "exhaustive" });
});
