import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DAGPool, DependencyCycle, PropagateError, sleep } from "@verdant/green";
import { BogusError } from "./tasks.ts";

const SIZE = 10_000;
const KEYS = Array.from({ length: SIZE }, (_, i) => i);

/** A task that adds one to the sum of its results. */
async function add(_key: number, results: AsyncIterable<[number, number]>): Promise<number> {
  let sum = 1;
  for await (const [, value] of results) sum += value;
  return sum;
}

/** Each key depends on the one before it. */
const previous = (key: number) => key === 0 ? [] : [key - 1];

Deno.test("DAGPool runs 10,000 tasks that do not depend on each other", async () => {
  const pool = new DAGPool<number, number>();
  for (const key of KEYS) pool.spawn(key, [], add);
  assertEquals((await pool.waitAll()).size, SIZE);
});

for (const order of ["first to last", "last to first"]) {
  Deno.test(`DAGPool runs a chain of 10,000 tasks, spawned ${order}`, async () => {
    const pool = new DAGPool<number, number>();
    const keys = order === "first to last" ? KEYS : KEYS.toReversed();
    for (const key of keys) pool.spawn(key, previous(key), add);
    assertEquals(await pool.value(SIZE - 1), SIZE);
  });
}

Deno.test("DAGPool gives one value to 10,000 tasks, and 10,000 values to one", async () => {
  const pool = new DAGPool<number, number>();
  pool.spawn(-2, KEYS, add);
  for (const key of KEYS) pool.spawn(key, [-1], add);
  await sleep();
  pool.post(-1, 1);
  assertEquals(await pool.value(-2), 2 * SIZE + 1);
});

Deno.test("DAGPool propagates an error through a chain of 10,000 tasks", async () => {
  const pool = new DAGPool<number, number>();
  for (const key of KEYS.toReversed()) pool.spawn(key, [key - 1], add);
  await sleep();
  pool.post(-1, new PropagateError(-1, new BogusError("first")));
  const error = await assertRejects(() => pool.value(SIZE - 1), PropagateError);
  assertEquals(String(error.root), "BogusError: first");
});

Deno.test("DAGPool finds a cycle of 10,000 tasks, and kills those that wait", async () => {
  await using pool = new DAGPool<number, number>();
  for (const key of KEYS.slice(1)) pool.spawn(key, previous(key), add);
  const error = assertThrows(() => pool.spawn(0, [SIZE - 1], add), DependencyCycle);
  assertEquals([error.keys.length, pool.running], [SIZE, SIZE - 1]);
});
