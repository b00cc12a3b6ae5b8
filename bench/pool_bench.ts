import { pooledMap } from "@std/async";
import { Pool, sleep } from "@verdant/green";
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
