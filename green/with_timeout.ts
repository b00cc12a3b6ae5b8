import { type Duration, quiet, Timeout } from "../hub/mod.ts";

/**
 * Options of {@linkcode withTimeout}.
 *
 * @example A value instead of an error
 * ```ts
 * import { sleep, withTimeout, type WithTimeoutOptions } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const options: WithTimeoutOptions<null> = { value: null };
 * assertEquals(await withTimeout(1, () => sleep(60_000), options), null);
 * ```
 */
export interface WithTimeoutOptions<V> {
  /** Returned instead of throwing when the time is over. */
  value?: V;
}

/**
 * Runs `fn` with a limit. The work is really stopped: the `Timeout` is thrown at its wait. Switches when
 * `fn` does.
 *
 * Source: `gevent.with_timeout`.
 *
 * @param limit Milliseconds, a `Temporal.Duration`, a `Timeout` that is not started, or `null` for none.
 * @param fn What to run.
 * @param options `value`: returned on time-out, instead of throwing.
 * @returns What `fn` returns; on time-out `value`, or `undefined` if the `Timeout` is silent.
 * @throws {Timeout} On time-out, unless `value` is given or the `Timeout` is silent.
 * @throws {RangeError} If `limit` is negative or NaN.
 * @throws {TypeError} If `fn` is not a function.
 * @throws {Error} If `limit` is a `Timeout` that is pending.
 *
 * @example A default when it takes too long
 * ```ts
 * import { sleep, withTimeout } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const answer = await withTimeout(5, () => sleep(60_000).then(() => "done"), { value: "too slow" });
 * assertEquals(answer, "too slow");
 * ```
 */
export function withTimeout<T, V = T>(
  limit: Duration | Timeout | null,
  fn: () => T | PromiseLike<T>,
  options: WithTimeoutOptions<V> = {},
): Promise<T | V> {
  if (typeof fn !== "function") {
    throw new TypeError(`Cannot run with timeout: fn must be a function, received ${String(fn)}`);
  }
  const timeout = limit instanceof Timeout ? limit : new Timeout(limit);
  timeout.start();
  return quiet(runLimited(timeout, fn, options));
}

async function runLimited<T, V>(
  timeout: Timeout,
  fn: () => T | PromiseLike<T>,
  options: WithTimeoutOptions<V>,
): Promise<T | V> {
  try {
    return await fn();
  } catch (error) {
    if (error !== timeout.thrown) throw error;
    if ("value" in options) return options.value as V;
    if (timeout.silent) return undefined as V;
    throw error;
  } finally {
    timeout.cancel();
  }
}
