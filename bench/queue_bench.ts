import { Channel, Queue, spawn } from "@verdant/green";
import { measure } from "./helpers.ts";

const OPERATIONS = 10_000;

/** The least that hands a value over with promises: one slot, one reader. */
class PromiseMailbox<T> {
  #next = Promise.withResolvers<T>();

  put(value: T): void {
    this.#next.resolve(value);
  }

  async get(): Promise<T> {
    const value = await this.#next.promise;
    this.#next = Promise.withResolvers<T>();
    return value;
  }
}

interface Line {
  put(value: number): unknown;
  get(): Promise<number>;
}

/** Two sides that answer each other. */
async function pingPong(there: Line, back: Line, start: (fn: () => Promise<void>) => unknown): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  start(async () => {
    for (let i = 0; i < OPERATIONS; i++) await back.put(await there.get());
  });
  start(async () => {
    for (let i = 0; i < OPERATIONS; i++) {
      await there.put(i);
      await back.get();
    }
    resolve();
  });
  await promise;
}

measure({
  group: "put and get without waiting",
  name: "array push and shift, await null each",
  operations: OPERATIONS,
  baseline: true,
  async run() {
    const items: number[] = [];
    for (let i = 0; i < OPERATIONS; i++) {
      items.push(i);
      await null;
      items.shift();
      await null;
    }
  },
});

measure({
  group: "put and get without waiting",
  name: "Queue.put() and get()",
  operations: OPERATIONS,
  async run() {
    const queue = new Queue<number>();
    for (let i = 0; i < OPERATIONS; i++) {
      await queue.put(i);
      await queue.get();
    }
  },
});

measure({
  group: "round trip",
  name: "promise mailboxes",
  operations: OPERATIONS,
  baseline: true,
  run: () => pingPong(new PromiseMailbox(), new PromiseMailbox(), (fn) => fn()),
});

measure({
  group: "round trip",
  name: "Queue.putNowait() and get()",
  operations: OPERATIONS,
  run() {
    const [there, back] = [new Queue<number>(), new Queue<number>()];
    const line = (queue: Queue<number>): Line => ({
      put: (value) => queue.putNowait(value),
      get: () => queue.get(),
    });
    return pingPong(line(there), line(back), spawn);
  },
});

measure({
  group: "round trip",
  name: "Queue.put() and get()",
  operations: OPERATIONS,
  run: () => pingPong(new Queue<number>(1), new Queue<number>(1), spawn),
});

measure({
  group: "round trip",
  name: "Channel.put() and get()",
  operations: OPERATIONS,
  run: () => pingPong(new Channel<number>(), new Channel<number>(), spawn),
});
