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
import type { Interruption, Task } from "./task.ts";
import { Timeout } from "./timeout.ts";
import type { WaitList } from "./wait_list.ts";
import { recordWaitStack } from "./stacks.ts";
import { markHandled, Waiter, type WaitSource } from "./waiter.ts";

/**
 * What the end of a wait's time means to it.
 *
 * @example Both kinds
 * ```ts
 * import { expireThrowing, expireWith } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals([expireWith(0).throws, expireThrowing(() => new Error()).throws], [false, true]);
 * ```
 */
export interface Expiry {
  /** Whether it is an error: then a `Timeout` given as the limit is thrown instead. */
  readonly throws: boolean;
  /** Ends the wait. */
  readonly expire: (waiter: Waiter) => void;
  /** The outcome of a wait that never began (`timeout: 0`): returns it or throws it. */
  readonly immediate: () => unknown;
}

/**
 * For wait-type calls: a time-out is a return value.
 *
 * @example A value when it is too late
 * ```ts
 * import { expireWith } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(expireWith(0).immediate(), 0);
 * ```
 */
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

/**
 * For get-type calls: a time-out is an error, made when it happens.
 *
 * @example An error when it is too late
 * ```ts
 * import { expireThrowing } from "@verdant/green/hub";
 * import { assertThrows } from "@std/assert";
 *
 * assertThrows(() => expireThrowing(() => new RangeError("late")).immediate(), RangeError);
 * ```
 */
export function expireThrowing(makeError: () => Error): Expiry {
  return {
    throws: true,
    expire: (waiter) => waiter.interrupt(makeError()),
    immediate() {
      throw makeError();
    },
  };
}

/**
 * Wait-type: `true` in time, `false` too late.
 *
 * @example What a wait-type call returns too late
 * ```ts
 * import { EXPIRE_FALSE } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(EXPIRE_FALSE.immediate(), false);
 * ```
 */
export const EXPIRE_FALSE: Expiry = expireWith(false);

/**
 * The limits of a wait, checked.
 *
 * @example Limits, checked
 * ```ts
 * import { planWait, type WaitPlan } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const plan: WaitPlan = planWait({ timeout: 5 }, "wait");
 * assertEquals(plan.timeout, 5);
 * ```
 */
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
 *
 * @example Bad limits are refused
 * ```ts
 * import { planWait } from "@verdant/green/hub";
 * import { assertThrows } from "@std/assert";
 *
 * assertThrows(() => planWait({ timeout: -1 }, "wait for tea"), RangeError, "Cannot wait for tea");
 * ```
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
  return { timeout: timeout.limit, owner: timeout, signal };
}

/**
 * Who is about to wait.
 *
 * @throws {BlockingSwitchOutError} In a callback of the hub.
 *
 * @example Who waits
 * ```ts
 * import { callerTask, enterWait } from "@verdant/green/hub";
 * import { assertStrictEquals } from "@std/assert";
 *
 * assertStrictEquals(enterWait("wait for tea"), callerTask());
 * ```
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

/** Stands for what an operation would have waited on that does not wait. */
const NOTHING: WaitSource = { what: "wait", owner: undefined, remove() {} };

/**
 * The rejection that takes the place of a wait: an interruption that is due, or an aborted signal. Not a
 * limit that is over: what that means, only the wait itself knows.
 *
 * @example An aborted signal
 * ```ts
 * import { callerTask, planWait, refusal } from "@verdant/green/hub";
 * import { assertRejects } from "@std/assert";
 *
 * const plan = planWait({ signal: AbortSignal.abort(new Error("no")) }, "wait");
 * await assertRejects(() => refusal(callerTask(), plan)!, Error, "no");
 * ```
 */
export function refusal(task: Task, plan: WaitPlan): Promise<never> | undefined {
  if (task.pending !== undefined) {
    const interruption = takeDue(task, plan);
    if (interruption !== undefined) return failedWith(task, NOTHING, interruption.error);
  }
  if (plan.signal?.aborted) return failedWith(task, NOTHING, plan.signal.reason);
  return undefined;
}

function takeDue(task: Task, plan: WaitPlan): Interruption | undefined {
  const over = plan.timeout === 0 ? plan.owner : undefined;
  return task.takePending(({ origin }) => origin !== over);
}

/**
 * A rejection that stays quiet if nobody awaits it.
 *
 * @example Refuse quietly
 * ```ts
 * import { rejected } from "@verdant/green/hub";
 * import { assertRejects } from "@std/assert";
 *
 * void rejected(new Error("nobody looks"));
 * await assertRejects(() => rejected(new Error("somebody does")));
 * ```
 */
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
 *
 * @example Nothing to wait for
 * ```ts
 * import { callerTask, readyWith, WaitList } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await readyWith(callerTask(), new WaitList("example", {}), 5), 5);
 * ```
 */
export function readyWith<T>(task: Task, source: WaitSource, value: T): Promise<T> {
  if (!task.hub.spend()) return value === undefined ? DONE as Promise<T> : Promise.resolve(value);
  const waiter = new Waiter(task, source, undefined);
  waiter.wake(value);
  task.hub.release(task);
  return waiter.promise as Promise<T>;
}

/**
 * As {@linkcode readyWith}, for an operation that fails without waiting.
 *
 * @example No need to wait, and no hope
 * ```ts
 * import { callerTask, failedWith, WaitList } from "@verdant/green/hub";
 * import { assertRejects } from "@std/assert";
 *
 * const list = new WaitList("example", {});
 * await assertRejects(() => failedWith(callerTask(), list, new Error("closed")), Error, "closed");
 * ```
 */
export function failedWith(task: Task, source: WaitSource, error: unknown): Promise<never> {
  if (!task.hub.spend()) return rejected(error);
  const waiter = new Waiter(task, source, undefined);
  waiter.fail(error);
  task.hub.release(task);
  return waiter.promise as Promise<never>;
}

/**
 * Waits in a list until granted, timed out or interrupted. `value` is what the waiter brings.
 *
 * @example A primitive of one's own
 * ```ts
 * import { enterWait, EXPIRE_FALSE, planWait, readyWith, refusal, suspend, WaitList, type WaitOptions } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * class Latch {
 *   readonly #waiters = new WaitList("open", this);
 *   #open = false;
 *   open(): void {
 *     this.#open = true;
 *     this.#waiters.wakeAll(true);
 *   }
 *   wait(options?: WaitOptions): Promise<boolean> {
 *     const plan = planWait(options, "wait for latch");
 *     const task = enterWait("wait for latch");
 *     const refused = refusal(task, plan);
 *     if (refused !== undefined) return refused;
 *     if (this.#open) return readyWith(task, this.#waiters, true);
 *     return suspend(task, this.#waiters, undefined, plan, EXPIRE_FALSE);
 *   }
 * }
 * const latch = new Latch();
 * assertEquals(await latch.wait({ timeout: 1 }), false);
 * latch.open();
 * assertEquals(await latch.wait(), true);
 * ```
 */
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

/**
 * The outcome of a wait with `timeout: 0`. It counts like every operation that need not wait.
 *
 * @example Without waiting
 * ```ts
 * import { EXPIRE_FALSE, immediately, planWait } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await immediately(planWait({ timeout: 0 }, "wait"), EXPIRE_FALSE), false);
 * ```
 */
export function immediately<T>(plan: WaitPlan, expiry: Expiry): Promise<T> {
  const task = callerTask();
  const { owner } = plan;
  if (owner !== undefined) {
    if (task.pending !== undefined) task.takePending(({ origin }) => origin === owner); // delivered herewith
    if (expiry.throws) return failedWith(task, NOTHING, owner.thrown);
  }
  let value: T;
  try {
    value = expiry.immediate() as T;
  } catch (error) {
    return failedWith(task, NOTHING, error);
  }
  return readyWith(task, NOTHING, value);
}

/**
 * Calls `callback(source)` once in the hub when `source` is ready, soon if it is now: what every
 * `rawlink` does.
 *
 * @throws {TypeError} If `callback` is not a function.
 *
 * @example What a rawlink does
 * ```ts
 * import { linkReady, WaitList } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const seen: unknown[] = [];
 * const source = { ready: true, name: "it" };
 * linkReady(source, new WaitList("ready", source), ({ name }) => seen.push(name));
 * await new Promise((resolve) => setTimeout(resolve));
 * assertEquals(seen, ["it"]);
 * ```
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

/**
 * Registers a waiter that its source knows already, and lets the others run.
 *
 * @example Granted by a timer
 * ```ts
 * import { callerTask, expireWith, park, planWait, Waiter, WaitList } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const list = new WaitList("example", {});
 * const waiter = new Waiter(callerTask(), list, undefined);
 * list.push(waiter);
 * assertEquals(await park(waiter, planWait({ timeout: 1 }, "wait"), expireWith("late")), "late");
 * ```
 */
export function park<T>(waiter: Waiter, plan: WaitPlan, expiry: Expiry): Promise<T> {
  const { task } = waiter;
  const { hub } = task;
  task.addWait(waiter);
  // The tick is old, or this is a lone task, which may have awaited something foreign for long: nobody told the hub.
  if ((hub.slept || !hub.hasRunnable) && waiter.waiting) waiter.state = hub.refreshTick();
  if (plan.timeout !== Infinity) startTimer(waiter, plan, expiry);
  if (hub.debug) recordWaitStack(waiter);
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

/** The waits that a signal can end, for reports: a field would cost every waiter eight bytes. */
const abortable = new WeakSet<Waiter>();

/** Whether a signal can end a wait. */
export function isAbortable(waiter: Waiter): boolean {
  return abortable.has(waiter);
}

function watchSignal(waiter: Waiter, signal: AbortSignal): void {
  abortable.add(waiter);
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
