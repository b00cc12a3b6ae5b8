import { getHub } from "../hub/mod.ts";
import { Greenlet } from "./greenlet.ts";

/**
 * Starts a program: runs `fn` in the main greenlet.
 *
 * If `fn` fails, the error is reported and the process will exit with status 1. If nothing can ever wake
 * the main greenlet any more, a {@linkcode LoopExit} is thrown at its wait, which names who waits for
 * what; uncaught, it ends the program with status 1 as well.
 *
 * Do not await at the top level of a module instead: Deno ends a program that is stuck there by itself,
 * and nothing can be said about why.
 *
 * @throws {TypeError} If `fn` is not a function.
 *
 * @example A program
 * ```ts
 * import { main } from "@verdant/green";
 *
 * main(() => {
 *   console.log("hello");
 * });
 * ```
 */
export function main(fn: () => unknown): void {
  const hub = getHub();
  const greenlet = Greenlet.spawn(fn);
  greenlet.name = "main";
  hub.mainTask = greenlet;
  hub.watchDeadlock();
  greenlet.rawlink(() => {
    if (greenlet.failed) Deno.exitCode = 1;
  });
}
