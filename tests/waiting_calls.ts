import {
  after,
  AsyncResult,
  Channel,
  Condition,
  done,
  Empty,
  Event,
  Full,
  getHub,
  Greenlet,
  GreenPool,
  Group,
  joinAll,
  Lock,
  Pool,
  PoolFull,
  PriorityQueue,
  Queue,
  recv,
  RLock,
  select,
  Semaphore,
  send,
  sleep,
  spawn,
  Timeout,
  until,
  wait,
  type WaitOptions,
} from "@verdant/green";
import { resourceCases } from "./green/resources/waiting_calls.ts";
import { netCases } from "./net/waiting_calls.ts";

/** How a time-out shows. */
export type Expected = { readonly returns: unknown } | { readonly throws: new () => Error };

/** One waiting call, on an object of its own. */
export interface Case {
  /** Calls what would wait for ever. */
  readonly call: (options: WaitOptions) => Promise<unknown>;
  /** What a time-out looks like. */
  readonly expected: Expected;
  /** What must not have changed afterwards. */
  readonly state: () => unknown;
  readonly release?: () => unknown;
}

const empty = () => new Queue<number>(1);
const full = () => new Queue<number>(1, [1]);

/** Every waiting call, by name. */
export const cases: Record<string, () => Case | Promise<Case>> = {
  ...netCases,
  ...resourceCases,
  "Event.wait()": () => {
    const event = new Event();
    return { call: (o) => event.wait(o), expected: { returns: false }, state: () => event.isSet };
  },
  "AsyncResult.wait()": () => {
    const result = new AsyncResult<number>();
    return { call: (o) => result.wait(o), expected: { returns: undefined }, state: () => result.ready };
  },
  "AsyncResult.get()": () => {
    const result = new AsyncResult<number>();
    return { call: (o) => result.get(o), expected: { throws: Timeout }, state: () => result.ready };
  },
  "Semaphore.acquire()": () => {
    const semaphore = new Semaphore(0);
    return {
      call: (o) => semaphore.acquire(o),
      expected: { returns: false },
      state: () => semaphore.counter,
    };
  },
  "Semaphore.wait()": () => {
    const semaphore = new Semaphore(0);
    return { call: (o) => semaphore.wait(o), expected: { returns: 0 }, state: () => semaphore.counter };
  },
  "Semaphore.lease()": () => {
    const semaphore = new Semaphore(0);
    return { call: (o) => semaphore.lease(o), expected: { throws: Timeout }, state: () => semaphore.counter };
  },
  "Lock.acquire()": async () => {
    const lock = new Lock();
    const holder = spawn(() => lock.with(() => sleep(60_000)));
    await sleep();
    return {
      call: (o) => lock.acquire(o),
      expected: { returns: false },
      state: () => lock.holder === holder,
      release: () => holder.kill(),
    };
  },
  "Lock.lease()": async () => {
    const lock = new Lock();
    const holder = spawn(() => lock.with(() => sleep(60_000)));
    await sleep();
    return {
      call: (o) => lock.lease(o),
      expected: { throws: Timeout },
      state: () => lock.holder === holder,
      release: () => holder.kill(),
    };
  },
  "Condition.acquire()": async () => {
    const condition = new Condition();
    const holder = spawn(() => condition.with(() => sleep(60_000)));
    await sleep();
    return {
      call: (o) => condition.acquire(o),
      expected: { returns: false },
      state: () => condition.lock.holder === holder,
      release: () => holder.kill(),
    };
  },
  "RLock.lease()": async () => {
    const lock = new RLock();
    const holder = spawn(() => lock.with(() => sleep(60_000)));
    await sleep();
    return {
      call: (o) => lock.lease(o),
      expected: { throws: Timeout },
      state: () => lock.holder === holder,
      release: () => holder.kill(),
    };
  },
  "Condition.wait()": async () => {
    const condition = new Condition();
    await condition.acquire();
    return {
      call: (o) => condition.wait(o),
      expected: { returns: false },
      state: () => condition.lock.owned,
      release: () => condition.release(),
    };
  },
  "Condition.waitFor()": async () => {
    const condition = new Condition();
    await condition.acquire();
    return {
      call: (o) => condition.waitFor(() => false, o),
      expected: { returns: false },
      state: () => condition.lock.owned,
      release: () => condition.release(),
    };
  },
  "Queue.get()": () => {
    const queue = empty();
    return {
      call: (o) => queue.get(o),
      expected: { throws: Empty },
      state: () => [queue.size, queue.getters.size],
    };
  },
  "Queue.peek()": () => {
    const queue = empty();
    return {
      call: (o) => queue.peek(o),
      expected: { throws: Empty },
      state: () => [queue.size, queue.getters.size],
    };
  },
  "Queue.put()": () => {
    const queue = full();
    return {
      call: (o) => queue.put(2, o),
      expected: { throws: Full },
      state: () => [queue.size, queue.putters.size, queue.unfinishedTasks],
    };
  },
  "Queue.join()": () => {
    const queue = full();
    return { call: (o) => queue.join(o), expected: { returns: false }, state: () => queue.unfinishedTasks };
  },
  "Channel.get()": () => {
    const channel = new Channel<number>();
    return { call: (o) => channel.get(o), expected: { throws: Empty }, state: () => channel.balance };
  },
  "Channel.put()": () => {
    const channel = new Channel<number>();
    return { call: (o) => channel.put(1, o), expected: { throws: Full }, state: () => channel.balance };
  },
  "PriorityQueue.put()": () => {
    const queue = new PriorityQueue<number>(1, [1]);
    return {
      call: (o) => queue.put(0, o),
      expected: { throws: Full },
      state: () => [queue.peekNowait(), queue.putters.size, queue.unfinishedTasks],
    };
  },
  "select() with send()": () => {
    const queue = full();
    return {
      call: (o) => select([send(queue, 2), send(queue, 3)], o),
      expected: { throws: Timeout },
      state: () => [queue.size, queue.putters.size, queue.unfinishedTasks],
    };
  },
  "select() with done()": () => {
    const event = new Event();
    const queue = empty();
    return {
      call: (o) => select([done(event), recv(queue), after(60_000)], o),
      expected: { throws: Timeout },
      state: () => [event.isSet, queue.getters.size, getHub().stats().timers],
    };
  },
  "select()": () => {
    const queue = empty();
    return {
      call: (o) => select([recv(queue)], o),
      expected: { throws: Timeout },
      state: () => queue.getters.size,
    };
  },
  "Greenlet.join()": () => {
    const sleeper = spawn(() => sleep(60_000));
    return {
      call: (o) => sleeper.join(o),
      expected: { returns: false },
      state: () => sleeper.dead,
      release: () => sleeper.kill(),
    };
  },
  "Greenlet.get()": () => {
    const sleeper = spawn(() => sleep(60_000));
    return {
      call: (o) => sleeper.get(o),
      expected: { throws: Timeout },
      state: () => sleeper.dead,
      release: () => sleeper.kill(),
    };
  },
  "joinAll()": () => {
    const sleeper = spawn(() => sleep(60_000));
    return {
      call: (o) => joinAll([sleeper], o),
      expected: { returns: [] },
      state: () => sleeper.dead,
      release: () => sleeper.kill(),
    };
  },
  "wait()": () => {
    const event = new Event();
    return { call: (o) => wait([event], o), expected: { returns: [] }, state: () => event.isSet };
  },
  "Group.join()": () => {
    const group = new Group();
    group.spawn(() => sleep(60_000));
    return {
      call: (o) => group.join(o),
      expected: { returns: false },
      state: () => group.size,
      release: () => group.kill(),
    };
  },
  "Pool.start()": async () => {
    const pool = new Pool(1);
    await pool.spawn(() => sleep(60_000));
    return {
      call: (o) => pool.start(new Greenlet(() => {}), o),
      expected: { throws: PoolFull },
      state: () => [pool.size, pool.freeCount],
      release: () => pool.kill(),
    };
  },
  "GreenPool.waitAll()": async () => {
    const pool = new GreenPool(1);
    const member = await pool.spawn(() => sleep(60_000));
    return {
      call: (o) => pool.waitAll(o),
      expected: { returns: false },
      state: () => [pool.running, pool.free],
      release: () => member.kill(),
    };
  },
  "Pool.waitAvailable()": async () => {
    const pool = new Pool(1);
    await pool.spawn(() => sleep(60_000));
    return {
      call: (o) => pool.waitAvailable(o),
      expected: { returns: 0 },
      state: () => pool.freeCount,
      release: () => pool.kill(),
    };
  },
  "until()": () => ({
    call: (o) => until(new Promise(() => {}), o),
    expected: { throws: Timeout },
    state: () => getHub().stats().foreignWaits,
  }),
  "Hub.join()": () => {
    const sleeper = spawn(() => sleep(60_000));
    return {
      call: (o) => getHub().join(o),
      expected: { returns: false },
      state: () => sleeper.dead,
      release: () => sleeper.kill(),
    };
  },
};
