/**
 * What the explored tests have in common: the laws of the library under many schedules, while greenlets are
 * killed and timed out where they wait.
 *
 * `GREEN_EXPLORE_RUNS` says how many schedules each body sees, and makes the tests tell what they saw.
 */
import { assert, assertEquals } from "@std/assert";
import {
  type Allowance,
  Empty,
  explore,
  type ExploreOptions,
  type Fault,
  Full,
  getCurrent,
  type Greenlet,
  GreenletExit,
  joinAll,
  sleep,
  spawn,
  Timeout,
  type World,
} from "@verdant/green";

const ASKED = Deno.env.get("GREEN_EXPLORE_RUNS");
const RUNS = Number(ASKED ?? 300);
const MOST_EXHAUSTIVE_RUNS = 20_000;
/** Far from each other: every run has the next one. */
const SEEDS = { random: 1, pct: 1_000_000_001 };

/** How many greenlets are struck in one run at most. */
export const FAULTS = 2;

/**
 * The limit (ms) of waits that are to end in time. Nothing sleeps this long: unless an injected time-out comes
 * first, the limit is reached only when all are parked because a wake-up was lost.
 */
export const LIMIT = 1_000;

/** What is explored. */
export type Body = (world: World) => unknown;

/** Options of {@linkcode exploreTest}. */
export interface ExploreTestOptions {
  /** A body small enough for all its schedules to be run: two preemptions and one fault at most. */
  readonly every?: Body;
  /** How often `every` may lose its turn where it need not wait, if two times would be too much. */
  readonly preemptions?: number;
  /** For bodies that are so slow: one schedule instead of this many. */
  readonly slowness?: number;
  /** Other faults than kills and time-outs. */
  readonly inject?: readonly Fault[];
  /** Whom they may hit. */
  readonly victims?: (greenlet: Greenlet) => boolean;
  /** How many of them one run may get at random, if not {@linkcode FAULTS}. */
  readonly faults?: number;
  /** What may be left at the end of a run. */
  readonly allow?: Allowance;
}

/** Registers the tests that explore `body`, and `every` exhaustively. */
export function exploreTest(name: string, body: Body, options: ExploreTestOptions = {}): void {
  const { every, preemptions = 2, slowness = 1, faults = FAULTS, ...others } = options;
  const runs = Math.ceil(RUNS / slowness / 2);
  for (const strategy of ["random", "pct"] as const) {
    const seed = SEEDS[strategy];
    Deno.test(`${name} (${strategy})`, async () => {
      const report = await run(name, body, { strategy, runs, seed, faults, ...others });
      assertEquals(report.runs, runs);
    });
  }
  if (every === undefined) return;
  Deno.test(`${name} (exhaustive)`, async () => {
    const bounds = { preemptions, faults: 1, runs: MOST_EXHAUSTIVE_RUNS };
    const report = await run(name, every, { strategy: "exhaustive", ...bounds, ...others });
    assert(report.exhausted, `There are more than ${report.runs} schedules`);
  });
}

async function run(name: string, body: Body, options: ExploreOptions) {
  const timeless: Body = async (world) => {
    await body(world);
    assert(world.now < LIMIT, "A wait reached its limit: a wake-up was lost");
  };
  const report = await explore(timeless, { inject: ["kill", "timeout"], ...options });
  if (ASKED !== undefined) console.log(`${name} (${options.strategy}): ${report}`);
  return report;
}

// ---- Parts of bodies -------------------------------------------------------------------------------

/** Starts `count` greenlets. */
export function start(count: number, work: (index: number) => Promise<unknown>): Greenlet[] {
  return Array.from({ length: count }, (_, index) => spawn(work, index));
}

/** Lets `count` greenlets work until they end. Returns how many of them were struck down. */
export function crew(count: number, work: (index: number) => Promise<unknown>): Promise<number> {
  return ended(start(count, work));
}

/** Waits until all have ended. Returns how many of them were struck down. */
export async function ended(greenlets: readonly Greenlet[]): Promise<number> {
  await joinAll(greenlets);
  return greenlets.filter(wasStruck).length;
}

/** Whether a greenlet has ended because of a fault; what else it may have failed with, explore() reports. */
function wasStruck({ failed, value }: Greenlet): boolean {
  return failed || value instanceof GreenletExit;
}

/** How many have not ended. */
export function alive(greenlets: readonly Greenlet[]): number {
  return greenlets.filter(({ ready }) => !ready).length;
}

/** Whether an operation was done; not if its time was over, be it by its own limit or an injected one. */
export async function inTime(operation: () => Promise<unknown>): Promise<boolean> {
  try {
    return await operation() !== false;
  } catch (error) {
    if (error instanceof Timeout || error instanceof Empty || error instanceof Full) return false;
    throw error;
  }
}

/** Numbers to draw when asking for something. Those who give up leave a gap; nobody else is overtaken. */
export class Tickets {
  #drawn = 0;
  #served = 0;

  draw(): number {
    return ++this.#drawn;
  }

  serve(ticket: number): void {
    assert(ticket > this.#served, `Number ${ticket} was overtaken by number ${this.#served}`);
    this.#served = ticket;
  }
}

/** A link to something that gets ready: it is to be called once, unless it was cancelled before. */
export class Link {
  #calls = 0;
  #expected = 1;
  readonly #link: Disposable;

  constructor(source: { rawlink(callback: () => void): Disposable }) {
    this.#link = source.rawlink(() => this.#calls++);
  }

  cancel(): void {
    this.#link[Symbol.dispose]();
    this.#expected = this.#calls;
  }

  /** To be called when all has calmed down. */
  check(): void {
    assertEquals(this.#calls, this.#expected, "A link was not called as often as it should be");
  }
}

/** Who waits for something that all get at once. Once it is granted, they get it whatever strikes them then. */
export class Audience {
  /** Whether it was granted to those who wait. */
  readonly #granted = new Map<Greenlet, boolean>();

  /** Waits. `wait` is to begin at once. */
  async wait<T>(wait: () => Promise<T>): Promise<T> {
    const greenlet = getCurrent()!;
    const waiting = wait();
    this.#granted.set(greenlet, false);
    try {
      return await waiting;
    } catch (error) {
      const stolen = this.#granted.get(greenlet) && greenlet.kills > 0;
      assert(!stolen, "A fault has replaced what was granted before");
      throw error;
    } finally {
      this.#granted.delete(greenlet);
    }
  }

  /** To be called with what grants it. */
  grant(): void {
    for (const greenlet of this.#granted.keys()) {
      if (greenlet.kills === 0) this.#granted.set(greenlet, true);
    }
  }

  /** Checks that nobody waits to whom it was granted. To be called when all are parked. */
  check(): void {
    for (const granted of this.#granted.values()) assert(!granted, "It was granted to one who still waits");
  }
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
