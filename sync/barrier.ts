import {
  enterWait,
  type Expiry,
  failedWith,
  type Inspectable,
  Named,
  planWait,
  quiet,
  readyWith,
  refusal,
  suspend,
  type Task,
  type WaitDetails,
  WaitList,
  type WaitOptions,
  type WaitPlan,
} from "../hub/mod.ts";
import { checkFunction, checkWhole } from "./check.ts";
import { BrokenBarrierError } from "./errors.ts";

/**
 * Options of {@linkcode Barrier}.
 *
 * @example Something to do once everybody is there
 * ```ts
 * import { Barrier } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * let rounds = 0;
 * const barrier = new Barrier(1, { action: () => rounds++ });
 * await barrier.wait();
 * assertEquals(rounds, 1);
 * ```
 */
export interface BarrierOptions {
  /** Called by the last to arrive, before anybody passes. It must not wait. */
  action?: (() => void) | undefined;
  /** The limit of every `wait()` that has none of its own. */
  timeout?: WaitOptions["timeout"];
}

/**
 * What {@linkcode Barrier.statistics} returns.
 *
 * @example Who is there
 * ```ts
 * import { Barrier, type BarrierStatistics } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const statistics: BarrierStatistics = new Barrier(2).statistics();
 * assertEquals(statistics, { parties: 2, waiting: 0, broken: false });
 * ```
 */
export interface BarrierStatistics {
  /** How many must arrive. */
  readonly parties: number;
  /** How many have arrived and wait. */
  readonly waiting: number;
  /** Whether it is broken. */
  readonly broken: boolean;
}

/**
 * Lets greenlets pass together once `parties` of them have arrived. Can be used again at once.
 *
 * If one of those who wait is killed or timed out, the barrier is broken for all of them, until
 * `reset()`: the others could never pass.
 *
 * Source: `threading.Barrier` under gevent.
 *
 * @example Meet
 * ```ts
 * import { Barrier, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const barrier = new Barrier(2);
 * const other = spawn(() => barrier.wait());
 * assertEquals(await barrier.wait(), 0);
 * assertEquals(await other.get(), 1);
 * ```
 */
export class Barrier extends Named implements Inspectable {
  /** How many must arrive. */
  readonly parties: number;
  readonly #action: (() => void) | undefined;
  readonly #timeout: WaitOptions["timeout"];
  readonly #waiters: WaitList = new WaitList("wait", this);
  #broken = false;
  /** How often it was passed or reset. */
  #generation = 0;

  /**
   * Makes a barrier.
   *
   * @throws {RangeError} If `parties` is not a positive integer.
   * @throws {TypeError} If `action` is not a function.
   */
  constructor(parties: number, options: BarrierOptions = {}) {
    super();
    checkWhole(parties, 1, "create barrier", "parties");
    if (options.action !== undefined) checkFunction(options.action, "create barrier", "action");
    planWait({ timeout: options.timeout }, "create barrier");
    this.parties = parties;
    this.#action = options.action;
    this.#timeout = options.timeout;
  }

  /** How many have arrived and wait. */
  get waiting(): number {
    return this.#waiters.size;
  }

  /** Whether it is broken. */
  get broken(): boolean {
    return this.#broken;
  }

  /**
   * Figures about it, as they are now: a frozen object. Does not switch.
   *
   * Source: `trio`'s `statistics()`.
   */
  statistics(): BarrierStatistics {
    return Object.freeze({ parties: this.parties, waiting: this.waiting, broken: this.#broken });
  }

  /** For reports: how many are missing. */
  inspectWait(_what: string): WaitDetails {
    return { text: `${this.waiting} of ${this.parties} parties are there` };
  }

  /**
   * Waits until enough have arrived. Switches, except for the last to arrive.
   *
   * @returns A number from 0 to `parties - 1`, another one for each: the order of the arrivals.
   * @throws {BrokenBarrierError} If it is broken, or breaks meanwhile; also on time-out.
   * @throws What `action` throws; the barrier is broken then.
   */
  wait(options: WaitOptions = {}): Promise<number> {
    const { timeout = this.#timeout, signal } = options;
    const plan = planWait({ timeout, signal }, "wait at barrier");
    const task = enterWait("wait at barrier");
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    if (this.#broken) {
      return failedWith(task, this.#waiters, new BrokenBarrierError("Cannot wait at barrier: it is broken"));
    }
    if (this.#waiters.size === this.parties - 1) return this.#pass(task);
    return quiet(this.#wait(task, plan));
  }

  /** Breaks it: all who wait, and all who come, get a {@linkcode BrokenBarrierError}. Does not switch. */
  abort(): void {
    this.#broken = true;
    this.#waiters.failAll(() => new BrokenBarrierError("The barrier was broken while waiting"));
  }

  /** Mends it. Those who wait get a {@linkcode BrokenBarrierError}. Does not switch. */
  reset(): void {
    this.abort();
    this.#broken = false;
    this.#generation++; // whoever was interrupted before breaks nothing any more
  }

  async #wait(task: Task, plan: WaitPlan): Promise<number> {
    const generation = this.#generation;
    try {
      return await suspend<number>(task, this.#waiters, undefined, plan, EXPIRY);
    } catch (error) {
      if (generation === this.#generation && !(error instanceof BrokenBarrierError)) this.abort();
      if (error === TOO_LATE) throw new BrokenBarrierError("Timed out while waiting at the barrier");
      throw error;
    }
  }

  /** The last one has arrived. */
  #pass(task: Task): Promise<number> {
    const index = this.#waiters.size;
    try {
      this.#action?.();
    } catch (error) {
      this.abort();
      return failedWith(task, this.#waiters, error);
    }
    this.#generation++;
    // Numbered as they stand now: one that left has broken the barrier, or came back.
    for (let i = 0; i < index; i++) this.#waiters.shift()!.wake(i);
    return readyWith(task, this.#waiters, index);
  }
}

/** No `Error`: the first one that is made in a program costs milliseconds. */
const TOO_LATE = { name: "too late" };
const EXPIRY: Expiry = {
  throws: false,
  expire: (waiter) => waiter.interrupt(TOO_LATE),
  immediate() {
    throw TOO_LATE;
  },
};
