import { Hub, quiet } from "../../hub/mod.ts";
import { checkFunction } from "../../sync/check.ts";
import { LineQueue, pickWith } from "./line_queue.ts";
import { seededRandom } from "./random.ts";
import { type Allowance, checkLimit, DEFAULT_LIMIT_MS, Simulation, supervise } from "./simulation.ts";
import { VirtualClock } from "./virtual_clock.ts";
import { World } from "./world.ts";

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
  allow?: Allowance | undefined;
}

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
  checkLimit(limit, "simulate");
  const random = seededRandom(seed ?? 0);
  const queue = seed === undefined ? undefined : new LineQueue(pickWith(random));
  const clock = new VirtualClock(start);
  const hub = new Hub(queue === undefined ? { clock } : { clock, queue });
  if (queue !== undefined) queue.hub = hub;
  const world = new World(hub, random);
  const simulation = new Simulation({ hub, clock, world, limit, allow });
  return quiet(supervise("a simulation", (stop) => simulation.run(body, stop)));
}
