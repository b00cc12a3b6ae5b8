import {
  enterWait,
  EXPIRE_FALSE,
  expireThrowing,
  type Expiry,
  getHub,
  noteLook,
  planWait,
  quiet,
  readyWith,
  refusal,
  suspend,
  toMilliseconds,
  WaitList,
  type WaitNode,
  type WaitOptions,
} from "../../hub/mod.ts";
import { checkFunction, checkSize, checkWhole } from "../../sync/check.ts";
import { Imap, type Items, type Results } from "../imap.ts";
import { checkMapping, collect } from "../mapping_group.ts";
import { Pool, PoolFull } from "../pool.ts";
import { IdleThreads } from "./idle_threads.ts";
import { specOf, type Task, type TaskSpec } from "./task.ts";
import { Thread, type ThreadOwner } from "./thread.ts";
import { brokenBy, ThreadCall } from "./thread_call.ts";
import { ThreadError } from "./thread_error.ts";
import type {
  ApplyOptions,
  ThreadImapOptions,
  ThreadMapOptions,
  ThreadPoolOptions,
} from "./thread_pool_options.ts";
import { type CallControl, ThreadResult } from "./thread_result.ts";

const DEFAULT_IDLE_TIMEOUT_MS = 5_000;
const NO_ROOM: Expiry = expireThrowing(() =>
  new PoolFull("Cannot spawn in thread pool: no thread was free in time")
);

/**
 * Runs functions in other threads (Web Workers): for what computes, as greenlets are for what waits. While a task
 * runs, the greenlet that waits for it is parked like in any other wait, and the others run.
 *
 * A task is a function that needs nothing around it, or one that a module exports: see {@linkcode Task}. Arguments
 * and results are copied as `structuredClone()` does, or moved with {@linkcode transfer}; a `SharedArrayBuffer` is
 * shared. Errors come back with their class, if it is a built-in one, name, message, stack, cause and own properties.
 *
 * A task that never ends its thread's turn, a crash, `close()` cost only that task: it fails with
 * {@linkcode ThreadError}, and another thread takes the place. Out of memory is beyond that: Deno ends the process.
 *
 * Threads start when they are needed and end when they were idle for `idleTimeout`. Idle ones keep no process alive.
 * `await using` ends them all.
 *
 * A task may use a pool of its own, with threads of its own: nothing is shared, so nothing can be waited for in a
 * circle. They end with the thread they belong to.
 *
 * Invariants: at most `size` calls run; if a call is queued, `size` calls run; a thread is idle, or has one call.
 *
 * Source: `gevent.threadpool.ThreadPool`.
 *
 * @example Compute elsewhere
 * ```ts
 * import { ThreadPool } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * function fibonacci(n: number): number {
 *   const fib = (n: number): number => n < 2 ? n : fib(n - 1) + fib(n - 2);
 *   return fib(n);
 * }
 * await using pool = new ThreadPool(2);
 * assertEquals(await pool.apply(fibonacci, [20]), 6765);
 * assertEquals(await pool.map(fibonacci, [1, 2, 3, 4, 5]), [1, 1, 2, 3, 5]);
 * ```
 */
export class ThreadPool implements AsyncDisposable {
  /** Its name. */
  readonly name: string;
  #size: number;
  readonly #owner: ThreadOwner;
  readonly #threads = new Set<Thread>();
  readonly #idle: IdleThreads;
  #running = 0;
  /** Greenlets that wait for room, and calls for which nobody waits there. */
  readonly #queue: WaitList = new CallQueue(this, () => {
    if (this.#size === 0) this.#review(); // otherwise, as long as somebody is queued, something is running
  });
  readonly #joiners: WaitList = new WaitList("join", this);
  readonly #control: CallControl = {
    withdraw: (call, error) => this.#withdraw(call, error),
    terminate: (call) => this.#terminate(call),
  };
  /** The greenlets of maps, of which each needs a thread. */
  readonly #mappers: Pool;
  /** How often it was killed: maps that began before must not go on. */
  #kills = 0;
  #started = 0;

  /**
   * Makes a pool; starts no thread.
   *
   * @param size How many threads it may have. With 0, everything waits until it is resized.
   * @param options How long idle threads stay; a name.
   * @throws {RangeError} If `size` is not a non-negative integer, or `idleTimeout` is negative or NaN.
   */
  constructor(size: number = navigator.hardwareConcurrency, options: ThreadPoolOptions = {}) {
    checkWhole(size, 0, "create thread pool", "size");
    const { idleTimeout = DEFAULT_IDLE_TIMEOUT_MS, name = "ThreadPool" } = options;
    const ms = toMilliseconds(idleTimeout, "create thread pool", "idleTimeout");
    this.#size = size;
    this.#mappers = new Pool(size);
    this.name = name;
    this.#owner = {
      hub: getHub(),
      onFree: (thread) => this.#onFree(thread),
      onEnd: (thread) => this.#onEnd(thread),
    };
    this.#idle = new IdleThreads(this.#owner.hub, ms, (thread) => this.#retire(thread));
  }

  // ---- State -------------------------------------------------------------------------------------

  /** How many threads it may have. */
  get size(): number {
    return this.#size;
  }

  set size(size: number) {
    this.resize(size);
  }

  /** How many tasks are running. */
  get running(): number {
    return this.#running;
  }

  /** How many tasks wait for a thread. */
  get queued(): number {
    return this.#queue.size;
  }

  /** How many more tasks could run at once; negative if it was made smaller than it is full. */
  get free(): number {
    return this.#size - this.#running;
  }

  /** How many threads there are, running or idle. */
  get threads(): number {
    return this.#threads.size;
  }

  // ---- Running tasks -----------------------------------------------------------------------------

  /**
   * Starts `task(...args)` in a thread, waiting for one if all are busy, first come first served. Switches only then.
   * An error of the task is also reported, as that of a greenlet.
   *
   * Source: `gevent.threadpool.ThreadPool.spawn`.
   *
   * @returns What becomes of it: `await` does not wait for its end.
   * @throws {TypeError} If it is no task.
   * @throws {DOMException} A `DataCloneError`, at the call, if an argument cannot be sent.
   */
  spawn<A extends unknown[], R>(task: Task<A, R>, ...args: A): Promise<ThreadResult<R>> {
    return this.start(task, args);
  }

  /**
   * As {@linkcode spawn}, with limits for the wait.
   *
   * @throws {PoolFull} If no thread is free in time: the task will not run.
   */
  start<A extends unknown[], R>(
    task: Task<A, R>,
    args: A = [] as unknown[] as A,
    options?: WaitOptions,
  ): Promise<ThreadResult<R>> {
    const spec = specOf(task, "spawn in thread pool");
    const plan = planWait(options, "spawn in thread pool");
    const waiter = enterWait("spawn in thread pool");
    const refused = refusal(waiter, plan);
    if (refused !== undefined) return refused;
    const call = new ThreadCall<R>(spec, args, true);
    const result = new ThreadResult(call, this.#control);
    if (this.#begin(call)) return readyWith(waiter, this.#queue, result);
    call.keepArguments();
    return suspend(waiter, this.#queue, { call, result } satisfies Spawn, plan, NO_ROOM);
  }

  /**
   * Runs `task(...args)` in a thread and waits for its result. Switches.
   *
   * If the wait is interrupted, a task that has not begun never runs. One that is running goes on and its result is
   * dropped, unless `terminate` is set.
   *
   * Source: `gevent.threadpool.ThreadPool.apply`.
   *
   * @returns What the task returns.
   * @throws {TypeError} If it is no task.
   * @throws {DOMException} A `DataCloneError`, at the call, if an argument cannot be sent.
   * @throws {ThreadError} If the task does not come to its end.
   * @throws {Timeout} If it does not come to it in time.
   * @throws The error of the task.
   */
  apply<A extends unknown[], R>(
    task: Task<A, R>,
    args: A = [] as unknown[] as A,
    options?: ApplyOptions,
  ): Promise<R> {
    const spec = specOf(task, "apply in thread pool");
    const plan = planWait(options, "apply in thread pool");
    const refused = refusal(enterWait("apply in thread pool"), plan);
    if (refused !== undefined) return refused;
    return quiet(this.#await(this.#submit<R>(spec, args, false), options));
  }

  /**
   * As {@linkcode apply}, without waiting: if all threads are busy, the task is queued. Does not switch. An error of
   * the task is also reported.
   *
   * Source: `gevent.threadpool.ThreadPool.apply_async`.
   *
   * @param callback Gets the result, in the hub: it must not wait. Not called after an error.
   * @returns What becomes of the task.
   * @throws {TypeError} If it is no task, or `callback` is no function.
   * @throws {DOMException} A `DataCloneError`, if an argument cannot be sent.
   */
  applyAsync<A extends unknown[], R>(
    task: Task<A, R>,
    args: A = [] as unknown[] as A,
    callback?: (result: R) => void,
  ): ThreadResult<R> {
    if (callback !== undefined) checkFunction(callback, "apply in thread pool", "callback");
    const spec = specOf(task, "apply in thread pool");
    const result = new ThreadResult(this.#submit<R>(spec, args, true), this.#control);
    if (callback !== undefined) {
      result.rawlink(() => {
        if (result.successful) callback(result.value as R);
      });
    }
    return result;
  }

  /**
   * Runs `task(item)` for every item, as many at once as there are threads, and waits for all results. The first
   * failure, in the order of the items, ends the rest. Switches.
   *
   * Source: `gevent.threadpool.ThreadPool.map`.
   *
   * @returns The results, in the order of the items.
   * @throws {TypeError} If it is no task, or `items` cannot be iterated.
   * @throws The first error of a task, by position; the items' own error if iterating them fails.
   */
  map<T, R>(task: Task<[T], R>, items: Items<T>, options?: ThreadMapOptions): Promise<R[]> {
    enterWait("map in thread pool");
    checkItems(task, items);
    return quiet(collect(() => this.imap(task, items, options)));
  }

  /**
   * Runs `task(item)` for every item and yields the results in the order of the items. Begins at once; items are
   * taken as threads become free. Asking for a result switches. Leaving the loop ends the rest of the work: what
   * is running goes on and is dropped, unless `terminate` is set.
   *
   * Source: `gevent.threadpool.ThreadPool.imap`.
   *
   * @throws {TypeError} If it is no task, or `items` cannot be iterated.
   * @throws {RangeError} If `maxSize` is not a positive integer or `Infinity`.
   */
  imap<T, R>(task: Task<[T], R>, items: Items<T>, options?: ThreadImapOptions): Results<R> {
    return this.#imap(task, items, options, true);
  }

  /**
   * As {@linkcode imap}, yielding the results as they are done.
   *
   * Source: `gevent.threadpool.ThreadPool.imap_unordered`.
   *
   * @throws {TypeError} If it is no task, or `items` cannot be iterated.
   * @throws {RangeError} If `maxSize` is not a positive integer or `Infinity`.
   */
  imapUnordered<T, R>(task: Task<[T], R>, items: Items<T>, options?: ThreadImapOptions): Results<R> {
    return this.#imap(task, items, options, false);
  }

  // ---- As a whole --------------------------------------------------------------------------------

  /**
   * Changes how many threads it may have. More: queued tasks start. Fewer: threads end as soon as they are idle.
   * Does not switch.
   *
   * Source: `maxsize` and `adjust()` of `gevent.threadpool.ThreadPool`.
   *
   * @throws {RangeError} If `size` is not a non-negative integer; the pool is as it was.
   */
  resize(size: number): void {
    checkWhole(size, 0, "resize thread pool", "size");
    this.#size = size;
    this.#mappers.resize(size);
    while (this.#threads.size > size && this.#idle.size > 0) this.#retire(this.#idle.takeOldest()!);
    this.#startQueued();
  }

  /**
   * Waits until no task is running or queued. Switches unless that is so.
   *
   * @returns `true`, or `false` on time-out.
   * @throws {RangeError} If the time-out is negative or NaN.
   */
  join(options?: WaitOptions): Promise<boolean> {
    const plan = planWait(options, "join thread pool");
    const task = enterWait("join thread pool");
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    if (this.#running + this.#queue.size === 0) return readyWith(task, this.#joiners, true);
    return suspend(task, this.#joiners, undefined, plan, EXPIRE_FALSE);
  }

  /**
   * Ends all threads at once, without any clean-up there. Tasks that are running or queued, and maps, fail with
   * {@linkcode ThreadError}. The pool can be used again. Does not switch.
   */
  kill(): void {
    const why = `its thread pool ${this.name} was killed`;
    this.#kills++;
    this.#idle.clear();
    const threads = [...this.#threads];
    this.#threads.clear();
    this.#running = 0;
    for (const thread of threads) thread.terminate(why);
    while (this.#queue.size > 0) {
      const node = this.#queue.shift()!;
      const call = callOf(node);
      node.fail(brokenBy(call.spec.name, why));
      noteLook(call.outcome);
    }
    this.#review();
  }

  /** Ends all threads: the same as {@linkcode kill}. */
  [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    return Promise.resolve();
  }

  // ---- For results, executors and tests ----------------------------------------------------------

  /** As {@linkcode applyAsync}; errors are for those who ask. */
  submit<A extends unknown[], R>(task: Task<A, R>, args: A): ThreadResult<R> {
    return new ThreadResult(this.#submit<R>(specOf(task, "submit task"), args, false), this.#control);
  }

  /** Makes the worker of a thread. */
  protected createWorker(name: string): Worker {
    return new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name });
  }

  // ---- Calls -------------------------------------------------------------------------------------

  /** Starts a call, or queues it. */
  #submit<R>(spec: TaskSpec, args: unknown[], unheard: boolean): ThreadCall<R> {
    const call = new ThreadCall<R>(spec, args, unheard);
    if (!this.#begin(call)) {
      call.keepArguments();
      call.queued = true;
      this.#queue.push(call);
    }
    return call;
  }

  async #await<R>(call: ThreadCall<R>, options: ApplyOptions | undefined): Promise<R> {
    try {
      return await call.outcome.get(options);
    } catch (error) {
      if (!call.caused(error)) this.#abandon(call, options?.terminate ?? false);
      throw error;
    }
  }

  /** Nobody waits for it any more. */
  #abandon(call: ThreadCall, terminate: boolean): void {
    if (this.#withdraw(call, new ThreadError("Nobody waits for it"))) return;
    if (terminate && this.#terminate(call)) return;
    call.unheard = true;
  }

  /** Takes a call out of the queue, if it is there. */
  #withdraw(call: ThreadCall, error: Error): boolean {
    if (!call.queued) return false;
    this.#queue.remove(call);
    call.fail(error);
    noteLook(call.outcome);
    return true;
  }

  /** Ends the thread in which a call runs, if it does. */
  #terminate(call: ThreadCall): boolean {
    const { thread } = call;
    if (thread === undefined) return false;
    thread.terminate("it was terminated");
    this.#onEnd(thread);
    return true;
  }

  /** Runs a call if it need not be queued. */
  #begin(call: ThreadCall): boolean {
    if (this.#running >= this.#size) return false;
    this.#run(call);
    return true;
  }

  /** Runs a call in a thread that is idle, or in a new one. */
  #run(call: ThreadCall): void {
    const thread = this.#idle.take() ?? this.#startThread();
    try {
      thread.run(call);
      this.#running++;
    } catch (error) { // its arguments cannot be sent
      this.#idle.add(thread);
      this.#idle.rest(thread);
      throw error;
    }
  }

  #startQueued(): void {
    while (this.#running < this.#size && this.#queue.size > 0) {
      const node = this.#queue.shift()!;
      const call = callOf(node);
      try {
        this.#run(call);
        node.wake(call === node ? undefined : (node.value as Spawn).result);
      } catch (error) { // its arguments could be sent when it was queued, and cannot any more
        node.fail(error);
      }
    }
    this.#review();
  }

  // ---- Maps --------------------------------------------------------------------------------------

  #imap<T, R>(
    task: Task<[T], R>,
    items: Items<T>,
    options: ThreadImapOptions = {},
    ordered: boolean,
  ): Results<R> {
    const { maxSize = Infinity, terminate } = options;
    const spec = checkItems(task, items);
    checkSize(maxSize, 1, "map", "maxSize");
    const kills = this.#kills;
    const check = () => {
      if (kills !== this.#kills) throw brokenBy(spec.name, `its thread pool ${this.name} was killed`);
    };
    const fn = (item: T) => {
      check();
      return this.#await(this.#submit<R>(spec, [item], false), { terminate });
    };
    return new Imap({
      fn,
      items,
      maxSize,
      ordered,
      launch: async (job) => {
        check();
        await this.#mappers.start(job);
      },
    });
  }

  // ---- Threads -----------------------------------------------------------------------------------

  #startThread(): Thread {
    const thread = new Thread(this.#owner, () => this.createWorker(`${this.name} ${++this.#started}`));
    this.#threads.add(thread);
    return thread;
  }

  #onFree(thread: Thread): void {
    this.#running--;
    if (thread.retiring || this.#threads.size > this.#size) this.#retire(thread);
    else this.#idle.add(thread);
    this.#startQueued();
    this.#idle.rest(thread); // only now: to let it rest and wake it again takes time
  }

  /** A thread has ended in the middle of its work, or while it was idle. */
  #onEnd(thread: Thread): void {
    if (!this.#idle.remove(thread)) this.#running--;
    this.#threads.delete(thread);
    this.#startQueued();
  }

  #retire(thread: Thread): void {
    this.#threads.delete(thread);
    thread.terminate("it was idle");
  }

  /** Tells those who wait for everything to be done. */
  #review(): void {
    if (this.#running + this.#queue.size === 0) this.#joiners.wakeAll(true);
  }
}

/** Somebody waits for room for a call. */
interface Spawn {
  readonly call: ThreadCall;
  readonly result: ThreadResult<unknown>;
}

function callOf(node: WaitNode): ThreadCall {
  return node instanceof ThreadCall ? node : (node.value as Spawn).call;
}

/** Those who wait for a thread. */
class CallQueue extends WaitList {
  readonly #onLeave: () => void;

  constructor(owner: ThreadPool, onLeave: () => void) {
    super("thread", owner);
    this.#onLeave = onLeave;
  }

  override remove(node: WaitNode): void {
    super.remove(node);
    this.#onLeave();
  }
}

function checkItems(task: unknown, items: unknown): TaskSpec {
  checkMapping(checkItems, items);
  return specOf(task, "map in thread pool");
}
