import { checkWhole } from "../../sync/check.ts";
import { Event } from "../../sync/mod.ts";
import { type LimitOptions, waitOptions } from "./limits.ts";

/**
 * The opposite of a semaphore: counts up and down, and who waits waits for zero.
 *
 * Source: `eventlet.coros.metaphore`.
 *
 * @example Wait until all have finished
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const finished: number[] = [];
 * const working = new eventlet.coros.Metaphore();
 * for (const n of [1, 2]) {
 *   working.inc();
 *   eventlet.spawn(() => {
 *     finished.push(n);
 *     working.dec();
 *   });
 * }
 * await working.wait();
 * assertEquals(finished, [1, 2]);
 * ```
 */
export class Metaphore {
  readonly #zero: Event = new Event();
  #counter = 0;

  /** Makes one that stands at zero. */
  constructor() {
    this.#zero.set();
  }

  /** Where it stands. */
  get counter(): number {
    return this.#counter;
  }

  /**
   * Counts up. Does not switch.
   *
   * @throws {RangeError} If `by` is not a positive integer.
   */
  inc(by = 1): void {
    checkWhole(by, 1, "increase metaphore", "by");
    this.#counter += by;
    this.#zero.clear();
  }

  /**
   * Counts down; at zero, those who wait go on. Does not switch.
   *
   * @throws {RangeError} If `by` is not a positive integer, or more than the counter.
   */
  dec(by = 1): void {
    checkWhole(by, 1, "decrease metaphore", "by");
    if (by > this.#counter) {
      throw new RangeError(`Cannot decrease metaphore: by must be at most ${this.#counter}, received ${by}`);
    }
    this.#counter -= by;
    if (this.#counter === 0) this.#zero.set();
  }

  /**
   * Waits for zero. Switches unless it stands there.
   *
   * @returns `true`, or `false` on time-out.
   * @throws {RangeError} If the time-out is negative or NaN.
   */
  wait(options: LimitOptions = {}): Promise<boolean> {
    return this.#zero.wait(waitOptions(options));
  }
}
