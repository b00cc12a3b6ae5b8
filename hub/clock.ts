import { platform } from "./platform_timers.ts";

/**
 * Where the hub takes time from and how it asks to be woken. Replaceable, so that a test can own time.
 *
 * @example A clock that stands still
 * ```ts
 * import { type Clock, Hub } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const frozen: Clock = { now: () => 0, arm() {}, disarm() {} };
 * assertEquals(new Hub({ clock: frozen }).now(), 0);
 * ```
 */
export interface Clock {
  /** Milliseconds since some fixed point; never goes back. */
  now(): number;
  /**
   * Asks for one call of `wake` at `deadline` (ms on this clock), replacing what was asked before.
   * `ref` tells whether the wake-up keeps the process alive.
   */
  arm(deadline: number, ref: boolean, wake: () => void): void;
  /** Withdraws the request. */
  disarm(): void;
}

/** The longest (ms) the platform's timers can wait: longer delays make them fire at once. */
export const MAX_PLATFORM_DELAY: number = 2 ** 31 - 1;

/**
 * The platform's monotonic clock and one platform timer.
 *
 * @example Never goes back
 * ```ts
 * import { SystemClock } from "@verdant/green/hub";
 * import { assert } from "@std/assert";
 *
 * const clock = new SystemClock();
 * const before = clock.now();
 * assert(clock.now() >= before);
 * ```
 */
export class SystemClock implements Clock {
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Milliseconds since the process started. */
  now(): number {
    return performance.now();
  }

  /** Sets the platform timer; a delay past its range wakes early, and the hub asks again. */
  arm(deadline: number, ref: boolean, wake: () => void): void {
    this.disarm();
    const delay = Math.min(Math.max(0, deadline - performance.now()), MAX_PLATFORM_DELAY);
    this.#timer = platform.setTimeout(wake, delay);
    if (!ref) this.#timer.unref();
  }

  /** Clears the platform timer. */
  disarm(): void {
    platform.clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
