import { assert, assertEquals } from "@std/assert";
import { Greenlet, Pool, PoolFull, sleep, spawn } from "@verdant/green";

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

Deno.test("Pool.spawn() gives the greenlet, not its result", async () => {
  const greenlet = await new Pool(1).spawn(() => 5);
  assert(greenlet instanceof Greenlet);
  assertEquals([greenlet.ready, await greenlet.get()], [false, 5]);
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
  assertEquals([pool.full, pool.freeCount, pool.size], [true, 0, 1]);
  gate.resolve();
  assertEquals(await pool.waitAvailable(), 1);
  assertEquals([pool.full, pool.freeCount, pool.size], [false, 1, 0]);
});

Deno.test("Pool.start() of a greenlet that ends while it waits for a slot takes none", async () => {
  const pool = new Pool(1);
  const busy = await pool.spawn(() => sleep(60_000));
  const waiting = new Greenlet(() => "never");
  const starter = spawn(() => pool.start(waiting));
  await sleep();
  await waiting.kill();
  await busy.kill();
  await starter.join();
  assertEquals([starter.successful, pool.size, pool.freeCount], [true, 0, 1]);
});

Deno.test("Pool.add() of a member is ignored, discard() frees its slot", async () => {
  const pool = new Pool(2);
  const member = await pool.spawn(() => sleep(60_000));
  await pool.add(member);
  assertEquals(pool.freeCount, 1);
  pool.discard(member);
  pool.discard(member);
  assertEquals([pool.freeCount, pool.size, member.dead], [2, 0, false]);
  await member.kill();
  assertEquals(pool.freeCount, 2);
});

Deno.test("Pool of size 0 runs nothing, one of Infinity everything", async () => {
  const none = new Pool(0);
  assertEquals([none.full, none.freeCount, await none.waitAvailable({ timeout: 0 })], [true, 0, 0]);
  const caught = await none.start(new Greenlet(() => {}), { timeout: 1 }).catch((error) => error);
  assert(caught instanceof PoolFull);
  assertEquals(caught.name, "PoolFull");
  const all = new Pool();
  for (let i = 0; i < 100; i++) await all.spawn(() => sleep(60_000));
  assertEquals([all.size, all.freeCount, all.full], [100, Infinity, false]);
  await all.kill();
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
