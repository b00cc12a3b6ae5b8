import { callerTask, GreenletExit, shortName, type Task, waitStack, waitTitle } from "../hub/mod.ts";

/**
 * Why a greenlet is killed: a message, an error, or an error class. Nothing means `GreenletExit`.
 *
 * @example What may be given as the reason
 * ```ts
 * import { GreenletExit, type KillReason, sleep, spawn } from "@verdant/green";
 * import { assert } from "@std/assert";
 *
 * const reasons: KillReason[] = ["enough", new GreenletExit("enough"), GreenletExit];
 * for (const reason of reasons) {
 *   const g = spawn(() => sleep(60_000));
 *   await g.kill(reason); // its body has not begun: it never will
 *   assert(g.dead);
 * }
 * ```
 */
// deno-lint-ignore no-explicit-any -- error classes of every signature
export type KillReason = string | Error | (new (...args: any[]) => Error) | undefined;

/**
 * The error that a kill delivers. The default one names the victim, its wait and the killer.
 *
 * @throws {TypeError} If `reason` is none of the allowed types.
 */
export function asKillError(reason: KillReason, victim: Task): Error {
  if (reason instanceof Error) return reason;
  if (reason === undefined || reason === GreenletExit || typeof reason === "string") {
    const why = typeof reason === "string" ? reason : undefined;
    return withWaitStack(new GreenletExit(describeKill(victim, why)), victim);
  }
  if (typeof reason === "function" && reason.prototype instanceof Error) return new reason();
  if ((reason as unknown) === Error) return new Error(describeKill(victim, undefined));
  throw new TypeError(
    `Cannot kill greenlet: reason must be a message, an Error or an Error class, received ${String(reason)}`,
  );
}

/** With `hub.debug`, the error says where the victim waited, not only where it was killed. */
function withWaitStack(error: GreenletExit, { waits }: Task): GreenletExit {
  const stack = waits && waitStack(waits);
  if (stack) error.stack += `\n  while the victim waited\n${stack}`;
  return error;
}

function describeKill(victim: Task, reason: string | undefined): string {
  const wait = victim.waits === undefined ? "" : ` while it waited for ${waitTitle(victim.waits.source)}`;
  const why = reason === undefined ? "" : `: ${reason}`;
  return `Greenlet #${victim.id} ${victim.label} was killed by ${shortName(callerTask())}${wait}${why}`;
}
