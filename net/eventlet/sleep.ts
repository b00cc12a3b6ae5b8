import type { Duration } from "../../hub/mod.ts";
import { sleep as greenSleep } from "../../green/mod.ts";
import { notNegative } from "./limits.ts";

/**
 * Suspends the greenlet; `0` lets everybody else who can run go first, and so does a negative time. Switches.
 *
 * Source: `eventlet.sleep`, with milliseconds instead of seconds.
 *
 * @param duration Milliseconds or a `Temporal.Duration`.
 * @throws {RangeError} If it is NaN.
 * @throws {BlockingSwitchOutError} In a callback of the hub.
 *
 * @example Take turns
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const seen: string[] = [];
 * eventlet.spawn(() => seen.push("other"));
 * await eventlet.sleep();
 * assertEquals(seen, ["other"]);
 * ```
 */
export function sleep(duration: Duration = 0): Promise<void> {
  return greenSleep(notNegative(duration));
}
