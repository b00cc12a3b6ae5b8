import { LoopExit } from "./errors.ts";
import type { Task } from "./task.ts";

/** Prints an error that nobody has handled, and whose it is. */
export function printError(context: unknown, error: unknown): void {
  const what = error instanceof Error ? error : new Error(`Not an Error: ${String(error)}`);
  if (what instanceof LoopExit) printDeadlock(what, context);
  else console.error(what);
  console.error(`${new Date().toISOString()} ${describe(context)} failed with ${what.name}`);
  const stack = (context as { spawnStack?: string } | undefined)?.spawnStack;
  if (stack !== undefined) console.error(`spawned\n${stack}`);
}

function printDeadlock(error: LoopExit, context: unknown): void {
  console.error(error.stack); // without frames: the error itself would be printed in brackets
  if ((context as Task | undefined)?.hub?.debug === false) {
    console.error(
      "With GREEN_DEBUG=1, this also says where they were spawned and wait, and who has taken what",
    );
  }
}

function describe(context: unknown): string {
  if (typeof context === "function") return `callback ${context.name || "(anonymous)"}`;
  return (context as { label?: string } | undefined)?.label ?? String(context);
}
