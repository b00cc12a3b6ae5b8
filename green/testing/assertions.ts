import { callerTask, describeWait, type Tracer, type Waiter } from "../../hub/mod.ts";
import { checkFunction } from "../../sync/check.ts";
import type { Greenlet } from "../greenlet.ts";

function failure(message: string): Error {
  const error = new Error(message);
  error.name = "AssertionError";
  return error;
}

/** `"Queue.get"`, `"RLock.acquire held by #3 worker"`, `"sleep"`. */
function waitName(waiter: Waiter): string {
  const description = describeWait(waiter);
  return waiter.source.owner === undefined ? description : description.replace(" ", ".");
}

/**
 * Asserts what a greenlet waits for. Does not switch.
 *
 * @param greenlet Who waits.
 * @param wait The class and the operation, `"Queue.get"`, or just the operation where there is no object,
 * `"sleep"`.
 * @throws {Error} Named `AssertionError`, if it does not wait, or for something else.
 *
 * @example Parked where it should be
 * ```ts
 * import { assertWaits, Queue, sleep, spawn } from "@verdant/green";
 *
 * const g = spawn(() => new Queue().get());
 * await sleep();
 * assertWaits(g, "Queue.get");
 * await g.kill();
 * ```
 */
export function assertWaits(greenlet: Greenlet, wait: string): void {
  const actual = greenlet.allWaits().map(waitName);
  if (actual.some((name) => name === wait || name.startsWith(`${wait} held by `))) return;
  const found = actual.length === 0 ? "it does not wait" : `it waits for ${actual.join(" and for ")}`;
  throw failure(`Expected ${greenlet} to wait for ${wait}, but ${found}`);
}

/** Runs `fn` and counts how often the caller passed the run token on meanwhile. */
async function countSwitches<T>(fn: () => T | PromiseLike<T>): Promise<{ result: T; switches: number }> {
  const caller = callerTask();
  const { hub } = caller;
  const outer = hub.tracer;
  let switches = 0;
  const counting: Tracer = {
    spawned: (task) => outer?.spawned(task),
    parked: (waiter) => outer?.parked(waiter),
    switched(task, waiter) {
      if (task === caller) switches++;
      outer?.switched(task, waiter);
    },
    interrupted: (task) => outer?.interrupted?.(task),
    ended: (task) => outer?.ended(task),
  };
  hub.tracer = counting;
  try {
    return { result: await fn(), switches };
  } finally {
    if (hub.tracer === counting) hub.tracer = outer;
  }
}

/**
 * Runs `fn` and asserts that it passes the run token on at least once.
 *
 * Source: `gevent.util.assert_switches`.
 *
 * @returns What `fn` returns.
 * @throws {Error} Named `AssertionError`, if it did not.
 * @throws {TypeError} If `fn` is not a function.
 *
 * @example A sleep lets others run
 * ```ts
 * import { assertSwitches, sleep } from "@verdant/green";
 *
 * await assertSwitches(() => sleep());
 * ```
 */
export async function assertSwitches<T>(fn: () => T | PromiseLike<T>): Promise<T> {
  checkFunction(fn, "assert switches");
  const { result, switches } = await countSwitches(fn);
  if (switches === 0) throw failure("Expected the function to let others run, but it never did");
  return result;
}

/**
 * Runs `fn` and asserts that it never passes the run token on: for others it is atomic.
 *
 * @returns What `fn` returns.
 * @throws {Error} Named `AssertionError`, if it did.
 * @throws {TypeError} If `fn` is not a function.
 *
 * @example Taking a free permit is atomic
 * ```ts
 * import { assertNoSwitches, Semaphore } from "@verdant/green";
 *
 * const semaphore = new Semaphore(1);
 * await assertNoSwitches(() => semaphore.acquire());
 * ```
 */
export async function assertNoSwitches<T>(fn: () => T | PromiseLike<T>): Promise<T> {
  checkFunction(fn, "assert no switches");
  const { result, switches } = await countSwitches(fn);
  if (switches > 0) {
    throw failure(`Expected the function to be atomic, but it let others run ${switches} times`);
  }
  return result;
}
