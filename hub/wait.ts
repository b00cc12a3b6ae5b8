/**
 * How a primitive waits. Every waiting function of the library is built from these: `enterWait` says
 * who waits, `refusal` whether the wait must not even begin, then either `readyWith` (nothing to wait
 * for) or `suspend` / `park` (until granted).
 *
 * They return the waiter's own promise: an `async` wrapper around it would cost a promise, a microtask
 * and the guarantee that a rejection nobody awaits stays quiet.
 */
import { Callback } from "./callback.ts";
import { callerTask } from "./caller.ts";
import { BlockingSwitchOutError } from "./errors.ts";
import { toMilliseconds, type WaitOptions } from "./options.ts";
import type { Task } from "./task.ts";
import { Timeout } from "./timeout.ts";
import type { WaitList } from "./wait_list.ts";
import { markHandled, Waiter, type WaitSource } from "./waiter.ts";

/** What the end of a wait's time means to it. */
export interface Expiry {
  /** Whether it is an error: then a `Timeout` given as the limit is thrown instead. */
  readonly throws: boolean;
  /** Ends the wait. */
  readonly expire: (waiter: Waiter) => void;
  /** The outcome of a wait that never began (`timeout: 0`): returns it or throws it. */
  readonly immediate: () => unknown;
}

/** For wait-type calls: a time-out is a return value. */
export function expireWith(value: unknown): Expiry {
  return {
    throws: false,
    expire(waiter) {
      waiter.source.remove(waiter);
      waiter.wake(value);
    },
    immediate: () => value,
  };
}

/** For get-type calls: a time-out is an error, made when it happens. */
export function expireThrowing(makeError: () => Error): Expiry {
  return {
    throws: true,
    expire: (waiter) => waiter.interrupt(makeError()),
    immediate() {
      throw makeError();
    },
  };
}

/** Wait-type: `true` in time, `false` too late. */
export const EXPIRE_FALSE: Expiry = expireWith(false);

/** The limits of a wait, checked. */
export interface WaitPlan {
  /** Milliseconds; `Infinity` without a limit. */
  readonly timeout: number;
  /** The `Timeout` given as the limit, if one was. */
  readonly owner: Timeout | undefined;
  /** Ends the wait when it aborts. */
  readonly signal: AbortSignal | undefined;
}

const UNLIMITED: WaitPlan = { timeout: Infinity, owner: undefined, signal: undefined };

/**
 * Checks wait options.
 *
 * @throws {RangeError} If the time-out is negative or NaN.
 * @throws {TypeError} If it is of another type.
 */
export function planWait(options: WaitOptions | undefined, action: string): WaitPlan {
  if (options === undefined) return UNLIMITED;
  const { timeout, signal } = options;
  if (timeout === undefined) {
    return signal === undefined ? UNLIMITED : { timeout: Infinity, owner: undefined, signal };
  }
  if (!(timeout instanceof Timeout)) {
    return { timeout: toMilliseconds(timeout, action), owner: undefined, signal };
  }
  // One that is running limits the wait by itself; another limits just this wait.
  const limit = timeout.pending ? Infinity : timeout.ms ?? Infinity;
  return { timeout: limit, owner: timeout, signal };
}

/**
 * Who is about to wait.
 *
 * @throws {BlockingSwitchOutError} In a callback of the hub.
 */
export function enterWait(action: string): Task {
  const task = callerTask();
  if (task.hub.inCallback) {
    throw new BlockingSwitchOutError(
      `Cannot ${action} here: a callback of the hub must not wait, spawn a greenlet instead`,
    );
  }
  return task;
}

/** The rejection that takes the place of a wait: an interruption that is due, or an aborted signal. */
export function refusal(task: Task, plan: WaitPlan): Promise<never> | undefined {
  if (task.pending !== undefined) {
    const interruption = task.takePending();
    if (interruption !== undefined) return rejected(interruption.error);
  }
  if (plan.signal?.aborted) return rejected(plan.signal.reason);
  return undefined;
}

/** A rejection that stays quiet if nobody awaits it. */
export function rejected(error: unknown): Promise<never> {
  const promise = Promise.reject(error);
  markHandled(promise);
  return promise;
}

/** What every operation returns that yields nothing and need not wait. */
const DONE: Promise<unknown> = Promise.resolve(undefined);

/**
 * Ends an operation that need not wait. It counts all the same: a loop of such operations lets the
 * others and the event loop run once the slice is used up.
 */
export function readyWith<T>(task: Task, source: WaitSource, value: T): Promise<T> {
  if (!task.hub.spend()) return value === undefined ? DONE as Promise<T> : Promise.resolve(value);
  const waiter = new Waiter(task, source, undefined);
  waiter.wake(value);
  task.hub.release(task);
  return waiter.promise as Promise<T>;
}

/** Waits in a list until granted, timed out or interrupted. `value` is what the waiter brings. */
export function suspend<T>(
  task: Task,
  list: WaitList,
  value: unknown,
  plan: WaitPlan,
  expiry: Expiry,
): Promise<T> {
  if (plan.timeout === 0) return immediately(plan, expiry);
  const waiter = new Waiter(task, list, value);
  list.push(waiter);
  return park(waiter, plan, expiry);
}

/** The outcome of a wait with `timeout: 0`. */
export function immediately<T>(plan: WaitPlan, expiry: Expiry): Promise<T> {
  if (expiry.throws && plan.owner !== undefined) return rejected(plan.owner.thrown);
  try {
    return Promise.resolve(expiry.immediate() as T);
  } catch (error) {
    return rejected(error);
  }
}

/**
 * Calls `callback(source)` once in the hub when `source` is ready, soon if it is now: what every
 * `rawlink` does.
 *
 * @throws {TypeError} If `callback` is not a function.
 */
export function linkReady<S extends { readonly ready: boolean }>(
  source: S,
  list: WaitList,
  callback: (source: S) => void,
): Disposable {
  if (typeof callback !== "function") {
    throw new TypeError(`Cannot link: callback must be a function, received ${String(callback)}`);
  }
  const link = new Callback(callerTask().hub, callback, callback, [source]);
  if (source.ready) link.wake();
  else link.waitIn(list);
  return link;
}

/** Registers a waiter that its source knows already, and lets the others run. */
export function park<T>(waiter: Waiter, plan: WaitPlan, expiry: Expiry): Promise<T> {
  const { task } = waiter;
  const { hub } = task;
  task.addWait(waiter);
  if (plan.timeout !== Infinity) startTimer(waiter, plan, expiry);
  hub.tracer?.parked(waiter);
  hub.release(task);
  let promise = waiter.promise;
  if (plan.signal !== undefined) watchSignal(waiter, plan.signal);
  if (plan.owner !== undefined && !expiry.throws) promise = ownTimeoutAsValue(promise, plan.owner, expiry);
  return promise as Promise<T>;
}

function startTimer(waiter: Waiter, plan: WaitPlan, expiry: Expiry): void {
  const { owner } = plan;
  const fire = owner !== undefined && expiry.throws
    ? (waiter: Waiter) => waiter.interrupt(owner.thrown)
    : expiry.expire;
  const { hub } = waiter.task;
  waiter.timer = hub.timers.add(hub.now() + plan.timeout, true, fire, waiter);
}

function watchSignal(waiter: Waiter, signal: AbortSignal): void {
  const abort = () => {
    if (waiter.waiting) waiter.interrupt(signal.reason);
  };
  const forget = () => signal.removeEventListener("abort", abort);
  signal.addEventListener("abort", abort, { once: true });
  waiter.promise.then(forget, forget);
}

/** A running `Timeout` given to a wait-type call: its firing is that call's time-out. */
function ownTimeoutAsValue(
  promise: Promise<unknown>,
  owner: Timeout,
  expiry: Expiry,
): Promise<unknown> {
  const converted = promise.catch((error) => {
    if (error !== owner.thrown) throw error;
    return expiry.immediate();
  });
  markHandled(converted);
  return converted;
}
