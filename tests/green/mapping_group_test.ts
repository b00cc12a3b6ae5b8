import { assert, assertEquals, assertRejects } from "@std/assert";
import { Group, Pool, sleep, spawn } from "@verdant/green";
import { captureErrors } from "../helpers.ts";

Deno.test("Pool.apply() returns the result, rethrows the error, and reports neither", async () => {
  using errors = captureErrors();
  const pool = new Pool(1);
  assertEquals(await pool.apply((a: number, b: number) => a + b, [1, 2]), 3);
  await assertRejects(
    () =>
      pool.apply(() => {
        throw new Error("from the task");
      }),
    Error,
    "from the task",
  );
  assertEquals([errors.seen, pool.freeCount], [[], 1]);
});

Deno.test("Pool.apply() by a member of a full pool runs inline instead of waiting for itself", async () => {
  const pool = new Pool(1);
  const member = await pool.spawn(() => pool.apply(() => "inline"));
  assertEquals(await member.get({ timeout: 1_000 }), "inline");
});

Deno.test("Pool.applyAsync() never waits; the callback gets the result, not an error", async () => {
  using errors = captureErrors();
  const pool = new Pool(1);
  const seen: unknown[] = [];
  const first = pool.applyAsync((n: number) => n, [1], (n) => seen.push(n));
  const second = pool.applyAsync(() => 2, [], (n) => seen.push(n));
  const failing = pool.applyAsync(
    () => {
      throw new Error("no result");
    },
    [],
    () => seen.push("never"),
  );
  assertEquals([first.ready, pool.size], [false, 0]);
  await pool.join();
  await failing.join();
  await sleep();
  await sleep();
  assertEquals([await second.get(), seen, errors.seen.length], [2, [1, 2], 1]);
});

Deno.test("Pool.map() keeps the order, and the first failure by position kills the rest", async () => {
  const pool = new Pool(2);
  let most = 0;
  const doubled = await pool.map(async (n) => {
    most = Math.max(most, pool.size);
    for (let i = n; i > 0; i--) await sleep();
    return n * 2;
  }, [3, 1, 2]);
  assertEquals([doubled, most], [[6, 2, 4], 2]);

  const group = new Group();
  const log: string[] = [];
  const failing = group.map(async (name) => {
    try {
      if (name === "fails") throw new Error("task failed");
      await sleep(60_000);
    } finally {
      await sleep();
      log.push(name);
    }
  }, ["fails", "sleeps"]);
  await assertRejects(() => failing, Error, "task failed");
  assertEquals([log, group.size], [["fails", "sleeps"], 0]);
});

Deno.test("Group.mapAsync() is a greenlet whose kill kills the work", async () => {
  const group = new Group();
  const seen: number[][] = [];
  const mapping = group.mapAsync((n: number) => n + 1, [1, 2], (results) => seen.push(results));
  assertEquals(await mapping.get(), [2, 3]);
  await sleep();
  await sleep();
  assertEquals(seen, [[2, 3]]);
  const endless = group.mapAsync(() => sleep(60_000), [1, 2]);
  await sleep();
  await sleep();
  assertEquals(group.size, 2);
  await endless.kill();
  assertEquals(group.size, 0);
});

Deno.test("Group.starmap() spreads tuples", async () => {
  const results = new Group().starmap((a: string, b: number) => a.repeat(b), [["x", 2], ["y", 3]]);
  assertEquals(await Array.fromAsync(results), ["xx", "yyy"]);
});

Deno.test("Group.map() of an error that nobody is left to take is reported", async () => {
  using errors = captureErrors();
  const group = new Group();
  const caller = spawn(() =>
    group.map(async () => {
      try {
        await sleep(60_000);
      } finally {
        await Promise.reject(new Error("clean-up failed"));
      }
    }, [1])
  );
  for (let i = 0; i < 3; i++) await sleep();
  await caller.kill();
  assertEquals(errors.seen.map(String), ["Error: clean-up failed"]);
  assert(caller.successful);
});
