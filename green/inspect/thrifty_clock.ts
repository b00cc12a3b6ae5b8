/** A batch of events that took less than this (ms) may be larger: to read the clock (90 ns) is 1.5 % of it. */
const FAST_BATCH = 0.006;
/** One that took longer than this (ms) is to be smaller. */
const SLOW_BATCH = 0.024;
/** The most events without a look at the clock. */
export const MAX_BATCH = 64;
/** So many events are exact for each ms that such a batch took: to read the clock for them takes 5 % of it. */
const CAUTION_PER_MS = 555;
const MAX_CAUTION = 4096;

/**
 * Decides at which of many events to read a clock that takes longer to read than the event takes. Events that come
 * at a slow pace, more than 24 µs apart, all get an exact time; the faster they come, the more of them (at most 63)
 * stand between two readings, which are no more than 24 µs apart then.
 *
 * When one of many fast events suddenly takes long, the batch it is in is as long as it is: its events cannot be told
 * apart. After that, every event is exact again for some time, 555 events for each ms that it took, at most 4096: one
 * that does it over and over is caught from the second time on.
 *
 * @example Each event that takes long is exact
 * ```ts
 * import { ThriftyClock } from "./thrifty_clock.ts";
 * import { assertEquals } from "@std/assert";
 *
 * let time = 0;
 * const clock = new ThriftyClock(() => time += 5);
 * const times: number[] = [];
 * for (let event = 0, left = 1; event < 3; event++) {
 *   if (--left > 0) continue;
 *   times.push(clock.read());
 *   left = clock.batch;
 * }
 * assertEquals(times, [5, 10, 15]);
 * ```
 */
export class ThriftyClock {
  /** How many events there are from one reading to the next. Whoever has the events counts them. */
  batch = 1;
  private last = NaN;
  /** How many events are to be exact although they come fast. */
  private caution = 0;
  private cut = false;

  /**
   * Makes one that reads the clock at the first event.
   *
   * @param now The clock (ms).
   */
  constructor(private readonly now: () => number) {}

  /** Reads the clock, and decides when it is to be read again: see {@linkcode batch}. */
  read(): number {
    const now = this.now();
    if (this.cut) this.cut = false;
    else this.adapt(now - this.last);
    this.last = now;
    return now;
  }

  /** The next reading comes before it is due: it says nothing about the pace. */
  cutShort(): void {
    this.cut = true;
  }

  private adapt(took: number): void {
    if (took < FAST_BATCH) {
      if (this.caution > 0) this.caution--;
      else if (this.batch < MAX_BATCH) this.batch *= 2;
    } else if (took > 2 * SLOW_BATCH) {
      this.batch = 1;
      this.caution = Math.min(Math.ceil(took * CAUTION_PER_MS), MAX_CAUTION);
    } else if (took > SLOW_BATCH && this.batch > 1) {
      this.batch /= 2;
    }
  }
}
