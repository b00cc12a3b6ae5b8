import {
  callerTask,
  type Deadlock,
  type Duration,
  findDeadlocks,
  type Hub,
  type Timer,
  toMilliseconds,
} from "../../hub/mod.ts";
import { checkFunction } from "../../sync/check.ts";

/**
 * Options of {@linkcode watchDeadlocks}.
 *
 * @example Kill one of them
 * ```ts
 * import { type Greenlet, getHub, kill, watchDeadlocks, type WatchDeadlocksOptions } from "@verdant/green";
 *
 * const options: WatchDeadlocksOptions = {
 *   period: 5_000,
 *   onDeadlock({ greenlets: [victim], report }) {
 *     console.error(report);
 *     for (const task of getHub().tasks()) if (task.id === victim) (task as Greenlet).throw("deadlock");
 *   },
 * };
 * using _watch = watchDeadlocks(options);
 * ```
 */
export interface WatchDeadlocksOptions {
  /**
   * Between two checks: milliseconds or a `Temporal.Duration`.
   *
   * @default {1000}
   */
  period?: Duration | undefined;
  /** Called in the hub, once for each deadlock: it must not wait. By default, it is printed to stderr. */
  onDeadlock?: ((deadlock: Deadlock) => void) | undefined;
  /** Which hub; the caller's by default. */
  hub?: Hub | undefined;
}

const DEFAULT_PERIOD_MS = 1_000;

/**
 * Looks for greenlets that wait for each other while the rest of the program lives on, again and again: see
 * {@linkcode findDeadlocks}. A check of 10,000 greenlets takes some milliseconds. Keeps no program alive. Does not
 * switch.
 *
 * @returns Ends it when disposed.
 * @throws {RangeError} If `period` is negative, NaN or infinite.
 * @throws {TypeError} If `onDeadlock` is not a function.
 *
 * @example For the whole program
 * ```ts
 * import { watchDeadlocks } from "@verdant/green";
 *
 * using _watch = watchDeadlocks({ period: 10_000 });
 * ```
 */
export function watchDeadlocks(options: WatchDeadlocksOptions = {}): Disposable {
  const { period = DEFAULT_PERIOD_MS, onDeadlock = print, hub = callerTask().hub } = options;
  const ms = toMilliseconds(period, "watch deadlocks", "period");
  if (ms === 0 || ms === Infinity) {
    throw new RangeError(`Cannot watch deadlocks: period must be positive and finite, received ${ms}`);
  }
  checkFunction(onDeadlock, "watch deadlocks", "onDeadlock");
  return new DeadlockWatch(hub, ms, onDeadlock);
}

class DeadlockWatch implements Disposable {
  readonly #hub: Hub;
  readonly #period: number;
  readonly #onDeadlock: (deadlock: Deadlock) => void;
  /** What was there at the last check: it is not said twice. */
  #known = new Set<string>();
  #timer: Timer;
  #stopped = false;

  constructor(hub: Hub, period: number, onDeadlock: (deadlock: Deadlock) => void) {
    this.#hub = hub;
    this.#period = period;
    this.#onDeadlock = onDeadlock;
    this.#timer = this.#start();
  }

  [Symbol.dispose](): void {
    this.#stopped = true;
    this.#hub.cancelTimer(this.#timer);
  }

  #start(): Timer {
    return this.#hub.startTimer(
      this.#period,
      false,
      () => void this.#hub.runCallback(() => this.#check()),
      undefined,
    );
  }

  #check(): void {
    if (this.#stopped) return;
    this.#timer = this.#start();
    const before = this.#known;
    this.#known = new Set();
    for (const deadlock of findDeadlocks(this.#hub)) {
      const key = `${deadlock.kind} ${deadlock.greenlets.toSorted().join()}`;
      this.#known.add(key);
      if (!before.has(key)) this.#tell(deadlock);
    }
  }

  #tell(deadlock: Deadlock): void {
    try {
      this.#onDeadlock(deadlock);
    } catch (error) {
      this.#hub.handleError(this.#onDeadlock, error);
    }
  }
}

function print({ report }: Deadlock): void {
  console.error(`Deadlock: ${report}`);
}
