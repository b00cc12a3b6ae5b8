import { type Duration, quiet, type Timeout } from "../../hub/mod.ts";
import { AsyncResult } from "../../sync/mod.ts";
import { type LimitOptions, limitOptions, waitOptions } from "./limits.ts";

/**
 * A result that is sent once, to any number of greenlets.
 *
 * Source: `eventlet.Event`; who waits is served first come first served.
 *
 * @typeParam T The type of the result.
 *
 * @example Send a result
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const event = new eventlet.Event<number>();
 * eventlet.spawnN(() => event.send(42));
 * assertEquals(await event.wait(), 42);
 * ```
 */
export class Event<T = unknown> {
  #result: AsyncResult<T | undefined> = new AsyncResult();

  /** Whether a result or an error was sent. */
  get ready(): boolean {
    return this.#result.ready;
  }

  /** Whether a result was sent. */
  get hasResult(): boolean {
    return this.#result.successful;
  }

  /** Whether an error was sent. */
  get hasException(): boolean {
    return this.#result.ready && !this.#result.successful;
  }

  /**
   * Sends a result, or an error, to those who wait and those who ask later. Does not switch.
   *
   * @param result What `wait()` returns.
   * @param error What `wait()` throws instead, unless it is `undefined` or `null`.
   * @throws {Error} If something was sent before, without a `reset()`.
   */
  send(result?: T, error?: unknown): void {
    this.#checkUnsent();
    if (error === undefined || error === null) this.#result.set(result);
    else this.#result.setError(error);
  }

  /**
   * Sends an error: `wait()` throws it as it is. Does not switch.
   *
   * @throws {Error} If something was sent before, without a `reset()`.
   */
  sendException(error: unknown): void {
    this.#checkUnsent();
    this.#result.setError(error);
  }

  /**
   * Waits until something is sent. Switches unless it was.
   *
   * @param limit How long at most: milliseconds, a `Temporal.Duration`, a `Timeout` or `null`; or an object with
   * this as `timeout`, and a `signal`.
   * @returns The result; `undefined` on time-out.
   * @throws The error that was sent.
   * @throws {RangeError} If the limit is negative or NaN.
   *
   * @example Not for ever
   * ```ts
   * import { eventlet } from "@verdant/green";
   * import { assertEquals } from "@std/assert";
   *
   * assertEquals(await new eventlet.Event().wait(1), undefined);
   * ```
   */
  wait(limit: Duration | Timeout | LimitOptions): Promise<T | undefined>;
  /** Waits until something is sent, however long that takes. */
  wait(limit?: null): Promise<T>;
  wait(limit?: Duration | Timeout | LimitOptions | null): Promise<T | undefined> {
    const result = this.#result;
    return quiet(outcomeOf(result, result.wait(waitOptions(limitOptions(limit)))));
  }

  /**
   * What was sent, without waiting.
   *
   * @param notReady Returned if nothing was.
   * @throws The error that was sent.
   */
  poll(notReady?: T): T | undefined {
    return this.ready ? this.#result.getNowait() : notReady;
  }

  /** The result, without waiting; `notReady` if none was sent. */
  pollResult(notReady?: T): T | undefined {
    return this.hasResult ? this.#result.value : notReady;
  }

  /**
   * Throws the error that was sent, if one was.
   *
   * @returns `notReady` otherwise.
   */
  pollException(notReady?: T): T | undefined {
    return this.hasException ? this.#result.getNowait() : notReady;
  }

  /**
   * Makes it fresh, to be sent again. To whom something was sent, it still comes. Does not switch.
   *
   * @throws {Error} If nothing was sent.
   */
  reset(): void {
    if (!this.ready) throw new Error("Cannot reset: nothing was sent since the event was made or reset");
    this.#result = new AsyncResult();
  }

  #checkUnsent(): void {
    if (this.ready) throw new Error("Cannot send: the event was already triggered; reset() it first");
  }
}

async function outcomeOf<T>(result: AsyncResult<T>, sent: Promise<unknown>): Promise<T | undefined> {
  await sent;
  return result.ready ? result.getNowait() : undefined;
}
