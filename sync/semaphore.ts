import {
  type Accountable,
  callerTask,
  describeTaken,
  enterWait,
  EXPIRE_FALSE,
  expireThrowing,
  expireWith,
  type Expiry,
  holdersOf,
  type Inspectable,
  type Leftover,
  linkReady,
  Named,
  noteGranted,
  noteReturned,
  noteTaken,
  noteTakenByCaller,
  planWait,
  plural,
  quiet,
  readyWith,
  recording,
  refusal,
  suspend,
  type Task,
  Timeout,
  type WaitDetails,
  Waiter,
  WaitList,
  type WaitNode,
  type WaitOptions,
  type WaitPlan,
} from "../hub/mod.ts";
import { checkFunction, checkWhole } from "./check.ts";
import { type Lease, leaseTo } from "./lease.ts";

/** What a waiter brings that takes a permit: wakes it, at the very moment the permit is handed over. */
type HandOver = (waiter: WaitNode, semaphore: Semaphore) => void;

const PERMIT: HandOver = (waiter, semaphore) => {
  if ((waiter as Waiter).task.hub.debug) noteGranted(semaphore, waiter);
  waiter.wake(true);
};
const LEASE: HandOver = (waiter, semaphore) => {
  const { task } = waiter as Waiter;
  if (task.hub.debug) noteGranted(semaphore, waiter);
  waiter.wake(leaseTo(task, semaphore));
};
/** What a waiter brings that takes nothing, and gets the counter. */
const COUNTER = "counter";

const EXPIRE_ZERO: Expiry = expireWith(0);
const LEASE_EXPIRY: Expiry = expireThrowing(() => new Timeout(null, { message: "Semaphore.lease()" }));

/**
 * What {@linkcode Semaphore.statistics} returns.
 *
 * @example How many are free
 * ```ts
 * import { Semaphore, type SemaphoreStatistics } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const semaphore = new Semaphore(2);
 * await semaphore.acquire();
 * const statistics: SemaphoreStatistics = semaphore.statistics();
 * assertEquals(statistics, { total: 2, free: 1, waiting: 0 });
 * ```
 */
export interface SemaphoreStatistics {
  /** How many permits it was made with. */
  readonly total: number;
  /** How many are free: more than `total` if more were released than acquired. */
  readonly free: number;
  /** How many wait for it, callbacks included. */
  readonly waiting: number;
}

/**
 * A number of permits. Those who wait are served first come first served: `release()` hands the permit
 * to the one who has waited longest, and nobody can overtake.
 *
 * Invariant: nobody who wants a permit waits while there is one.
 *
 * Source: `gevent.lock.Semaphore`.
 *
 * @example At most two at a time
 * ```ts
 * import { Semaphore } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const semaphore = new Semaphore(2);
 * {
 *   using _permit = await semaphore.lease();
 *   assertEquals(semaphore.counter, 1);
 * }
 * assertEquals(semaphore.counter, 2);
 * ```
 */
export class Semaphore extends Named implements Accountable, Inspectable {
  readonly #waiters: WaitList = new WaitList(this.action, this);
  /** How many there are, those taken included. */
  #total: number;
  /** Negative if more are taken than there are: see {@linkcode adjust}. */
  #counter: number;

  /**
   * Makes a semaphore.
   *
   * @param value How many permits there are at first.
   * @throws {RangeError} If `value` is not a non-negative integer.
   */
  constructor(value = 1) {
    super();
    checkWhole(value, 0, "create semaphore", "value");
    this.#total = this.#counter = value;
    callerTask().hub.inventory?.add(this);
  }

  /** For simulations: the permits that were not given back. */
  get leftover(): Leftover | undefined {
    const held = this.#held;
    if (held <= 0) return undefined;
    const taken = describeTaken(this, held);
    return { kind: "permits", text: `${plural(held, "permit")} held${taken ? `, ${taken}` : ""}` };
  }

  /**
   * Figures about it, as they are now: a frozen object. Does not switch.
   *
   * Source: `trio.Semaphore.statistics`.
   */
  statistics(): SemaphoreStatistics {
    return Object.freeze({ total: this.#total, free: this.#counter, waiting: this.#waiters.size });
  }

  /**
   * For reports: how many permits are free, and with `hub.debug` who has taken the others, and where. They are
   * likely to stand in the way if every permit has a known taker.
   */
  inspectWait(_what: string): WaitDetails {
    const held = this.#held;
    const free = this.#total === 0 ? "no permit is free" : `${this.#counter} of ${this.#total} permits free`;
    const taken = describeTaken(this, held);
    return {
      text: taken === undefined ? free : `${free}, ${taken}`,
      blockers: this.locked ? holdersOf(this, held) : undefined,
      likely: true, // anybody may release them
    };
  }

  /** How many permits are taken; negative if more were released. */
  get #held(): number {
    return this.#total - this.#counter;
  }

  /** How many permits are free. */
  get counter(): number {
    return this.#counter;
  }

  /** Whether no permit is free. */
  get locked(): boolean {
    return this.#counter <= 0;
  }

  /** How many wait for it. */
  get waiting(): number {
    return this.#waiters.size;
  }

  /** Whether a permit is free. */
  get ready(): boolean {
    return this.#counter > 0;
  }

  /**
   * Takes a permit, waiting for one if none is free. Switches only then.
   *
   * @returns `true`, or `false` on time-out.
   * @throws {RangeError} If the time-out is negative or NaN.
   */
  acquire(options?: WaitOptions): Promise<boolean> {
    const plan = planWait(options, "acquire semaphore");
    const task = enterWait("acquire semaphore");
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    if (this.#takeAs(task)) return readyWith(task, this.#waiters, true);
    return suspend(task, this.#waiters, PERMIT, plan, EXPIRE_FALSE);
  }

  /** Takes a permit if one is free, and says whether. Does not switch. */
  tryAcquire(): boolean {
    if (!this.take()) return false;
    if (recording) noteTakenByCaller(this);
    return true;
  }

  /**
   * Gives a permit: to the one who has waited longest, else to the free ones. Does not switch.
   *
   * @returns How many permits are free now.
   */
  release(): number {
    if (recording) noteReturned(this, callerTask(), Math.max(0, this.#held - 1));
    return this.give();
  }

  /**
   * Waits until a permit is given or free, without taking it. Switches unless one is free.
   *
   * @returns How many permits are free: 0 on time-out, or if others took it.
   */
  wait(options?: WaitOptions): Promise<number> {
    const plan = planWait(options, "wait for semaphore");
    const task = enterWait("wait for semaphore");
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    if (this.#counter > 0) return readyWith(task, this.#waiters, this.#counter);
    return suspend(task, this.#waiters, COUNTER, plan, EXPIRE_ZERO);
  }

  /**
   * Takes a permit as an object to dispose: `using permit = await semaphore.lease()`. Disposing it again
   * gives nothing. Switches unless a permit is free.
   *
   * @throws {Timeout} If none is free in time.
   */
  lease(options?: WaitOptions): Promise<Lease> {
    const plan = planWait(options, "lease semaphore");
    const task = enterWait("lease semaphore");
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    if (this.#takeAs(task)) return readyWith(task, this.#waiters, leaseTo(task, this));
    return suspend(task, this.#waiters, LEASE, plan, LEASE_EXPIRY);
  }

  /**
   * Runs `fn` with a permit. Switches unless one is free.
   *
   * @returns What `fn` returns.
   * @throws {TypeError} If `fn` is not a function.
   */
  with<T>(fn: () => T | PromiseLike<T>): Promise<T> {
    checkFunction(fn, "use semaphore");
    return quiet(runLeased(this.lease(), fn));
  }

  /**
   * Calls `callback(this)` once in the hub when a permit is given or free: it must not wait.
   *
   * @returns Removes the link when disposed.
   * @throws {TypeError} If `callback` is not a function.
   */
  rawlink(callback: (semaphore: this) => void): Disposable {
    return linkReady(this, this.#waiters, callback);
  }

  /** What reports call the wait for a permit, for subclasses. Asked while it is made. */
  protected get action(): string {
    return "acquire";
  }

  /** As `tryAcquire()`, for subclasses that know themselves who has taken what. */
  protected take(): boolean {
    if (this.#counter <= 0) return false;
    this.#counter--;
    return true;
  }

  /** As `release()`, for subclasses that know themselves who has taken what. */
  protected give(): number {
    if (this.#counter < 0) return ++this.#counter;
    const watchers = this.#takeWatchers();
    const taker = this.#waiters.shift();
    if (taker === undefined) this.#counter++;
    else (taker.value as HandOver)(taker, this);
    for (const watcher of watchers) watcher.wake(this.#counter);
    return this.#counter;
  }

  /** Waits for a permit, for subclasses: `handOver` is called at the very moment it is given, and wakes the waiter. */
  protected enqueue<T>(
    task: Task,
    plan: WaitPlan,
    handOver: (waiter: WaitNode) => void,
    expiry: Expiry,
  ): Promise<T> {
    return suspend(task, this.#waiters, handOver, plan, expiry);
  }

  /**
   * Changes how many permits there are, for subclasses. Takes away also those that are in use: then the counter
   * is negative until they come back.
   */
  protected adjust(delta: number): void {
    this.#total += delta;
    for (; delta > 0 && (this.#counter < 0 || this.#waiters.size > 0); delta--) this.give();
    this.#counter += delta;
  }

  #takeAs(task: Task): boolean {
    if (!this.take()) return false;
    if (task.hub.debug) noteTaken(this, task);
    return true;
  }

  /** Those at the head of the line who take nothing. */
  #takeWatchers(): { wake(value: unknown): void }[] {
    const watchers = [];
    for (
      let first = this.#waiters.first;
      first !== undefined && !(first instanceof Waiter && first.value !== COUNTER);
      first = this.#waiters.first
    ) {
      watchers.push(this.#waiters.shift()!);
    }
    return watchers;
  }
}

async function runLeased<T>(lease: Promise<Lease>, fn: () => T | PromiseLike<T>): Promise<T> {
  using _lease = await lease;
  return await fn();
}
