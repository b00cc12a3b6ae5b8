import { Hub, hubReport, LoopExit, quiet, type Task, until } from "../../hub/mod.ts";
import { runAs } from "../../hub/context.ts";
import { checkFunction } from "../../sync/check.ts";
import { Greenlet } from "../greenlet.ts";
import { Job } from "../job.ts";
import { shield } from "../shield.ts";
import { type Random, seededRandom } from "./random.ts";
import { SeededQueue } from "./seeded_queue.ts";
import { VirtualClock } from "./virtual_clock.ts";
import { World, worlds } from "./world.ts";

/**
 * Options of {@linkcode simulate}.
 *
 * @example The same run again
 * ```ts
 * import { joinAll, simulate, type SimulateOptions, sleep, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const order = (options: SimulateOptions) =>
 *   simulate(async () => {
 *     const log: number[] = [];
 *     const step = async (n: number) => {
 *       await sleep();
 *       log.push(n);
 *     };
 *     await joinAll([1, 2, 3, 4].map((n) => spawn(step, n)));
 *     return log;
 *   }, options);
 * assertEquals(await order({ seed: 5 }), await order({ seed: 5 }));
 * ```
 */
export interface SimulateOptions {
  /**
   * With a seed, the next greenlet to run is picked pseudo-randomly among those that could be the next; the
   * same seed gives the same run. Without one the order is that of a real hub.
   */
  seed?: number | undefined;
  /**
   * The virtual time at the beginning (ms).
   *
   * @default {0}
   */
  start?: number | undefined;
  /**
   * How long (real ms) the simulation may make no progress: while a promise that is not the library's own is
   * awaited, or greenlets run without end.
   *
   * @default {5000}
   */
  limit?: number | undefined;
  /** What may be left at the end without being a failure. */
  allow?: {
    /** Greenlets that have not ended; they are killed. */
    greenlets?: boolean | undefined;
    /** Permits and locks that are held. */
    permits?: boolean | undefined;
    /** Items of joinable queues that nobody reported done. */
    items?: boolean | undefined;
  } | undefined;
}

/**
 * The simulation, not the code in it, has something to complain of: it left something behind, or cannot go on.
 *
 * @example A greenlet that nobody waits for
 * ```ts
 * import { simulate, SimulationError, sleep, spawn } from "@verdant/green";
 * import { assertRejects } from "@std/assert";
 *
 * await assertRejects(() => simulate(() => void spawn(() => sleep(60_000))), SimulationError, "left behind");
 * ```
 */
export class SimulationError extends Error {
  /** Always `"SimulationError"`. */
  override readonly name = "SimulationError";
}

const DEFAULT_LIMIT_MS = 5_000;
/** While a foreign promise is awaited: how often (real ms) to look whether it has settled. */
const FOREIGN_POLL_MS = 1;

/**
 * Runs `body` in a world of its own: a hub with a virtual clock. When every greenlet waits, time jumps to the
 * next timer, so that a day of sleeping takes no time. All of the library works inside as ever.
 *
 * The world is closed: when nobody in it can ever run again it fails at once with the report of the deadlock.
 * While it awaits a promise that is not the library's own (real I/O), time stands still.
 *
 * At the end nothing may be left: see `allow`.
 *
 * @param body Runs in a greenlet of the new hub.
 * @param options Seed, start of the time, limit.
 * @returns What `body` returns.
 * @throws What `body` throws.
 * @throws {LoopExit} If nobody can run any more and `body` has not ended.
 * @throws {SimulationError} If something is left behind, or there is no progress within the limit.
 * @throws {TypeError} If `body` is not a function.
 * @throws {RangeError} If `limit` is negative or NaN.
 *
 * @example A day in no time
 * ```ts
 * import { simulate, sleep, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const day = 24 * 60 * 60 * 1000;
 * await simulate(async (world) => {
 *   const sleeper = spawn(() => sleep(day));
 *   await world.advance(day - 1);
 *   assertEquals(sleeper.ready, false);
 *   await world.advance(1);
 *   assertEquals([sleeper.ready, world.now], [true, day]);
 * });
 * ```
 */
export function simulate<T>(
  body: (world: World) => T | PromiseLike<T>,
  options: SimulateOptions = {},
): Promise<T> {
  checkFunction(body, "simulate", "body");
  const { seed, start = 0, limit = DEFAULT_LIMIT_MS, allow = {} } = options;
  if (!(limit >= 0)) throw new RangeError(`Cannot simulate: limit must be 0 or more ms, received ${limit}`);
  const simulation = new Simulation(
    new VirtualClock(start),
    seededRandom(seed ?? 0),
    seed !== undefined,
    limit,
  );
  return quiet(supervise((stop) => simulation.run(body, allow, stop)));
}

/** For the hub outside a simulation is a promise like any other; a kill of the caller stops it. */
async function supervise<T>(run: (stop: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const running = quiet(run(stop.signal));
  try {
    return await until(running, { what: "a simulation" });
  } catch (error) {
    stop.abort(error);
    await shield(() => until(Promise.allSettled([running])));
    throw error;
  }
}

/** One run: drives a hub from outside, one turn of the real event loop at a time. */
class Simulation {
  readonly #clock: VirtualClock;
  readonly #hub: Hub;
  readonly #world: World;
  readonly #limit: number;
  /** When (real ms) something last happened that was not just another turn. */
  #progressAt = performance.now();

  constructor(clock: VirtualClock, random: Random, shuffled: boolean, limit: number) {
    const queue = shuffled ? new SeededQueue(random) : undefined;
    this.#clock = clock;
    this.#hub = new Hub(queue === undefined ? { clock } : { clock, queue });
    if (queue !== undefined) queue.hub = this.#hub;
    // Virtual time stands still while greenlets run, so that slices must end by count.
    this.#hub.switchInterval = 0;
    this.#world = new World(this.#hub, random);
    this.#limit = limit;
    worlds.set(this.#hub, this.#world);
  }

  async run<T>(
    body: (world: World) => T | PromiseLike<T>,
    allow: NonNullable<SimulateOptions["allow"]>,
    stop: AbortSignal,
  ): Promise<T> {
    const main = this.#spawnMain(body);
    try {
      await this.#drive(() => main.ready || stop.aborted);
      stop.throwIfAborted();
      const left = this.#leftovers(allow);
      if (main.failed) throw main.error;
      if (left.length > 0) throw new SimulationError(`Something was left behind:\n  ${left.join("\n  ")}`);
      return main.value as T;
    } finally {
      await this.#killAll();
    }
  }

  #spawnMain<T>(body: (world: World) => T | PromiseLike<T>): Greenlet<T> {
    let main: Greenlet<T>;
    runAs(this.#hub.root, () => {
      main = new Job<T>(() => body(this.#world));
      main.name = "body";
      main.start();
    }, undefined);
    return main!;
  }

  /** Lets the world go on until `over()`. */
  async #drive(over: () => boolean): Promise<void> {
    this.#progressAt = performance.now();
    while (!over()) {
      await nextTurn();
      if (over()) return;
      if (this.#awaitsForeign()) {
        this.#checkLimit();
        await pause();
      } else if (this.#hub.stats().runnable > 0) this.#checkLimit();
      else this.#moveOn();
    }
  }

  /** Everybody is parked: wakes those who waited for just this, or moves the time, or gives up. */
  #moveOn(): void {
    const { timers } = this.#hub;
    if (this.#world.wakeSettlers()) this.#progressAt = performance.now();
    else if (timers.refs > 0) {
      this.#clock.jump();
      this.#progressAt = performance.now();
    } else throw new LoopExit(hubReport(this.#hub, "All greenlets are blocked and nothing can wake them"));
  }

  /** After a turn of the event loop all microtasks have run: who still holds the token awaits something foreign. */
  #awaitsForeign(): boolean {
    const { holder } = this.#hub;
    const { foreignWaits, detached } = this.#hub.stats();
    return holder !== undefined || foreignWaits > 0 || detached > 0;
  }

  #checkLimit(): void {
    if (performance.now() - this.#progressAt < this.#limit) return;
    const why = this.#awaitsForeign()
      ? "a promise that is not the library's own is awaited"
      : "greenlets run without end";
    throw new SimulationError(
      hubReport(this.#hub, `No progress within ${this.#limit} ms of real time: ${why}`),
    );
  }

  /** In words, what is left and not allowed to. */
  #leftovers(allow: NonNullable<SimulateOptions["allow"]>): string[] {
    const left: string[] = [];
    if (!allow.greenlets) { for (const task of this.#hub.tasks()) left.push(describe(task)); }
    for (const item of this.#world.inventory) {
      const { leftover } = item;
      if (leftover !== undefined && !allow[leftover.kind]) {
        left.push(`${item.constructor.name}: ${leftover.text}`);
      }
    }
    return left;
  }

  /** Lets the clean-up of whoever is left run, within the limit. */
  async #killAll(): Promise<void> {
    for (const task of this.#hub.tasks()) {
      if (task instanceof Greenlet) void task.kill("the simulation is over", { block: false });
    }
    try {
      await this.#drive(() => this.#hub.stats().greenlets === 0);
    } catch {
      // They do not end: the failure that matters has been thrown, or leftovers are allowed.
    }
  }
}

function describe(task: Task): string {
  return task instanceof Greenlet ? String(task) : `task #${task.id} ${task.label}`;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, FOREIGN_POLL_MS));
}
