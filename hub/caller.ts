import { currentTask } from "./context.ts";
import { mainHub } from "./registry.ts";
import type { Task } from "./task.ts";

/**
 * Whose code is running: a greenlet, or the root of a hub for everything outside greenlets.
 *
 * @example Outside greenlets
 * ```ts
 * import { callerTask, getHub } from "@verdant/green/hub";
 * import { assertStrictEquals } from "@std/assert";
 *
 * assertStrictEquals(callerTask(), getHub().root);
 * ```
 */
export function callerTask(): Task {
  const task = currentTask();
  if (task === undefined) return mainHub().root;
  // What a greenlet started and left behind (a timer callback, say) is nobody's any more.
  return task.ready ? task.hub.root : task;
}
