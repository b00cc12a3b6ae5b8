import type { Hub } from "./hub.ts";
import type { Task } from "./task.ts";
import { TracerGroup } from "./tracer_group.ts";
import type { Waiter } from "./waiter.ts";

/**
 * Sees what the hub does. One branch on each of these paths when there is none.
 *
 * The methods are called in the middle of the hub's work: they must not wait, spawn, kill or throw.
 * {@linkcode attachTracer} attaches one beside those that are there.
 *
 * @example Count the switches
 * ```ts
 * import { attachTracer, getHub, sleep, type Tracer } from "@verdant/green";
 * import { assert } from "@std/assert";
 *
 * let switches = 0;
 * const tracer: Tracer = { spawned() {}, parked() {}, switched: () => switches++, ended() {} };
 * using _attached = attachTracer(getHub(), tracer);
 * await sleep();
 * assert(switches > 0);
 * ```
 */
export interface Tracer {
  /** A task was scheduled for the first time. */
  spawned(task: Task): void;
  /** A waiter was registered. */
  parked(waiter: Waiter): void;
  /** A task got the run token; `waiter` is the wait that ended, `undefined` at its start. */
  switched(task: Task, waiter: Waiter | undefined): void;
  /** A wait has got its outcome: its task is in the run queue. Who did it is `hub.holder`, if a greenlet did. */
  woken?(waiter: Waiter): void;
  /** The run token was taken back from a task that awaits something foreign, or from the code outside greenlets. */
  detached?(task: Task): void;
  /** An exception was thrown in a task, or will be at one of its next waits. */
  interrupted?(task: Task): void;
  /** A callback of the hub is about to run, outside greenlets. */
  callback?(): void;
  /** A task has ended. */
  ended(task: Task): void;
}

/**
 * Attaches a tracer to a hub, beside those that are attached already.
 *
 * @param hub What to trace.
 * @param tracer Who sees it.
 * @returns Detaches it when disposed; the others stay, in whatever order they leave.
 *
 * @example For a block
 * ```ts
 * import { attachTracer, getHub, sleep, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const spawned: string[] = [];
 * {
 *   using _attached = attachTracer(getHub(), {
 *     spawned: (task) => spawned.push(task.label),
 *     parked() {},
 *     switched() {},
 *     ended() {},
 *   });
 *   spawn(function seen() {});
 * }
 * spawn(function unseen() {});
 * await sleep();
 * assertEquals(spawned, ["seen"]);
 * ```
 */
export function attachTracer(hub: Hub, tracer: Tracer): Disposable {
  const others = hub.tracer;
  if (others === undefined) hub.tracer = tracer;
  else if (others instanceof TracerGroup) hub.tracer = others.with(tracer);
  else hub.tracer = new TracerGroup([others, tracer]);
  let attached = true;
  return {
    [Symbol.dispose]() {
      if (attached) detach(hub, tracer);
      attached = false;
    },
  };
}

function detach(hub: Hub, tracer: Tracer): void {
  if (hub.tracer === tracer) hub.tracer = undefined;
  else if (hub.tracer instanceof TracerGroup) hub.tracer = hub.tracer.without(tracer);
}
