import {
  enterWait,
  EXPIRE_FALSE,
  linkReady,
  Named,
  planWait,
  readyWith,
  refusal,
  suspend,
  WaitList,
  type WaitOptions,
} from "../hub/mod.ts";

/**
 * What {@linkcode Event.statistics} returns.
 *
 * @example Who waits for it
 * ```ts
 * import { Event, type EventStatistics } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const statistics: EventStatistics = new Event().statistics();
 * assertEquals(statistics, { set: false, waiting: 0 });
 * ```
 */
export interface EventStatistics {
  /** Whether the flag is set. */
  readonly set: boolean;
  /** How many wait for it, callbacks included. */
  readonly waiting: number;
}

/**
 * A flag that greenlets wait for. `set()` wakes all who wait, also if `clear()` follows before they run.
 *
 * Source: `gevent.event.Event`.
 *
 * @example Signal readiness
 * ```ts
 * import { Event, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const ready = new Event();
 * const g = spawn(() => ready.wait());
 * ready.set();
 * assertEquals(await g.get(), true);
 * ```
 */
export class Event extends Named {
  readonly #waiters: WaitList = new WaitList("wait", this);
  #set = false;

  /** Whether the flag is set. */
  get isSet(): boolean {
    return this.#set;
  }

  /** The same as {@linkcode isSet}. */
  get ready(): boolean {
    return this.#set;
  }

  /**
   * Figures about it, as they are now: a frozen object. Does not switch.
   *
   * Source: `trio.Event.statistics`.
   */
  statistics(): EventStatistics {
    return Object.freeze({ set: this.#set, waiting: this.#waiters.size });
  }

  /** Sets the flag and wakes everybody who waits. Does not switch. */
  set(): void {
    this.#set = true;
    this.#waiters.wakeAll(true);
  }

  /** Clears the flag. Does not switch. */
  clear(): void {
    this.#set = false;
  }

  /**
   * Waits until the flag is set. Switches unless it is.
   *
   * @returns `true`, or `false` on time-out.
   * @throws {RangeError} If the time-out is negative or NaN.
   */
  wait(options?: WaitOptions): Promise<boolean> {
    const plan = planWait(options, "wait for event");
    const task = enterWait("wait for event");
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    if (this.#set) return readyWith(task, this.#waiters, true);
    return suspend(task, this.#waiters, undefined, plan, EXPIRE_FALSE);
  }

  /**
   * Calls `callback(this)` once in the hub when the flag is set, soon if it is: it must not wait.
   *
   * @returns Removes the link when disposed.
   * @throws {TypeError} If `callback` is not a function.
   */
  rawlink(callback: (event: this) => void): Disposable {
    return linkReady(this, this.#waiters, callback);
  }
}
