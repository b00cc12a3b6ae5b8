/** The kernel's error classes, and `isKill` to recognise a kill. */

/**
 * What a killed greenlet sees: thrown at the wait it is parked in.
 *
 * A greenlet that ends with it (killed, or throwing it on purpose) counts as successful, nothing is
 * printed, and `get()` returns the instance.
 *
 * Source: `gevent.GreenletExit`.
 *
 * @example Leave a greenlet quietly
 * ```ts
 * import { GreenletExit, spawn } from "@verdant/green";
 * import { assert } from "@std/assert";
 *
 * const g = spawn(() => {
 *   throw new GreenletExit("nothing to do");
 * });
 * await g.join();
 * assert(g.value instanceof GreenletExit);
 * assert(g.successful);
 * ```
 */
export class GreenletExit extends Error {
  /** Always `"GreenletExit"`. */
  override readonly name = "GreenletExit";

  /**
   * Makes one to throw.
   *
   * @param message Why the greenlet ends.
   * @param options `cause`, as for every error.
   */
  constructor(message = "Greenlet was killed", options?: ErrorOptions) {
    super(message, options);
  }
}

/**
 * Nothing can run any more, so the wait that gets this error would never end.
 *
 * Thrown into waits outside any greenlet and into the greenlet of `main()`. The message lists the
 * greenlets that are parked, what each waits for, and the cycle if there is one.
 *
 * Source: `gevent.exceptions.LoopExit`.
 *
 * @example Recognise a deadlock
 * ```ts
 * import { LoopExit } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(new LoopExit("all greenlets are blocked").name, "LoopExit");
 * ```
 */
export class LoopExit extends Error {
  /** Always `"LoopExit"`. */
  override readonly name = "LoopExit";
}

/**
 * A waiting function was called where waiting is impossible: in a callback that the hub itself runs
 * (`rawlink`, `hub.runCallback`).
 *
 * Source: `gevent.exceptions.BlockingSwitchOutError`.
 *
 * @example Waiting in a hub callback
 * ```ts
 * import { BlockingSwitchOutError, getHub, sleep } from "@verdant/green";
 * import { assertThrows } from "@std/assert";
 *
 * getHub().runCallback(() => {
 *   assertThrows(() => sleep(10), BlockingSwitchOutError);
 * });
 * await sleep();
 * ```
 */
export class BlockingSwitchOutError extends Error {
  /** Always `"BlockingSwitchOutError"`. */
  override readonly name = "BlockingSwitchOutError";
}

/**
 * Two greenlets use an object that only one may use at a time.
 *
 * Source: `gevent.exceptions.ConcurrentObjectUseError`.
 *
 * @example Recognise the error
 * ```ts
 * import { ConcurrentObjectUseError } from "@verdant/green";
 * import { assert } from "@std/assert";
 *
 * assert(new ConcurrentObjectUseError("in use by #3") instanceof Error);
 * ```
 */
export class ConcurrentObjectUseError extends Error {
  /** Always `"ConcurrentObjectUseError"`. */
  override readonly name = "ConcurrentObjectUseError";
}

/**
 * Whether an error is a kill, or wraps one.
 *
 * Looks through `cause`, `SuppressedError` (what `using` makes when a clean-up fails during a kill)
 * and `AggregateError`, so that a broad `catch` can let kills pass.
 *
 * @param error Anything that was caught.
 * @returns Whether a `GreenletExit` is in it.
 *
 * @example Let kills pass a broad catch
 * ```ts
 * import { GreenletExit, isKill } from "@verdant/green";
 * import { assert } from "@std/assert";
 *
 * assert(isKill(new Error("fetch failed", { cause: new GreenletExit() })));
 * assert(!isKill(new Error("disk full")));
 * ```
 */
export function isKill(error: unknown): boolean {
  const seen = new Set<unknown>();
  const pending: unknown[] = [error];
  while (pending.length > 0) {
    const candidate = pending.pop();
    if (!(candidate instanceof Error) || seen.has(candidate)) continue;
    if (candidate instanceof GreenletExit) return true;
    seen.add(candidate);
    pending.push(candidate.cause);
    if (candidate instanceof SuppressedError) pending.push(candidate.error, candidate.suppressed);
    if (candidate instanceof AggregateError) pending.push(...candidate.errors);
  }
  return false;
}

/** The exit that an error is: itself, or one of several kills of which the later came during clean-up. */
export function exitOf(error: unknown): GreenletExit | undefined {
  if (error instanceof GreenletExit) return error;
  if (!(error instanceof SuppressedError)) return undefined;
  return exitOf(error.suppressed) && exitOf(error.error);
}
