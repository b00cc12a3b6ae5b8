import { type Duration, getHub, quiet, Timeout as GreenTimeout } from "../../hub/mod.ts";
import { checkFunction } from "../../sync/check.ts";
import { notNegative } from "./limits.ts";

/**
 * What a {@linkcode Timeout} throws: an error or an error class instead of itself; `false` for itself, but its own
 * `run()` swallows it.
 *
 * @example All of them
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const choices: eventlet.TimeoutException[] = [undefined, true, false, RangeError, new RangeError("too late")];
 * const thrown = choices.map((exception) => {
 *   using timeout = new eventlet.Timeout(60_000, exception);
 *   return timeout.thrown.name;
 * });
 * assertEquals(thrown, ["Timeout", "Timeout", "Timeout", "RangeError", "RangeError"]);
 * ```
 */
export type TimeoutException = Error | (new () => Error) | boolean | null | undefined;

/**
 * Throws an error at a wait of the greenlet that made it, once its time is over. It starts when it is made;
 * `using` cancels it at the end of the block, `run()` at the end of a function.
 *
 * Source: `eventlet.Timeout`, with milliseconds instead of seconds.
 *
 * @example Limit a block
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assertRejects } from "@std/assert";
 *
 * await assertRejects(async () => {
 *   using _limit = new eventlet.Timeout(1);
 *   await eventlet.sleep(60_000);
 * }, eventlet.Timeout);
 * ```
 *
 * @example Limit a function, silently
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await new eventlet.Timeout(1, false).run(() => eventlet.sleep(60_000)), undefined);
 * ```
 */
export class Timeout extends GreenTimeout {
  /** Always `true`: see {@linkcode isTimeout}. */
  readonly isTimeout = true;

  /**
   * Makes a time-out and starts it, for the running greenlet.
   *
   * @param duration Milliseconds or a `Temporal.Duration`; 0 or less fires at the next wait; `null` never fires.
   * @param exception What it throws.
   * @throws {RangeError} If `duration` is NaN.
   * @throws {TypeError} If `exception` is of another type.
   */
  constructor(duration?: Duration | null, exception?: TimeoutException) {
    const limit = duration === undefined || duration === null ? null : notNegative(duration);
    super(limit, { error: errorOf(exception), silent: exception === false });
    this.start();
  }

  /**
   * Starts it again, after it fired or was cancelled, for the running greenlet.
   *
   * @throws {Error} If it is pending.
   */
  override start(): void {
    super.start();
    // Its time is over already: not only after what can run now.
    if (this.ms === 0) fireDue();
  }

  /**
   * Calls `fn(...args)` and cancels the time-out at its end; starts it before if it is not pending. Switches when
   * `fn` does.
   *
   * Source: `with timeout:`.
   *
   * @returns What `fn` returns; `undefined` if this time-out ended it and is silent.
   * @throws {TypeError} If `fn` is not a function.
   */
  run<A extends unknown[], R>(
    fn: (...args: A) => R | PromiseLike<R>,
    ...args: A
  ): Promise<R | undefined> {
    checkFunction(fn, "run with timeout");
    const due = this.limit === 0; // fired, and not delivered yet
    if (!this.pending && (!due || this.ms === 0)) this.start();
    return quiet(this.#run(fn, args));
  }

  async #run<A extends unknown[], R>(
    fn: (...args: A) => R | PromiseLike<R>,
    args: A,
  ): Promise<R | undefined> {
    try {
      return await fn(...args);
    } catch (error) {
      if (error !== this || !this.silent) throw error;
      return undefined;
    } finally {
      this.cancel();
    }
  }
}

function errorOf(exception: TimeoutException): Error | undefined {
  if (exception === undefined || exception === null || typeof exception === "boolean") return undefined;
  return typeof exception === "function" ? new exception() : exception;
}

function fireDue(): void {
  const hub = getHub();
  hub.timers.fireDue(hub.now());
}
