import {
  type Buffer,
  PriorityQueue as GreenPriorityQueue,
  type PriorityQueueOptions,
} from "../../sync/mod.ts";
import { Stack } from "../../sync/buffer.ts";
import { blockLimits, type BlockOptions, type LimitOptions, waitOptions } from "./limits.ts";
import { RendezvousQueue } from "./rendezvous_queue.ts";

export { Empty, Full } from "../../sync/mod.ts";

/** Lets `Queue` see what a `LightQueue` is made of. */
function itemsOf<T>(queue: LightQueue<T>): RendezvousQueue<T> {
  return LightQueue["itemsOf"](queue);
}

/**
 * First in, first out; a queue of size 0 is a channel, where `put()` and `get()` meet, and the getter goes on
 * first. Those who wait are served first come first served.
 *
 * Source: `eventlet.queue.LightQueue`.
 *
 * @typeParam T The type of the items.
 *
 * @example A channel
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const channel = new eventlet.LightQueue<string>(0);
 * eventlet.spawnN(() => channel.put("hello"));
 * assertEquals([channel.empty, channel.full], [true, true]);
 * assertEquals(await channel.get(), "hello");
 * ```
 */
export class LightQueue<T = unknown> {
  readonly #items: RendezvousQueue<T>;

  /** For {@linkcode itemsOf}. Were it assigned in a static block, a bundler could not leave the class out. */
  private static itemsOf<T>(queue: LightQueue<T>): RendezvousQueue<T> {
    return queue.#items;
  }

  /**
   * Makes a queue.
   *
   * @param maxsize How many items it holds at most; none or negative: any number; 0: it is a channel.
   * @param buffer How it keeps its items, for subclasses with another order.
   * @throws {RangeError} If `maxsize` is not an integer or `Infinity`.
   */
  constructor(maxsize?: number | null, buffer?: Buffer<T>) {
    this.#items = new RendezvousQueue(limitOf(maxsize), undefined, buffer);
  }

  /** How many items it holds at most; `null` if any number. */
  get maxsize(): number | null {
    const { limit } = this.#items;
    return limit === Infinity ? null : limit;
  }

  /** How many items it holds. */
  get qsize(): number {
    return this.#items.size;
  }

  /** Whether it holds no item. Always true of a channel. */
  get empty(): boolean {
    return this.#items.empty;
  }

  /** Whether it holds as many items as it may. Always true of a channel. */
  get full(): boolean {
    return this.qsize >= this.#items.limit;
  }

  /** How many greenlets wait to put. */
  get putting(): number {
    return this.#items.putters.size;
  }

  /** How many greenlets wait to get. */
  get getting(): number {
    return this.#items.getters.size;
  }

  /**
   * Puts an item, waiting for room. Switches only if it is full; to a channel always.
   *
   * @throws {Full} If there is no room in time, or at once with `block: false`.
   * @throws {RangeError} If the time-out is negative or NaN.
   */
  put(item: T, options?: BlockOptions): Promise<void> {
    return this.#items.put(item, blockLimits(options));
  }

  /**
   * Puts an item if there is room, or somebody waits for it. Does not switch.
   *
   * @throws {Full} If not.
   */
  putNowait(item: T): void {
    this.#items.putNowait(item);
  }

  /**
   * Takes the next item, waiting for one. Switches only if there is none.
   *
   * @throws {Empty} If none comes in time, or is there at once with `block: false`.
   * @throws {RangeError} If the time-out is negative or NaN.
   */
  get(options?: BlockOptions): Promise<T> {
    return this.#items.get(blockLimits(options));
  }

  /**
   * Takes the next item, from the queue or from somebody who waits to put it. Does not switch.
   *
   * @throws {Empty} If there is none.
   */
  getNowait(): T {
    return this.#items.getNowait();
  }

  /**
   * Changes how many items it holds at most, as in the constructor. More: those who wait to put go on. Fewer: the
   * items there are stay. Does not switch.
   *
   * @throws {RangeError} If `maxsize` is not an integer or `Infinity`; the queue is as it was.
   */
  resize(maxsize: number | null): void {
    this.#items.resize(limitOf(maxsize));
  }
}

/**
 * A queue that knows how many of its items were not dealt with yet. Items of those who still wait to put do not
 * count.
 *
 * Source: `eventlet.Queue`.
 *
 * @typeParam T The type of the items.
 *
 * @example Wait until everything is dealt with
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const queue = new eventlet.Queue<number>();
 * const done: number[] = [];
 * const worker = eventlet.spawn(async () => {
 *   for (;;) {
 *     done.push(await queue.get());
 *     queue.taskDone();
 *   }
 * });
 * for (const n of [1, 2, 3]) await queue.put(n);
 * await queue.join();
 * assertEquals(done, [1, 2, 3]);
 * await worker.kill();
 * ```
 */
export class Queue<T = unknown> extends LightQueue<T> {
  /** How many items came in and were not reported done. */
  get unfinishedTasks(): number {
    return itemsOf(this).unfinishedTasks;
  }

  /**
   * Reports that an item that was taken is dealt with. Does not switch.
   *
   * @throws {RangeError} If that was said of every item already.
   */
  taskDone(): void {
    itemsOf(this).taskDone();
  }

  /**
   * Waits until every item was reported done. Switches unless that is so.
   *
   * @returns `true`, or `false` on time-out.
   * @throws {RangeError} If the time-out is negative or NaN.
   */
  join(options: LimitOptions = {}): Promise<boolean> {
    return itemsOf(this).join(waitOptions(options));
  }
}

/**
 * A queue that gives out the item that was put last.
 *
 * Source: `eventlet.queue.LifoQueue`.
 *
 * @typeParam T The type of the items.
 *
 * @example A stack
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const stack = new eventlet.LifoQueue<number>();
 * for (const n of [1, 2]) await stack.put(n);
 * assertEquals(await stack.get(), 2);
 * ```
 */
export class LifoQueue<T = unknown> extends Queue<T> {
  /**
   * Makes a queue.
   *
   * @param maxsize How many items it holds at most; none or negative: any number; 0: it is a channel.
   * @throws {RangeError} If `maxsize` is not an integer or `Infinity`.
   */
  constructor(maxsize?: number | null) {
    super(maxsize, new Stack<T>());
  }
}

/**
 * A queue that gives out the smallest item; equal ones in the order in which they came.
 *
 * Without `compare` it takes numbers, strings, dates, and arrays whose first element is the priority.
 *
 * Source: `eventlet.queue.PriorityQueue`.
 *
 * @typeParam T The type of the items.
 *
 * @example Urgent first
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const jobs = new eventlet.PriorityQueue<[number, string]>();
 * await jobs.put([2, "later"]);
 * await jobs.put([1, "now"]);
 * assertEquals(await jobs.get(), [1, "now"]);
 * ```
 */
export class PriorityQueue<T = unknown> extends Queue<T> {
  /**
   * Makes a queue.
   *
   * @param maxsize How many items it holds at most; none or negative: any number; 0: it is a channel.
   * @param options The order.
   * @throws {RangeError} If `maxsize` is not an integer or `Infinity`.
   * @throws {TypeError} If `compare` is not a function.
   */
  constructor(maxsize?: number | null, options?: PriorityQueueOptions<T>) {
    super(maxsize, new SmallestFirst(options));
  }
}

/** Keeps items as a priority queue does. */
class SmallestFirst<T> implements Buffer<T> {
  readonly #items: GreenPriorityQueue<T>;

  constructor(options: PriorityQueueOptions<T> | undefined) {
    this.#items = new GreenPriorityQueue(Infinity, [], options);
  }

  get size(): number {
    return this.#items.size;
  }

  push(item: T): void {
    this.#items.putNowait(item);
  }

  shift(): T {
    return this.#items.getNowait();
  }

  peek(): T {
    return this.#items.peekNowait();
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (const copy = this.#items.copy(); !copy.empty;) yield copy.getNowait();
  }
}

function limitOf(maxsize: number | null | undefined): number {
  return maxsize === undefined || maxsize === null || maxsize < 0 ? Infinity : maxsize;
}
