import {
  BoundedSemaphore as GreenBoundedSemaphore,
  type Lease,
  Semaphore as GreenSemaphore,
} from "../../sync/mod.ts";
import { acquireLimits, type AcquireOptions, type LimitOptions, waitOptions } from "./limits.ts";

/**
 * A number of permits. Those who wait are served first come first served, and nobody can overtake: `release()`
 * hands the permit to the one who has waited longest.
 *
 * Source: `eventlet.Semaphore`, where `acquire()` with a time-out, or without blocking, may overtake.
 *
 * @example At most two at a time
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const semaphore = new eventlet.Semaphore(2);
 * await semaphore.acquire();
 * assertEquals([semaphore.counter, semaphore.locked], [1, false]);
 * semaphore.release();
 * ```
 */
export class Semaphore {
  readonly #permits: GreenSemaphore;

  /**
   * Makes a semaphore.
   *
   * @param value How many permits there are at first.
   * @throws {RangeError} If `value` is not a non-negative integer.
   */
  constructor(value = 1) {
    this.#permits = this.createPermits(value);
  }

  /** How many permits are free. */
  get counter(): number {
    return this.#permits.counter;
  }

  /** How many permits are free, minus how many greenlets wait for one. */
  get balance(): number {
    return this.counter - this.#permits.waiting;
  }

  /** Whether `acquire()` would have to wait. */
  get locked(): boolean {
    return this.#permits.locked;
  }

  /** Whether `release()` would have to wait: never. */
  get bounded(): boolean {
    return false;
  }

  /**
   * Takes a permit, waiting for one if none is free. Switches only then.
   *
   * @returns `true`, or `false` on time-out and if none is free with `blocking: false`.
   * @throws {RangeError} If the time-out is NaN or negative, other than -1, which is none.
   * @throws {TypeError} If there is a time-out with `blocking: false`.
   */
  acquire(options: AcquireOptions = {}): Promise<boolean> {
    return this.#permits.acquire(acquireLimits(options, "acquire semaphore"));
  }

  /** Gives a permit: to the one who has waited longest, else to the free ones. Does not switch. */
  release(): true {
    this.#permits.release();
    return true;
  }

  /**
   * Takes a permit as an object to dispose: `using permit = await semaphore.lease()`. Switches unless one is free.
   *
   * @throws {Timeout} If none is free in time.
   */
  lease(options: LimitOptions = {}): Promise<Lease> {
    return this.#permits.lease(waitOptions(options));
  }

  /**
   * Runs `fn` with a permit. Switches unless one is free.
   *
   * Source: `with semaphore:`.
   *
   * @returns What `fn` returns.
   * @throws {TypeError} If `fn` is not a function.
   */
  with<T>(fn: () => T | PromiseLike<T>): Promise<T> {
    return this.#permits.with(fn);
  }

  /** Makes what keeps the permits, for subclasses. Called by the constructor. */
  protected createPermits(value: number): GreenSemaphore {
    return new GreenSemaphore(value);
  }
}

/**
 * A semaphore that never has more permits than it started with.
 *
 * Source: `eventlet.BoundedSemaphore`.
 *
 * @example One release too many
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assertThrows } from "@std/assert";
 *
 * assertThrows(() => new eventlet.BoundedSemaphore(1).release(), RangeError, "released more often");
 * ```
 */
export class BoundedSemaphore extends Semaphore {
  /**
   * As `Semaphore.release()`.
   *
   * @throws {RangeError} If all permits are free.
   */
  override release(): true {
    return super.release();
  }

  /** Permits that know how many they are. */
  protected override createPermits(value: number): GreenSemaphore {
    return new GreenBoundedSemaphore(value);
  }
}
