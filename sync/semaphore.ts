import {
  type Accountable,
  callerTask,
  enterWait,
  EXPIRE_FALSE,
  expireThrowing,
  expireWith,
  type Expiry,
  type Leftover,
  linkReady,
  planWait,
  plural,
  quiet,
  readyWith,
  refusal,
  suspend,
  type Task,
  Timeout,
  Waiter,
  WaitList,
  type WaitNode,
  type WaitOptions,
  type WaitPlan,
} from "../hub/mod.ts";
import { checkFunction, checkWhole } from "./check.ts";
import { Lease } from "./lease.ts";

/** What a waiter brings that takes a permit: wakes it, at the very moment the permit is handed over. */
type HandOver = (waiter: WaitNode, semaphore: Semaphore) => void;

const PERMIT: HandOver = (waiter) => waiter.wake(true);
const LEASE: HandOver = (waiter, semaphore) => waiter.wake(new Lease(semaphore));
/** What a waiter brings that takes nothing, and gets the counter. */
const COUNTER = "counter";

const EXPIRE_ZERO: Expiry = expireWith(0);
const LEASE_EXPIRY: Expiry = expireThrowing(() => new Timeout(null, { message: "Semaphore.lease()" }));

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
export class Semaphore implements Accountable {
  readonly #waiters: WaitList = new WaitList("acquire", this);
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
    checkWhole(value, 0, "create semaphore", "value");
    this.#total = this.#counter = value;
    callerTask().hub.inventory?.add(this);
  }

  /** For simulations: the permits that were not given back. */
  get leftover(): Leftover | undefined {
    const held = this.#total - this.#counter;
    return held > 0 ? { kind: "permits", text: `${plural(held, "permit")} held` } : undefined;
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
    if (this.tryAcquire()) return readyWith(task, this.#waiters, true);
    return suspend(task, this.#waiters, PERMIT, plan, EXPIRE_FALSE);
  }

  /** Takes a permit if one is free, and says whether. Does not switch. */
  tryAcquire(): boolean {
    if (this.#counter <= 0) return false;
    this.#counter--;
    return true;
  }

  /**
   * Gives a permit: to the one who has waited longest, else to the free ones. Does not switch.
   *
   * @returns How many permits are free now.
   */
  release(): number {
    if (this.#counter < 0) return ++this.#counter;
    const watchers = this.#takeWatchers();
    const taker = this.#waiters.shift();
    if (taker === undefined) this.#counter++;
    else (taker.value as HandOver)(taker, this);
    for (const watcher of watchers) watcher.wake(this.#counter);
    return this.#counter;
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
    if (this.tryAcquire()) return readyWith(task, this.#waiters, new Lease(this));
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
    for (; delta > 0 && (this.#counter < 0 || this.#waiters.size > 0); delta--) this.release();
    this.#counter += delta;
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
