/**
 * Functions in other threads.
 *
 * Source: `eventlet.tpool`. Threads share no variables, so a task is a function that needs nothing around it, or one
 * that a module exports: see {@linkcode Task}. Not here: `QUIET` and `EXC_CLASSES`, as every error is thrown to
 * the caller, with the thread's stack; the environment variable `EVENTLET_THREADPOOL_SIZE` is not read.
 *
 * @example Compute elsewhere
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const digits = (n: number) => String(2n ** BigInt(n)).length;
 * assertEquals(await eventlet.tpool.execute(digits, 10_000), 3_011);
 * await eventlet.tpool.killall();
 * ```
 *
 * @module
 */
import {
  enterWait,
  getHub,
  type Hub,
  planWait,
  quiet,
  refusal,
  until,
  type WaitOptions,
} from "../../hub/mod.ts";
import { ModuleTask, type Task, ThreadPool } from "../../green/mod.ts";
import { specOf } from "../../green/threads/task.ts";
import { checkWhole } from "../../sync/check.ts";
import { inThread, THREAD_NAME } from "./tpool_thread.ts";

export { type Proxied, Proxy, type ProxyConstructor } from "./tpool_proxy.ts";

const DEFAULT_SIZE = 20;
const KILLALL_TIMEOUT_MS = 5_000;
const ACTION = "execute in tpool";

/** The threads of a hub. */
interface Threads {
  /** How many there may be; 0 for none: tasks run in the caller's thread. */
  size: number;
  /** Between the first use and `killall()`. */
  pool: ThreadPool | undefined;
}

const threads = new WeakMap<Hub, Threads>();

function ofHub(): Threads {
  const hub = getHub();
  let mine = threads.get(hub);
  if (mine === undefined) threads.set(hub, mine = { size: DEFAULT_SIZE, pool: undefined });
  return mine;
}

/**
 * Runs `task(...args)` in another thread and waits for its result; if all are busy, first come first served. Switches.
 *
 * If the wait is killed or timed out, it ends at once: a task that has not begun never runs, one that is running goes
 * on, and its result is dropped.
 *
 * In a thread of `tpool`, and if there are to be none, the task runs in the thread of the caller, in its greenlet.
 *
 * Source: `eventlet.tpool.execute`.
 *
 * @param task A function that needs nothing around it, or what `task()` makes.
 * @param args Copied as `structuredClone()` does, unless the task runs in the thread of the caller.
 * @returns What the task returns.
 * @throws {TypeError} If it is no task.
 * @throws {DOMException} A `DataCloneError`, at the call, if an argument cannot be sent.
 * @throws {ThreadError} If the task does not come to its end: its thread crashed, or `killall()` ended it.
 * @throws The error of the task.
 *
 * @example Errors come back
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const parse = (text: string) => JSON.parse(text);
 * assertEquals(await eventlet.tpool.execute(parse, "[1, 2]"), [1, 2]);
 * await assertRejects(() => eventlet.tpool.execute(parse, "[1, 2"), SyntaxError);
 * await eventlet.tpool.killall();
 * ```
 */
export function execute<A extends unknown[], R>(task: Task<A, R>, ...args: A): Promise<R> {
  specOf(task, ACTION);
  if (inThread() || ofHub().size === 0) return executeHere(task, args);
  setup();
  return ofHub().pool!.apply(task, args);
}

/**
 * Sets how many threads there may be; 20 if it is never called. Does not switch.
 *
 * Source: `eventlet.tpool.set_num_threads`, which is of no effect after the first use.
 *
 * @param count With 0, tasks run in the thread of the caller.
 * @throws {RangeError} If `count` is not a non-negative integer.
 * @throws {Error} After the first use, unless there was a {@linkcode killall} since.
 *
 * @example No threads at all
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * eventlet.tpool.setNumThreads(0);
 * let calls = 0;
 * await eventlet.tpool.execute(() => calls++);
 * assertEquals(calls, 1); // it was here
 * eventlet.tpool.setNumThreads(20);
 * ```
 */
export function setNumThreads(count: number): void {
  checkWhole(count, 0, "set number of threads", "count");
  const mine = ofHub();
  if (mine.pool !== undefined) {
    throw new Error(`Cannot set number of threads to ${count}: tpool is in use; killall() it first`);
  }
  mine.size = count;
}

/**
 * Makes ready what {@linkcode execute} needs, which does it by itself. Threads start when they are needed, and end
 * when they were idle for five seconds; idle ones keep no process alive. Does not switch.
 *
 * Source: `eventlet.tpool.setup`.
 *
 * @example From now on the number of threads is fixed
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assertThrows } from "@std/assert";
 *
 * eventlet.tpool.setNumThreads(4);
 * eventlet.tpool.setup();
 * assertThrows(() => eventlet.tpool.setNumThreads(8), Error, "in use");
 * await eventlet.tpool.killall();
 * ```
 */
export function setup(): void {
  const mine = ofHub();
  if (mine.size > 0) mine.pool ??= new ThreadPool(mine.size, { name: THREAD_NAME });
}

/**
 * Waits until all tasks have ended, but not for long, and ends the threads; what is not done by then fails with a
 * `ThreadError`. So do all, at once, if the wait is interrupted. What is executed from now on has new threads. An
 * object behind a `Proxy` is left alone. Switches if there are tasks.
 *
 * Source: `eventlet.tpool.killall`.
 *
 * @param options `timeout` is 5000 ms if not given.
 * @returns Whether all tasks had ended.
 * @throws {RangeError} If the time-out is negative or NaN.
 *
 * @example What is running may end
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const result = eventlet.tpool.execute((n: number) => n + 1, 41);
 * assert(await eventlet.tpool.killall());
 * assertEquals(await result, 42);
 * ```
 */
export function killall(options: WaitOptions = {}): Promise<boolean> {
  const limits = { ...options, timeout: options.timeout ?? KILLALL_TIMEOUT_MS };
  planWait(limits, "kill tpool");
  enterWait("kill tpool");
  const mine = ofHub();
  const { pool } = mine;
  if (pool === undefined) return Promise.resolve(true);
  mine.pool = undefined;
  return quiet(joinAndKill(pool, limits));
}

async function joinAndKill(pool: ThreadPool, limits: WaitOptions): Promise<boolean> {
  try {
    return await pool.join(limits);
  } finally {
    pool.kill();
  }
}

/** In the greenlet of the caller; as elsewhere, nothing begins if an interruption is due. */
function executeHere<A extends unknown[], R>(task: Task<A, R>, args: A): Promise<R> {
  const plan = planWait(undefined, ACTION);
  return refusal(enterWait(ACTION), plan) ?? quiet(callHere(task, args));
}

async function callHere<A extends unknown[], R>(task: Task<A, R>, args: A): Promise<R> {
  const fn = task instanceof ModuleTask ? await exportedBy(task) : task;
  return await fn(...args);
}

async function exportedBy<A extends unknown[], R>({ module, name }: ModuleTask<A, R>) {
  const fn = (await until(import(module)))[name];
  if (typeof fn === "function") return fn as (...args: A) => R | PromiseLike<R>;
  throw new TypeError(`Cannot ${ACTION}: ${module} exports no function "${name}"`);
}
