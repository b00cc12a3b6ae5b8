import type { WaitOptions } from "../../hub/mod.ts";
import type { ThreadCall } from "./thread_call.ts";
import { CancelledError } from "./thread_error.ts";

/** What can be done about a call, by its pool. */
export interface CallControl {
  /** Takes it out of the queue, if it is there; says whether. */
  withdraw(call: ThreadCall, error: Error): boolean;
  /** Ends the thread in which it runs, if it does; says whether. */
  terminate(call: ThreadCall): boolean;
}

/**
 * What becomes of a task in another thread: something to wait for, as for an `AsyncResult`.
 *
 * Source: what `gevent.threadpool.ThreadPool.spawn` returns.
 *
 * @typeParam T The type of the result.
 *
 * @example Start now, take the result later
 * ```ts
 * import { ThreadPool, type ThreadResult, wait } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * await using pool = new ThreadPool(1);
 * const result: ThreadResult<number> = await pool.spawn((n: number) => n * n, 7);
 * await wait([result]);
 * assertEquals([result.ready, result.value, await result.get()], [true, 49, 49]);
 * ```
 */
export class ThreadResult<T> {
  readonly #call: ThreadCall<T>;
  readonly #control: CallControl;

  /** For `ThreadPool`. */
  constructor(call: ThreadCall<T>, control: CallControl) {
    this.#call = call;
    this.#control = control;
  }

  /** Which task it is, for messages. */
  get label(): string {
    return this.#call.label;
  }

  /** Whether it is running in a thread. */
  get running(): boolean {
    return this.#call.thread !== undefined;
  }

  /** Whether it has ended. */
  get ready(): boolean {
    return this.#call.outcome.ready;
  }

  /** Whether it has ended without an error. */
  get successful(): boolean {
    return this.#call.outcome.successful;
  }

  /** What it returned; `undefined` before the end and after an error. */
  get value(): T | undefined {
    return this.#call.outcome.value;
  }

  /** The error it ended with; `undefined` before the end and after a success. */
  get error(): unknown {
    return this.#call.outcome.error;
  }

  /**
   * Waits for the result. Switches unless it is there. Interrupting the wait does nothing to the task.
   *
   * @throws {Timeout} If it does not come in time.
   * @throws {ThreadError} If the task did not come to its end.
   * @throws The error of the task.
   */
  get(options?: WaitOptions): Promise<T> {
    return this.#call.outcome.get(options);
  }

  /**
   * Waits for the end, without throwing the task's error. Switches unless it has ended.
   *
   * @returns What it returned; `undefined` on time-out, or if it failed.
   */
  wait(options?: WaitOptions): Promise<T | undefined> {
    return this.#call.outcome.wait(options);
  }

  /**
   * Calls `callback(this)` once in the hub when it has ended, soon if it has: it must not wait.
   *
   * @returns Removes the link when disposed.
   * @throws {TypeError} If `callback` is not a function.
   */
  rawlink(callback: (result: this) => void): Disposable {
    if (typeof callback !== "function") this.#call.outcome.rawlink(callback); // which refuses it
    return this.#call.outcome.rawlink(() => callback(this));
  }

  /**
   * Takes it out of the queue: it never runs, and `get()` throws {@linkcode CancelledError}. Does not switch.
   *
   * @returns Whether that was still possible.
   */
  cancel(): boolean {
    return this.#control.withdraw(this.#call, new CancelledError(`The ${this.label} was cancelled`));
  }

  /**
   * Ends the thread in which it runs, without any clean-up there, as soon as its event loop turns; the pool starts
   * another one when it needs it. Does not switch.
   *
   * @returns Whether it was running.
   */
  terminate(): boolean {
    return this.#control.terminate(this.#call);
  }
}
