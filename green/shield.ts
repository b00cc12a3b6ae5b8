import { callerTask, type Duration, quiet, toMilliseconds } from "../hub/mod.ts";

/**
 * Options of {@linkcode shield}.
 *
 * @example Protected for a second at most
 * ```ts
 * import { shield, type ShieldOptions } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const options: ShieldOptions = { timeout: 1_000 };
 * assertEquals(await shield(() => "committed", options), "committed");
 * ```
 */
export interface ShieldOptions {
  /**
   * How long (ms or `Temporal.Duration`) it protects at most. What it held back is delivered then.
   *
   * @default {Infinity}
   */
  timeout?: Duration | undefined;
}

/**
 * Runs `fn` protected from kills and from time-outs that were started outside: they are held back until
 * it is over, and delivered at the greenlet's next wait. Time-outs started inside work as ever. Switches
 * when `fn` does.
 *
 * @param fn What must not be interrupted: a commit, a farewell message.
 * @param options `timeout`: the protection ends after that, so that nobody has to wait for ever.
 * @returns What `fn` returns.
 * @throws {TypeError} If `fn` is not a function.
 * @throws {RangeError} If the time-out is negative or NaN.
 *
 * @example Finish what was begun
 * ```ts
 * import { shield, sleep, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const log: string[] = [];
 * const worker = spawn(async () => {
 *   await shield(async () => {
 *     log.push("begin");
 *     await sleep(1);
 *     log.push("commit");
 *   });
 *   await sleep(60_000); // the kill arrives here
 * });
 * await sleep();
 * await worker.kill();
 * assertEquals(log, ["begin", "commit"]);
 * ```
 */
export function shield<T>(fn: () => T | PromiseLike<T>, options: ShieldOptions = {}): Promise<T> {
  if (typeof fn !== "function") {
    throw new TypeError(`Cannot shield: fn must be a function, received ${String(fn)}`);
  }
  return quiet(runShielded(fn, toMilliseconds(options.timeout ?? Infinity, "shield")));
}

async function runShielded<T>(fn: () => T | PromiseLike<T>, limit: number): Promise<T> {
  const task = callerTask();
  let raised = true;
  const lower = () => {
    if (raised) task.lowerShield(shield);
    raised = false;
  };
  const shield = task.raiseShield();
  const timer = limit === Infinity ? undefined : task.hub.startTimer(limit, true, lower, undefined);
  try {
    return await fn();
  } finally {
    if (timer !== undefined) task.hub.cancelTimer(timer);
    lower();
  }
}
