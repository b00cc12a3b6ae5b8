import type { Decisions } from "./choice.ts";
import type { RunResult } from "./explored_run.ts";

/** Runs the body with the given decisions. */
export type Attempt = (decisions: Decisions) => Promise<RunResult>;

/** A shrink ends after this many runs, whatever is left to try. */
const MAX_ATTEMPTS = 1_000;

/**
 * Looks for the simplest schedule that fails in the same way: with as few switches as possible, and among
 * those with as few decisions as possible that a real hub would not make by itself.
 *
 * Takes decisions back: first many at once, then fewer, in the end one by one, until none can be taken back.
 */
export async function shrink(failed: RunResult, attempt: Attempt): Promise<RunResult> {
  const kind = kindOf(failed);
  let best = failed;
  let attempts = 0;
  let size = Math.max(1, deviations(best.decisions).length);
  while (attempts < MAX_ATTEMPTS) {
    let improved = false;
    // From the end: what follows a decision that is taken back is another run anyway.
    for (let end = deviations(best.decisions).length; end > 0 && attempts < MAX_ATTEMPTS; end -= size) {
      const dropped = deviations(best.decisions).slice(Math.max(0, end - size), end);
      if (dropped.length === 0) continue;
      attempts++;
      const result = await attempt(without(best.decisions, dropped));
      if (kindOf(result) === kind && simpler(result, best)) {
        best = result;
        improved = true;
      }
    }
    if (size > 1) size = Math.floor(size / 2);
    else if (!improved) break;
  }
  return best;
}

/** What tells one failure from another: the error's class and its message, numbers aside. */
export function kindOf({ failure }: RunResult): string | undefined {
  if (failure === undefined) return undefined;
  const { error } = failure;
  if (!(error instanceof Error)) return `not an error: ${String(error)}`;
  return `${error.name}: ${error.message.split("\n", 1)[0]!.replaceAll(/\d+/g, "0")}`;
}

function simpler(a: RunResult, b: RunResult): boolean {
  if (a.history.switches !== b.history.switches) return a.history.switches < b.history.switches;
  return deviations(a.decisions).length < deviations(b.decisions).length;
}

/** Where another way than 0 was taken. */
function deviations(decisions: Decisions): number[] {
  return decisions.flatMap((way, at) => way === 0 ? [] : [at]);
}

function without(decisions: Decisions, dropped: readonly number[]): Decisions {
  const kept = [...decisions];
  for (const at of dropped) kept[at] = 0;
  return kept;
}
