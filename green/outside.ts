import { callerTask } from "../hub/mod.ts";

/** Whether the caller must not, or need not, wait through the hub: then the platform is left as it is. */
export function isOutside(): boolean {
  const task = callerTask();
  const { hub } = task;
  return task === hub.root || hub.inCallback;
}

/** Whether the caller is the hub itself, which cannot wait. */
export function isHub(): boolean {
  return callerTask().hub.inCallback;
}
