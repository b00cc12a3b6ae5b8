import { assertEquals, AssertionError } from "@std/assert";
import { SimpleQueue, sleep, spawn } from "@verdant/green";
import type { Planted } from "./planted.ts";

/** Says the same to all who have subscribed. */
class Feed {
  readonly readers = new Set<SimpleQueue<string>>();

  publish(line: string): void {
    for (const reader of this.readers) reader.putNowait(line);
  }
}

type Subscribe = (feed: Feed) => AsyncIterableIterator<string>;

/** A loop calls `return()` when it is left, but not when `next()` fails: nobody ends the subscription then. */
class Subscription implements AsyncIterableIterator<string> {
  readonly #lines = new SimpleQueue<string>();
  readonly #feed: Feed;

  constructor(feed: Feed) {
    this.#feed = feed;
    feed.readers.add(this.#lines);
  }

  async next(): Promise<IteratorResult<string>> {
    return { done: false, value: await this.#lines.get() };
  }

  return(): Promise<IteratorResult<string>> {
    this.#feed.readers.delete(this.#lines);
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** Ends the subscription however it is left. */
async function* subscription(feed: Feed): AsyncGenerator<string> {
  const lines = new SimpleQueue<string>();
  feed.readers.add(lines);
  try {
    for (;;) yield await lines.get();
  } finally {
    feed.readers.delete(lines);
  }
}

async function nobodyIsLeft(subscribe: Subscribe): Promise<void> {
  const feed = new Feed();
  const reader = spawn(async function reader() {
    for await (const line of subscribe(feed)) if (line === "end") break;
  });
  for (const line of ["begin", "end"]) {
    await sleep();
    feed.publish(line);
  }
  await reader.join();
  assertEquals(feed.readers.size, 0, "subscriptions left");
}

/** A reader that is killed leaves its source open. */
export const openIterator: Planted = {
  name: "an iterator left open",
  broken: () => nobodyIsLeft((feed) => new Subscription(feed)),
  correct: () => nobodyIsLeft(subscription),
  inject: ["kill"],
  fails: { type: AssertionError, message: "subscriptions left" },
  shrunk: { switches: 5, decisions: 3 },
};
