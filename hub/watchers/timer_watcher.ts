import type { Hub } from "../hub.ts";
import { type Duration, toMilliseconds } from "../options.ts";
import type { Timer } from "../timers.ts";
import { Watcher, type WatcherOptions } from "./watcher.ts";

/**
 * Options of `hub.timer()`.
 *
 * @example Every second, after a minute
 * ```ts
 * import { getHub, type TimerWatcherOptions } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const options: TimerWatcherOptions = { repeat: 1_000, ref: false };
 * using timer = getHub().timer(60_000, options);
 * assertEquals([timer.after, timer.repeat], [60_000, 1_000]);
 * ```
 */
export interface TimerWatcherOptions extends WatcherOptions {
  /**
   * The time between two calls (ms or `Temporal.Duration`); 0 for one call only.
   *
   * @default {0}
   */
  repeat?: Duration | undefined;
}

/**
 * Calls a function when a time has passed on the hub's clock, once or again and again. Repeated calls keep to
 * the rhythm of the start: a late one delays no other, and those that were missed are left out.
 *
 * Source: `gevent.core.timer`.
 *
 * @example Tick in virtual time
 * ```ts
 * import { getHub, simulate, sleep } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * await simulate(async (world) => {
 *   const ticks: number[] = [];
 *   using timer = getHub().timer(100, { repeat: 1_000 });
 *   timer.start(() => ticks.push(world.now));
 *   await sleep(2_500);
 *   assertEquals(ticks, [100, 1_100, 2_100]);
 * });
 * ```
 */
export class TimerWatcher extends Watcher {
  /** `"timer"`. */
  protected override readonly kind = "timer";
  /** How long (ms) after the start it calls first. */
  readonly after: number;
  /** The time (ms) between two calls; 0 if it calls once. */
  readonly repeat: number;
  /** When it is to call next (ms on the hub's clock). */
  #due = 0;
  #timer: Timer | undefined = undefined;

  /**
   * Made by `hub.timer()`.
   *
   * @param hub Whose clock counts.
   * @param after How long after the start it calls first.
   * @param options Whether it repeats, and keeps the process alive.
   */
  constructor(hub: Hub, after: Duration, options: TimerWatcherOptions = {}) {
    super(hub, options);
    this.after = finiteMilliseconds(after, "after");
    this.repeat = finiteMilliseconds(options.repeat ?? 0, "repeat");
  }

  /**
   * Starts the time between two calls anew, whether it is active or not: the next call comes when `repeat` has
   * passed from now. What is pending is not called. One without `repeat` is stopped. Does not switch.
   *
   * Source: `gevent.core.timer.again`.
   *
   * @param callback What to call from now on; not given, the same as before.
   * @param args What it gets.
   * @throws {TypeError} If `callback` is not a function, or not given and it has none.
   * @throws {Error} If it is closed.
   */
  again<A extends unknown[]>(callback?: (...args: A) => void, ...args: A): void {
    if (callback !== undefined) this.begin(callback, args, () => {});
    else this.begin(this.callback!, [...this.args ?? []], () => {});
    this.withdraw();
    this.disable();
    if (this.repeat === 0) return this.stop();
    this.#schedule(this.hub.now() + this.repeat);
  }

  /** Called at the start. */
  protected override enable(): void {
    this.withdraw(); // a call that one start has brought about is not the next one's
    this.#schedule(this.hub.now() + this.after);
  }

  /** Called at the end. */
  protected override disable(): void {
    if (this.#timer !== undefined) this.hub.cancelTimer(this.#timer);
    this.#timer = undefined;
  }

  /** Called when `ref` has changed while it is active. */
  protected override refChanged(): void {
    if (this.#timer === undefined) return; // the call is pending; the next timer will be right
    this.disable();
    this.#schedule(this.#due);
  }

  /** Sets the next timer. */
  // Not when it fires: one that has fallen behind would be due again at once, and the hub would not get on.
  protected override aboutToCall(): void {
    if (!this.active || this.#timer !== undefined) return;
    const missed = Math.floor((this.hub.now() - this.#due) / this.repeat);
    this.#schedule(this.#due + (missed + 1) * this.repeat);
  }

  #schedule(due: number): void {
    const { hub } = this;
    const now = hub.now();
    this.#due = Math.max(due, now);
    this.#timer = hub.startTimer(this.#due - now, this.ref, this.#onTime, undefined);
  }

  readonly #onTime = (): void => {
    this.#timer = undefined;
    if (this.repeat === 0) this.expire();
    this.happen();
  };
}

function finiteMilliseconds(duration: Duration, what: string): number {
  const ms = toMilliseconds(duration, "make timer watcher", what);
  if (ms !== Infinity) return ms;
  throw new RangeError(`Cannot make timer watcher: ${what} must be finite, received Infinity`);
}
