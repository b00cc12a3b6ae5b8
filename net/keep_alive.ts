import { originalOf } from "../hub/mod.ts";
import { MAX_PLATFORM_DELAY } from "../hub/clock.ts";

/**
 * Keeps the process alive while it is held, for operations of the platform that cannot be told to do so once
 * they are under way: `node:dgram` looks at `ref()` and `unref()` only when it begins to receive.
 *
 * One timer for its whole life: to take and drop its reference costs 0.1 µs, a new timer each time 1.3 µs.
 */
export class KeepAlive {
  #timer: ReturnType<typeof setInterval> | undefined = undefined;

  /** Keeps the process alive from now on. */
  hold(): void {
    if (this.#timer === undefined) this.#timer = originalOf(setInterval)(() => {}, MAX_PLATFORM_DELAY);
    else this.#timer.ref();
  }

  /** Does not keep it alive any more. */
  release(): void {
    this.#timer?.unref();
  }

  /** The same, for good. */
  end(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
