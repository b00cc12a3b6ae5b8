import type { Hub } from "../hub.ts";
import type { Duration } from "../options.ts";
import type { ActiveWatchers } from "./active_watchers.ts";
import { AsyncWatcher } from "./async_watcher.ts";
import { CheckWatcher } from "./check_watcher.ts";
import { IdleWatcher } from "./idle_watcher.ts";
import { PrepareWatcher } from "./prepare_watcher.ts";
import { SignalWatcher } from "./signal_watcher.ts";
import { TimerWatcher, type TimerWatcherOptions } from "./timer_watcher.ts";
import type { WatcherOptions } from "./watcher.ts";

/**
 * What a hub makes watchers with: they call a plain function when something happens, and do nothing before they
 * are started.
 *
 * Source: `gevent.hub.Hub.loop`.
 *
 * @example Call back later
 * ```ts
 * import { getHub, simulate, sleep } from "@verdant/green";
 * import type { Loop } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * await simulate(async () => {
 *   const seen: string[] = [];
 *   const loop: Loop = getHub();
 *   using timer = getHub().timer(1_000);
 *   timer.start((word: string) => seen.push(word), "late");
 *   await sleep(2_000);
 *   assertEquals([seen, loop === getHub()], [["late"], true]);
 * });
 * ```
 */
export abstract class Loop {
  /** The watchers that are active; `undefined` as long as there was none but timers. */
  watchers: ActiveWatchers | undefined = undefined;

  /**
   * Makes a watcher that calls when `after` has passed since its start.
   *
   * @param after Milliseconds or a `Temporal.Duration`.
   * @param options Whether it repeats, and keeps the process alive.
   * @throws {RangeError} If a time is negative, NaN or infinite.
   */
  timer(this: Hub, after: Duration, options?: TimerWatcherOptions): TimerWatcher {
    return new TimerWatcher(this, after, options);
  }

  /**
   * Makes a watcher that calls when the process gets a signal.
   *
   * @throws {TypeError} If there is no such signal, or it cannot be caught.
   */
  signal(this: Hub, name: Deno.Signal, options?: WatcherOptions): SignalWatcher {
    return new SignalWatcher(this, name, options);
  }

  /** Makes a watcher that calls whenever nothing is runnable. */
  idle(this: Hub, options?: WatcherOptions): IdleWatcher {
    return new IdleWatcher(this, options);
  }

  /** Makes a watcher that calls before each slice. */
  prepare(this: Hub, options?: WatcherOptions): PrepareWatcher {
    return new PrepareWatcher(this, options);
  }

  /** Makes a watcher that calls after each slice. */
  check(this: Hub, options?: WatcherOptions): CheckWatcher {
    return new CheckWatcher(this, options);
  }

  /** Makes a watcher that calls when another thread asks for it. */
  async(this: Hub, options?: WatcherOptions): AsyncWatcher {
    return new AsyncWatcher(this, options);
  }
}
