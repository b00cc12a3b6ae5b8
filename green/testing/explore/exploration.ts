import { plural } from "../../../hub/mod.ts";
import { encodeDecisions } from "./choice.ts";
import type { RunResult } from "./explored_run.ts";

/**
 * What an exploration has seen.
 *
 * @example In words
 * ```ts
 * import { type Exploration, explore, sleep, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const report: Exploration = await explore(() => spawn(() => sleep()).join(), { strategy: "exhaustive" });
 * assertEquals(String(report), "1 run, 1 distinct schedule, all there are within the bounds");
 * ```
 */
export class Exploration {
  /** Made by {@linkcode explore}. */
  constructor(
    /** How many runs there were, those that were skipped included. */
    readonly runs: number,
    /** How many different schedules ran to their end. */
    readonly distinct: number,
    /** How many runs were left because they would only have repeated what others had shown. */
    readonly skipped: number,
    /** Whether there are no other schedules within the bounds. */
    readonly exhausted: boolean,
  ) {}

  /** The figures in words. */
  toString(): string {
    const skipped = this.skipped > 0 ? `, ${this.skipped} equivalent ones skipped` : "";
    const all = this.exhausted ? ", all there are within the bounds" : "";
    return `${plural(this.runs, "run")}, ${plural(this.distinct, "distinct schedule")}${skipped}${all}`;
  }
}

/**
 * A schedule under which the explored body fails. Its `cause` is what the body failed with.
 *
 * @example Found, and shrunk
 * ```ts
 * import { ExplorationError, explore, joinAll, sleep, spawn } from "@verdant/green";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * let error = await assertRejects(() =>
 *   explore(async () => {
 *     let count = 0;
 *     const add = async () => {
 *       const before = count;
 *       await sleep();
 *       count = before + 1;
 *     };
 *     await joinAll([spawn(add), spawn(add)]);
 *     assertEquals(count, 2);
 *   }), ExplorationError);
 * assertEquals(error.replay, ""); // fails with the plain order already
 * ```
 */
export class ExplorationError extends Error {
  /** Always `"ExplorationError"`. */
  override readonly name = "ExplorationError";
  /** What each greenlet did when it let others run, in order. */
  readonly schedule: string;
  /** The decisions of the run: for `replay`. */
  readonly replay: string;
  /** The seed of the run. */
  readonly seed: number;
  /** How often the run token went from one greenlet to another. */
  readonly switches: number;

  /** Made by {@linkcode explore}. */
  constructor(message: string, result: RunResult, seed: number) {
    super(message, { cause: result.failure?.error });
    this.schedule = String(result.history);
    this.replay = encodeDecisions(result.decisions);
    this.seed = seed;
    this.switches = result.history.switches;
  }
}
