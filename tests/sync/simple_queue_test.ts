import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  Empty,
  Full,
  joinAll,
  LifoQueue,
  PriorityQueue,
  Queue,
  ShutDown,
  SimpleQueue,
  sleep,
  spawn,
} from "@verdant/green";
import { assertFair } from "../green/fair.ts";

for (const QueueClass of [SimpleQueue, Queue, LifoQueue, PriorityQueue]) {
  const { name } = QueueClass;

  Deno.test(`${name}.put() lets putters in first come first served`, async () => {
    const queue = new QueueClass<number>(1, [0]);
    const log: number[] = [];
    const putters = [1, 2, 3].map((n) => spawn(() => queue.put(n).then(() => log.push(n))));
    await sleep();
    assertEquals([queue.putters.size, log], [3, []]);
    const got = [];
    for (let i = 0; i < 4; i++) got.push(await queue.get());
    await joinAll(putters);
    assertEquals([got, log, queue.empty], [[0, 1, 2, 3], [1, 2, 3], true]);
  });

  Deno.test(`${name}.put() and get() that need not wait do not switch`, async () => {
    const queue = new QueueClass<number>();
    const log: string[] = [];
    const other = spawn(() => log.push("other"));
    await queue.put(1);
    await queue.peek();
    await queue.get();
    log.push("done");
    await other.join();
    assertEquals(log, ["done", "other"]);
  });

  Deno.test(`${name}.maxSize raised lets as many putters in as there is room for`, async () => {
    const queue = new QueueClass<number>(1, [0]);
    const putters = [1, 2, 3].map((n) => spawn(() => queue.put(n)));
    await sleep();
    queue.maxSize = 3;
    await sleep();
    assertEquals(putters.map((putter) => putter.ready), [true, true, false]);
    assertEquals([queue.size, queue.putters.size, queue.full], [3, 1, true]);
    queue.maxSize = Infinity;
    await joinAll(putters);
    assertEquals([queue.size, queue.full], [4, false]);
  });

  Deno.test(`${name}.maxSize lowered keeps the items and blocks putters until there is room`, async () => {
    const queue = new QueueClass<number>(3, [1, 1, 1]);
    queue.maxSize = 1;
    const putter = spawn(() => queue.put(1));
    await sleep();
    await queue.get();
    await queue.get();
    assertEquals([queue.size, queue.full, queue.putters.size], [1, true, 1]);
    await queue.get();
    await putter.join();
    assertEquals([queue.size, queue.full], [1, true]);
  });

  Deno.test(`${name}.put() that is killed while waiting puts nothing`, async () => {
    const queue = new QueueClass<number>(1, [1]);
    const victim = spawn(() => queue.put(2));
    const next = spawn(() => queue.put(3));
    await sleep();
    await victim.kill();
    assertEquals([await queue.get(), await queue.get()], [1, 3]);
    await next.join();
    assertEquals([queue.size, queue.putters.size], [0, 0]);
  });
}

Deno.test("SimpleQueue.put() hands the item to a getter at once: it is never in the queue", async () => {
  const queue = new SimpleQueue<string>(1);
  const getter = spawn(() => queue.get());
  await sleep();
  queue.putNowait("handed over");
  assertEquals([queue.size, getter.ready], [0, false]);
  assertThrows(() => queue.getNowait(), Empty); // nobody can take it away any more
  assertEquals(await getter.get(), "handed over");
});

Deno.test("SimpleQueue.get() lets the putter in and goes on: who has what it wants does not switch", async () => {
  const queue = new SimpleQueue<number>(1);
  const log: string[] = [];
  const producer = spawn(async () => {
    for (let i = 0; i < 3; i++) {
      await queue.put(i);
      log.push(`put ${i}`);
    }
  });
  const consumer = spawn(async () => {
    for (let i = 0; i < 3; i++) log.push(`got ${await queue.get()}`);
  });
  await joinAll([producer, consumer]);
  assertEquals(log, ["put 0", "got 0", "got 1", "put 1", "put 2", "got 2"]);
});

Deno.test("SimpleQueue.peek() by several shows all of them the item that a getter then takes", async () => {
  const queue = new SimpleQueue<number>();
  const log: string[] = [];
  const peek = (name: string) => spawn(() => queue.peek().then((item) => log.push(`${name} saw ${item}`)));
  const all = [
    peek("a"),
    peek("b"),
    spawn(() => queue.get().then((item) => log.push(`got ${item}`))),
    peek("behind"),
  ];
  await sleep();
  queue.putNowait(1);
  await joinAll(all.slice(0, 3));
  assertEquals([log, queue.size, queue.getters.size], [["a saw 1", "b saw 1", "got 1"], 0, 1]);
  queue.putNowait(2);
  await joinAll(all);
  assertEquals([log.at(-1), queue.getNowait()], ["behind saw 2", 2]);
});

Deno.test("SimpleQueue.peekNowait() shows the next item, and throws Empty without one", () => {
  const queue = new SimpleQueue<number>(Infinity, [4, 5]);
  assertEquals([queue.peekNowait(), queue.peekNowait(), queue.size], [4, 4, 2]);
  assertThrows(() => new SimpleQueue().peekNowait(), Empty, "peek at queue");
});

Deno.test("SimpleQueue.getNowait() lets a putter that waits in", async () => {
  const queue = new SimpleQueue<number>(1, [1]);
  const putter = spawn(() => queue.put(2));
  await sleep();
  assertThrows(() => queue.putNowait(3), Full);
  assertEquals([queue.getNowait(), queue.size], [1, 1]);
  assertEquals([queue.getNowait(), putter.ready], [2, false]);
  await putter.join();
});

Deno.test("SimpleQueue holds undefined like any other item", async () => {
  const queue = new SimpleQueue<undefined>(1);
  const getter = spawn(() => queue.get());
  await sleep();
  await queue.put(undefined);
  assertEquals(await getter.get(), undefined);
  await queue.put(undefined);
  assertEquals([queue.size, queue.empty, queue.full], [1, false, true]);
  const putter = spawn(() => queue.put(undefined));
  await sleep();
  assertEquals([await queue.get(), queue.size], [undefined, 1]);
  await putter.join();
});

Deno.test("SimpleQueue.shutdown() gives the items that are left first, then throws to everybody", async () => {
  const queue = new SimpleQueue<number>(2, [1, 2]);
  const putter = spawn(() => queue.put(3).catch((error) => error));
  await sleep();
  assert(!queue.closed);
  queue.shutdown();
  queue.shutdown(); // a second time changes nothing
  assert(queue.closed && await putter.get() instanceof ShutDown);
  await assertRejects(() => queue.put(4), ShutDown, "put to queue");
  assertEquals([queue.peekNowait(), await queue.peek(), await queue.get(), queue.getNowait()], [1, 1, 1, 2]);
  for (const call of [() => queue.get(), () => queue.peek()]) await assertRejects(call, ShutDown);
  for (const call of [() => queue.getNowait(), () => queue.peekNowait()]) assertThrows(call, ShutDown);
});

Deno.test("SimpleQueue.shutdown() ends parked getters and peekers with an error for each", async () => {
  const queue = new SimpleQueue<number>();
  const waiting = [() => queue.get(), () => queue.peek(), () => queue.get()]
    .map((call) => spawn(() => call().catch((error) => error)));
  await sleep();
  queue.shutdown();
  const errors = (await joinAll(waiting)).map((greenlet) => greenlet.value);
  assert(errors.every((error) => error instanceof ShutDown));
  assertEquals([new Set(errors).size, queue.getters.size], [3, 0]);
});

Deno.test("SimpleQueue.shutdown() after put() in the same turn does not take the item back", async () => {
  const queue = new SimpleQueue<number>();
  const getter = spawn(() => queue.get());
  await sleep();
  queue.putNowait(1);
  queue.shutdown({ immediate: true });
  assertEquals(await getter.get(), 1);
});

Deno.test("SimpleQueue iterates over what comes, by several readers, until the shutdown", async () => {
  const queue = new SimpleQueue<number>();
  const readers = [1, 2].map(() => spawn(() => Array.fromAsync(queue)));
  await sleep();
  for (let i = 0; i < 4; i++) await queue.put(i);
  queue.shutdown();
  await joinAll(readers);
  assertEquals(readers.map((reader) => reader.value ?? []).flat().toSorted(), [0, 1, 2, 3]);
});

Deno.test("SimpleQueue iteration that is left leaves the rest, and can be begun again", async () => {
  const queue = new SimpleQueue<number>(Infinity, [1, 2, 3]);
  for await (const item of queue) if (item === 2) break;
  assertEquals([queue.size, queue.getters.size], [1, 0]);
  queue.shutdown();
  assertEquals(await Array.fromAsync(queue), [3]);
});

Deno.test("SimpleQueue iteration passes a kill on", async () => {
  const queue = new SimpleQueue<number>();
  const log: string[] = [];
  const reader = spawn(async () => {
    try {
      for await (const item of queue) log.push(String(item));
    } finally {
      log.push("finally");
    }
  });
  await sleep();
  await reader.kill();
  assertEquals([log, queue.getters.size], [["finally"], 0]);
});

Deno.test("SimpleQueue.get() of a killed getter never lets an item overtake another", async () => {
  const queue = new SimpleQueue<number>();
  const got: number[] = [];
  const getters = [0, 1, 2].map(() => spawn(() => queue.get().then((item) => got.push(item))));
  await sleep();
  queue.putNowait(1); // assigned to the first
  void getters[0]!.kill(undefined, { block: false });
  void getters[1]!.kill(undefined, { block: false });
  queue.putNowait(2); // assigned to the third
  await joinAll(getters);
  assertEquals([got, queue.size, queue.getters.size], [[1, 2], 0, 0]);
});

Deno.test("SimpleQueue.copy() is as large and holds the same objects", () => {
  const item = {};
  const queue = new SimpleQueue<object>(3, [item]);
  const copy = queue.copy();
  assertEquals([copy.maxSize, copy.size, copy.closed, copy.constructor], [3, 1, false, SimpleQueue]);
  assertStrictEquals(copy.getNowait(), item);
  assertEquals(queue.size, 1);
});

for (const QueueClass of [SimpleQueue, Queue]) {
  const { name } = QueueClass;

  Deno.test(`${name} that is shut down, used in a loop, lets the event loop have its turns`, async () => {
    const queue = new QueueClass<number>();
    queue.shutdown();
    await assertFair(() => queue.put(1));
    await assertFair(() => queue.get());
    await assertFair(() => queue.peek());
    await assertFair(() => Array.fromAsync(queue));
  });
}
