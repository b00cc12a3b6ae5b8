import type { Task } from "./task.ts";
import type { Waiter } from "./waiter.ts";

/**
 * Sees what the hub does. One branch on each of these paths when there is none.
 *
 * The methods are called in the middle of the hub's work: they must not wait, spawn, kill or throw.
 *
 * @example Count the switches
 * ```ts
 * import { getHub, sleep, type Tracer } from "@verdant/green";
 * import { assert } from "@std/assert";
 *
 * let switches = 0;
 * const tracer: Tracer = { spawned() {}, parked() {}, switched: () => switches++, ended() {} };
 * getHub().tracer = tracer;
 * await sleep();
 * getHub().tracer = undefined;
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
  /** An exception was thrown in a task, or will be at one of its next waits. */
  interrupted?(task: Task): void;
  /** A task has ended. */
  ended(task: Task): void;
}
