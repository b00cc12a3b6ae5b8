import type { WaitOptions } from "./options.ts";
import type { Task } from "./task.ts";
import { Timeout } from "./timeout.ts";
import { enterWait, expireThrowing, failedWith, immediately, park, planWait, refusal } from "./wait.ts";
import { Waiter, type WaitSource } from "./waiter.ts";

/**
 * Options of {@linkcode until}.
 *
 * @example Close what comes too late
 * ```ts
 * import { until, type UntilOptions } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const options: UntilOptions<{ close(): void }> = {
 *   timeout: 1_000,
 *   abandon: (connection) => connection.close(),
 * };
 * const connection = await until(Promise.resolve({ close() {} }), options);
 * assertEquals(typeof connection.close, "function");
 * ```
 */
export interface UntilOptions<T> extends WaitOptions {
  /** Gets the value if it arrives after the wait was interrupted: closes what nobody will use. */
  abandon?: ((value: T) => void) | undefined;
  /** What is waited for, for reports. */
  what?: string | undefined;
}

/** The wait for one foreign promise. */
class ForeignWait<T> implements WaitSource {
  readonly owner: object | undefined = undefined;
  readonly waiter: Waiter;
  #controller: AbortController | undefined = undefined;

  constructor(
    readonly task: Task,
    readonly what: string,
    readonly abandon: ((value: T) => void) | undefined,
  ) {
    this.waiter = new Waiter(task, this, undefined);
    task.hub.foreignWaits++;
  }

  /** A signal that aborts when the wait is interrupted. */
  get signal(): AbortSignal {
    return (this.#controller ??= new AbortController()).signal;
  }

  /** Interrupted or timed out: the promise is left to itself. */
  remove(): void {
    this.task.hub.foreignWaits--;
    if (this.#controller === undefined) return;
    // The reason is known a moment later, when the waiter has failed with it.
    this.waiter.promise.catch((reason) => this.#controller!.abort(reason));
  }

  follow(promise: PromiseLike<T>): void {
    // One that is not native might settle here and now, before the wait has begun.
    const native = promise instanceof Promise ? promise : new Promise(promise.then.bind(promise));
    native.then((value) => this.#fulfilled(value), (error) => this.#rejected(error));
  }

  #fulfilled(value: T): void {
    if (!this.waiter.waiting) {
      this.#dispose(value);
      return;
    }
    const { hub } = this.task;
    hub.foreignWaits--;
    hub.wakeFromOutside(() => this.waiter.wake(value));
  }

  #rejected(error: unknown): void {
    if (!this.waiter.waiting) return; // nobody is left to be told
    const { hub } = this.task;
    hub.foreignWaits--;
    hub.wakeFromOutside(() => this.waiter.fail(error));
  }

  #dispose(value: T): void {
    try {
      this.abandon?.(value);
    } catch (error) {
      this.task.hub.handleError(this.abandon, error);
    }
  }
}

/**
 * Waits for a promise that is not the library's own, so that the wait can be killed and timed out like
 * any other and the other greenlets run meanwhile. Switches.
 *
 * @param source The promise, or a function that makes it and gets an `AbortSignal`: the signal aborts,
 * with the kill or time-out as its reason, when the wait is interrupted.
 * @param options Limits, and `abandon`: gets the value if it arrives too late for anybody to use.
 * @returns The value of the promise.
 * @throws {Timeout} On time-out.
 *
 * @example Adopt an operation that can be aborted
 * ```ts
 * import { until } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const text = await until(() => Promise.resolve("done"), { timeout: 1000 });
 * assertEquals(text, "done");
 * ```
 */
export function until<T>(
  source: PromiseLike<T> | ((signal: AbortSignal) => PromiseLike<T>),
  options?: UntilOptions<T>,
): Promise<T> {
  const plan = planWait(options, "wait for a promise");
  const task = enterWait("wait for a promise");
  const what = options?.what ?? "a promise";
  const expiry = expireThrowing(() => new Timeout(plan.timeout, { message: `waiting for ${what}` }));
  const refused = refusal(task, plan);
  if (refused !== undefined) {
    if (typeof source !== "function") abandonLater(task, source, options?.abandon);
    return refused;
  }
  if (plan.timeout === 0) {
    if (typeof source !== "function") abandonLater(task, source, options?.abandon);
    return immediately(plan, expiry);
  }
  const wait = new ForeignWait<T>(task, what, options?.abandon);
  try {
    wait.follow(typeof source === "function" ? source(wait.signal) : source);
  } catch (error) {
    task.hub.foreignWaits--;
    return failedWith(task, wait, error);
  }
  return park(wait.waiter, plan, expiry);
}

/** The wait never began, but the promise is under way: its value must still find its end. */
function abandonLater<T>(
  task: Task,
  promise: PromiseLike<T>,
  abandon: ((value: T) => void) | undefined,
): void {
  promise.then((value) => {
    try {
      abandon?.(value);
    } catch (error) {
      task.hub.handleError(abandon, error);
    }
  }, () => {});
}
