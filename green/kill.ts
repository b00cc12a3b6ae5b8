import { type Duration, enterWait, planWait, quiet, Timeout, type WaitOptions } from "../hub/mod.ts";
import type { Greenlet, KillOptions } from "./greenlet.ts";
import type { KillReason } from "./kill_error.ts";
import { joinAll } from "./join_all.ts";

/**
 * Kills one greenlet: `greenlet.kill(reason, options)` as a function. Switches unless `block` is false.
 *
 * Source: `gevent.kill`.
 *
 * @returns Whether it has ended.
 *
 * @example Kill a sleeper
 * ```ts
 * import { kill, sleep, spawn } from "@verdant/green";
 * import { assert } from "@std/assert";
 *
 * const g = spawn(() => sleep(60_000));
 * assert(await kill(g));
 * ```
 */
export function kill<T>(
  greenlet: Greenlet<T>,
  reason?: KillReason,
  options?: KillOptions,
): Promise<boolean> {
  return greenlet.kill(reason, options);
}

/**
 * Options of {@linkcode killAll}.
 *
 * @example All of them, for one reason
 * ```ts
 * import { killAll, type KillAllOptions, sleep, spawn } from "@verdant/green";
 * import { assert } from "@std/assert";
 *
 * const options: KillAllOptions = { reason: "shutting down", timeout: 1_000 };
 * const g = spawn(() => sleep(60_000));
 * await killAll([g], options);
 * assert(g.dead);
 * ```
 */
export interface KillAllOptions extends KillOptions {
  /** Why: a message, an error or an error class. */
  reason?: KillReason;
}

/**
 * Kills many greenlets, in the order given, then waits for all of them. Those that have not begun never
 * will. Switches unless `block` is false.
 *
 * Source: `gevent.killall`.
 *
 * @throws {Timeout} If some do not end in time.
 *
 * @example Kill everybody
 * ```ts
 * import { killAll, sleep, spawn } from "@verdant/green";
 * import { assert } from "@std/assert";
 *
 * const all = [spawn(() => sleep(60_000)), spawn(() => sleep(60_000))];
 * await killAll(all);
 * assert(all.every((g) => g.dead));
 * ```
 */
export function killAll(greenlets: Iterable<Greenlet>, options: KillAllOptions = {}): Promise<void> {
  const { reason, block = true, ...limits } = options;
  planWait(limits, "kill greenlets");
  if (block) enterWait("kill greenlets");
  const victims = [...greenlets];
  for (const greenlet of victims) void greenlet.kill(reason, { block: false });
  return block ? quiet(waitForEnd(victims, limits)) : Promise.resolve();
}

async function waitForEnd(victims: Greenlet[], limits: WaitOptions): Promise<void> {
  await joinAll(victims, limits);
  if (victims.every((greenlet) => greenlet.dead)) return;
  const { timeout } = limits;
  if (timeout instanceof Timeout) throw timeout.thrown;
  throw new Timeout(timeout as Duration, { message: "killAll" });
}
