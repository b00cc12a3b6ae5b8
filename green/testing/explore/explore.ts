import { quiet } from "../../../hub/mod.ts";
import { checkFunction } from "../../../sync/check.ts";
import type { Greenlet } from "../../greenlet.ts";
import { type Allowance, supervise } from "../simulation.ts";
import type { World } from "../world.ts";
import type { Exploration } from "./exploration.ts";
import { Explorer } from "./explorer.ts";
import type { Fault } from "./faults.ts";

/**
 * Options of {@linkcode explore}.
 *
 * @example All schedules of a small body
 * ```ts
 * import { explore, type ExploreOptions, joinAll, sleep, spawn } from "@verdant/green";
 * import { assert } from "@std/assert";
 *
 * const options: ExploreOptions = { strategy: "exhaustive" };
 * const report = await explore(() => joinAll([spawn(() => sleep()), spawn(() => sleep())]), options);
 * assert(report.exhausted);
 * ```
 */
export interface ExploreOptions {
  /**
   * How many runs at most.
   *
   * @default {1000}; {100000} with `strategy: "exhaustive"`
   */
  runs?: number | undefined;
  /**
   * - `"random"`: at every point any of those that could run next.
   * - `"pct"`: random priorities with a few changes (see `preemptions`): good at rare orders in long runs.
   * - `"exhaustive"`: all schedules within the bounds, for small bodies.
   *
   * @default {"random"}
   */
  strategy?: "random" | "pct" | "exhaustive" | undefined;
  /**
   * How often in one run a greenlet may lose its turn at an operation that need not wait (with `"pct"`: how
   * often the priorities change).
   *
   * @default {Infinity} with `strategy: "random"`, otherwise {2}
   */
  preemptions?: number | undefined;
  /** What may be done to greenlets, other than the body's own, where they wait. */
  inject?: readonly Fault[] | undefined;
  /**
   * How many of these one run may get.
   *
   * @default {2}; {1} with `strategy: "exhaustive"`
   */
  faults?: number | undefined;
  /** Whom they may hit; called when one begins to wait. Everybody by default. */
  victims?: ((greenlet: Greenlet) => boolean) | undefined;
  /**
   * For all that is random, `world.random()` included.
   *
   * @default {0}
   */
  seed?: number | undefined;
  /**
   * The virtual time at the beginning (ms).
   *
   * @default {0}
   */
  start?: number | undefined;
  /**
   * How long (real ms) a run may make no progress, as for `simulate()`.
   *
   * @default {5000}
   */
  limit?: number | undefined;
  /**
   * How many steps a run may have.
   *
   * @default {10000}
   */
  steps?: number | undefined;
  /** What may be left at the end of a run, as for `simulate()`. */
  allow?: Allowance | undefined;
  /**
   * For `"exhaustive"`: promises that all that the greenlets share, variables included, is reached through
   * `world.shared()`. Then schedules that differ only in the order of independent steps are run once.
   *
   * @default {false}
   */
  tracked?: boolean | undefined;
  /** The decisions of a run that failed, from its report: just this run is repeated, whatever the bounds. */
  replay?: string | undefined;
}

/**
 * Runs `body` as `simulate()` does, again and again under other schedules, until one fails: an error of the
 * body or of a greenlet that nobody waits for, a deadlock, something left behind.
 *
 * Who runs next is decided among those that could be next on a real hub under some timing. A greenlet may
 * also lose its turn at an operation that need not wait, as it does when its slice is over. With `inject`,
 * greenlets are killed or timed out where they wait.
 *
 * The schedule that failed is shrunk: what is thrown tells the simplest one found that fails in the same way,
 * with the call that repeats it.
 *
 * @param body Runs in a greenlet of a new hub each time. It must depend on nothing outside.
 * @param options How long, in which way, with which faults.
 * @throws {ExplorationError} If a run fails.
 * @throws {TypeError} If `body` is not a function, or `strategy`, `inject` or `replay` is unknown.
 * @throws {RangeError} If a number is out of range.
 *
 * @example Two greenlets may not be in at once
 * ```ts
 * import { explore, joinAll, Lock, sleep, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const report = await explore(async () => {
 *   const lock = new Lock();
 *   let inside = 0;
 *   const enter = () =>
 *     lock.with(async () => {
 *       assertEquals(++inside, 1);
 *       try {
 *         await sleep();
 *       } finally {
 *         inside--;
 *       }
 *     });
 *   await joinAll([spawn(enter), spawn(enter), spawn(enter)]);
 * }, { runs: 50, inject: ["kill"] });
 * assertEquals(report.runs, 50);
 * ```
 */
export function explore(
  body: (world: World) => unknown,
  options: ExploreOptions = {},
): Promise<Exploration> {
  checkFunction(body, "explore", "body");
  const explorer = new Explorer(body, options);
  return quiet(supervise("an exploration", (stop) => explorer.explore(stop)));
}
