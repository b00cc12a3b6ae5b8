import { type Duration, quiet } from "../../hub/mod.ts";
import { checkFunction } from "../../sync/check.ts";
import { Timeout } from "./timeout.ts";

/**
 * Options of {@linkcode withTimeout}.
 *
 * @example A value instead of an error
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const options: eventlet.WithTimeoutOptions<[number], null> = { args: [60_000], timeoutValue: null };
 * assertEquals(await eventlet.withTimeout(1, eventlet.sleep, options), null);
 * ```
 */
export interface WithTimeoutOptions<A extends unknown[], V> {
  /** What the function is called with. */
  args?: A;
  /** Returned instead of throwing when the time is over. */
  timeoutValue?: V;
}

/**
 * Calls a function with a limit. Switches when it does.
 *
 * Source: `eventlet.with_timeout`, with milliseconds instead of seconds.
 *
 * @param duration Milliseconds or a `Temporal.Duration`; 0 or less ends its first wait; `null` is no limit.
 * @param fn What to call.
 * @param options Its arguments, and what is returned on time-out.
 * @returns What `fn` returns; on time-out `timeoutValue`.
 * @throws {Timeout} On time-out, if there is no `timeoutValue`.
 * @throws {RangeError} If `duration` is NaN.
 * @throws {TypeError} If `fn` is not a function.
 *
 * @example A default when it takes too long
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const never = () => eventlet.sleep(60_000).then(() => "done");
 * assertEquals(await eventlet.withTimeout(1, never, { timeoutValue: "too slow" }), "too slow");
 * ```
 */
export function withTimeout<A extends unknown[], R, V = R>(
  duration: Duration | null,
  fn: (...args: A) => R | PromiseLike<R>,
  options: WithTimeoutOptions<A, V> = {},
): Promise<R | V> {
  checkFunction(fn, "run with timeout");
  return quiet(runLimited(new Timeout(duration), fn, options));
}

async function runLimited<A extends unknown[], R, V>(
  timeout: Timeout,
  fn: (...args: A) => R | PromiseLike<R>,
  options: WithTimeoutOptions<A, V>,
): Promise<R | V> {
  try {
    return await timeout.run(fn, ...options.args ?? [] as unknown as A) as R;
  } catch (error) {
    if (error !== timeout || !("timeoutValue" in options)) throw error;
    return options.timeoutValue as V;
  }
}
