/**
 * A task did not come to its end: its thread crashed, closed itself or was terminated. What the task itself
 * throws is passed on as it is.
 *
 * Source: `concurrent.futures.BrokenExecutor`.
 *
 * @example A thread that closes itself
 * ```ts
 * import { ThreadError, ThreadPool } from "@verdant/green";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * await using pool = new ThreadPool(1);
 * await assertRejects(() => pool.apply(function leave() {
 *   close();
 *   return new Promise(() => {});
 * }), ThreadError, "task leave");
 * assertEquals(await pool.apply(() => "in another thread"), "in another thread");
 * ```
 */
export class ThreadError extends Error {
  /** Always `"ThreadError"`. */
  override readonly name = "ThreadError";
}

/**
 * The task was cancelled before it began.
 *
 * Source: `concurrent.futures.CancelledError`.
 *
 * @example Ask for the result of a cancelled future
 * ```ts
 * import { CancelledError, Executor } from "@verdant/green";
 * import { assert, assertRejects } from "@std/assert";
 *
 * await using executor = new Executor(1);
 * executor.submit(() => "first");
 * const second = executor.submit(() => "second"); // the only thread is busy
 * assert(second.cancel());
 * await assertRejects(() => second.result(), CancelledError);
 * ```
 */
export class CancelledError extends Error {
  /** Always `"CancelledError"`. */
  override readonly name = "CancelledError";
}
