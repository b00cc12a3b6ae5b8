import { assertEquals } from "@std/assert";
import { LifoQueue, PriorityQueue, Queue, SimpleQueue, sleep, spawn } from "@verdant/green";
import { seededRandom } from "../helpers.ts";

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

Deno.test("Queue.copy() has the same items and nobody who waits", async () => {
  for (const QueueClass of [Queue, SimpleQueue, LifoQueue]) {
    const queue = new QueueClass<number>(3, [1, 2, 3]);
    const putter = spawn(() => queue.put(4));
    await sleep();
    const copy = queue.copy();
    const order = [];
    while (!copy.empty) order.push(copy.getNowait());
    assertEquals(order, QueueClass === LifoQueue ? [3, 2, 1] : [1, 2, 3]);
    assertEquals([copy.maxSize, copy.putters.size, queue.size], [3, 0, 3]);
    await putter.kill();
  }
});

Deno.test("Queue.toReadableStream() that is cancelled leaves the items that nobody took", async () => {
  const queue = new Queue<number>(Infinity, [1, 2, 3]);
  const reader = queue.toReadableStream().getReader();
  assertEquals(await reader.read(), { done: false, value: 1 });
  await reader.cancel();
  assertEquals([queue.size, queue.getters.size], [2, 0]);
});

Deno.test("Queue.join() returns when the last item is done", async () => {
  const queue = new Queue<number>(Infinity, [1, 2]);
  const joiner = spawn(() => queue.join());
  await sleep();
  queue.taskDone();
  await sleep();
  assertEquals([joiner.ready, queue.unfinishedTasks], [false, 1]);
  queue.taskDone();
  assertEquals(await joiner.get(), true);
});
