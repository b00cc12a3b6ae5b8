import type { Clock } from "../../hub/mod.ts";

/**
 * A clock that moves only when it is told to. `simulate()` uses one; it can also be given to a hub, or to
 * anything else that takes a `Clock`.
 *
 * @example Wake at the deadline, not before
 * ```ts
 * import { VirtualClock } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const clock = new VirtualClock();
 * const woken: number[] = [];
 * clock.arm(10, true, () => woken.push(clock.now()));
 * clock.advance(9);
 * assertEquals(woken, []);
 * clock.advance(1);
 * assertEquals(woken, [10]);
 * ```
 */
export class VirtualClock implements Clock {
  #now: number;
  #deadline = Infinity;
  #wake: (() => void) | undefined = undefined;

  /**
   * Makes a clock.
   *
   * @param start What it shows at first (ms).
   * @throws {RangeError} If `start` is not a finite number.
   */
  constructor(start = 0) {
    if (!Number.isFinite(start)) {
      throw new RangeError(`Cannot create clock: start must be a finite number, received ${start}`);
    }
    this.#now = start;
  }

  /** What it shows (ms). */
  now(): number {
    return this.#now;
  }

  /** When it is to wake somebody; `Infinity` if nobody asked. */
  get deadline(): number {
    return this.#deadline;
  }

  /** Asks to be woken at a deadline; replaces the request before. */
  arm(deadline: number, _ref: boolean, wake: () => void): void {
    this.#deadline = deadline;
    this.#wake = wake;
  }

  /** Withdraws the request. */
  disarm(): void {
    this.#deadline = Infinity;
    this.#wake = undefined;
  }

  /** Jumps to the deadline it was asked for, and wakes. Nothing happens if nobody asked. */
  jump(): void {
    const wake = this.#wake;
    if (wake === undefined) return;
    this.#now = Math.max(this.#now, this.#deadline);
    this.disarm();
    wake();
  }

  /**
   * Moves on by `ms`, waking at every deadline on the way.
   *
   * @throws {RangeError} If `ms` is negative or not a finite number.
   */
  advance(ms: number): void {
    if (!(ms >= 0 && ms < Infinity)) {
      throw new RangeError(`Cannot advance clock: ms must be 0 or more and finite, received ${ms}`);
    }
    const end = this.#now + ms;
    while (this.#deadline <= end) this.jump();
    this.#now = end;
  }
}
