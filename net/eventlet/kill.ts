import {
  callerTask,
  planWait,
  quiet,
  refusal,
  type Task,
  type Waiter,
  type WaitSource,
} from "../../hub/mod.ts";
import { STARTED } from "../../hub/task.ts";
import type { Greenlet, KillReason } from "../../green/mod.ts";
import { goBehind, goBehindAfter } from "./turn.ts";

const KILLING: WaitSource = { what: "kill", owner: undefined, remove() {} };
const NO_LIMIT = planWait(undefined, "kill");

/**
 * Throws an error into a greenlet where it waits, and lets it run up to its next wait. Then everybody runs who
 * could run before, and then the caller: it does not wait for the end of a clean-up that waits itself.
 *
 * One whose body has not begun ends at once, and its links are called before this returns. One that has ended
 * stays as it is. Who kills itself gets the error from this very call.
 *
 * Switches, unless the greenlet has ended or this is a callback of the hub.
 *
 * Source: `eventlet.kill`.
 *
 * @param greenlet Whom to kill.
 * @param reason What is thrown: a message, an error or an error class; `GreenletExit` by default.
 * @returns Whether it has ended.
 * @throws {TypeError} If `reason` is of another type.
 *
 * @example The victim goes first
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const log: string[] = [];
 * const victim = eventlet.spawn(async () => {
 *   try {
 *     await eventlet.sleep(60_000);
 *   } finally {
 *     log.push("victim");
 *   }
 * });
 * await eventlet.sleep();
 * eventlet.spawn(() => log.push("other"));
 * await eventlet.kill(victim);
 * log.push("killer");
 * assertEquals(log, ["victim", "other", "killer"]);
 * ```
 */
export function kill(greenlet: Greenlet, reason?: KillReason): Promise<boolean> {
  if (greenlet.dead) return Promise.resolve(true);
  const task = callerTask();
  const wait = greenlet.waits;
  greenlet.throw(reason);
  if (task.hub.inCallback) return Promise.resolve(greenlet.dead);
  return quiet(letDie(greenlet, wait, task));
}

async function letDie(greenlet: Greenlet, wait: Waiter | undefined, task: Task): Promise<boolean> {
  const refused = refusal(task, NO_LIMIT);
  if (refused !== undefined) await refused;
  // A shield, or a grant that came before, leaves the wait as it is.
  if (wait === undefined || wait.waiting) await goBehind(task, KILLING);
  else await goBehindAfter(wait, task, KILLING);
  return greenlet.dead;
}

/**
 * As {@linkcode kill}, but only if its body has not begun. Switches if so.
 *
 * Source: `eventlet.greenthread.cancel`.
 *
 * @returns Whether it was cancelled.
 * @throws {TypeError} If `reason` is neither an error, an error class nor a message.
 *
 * @example Changed my mind
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assert } from "@std/assert";
 *
 * const later = eventlet.spawnAfter(60_000, () => "never");
 * assert(await eventlet.cancel(later));
 * ```
 */
export function cancel(greenlet: Greenlet, reason?: KillReason): Promise<boolean> {
  return greenlet.state < STARTED ? kill(greenlet, reason) : Promise.resolve(false);
}
