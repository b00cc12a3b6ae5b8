import type { Timeout } from "./timeout.ts";

/**
 * A length of time: milliseconds, or a `Temporal.Duration` without years, months and weeks.
 *
 * @example Milliseconds, or a duration
 * ```ts
 * import { type Duration, sleep } from "@verdant/green";
 *
 * const pauses: Duration[] = [1, Temporal.Duration.from({ milliseconds: 1 })];
 * for (const pause of pauses) await sleep(pause);
 * ```
 */
export type Duration = number | Temporal.Duration;

/**
 * How long a wait may last, and what may end it early.
 *
 * @example A limit, and a signal
 * ```ts
 * import { Event, type WaitOptions } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const limits: WaitOptions = { timeout: 5, signal: new AbortController().signal };
 * assertEquals(await new Event().wait(limits), false);
 * ```
 */
export interface WaitOptions {
  /**
   * How long to wait at most: milliseconds, a `Temporal.Duration`, or a `Timeout`. `0` does not wait.
   *
   * @default {Infinity}
   */
  timeout?: Duration | Timeout | undefined;
  /** Ends the wait with the signal's reason when it aborts. */
  signal?: AbortSignal | undefined;
}

/**
 * A duration in milliseconds.
 *
 * @throws {RangeError} If it is negative or NaN.
 * @throws {TypeError} If it is neither a number nor a `Temporal.Duration`.
 *
 * @example Two ways to say it
 * ```ts
 * import { toMilliseconds } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(toMilliseconds(Temporal.Duration.from({ seconds: 2 }), "wait"), 2000);
 * assertEquals(toMilliseconds(5, "wait"), 5);
 * ```
 */
export function toMilliseconds(duration: Duration, action: string, what = "timeout"): number {
  const ms = typeof duration === "number" ? duration : durationToMs(duration, action, what);
  if (!(ms >= 0)) {
    throw new RangeError(`Cannot ${action}: ${what} must be 0 or more milliseconds, received ${ms}`);
  }
  return ms;
}

function durationToMs(duration: unknown, action: string, what: string): number {
  if (globalThis.Temporal !== undefined && duration instanceof Temporal.Duration) {
    return duration.total("milliseconds");
  }
  throw new TypeError(
    `Cannot ${action}: ${what} must be a number of milliseconds or a Temporal.Duration, received ${
      String(duration)
    }`,
  );
}
