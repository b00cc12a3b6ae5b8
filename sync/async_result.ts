import {
  enterWait,
  expireThrowing,
  expireWith,
  type Expiry,
  failedWith,
  type Inspectable,
  linkReady,
  Named,
  noteFailure,
  noteLook,
  planWait,
  readyWith,
  refusal,
  suspend,
  Timeout,
  type WaitDetails,
  WaitList,
  type WaitOptions,
  WANTS_OUTCOME,
} from "../hub/mod.ts";

const GET_EXPIRY: Expiry = expireThrowing(() => new Timeout(null, { message: "AsyncResult.get()" }));
const WAIT_EXPIRY: Expiry = expireWith(undefined);

/**
 * Something that ends with a value or an error: a greenlet, or another result.
 *
 * @example Take over how something ended
 * ```ts
 * import { AsyncResult, type Outcome } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const outcome: Outcome<number> = { successful: true, value: 42, error: undefined };
 * const result = new AsyncResult<number>();
 * result.copy(outcome);
 * assertEquals(result.value, 42);
 * ```
 */
export interface Outcome<T> {
  /** Whether it ended without an error. */
  readonly successful: boolean;
  /** The value, after a success. */
  readonly value: T;
  /** The error, after a failure. */
  readonly error: unknown;
}

/**
 * What {@linkcode AsyncResult.statistics} returns.
 *
 * @example Who waits for it
 * ```ts
 * import { AsyncResult, type AsyncResultStatistics } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const statistics: AsyncResultStatistics = new AsyncResult().statistics();
 * assertEquals(statistics, { ready: false, waiting: 0 });
 * ```
 */
export interface AsyncResultStatistics {
  /** Whether it was set. */
  readonly ready: boolean;
  /** How many wait for it, callbacks included. */
  readonly waiting: number;
}

/**
 * A box for one result, which greenlets wait for: a value or an error.
 *
 * Setting it again replaces the result for those who look later.
 *
 * Source: `gevent.event.AsyncResult`.
 *
 * @typeParam T The type of the value.
 *
 * @example Hand over a result
 * ```ts
 * import { AsyncResult, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const result = new AsyncResult<number>();
 * const reader = spawn(() => result.get());
 * result.set(42);
 * assertEquals(await reader.get(), 42);
 * ```
 */
export class AsyncResult<T> extends Named implements Inspectable {
  readonly #waiters: WaitList = new WaitList("get", this);
  #ready = false;
  #failed = false;
  #outcome: unknown = undefined;

  /** Whether it was set. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Whether it was set to a value. */
  get successful(): boolean {
    return this.#ready && !this.#failed;
  }

  /** The value; `undefined` while there is none. */
  get value(): T | undefined {
    return this.#failed ? undefined : this.#outcome as T | undefined;
  }

  /** The error; `undefined` while there is none. */
  get error(): unknown {
    if (!this.#failed) return undefined;
    noteLook(this);
    return this.#outcome;
  }

  /**
   * Figures about it, as they are now: a frozen object. Does not switch.
   *
   * Source: `trio`'s `statistics()`.
   */
  statistics(): AsyncResultStatistics {
    return Object.freeze({ ready: this.#ready, waiting: this.#waiters.size });
  }

  /** For reports: what those wait for who wait. */
  inspectWait(_what: string): WaitDetails {
    return { text: "nobody has set it" };
  }

  /** Sets the value and wakes everybody who waits. Does not switch. */
  set(value: T): void {
    this.#settle(value, false);
  }

  /**
   * Sets an error and wakes everybody who waits: `get()` throws it. Does not switch.
   *
   * Source: `set_exception`.
   */
  setError(error: unknown): void {
    this.#settle(error, true);
  }

  /**
   * Takes over the outcome of something that has ended, a greenlet for example:
   * `greenlet.rawlink((g) => result.copy(g))`. Does not switch.
   */
  copy(source: Outcome<T>): void {
    if (source.successful) this.set(source.value);
    else this.setError(source.error);
  }

  /**
   * Waits for the result. Switches unless it is there.
   *
   * @throws {Timeout} If it does not come in time.
   * @throws The error that was set.
   */
  get(options?: WaitOptions): Promise<T> {
    const plan = planWait(options, "get result");
    const task = enterWait("get result");
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    if (!this.#ready) return suspend(task, this.#waiters, WANTS_OUTCOME, plan, GET_EXPIRY);
    if (this.#failed) return failedWith(task, this.#waiters, this.error);
    return readyWith(task, this.#waiters, this.#outcome as T);
  }

  /**
   * The result, without waiting.
   *
   * @throws {Timeout} If it is not there.
   * @throws The error that was set.
   */
  getNowait(): T {
    if (!this.#ready) throw new Timeout(0, { message: "AsyncResult.getNowait()" });
    if (this.#failed) throw this.error;
    return this.#outcome as T;
  }

  /**
   * Waits until there is a result, without throwing it. Switches unless there is one.
   *
   * @returns The value; `undefined` on time-out, or if it is an error.
   */
  wait(options?: WaitOptions): Promise<T | undefined> {
    const plan = planWait(options, "wait for result");
    const task = enterWait("wait for result");
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    if (this.#ready) return readyWith(task, this.#waiters, this.value);
    return suspend(task, this.#waiters, undefined, plan, WAIT_EXPIRY);
  }

  /**
   * Calls `callback(this)` once in the hub when there is a result, soon if there is: it must not wait.
   *
   * @returns Removes the link when disposed.
   * @throws {TypeError} If `callback` is not a function.
   */
  rawlink(callback: (result: this) => void): Disposable {
    return linkReady(this, this.#waiters, callback);
  }

  #settle(outcome: unknown, failed: boolean): void {
    if (this.#failed) noteLook(this); // at what it was: it is gone
    this.#ready = true;
    this.#failed = failed;
    this.#outcome = outcome;
    let told = false;
    for (let count = this.#waiters.size; count > 0; count--) {
      const waiter = this.#waiters.shift()!;
      if (failed && waiter.value === WANTS_OUTCOME) {
        told = true;
        waiter.fail(outcome);
      } else {
        waiter.wake(this.value);
      }
    }
    if (failed && !told) noteFailure(this, outcome); // for whoever looks later
  }
}
