import { plural } from "../../../hub/mod.ts";
import { checkFunction, checkSize } from "../../../sync/check.ts";
import { seededRandom } from "../random.ts";
import { checkLimit, DEFAULT_LIMIT_MS } from "../simulation.ts";
import type { World } from "../world.ts";
import {
  type Bounds,
  type Decisions,
  decodeDecisions,
  encodeDecisions,
  ReplayStrategy,
  type Strategy,
} from "./choice.ts";
import { ExhaustiveStrategy } from "./exhaustive_strategy.ts";
import { Exploration, ExplorationError } from "./exploration.ts";
import type { ExploreOptions } from "./explore.ts";
import { ExploredRun, type RunResult, type RunSettings } from "./explored_run.ts";
import { Tracker } from "./footprint.ts";
import { PctStrategy } from "./pct_strategy.ts";
import { RandomStrategy } from "./random_strategy.ts";
import { kindOf, shrink } from "./shrink.ts";

const DEFAULT_RUNS = 1_000;
const DEFAULT_EXHAUSTIVE_RUNS = 100_000;
const DEFAULT_STEPS = 10_000;

/** One call of `explore()`. */
export class Explorer {
  readonly #body: (world: World) => unknown;
  readonly #settings: RunSettings;
  readonly #strategy: Strategy;
  readonly #replays: boolean;
  readonly #exhaustive: boolean;
  readonly #seed: number;
  readonly #runs: number;
  /** Whether a replay needs options that cannot be printed. */
  readonly #special: boolean;
  readonly #seen = new Set<string>();
  #skipped = 0;

  constructor(body: (world: World) => unknown, options: ExploreOptions) {
    const { strategy = "random", seed = 0, replay, victims, start, steps, allow } = options;
    this.#special = [victims, start, steps, allow].some((option) => option !== undefined);
    this.#body = body;
    this.#seed = seed;
    this.#replays = replay !== undefined;
    this.#exhaustive = strategy === "exhaustive";
    this.#settings = readSettings(options);
    this.#strategy = replay === undefined
      ? makeStrategy(options, this.#settings.tracker)
      : new ReplayStrategy(decodeDecisions(replay));
    const { runs = this.#exhaustive ? DEFAULT_EXHAUSTIVE_RUNS : DEFAULT_RUNS } = options;
    this.#runs = this.#replays ? 1 : runs;
    checkSize(runs, 1, "explore", "runs");
  }

  async explore(stop: AbortSignal): Promise<Exploration> {
    for (let run = 0; run < this.#runs; run++) {
      if (!this.#strategy.begin()) return this.#report(run, true);
      const seed = this.#seedOf(run);
      const result = await this.#run(this.#strategy, seed, stop);
      if (result.failure !== undefined) throw await this.#failure(result, run, seed, stop);
      if (result.skipped) this.#skipped++;
      else if (!this.#exhaustive) this.#seen.add(String.fromCharCode(...result.decisions));
    }
    return this.#report(this.#runs, this.#exhaustive && !this.#strategy.begin());
  }

  /** With the same decisions an exhaustive run must do the same: its randomness does not change. */
  #seedOf(run: number): number {
    return this.#exhaustive ? this.#seed : this.#seed + run;
  }

  #run(strategy: Strategy, seed: number, stop: AbortSignal): Promise<RunResult> {
    return new ExploredRun(this.#settings, strategy, seededRandom(seed)).run(this.#body, stop);
  }

  #report(runs: number, exhausted: boolean): Exploration {
    const distinct = this.#exhaustive ? runs - this.#skipped : this.#seen.size;
    return new Exploration(runs, distinct, this.#skipped, exhausted);
  }

  async #failure(failed: RunResult, run: number, seed: number, stop: AbortSignal): Promise<ExplorationError> {
    // Decisions that have moved to other choices may be more faults and preemptions than before.
    const { bounds } = this.#strategy;
    const attempt = (decisions: Decisions) => this.#run(new ReplayStrategy(decisions, bounds), seed, stop);
    const again = this.#replays ? failed : await attempt(failed.decisions);
    const repeatable = kindOf(again) === kindOf(failed);
    const simplest = repeatable && !this.#replays ? await shrink(again, attempt) : failed;
    const { failure, history, decisions } = simplest;
    const shrunk = simplest === failed ? "" : `, shrunk from ${failed.history.switches}`;
    return new ExplorationError(
      [
        `Run ${run + 1} failed: ${failure!.error}`,
        `  schedule (${plural(history.switches, "switch", "es")}${shrunk}): ${history}`,
        repeatable
          ? `  replay: ${this.#replayCall(seed, decisions)}`
          : "  This run cannot be repeated: the body depends on something outside",
      ].join("\n"),
      simplest,
      seed,
    );
  }

  #replayCall(seed: number, decisions: Decisions): string {
    const { inject } = this.#settings;
    const faults = inject.length === 0 ? "" : `inject: ${JSON.stringify(inject)}, `;
    const same = this.#special ? "...options, " : faults;
    return `explore(body, { ${same}seed: ${seed}, replay: "${encodeDecisions(decisions)}" })`;
  }
}

function readSettings(options: ExploreOptions): RunSettings {
  const { start = 0, limit = DEFAULT_LIMIT_MS, allow = {}, steps = DEFAULT_STEPS } = options;
  const { inject = [], victims = () => true, tracked = false } = options;
  checkLimit(limit, "explore");
  checkSize(steps, 1, "explore", "steps");
  checkFunction(victims, "explore", "victims");
  for (const fault of inject) {
    if (fault !== "kill" && fault !== "timeout") {
      throw new TypeError(`Cannot explore: inject must hold "kill" or "timeout", received ${String(fault)}`);
    }
  }
  return { start, limit, allow, steps, inject, victims, tracker: tracked ? new Tracker() : undefined };
}

function makeStrategy(options: ExploreOptions, tracker: Tracker | undefined): Strategy {
  const { strategy = "random", seed = 0 } = options;
  const { preemptions = strategy === "random" ? Infinity : 2 } = options;
  const { faults = strategy === "exhaustive" ? 1 : 2 } = options;
  checkSize(preemptions, 0, "explore", "preemptions");
  checkSize(faults, 0, "explore", "faults");
  const bounds: Bounds = { preemptions, faults };
  switch (strategy) {
    case "random":
      return new RandomStrategy(seededRandom(seed), bounds);
    case "pct":
      return new PctStrategy(seededRandom(seed), bounds);
    case "exhaustive":
      return new ExhaustiveStrategy(bounds, tracker);
    default:
      throw new TypeError(
        `Cannot explore: strategy must be "random", "pct" or "exhaustive", received ${String(strategy)}`,
      );
  }
}
