import { attachTracer, originalOf } from "../../hub/mod.ts";
import type { Hub, Task, Tracer, Waiter } from "../../hub/mod.ts";

/** As they were when the library was loaded: with green ones, the hub would see itself. */
const { setInterval, clearInterval } = globalThis;

/**
 * Gets what held the event loop, and how long (ms).
 *
 * @example Count
 * ```ts
 * import { eventlet } from "@verdant/green";
 *
 * const counts = new Map<string, number>();
 * const count: eventlet.debug.BlockingReport = ({ label }) => counts.set(label, (counts.get(label) ?? 0) + 1);
 * eventlet.debug.hubBlockingDetection(true, 100, count);
 * eventlet.debug.hubBlockingDetection(false);
 * ```
 */
export type BlockingReport = (task: Task, held: number) => void;

/** The event loop is seen to turn so many times in the shortest time that is reported. */
const TICKS_PER_RESOLUTION = 10;

/**
 * Measures how long greenlets keep the event loop to themselves. A greenlet that awaits something foreign has the
 * run token, but not the event loop: that it turns meanwhile is seen by a timer of the platform.
 */
export class BlockingDetector implements Tracer {
  readonly #attached: Disposable;
  /** Milliseconds. */
  readonly #resolution: number;
  readonly #report: BlockingReport;
  readonly #now: () => number;
  readonly #ticker: ReturnType<typeof setInterval>;
  /** Who runs; `undefined` between greenlets. */
  #task: Task | undefined = undefined;
  /** Since when it runs without a turn of the event loop (ms). */
  #since: number;

  /**
   * Begins to measure.
   *
   * @param hub Where.
   * @param resolution What is shorter (ms) is not reported.
   * @param now The clock (ms).
   */
  constructor(
    hub: Hub,
    resolution: number,
    report: BlockingReport,
    now: () => number = () => performance.now(),
  ) {
    this.#resolution = resolution;
    this.#report = report;
    this.#now = now;
    this.#since = now();
    this.#attached = attachTracer(hub, this);
    this.#ticker = originalOf(setInterval)(() => this.tick(), resolution / TICKS_PER_RESOLUTION);
    this.#ticker.unref();
  }

  /** Ends it. */
  stop(): void {
    clearInterval(this.#ticker);
    this.#task = undefined;
    this.#attached[Symbol.dispose]();
  }

  /** The event loop turns: whoever has not given up the token awaits something foreign. */
  tick(): void {
    this.#look();
    this.#task = undefined;
    this.#since = this.#now();
  }

  spawned(): void {}

  switched(task: Task): void {
    this.#look();
    this.#task = task;
    this.#since = this.#now();
  }

  parked(waiter: Waiter): void {
    this.#stopped(waiter.task);
  }

  ended(task: Task): void {
    this.#stopped(task);
  }

  /** One that has come back from a foreign await was not switched to. */
  #stopped(task: Task): void {
    this.#task ??= task;
    if (this.#task !== task) return;
    this.#look();
    this.#task = undefined;
    this.#since = this.#now();
  }

  #look(): void {
    if (this.#task === undefined) return;
    const held = this.#now() - this.#since;
    if (held > this.#resolution) this.#report(this.#task, held);
  }
}
