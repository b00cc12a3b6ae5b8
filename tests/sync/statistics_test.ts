import { assert, assertEquals } from "@std/assert";
import {
  AsyncResult,
  Barrier,
  BoundedSemaphore,
  Channel,
  Condition,
  DummySemaphore,
  Event,
  getHub,
  type Greenlet,
  killAll,
  Lock,
  Queue,
  RLock,
  Semaphore,
  SimpleQueue,
  sleep,
  spawn,
} from "@verdant/green";

/** Starts `count` greenlets that wait, and lets them park. */
async function waiting(count: number, wait: () => Promise<unknown>): Promise<AsyncDisposable> {
  const greenlets: Greenlet[] = [];
  for (let i = 0; i < count; i++) greenlets.push(spawn(() => wait().then(() => {}, () => {})));
  await sleep();
  return { [Symbol.asyncDispose]: async () => void await killAll(greenlets) };
}

Deno.test("Event.statistics() counts who waits, callbacks included", async () => {
  const event = new Event();
  using _link = event.rawlink(() => {});
  await using _waiters = await waiting(2, () => event.wait());
  assertEquals(event.statistics(), { set: false, waiting: 3 });
  event.set();
  assertEquals(event.statistics(), { set: true, waiting: 0 });
});

Deno.test("AsyncResult.statistics() counts who waits", async () => {
  const result = new AsyncResult<number>();
  await using _waiters = await waiting(2, () => result.get());
  assertEquals(result.statistics(), { ready: false, waiting: 2 });
  result.set(1);
  assertEquals(result.statistics(), { ready: true, waiting: 0 });
});

Deno.test("Semaphore.statistics() tells what there is, what is free and who waits", async () => {
  for (const semaphore of [new Semaphore(2), new BoundedSemaphore(2)]) {
    await semaphore.acquire();
    assertEquals(semaphore.statistics(), { total: 2, free: 1, waiting: 0 });
    await semaphore.acquire();
    await using _waiters = await waiting(3, () => semaphore.acquire());
    assertEquals(semaphore.statistics(), { total: 2, free: 0, waiting: 3 });
  }
  const signal = new Semaphore(0);
  signal.release();
  assertEquals(signal.statistics(), { total: 0, free: 1, waiting: 0 });
  assertEquals(new DummySemaphore().statistics(), { total: Infinity, free: Infinity, waiting: 0 });
});

Deno.test("Lock.statistics() tells who holds it, how often, and who waits", async () => {
  const holder = getHub().root.id;
  for (const [lock, depth] of [[new Lock(), 1], [new RLock(), 2]] as const) {
    assertEquals(lock.statistics(), { holder: undefined, depth: 0, waiting: 0 });
    for (let i = 0; i < depth; i++) await lock.acquire();
    await using _waiters = await waiting(2, () => lock.acquire());
    assertEquals(lock.statistics(), { holder, depth, waiting: 2 });
  }
});

Deno.test("Condition.statistics() tells who waits, and of its lock", async () => {
  const condition = new Condition();
  await using _waiters = await waiting(2, () => condition.with(() => condition.wait()));
  await condition.acquire();
  const lock = { holder: getHub().root.id, depth: 1, waiting: 0 };
  assertEquals(condition.statistics(), { waiting: 2, lock });
  condition.release();
});

Deno.test("Barrier.statistics() tells who is there", async () => {
  const barrier = new Barrier(3);
  await using _waiters = await waiting(2, () => barrier.wait());
  assertEquals(barrier.statistics(), { parties: 3, waiting: 2, broken: false });
  barrier.abort();
  assertEquals(barrier.statistics(), { parties: 3, waiting: 0, broken: true });
});

Deno.test("SimpleQueue.statistics() tells what is in it and who waits on which side", async () => {
  const queue = new SimpleQueue<number>(1);
  {
    await using _waiters = await waiting(2, () => queue.get());
    assertEquals(queue.statistics(), { size: 0, maxSize: 1, getters: 2, putters: 0, closed: false });
  }
  await queue.put(1);
  await using _waiters = await waiting(3, () => queue.put(2));
  assertEquals(queue.statistics(), { size: 1, maxSize: 1, getters: 0, putters: 3, closed: false });
  queue.shutdown();
  assertEquals(queue.statistics(), { size: 1, maxSize: 1, getters: 0, putters: 0, closed: true });
});

Deno.test("Queue.statistics() tells also who joins, and what was not reported done", async () => {
  const queue = new Queue<number>(Infinity, [1, 2, 3]);
  await queue.get();
  queue.taskDone();
  await using _waiters = await waiting(2, () => queue.join());
  assertEquals(queue.statistics(), {
    size: 2,
    maxSize: Infinity,
    getters: 0,
    putters: 0,
    joiners: 2,
    unfinishedTasks: 2,
    closed: false,
  });
});

Deno.test("Channel.statistics() tells who waits on which side", async () => {
  const channel = new Channel<number>();
  {
    await using _waiters = await waiting(2, () => channel.get());
    assertEquals(channel.statistics(), { getters: 2, putters: 0, closed: false });
  }
  await using _waiters = await waiting(1, () => channel.put(1));
  assertEquals(channel.statistics(), { getters: 0, putters: 1, closed: false });
  channel.shutdown();
  assertEquals(channel.statistics(), { getters: 0, putters: 0, closed: true });
});

Deno.test("statistics() is a frozen object that does not change, and takes no turn", async () => {
  const things = [
    new Event(),
    new AsyncResult(),
    new Semaphore(),
    new DummySemaphore(),
    new Lock(),
    new Condition(),
    new Barrier(2),
    new SimpleQueue(),
    new Queue(),
    new Channel(),
  ];
  for (const thing of things) assert(Object.isFrozen(thing.statistics()), thing.constructor.name);
  const queue = new Queue<number>();
  const before = queue.statistics();
  await queue.put(1);
  assertEquals([before.size, queue.statistics().size], [0, 1]);
});
