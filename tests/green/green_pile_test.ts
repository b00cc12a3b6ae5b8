import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  BlockingSwitchOutError,
  Event,
  explore,
  getHub,
  type Greenlet,
  GreenletExit,
  GreenPile,
  GreenPool,
  joinAll,
  sleep,
  spawn,
  Timeout,
} from "@verdant/green";
import { captureErrors } from "../helpers.ts";
import { endlessSlice, passes, strikeEveryWait, Tally } from "./trial.ts";

const fail = (): never => {
  throw new Error("it must not run");
};

const later = async (ms: number) => {
  await sleep(ms);
  return ms;
};

Deno.test("GreenPile gives the results in the order of the spawns, whatever ends first", async () => {
  const pile = new GreenPile<number>();
  for (const ms of [3, 1, 2]) await pile.spawn(later, ms);
  assertEquals(pile.size, 3);
  assertEquals(await Array.fromAsync(pile), [3, 1, 2]);
  assertEquals([pile.size, pile.pool.running], [0, 0]);
});

Deno.test("GreenPile that is empty is an empty sequence, and can be filled again", async () => {
  using _slice = endlessSlice();
  const pile = new GreenPile<number>(2);
  assertEquals(await pile.next(), { done: true, value: undefined });
  await pile.spawn(later, 0);
  assertEquals(await Array.fromAsync(pile), [0]);
  assertEquals(await pile.next(), { done: true, value: undefined });
});

Deno.test("GreenPile.spawn() waits for a slot, and no more than size run at once", async () => {
  const tally = new Tally();
  const pile = new GreenPile<number>(2);
  for (let i = 0; i < 7; i++) await pile.spawn(tally.body<number>, i);
  assertEquals(await Array.fromAsync(pile), [0, 1, 2, 3, 4, 5, 6]);
  assertEquals([tally.most, tally.running], [2, 0]);
});

Deno.test("GreenPile.next() throws a function's error at its position and goes on behind it", async () => {
  using errors = captureErrors();
  const pile = new GreenPile<number>(3);
  for (let i = 0; i < 4; i++) {
    await pile.spawn((n: number) => {
      if (n % 2 === 1) throw new RangeError(`${n}`);
      return n;
    }, i);
  }
  const seen: unknown[] = [];
  for (let i = 0; i < 5; i++) {
    seen.push(await pile.next().then(({ done, value }) => done ? "end" : value, ({ message }) => message));
  }
  assertEquals([seen, errors.seen], [[0, "1", 2, "3", "end"], []]);
});

Deno.test("GreenPile goes on after a loop that was left, by break or by an error", async () => {
  const pile = new GreenPile<number>();
  for (let i = 0; i < 4; i++) {
    await pile.spawn(() => {
      if (i === 1) throw new RangeError("second");
      return i;
    });
  }
  for await (const n of pile) {
    assertEquals(n, 0);
    break;
  }
  await assertRejects(() => Array.fromAsync(pile), RangeError, "second");
  assertEquals(await Array.fromAsync(pile), [2, 3]);
});

Deno.test("GreenPile loses no result when a time-out interrupts who waits for it", async () => {
  const pile = new GreenPile<number>();
  const gate = new Event();
  await pile.spawn(() => 0);
  await pile.spawn(async () => {
    await gate.wait();
    return 1;
  });
  await pile.spawn(() => 2);
  assertEquals((await pile.next()).value, 0);
  const limit = Timeout.start(1);
  assertStrictEquals(await pile.next().catch((error) => error), limit);
  gate.set();
  assertEquals(await Array.fromAsync(pile), [1, 2]);
});

Deno.test("GreenPile keeps the order when several who wait are interrupted, in any order", async () => {
  for (const order of [[0, 1, 2], [2, 1, 0], [1, 2, 0]]) {
    const pile = new GreenPile<number>();
    const gate = new Event();
    for (let i = 0; i < 4; i++) {
      await pile.spawn(async () => {
        await gate.wait();
        return i;
      });
    }
    const readers = [0, 1, 2].map(() => spawn(() => pile.next()));
    await sleep();
    assertEquals(pile.size, 1);
    for (const index of order) await readers[index]!.kill();
    assertEquals(pile.size, 4);
    gate.set();
    assertEquals(await Array.fromAsync(pile), [0, 1, 2, 3]);
  }
});

Deno.test("GreenPile hands results to several readers, each to one", async () => {
  const pile = new GreenPile<number>();
  for (let i = 0; i < 6; i++) await pile.spawn(later, i % 3);
  const seen: number[] = [];
  const readers = [1, 2].map(() =>
    spawn(async () => {
      for await (const n of pile) seen.push(n);
    })
  );
  await joinAll(readers);
  assertEquals(seen.toSorted(), [0, 0, 1, 1, 2, 2]);
});

Deno.test("GreenPile.spawn() that is interrupted while it waits for a slot leaves no gap", async () => {
  const pile = new GreenPile<number>(1);
  const gate = new Event();
  await pile.spawn(async () => {
    await gate.wait();
    return 0;
  });
  using limit = new Timeout(1);
  limit.start();
  assertStrictEquals(await pile.spawn(() => fail()).catch((error) => error), limit);
  gate.set();
  await pile.spawn(() => 2);
  assertEquals(await Array.fromAsync(pile), [0, 2]);
  assertEquals([pile.size, pile.pool.free], [0, 1]);
});

Deno.test("GreenPile.next() that waits for a function whose spawn is interrupted goes on to the next", async () => {
  const pile = new GreenPile<number>(1);
  const gate = new Event();
  await pile.pool.spawn(() => gate.wait());
  const spawner = spawn(() => pile.spawn(() => 1));
  await sleep();
  const reader = spawn(() => pile.next());
  const second = spawn(() => pile.spawn(() => 2));
  await sleep();
  await spawner.kill();
  gate.set();
  await second.join();
  assertEquals(await reader.get(), { done: false, value: 2 });
});

Deno.test("GreenPiles that share a pool keep their own order within its size", async () => {
  const pool = new GreenPool(2);
  const tally = new Tally();
  const piles = [new GreenPile<number>(pool), new GreenPile<number>(pool)];
  const spawners = piles.map((pile, offset) =>
    spawn(async () => {
      for (let i = 0; i < 5; i++) await pile.spawn(tally.body<number>, 10 * offset + i);
    })
  );
  await joinAll(spawners);
  assertEquals(await Array.fromAsync(piles[1]!), [10, 11, 12, 13, 14]);
  assertEquals(await Array.fromAsync(piles[0]!), [0, 1, 2, 3, 4]);
  assertEquals([tally.most, pool.free], [2, 2]);
});

Deno.test("GreenPile used inside its own full pool cannot deadlock", async () => {
  const pool = new GreenPool(1);
  const greenlet = await pool.spawn(async () => {
    const pile = new GreenPile<number>(pool);
    for (let i = 0; i < 3; i++) await pile.spawn(later, 0);
    return await Array.fromAsync(pile);
  });
  assertEquals(await greenlet.get(), [0, 0, 0]);
});

Deno.test("GreenPile gives the GreenletExit of a function that was killed", async () => {
  const pile = new GreenPile<number>();
  await pile.spawn(() => later(60_000));
  await pile.pool.kill();
  assert((await pile.next()).value instanceof GreenletExit);
});

Deno.test("GreenPile of 20,000 results takes them in order", async () => {
  const pile = new GreenPile<number>(100);
  for (let i = 0; i < 20_000; i++) await pile.spawn(() => i);
  let expected = 0;
  for await (const n of pile) assert(n === expected++);
  assertEquals(expected, 20_000);
});

Deno.test("GreenPile in an await using block kills the rest and reports errors that nobody was told of", async () => {
  using errors = captureErrors();
  const tally = new Tally();
  let pool!: GreenPool;
  {
    await using pile = new GreenPile<unknown>(3);
    pool = pile.pool;
    await pile.spawn(() => {
      throw new RangeError("nobody asked");
    });
    await pile.spawn(tally.body);
    await passes(1);
  }
  assertEquals([tally.running, pool.running], [0, 0]);
  assertEquals(errors.seen.map((error) => (error as Error).message), ["nobody asked"]);
});

Deno.test("GreenPile refuses bad input at the call", () => {
  assertThrows(() => new GreenPile(-1), RangeError, "received -1");
  assertThrows(() => new GreenPile("two" as never), TypeError, "received two");
  const pile = new GreenPile(1);
  assertThrows(() => void pile.spawn(5 as never), TypeError, "received 5");
  assertEquals([pile.size, pile.pool.running], [0, 0]);
});

Deno.test("GreenPile throws at once in a callback of the hub where it might wait", async () => {
  const pile = new GreenPile(1);
  let refused = 0;
  for (const call of [() => pile.spawn(() => {}), () => pile.next()]) {
    getHub().runCallback(() => {
      try {
        void call();
      } catch (error) {
        if (error instanceof BlockingSwitchOutError) refused++;
      }
    });
  }
  await sleep();
  assertEquals([refused, pile.size, pile.pool.running], [2, 0, 0]);
});

const strikes = {
  "a kill": (victim: Greenlet) => void victim.kill(undefined, { block: false }),
  "a time-out": (victim: Greenlet) => victim.throw(new Timeout(0, { silent: true })),
};

for (const [kind, strike] of Object.entries(strikes)) {
  Deno.test(`GreenPile loses nothing by ${kind} at any wait of who fills and empties it`, async () => {
    await strikeEveryWait(() => {
      const pile = new GreenPile<number>(1);
      const tally = new Tally();
      const seen: number[] = [];
      let spawned = 0;
      return {
        victim: async () => {
          for (; spawned < 3;) await pile.spawn(tally.body<number>, spawned).then(() => spawned++);
          for await (const n of pile) seen.push(n);
        },
        async check() {
          for await (const n of pile) seen.push(n);
          assertEquals([seen, tally.running], [Array.from({ length: spawned }, (_, i) => i), 0]);
          assertEquals([pile.size, pile.pool.free], [0, 1]);
        },
      };
    }, strike);
  });
}

Deno.test("GreenPile gives every result once and in order, under kills at any point", async () => {
  await explore(async () => {
    const pile = new GreenPile<number>(1);
    const seen: number[] = [];
    const spawned: number[] = [];
    const filler = spawn(async () => {
      for (let i = 0; i < 3; i++) {
        await pile.spawn(async () => {
          await sleep();
          return i;
        });
        spawned.push(i);
      }
    });
    const reader = spawn(async () => {
      for await (const n of pile) seen.push(n);
    });
    await joinAll([filler, reader]);
    await pile.pool.waitAll();
    for await (const n of pile) seen.push(n);
    assertEquals(seen.filter((n) => typeof n === "number"), spawned);
    assertEquals(pile.pool.free, 1);
  }, { inject: ["kill"], victims: ({ label }: Greenlet) => !label.startsWith("Job"), runs: 2_000 });
});
