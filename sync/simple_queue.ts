import {
  callerTask,
  describePuts,
  enterWait,
  expireThrowing,
  type Expiry,
  failedWith,
  type Inspectable,
  Named,
  notePut,
  notePutByCaller,
  notePutByWaiter,
  planWait,
  plural,
  readyWith,
  recording,
  refusal,
  Ring,
  startRecording,
  suspend,
  type Task,
  type WaitDetails,
  WaitList,
  type WaitNode,
  type WaitOptions,
} from "../hub/mod.ts";
import type { Buffer } from "./buffer.ts";
import { checkSize } from "./check.ts";
import { Empty, Full, ShutDown } from "./errors.ts";
import { itemsOf, quietly } from "./iteration.ts";
import { streamOf } from "./queue_stream.ts";

/** What a waiter among the getters brings that only wants to look. */
const PEEK = "peek";

const GET_EXPIRY: Expiry = expireThrowing(() => new Empty("Cannot get from queue: no item came in time"));
const PUT_EXPIRY: Expiry = expireThrowing(() => new Full("Cannot put to queue: it stayed full"));

/**
 * Options of `shutdown()`.
 *
 * @example Drop what is left
 * ```ts
 * import { Queue, type ShutdownOptions } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const options: ShutdownOptions = { immediate: true };
 * const queue = new Queue(5, ["a", "b"]);
 * queue.shutdown(options);
 * assertEquals(queue.size, 0);
 * ```
 */
export interface ShutdownOptions {
  /**
   * Whether to drop the items that are left.
   *
   * @default {false}
   */
  immediate?: boolean | undefined;
}

/**
 * What `statistics()` of queues returns.
 *
 * @example How full it is
 * ```ts
 * import { Queue, type QueueStatistics } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const statistics: QueueStatistics = new Queue(2, ["a"]).statistics();
 * const { size, maxSize, unfinishedTasks } = statistics;
 * assertEquals([size, maxSize, unfinishedTasks], [1, 2, 1]);
 * ```
 */
export interface QueueStatistics {
  /** How many items it holds. */
  readonly size: number;
  /** How many items it holds at most. */
  readonly maxSize: number;
  /** How many wait for an item. */
  readonly getters: number;
  /** How many wait for room. */
  readonly putters: number;
  /** How many wait until everything is dealt with; `undefined` for a `SimpleQueue`. */
  readonly joiners?: number;
  /** How many items were put and not reported done; `undefined` for a `SimpleQueue`. */
  readonly unfinishedTasks?: number;
  /** Whether it was shut down. */
  readonly closed: boolean;
}

/**
 * First in, first out, between greenlets. Those who wait are served first come first served: a put item is
 * assigned to the getter that has waited longest.
 *
 * Invariants: getters wait only while it is empty, putters only while it is full.
 *
 * Source: `gevent.queue.SimpleQueue`.
 *
 * @typeParam T The type of the items.
 *
 * @example Producer and consumer
 * ```ts
 * import { SimpleQueue, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const queue = new SimpleQueue<number>(1);
 * spawn(async () => {
 *   for (let i = 0; i < 3; i++) await queue.put(i);
 *   queue.shutdown();
 * });
 * assertEquals(await Array.fromAsync(queue), [0, 1, 2]);
 * ```
 */
export class SimpleQueue<T> extends Named implements AsyncIterable<T>, Inspectable {
  /** Those who wait for an item. For `select`. */
  readonly getters: WaitList = new WaitList("get", this);
  /** Those who wait for room. For `select`. */
  readonly putters: WaitList = new WaitList("put", this);
  readonly #buffer: Buffer<T>;
  #maxSize: number;
  #closed = false;

  /**
   * Makes a queue.
   *
   * @param maxSize How many items it holds at most.
   * @param items What it holds at first.
   * @param buffer How it keeps its items, for subclasses with another order.
   * @throws {RangeError} If `maxSize` is neither a positive integer nor `Infinity`, or less than the
   * number of items.
   */
  constructor(maxSize: number = Infinity, items: Iterable<T> = [], buffer: Buffer<T> = new Ring<T>()) {
    super();
    checkSize(maxSize, 1, "create queue", "maxSize");
    this.#maxSize = maxSize;
    this.#buffer = buffer;
    for (const item of items) this.#buffer.push(item);
    if (this.size > maxSize) {
      throw new RangeError(`Cannot create queue: ${this.size} items do not fit into maxSize ${maxSize}`);
    }
  }

  /** How many items it holds. */
  get size(): number {
    return this.#buffer.size;
  }

  /** Whether it holds no item. */
  get empty(): boolean {
    return this.size === 0;
  }

  /** Whether there is no room. */
  get full(): boolean {
    return this.size >= this.#maxSize;
  }

  /** How many items it holds at most. Raising it lets those in who wait to put. */
  get maxSize(): number {
    return this.#maxSize;
  }

  set maxSize(maxSize: number) {
    checkSize(maxSize, 1, "set maxSize", "maxSize");
    this.#maxSize = maxSize;
    this.#refill();
  }

  /** Whether it was shut down. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Figures about it, as they are now: a frozen object. Does not switch.
   *
   * Source: `trio.MemoryChannelStatistics`.
   */
  statistics(): QueueStatistics {
    return Object.freeze(this.figures());
  }

  /** What {@linkcode statistics} returns, for subclasses that know more. */
  protected figures(): QueueStatistics {
    return {
      size: this.size,
      maxSize: this.#maxSize,
      getters: this.getters.size,
      putters: this.putters.size,
      closed: this.#closed,
    };
  }

  /** For reports: that it is empty or full, and with `hub.debug` who put something in last. */
  inspectWait(what: string): WaitDetails | undefined {
    if (what === "put") return { text: `it is full (${plural(this.size, "item")})` };
    const puts = describePuts(this);
    return { text: puts === undefined ? "it is empty" : `it is empty, ${puts}` };
  }

  /** A queue of the same kind with the same items; nobody waits on it. */
  copy(): SimpleQueue<T> {
    return new (this.constructor as typeof SimpleQueue<T>)(this.#maxSize, this.items());
  }

  /** The items, in an order in which putting them again makes the same queue. */
  protected items(): Iterable<T> {
    return this.#buffer;
  }

  /**
   * Puts an item, waiting for room. Switches only if it is full.
   *
   * @throws {Full} If there is no room in time.
   * @throws {ShutDown} If it is shut down, or is while waiting.
   */
  put(item: T, options?: WaitOptions): Promise<void> {
    const plan = planWait(options, "put to queue");
    const task = enterWait("put to queue");
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    if (this.#closed) return failedWith(task, this.putters, isShutDown("put to"));
    if (this.full) {
      if (task.hub.debug) startRecording();
      return suspend(task, this.putters, item, plan, PUT_EXPIRY);
    }
    this.#accept(item);
    if (task.hub.debug) notePut(this, task);
    return readyWith(task, this.putters, undefined);
  }

  /**
   * Puts an item if there is room. Does not switch.
   *
   * @throws {Full} If there is none.
   * @throws {ShutDown} If it is shut down.
   */
  putNowait(item: T): void {
    if (this.#closed) throw isShutDown("put to");
    if (this.full) throw new Full(`Cannot put to queue: it holds ${this.size} items, its maximum`);
    this.#accept(item);
    if (recording) notePutByCaller(this);
  }

  /**
   * Takes the next item, waiting for one. Switches only if it is empty.
   *
   * @throws {Empty} If none comes in time.
   * @throws {ShutDown} If it is empty and shut down, or is while waiting.
   */
  get(options?: WaitOptions): Promise<T> {
    const plan = planWait(options, "get from queue");
    const task = enterWait("get from queue");
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    if (this.#buffer.size > 0) {
      if (task.hub.debug) this.onTaken(task);
      return readyWith(task, this.getters, this.#take());
    }
    if (this.#closed) return failedWith(task, this.getters, isShutDown("get from"));
    if (task.hub.debug) startRecording();
    return suspend(task, this.getters, undefined, plan, GET_EXPIRY);
  }

  /**
   * Takes the next item. Does not switch.
   *
   * @throws {Empty} If there is none.
   * @throws {ShutDown} If there is none and it is shut down.
   */
  getNowait(): T {
    this.#checkItem("get from");
    if (recording) this.onTaken(callerTask());
    return this.#take();
  }

  /**
   * Looks at the next item without taking it, waiting for one. Switches only if it is empty.
   *
   * @throws {Empty} If none comes in time.
   * @throws {ShutDown} If it is empty and shut down, or is while waiting.
   */
  peek(options?: WaitOptions): Promise<T> {
    const plan = planWait(options, "peek at queue");
    const task = enterWait("peek at queue");
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    if (this.#buffer.size > 0) return readyWith(task, this.getters, this.#buffer.peek() as T);
    if (this.#closed) return failedWith(task, this.getters, isShutDown("peek at"));
    return suspend(task, this.getters, PEEK, plan, GET_EXPIRY);
  }

  /**
   * Looks at the next item without taking it. Does not switch.
   *
   * @throws {Empty} If there is none.
   * @throws {ShutDown} If there is none and it is shut down.
   */
  peekNowait(): T {
    this.#checkItem("peek at");
    return this.#buffer.peek() as T;
  }

  /**
   * Ends it: nothing can be put any more; the items that are left can be taken, after that `get()` throws
   * and iterations end. Those who wait get {@linkcode ShutDown}. Does not switch.
   */
  shutdown(options: ShutdownOptions = {}): void {
    this.#closed = true;
    if (options.immediate) this.drop();
    this.getters.failAll(() => isShutDown("get from"));
    this.putters.failAll(() => isShutDown("put to"));
  }

  /** Takes items until it is shut down and empty. Asking for the next one switches if it is empty. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    return quietly(itemsOf(this));
  }

  /** The items as a stream, taken one at a time as the reader asks for them. Ends with the shutdown. */
  toReadableStream(): ReadableStream<T> {
    return streamOf(this);
  }

  /** Called for every item that comes in. */
  protected onPut(): void {}

  /** Called for every item that a task takes without having waited, while anything is recorded. */
  protected onTaken(_task: Task): void {}

  /** Called for every item that one who waits is given, while anything is recorded. */
  protected onGranted(_node: WaitNode): void {}

  /** Drops the items that are left; called by an immediate shutdown. */
  protected drop(): void {
    while (this.#buffer.size > 0) this.#buffer.shift();
  }

  /** An item comes in: assigned to a getter if one waits, else kept. */
  #accept(item: T): void {
    const getters = this.getters;
    for (let getter = getters.shift(); getter !== undefined; getter = getters.shift()) {
      const takes = getter.value !== PEEK; // read before it is replaced by the grant
      if (recording && takes) this.onGranted(getter);
      getter.wake(item);
      if (takes) return this.onPut();
    }
    this.#buffer.push(item); // may refuse it: then it did not come in
    this.onPut();
  }

  #take(): T {
    const item = this.#buffer.shift() as T;
    this.#refill();
    return item;
  }

  /** There may be room: lets those in who wait to put. */
  #refill(): void {
    while (!this.full) {
      const putter = this.putters.shift();
      if (putter === undefined) return;
      try {
        this.#accept(putter.value as T);
      } catch (error) {
        putter.fail(error); // its item was refused: not the matter of whoever made room
        continue;
      }
      if (recording) notePutByWaiter(this, putter);
      putter.wake(undefined);
    }
  }

  #checkItem(action: string): void {
    if (this.#buffer.size > 0) return;
    if (this.#closed) throw isShutDown(action);
    throw new Empty(`Cannot ${action} queue: it is empty`);
  }
}

function isShutDown(action: string): ShutDown {
  return new ShutDown(`Cannot ${action} queue: it is shut down`);
}
