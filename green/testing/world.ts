import {
  type Accountable,
  callerTask,
  enterWait,
  EXPIRE_FALSE,
  type Hub,
  planWait,
  refusal,
  suspend,
  WaitList,
} from "../../hub/mod.ts";
import { Greenlet } from "../greenlet.ts";
import { sleep } from "../sleep.ts";
import type { Tracker } from "./explore/footprint.ts";
import type { Random } from "./random.ts";

/**
 * What the body of a simulation has at hand: its time, its greenlets, its randomness.
 *
 * @example A function for several tests
 * ```ts
 * import { simulate, sleep, spawn, type World } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const nobodyLeft = (world: World) => assertEquals(world.greenlets().length, 1); // the body's own
 * await simulate(async (world) => {
 *   await spawn(() => sleep(10)).join();
 *   nobodyLeft(world);
 * });
 * ```
 */
export class World {
  /** Its hub. */
  readonly hub: Hub;
  /** A number in [0, 1) from the simulation's seed. */
  readonly random: Random;
  readonly #settlers: WaitList = new WaitList("settle", this);
  readonly #inventory: Set<Accountable>;
  readonly #tracker: Tracker | undefined;

  /** For `simulate()` and `explore()`. */
  constructor(hub: Hub, random: Random, tracker?: Tracker) {
    this.hub = hub;
    this.#tracker = tracker;
    this.random = tracker === undefined ? random : watched(random, tracker);
    this.#inventory = hub.inventory = new Set();
  }

  /** The virtual time (ms). */
  get now(): number {
    return this.hub.now();
  }

  /** The greenlets that are scheduled or running, oldest first, the body's own included. */
  greenlets(): Greenlet[] {
    return [...this.hub.tasks()].filter((task) => task instanceof Greenlet);
  }

  /**
   * Lets time pass by `ms`: whatever is due meanwhile happens at its own time, and when this returns all
   * others are parked. Switches.
   *
   * @throws {RangeError} If `ms` is negative or NaN.
   */
  async advance(ms: number): Promise<void> {
    await sleep(ms);
    await this.settle();
  }

  /** Waits until all others are parked; no time passes. Switches. */
  settle(): Promise<boolean> {
    const plan = planWait(undefined, "settle");
    const task = enterWait("settle");
    return refusal(task, plan) ?? suspend(task, this.#settlers, undefined, plan, EXPIRE_FALSE);
  }

  /**
   * Watches an object that greenlets share: for `explore()` with `tracked`. Otherwise it is returned as it is.
   *
   * @returns What to use in its place.
   */
  shared<T extends object>(object: T): T {
    return this.#tracker?.watch(object) ?? object;
  }

  /** For `simulate()`: wakes those who wait for the others to park; says whether there were any. */
  wakeSettlers(): boolean {
    if (this.#settlers.size === 0) return false;
    this.hub.runCallback(() => this.#settlers.wakeAll(true));
    return true;
  }

  /** For `simulate()`: the primitives that were made in it. */
  get inventory(): Iterable<Accountable> {
    return this.#inventory;
  }
}

/**
 * Waits until all other greenlets of the simulation are parked; no time passes. Switches.
 *
 * @throws {Error} Outside a simulation.
 *
 * @example Let the others come to rest
 * ```ts
 * import { settled, simulate, spawn } from "@verdant/green";
 * import { assert } from "@std/assert";
 *
 * await simulate(async () => {
 *   const g = spawn(() => 1);
 *   await settled();
 *   assert(g.ready);
 * });
 * ```
 */
export async function settled(): Promise<void> {
  const world = worlds.get(callerTask().hub);
  if (world === undefined) throw new Error("Cannot settle: settled() is for the inside of a simulation");
  await world.settle();
}

/** Whoever asks for a number changes what the others get. */
function watched(random: Random, tracker: Tracker): Random {
  return () => {
    tracker.touch("random", true);
    return random();
  };
}

/** The world of each simulated hub. */
export const worlds: WeakMap<Hub, World> = new WeakMap();
