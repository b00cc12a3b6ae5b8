import { ConcurrentObjectUseError, shortName, type Task, type Waiter } from "../hub/mod.ts";

/** Refuses a second user of what only one may use at a time. */
export function checkFree(user: Waiter | undefined, action: string, object: object, task: Task): void {
  if (user === undefined) return;
  throw new ConcurrentObjectUseError(
    `Cannot ${action} ${object} in ${shortName(task)}: ${shortName(user.task)} is doing so`,
  );
}
