import { ConcurrentObjectUseError, type Task, type Waiter } from "../hub/mod.ts";

/** Refuses a second user of what only one may use at a time. */
export function checkFree(user: Waiter | undefined, action: string, object: object, task: Task): void {
  if (user === undefined) return;
  throw new ConcurrentObjectUseError(
    `Cannot ${action} ${object} in ${nameOf(task)}: ${nameOf(user.task)} is doing so`,
  );
}

/** How messages call a task. */
export function nameOf(task: Task): string {
  return task === task.hub.root ? "the main flow" : `#${task.id} ${task.label}`;
}
