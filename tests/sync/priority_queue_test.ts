import { assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { joinAll, PriorityQueue, seededRandom, sleep, spawn } from "@verdant/green";

Deno.test("PriorityQueue.get() returns the smallest first; equal ones in the order in which they came", async () => {
  const random = seededRandom(7);
  const queue = new PriorityQueue<[number, number]>();
  const model: [number, number][] = [];
  const got: [number, number][] = [];
  const expected: [number, number][] = [];
  for (let i = 0; i < 3_000; i++) {
    if (random() < 0.6 || model.length === 0) {
      const item: [number, number] = [Math.floor(random() * 10), i];
      queue.putNowait(item);
      model.push(item);
    } else {
      model.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
      expected.push(model.shift()!);
      got.push(await queue.get());
    }
  }
  assertEquals(got, expected);
});

Deno.test("PriorityQueue with compare uses it, also in its copy", async () => {
  const queue = new PriorityQueue<string>(Infinity, ["a", "ccc"], { compare: (a, b) => b.length - a.length });
  const copy = queue.copy();
  copy.putNowait("dddd");
  assertEquals([await copy.get(), await copy.get(), await queue.get(), queue.size], [
    "dddd",
    "ccc",
    "ccc",
    1,
  ]);
});

Deno.test("PriorityQueue takes numbers, strings, dates, bigints and arrays without compare", async () => {
  const sorted = async (items: unknown[]) => {
    const queue = new PriorityQueue<unknown>(Infinity, items);
    queue.shutdown();
    return await Array.fromAsync(queue);
  };
  const [early, late] = [new Date(1), new Date(2)];
  assertEquals(await sorted([3, -1, 2.5, 0]), [-1, 0, 2.5, 3]);
  assertEquals(await sorted(["b", "a", "B"]), ["B", "a", "b"]);
  assertEquals(await sorted([late, early]), [early, late]);
  assertEquals(await sorted([2n, 1, 3]), [1, 2n, 3]);
  assertEquals(await sorted([[2, "x"], [1, "z"], [2, "a"]]), [[1, "z"], [2, "x"], [2, "a"]]);
});

Deno.test("PriorityQueue.put() of an item that cannot be compared throws and changes nothing", async () => {
  const queue = new PriorityQueue<unknown>(Infinity, [2]);
  await assertRejects(async () => await queue.put(Symbol("no order")), TypeError);
  assertThrows(() => queue.putNowait(Symbol("no order")), TypeError);
  assertEquals([queue.size, queue.unfinishedTasks], [1, 1]);
  await queue.put(1);
  assertEquals([queue.getNowait(), queue.getNowait(), queue.empty], [1, 2, true]);
});

Deno.test("PriorityQueue.get() is not hurt by a waiting put() whose item cannot be compared", async () => {
  const queue = new PriorityQueue<unknown>(2, [1, 2]);
  const bad = spawn(() => queue.put(Symbol("no order")).catch((error) => error));
  const good = spawn(() => queue.put(0));
  await sleep();
  assertEquals([await queue.get(), queue.size], [1, 2]);
  assertInstanceOf(await bad.get(), TypeError);
  await good.join();
  assertEquals([queue.getNowait(), queue.getNowait(), queue.putters.size], [0, 2, 0]);
});

Deno.test("PriorityQueue.put() hands the item to a getter that waits, whatever its priority", async () => {
  const queue = new PriorityQueue<number>();
  const getters = [1, 2].map(() => spawn(() => queue.get()));
  await sleep();
  for (const n of [9, 5, 1]) queue.putNowait(n);
  assertEquals([await getters[0]!.get(), await getters[1]!.get(), await queue.get()], [9, 5, 1]);
});

Deno.test("PriorityQueue.get() lets the putter in that waited longest, not the most urgent", async () => {
  const queue = new PriorityQueue<number>(1, [5]);
  const putters = [9, 1].map((n) => spawn(() => queue.put(n)));
  await sleep();
  assertEquals([await queue.get(), await queue.get(), await queue.get()], [5, 9, 1]);
  await joinAll(putters);
});
