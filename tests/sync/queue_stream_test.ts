import { assertEquals, assertStrictEquals } from "@std/assert";
import { Queue, SimpleQueue, sleep, spawn, until } from "@verdant/green";
import { assertFair } from "../green/fair.ts";
import { turn } from "../helpers.ts";

Deno.test("SimpleQueue.toReadableStream() takes an item only when it is asked for one", async () => {
  const queue = new SimpleQueue<number>(Infinity, [1, 2, 3]);
  const reader = queue.toReadableStream().getReader();
  await sleep();
  assertEquals(queue.size, 3);
  assertEquals([(await reader.read()).value, queue.size], [1, 2]);
  const [second, third, last] = [reader.read(), reader.read(), reader.read()];
  assertEquals([(await second).value, (await third).value, queue.size], [2, 3, 0]);
  queue.shutdown();
  assertEquals((await last).done, true);
  await reader.closed;
});

Deno.test("SimpleQueue.toReadableStream() that is cancelled waits no longer and takes nothing", async () => {
  const queue = new SimpleQueue<number>();
  const reader = queue.toReadableStream().getReader();
  const pending = reader.read();
  await sleep();
  assertEquals(queue.getters.size, 1);
  await reader.cancel("enough");
  assertEquals([(await pending).done, queue.getters.size], [true, 0]);
  queue.putNowait(9);
  assertEquals([queue.size, await queue.get()], [1, 9]);
});

Deno.test("Queue.toReadableStream() yields the items and closes at shutdown", async () => {
  const queue = new Queue<number>(Infinity, [1, 2]);
  queue.shutdown();
  assertEquals(await Array.fromAsync(queue.toReadableStream()), [1, 2]);
  const waiting = new Queue<number>();
  const reader = waiting.toReadableStream().getReader();
  const pending = reader.read();
  await reader.cancel();
  assertEquals((await pending).done, true);
  waiting.putNowait(9);
  assertStrictEquals(await waiting.get(), 9);
});

Deno.test("Queue.toReadableStream() that is cancelled leaves the items that nobody took", async () => {
  const queue = new Queue<number>(Infinity, [1, 2, 3]);
  const reader = queue.toReadableStream().getReader();
  assertEquals(await reader.read(), { done: false, value: 1 });
  await reader.cancel();
  assertEquals([queue.size, queue.getters.size], [2, 0]);
});

Deno.test("Queue.toReadableStream() that is cancelled after it was given an item has passed it on", async () => {
  const queue = new Queue<number>();
  const reader = queue.toReadableStream().getReader();
  const reading = reader.read();
  await sleep();
  queue.putNowait(1);
  await reader.cancel(); // before anybody else ran
  assertEquals([await reading, queue.size], [{ done: false, value: 1 }, 0]);
});

Deno.test("Queue.toReadableStream() waits in line with get(), first come first served", async () => {
  const queue = new Queue<number>();
  const first = spawn(() => queue.get());
  await sleep();
  const reading = queue.toReadableStream().getReader().read();
  await turn(); // a stream asks for its first item a little later
  const last = spawn(() => queue.get());
  await sleep();
  for (const item of [1, 2, 3]) queue.putNowait(item);
  assertEquals([await first.get(), (await reading).value, await last.get()], [1, 2, 3]);
});

Deno.test("Queue.toReadableStream() of two takes every item once, and lets putters in", async () => {
  const queue = new Queue<number>(1);
  const readers = [1, 2].map(() => Array.fromAsync(queue.toReadableStream()));
  for (let i = 0; i < 6; i++) await queue.put(i);
  queue.shutdown();
  assertEquals((await Promise.all(readers)).flat().toSorted(), [0, 1, 2, 3, 4, 5]);
  assertEquals([queue.getters.size, queue.unfinishedTasks], [0, 6]);
});

Deno.test("Queue.toReadableStream() whose reader is killed is in error, and the items are still there", async () => {
  const queue = new Queue<number>();
  const stream = queue.toReadableStream();
  const victim = spawn(async () => {
    const reader = stream.getReader();
    try {
      await until(reader.read());
    } finally {
      await reader.cancel().catch(() => {});
      reader.releaseLock();
    }
  });
  await turn();
  assertEquals(queue.getters.size, 1);
  await victim.kill();
  queue.putNowait(1);
  assertEquals([queue.getters.size, queue.size], [0, 1]);
});

Deno.test("SimpleQueue.toReadableStream() of one that is shut down, in a loop, lets the event loop have its turns", async () => {
  const queue = new SimpleQueue<number>();
  queue.shutdown();
  await assertFair(() => Array.fromAsync(queue.toReadableStream()));
});
