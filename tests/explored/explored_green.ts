/**
 * What the explored tests of greenlets, groups, pools, nurseries and time-outs have in common.
 *
 * `GREEN_EXPLORE_RUNS` says how many schedules each body sees, and makes the tests tell what they saw.
 */
import { assert, assertEquals } from "@std/assert";
import {
  type Allowance,
  explore,
  type ExploreOptions,
  type Fault,
  type Greenlet,
  GreenletExit,
  sleep,
  Timeout,
  type World,
} from "@verdant/green";

const ASKED = Deno.env.get("GREEN_EXPLORE_RUNS");
const RUNS = Number(ASKED ?? 300);
/** More runs than that do not repeat each other's seeds. */
const SEEDS = { random: 1, pct: 1_000_000_001 };

/** What is explored. */
export type Body = (world: World) => unknown;

/** Options of {@linkcode exploreTest}. */
export interface ExploreTestOptions {
  /** A body small enough for all its schedules to be run: two preemptions and one fault at most. */
  readonly every?: Body;
  /** How often `every` may lose its turn where it need not wait, if two times would be too much. */
  readonly preemptions?: number;
  /** Other faults than kills and time-outs. */
  readonly inject?: readonly Fault[];
  /** Whom they may hit. */
  readonly victims?: (greenlet: Greenlet) => boolean;
  /** How many of them one run may get at random. */
  readonly faults?: number;
  /** What may be left at the end of a run. */
  readonly allow?: Allowance;
  /** For bodies that are so slow: one schedule instead of this many. */
  readonly slowness?: number;
}

/** Registers the tests that explore `body`, and `every` exhaustively. */
export function exploreTest(name: string, body: Body, options: ExploreTestOptions = {}): void {
  const { every, preemptions, faults, slowness = 1, ...others } = options;
  const injection = { inject: ["kill", "timeout"] as const, ...others };
  const runs = Math.ceil(RUNS / slowness / 2);
  for (const strategy of ["random", "pct"] as const) {
    Deno.test(`${name} (${strategy})`, async () => {
      const report = await run(name, body, { strategy, runs, seed: SEEDS[strategy], faults, ...injection });
      assertEquals(report.runs, runs);
    });
  }
  if (every === undefined) return;
  Deno.test(`${name} (exhaustive)`, async () => {
    const report = await run(name, every, { strategy: "exhaustive", preemptions, ...injection });
    assert(report.exhausted, `There are more than ${report.runs} schedules`);
  });
}

async function run(name: string, body: Body, options: ExploreOptions) {
  const report = await explore(body, options);
  if (ASKED !== undefined) console.log(`${name} (${options.strategy}): ${report}`);
  return report;
}

/** Whether an error is a kill or a time-out, or several of them, and not a fault of the code. */
export function isInterruption(error: unknown): boolean {
  if (error instanceof SuppressedError) {
    return isInterruption(error.error) && isInterruption(error.suppressed);
  }
  return error instanceof GreenletExit || error instanceof Timeout;
}

/** Calls `act`; an interruption ends it early, and that is all right. Says whether it came to its end. */
export async function endure(act: () => unknown): Promise<boolean> {
  try {
    await act();
    return true;
  } catch (error) {
    if (!isInterruption(error)) throw error;
    return false;
  }
}

/** Counts pieces of work, each of which has a clean-up that waits. */
export class Works {
  /** How many have begun. */
  begun = 0;
  /** How many have been cleaned up. */
  cleaned = 0;
  /** The most that were in progress at once. */
  most = 0;

  /** How many are in progress, their clean-up included. */
  get running(): number {
    return this.begun - this.cleaned;
  }

  /** Works: waits twice, calls `act` meanwhile if there is one, and cleans up. */
  async run<T>(act?: () => T | PromiseLike<T>): Promise<T | undefined> {
    this.begun++;
    this.most = Math.max(this.most, this.running);
    try {
      await sleep();
      const result = await act?.();
      await sleep(1);
      return result;
    } finally {
      try {
        await sleep();
      } finally {
        this.cleaned++;
      }
    }
  }

  /** All that has begun has been cleaned up. */
  assertOver(): void {
    assert(this.running === 0, `${this.begun} have begun, ${this.cleaned} are cleaned up`);
  }
}

/** An error that a body throws on purpose. */
export class Planned extends Error {}

/** Lets greenlets fail with {@linkcode Planned} errors: the hub reports them even if somebody waits for them. */
export function allowPlanned({ hub }: World): void {
  const { onError } = hub;
  hub.onError = (context, error) => {
    if (!(error instanceof Planned)) onError(context, error);
  };
}
