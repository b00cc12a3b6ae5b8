import {
  enterWait,
  EXPIRE_FALSE,
  failedWith,
  immediately,
  type Inspectable,
  Named,
  planWait,
  quiet,
  readyWith,
  refusal,
  suspend,
  type Task,
  titleOf,
  type WaitDetails,
  WaitList,
  type WaitOptions,
  type WaitPlan,
} from "../hub/mod.ts";
import { shortName } from "../hub/inspect/describe.ts";
import { checkFunction, checkSize } from "./check.ts";
import { type Lock, type LockStatistics, OwnedLock, RLock } from "./lock.ts";

/**
 * What {@linkcode Condition.statistics} returns.
 *
 * @example Who waits, and who holds the lock
 * ```ts
 * import { Condition, type ConditionStatistics } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const statistics: ConditionStatistics = new Condition().statistics();
 * assertEquals(statistics, { waiting: 0, lock: { holder: undefined, depth: 0, waiting: 0 } });
 * ```
 */
export interface ConditionStatistics {
  /** How many wait to be notified. */
  readonly waiting: number;
  /** Figures about its lock. */
  readonly lock: LockStatistics;
}

/**
 * Lets greenlets that hold a lock wait until another that holds it says that something has changed.
 *
 * `wait()` holds the lock again whenever it comes back, also when it was killed or timed out.
 *
 * Source: `threading.Condition` under gevent.
 *
 * @example Wait for a change
 * ```ts
 * import { Condition, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const changed = new Condition();
 * const items: number[] = [];
 * const reader = spawn(() =>
 *   changed.with(async () => {
 *     await changed.waitFor(() => items.length > 0);
 *     return items.pop();
 *   })
 * );
 * await changed.with(() => {
 *   items.push(7);
 *   changed.notify();
 * });
 * assertEquals(await reader.get(), 7);
 * ```
 */
export class Condition extends Named implements Inspectable {
  /** The lock that goes with it. */
  readonly lock: Lock | RLock;
  readonly #waiters: WaitList = new WaitList("wait", this);

  /**
   * Makes a condition.
   *
   * @param lock The lock that goes with it; a new `RLock` by default.
   * @throws {TypeError} If `lock` is not a lock.
   */
  constructor(lock: Lock | RLock = new RLock()) {
    super();
    if (!(lock instanceof OwnedLock)) {
      throw new TypeError(`Cannot create condition: lock must be a Lock or RLock, received ${String(lock)}`);
    }
    this.lock = lock;
  }

  /**
   * Figures about it, as they are now: a frozen object. Does not switch.
   *
   * Source: `trio`'s `statistics()`.
   */
  statistics(): ConditionStatistics {
    return Object.freeze({ waiting: this.#waiters.size, lock: this.lock.statistics() });
  }

  /** For reports: those who wait were not notified; whoever is to do that needs the lock. */
  inspectWait(_what: string): WaitDetails {
    const { holder } = this.lock;
    const state = holder === undefined ? "is free" : `is held by ${shortName(holder)}`;
    return { text: `not notified, ${titleOf(this.lock)} ${state}` };
  }

  /** Acquires the lock: see `RLock.acquire()`. */
  acquire(options?: WaitOptions): Promise<boolean> {
    return this.lock.acquire(options);
  }

  /**
   * Releases the lock. Does not switch.
   *
   * @throws {Error} If the caller does not hold it.
   */
  release(): void {
    this.lock.release();
  }

  /** Runs `fn` while holding the lock. */
  with<T>(fn: () => T | PromiseLike<T>): Promise<T> {
    return this.lock.with(fn);
  }

  /**
   * Releases the lock, waits to be notified, and acquires the lock again. Switches.
   *
   * @returns Whether it was notified in time.
   * @throws {Error} If the caller does not hold the lock.
   */
  wait(options?: WaitOptions): Promise<boolean> {
    const plan = planWait(options, "wait for condition");
    const task = enterWait("wait for condition");
    this.#checkOwned("wait for condition");
    return refusal(task, plan) ?? quiet(this.#wait(task, plan));
  }

  /**
   * Waits until `predicate` holds, looking again at each notification. Switches unless it holds.
   *
   * @returns Whether it holds; `false` on time-out.
   * @throws {TypeError} If `predicate` is not a function.
   * @throws {Error} If the caller does not hold the lock.
   */
  waitFor(predicate: () => boolean, options?: WaitOptions): Promise<boolean> {
    checkFunction(predicate, "wait for condition", "predicate");
    const plan = planWait(options, "wait for condition");
    const task = enterWait("wait for condition");
    this.#checkOwned("wait for condition");
    try {
      if (predicate()) return readyWith(task, this.#waiters, true);
    } catch (error) {
      return failedWith(task, this.#waiters, error);
    }
    return quiet(this.#waitFor(task, predicate, plan));
  }

  /**
   * Wakes `n` of those who wait, in the order in which they came. Does not switch.
   *
   * @throws {Error} If the caller does not hold the lock.
   * @throws {RangeError} If `n` is neither a non-negative integer nor `Infinity`.
   */
  notify(n = 1): void {
    checkSize(n, 0, "notify condition", "n");
    this.#checkOwned("notify condition");
    for (let left = Math.min(n, this.#waiters.size); left > 0; left--) this.#waiters.shift()!.wake(true);
  }

  /**
   * Wakes all who wait. Does not switch.
   *
   * @throws {Error} If the caller does not hold the lock.
   */
  notifyAll(): void {
    this.notify(Infinity);
  }

  async #wait(task: Task, plan: WaitPlan): Promise<boolean> {
    const depth = this.lock.releaseAll();
    try {
      return await suspend<boolean>(task, this.#waiters, undefined, plan, EXPIRE_FALSE);
    } finally {
      await this.lock.restore(depth);
    }
  }

  /** Looks again after each notification, for the first time after the next. */
  async #waitFor(task: Task, predicate: () => boolean, plan: WaitPlan): Promise<boolean> {
    const deadline = task.hub.now() + plan.timeout;
    do {
      const over = plan.owner?.limit === 0; // it has fired while nobody waited under it
      const round = { ...plan, timeout: over ? 0 : Math.max(0, deadline - task.hub.now()) };
      const refused = refusal(task, round);
      if (refused !== undefined) await refused;
      if (round.timeout === 0) return await immediately<boolean>(round, EXPIRE_FALSE);
      if (!await this.#wait(task, round)) return predicate();
    } while (!predicate());
    return true;
  }

  #checkOwned(action: string): void {
    if (!this.lock.owned) throw new Error(`Cannot ${action}: the caller does not hold its lock`);
  }
}
