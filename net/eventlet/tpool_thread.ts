/** The threads of `tpool` know themselves by their name. */
export const THREAD_NAME = "eventlet.tpool";

/** Whether this is one: what it executes is executed by itself. */
export function inThread(): boolean {
  const { name } = globalThis as { name?: unknown };
  return typeof name === "string" && name.startsWith(THREAD_NAME);
}
