import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  BlockingSwitchOutError,
  Event,
  explore,
  getCurrent,
  getHub,
  Greenlet,
  GreenletExit,
  GreenPool,
  isKill,
  joinAll,
  sleep,
  spawn,
  Timeout,
} from "@verdant/green";
import { captureErrors } from "../helpers.ts";
import { endlessSlice, passes, strikeEveryWait, Tally } from "./trial.ts";

/** What a pool has and what it has left. */
const account = (pool: GreenPool) => [pool.running, pool.free, pool.waiting];

const isIdle = (pool: GreenPool) => assertEquals(account(pool), [0, pool.size, 0]);

Deno.test("GreenPool.spawn() gives the greenlet, not its result, and switches only if it is full", async () => {
  using _slice = endlessSlice();
  const pool = new GreenPool(1);
  const log: string[] = [];
  const other = spawn(() => log.push("other"));
  const greenlet = await pool.spawn((a: number, b: number) => a + b, 2, 3);
  log.push("spawned");
  assertInstanceOf(greenlet, Greenlet);
  assertEquals([greenlet.started, account(pool)], [true, [1, 0, 0]]);
  assertEquals([await greenlet.get(), await other.get(), log], [5, 2, ["spawned", "other"]]);
  isIdle(pool);
});

Deno.test("GreenPool.spawn() waits for a slot, first come first served", async () => {
  const pool = new GreenPool(1);
  const log: string[] = [];
  const task = async (name: string) => {
    log.push(name);
    await sleep();
  };
  const spawners = ["a", "b", "c"].map((name) => spawn(() => pool.spawn(task, name)));
  await sleep();
  assertEquals(account(pool), [1, 0, 2]);
  await pool.waitAll();
  assertEquals([log, spawners.every((spawner) => spawner.ready)], [["a", "b", "c"], true]);
  isIdle(pool);
});

Deno.test("GreenPool.spawn() by the pool's own greenlet in a full pool runs in its slot and cannot deadlock", async () => {
  const pool = new GreenPool(1);
  const log: string[] = [];
  const inner = async () => {
    log.push(`inner, ${pool.running} running`);
    await sleep();
    log.push("inner done");
    return 7;
  };
  await pool.spawn(async () => {
    const greenlet = await pool.spawn(inner);
    log.push(`outer, ${greenlet.value}`);
  });
  await pool.waitAll();
  assertEquals(log, ["inner, 1 running", "inner done", "outer, 7"]);
  isIdle(pool);
});

Deno.test("GreenPool.spawn() by the pool's own greenlet with a slot free runs beside it", async () => {
  const pool = new GreenPool(2);
  const log: string[] = [];
  await pool.spawn(async () => {
    await pool.spawn(async () => {
      await sleep();
      log.push("inner");
    });
    log.push("outer");
  });
  await pool.waitAll();
  assertEquals(log, ["outer", "inner"]);
});

Deno.test("GreenPool.spawn() nested 1,000 deep in a pool of 1 ends", async () => {
  const pool = new GreenPool(1);
  let deepest = 0;
  const nest = async (depth: number) => {
    deepest = depth;
    if (depth < 1_000) await pool.spawn(nest, depth + 1);
  };
  await pool.spawn(nest, 1);
  await pool.waitAll();
  assertEquals(deepest, 1_000);
  isIdle(pool);
});

Deno.test("GreenPool.spawn() from inside leaves an error to the greenlet it gives, and reports it", async () => {
  using errors = captureErrors();
  const pool = new GreenPool(1);
  const outer = await pool.spawn(async () => {
    const inner = await pool.spawn(() => {
      throw new RangeError("inner");
    });
    return [inner.failed, await inner.get().catch((error) => error.message)];
  });
  assertEquals(await outer.get(), [true, "inner"]);
  assertEquals(errors.seen.length, 1);
});

Deno.test("GreenPool kills who runs in the slot of a greenlet that is killed, and waits for its clean-up", async () => {
  const pool = new GreenPool(1);
  const log: string[] = [];
  const outer = await pool.spawn(async () => {
    try {
      await pool.spawn(async () => {
        try {
          await sleep(60_000);
        } finally {
          await sleep();
          log.push("inner cleaned up");
        }
      });
    } finally {
      log.push("outer cleaned up");
    }
  });
  await passes(3);
  assert(await outer.kill());
  assertEquals(log, ["inner cleaned up", "outer cleaned up"]);
  isIdle(pool);
});

Deno.test("GreenPool.spawn() of a greenlet that runs in a lent slot lends it on", async () => {
  const pool = new GreenPool(1);
  const inside: boolean[] = [];
  const note = () => inside.push(pool.has(getCurrent()!));
  await pool.spawn(() => pool.spawn(() => pool.spawn(note)));
  await pool.waitAll();
  assertEquals(inside, [true]);
});

Deno.test("GreenPool.spawnN() gives a slot back whatever becomes of the greenlet", async () => {
  using errors = captureErrors();
  const pool = new GreenPool(2);
  await pool.spawnN(() => {
    throw new RangeError("told to the hub");
  });
  await pool.spawnN(() => sleep(60_000));
  assert(await pool.kill()); // the first one has not even begun
  isIdle(pool);
  await pool.spawnN(() => {
    throw new RangeError("told to the hub");
  });
  await pool.waitAll();
  isIdle(pool);
  assertEquals(errors.seen.length, 1);
});

Deno.test("GreenPool.spawn() that times out leaves its place in the line to the next", async () => {
  const pool = new GreenPool(1);
  await pool.spawn(() => sleep(2));
  using limit = Timeout.start(1);
  const error = await pool.spawn(() => assert(false, "it must not run")).catch((error) => error);
  assertStrictEquals(error, limit);
  assertEquals(pool.waiting, 0);
  await pool.spawn(() => {});
  await pool.waitAll();
  isIdle(pool);
});

Deno.test("GreenPool.resize() to more wakes those who wait to spawn", async () => {
  const pool = new GreenPool(1);
  const log: string[] = [];
  const blocked = async (name: string) => {
    await pool.spawn(() => sleep(1));
    log.push(name);
  };
  await pool.spawn(() => sleep(1));
  const spawners = ["a", "b", "c"].map((name) => spawn(blocked, name));
  await sleep();
  assertEquals([account(pool), log], [[1, 0, 3], []]);
  pool.resize(3);
  assertEquals(account(pool), [3, 0, 1]);
  await joinAll(spawners.slice(0, 2));
  assertEquals(log, ["a", "b"]);
  await joinAll(spawners);
  await pool.waitAll();
  isIdle(pool);
});

Deno.test("GreenPool.resize() to fewer lets those that run go on, and free is negative meanwhile", async () => {
  const pool = new GreenPool(4);
  const gates = Array.from({ length: 4 }, () => new Event());
  for (const gate of gates) await pool.spawn(() => gate.wait());
  pool.resize(2);
  assertEquals([pool.size, account(pool)], [2, [4, -2, 0]]);
  const late = spawn(() => pool.spawn(() => pool.running));
  const steps: unknown[] = [];
  for (const gate of gates) {
    gate.set();
    await passes(3);
    steps.push([late.ready, ...account(pool)]);
  }
  assertEquals(steps, [[false, 3, -1, 1], [false, 2, 0, 1], [true, 1, 1, 0], [true, 0, 2, 0]]);
  assertEquals(await (await late.get()).get(), 2);
});

Deno.test("GreenPool.resize() down and up again gives every slot back once", async () => {
  const pool = new GreenPool(3);
  for (let i = 0; i < 3; i++) await pool.spawn(() => sleep(1));
  pool.resize(0);
  pool.resize(2);
  assertEquals(account(pool), [3, -1, 0]);
  pool.resize(Infinity);
  assertEquals(account(pool), [3, Infinity, 0]);
  pool.resize(5);
  assertEquals(account(pool), [3, 2, 0]);
  await pool.waitAll();
  isIdle(pool);
});

Deno.test("GreenPool of size 0 runs nothing until it is resized", async () => {
  const pool = new GreenPool(0);
  const spawner = spawn(() => pool.spawn(() => 5));
  await passes(3);
  assertEquals([account(pool), spawner.ready], [[0, 0, 1], false]);
  pool.resize(1);
  assertEquals(await (await spawner.get()).get(), 5);
});

Deno.test("GreenPool.waitAll() waits for greenlets that greenlets of the pool spawn, and for those in line", async () => {
  const pool = new GreenPool(2);
  let ended = 0;
  const work = async (depth: number) => {
    if (depth > 0) await pool.spawn(work, depth - 1);
    await sleep();
    ended++;
  };
  await pool.spawn(work, 2);
  const others = Array.from({ length: 5 }, () => spawn(() => pool.spawn(work, 0)));
  await sleep();
  assert(await pool.waitAll());
  assertEquals([ended, others.every((other) => other.ready)], [8, true]);
  isIdle(pool);
});

Deno.test("GreenPool.waitAll() returns at once if nothing runs", async () => {
  using _slice = endlessSlice();
  const other = spawn(() => {});
  assertEquals([await new GreenPool(1).waitAll(), other.ready], [true, false]);
  await other.join();
});

Deno.test("GreenPool.waitAll() throws in a greenlet of the pool, which would wait for itself", async () => {
  const pool = new GreenPool(1);
  const refused = () => assertThrows(() => void pool.waitAll(), Error, "itself");
  const host = await pool.spawn(async () => {
    refused();
    return await (await pool.spawn(refused)).get();
  });
  assertInstanceOf(await host.get(), Error);
});

Deno.test("GreenPool.imap() yields in order, of several sources as many as the shortest has", async () => {
  const pool = new GreenPool(4);
  const late = async (a: number, b: string) => {
    await sleep(5 - a);
    return `${a}${b}`;
  };
  async function* letters() {
    yield "a";
    await sleep();
    yield "b";
  }
  assertEquals(await Array.fromAsync(pool.imap(late, [1, 2, 3], "xyz")), ["1x", "2y", "3z"]);
  assertEquals(await Array.fromAsync(pool.imap(late, [1, 2, 3], letters())), ["1a", "2b"]);
  assertEquals(await Array.fromAsync(pool.imap(null, [1, 2], "ab")), [[1, "a"], [2, "b"]]);
  assertEquals(await Array.fromAsync(pool.imap(() => 1)), []);
  isIdle(pool);
});

Deno.test("GreenPool.imap() closes its sources when the shortest ends and when the reader leaves", async () => {
  const log: string[] = [];
  function* endless(name: string) {
    try {
      for (let i = 0;; i++) yield i;
    } finally {
      log.push(name);
    }
  }
  async function* awaited() {
    yield* endless("awaited");
  }
  const pool = new GreenPool(2);
  const add = (a: number, b: number) => a + b;
  assertEquals(await Array.fromAsync(pool.imap(add, endless("long"), [1])), [1]);
  for await (const _ of pool.imap(add, endless("left"), endless("left too"))) break;
  for await (const _ of pool.imap(add, awaited(), endless("beside it"))) break;
  assertEquals(log, ["long", "left", "left too", "awaited", "beside it"]);
});

Deno.test("GreenPool.imap() takes nothing before it is asked, then size items and one more, then one for one", async () => {
  let taken = 0;
  function* source() {
    for (;;) yield taken++;
  }
  const results = new GreenPool(4).imap((n: number) => n, source());
  await passes(3);
  const seen = [taken];
  assertEquals(await results.next(), { done: false, value: 0 });
  await passes(10);
  seen.push(taken);
  await results.next();
  await passes(10);
  seen.push(taken);
  await results.return!();
  assertEquals(seen, [0, 6, 7]);
});

Deno.test("GreenPool.imap() keeps at most size results waiting, running ones included", async () => {
  for (const size of [1, 2, 5]) {
    const pool = new GreenPool(size);
    let ahead = 0;
    let most = 0;
    const work = async (n: number) => {
      most = Math.max(most, ++ahead);
      await sleep();
      return n;
    };
    let expected = 0;
    for await (const n of pool.imap(work, Array(40).keys())) {
      ahead--;
      assertEquals(n, expected++);
      await passes(3);
    }
    assertEquals([expected, most], [40, size]);
  }
});

Deno.test("GreenPool.imap() left in the middle kills the work, closes the source and gives the slots back", async () => {
  const pool = new GreenPool(3);
  const tally = new Tally();
  for await (const _ of pool.imap(tally.body, Array(100).keys())) break;
  isIdle(pool);
  assertEquals([tally.running, tally.begun <= 5], [0, true]);
});

Deno.test("GreenPool.imap() throws a task's error at its position and goes on, and one of its source at the end", async () => {
  function* source() {
    yield* [0, 1, 2];
    throw new RangeError("source");
  }
  const results = new GreenPool(2).imap((n: number) => {
    if (n === 1) throw new TypeError("task");
    return n;
  }, source());
  const seen: unknown[] = [];
  for (let i = 0; i < 6; i++) {
    seen.push(await results.next().then(({ done, value }) => done ? "end" : value, ({ message }) => message));
  }
  assertEquals(seen, [0, "task", 2, "source", "end", "end"]);
});

Deno.test("GreenPool.imap() shares the pool's slots, and by a greenlet of the pool uses slots of its own", async () => {
  const pool = new GreenPool(1);
  let most = 0;
  const work = async (n: number) => {
    most = Math.max(most, pool.running);
    await sleep();
    return n;
  };
  const results = pool.imap(work, [1, 2, 3]);
  await results.next();
  await passes(3);
  await pool.spawn(() => {});
  assertEquals(await Array.fromAsync(results), [2, 3]);
  assertEquals(most, 1);
  const inside = await pool.spawn(() => Array.fromAsync(pool.imap(work, [1, 2, 3])));
  assertEquals(await inside.get(), [1, 2, 3]);
});

Deno.test("GreenPool.starmap() calls with the items of each tuple", async () => {
  const powers = new GreenPool(2).starmap(Math.pow, [[2, 3], [3, 2]]);
  assertEquals(await Array.fromAsync(powers), [8, 9]);
});

Deno.test("GreenPool.imap() that is never asked runs nothing, and can be left", async () => {
  const pool = new GreenPool(1);
  {
    await using _results = pool.imap(() => assert(false, "it must not run"), [1]);
  }
  isIdle(pool);
});

Deno.test("GreenPool.kill() ends what runs and what those in line spawn", async () => {
  const pool = new GreenPool(1);
  const log: string[] = [];
  const work = async (name: string) => {
    log.push(name);
    await sleep(60_000);
  };
  await pool.spawn(work, "first");
  const spawner = spawn(() => pool.spawn(work, "in line"));
  await sleep();
  assert(await pool.kill());
  assertEquals([log, spawner.ready], [["first"], true]);
  isIdle(pool);
});

Deno.test("GreenPool in an await using block leaves nothing running", async () => {
  const tally = new Tally();
  {
    await using pool = new GreenPool(3);
    for (let i = 0; i < 3; i++) await pool.spawn(tally.body);
    await sleep();
  }
  assertEquals([tally.begun, tally.running], [3, 0]);
});

Deno.test("GreenPool refuses bad input at the call and stays as it was", () => {
  for (const size of [-1, 1.5, NaN]) {
    assertThrows(() => new GreenPool(size), RangeError, `received ${size}`);
    const pool = new GreenPool(2);
    assertThrows(() => pool.resize(size), RangeError, `received ${size}`);
    assertEquals([pool.size, account(pool)], [2, [0, 2, 0]]);
  }
  const pool = new GreenPool(1);
  assertThrows(() => void pool.spawn("no" as never), TypeError, "received no");
  assertThrows(() => void pool.start({} as never), TypeError, "not a Greenlet");
  assertThrows(() => pool.imap("no" as never, [1]), TypeError, "received no");
  assertThrows(() => pool.imap(undefined as never), TypeError, "received undefined");
  assertThrows(() => pool.imap((_: unknown) => 1, 5 as never), TypeError, "received 5");
  assertThrows(() => void pool.waitAll({ timeout: -1 }), RangeError, "received -1");
  isIdle(pool);
});

Deno.test("GreenPool throws at once in a callback of the hub where it might wait", async () => {
  const pool = new GreenPool(1);
  const errors: unknown[] = [];
  const calls = [() => pool.spawn(() => {}), () => pool.spawnN(() => {}), () => pool.waitAll()];
  for (const call of calls) {
    getHub().runCallback(() => {
      try {
        void call();
      } catch (error) {
        errors.push(error);
      }
    });
  }
  await sleep();
  assertEquals(errors.map((error) => error instanceof BlockingSwitchOutError), [true, true, true]);
  isIdle(pool);
});

const strikes = {
  "a kill": (victim: Greenlet) => void victim.kill(undefined, { block: false }),
  "a time-out": (victim: Greenlet) => victim.throw(new Timeout(0, { silent: true })),
};

for (const [kind, strike] of Object.entries(strikes)) {
  Deno.test(`GreenPool.spawn() from inside loses no slot by ${kind} at any of its waits`, async () => {
    using _errors = captureErrors();
    await strikeEveryWait(() => {
      const pool = new GreenPool(1);
      const tally = new Tally();
      return {
        victim: async () => {
          pool.resize(1);
          const self = getCurrent()!;
          await pool.start(self);
          await pool.spawn(tally.body);
          await pool.spawn(tally.body);
        },
        async check() {
          await pool.waitAll();
          isIdle(pool);
          assertEquals([tally.cleaned, tally.running, tally.most <= 1], [tally.begun, 0, true]);
        },
      };
    }, strike);
  });
}

Deno.test("GreenPool never runs more than its size, under kills and resizing at any point", async () => {
  await explore(async () => {
    const pool = new GreenPool(2);
    let running = 0;
    const work = async (depth: number): Promise<void> => {
      assert(++running <= 2, `${running} at once`);
      try {
        await sleep();
        running--;
        if (depth > 0) await pool.spawn(work, depth - 1).finally(() => running++);
        else running++;
      } finally {
        running--;
      }
    };
    const spawners = [1, 1, 0].map((depth) => spawn(() => pool.spawn(work, depth).catch(passKill)));
    await joinAll(spawners);
    await pool.waitAll();
    assertEquals([running, account(pool)], [0, [0, 2, 0]]);
  }, { inject: ["kill"], runs: 2_000 });
});

function passKill(error: unknown): void {
  if (!isKill(error) && !(error instanceof GreenletExit)) throw error;
}

Deno.test("GreenPool.waitAll() gives up in time", async () => {
  const pool = new GreenPool(1);
  await pool.spawn(() => sleep(60_000));
  assertEquals(await pool.waitAll({ timeout: 1 }), false);
  await assertRejects(() => pool.waitAll({ signal: AbortSignal.abort(new RangeError("no")) }), RangeError);
  await pool.kill();
});
