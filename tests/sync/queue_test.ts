import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  Empty,
  Full,
  JoinableQueue,
  joinAll,
  LifoQueue,
  PriorityQueue,
  Queue,
  ShutDown,
  SimpleQueue,
  sleep,
  spawn,
} from "@verdant/green";
import { captureErrors } from "../helpers.ts";

Deno.test("Queue.put() and get() keep the order and block the putter at maxSize", async () => {
  const queue = new Queue<number>(2);
  const log: string[] = [];
  const producer = spawn(async () => {
    for (let i = 0; i < 4; i++) {
      await queue.put(i);
      log.push(`p${i}`);
    }
  });
  await sleep();
  assertEquals([log, queue.full], [["p0", "p1"], true]);
  for (let i = 0; i < 4; i++) assertEquals(await queue.get(), i);
  await producer.join();
  assertEquals(log, ["p0", "p1", "p2", "p3"]);
});

Deno.test("Queue.get() serves those who wait first come first served", async () => {
  const queue = new Queue<number>();
  const got: string[] = [];
  const getters = ["a", "b", "c"].map((name) =>
    spawn(async () => {
      got.push(`${name}${await queue.get()}`);
    })
  );
  await sleep();
  for (const item of [1, 2, 3]) await queue.put(item);
  await joinAll(getters);
  assertEquals(got, ["a1", "b2", "c3"]);
});

Deno.test("Queue.get() of a killed getter leaves the item to the next", async () => {
  const queue = new Queue<number>();
  const first = spawn(() => queue.get());
  const second = spawn(() => queue.get());
  await sleep();
  await first.kill();
  queue.putNowait(1);
  assertEquals(await second.get(), 1);
});

Deno.test("Queue.get() that was assigned an item before the kill keeps it", async () => {
  const queue = new Queue<number>();
  const getter = spawn(async () => {
    const item = await queue.get();
    return item;
  });
  await sleep();
  queue.putNowait(7);
  await getter.kill();
  assertEquals(getter.value, 7);
});

Deno.test("Queue.get() throws Empty and put() Full on time-out, and nothing is lost", async () => {
  const queue = new Queue<number>(1);
  await assertRejects(() => queue.get({ timeout: 1 }), Empty);
  await assertRejects(() => queue.get({ timeout: 0 }), Empty);
  await queue.put(1);
  await assertRejects(() => queue.put(2, { timeout: 1 }), Full);
  await assertRejects(() => queue.put(2, { timeout: 0 }), Full);
  assertThrows(() => queue.putNowait(3), Full, "1 items");
  assertEquals([await queue.get(), queue.size], [1, 0]);
});

Deno.test("Queue.shutdown() lets the items that are left be taken, then throws ShutDown", async () => {
  const queue = new Queue<number>(2, [1, 2]);
  using errors = captureErrors();
  const putter = spawn(() => queue.put(3));
  await sleep();
  queue.shutdown();
  await putter.join();
  assertEquals(errors.seen.length, 1);
  assert(putter.error instanceof ShutDown);
  assertThrows(() => queue.putNowait(4), ShutDown);
  assertEquals(await Array.fromAsync(queue), [1, 2]);
  await assertRejects(() => queue.get(), ShutDown);
});

Deno.test("Queue.shutdown() with immediate drops the items and ends join()", async () => {
  const queue = new Queue<number>(Infinity, [1, 2]);
  const joiner = spawn(() => queue.join());
  await sleep();
  queue.shutdown({ immediate: true });
  assertEquals(await joiner.get(), true);
  assertThrows(() => queue.getNowait(), ShutDown);
});

Deno.test("Queue.taskDone() throws RangeError when called too often", () => {
  const queue = new Queue<number>(Infinity, [1]);
  queue.taskDone();
  assertThrows(() => queue.taskDone(), RangeError, "more often");
  assertEquals(queue.unfinishedTasks, 0);
});

Deno.test("Queue.peek() looks without taking, also when it has to wait", async () => {
  const queue = new Queue<number>();
  const peeker = spawn(() => queue.peek());
  const getter = spawn(() => queue.get());
  await sleep();
  queue.putNowait(5);
  assertEquals([await peeker.get(), await getter.get()], [5, 5]);
});

Deno.test("Queue.maxSize lets waiting putters in when it is raised", async () => {
  const queue = new Queue<number>(1, [0]);
  const putter = spawn(() => queue.put(1));
  await sleep();
  queue.maxSize = 2;
  await putter.join();
  assertEquals(queue.size, 2);
});

Deno.test("Queue constructor throws RangeError with the value for a bad maxSize", () => {
  for (const bad of [-1, 0, 1.5, NaN]) {
    assertThrows(() => new Queue(bad), RangeError, `received ${bad}`);
  }
});

Deno.test("LifoQueue.get() returns the newest, PriorityQueue.get() the smallest", async () => {
  const lifo = new LifoQueue<number>(Infinity, [1, 2, 3]);
  assertEquals([await lifo.get(), await lifo.get(), await lifo.copy().get()], [3, 2, 1]);
  const heap = new PriorityQueue<number>();
  for (const n of [5, 1, 4, 1, 3]) heap.putNowait(n);
  const copy = heap.copy();
  const take = (queue: SimpleQueue<number>) => Array.from({ length: 5 }, () => queue.getNowait());
  assertEquals(take(heap), [1, 1, 3, 4, 5]);
  assertEquals(take(copy), [1, 1, 3, 4, 5]);
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

Deno.test("LifoQueue.peek() shows the item that get() takes", async () => {
  const queue = new LifoQueue<number>(Infinity, [1, 2]);
  assertEquals([await queue.peek(), await queue.get(), queue.peekNowait()], [2, 2, 1]);
});

Deno.test("Queue.unfinishedTasks counts what comes in, also what is handed over or waited to put", async () => {
  const queue = new Queue<number>(1);
  const getter = spawn(() => queue.get());
  await sleep();
  await queue.put(1); // handed over
  await queue.put(2); // kept
  const putter = spawn(() => queue.put(3));
  await sleep();
  assertEquals(queue.unfinishedTasks, 2); // the third is not in yet
  await queue.get();
  assertEquals(queue.unfinishedTasks, 3);
  await joinAll([getter, putter]);
  for (let i = 0; i < 3; i++) queue.taskDone();
  assertEquals(await queue.join({ timeout: 0 }), true);
});

Deno.test("Queue.join() wakes all who wait, and does not wait for nothing", async () => {
  const queue = new Queue<number>();
  assertEquals(await queue.join({ timeout: 0 }), true);
  await queue.put(1);
  const joiners = [1, 2].map(() => spawn(() => queue.join()));
  assertEquals(await queue.join({ timeout: 1 }), false);
  queue.taskDone();
  await queue.put(2); // comes too late for those who were woken
  await joinAll(joiners);
  assertEquals([joiners.map((joiner) => joiner.value), queue.unfinishedTasks], [[true, true], 1]);
});

Deno.test("Queue.shutdown() with immediate does not count the items that were taken", async () => {
  const queue = new Queue<number>(Infinity, [1, 2, 3]);
  await queue.get();
  const joiner = spawn(() => queue.join());
  await sleep();
  queue.shutdown({ immediate: true });
  await sleep();
  assertEquals([queue.size, queue.unfinishedTasks, joiner.ready], [0, 1, false]);
  queue.taskDone();
  assertEquals(await joiner.get(), true);
});

Deno.test("Queue.copy() counts its items anew", async () => {
  const queue = new Queue<number>(Infinity, [1, 2]);
  await queue.get();
  const copy = queue.copy() as Queue<number>;
  assertEquals([queue.unfinishedTasks, copy.unfinishedTasks, copy.size], [2, 1, 1]);
});

Deno.test("JoinableQueue is Queue by another name", () => {
  assertStrictEquals(JoinableQueue, Queue);
});
