import { Semaphore } from "./semaphore.ts";

/**
 * A semaphore that never has more permits than it started with.
 *
 * Source: `gevent.lock.BoundedSemaphore`.
 *
 * @example One release too many
 * ```ts
 * import { BoundedSemaphore } from "@verdant/green";
 * import { assertThrows } from "@std/assert";
 *
 * const semaphore = new BoundedSemaphore(1);
 * assertThrows(() => semaphore.release(), RangeError, "released more often than acquired");
 * ```
 */
export class BoundedSemaphore extends Semaphore {
  readonly #limit: number;

  /**
   * Makes a semaphore.
   *
   * @param value How many permits there are at first, and at most.
   * @throws {RangeError} If `value` is not a non-negative integer.
   */
  constructor(value = 1) {
    super(value);
    this.#limit = value;
  }

  /**
   * As `Semaphore.release()`.
   *
   * @throws {RangeError} If all permits are free.
   */
  override release(): number {
    if (this.counter >= this.#limit) {
      throw new RangeError(
        `Cannot release semaphore: released more often than acquired, limit ${this.#limit}`,
      );
    }
    return super.release();
  }
}
