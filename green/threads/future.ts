import { enterWait, planWait, quiet, type WaitOptions } from "../../hub/mod.ts";
import { CancelledError } from "./thread_error.ts";
import type { ThreadResult } from "./thread_result.ts";

/**
 * What becomes of a task given to an {@linkcode Executor}. Something to wait for with `wait()` and `iwait()`.
 *
 * Source: `gevent.threadpool.ThreadPoolExecutor`'s futures, `concurrent.futures.Future`.
 *
 * @typeParam T The type of the result.
 *
 * @example Ask what has become of it
 * ```ts
 * import { Executor, type Future } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * await using executor = new Executor(1);
 * const future: Future<number> = executor.submit((n: number) => n + 1, 41);
 * assertEquals([future.done, future.cancelled], [false, false]);
 * assertEquals(await future.result(), 42);
 * assertEquals([future.done, await future.exception()], [true, undefined]);
 * ```
 */
export class Future<T> {
  readonly #result: ThreadResult<T>;

  /** For {@linkcode Executor}. */
  constructor(result: ThreadResult<T>) {
    this.#result = result;
  }

  /** Whether it has ended, or was cancelled. */
  get done(): boolean {
    return this.#result.ready;
  }

  /** The same as {@linkcode done}. */
  get ready(): boolean {
    return this.done;
  }

  /** Whether it is running in a thread. */
  get running(): boolean {
    return this.#result.running;
  }

  /** Whether it was cancelled before it began. */
  get cancelled(): boolean {
    return this.#result.error instanceof CancelledError;
  }

  /**
   * Waits for the result. Switches unless it is there.
   *
   * @throws {Timeout} If it does not come in time.
   * @throws {CancelledError} If it was cancelled.
   * @throws {ThreadError} If the task did not come to its end.
   * @throws The error of the task.
   */
  result(options?: WaitOptions): Promise<T> {
    return this.#result.get(options);
  }

  /**
   * Waits for the end. Switches unless it has ended.
   *
   * @returns The error that {@linkcode result} would throw; `undefined` after a success.
   * @throws {Timeout} If it does not end in time.
   * @throws {CancelledError} If it was cancelled.
   */
  exception(options?: WaitOptions): Promise<unknown> {
    planWait(options, "get exception of future");
    enterWait("get exception of future");
    return quiet(this.#exception(options));
  }

  /**
   * Cancels it if it has not begun. Does not switch.
   *
   * @returns Whether it is cancelled.
   */
  cancel(): boolean {
    return this.#result.cancel() || this.cancelled;
  }

  /**
   * Calls `callback(this)` once in the hub when it is done, soon if it is: it must not wait. An error in it is
   * reported and does not stop the others.
   *
   * @returns Removes the callback when disposed.
   * @throws {TypeError} If `callback` is not a function.
   */
  addDoneCallback(callback: (future: this) => void): Disposable {
    return this.rawlink(callback);
  }

  /** The same as {@linkcode addDoneCallback}: for `wait()`. */
  rawlink(callback: (future: this) => void): Disposable {
    return this.#result.rawlink(
      typeof callback === "function" ? () => callback(this) : callback,
    );
  }

  async #exception(options: WaitOptions | undefined): Promise<unknown> {
    try {
      await this.#result.get(options);
      return undefined;
    } catch (error) {
      const own = this.done && error === this.#result.error;
      if (own && !this.cancelled) return error;
      throw error;
    }
  }
}
