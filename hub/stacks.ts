/** Where tasks were spawned and waits began, recorded with `hub.debug` only: fields would cost each some bytes. */
import type { Task } from "./task.ts";
import type { Waiter } from "./waiter.ts";

const spawns = new WeakMap<Task, string>();
const waits = new WeakMap<Waiter, string>();
/** Where the newest wait of a task began, also after it has ended. */
const lastWaits = new WeakMap<Task, string>();

const HOME = new URL("../", import.meta.url).href;
const OWN_FOLDERS = ["hub/", "sync/", "green/", "net/"].map((folder) => HOME + folder);

/**
 * The stack of the caller, with its async frames; those of the library itself say nothing about the program.
 *
 * @example Frames of the program
 * ```ts
 * import { programStack } from "@verdant/green/hub";
 * import { assert } from "@std/assert";
 *
 * assert(!programStack().includes("stacks.ts:1"));
 * ```
 */
export function programStack(): string {
  const { stack = "" } = new Error();
  const frames = stack.split("\n").slice(1);
  return frames.filter(isOfProgram).join("\n");
}

function isOfProgram(frame: string): boolean {
  if (frame.endsWith("(<anonymous>)") || /[( ]ext:/.test(frame)) return false; // of the platform
  return !isOwnFrame(frame);
}

/** Whether a line of a stack is of the library. */
export function isOwnFrame(frame: string): boolean {
  return OWN_FOLDERS.some((folder) => frame.includes(folder));
}

/** Remembers the stack of the caller as that of a spawn. */
export function recordSpawnStack(task: Task): void {
  spawns.set(task, programStack());
}

/** Where a task was spawned, if that was recorded. */
export function spawnStackOf(task: Task): string | undefined {
  return spawns.get(task);
}

/**
 * Remembers the stack of the caller as that of a wait. `park` does it, with `hub.debug`.
 *
 * @example A wait that is not parked
 * ```ts
 * import { callerTask, recordWaitStack, Waiter, WaitList, waitStack } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const waiter = new Waiter(callerTask(), new WaitList("get", {}), undefined);
 * recordWaitStack(waiter);
 * assertEquals(typeof waitStack(waiter), "string");
 * ```
 */
export function recordWaitStack(waiter: Waiter): void {
  const stack = programStack();
  waits.set(waiter, stack);
  lastWaits.set(waiter.task, stack);
}

/** Where a task waited the last time, if that was recorded. */
export function lastWaitStack(task: Task): string | undefined {
  return lastWaits.get(task);
}

/**
 * Where a wait began, if that was recorded: lines of "    at …".
 *
 * @example Nothing is recorded without hub.debug
 * ```ts
 * import { callerTask, Waiter, WaitList, waitStack } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const waiter = new Waiter(callerTask(), new WaitList("get", {}), undefined);
 * assertEquals(waitStack(waiter), undefined);
 * ```
 */
export function waitStack(waiter: Waiter): string | undefined {
  return waits.get(waiter);
}
