import { assert } from "@std/assert";
import { spawn } from "@verdant/green";
import { turn } from "../helpers.ts";

/** Much more than fits into a slice. */
const MANY = 100_000;

/** Checks that a loop of `operation`, which fails or not, lets the event loop have its turns: anywhere. */
export async function assertFair(operation: () => Promise<unknown>): Promise<void> {
  for (const run of [loopUntilTurn, inGreenlet]) {
    await turn(); // what others have left to do is no turn of this loop's
    assert(await run(operation), "the event loop starves");
  }
}

function inGreenlet(operation: () => Promise<unknown>): Promise<boolean> {
  return spawn(loopUntilTurn, operation).get();
}

/** Loops until the event loop has had a turn, and says whether it had. */
export async function loopUntilTurn(operation: () => Promise<unknown>): Promise<boolean> {
  let turned = false;
  setImmediate(() => turned = true);
  for (let i = 0; i < MANY && !turned; i++) await operation().catch(() => {});
  return turned;
}
