import {
  type Duration,
  enterWait,
  expireWith,
  type Expiry,
  park,
  planWait,
  recordWaitStack,
  refusal,
  toMilliseconds,
  Waiter,
  type WaitSource,
} from "../hub/mod.ts";

/** A sleeper is in no list: its timer alone wakes it. */
const SLEEP: WaitSource = { what: "sleep", owner: undefined, remove() {} };
/** Counted as a foreign wait: what will end it is outside the hub. */
const IDLE: WaitSource = {
  what: "idle",
  owner: undefined,
  remove: ({ task }) => void task.hub.foreignWaits--,
};
const EXPIRE: Expiry = expireWith(undefined);
const NO_LIMIT = planWait(undefined, "sleep");

/**
 * Options of {@linkcode sleep}.
 *
 * @example Sleep without keeping the process alive
 * ```ts
 * import { sleep, type SleepOptions, spawn } from "@verdant/green";
 *
 * const options: SleepOptions = { ref: false };
 * const heartbeat = spawn(() => sleep(60_000, options));
 * await heartbeat.kill();
 * ```
 */
export interface SleepOptions {
  /**
   * Whether the sleeper keeps the process alive.
   *
   * @default {true}
   */
  ref?: boolean | undefined;
}

/**
 * Suspends the greenlet for `duration`; `0` lets everybody else who is runnable go first. Switches.
 *
 * Source: `gevent.sleep`, with milliseconds instead of seconds.
 *
 * @param duration Milliseconds or a `Temporal.Duration`.
 * @throws {RangeError} If it is negative or NaN.
 *
 * @example Take turns
 * ```ts
 * import { sleep, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const seen: string[] = [];
 * spawn(() => seen.push("other"));
 * await sleep(0);
 * assertEquals(seen, ["other"]);
 * ```
 */
export function sleep(duration: Duration = 0, options?: SleepOptions): Promise<void> {
  const task = enterWait("sleep");
  const ms = duration === 0 ? 0 : toMilliseconds(duration, "sleep", "duration");
  if (task.pending !== undefined) {
    const refused = refusal(task, NO_LIMIT);
    if (refused !== undefined) return refused;
  }
  const waiter = new Waiter(task, SLEEP, undefined);
  const { hub } = task;
  if (ms === 0) {
    if (hub.debug) recordWaitStack(waiter);
    waiter.wake(undefined);
    hub.release(task);
    return waiter.promise as Promise<void>;
  }
  if (ms !== Infinity) {
    waiter.timer = hub.timers.add(hub.now() + ms, options?.ref ?? true, EXPIRE.expire, waiter);
  }
  return park(waiter, NO_LIMIT, EXPIRE);
}

/**
 * Waits until the event loop had a turn and everything that was runnable has run: I/O and timers that
 * were due are served. Switches.
 *
 * Source: `gevent.idle`.
 *
 * @example Let the event loop breathe
 * ```ts
 * import { idle } from "@verdant/green";
 *
 * await idle();
 * ```
 */
export function idle(): Promise<void> {
  const task = enterWait("idle");
  const refused = refusal(task, NO_LIMIT);
  if (refused !== undefined) return refused;
  const waiter = new Waiter(task, IDLE, undefined);
  task.hub.foreignWaits++;
  setImmediate(() => {
    if (!waiter.waiting) return;
    IDLE.remove(waiter);
    waiter.wake(undefined);
  });
  return park(waiter, NO_LIMIT, EXPIRE);
}
