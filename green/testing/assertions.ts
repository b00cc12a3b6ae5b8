import {
  attachTracer,
  callerTask,
  describeWait,
  type Duration,
  type Hub,
  type Task,
  toMilliseconds,
  type Tracer,
  type Waiter,
} from "../../hub/mod.ts";
import { checkFunction } from "../../sync/check.ts";
import { callName } from "./call_name.ts";
import type { Greenlet } from "../greenlet.ts";

function failure(message: string): Error {
  const error = new Error(message);
  error.name = "AssertionError";
  return error;
}

/**
 * Asserts what a greenlet waits for. Does not switch.
 *
 * @param greenlet Who waits.
 * @param wait The class and the operation, `"Queue.get"`, or just the operation where there is no object, `"sleep"`.
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
  const waits = greenlet.allWaits();
  if (waits.some(({ source }) => callName(source) === wait)) return;
  const found = waits.length === 0
    ? "it does not wait"
    : `it waits for ${waits.map(describeWait).join(" and for ")}`;
  throw failure(`Expected ${greenlet} to wait for ${wait}, but ${found}`);
}

/**
 * Options of {@linkcode assertSwitches}.
 *
 * @example No longer than 100 ms at a time
 * ```ts
 * import { assertSwitches, type AssertSwitchesOptions, sleep } from "@verdant/green";
 *
 * const options: AssertSwitchesOptions = { maxBlocking: 100 };
 * await assertSwitches(() => sleep(1), options);
 * ```
 */
export interface AssertSwitchesOptions {
  /**
   * For how long (ms or `Temporal.Duration`) the caller may keep the run token, from one switch to the next and
   * before the first. What it awaits that is not the library's own counts until the hub takes the token back. What
   * other greenlets do meanwhile does not count.
   *
   * @default {Infinity}
   */
  maxBlocking?: Duration | undefined;
  /**
   * Whether it must wait so that the event loop gets a turn: that others run does not suffice.
   *
   * @default {false}
   */
  hubOnly?: boolean | undefined;
}

/** What the caller of an assertion did while the function ran. */
class SwitchLog implements Tracer {
  /** How often the caller passed the run token on. */
  switches = 0;
  /** For how long (ms) it kept it at most. */
  longest = 0;
  readonly #hub: Hub;
  readonly #caller: Task;
  readonly #turns: number;
  /** Since when it has had the token; `undefined` while it has not. */
  #since: number | undefined;

  constructor(caller: Task) {
    this.#caller = caller;
    this.#hub = caller.hub;
    this.#turns = this.#hub.stats().turns;
    this.#since = this.#hub.now();
  }

  /** Turns of the event loop since it began. */
  get turns(): number {
    return this.#hub.stats().turns - this.#turns;
  }

  spawned(): void {}

  parked({ task }: Waiter): void {
    if (task === this.#caller) this.stop();
  }

  woken({ task }: Waiter): void {
    if (task === this.#caller) this.stop(); // it yields
  }

  detached(task: Task): void {
    if (task === this.#caller) this.stop();
  }

  switched(task: Task): void {
    if (task !== this.#caller) return;
    this.switches++;
    this.#since = this.#hub.now();
  }

  ended(): void {}

  /** It has the token no longer. */
  stop(): void {
    if (this.#since !== undefined) this.longest = Math.max(this.longest, this.#hub.now() - this.#since);
    this.#since = undefined;
  }
}

/** Runs `fn` and sees what the caller does meanwhile. */
async function logSwitches<T>(fn: () => T | PromiseLike<T>): Promise<{ result: T; log: SwitchLog }> {
  const caller = callerTask();
  const log = new SwitchLog(caller);
  using _attached = attachTracer(caller.hub, log);
  const result = await fn();
  log.stop();
  return { result, log };
}

/**
 * Runs `fn` and asserts that it passes the run token on at least once, and does not keep it for too long.
 *
 * Source: `gevent.util.assert_switches`.
 *
 * @param fn What is to switch. An error it throws is passed on.
 * @param options For how long it may keep the token, and whether the event loop must get a turn.
 * @returns What `fn` returns.
 * @throws {Error} Named `AssertionError`, if it did not.
 * @throws {RangeError} If `maxBlocking` is negative or NaN.
 * @throws {TypeError} If `fn` is not a function, or `maxBlocking` is no duration.
 *
 * @example A sleep lets others run
 * ```ts
 * import { assertSwitches, sleep } from "@verdant/green";
 *
 * await assertSwitches(() => sleep());
 * ```
 *
 * @example A pause in a long computation lets the event loop go on
 * ```ts
 * import { assertSwitches, sleep } from "@verdant/green";
 *
 * await assertSwitches(() => sleep(1), { hubOnly: true, maxBlocking: 1_000 });
 * ```
 */
export async function assertSwitches<T>(
  fn: () => T | PromiseLike<T>,
  { maxBlocking = Infinity, hubOnly = false }: AssertSwitchesOptions = {},
): Promise<T> {
  checkFunction(fn, "assert switches");
  const limit = toMilliseconds(maxBlocking, "assert switches", "maxBlocking");
  const { result, log } = await logSwitches(fn);
  if (log.switches === 0) throw failure("Expected the function to let others run, but it never did");
  if (hubOnly && log.turns === 0) {
    throw failure("Expected the function to let the event loop run, but it only let other greenlets run");
  }
  if (log.longest > limit) {
    throw failure(
      `Expected the function to let others run every ${limit} ms, but it kept them waiting for ${
        log.longest.toFixed(1)
      } ms`,
    );
  }
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
  const { result, log } = await logSwitches(fn);
  if (log.switches > 0) {
    throw failure(`Expected the function to be atomic, but it let others run ${log.switches} times`);
  }
  return result;
}
