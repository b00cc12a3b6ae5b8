import { type Duration, Timeout, type WaitOptions } from "../../hub/mod.ts";

/**
 * How long a call waits, eventlet's way: `null` is its `None`.
 *
 * @example No limit, and one
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const event = new eventlet.Event<string>();
 * const limits: eventlet.LimitOptions = { timeout: 1 };
 * assertEquals(await event.wait(limits), undefined);
 * event.send("here");
 * assertEquals(await event.wait({ timeout: null }), "here");
 * ```
 */
export interface LimitOptions {
  /** Milliseconds, a `Temporal.Duration` or a `Timeout`; `null` for no limit. `0` does not wait. */
  timeout?: Duration | Timeout | null | undefined;
  /** Ends the wait with the signal's reason when it aborts. */
  signal?: AbortSignal | undefined;
}

/**
 * Options of `put()` and `get()`.
 *
 * @example Not at all, or not for long
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assertRejects } from "@std/assert";
 *
 * const queue = new eventlet.Queue<string>();
 * const choices: eventlet.BlockOptions[] = [{ block: false }, { timeout: 1 }];
 * for (const options of choices) await assertRejects(() => queue.get(options), eventlet.queue.Empty);
 * ```
 */
export interface BlockOptions extends LimitOptions {
  /**
   * Whether to wait at all. If not, `timeout` does not count.
   *
   * @default {true}
   */
  block?: boolean | undefined;
}

/**
 * Options of `acquire()`.
 *
 * @example Not at all, or not for long
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assertFalse } from "@std/assert";
 *
 * const semaphore = new eventlet.Semaphore(0);
 * const choices: eventlet.AcquireOptions[] = [{ blocking: false }, { timeout: 1 }];
 * for (const options of choices) assertFalse(await semaphore.acquire(options));
 * ```
 */
export interface AcquireOptions extends LimitOptions {
  /**
   * Whether to wait at all.
   *
   * @default {true}
   */
  blocking?: boolean | undefined;
}

/** The same limits as the rest of the library has them. */
export function waitOptions({ timeout, signal }: LimitOptions): WaitOptions {
  return { timeout: timeout ?? undefined, signal };
}

/** `block` and `timeout` in one. */
export function blockLimits({ block = true, ...limits }: BlockOptions = {}): WaitOptions {
  return waitOptions(block ? limits : { ...limits, timeout: 0 });
}

/** Checks `blocking` and `timeout`; -1 is the `None` of `threading`. */
export function acquireLimits(
  { blocking = true, timeout, signal }: AcquireOptions,
  action: string,
): WaitOptions {
  const limit = timeout === -1 ? null : timeout;
  if (blocking) return waitOptions({ timeout: limit, signal });
  if (limit !== undefined && limit !== null) {
    throw new TypeError(`Cannot ${action}: without blocking there is no timeout, received ${String(limit)}`);
  }
  return { timeout: 0, signal };
}

/** A limit that may be given without the object around it. */
export function limitOptions(limit: LimitOptions["timeout"] | LimitOptions): LimitOptions {
  return isOptions(limit) ? limit : { timeout: limit };
}

function isOptions(limit: LimitOptions["timeout"] | LimitOptions): limit is LimitOptions {
  if (typeof limit !== "object" || limit === null || limit instanceof Timeout) return false;
  return globalThis.Temporal === undefined || !(limit instanceof Temporal.Duration);
}

/** eventlet takes a negative time for none at all. */
export function notNegative(duration: Duration): Duration {
  if (typeof duration === "number") return Math.max(0, duration);
  return duration?.sign < 0 ? 0 : duration;
}
