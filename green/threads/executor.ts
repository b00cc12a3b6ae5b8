import { enterWait, planWait, type WaitOptions } from "../../hub/mod.ts";
import type { Items, Results } from "../imap.ts";
import { Job } from "../job.ts";
import { Future } from "./future.ts";
import type { Task } from "./task.ts";
import { ThreadPool } from "./thread_pool.ts";
import type { ThreadImapOptions, ThreadPoolOptions } from "./thread_pool_options.ts";

/**
 * Options of {@linkcode Executor.shutdown}.
 *
 * @example Leave the rest undone
 * ```ts
 * import { Executor, type ExecutorShutdownOptions } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const options: ExecutorShutdownOptions = { cancelFutures: true };
 * const executor = new Executor(1);
 * const futures = [1, 2, 3].map((n) => executor.submit((n: number) => n, n));
 * await executor.shutdown(options);
 * assertEquals(futures.map((future) => future.cancelled), [false, true, true]);
 * ```
 */
export interface ExecutorShutdownOptions extends WaitOptions {
  /**
   * Whether to wait until all tasks have ended.
   *
   * @default {true}
   */
  wait?: boolean | undefined;
  /**
   * Whether to cancel the tasks that have not begun.
   *
   * @default {false}
   */
  cancelFutures?: boolean | undefined;
}

/**
 * A {@linkcode ThreadPool} in the shape of Python's executors: `submit()` never waits and gives a future.
 *
 * `await using` waits for all tasks and ends the threads.
 *
 * Source: `gevent.threadpool.ThreadPoolExecutor`.
 *
 * @example Submit, then collect
 * ```ts
 * import { Executor } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * await using executor = new Executor(2);
 * const futures = [1, 2, 3].map((n) => executor.submit((n: number) => n * n, n));
 * const squares = [];
 * for (const future of futures) squares.push(await future.result());
 * assertEquals(squares, [1, 4, 9]);
 * ```
 */
export class Executor implements AsyncDisposable {
  readonly #pool: ThreadPool;
  readonly #futures = new Set<Future<unknown>>();
  /** Ends the threads once everything is done; there is one after the shutdown. */
  #closer: Job<void> | undefined = undefined;

  /**
   * Makes an executor; starts no thread.
   *
   * @param maxWorkers How many threads it may have.
   * @param options As for a pool.
   * @throws {RangeError} As for {@linkcode ThreadPool}.
   */
  constructor(maxWorkers?: number, options?: ThreadPoolOptions) {
    this.#pool = new ThreadPool(maxWorkers, { name: "Executor", ...options });
  }

  /**
   * Has `task(...args)` run in a thread as soon as one is free. Does not switch.
   *
   * @throws {TypeError} If it is no task.
   * @throws {DOMException} A `DataCloneError`, if an argument cannot be sent.
   * @throws {Error} After the shutdown.
   */
  submit<A extends unknown[], R>(task: Task<A, R>, ...args: A): Future<R> {
    this.#checkOpen("submit task");
    const future = new Future(this.#pool.submit(task, args));
    this.#futures.add(future);
    future.addDoneCallback(() => this.#futures.delete(future));
    return future;
  }

  /**
   * Has `task(item)` run for every item and yields the results in the order of the items, as
   * {@linkcode ThreadPool.imap} does.
   *
   * @throws {TypeError} If it is no task, or `items` cannot be iterated.
   * @throws {RangeError} If `maxSize` is not a positive integer or `Infinity`.
   * @throws {Error} After the shutdown.
   */
  map<T, R>(task: Task<[T], R>, items: Items<T>, options?: ThreadImapOptions): Results<R> {
    this.#checkOpen("map");
    return this.#pool.imap(task, items, options);
  }

  /**
   * Takes no more tasks; ends the threads once the tasks there are have ended. Switches, unless `wait` is false or
   * everything has ended.
   *
   * @returns Whether everything has ended; `false` on time-out.
   * @throws {RangeError} If the time-out is negative or NaN.
   */
  shutdown(options: ExecutorShutdownOptions = {}): Promise<boolean> {
    const { wait = true, cancelFutures = false, ...limits } = options;
    planWait(limits, "shut down executor");
    if (wait) enterWait("shut down executor");
    if (cancelFutures) { for (const future of this.#futures) future.cancel(); }
    const closer = this.#closer ??= this.#startCloser();
    return wait ? closer.join(limits) : Promise.resolve(closer.ready);
  }

  /** Waits for all tasks and ends the threads. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  #startCloser(): Job<void> {
    const closer = new Job<void>(async () => {
      await this.#pool.join();
      this.#pool.kill();
    });
    closer.name = "closer of executor";
    closer.start();
    return closer;
  }

  #checkOpen(action: string): void {
    if (this.#closer !== undefined) throw new Error(`Cannot ${action}: the executor was shut down`);
  }
}
