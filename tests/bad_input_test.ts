/** Bad input: the right built-in class, at the call, with the value in the message, and nothing changed. */
// deno-lint-ignore-file no-explicit-any -- passes what the types forbid
import { assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import {
  after,
  AsyncResult,
  Barrier,
  BoundedSemaphore,
  Condition,
  done,
  DummySemaphore,
  Empty,
  Event,
  Full,
  getHub,
  Greenlet,
  Group,
  iwait,
  joinAll,
  LifoQueue,
  Local,
  Lock,
  nursery,
  Pool,
  PriorityQueue,
  Queue,
  recv,
  RLock,
  select,
  Semaphore,
  send,
  shield,
  SimpleQueue,
  sleep,
  spawn,
  spawnLater,
  spawnRaw,
  spawnWith,
  Timeout,
  until,
  withTimeout,
} from "@verdant/green";

interface BadCall {
  readonly call: () => unknown;
  readonly error: new (...args: any[]) => Error;
  /** What the message must name. */
  readonly value: string;
  readonly state?: () => unknown;
}

const queue = new Queue<number>(2, [1]);
const filled = new Queue<number>(1, [1]);
const sorted = new PriorityQueue<unknown>(Infinity, [1]);
const barrier = new Barrier(2);
const pool = new Pool(2);
const group = new Group();
const lock = new Lock();
const rlock = new RLock();
const condition = new Condition();
const bounded = new BoundedSemaphore(1);
const event = new Event();
const result = new AsyncResult<number>();
const anything: any = "text";

const badCalls: Record<string, BadCall> = {
  "new Queue(0)": { call: () => new Queue(0), error: RangeError, value: "0" },
  "new Queue(-1)": { call: () => new Queue(-1), error: RangeError, value: "-1" },
  "new Queue(1.5)": { call: () => new Queue(1.5), error: RangeError, value: "1.5" },
  "new Queue(NaN)": { call: () => new Queue(NaN), error: RangeError, value: "NaN" },
  "new Queue(1, two items)": { call: () => new Queue(1, [1, 2]), error: RangeError, value: "2 items" },
  "new PriorityQueue(compare: 5)": {
    call: () => new PriorityQueue(1, [], { compare: 5 as any }),
    error: TypeError,
    value: "5",
  },
  "Queue.maxSize = 0": {
    call: () => queue.maxSize = 0,
    error: RangeError,
    value: "0",
    state: () => queue.maxSize,
  },
  "Queue.taskDone() once too often": {
    call: () => new Queue().taskDone(),
    error: RangeError,
    value: "taskDone()",
  },
  "new Semaphore(-1)": { call: () => new Semaphore(-1), error: RangeError, value: "-1" },
  "new Semaphore(0.5)": { call: () => new Semaphore(0.5), error: RangeError, value: "0.5" },
  "Semaphore.with(5)": { call: () => new Semaphore().with(5 as any), error: TypeError, value: "5" },
  "BoundedSemaphore.release() of none": {
    call: () => bounded.release(),
    error: RangeError,
    value: "1",
    state: () => bounded.counter,
  },
  "Lock.release() of a free one": {
    call: () => lock.release(),
    error: Error,
    value: "nobody holds it",
    state: () => lock.locked,
  },
  "RLock.release() of a free one": {
    call: () => rlock.release(),
    error: Error,
    value: "nobody holds it",
    state: () => rlock.locked,
  },
  "Lock.with(5)": { call: () => lock.with(5 as any), error: TypeError, value: "5", state: () => lock.locked },
  "Condition.wait() without its lock": {
    call: () => condition.wait(),
    error: Error,
    value: "does not hold its lock",
  },
  "Condition.notify() without its lock": {
    call: () => condition.notify(),
    error: Error,
    value: "does not hold its lock",
  },
  "Condition.notify(-1)": { call: () => condition.notify(-1), error: RangeError, value: "-1" },
  "Condition.waitFor(5)": { call: () => condition.waitFor(5 as any), error: TypeError, value: "5" },
  "new Barrier(0)": { call: () => new Barrier(0), error: RangeError, value: "0" },
  "new Barrier(action: 5)": {
    call: () => new Barrier(1, { action: 5 as any }),
    error: TypeError,
    value: "5",
  },
  "new Barrier(timeout: -1)": { call: () => new Barrier(1, { timeout: -1 }), error: RangeError, value: "-1" },
  "Event.rawlink(5)": { call: () => event.rawlink(5 as any), error: TypeError, value: "5" },
  "AsyncResult.rawlink(5)": { call: () => result.rawlink(5 as any), error: TypeError, value: "5" },
  "new SimpleQueue(-0.5)": { call: () => new SimpleQueue(-0.5), error: RangeError, value: "-0.5" },
  "new LifoQueue(-1)": { call: () => new LifoQueue(-1), error: RangeError, value: "-1" },
  "new PriorityQueue(0)": { call: () => new PriorityQueue(0), error: RangeError, value: "0" },
  "new Queue(2, 5)": { call: () => new Queue(2, 5 as any), error: TypeError, value: "items" },
  "Queue.maxSize = 1.5": {
    call: () => queue.maxSize = 1.5,
    error: RangeError,
    value: "1.5",
    state: () => queue.maxSize,
  },
  "Queue.maxSize = NaN": {
    call: () => queue.maxSize = NaN,
    error: RangeError,
    value: "NaN",
    state: () => queue.maxSize,
  },
  "PriorityQueue.putNowait(a symbol)": {
    call: () => sorted.putNowait(Symbol("no order")),
    error: TypeError,
    value: "ymbol",
    state: () => [sorted.size, sorted.unfinishedTasks, sorted.peekNowait()],
  },
  "Queue.putNowait() into a full one": {
    call: () => filled.putNowait(2),
    error: Full,
    value: "1",
    state: () => [filled.size, filled.unfinishedTasks],
  },
  "Queue.getNowait() of an empty one": { call: () => new Queue().getNowait(), error: Empty, value: "empty" },
  "new BoundedSemaphore(-1)": { call: () => new BoundedSemaphore(-1), error: RangeError, value: "-1" },
  "new Semaphore(NaN)": { call: () => new Semaphore(NaN), error: RangeError, value: "NaN" },
  "new Semaphore(Infinity)": { call: () => new Semaphore(Infinity), error: RangeError, value: "Infinity" },
  "Semaphore.rawlink(5)": { call: () => new Semaphore().rawlink(5 as any), error: TypeError, value: "5" },
  "DummySemaphore.with(5)": { call: () => new DummySemaphore().with(5 as any), error: TypeError, value: "5" },
  "RLock.with(5)": {
    call: () => rlock.with(5 as any),
    error: TypeError,
    value: "5",
    state: () => rlock.locked,
  },
  "Lock.releaseAll() of a free one": {
    call: () => lock.releaseAll(),
    error: Error,
    value: "nobody holds it",
    state: () => lock.locked,
  },
  "new Condition(5)": { call: () => new Condition(5 as any), error: TypeError, value: "5" },
  "Condition.release() of a free one": {
    call: () => condition.release(),
    error: Error,
    value: "nobody holds it",
    state: () => condition.lock.locked,
  },
  "Condition.notifyAll() without its lock": {
    call: () => condition.notifyAll(),
    error: Error,
    value: "does not hold its lock",
  },
  "Condition.waitFor() without its lock": {
    call: () => condition.waitFor(() => true),
    error: Error,
    value: "does not hold its lock",
  },
  "Condition.notify(1.5)": { call: () => condition.notify(1.5), error: RangeError, value: "1.5" },
  "Condition.notify(NaN)": { call: () => condition.notify(NaN), error: RangeError, value: "NaN" },
  "new Barrier(1.5)": { call: () => new Barrier(1.5), error: RangeError, value: "1.5" },
  "new Barrier(NaN)": { call: () => new Barrier(NaN), error: RangeError, value: "NaN" },
  "new Barrier(Infinity)": { call: () => new Barrier(Infinity), error: RangeError, value: "Infinity" },
  "new Barrier(timeout: text)": {
    call: () => new Barrier(1, { timeout: anything }),
    error: TypeError,
    value: "text",
  },
  "Barrier.wait(timeout: NaN)": {
    call: () => barrier.wait({ timeout: NaN }),
    error: RangeError,
    value: "NaN",
    state: () => [barrier.waiting, barrier.broken],
  },
  "recv(5)": { call: () => recv(5 as any), error: TypeError, value: "5" },
  "recv(undefined)": { call: () => recv(undefined as any), error: TypeError, value: "undefined" },
  "send(5, item)": { call: () => send(5 as any, "item" as never), error: TypeError, value: "5" },
  "done(5)": { call: () => done(5 as any), error: TypeError, value: "5" },
  "done(null)": { call: () => done(null as any), error: TypeError, value: "null" },
  "after(NaN)": { call: () => after(NaN), error: RangeError, value: "NaN" },
  "after(text)": { call: () => after(anything), error: TypeError, value: "text" },
  "Semaphore.acquire(timeout: -1) of a free one": {
    call: () => bounded.acquire({ timeout: -1 }),
    error: RangeError,
    value: "-1",
    state: () => bounded.counter,
  },
  "Queue.get(timeout: NaN) of one with items": {
    call: () => queue.get({ timeout: NaN }),
    error: RangeError,
    value: "NaN",
    state: () => queue.size,
  },
  "Queue.put(timeout: text) with room": {
    call: () => queue.put(2, { timeout: anything }),
    error: TypeError,
    value: "text",
    state: () => queue.size,
  },
  "Lock.acquire(timeout: -1) of a free one": {
    call: () => lock.acquire({ timeout: -1 }),
    error: RangeError,
    value: "-1",
    state: () => lock.locked,
  },
  "select() of nothing": { call: () => select([]), error: RangeError, value: "list of cases is empty" },
  "after(-1)": { call: () => after(-1), error: RangeError, value: "-1" },
  "spawn(5)": { call: () => spawn(5 as any), error: TypeError, value: "5", state: greenlets },
  "spawn(undefined)": {
    call: () => spawn(undefined as any),
    error: TypeError,
    value: "undefined",
    state: greenlets,
  },
  "spawnRaw(5)": { call: () => spawnRaw(5 as any), error: TypeError, value: "5", state: greenlets },
  "spawnWith({}, 5)": { call: () => spawnWith({}, 5 as any), error: TypeError, value: "5", state: greenlets },
  "spawnLater(-1)": {
    call: () => spawnLater(-1, () => {}),
    error: RangeError,
    value: "-1",
    state: greenlets,
  },
  "spawnLater(NaN)": {
    call: () => spawnLater(NaN, () => {}),
    error: RangeError,
    value: "NaN",
    state: greenlets,
  },
  "spawnLater(1, 5)": { call: () => spawnLater(1, 5 as any), error: TypeError, value: "5", state: greenlets },
  "new Greenlet(5)": { call: () => new Greenlet(5 as any), error: TypeError, value: "5" },
  "Greenlet.link(5)": { call: () => new Greenlet(() => {}).link(5 as any), error: TypeError, value: "5" },
  "Greenlet.rawlink(5)": {
    call: () => new Greenlet(() => {}).rawlink(5 as any),
    error: TypeError,
    value: "5",
  },
  "Greenlet.kill(5)": {
    call: () => new Greenlet(() => {}).kill(5 as any),
    error: TypeError,
    value: "5",
    state: greenlets,
  },
  "Greenlet.throw(5)": { call: () => new Greenlet(() => {}).throw(5 as any), error: TypeError, value: "5" },
  "sleep(-1)": { call: () => sleep(-1), error: RangeError, value: "-1" },
  "sleep(NaN)": { call: () => sleep(NaN), error: RangeError, value: "NaN" },
  "sleep(text)": { call: () => sleep(anything), error: TypeError, value: "text" },
  "new Timeout(-1)": { call: () => new Timeout(-1), error: RangeError, value: "-1" },
  "withTimeout(-1)": { call: () => withTimeout(-1, () => {}), error: RangeError, value: "-1", state: timers },
  "withTimeout(1, 5)": { call: () => withTimeout(1, 5 as any), error: TypeError, value: "5", state: timers },
  "shield(5)": { call: () => shield(5 as any), error: TypeError, value: "5" },
  "shield(timeout: -1)": { call: () => shield(() => {}, { timeout: -1 }), error: RangeError, value: "-1" },
  "new Local(initial: 5)": { call: () => new Local({ initial: 5 as any }), error: TypeError, value: "5" },
  "iwait(count: -1)": { call: () => iwait([], { count: -1 }), error: RangeError, value: "-1" },
  "joinAll(count: NaN)": { call: () => joinAll([], { count: NaN }), error: RangeError, value: "NaN" },
  "new Group([5])": { call: () => new Group([5 as any]), error: TypeError, value: "5" },
  "Group.add(5)": { call: () => group.add(5 as any), error: TypeError, value: "5", state: () => group.size },
  "Group.spawn(5)": {
    call: () => group.spawn(5 as any),
    error: TypeError,
    value: "5",
    state: () => group.size,
  },
  "Group.map(5, [])": { call: () => group.map(5 as any, []), error: TypeError, value: "5" },
  "Group.map(fn, 5)": { call: () => group.map(() => {}, 5 as any), error: TypeError, value: "5" },
  "Group.imap(maxSize: 0)": {
    call: () => group.imap(() => {}, [], { maxSize: 0 }),
    error: RangeError,
    value: "0",
  },
  "Group.starmap(5, [])": { call: () => group.starmap(5 as any, []), error: TypeError, value: "5" },
  "Group.apply(5)": { call: () => group.apply(5 as any), error: TypeError, value: "5" },
  "Group.applyAsync(fn, [], 5)": {
    call: () => group.applyAsync(() => {}, [], 5 as any),
    error: TypeError,
    value: "5",
    state: greenlets,
  },
  "Group.mapAsync(fn, [], 5)": {
    call: () => group.mapAsync(() => {}, [], 5 as any),
    error: TypeError,
    value: "5",
  },
  "new Pool(-1)": { call: () => new Pool(-1), error: RangeError, value: "-1" },
  "new Pool(1.5)": { call: () => new Pool(1.5), error: RangeError, value: "1.5" },
  "Pool.spawn(5)": {
    call: () => pool.spawn(5 as any),
    error: TypeError,
    value: "5",
    state: () => pool.freeCount,
  },
  "Pool.add(5)": {
    call: () => pool.add(5 as any),
    error: TypeError,
    value: "5",
    state: () => pool.freeCount,
  },
  "Pool.start(timeout: -1)": {
    call: () => pool.start(new Greenlet(() => {}), { timeout: -1 }),
    error: RangeError,
    value: "-1",
    state: () => pool.freeCount,
  },
  "nursery(5)": { call: () => nursery(5 as any), error: TypeError, value: "5", state: greenlets },
  "nursery(deadline: -1)": {
    call: () => nursery(() => {}, { deadline: -1 }),
    error: RangeError,
    value: "-1",
    state: greenlets,
  },
  "until(timeout: NaN)": {
    call: () => until(Promise.resolve(), { timeout: NaN }),
    error: RangeError,
    value: "NaN",
  },
  "Hub.runCallback(5)": { call: () => getHub().runCallback(5 as any), error: TypeError, value: "5" },
};

function greenlets(): number {
  return getHub().stats().greenlets;
}
function timers(): number {
  return getHub().stats().timers;
}

for (const [name, { call, error, value, state }] of Object.entries(badCalls)) {
  Deno.test(`${name} throws ${error.name} with the value, and changes nothing`, async () => {
    const before = state?.();
    let caught: unknown;
    try {
      const outcome = call();
      void (outcome as Promise<unknown>)?.then?.(undefined, () => {});
    } catch (thrown) {
      caught = thrown;
    }
    assertInstanceOf(caught, error);
    assertStringIncludes((caught as Error).message, value);
    assertEquals(state?.(), before);
    await sleep();
  });
}

Deno.test("RLock.release() by another greenlet names the holder and leaves it the lock", async () => {
  const holder = spawnWith({ name: "owner" }, async () => {
    await rlock.with(() => sleep(60_000));
  });
  await sleep();
  const thief = spawnWith({ name: "thief" }, () => {
    try {
      rlock.release();
    } catch (error) {
      return (error as Error).message;
    }
  });
  assertEquals(await thief.get(), "Cannot release lock: thief does not hold it, it is held by owner");
  assertEquals(rlock.holder === holder, true);
  await holder.kill();
  assertEquals(rlock.locked, false);
});
