import {
  dump,
  hopelessDump,
  type Hub,
  LoopExit,
  originalOf,
  quiet,
  type Task,
  until,
} from "../../hub/mod.ts";
import { runAs } from "../../hub/context.ts";
import { Greenlet } from "../greenlet.ts";
import { Job } from "../job.ts";
import { shield } from "../shield.ts";
import type { VirtualClock } from "./virtual_clock.ts";
import { type World, worlds } from "./world.ts";

/**
 * What may be left at the end of a simulation without being a failure.
 *
 * @example A greenlet that serves for ever
 * ```ts
 * import { type Allowance, simulate, sleep, spawn } from "@verdant/green";
 *
 * const allow: Allowance = { greenlets: true };
 * await simulate(() => void spawn(() => sleep(60_000)), { allow });
 * ```
 */
export interface Allowance {
  /** Greenlets that have not ended; they are killed. */
  greenlets?: boolean | undefined;
  /** Permits and locks that are held. */
  permits?: boolean | undefined;
  /** Items of joinable queues that nobody reported done. */
  items?: boolean | undefined;
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

/** How long (real ms) a simulation may make no progress, unless told otherwise. */
export const DEFAULT_LIMIT_MS = 5_000;
/** While a foreign promise is awaited: how often (real ms) to look whether it has settled. */
const FOREIGN_POLL_MS = 1;

/** What a simulation is made of. */
export interface SimulationParts {
  /** Its clock is the next one. */
  readonly hub: Hub;
  readonly clock: VirtualClock;
  readonly world: World;
  /** How long (real ms) it may make no progress. */
  readonly limit: number;
  readonly allow: Allowance;
  /** Called before what is left is killed. */
  readonly beforeCleanup?: () => void;
}

/** Checks the limit of a simulation. */
export function checkLimit(limit: number, action: string): void {
  if (!(limit >= 0)) throw new RangeError(`Cannot ${action}: limit must be 0 or more ms, received ${limit}`);
}

/** For the hub outside a simulation is a promise like any other; a kill of the caller stops it. */
export async function supervise<T>(what: string, run: (stop: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const running = quiet(run(stop.signal));
  try {
    return await until(running, { what });
  } catch (error) {
    stop.abort(error);
    await shield(() => until(Promise.allSettled([running])));
    throw error;
  }
}

/** One run: drives a hub from outside, one turn of the real event loop at a time. */
export class Simulation {
  readonly #parts: SimulationParts;
  #halted: { readonly error: unknown } | undefined = undefined;
  /** When (real ms) something last happened that was not just another turn. */
  #progressAt = performance.now();

  constructor(parts: SimulationParts) {
    this.#parts = parts;
    // Virtual time stands still while greenlets run, so that slices must end by count.
    parts.hub.switchInterval = 0;
    worlds.set(parts.hub, parts.world);
  }

  /** Makes the run fail at the next turn of the event loop. */
  halt(error: unknown): void {
    this.#halted ??= { error };
  }

  /** Runs `body` to its end, checks that nothing is left, and cleans up. */
  async run<T>(body: (world: World) => T | PromiseLike<T>, stop: AbortSignal): Promise<T> {
    const main = this.#spawnMain(body);
    try {
      await this.#drive(() => main.ready || stop.aborted);
      stop.throwIfAborted();
      if (main.failed) throw main.error;
      await this.#comeToRest();
      const left = this.#leftovers();
      if (left.length > 0) throw new SimulationError(`Something was left behind:\n  ${left.join("\n  ")}`);
      return main.value as T;
    } finally {
      this.#halted = undefined;
      this.#parts.beforeCleanup?.();
      await this.#killAll();
    }
  }

  #spawnMain<T>(body: (world: World) => T | PromiseLike<T>): Greenlet<T> {
    const { hub, world } = this.#parts;
    let main: Greenlet<T>;
    runAs(hub.root, () => {
      main = new Job<T>(() => body(world));
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
      if (this.#halted !== undefined) throw this.#halted.error;
      if (over()) return;
      if (this.#awaitsForeign()) {
        this.#checkLimit();
        await pause();
      } else if (this.#parts.hub.stats().runnable > 0) this.#checkLimit();
      else this.#moveOn();
    }
  }

  /** Those who need no time to end are not left behind. */
  async #comeToRest(): Promise<void> {
    this.#progressAt = performance.now();
    while (this.#parts.hub.stats().runnable > 0) {
      await nextTurn();
      if (this.#halted !== undefined) throw this.#halted.error;
      this.#checkLimit();
    }
  }

  /** Everybody is parked: wakes those who waited for just this, or moves the time, or gives up. */
  #moveOn(): void {
    const { hub, world, clock } = this.#parts;
    if (clock.deadline <= clock.now()) clock.jump(); // what is due now takes no time
    else if (world.wakeSettlers()) this.#progressAt = performance.now();
    else if (hub.timers.refs > 0) {
      clock.jump();
      this.#progressAt = performance.now();
    } else throw new LoopExit(hopelessDump(hub));
  }

  /**
   * After a turn of the event loop all microtasks have run: who still holds the token awaits something foreign,
   * unless others of its waits are ours.
   */
  #awaitsForeign(): boolean {
    const { hub } = this.#parts;
    const { foreignWaits, detached } = hub.stats();
    const holds = hub.holder !== undefined && hub.holder.waits === undefined;
    return holds || foreignWaits > 0 || detached > 0;
  }

  #checkLimit(): void {
    const { hub, limit } = this.#parts;
    if (performance.now() - this.#progressAt < limit) return;
    const why = this.#awaitsForeign()
      ? "a promise that is not the library's own is awaited"
      : "greenlets run without end";
    throw new SimulationError(
      dump({ hub, headline: `No progress within ${limit} ms of real time: ${why}`, limit: 50 }),
    );
  }

  /** In words, what is left and not allowed to. */
  #leftovers(): string[] {
    const { hub, world, allow } = this.#parts;
    const left: string[] = allow.greenlets ? [] : [...hub.tasks()].map(describe);
    for (const item of world.inventory) {
      const { leftover } = item;
      if (leftover !== undefined && !allow[leftover.kind]) {
        left.push(`${item.constructor.name}: ${leftover.text}`);
      }
    }
    return left;
  }

  /** Lets the clean-up of whoever is left run, within the limit. */
  async #killAll(): Promise<void> {
    const { hub } = this.#parts;
    for (const task of hub.tasks()) {
      if (task instanceof Greenlet) void task.kill("the simulation is over", { block: false });
    }
    try {
      await this.#drive(() => hub.stats().greenlets === 0);
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
  return new Promise((resolve) => originalOf(setTimeout)(resolve, FOREIGN_POLL_MS));
}
