import { type Task, Timeout, type Timer, type Waiter } from "../../../hub/mod.ts";
import type { Greenlet } from "../../greenlet.ts";

/**
 * What can be done to a greenlet where it waits: it is killed, or its time is over.
 *
 * @example Kill anywhere
 * ```ts
 * import { explore, type Fault, Lock, spawn } from "@verdant/green";
 *
 * const inject: Fault[] = ["kill", "timeout"];
 * await explore(async () => {
 *   const lock = new Lock();
 *   const use = () => lock.with(() => {});
 *   await Promise.all([spawn(use).join(), spawn(use).join()]);
 * }, { runs: 20, inject });
 * ```
 */
export type Fault = "kill" | "timeout";

/** Time-outs injected where there was no limit: that a greenlet ends with one is no failure. */
const injected = new WeakSet<object>();

/** Whether an error is a time-out that was injected. */
export function isInjected(error: unknown): boolean {
  return typeof error === "object" && error !== null && injected.has(error);
}

/** Kills a greenlet. */
export function injectKill(victim: Greenlet): void {
  void victim.kill("injected", { block: false });
}

/**
 * Ends the time of a wait: the limit of the wait itself or the `Timeout` around it that would be the first to
 * fire does so now; without any, it is as if there had been one around the greenlet.
 */
export function injectTimeout(victim: Greenlet, waiter: Waiter, timers: Iterable<Timer>): void {
  const own = waiter.source.what === "sleep" ? undefined : waiter.timer; // that one does not end too soon
  let first = own?.active ? own : undefined;
  for (const timer of timers) {
    if (timer.active && (first === undefined || timer.deadline < first.deadline)) first = timer;
  }
  if (first !== undefined) {
    victim.hub.timers.cancel(first);
    first.fire(first.arg);
    return;
  }
  const timeout = new Timeout(null, { message: "injected" });
  injected.add(timeout);
  victim.throw(timeout);
}

/** The `Timeout`s that were started, by greenlet. */
export class StartedTimeouts {
  readonly #byTask = new WeakMap<Task, Timer[]>();

  add(task: Task, timer: Timer): void {
    const timers = this.#byTask.get(task)?.filter(({ active }) => active) ?? [];
    timers.push(timer);
    this.#byTask.set(task, timers);
  }

  of(task: Task): readonly Timer[] {
    return this.#byTask.get(task) ?? [];
  }
}
