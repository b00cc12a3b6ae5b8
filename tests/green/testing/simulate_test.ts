import { AsyncLocalStorage } from "node:async_hooks";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  after,
  Event,
  getHub,
  joinAll,
  Lock,
  LoopExit,
  nursery,
  Pool,
  Queue,
  select,
  Semaphore,
  settled,
  simulate,
  SimulationError,
  sleep,
  spawn,
  spawnLater,
  spawnWith,
  Timeout,
  until,
  withTimeout,
} from "@verdant/green";
import { captureErrors } from "../../helpers.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

Deno.test("simulate() returns what its body returns and throws what it throws", async () => {
  assertEquals(await simulate(() => 5), 5);
  assertEquals(await simulate(async () => (await sleep(DAY_MS), "slept")), "slept");
  await assertRejects(() => simulate(() => Promise.reject(new RangeError("own"))), RangeError, "own");
});

Deno.test("simulate() jumps to the next timer when everybody waits: all of the library follows", async () => {
  const log: string[] = [];
  await simulate(async (world) => {
    const note = (what: string) => log.push(`${world.now / DAY_MS}: ${what}`);
    spawnLater(DAY_MS, () => note("spawnLater"));
    await withTimeout(2 * DAY_MS, () => new Event().wait()).catch(() => note("withTimeout"));
    assertEquals(await new Queue().get({ timeout: DAY_MS }).catch((error) => error.name), "Empty");
    note("queue");
    await nursery((n) => void n.spawn(() => sleep(9 * DAY_MS)), { deadline: DAY_MS }).catch(() =>
      note("deadline")
    );
    note(`getHub().now() ${getHub().now() === world.now}`);
  });
  assertEquals(log, ["1: spawnLater", "2: withTimeout", "3: queue", "4: deadline", "4: getHub().now() true"]);
});

Deno.test("World.advance() shows each sleep at its own time", async () => {
  const seen: number[] = [];
  await simulate(async (world) => {
    spawn(async () => {
      for (let i = 0; i < 3; i++) {
        await sleep(10);
        seen.push(world.now);
      }
    });
    await world.advance(9);
    assertEquals(seen, []);
    await world.advance(21);
    assertEquals([seen, world.now], [[10, 20, 30], 30]);
  }, { start: 0 });
  await simulate((world) => assertEquals(world.now, 1_000), { start: 1_000 });
});

Deno.test("World.settle() waits until all others are parked, and no time passes", async () => {
  await simulate(async (world) => {
    let passes = 0;
    const busy = spawn(async () => {
      for (; passes < 50; passes++) await sleep();
      await sleep(10);
    });
    await world.settle();
    assertEquals([passes, world.now, busy.ready], [50, 0, false]);
    assertEquals(world.greenlets().map((greenlet) => greenlet === busy), [false, true]);
    await settled();
    await busy.join();
  });
  await assertRejects(() => settled(), Error, "inside of a simulation");
});

Deno.test("World.settle() waits for what is due without time passing", async () => {
  await simulate(async (world) => {
    const queue = new Queue<number>();
    const got: number[] = [];
    const getter = spawn(async () => got.push(await queue.get()));
    const timer = spawn(async () => {
      await select([after(0)]);
      queue.putNowait(1);
    });
    await world.settle();
    assertEquals([got, world.hub.stats().runnable], [[1], 0]);
    await joinAll([getter, timer]);
  });
});

Deno.test("simulate() fails at once when nobody can run any more, and says who waits for what", async () => {
  const error = await simulate(async () => {
    const lock = new Lock();
    const holder = spawnWith({ name: "holder" }, () => lock.with(() => new Event().wait()));
    await settled();
    await lock.acquire();
    await holder.join();
  }).catch((error) => error);
  assertInstanceOf(error, LoopExit);
  assertStringIncludes(error.message, "body waits for Lock acquire, held by");
  assertStringIncludes(error.message, "holder waits for Event wait");
});

Deno.test("simulate() that only unreferenced timers could wake is deadlocked", async () => {
  await assertRejects(() =>
    simulate(async () => {
      const daemon = spawn(() => sleep(10, { ref: false }));
      await daemon.join();
    }), LoopExit);
});

Deno.test("simulate() stops the time while a promise that is not the library's own is awaited", async () => {
  const result = await simulate(async (world) => {
    const sleeper = spawn(() => sleep(1));
    await new Promise((resolve) => setTimeout(resolve, 5));
    const afterForeign = [world.now, sleeper.ready];
    await until(new Promise((resolve) => setTimeout(resolve, 5)));
    const afterUntil = [world.now, sleeper.ready];
    await sleeper.join();
    return [afterForeign, afterUntil, world.now];
  });
  assertEquals(result, [[0, false], [0, false], 1]);
});

Deno.test("simulate() goes on when one of several waits of a greenlet has ended", async () => {
  await simulate(async (world) => {
    const nap = async (ms: number) => {
      await sleep(ms);
      return world.now;
    };
    assertEquals(await Promise.all([nap(1), nap(3), nap(2)]), [1, 3, 2]);
  });
});

Deno.test("simulate() names who awaits a foreign promise past the limit", async () => {
  const never = new Promise<void>(() => {});
  const plain = await simulate(async () => {
    await spawnWith({ name: "stuck" }, async () => await never).join();
  }, { limit: 20 }).catch((error) => error);
  assertInstanceOf(plain, SimulationError);
  assertStringIncludes(plain.message, "No progress within 20 ms of real time");
  assertStringIncludes(plain.message, "stuck waits for a promise that is not the library's own");
  const wrapped = await simulate(() => until(never, { what: "the tide" }), { limit: 20 }).catch((error) =>
    error
  );
  assertStringIncludes(wrapped.message, "body waits for the tide");
});

Deno.test("simulate() ends greenlets that run without end at the limit", async () => {
  let over = false;
  const error = await simulate(async () => {
    spawn(async () => {
      while (!over) await sleep();
    });
    await sleep(1); // never: there is always somebody who can run
  }, { limit: 20 }).catch((error) => (over = true, error));
  assertStringIncludes(error.message, "greenlets run without end");
});

Deno.test("simulate() calls what is left behind a failure, by name, after its clean-up has run", async () => {
  const log: string[] = [];
  const leave = async () => {
    spawnWith({ name: "forgotten" }, async () => {
      try {
        await sleep(DAY_MS);
      } finally {
        await sleep(1);
        log.push("cleaned up");
      }
    });
    await new Semaphore(2).acquire();
    await new Lock().acquire();
    const queue = new Queue<number>(Infinity, [1, 2]);
    await queue.get();
    queue.taskDone();
    await settled();
  };
  const error = await simulate(leave).catch((error) => error);
  assertInstanceOf(error, SimulationError);
  const lines = error.message.split("\n").slice(1).map((line) => line.trim());
  assertStringIncludes(lines[0]!, "forgotten (running)");
  assertEquals(lines.slice(1), [
    "Semaphore: 1 permit held",
    "Lock: held by body",
    "Queue: 1 item unprocessed",
  ]);
  assertEquals(log, ["cleaned up"]);
  await simulate(leave, { allow: { greenlets: true, permits: true, items: true } });
  const partly = await simulate(leave, { allow: { greenlets: true, permits: true } }).catch((error) => error);
  assertEquals(partly.message, "Something was left behind:\n  Queue: 1 item unprocessed");
});

Deno.test("simulate() does not call left behind what ends without time passing", async () => {
  const log: number[] = [];
  await simulate(() => {
    spawn(async () => {
      for (let i = 0; i < 1000; i++) await sleep();
      log.push(1);
    });
  });
  assertEquals(log, [1]);
});

Deno.test("simulate() with a seed gives the same run for the same seed, to the letter", async () => {
  const run = (seed: number | undefined) =>
    simulate(async (world) => {
      const log: string[] = [`${world.random()}`];
      const queue = new Queue<string>(1);
      const worker = async (name: string) => {
        for (let i = 0; i < 3; i++) {
          await queue.put(`${name}${i}`);
          log.push(await queue.get());
          await sleep(world.random() * 3);
        }
      };
      await joinAll(["a", "b", "c", "d"].map((name) => spawn(worker, name)));
      return log;
    }, seed === undefined ? {} : { seed });
  const first = await run(42);
  assertEquals(await run(42), first);
  const others = await Promise.all([1, 2, 3].map(run));
  for (const other of others) assertNotEquals(other, first);
  assertEquals(await run(undefined), await run(undefined));
});

Deno.test("simulate() with a seed keeps what one greenlet made runnable in its order", async () => {
  for (let seed = 0; seed < 50; seed++) {
    const log = await simulate(async () => {
      const log: string[] = [];
      const event = new Event();
      const waiters = ["a", "b", "c"].map((name) =>
        spawn(async () => {
          log.push(`${name} starts`);
          await event.wait();
          log.push(`${name} wakes`);
        })
      );
      const noise = [1, 2].map(() => spawn(() => sleep()));
      await settled();
      event.set();
      await joinAll([...waiters, ...noise]);
      return log;
    }, { seed });
    assertEquals(log, ["a starts", "b starts", "c starts", "a wakes", "b wakes", "c wakes"], `seed ${seed}`);
  }
});

Deno.test("simulate() with seeds finds a race that the plain order hides", async () => {
  const transfer = (seed?: number) =>
    simulate(async () => {
      let balance = 100;
      const withdraw = async (amount: number) => {
        const before = balance;
        await sleep(); // asks somebody
        balance = before - amount;
      };
      await joinAll([spawn(withdraw, 10), spawn(withdraw, 20)]);
      return balance;
    }, seed === undefined ? {} : { seed });
  const results = new Set<number>();
  for (let seed = 0; seed < 20; seed++) results.add(await transfer(seed));
  assert(results.size > 1, [...results].join());
});

Deno.test("simulate() leaves the hub outside alone, and may be nested and run side by side", async () => {
  const { greenlets, timers } = getHub().stats();
  const outside = spawn(() => sleep(1));
  const [one, two] = await Promise.all([
    simulate(async (world) => {
      await sleep(DAY_MS);
      const inner = await simulate(async (inner) => (await sleep(7), inner.now));
      return [world.now, inner];
    }),
    simulate(async (world) => (await sleep(5), world.now)),
  ]);
  assertEquals([one, two], [[DAY_MS, 7], 5]);
  await outside.join();
  assertEquals([getHub().stats().greenlets, getHub().stats().timers], [greenlets, timers]);
});

Deno.test("simulate() is stopped by a kill of the greenlet that called it", async () => {
  const log: string[] = [];
  const caller = spawn(() =>
    simulate(async () => {
      try {
        await new Promise(() => {}); // something foreign: time stands still
      } finally {
        log.push("never: it cannot be interrupted");
      }
    }, { limit: 50 })
  );
  await sleep();
  await caller.kill();
  assert(caller.successful);
  assertEquals(log, []);
});

Deno.test("simulate() keeps user AsyncLocalStorage stores inside", async () => {
  const store = new AsyncLocalStorage<string>();
  const seen = await store.run(
    "test",
    () => simulate(() => spawn(async () => (await sleep(5), store.getStore())).get()),
  );
  assertEquals(seen, "test");
});

Deno.test("simulate() reports errors of greenlets that nobody gets as ever", async () => {
  await simulate(async () => {
    using errors = captureErrors();
    spawn(() => {
      throw new Error("unobserved");
    });
    await settled();
    assertEquals(errors.seen.map(String), ["Error: unobserved"]);
  });
});

Deno.test("simulate() of 100,000 sleeps over a year ends soon", async () => {
  const year = 365 * DAY_MS;
  const begin = performance.now();
  const end = await simulate(async (world) => {
    const sleeper = async (i: number) => {
      await sleep((i * 7919) % 100_000 / 100_000 * year);
    };
    await joinAll([
      ...Array.from({ length: 100_000 }, (_, i) => spawn(sleeper, i)),
      spawn(() => sleep(year)),
    ]);
    return world.now;
  });
  assertEquals(end, year);
  assert(performance.now() - begin < 10_000, "far beyond any noise");
});

Deno.test("simulate() runs a pool against the clock", async () => {
  const now = await simulate(async (world) => {
    await new Pool(2).map(() => sleep(10), [1, 2, 3, 4, 5]);
    return world.now;
  });
  assertEquals(now, 30);
});

Deno.test("Timeout in a simulation fires by its clock", async () => {
  await simulate(async (world) => {
    const limit = Timeout.start(DAY_MS);
    const caught = await sleep(2 * DAY_MS).catch((error) => error);
    assertEquals([caught === limit, world.now], [true, DAY_MS]);
  });
});
