import type { Waiter } from "./waiter.ts";

/** Where waits began, recorded with `hub.debug` only: a field for it would cost every waiter eight bytes. */
const stacks = new WeakMap<Waiter, string>();

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
 * assert(!programStack().includes("wait_stack.ts:1"));
 * ```
 */
export function programStack(): string {
  const { stack = "" } = new Error();
  const frames = stack.split("\n").slice(1);
  return frames.filter((frame) => !OWN_FOLDERS.some((folder) => frame.includes(folder))).join("\n");
}

/** Remembers the stack of the caller as that of a wait. */
export function recordWaitStack(waiter: Waiter): void {
  stacks.set(waiter, programStack());
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
  return stacks.get(waiter);
}
