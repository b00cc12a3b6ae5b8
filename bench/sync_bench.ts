import { after, Event, joinAll, Lock, Queue, recv, select, Semaphore, sleep, spawn } from "@verdant/green";
import { measure, repeat } from "./helpers.ts";

const OPERATIONS = 10_000;
const WAITERS = 1_000;

measure({
  group: "acquire and release, free",
  name: "await null",
  operations: OPERATIONS,
  baseline: true,
  run: () => repeat(OPERATIONS, () => null),
});

for (const lock of [new Semaphore(1), new Lock()]) {
  measure({
    group: "acquire and release, free",
    name: lock.constructor.name,
    operations: OPERATIONS,
    run: () =>
      repeat(OPERATIONS, async () => {
        await lock.acquire();
        lock.release();
      }),
  });
}

/** A lock as people write it with promises. */
class PromiseChainLock {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(fn: () => Promise<T>): Promise<T> {
    const result = this.#last.then(fn);
    this.#last = result;
    return result;
  }
}

measure({
  group: "acquire and release, 100 want it",
  name: "promise chain",
  operations: OPERATIONS,
  baseline: true,
  run() {
    const lock = new PromiseChainLock();
    const body = () => repeat(OPERATIONS / 100, () => lock.run(async () => await null));
    return Promise.all(Array.from({ length: 100 }, body));
  },
});

measure({
  group: "acquire and release, 100 want it",
  name: "Semaphore",
  operations: OPERATIONS,
  run() {
    const semaphore = new Semaphore(1);
    const body = () =>
      repeat(OPERATIONS / 100, async () => {
        await semaphore.acquire();
        await null;
        semaphore.release();
      });
    return joinAll(Array.from({ length: 100 }, () => spawn(body)));
  },
});

measure({
  group: "wake 1,000",
  name: "1,000 awaits of one promise",
  operations: WAITERS,
  baseline: true,
  async run() {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiters = Array.from({ length: WAITERS }, async () => await promise);
    resolve();
    await Promise.all(waiters);
  },
});

measure({
  group: "wake 1,000",
  name: "Event.set()",
  operations: WAITERS,
  async run() {
    const event = new Event();
    const waiters = Array.from({ length: WAITERS }, () => spawn(() => event.wait()));
    await sleep();
    event.set();
    await joinAll(waiters);
  },
});

measure({
  group: "the first of two",
  name: "Promise.race()",
  operations: OPERATIONS,
  baseline: true,
  run: () => repeat(OPERATIONS, () => Promise.race([Promise.resolve(1), new Promise(() => {})])),
});

measure({
  group: "the first of two",
  name: "select() of two queues",
  operations: OPERATIONS,
  run() {
    const [filled, empty] = [new Queue<number>(), new Queue<number>()];
    return repeat(OPERATIONS, () => {
      filled.putNowait(1);
      return select([recv(empty), recv(filled)]);
    });
  },
});

measure({
  group: "the first of two",
  name: "select() that waits, with a limit",
  operations: OPERATIONS,
  async run() {
    const queue = new Queue<number>();
    const chooser = spawn(() => repeat(OPERATIONS, () => select([recv(queue), after(60_000)])));
    for (let i = 0; i < OPERATIONS; i++) {
      queue.putNowait(i);
      await sleep();
    }
    await chooser.join();
  },
});
