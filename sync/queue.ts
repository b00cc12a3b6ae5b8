import {
  type Accountable,
  callerTask,
  describeTaken,
  enterWait,
  EXPIRE_FALSE,
  holdersOf,
  type Leftover,
  noteGranted,
  noteMade,
  noteReturned,
  noteTaken,
  planWait,
  plural,
  readyWith,
  recording,
  refusal,
  suspend,
  type Task,
  type WaitDetails,
  WaitList,
  type WaitNode,
  type WaitOptions,
} from "../hub/mod.ts";
import { type Buffer, type Compare, Heap, Stack } from "./buffer.ts";
import { checkFunction } from "./check.ts";
import { type QueueStatistics, SimpleQueue } from "./simple_queue.ts";

/**
 * A queue that knows how many of its items were not dealt with yet: `taskDone()` counts, `join()` waits.
 *
 * Source: `gevent.queue.Queue`.
 *
 * @typeParam T The type of the items.
 *
 * @example Wait until everything is dealt with
 * ```ts
 * import { Queue, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const jobs = new Queue<number>();
 * const done: number[] = [];
 * spawn(async () => {
 *   for await (const job of jobs) {
 *     done.push(job);
 *     jobs.taskDone();
 *   }
 * });
 * for (const job of [1, 2, 3]) await jobs.put(job);
 * await jobs.join();
 * assertEquals(done, [1, 2, 3]);
 * jobs.shutdown();
 * ```
 */
export class Queue<T> extends SimpleQueue<T> implements Accountable {
  readonly #joiners: WaitList = new WaitList("join", this);
  #unfinished: number;
  /** Whether anybody cares for the tasks to be finished. */
  #joinable = false;

  /**
   * Makes a queue.
   *
   * @param maxSize How many items it holds at most.
   * @param items What it holds at first; they count as not dealt with.
   * @param buffer How it keeps its items, for subclasses with another order.
   * @throws {RangeError} If `maxSize` is neither a positive integer nor `Infinity`, or less than the
   * number of items.
   */
  constructor(maxSize: number = Infinity, items: Iterable<T> = [], buffer?: Buffer<T>) {
    super(maxSize, items, buffer);
    this.#unfinished = this.size;
    const task = callerTask();
    task.hub.inventory?.add(this);
    if (task.hub.debug) noteMade(this, this.empty ? undefined : task);
  }

  /** For simulations: the items that nobody dealt with, if `taskDone()` or `join()` were ever called. */
  get leftover(): Leftover | undefined {
    const count = this.#unfinished;
    if (!this.#joinable || count === 0) return undefined;
    const taken = describeTaken(this, this.#takenItems);
    return { kind: "items", text: `${plural(count, "item")} unprocessed${taken ? `, ${taken}` : ""}` };
  }

  /** What {@linkcode statistics} returns. */
  protected override figures(): QueueStatistics {
    const { closed, ...figures } = super.figures();
    return { ...figures, joiners: this.#joiners.size, unfinishedTasks: this.#unfinished, closed };
  }

  /**
   * For reports: as of a `SimpleQueue`; of those who join, how many items were not reported done, and with
   * `hub.debug` who has taken them, and where.
   */
  override inspectWait(what: string): WaitDetails | undefined {
    if (what !== "join") return super.inspectWait(what);
    const out = this.#takenItems;
    const texts = [
      `${plural(this.#unfinished, "item")} not reported done`,
      this.empty ? undefined : `${this.size} of them not taken`,
      describeTaken(this, out),
    ];
    return {
      text: texts.filter((text) => text !== undefined).join(", "),
      blockers: this.empty ? holdersOf(this, out) : undefined,
      likely: true, // anybody may report them done
    };
  }

  /** How many items were taken and not reported done. */
  get #takenItems(): number {
    return Math.max(0, this.#unfinished - this.size);
  }

  /** How many items were put and not reported done. */
  get unfinishedTasks(): number {
    return this.#unfinished;
  }

  /**
   * Reports that an item that was taken is dealt with. Does not switch.
   *
   * @throws {RangeError} If that was said of every item already.
   */
  taskDone(): void {
    this.#joinable = true;
    if (this.#unfinished === 0) {
      throw new RangeError("Cannot finish task: taskDone() was called more often than items were put");
    }
    this.#finish();
    if (recording) noteReturned(this, callerTask(), this.#takenItems);
  }

  /**
   * Waits until every item was reported done. Switches unless that is so.
   *
   * @returns `true`, or `false` on time-out.
   */
  join(options?: WaitOptions): Promise<boolean> {
    this.#joinable = true;
    const plan = planWait(options, "join queue");
    const task = enterWait("join queue");
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    if (this.#unfinished === 0) return readyWith(task, this.#joiners, true);
    return suspend(task, this.#joiners, undefined, plan, EXPIRE_FALSE);
  }

  /** Counts the item. */
  protected override onPut(): void {
    this.#unfinished++;
  }

  /** Remembers who has to report it done. */
  protected override onTaken(task: Task): void {
    if (task.hub.debug) noteTaken(this, task);
  }

  /** Remembers who has to report it done. */
  protected override onGranted(node: WaitNode): void {
    noteGranted(this, node);
  }

  /** Drops the items that are left: nobody will deal with them. */
  protected override drop(): void {
    const dropped = this.size;
    super.drop();
    for (let i = 0; i < dropped; i++) this.#finish();
  }

  #finish(): void {
    this.#unfinished--;
    if (this.#unfinished === 0) this.#joiners.wakeAll(true);
  }
}

/**
 * Another name of {@linkcode Queue}, which can be joined.
 *
 * Source: `gevent.queue.JoinableQueue`.
 *
 * @example Wait until all is done
 * ```ts
 * import { JoinableQueue, spawn } from "@verdant/green";
 * import { assert } from "@std/assert";
 *
 * const queue = new JoinableQueue<string>();
 * spawn(async () => {
 *   await queue.get();
 *   queue.taskDone();
 * });
 * await queue.put("work");
 * assert(await queue.join());
 * ```
 */
export const JoinableQueue: typeof Queue = Queue;

/**
 * A queue that gives out the item that was put last.
 *
 * Source: `gevent.queue.LifoQueue`.
 *
 * @example A stack
 * ```ts
 * import { LifoQueue } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const stack = new LifoQueue<number>(Infinity, [1, 2]);
 * assertEquals(stack.getNowait(), 2);
 * ```
 */
export class LifoQueue<T> extends Queue<T> {
  /**
   * Makes a queue.
   *
   * @param maxSize How many items it holds at most.
   * @param items What it holds at first, the last one on top; they count as not dealt with.
   * @throws {RangeError} If `maxSize` is neither a positive integer nor `Infinity`, or less than the
   * number of items.
   */
  constructor(maxSize: number = Infinity, items: Iterable<T> = []) {
    super(maxSize, items, new Stack<T>());
  }
}

/**
 * Options of {@linkcode PriorityQueue}.
 *
 * @example The longest first
 * ```ts
 * import { PriorityQueue, type PriorityQueueOptions } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const options: PriorityQueueOptions<string> = { compare: (a, b) => b.length - a.length };
 * const queue = new PriorityQueue<string>(Infinity, ["a", "ccc", "bb"], options);
 * assertEquals(await queue.get(), "ccc");
 * ```
 */
export interface PriorityQueueOptions<T> {
  /** Says which of two items is given out first: negative for the first one. */
  compare?: Compare<T> | undefined;
}

/**
 * A queue that gives out the smallest item; equal ones in the order in which they came.
 *
 * Without `compare` it takes numbers, strings, dates, and arrays whose first element is the priority.
 *
 * Source: `gevent.queue.PriorityQueue`.
 *
 * @example Urgent first
 * ```ts
 * import { PriorityQueue } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const jobs = new PriorityQueue<[number, string]>();
 * await jobs.put([2, "later"]);
 * await jobs.put([1, "now"]);
 * assertEquals(await jobs.get(), [1, "now"]);
 * ```
 */
export class PriorityQueue<T> extends Queue<T> {
  readonly #compare: Compare<T>;

  /**
   * Makes a queue.
   *
   * @param maxSize How many items it holds at most.
   * @param items What it holds at first; they count as not dealt with.
   * @param options The order.
   * @throws {RangeError} If `maxSize` is neither a positive integer nor `Infinity`, or less than the
   * number of items.
   * @throws {TypeError} If `compare` is not a function.
   */
  constructor(maxSize: number = Infinity, items: Iterable<T> = [], options: PriorityQueueOptions<T> = {}) {
    const { compare = compareByDefault } = options;
    checkFunction(compare, "create queue", "compare");
    super(maxSize, items, new Heap<T>(compare));
    this.#compare = compare;
  }

  /** A queue with the same items and order; nobody waits on it. */
  override copy(): PriorityQueue<T> {
    return new PriorityQueue(this.maxSize, this.items(), { compare: this.#compare });
  }
}

type Priority = number | string | bigint | Date;

/** Numbers, strings, dates; of arrays the first element. */
function compareByDefault(a: unknown, b: unknown): number {
  const left = (Array.isArray(a) ? a[0] : a) as Priority;
  const right = (Array.isArray(b) ? b[0] : b) as Priority;
  if (left < right) return -1;
  return left > right ? 1 : 0;
}
