import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { eventlet, GreenletExit, GreenPile, GreenPool, simulate, sleep } from "@verdant/green";
import { captureErrors } from "../../helpers.ts";

Deno.test("eventlet.GreenPool.spawn() gives a green thread, waiting for a slot", async () => {
  const pool = new eventlet.GreenPool(1);
  assertInstanceOf(pool, GreenPool);
  const log: string[] = [];
  const first = await pool.spawn(async (name: string) => {
    await sleep();
    log.push(name);
    return name;
  }, "first");
  const second = await pool.spawn(() => log.push("second"));
  for (const thread of [first, second]) assertInstanceOf(thread, eventlet.GreenThread);
  assertEquals([await first.wait(), await second.wait(), log], ["first", 2, ["first", "second"]]);
  assertEquals([pool.free, pool.running, pool.waiting, pool.size], [1, 0, 0, 1]);
});

Deno.test("eventlet.GreenPool frees the slot of a green thread that is killed, begun or not", async () => {
  const pool = new eventlet.GreenPool(1);
  for (const begun of [true, false]) {
    const thread = await pool.spawn(() => sleep(60_000));
    if (begun) await sleep();
    await eventlet.kill(thread);
    assertEquals([pool.free, pool.running], [1, 0]);
    await assertRejects(() => thread.wait(), GreenletExit);
  }
});

Deno.test("eventlet.GreenPool.spawn() in its own full pool does not wait for itself", async () => {
  const pool = new eventlet.GreenPool(1);
  const inner = async () => {
    const thread = await pool.spawn(() => "inner");
    assertInstanceOf(thread, eventlet.GreenThread);
    return await thread.wait();
  };
  assertEquals(await (await pool.spawn(inner)).wait(), "inner");
});

Deno.test("eventlet.GreenPool.waitAll() waits for those spawned meanwhile, and not inside", async () => {
  const pool = new eventlet.GreenPool();
  const log: string[] = [];
  await pool.spawn(async () => {
    await sleep();
    await pool.spawnN(() => sleep().then(() => log.push("grandchild")));
    assertThrows(() => pool.waitAll(), Error, "wait for itself");
  });
  await pool.waitAll();
  assertEquals([log, pool.size], [["grandchild"], 1000]);
});

Deno.test("eventlet.GreenPool refuses bad sizes (test_greenpool_type_check)", () => {
  for (const bad of ["foo", -1, 0.5]) {
    assertThrows(() => new eventlet.GreenPool(bad as number), RangeError, `received ${bad}`);
  }
  assertEquals([new eventlet.GreenPool(0).free, new eventlet.GreenPool(1e3).free], [0, 1000]);
});

Deno.test("eventlet.GreenPool.imap() yields in order, and goes on behind an error (test_imap_raises)", async () => {
  const pool = new eventlet.GreenPool(4);
  const work = async (n: number) => {
    await sleep();
    if (n === 1 || n === 7) throw new RangeError("intentional");
    return n;
  };
  const results = pool.imap(work, Array.from({ length: 10 }, (_, n) => n));
  const seen: unknown[] = [];
  for (;;) {
    try {
      const { done, value } = await results.next();
      if (done) break;
      seen.push(value);
    } catch {
      seen.push("r");
    }
  }
  assertEquals(seen, [0, "r", 2, 3, 4, 5, 6, "r", 8, 9]);
  assertEquals(await Array.fromAsync(pool.imap(null, [1, 2, 3], ["a", "b"])), [[1, "a"], [2, "b"]]);
});

for (const size of [50, 500]) {
  Deno.test(`eventlet.GreenPool(${size}).imap() keeps the order of 1000 items (test_imap_${size})`, async () => {
    const pool = new eventlet.GreenPool(size);
    let running = 0;
    let most = 0;
    const work = async (n: number) => {
      most = Math.max(most, ++running);
      for (let i = n % 7; i > 0; i--) await sleep();
      running--;
      return n;
    };
    const items = Array.from({ length: 1000 }, (_, n) => n);
    assertEquals(await Array.fromAsync(pool.imap(work, items)), items);
    assert(most <= size && most > size / 10, `${most} at a time`);
  });
}

Deno.test("eventlet.GreenPile gives the results in the order of the spawns, whoever is first", async () => {
  await simulate(async () => {
    const pile = new eventlet.GreenPile<number>(3);
    assertInstanceOf(pile, GreenPile);
    assertInstanceOf(pile.pool, eventlet.GreenPool);
    assertEquals(pile.pool.size, 3);
    for (const ms of [30, 10, 20, 5]) await pile.spawn((ms: number) => sleep(ms).then(() => ms), ms);
    assertEquals(await Array.fromAsync(pile), [30, 10, 20, 5]);
    assertEquals(await Array.fromAsync(new eventlet.GreenPile()), []);
  });
});

Deno.test("eventlet.GreenPiles may share a pool (test_constructing_from_pool)", async () => {
  const pool = new eventlet.GreenPool(2);
  const piles = [new eventlet.GreenPile<string>(pool), new eventlet.GreenPile<string>(pool)];
  for (let i = 0; i < 4; i++) {
    for (const [index, pile] of piles.entries()) {
      await pile.spawn((text: string) => sleep().then(() => text), `${index}${i}`);
    }
  }
  assert(piles.every((pile) => pile.pool === pool));
  assertEquals(await Array.fromAsync(piles[1]!), ["10", "11", "12", "13"]);
  assertEquals(await Array.fromAsync(piles[0]!), ["00", "01", "02", "03"]);
});

Deno.test("eventlet.GreenPile stays in order if a spawn() times out (test_pile_spawn_times_out)", async () => {
  await simulate(async () => {
    const pile = new eventlet.GreenPile<string>(1);
    await pile.spawn(() => sleep(10).then(() => "first"));
    const late = eventlet.withTimeout(5, () => pile.spawn(() => "never"), { timeoutValue: "timed out" });
    assertEquals(await late, "timed out");
    await pile.spawn(() => "second");
    assertEquals(await Array.fromAsync(pile), ["first", "second"]);
  });
});

Deno.test("eventlet.GreenPile loses no result if next() times out", async () => {
  await simulate(async () => {
    const pile = new eventlet.GreenPile<number>();
    for (const n of [0, 1, 2]) await pile.spawn(() => sleep(n === 1 ? 20 : 1).then(() => n));
    const seen: unknown[] = [(await pile.next()).value];
    await eventlet.withTimeout(5, () => pile.next()).catch(() => seen.push("T"));
    for await (const n of pile) seen.push(n);
    assertEquals(seen, [0, "T", 1, 2]);
  });
});

Deno.test("eventlet.GreenPool prints the error of spawnN(), and keeps its size", async () => {
  using errors = captureErrors();
  const pool = new eventlet.GreenPool(1);
  for (let i = 0; i < 3; i++) {
    await pool.spawnN(() => {
      throw new Error("printed");
    });
  }
  await pool.waitAll();
  assertEquals([errors.seen.length, pool.free], [3, 1]);
});
