import type { Decisions } from "./choice.ts";
import type { RunResult } from "./explored_run.ts";

/** Runs the body with the given decisions. */
export type Attempt = (decisions: Decisions) => Promise<RunResult>;

/** A shrink ends after this many runs, whatever is left to try. */
const MAX_ATTEMPTS = 1_000;
/** And after this long (real ms): a run that makes no progress takes its whole limit. */
const MAX_TIME_MS = 5_000;

/**
 * Looks for the simplest schedule that fails in the same way: with as few switches as possible, and among
 * those with as few decisions as possible that a real hub would not make by itself.
 */
export async function shrink(failed: RunResult, attempt: Attempt): Promise<RunResult> {
  const search = new Search(failed, attempt);
  await search.takeBack();
  while (await search.leaveOut()) await search.takeBack();
  return search.best;
}

class Search {
  /** The simplest run that failed so far. */
  best: RunResult;
  readonly #kind: string | undefined;
  readonly #attempt: Attempt;
  readonly #deadline = performance.now() + MAX_TIME_MS;
  #attemptsLeft = MAX_ATTEMPTS;

  constructor(failed: RunResult, attempt: Attempt) {
    this.best = failed;
    this.#kind = kindOf(failed);
    this.#attempt = attempt;
  }

  /** Takes decisions back: first many at once, then fewer, in the end one by one, until none can be. */
  async takeBack(): Promise<void> {
    let size = Math.max(1, deviations(this.best.decisions).length);
    for (;;) {
      let improved = false;
      // From the end: what follows a decision that is taken back is another run anyway.
      for (let end = deviations(this.best.decisions).length; end > 0; end -= size) {
        const dropped = deviations(this.best.decisions).slice(Math.max(0, end - size), end);
        if (dropped.length > 0 && await this.#try(without(this.best.decisions, dropped))) improved = true;
      }
      if (size > 1) size = Math.floor(size / 2);
      else if (!improved) return;
    }
  }

  /** Leaves a choice out, so that the decisions behind it move up; says whether that made it simpler. */
  async leaveOut(): Promise<boolean> {
    let improved = false;
    for (let at = deviations(this.best.decisions).at(-1) ?? -1; at >= 0; at--) {
      if (await this.#try(this.best.decisions.filter((_, index) => index !== at))) improved = true;
    }
    return improved;
  }

  async #try(decisions: Decisions): Promise<boolean> {
    if (this.#attemptsLeft === 0 || performance.now() > this.#deadline) return false;
    this.#attemptsLeft--;
    const result = await this.#attempt(decisions);
    if (kindOf(result) !== this.#kind || !simpler(result, this.best)) return false;
    this.best = result;
    return true;
  }
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
