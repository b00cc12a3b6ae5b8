import { pooledMap } from "@std/async";
import { GreenPool, Pool, sleep } from "@verdant/green";
import { measure } from "./helpers.ts";

const TASKS = 1_000;
const LIMIT = 50;
const items = Array.from({ length: TASKS }, (_, i) => i);

/** As people write it with promises: workers that take the next item until there is none. */
async function limitedMap<T, R>(limit: number, items: T[], fn: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await fn(items[index]!);
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  return results;
}

const task = async (n: number) => {
  await null;
  return n;
};
const greenTask = async (n: number) => {
  await sleep();
  return n;
};

measure({
  group: "map of 1,000, 50 at a time",
  name: "promise workers",
  operations: TASKS,
  baseline: true,
  run: () => limitedMap(LIMIT, items, task),
});

measure({
  group: "map of 1,000, 50 at a time",
  name: "@std/async pooledMap()",
  operations: TASKS,
  run: () => Array.fromAsync(pooledMap(LIMIT, items, task)),
});

measure({
  group: "map of 1,000, 50 at a time",
  name: "Pool.map()",
  operations: TASKS,
  run: () => new Pool(LIMIT).map(greenTask, items),
});

measure({
  group: "map of 1,000, 50 at a time",
  name: "Pool.imapUnordered()",
  operations: TASKS,
  run: () => Array.fromAsync(new Pool(LIMIT).imapUnordered(greenTask, items)),
});

const MANY = 100_000;
const noop = () => {};

measure({
  group: "100,000 no-ops, 1,000 at a time",
  name: "promise workers",
  operations: MANY,
  baseline: true,
  run: () => limitedMap(1_000, Array(MANY).fill(0), async () => {}),
});

measure({
  group: "100,000 no-ops, 1,000 at a time",
  name: "GreenPool.spawn()",
  operations: MANY,
  async run() {
    const pool = new GreenPool(1_000);
    for (let i = 0; i < MANY; i++) await pool.spawn(noop);
    await pool.waitAll();
  },
});

measure({
  group: "100,000 no-ops, 1,000 at a time",
  name: "GreenPool.imap()",
  operations: MANY,
  async run() {
    for await (const _ of new GreenPool(1_000).imap(noop, Array(MANY).keys()));
  },
});
