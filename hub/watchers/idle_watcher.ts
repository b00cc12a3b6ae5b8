import { activeWatchers } from "./active_watchers.ts";
import { HoldingWatcher } from "./holding_watcher.ts";

/**
 * Calls a function in every turn of the event loop in which no greenlet is runnable: for work that is only to be
 * done when there is nothing else. While it is active the event loop never rests, so stop it when the work is done.
 *
 * In a simulation it is called at least once before time moves on, or a deadlock is found.
 *
 * Source: `gevent.core.idle`. `idle()` is the wait for one such turn.
 *
 * @example When everybody else is done
 * ```ts
 * import { Event, getHub, sleep, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const log: string[] = [];
 * const done = new Event();
 * using idle = getHub().idle();
 * idle.start(() => {
 *   log.push("idle");
 *   idle.stop();
 *   done.set();
 * });
 * spawn(async () => {
 *   for (let i = 0; i < 3; i++) await sleep();
 *   log.push("busy");
 * });
 * await done.wait();
 * assertEquals(log, ["busy", "idle"]);
 * ```
 */
export class IdleWatcher extends HoldingWatcher {
  /** `"idle"`. */
  protected override readonly kind = "idle";

  /** Called at the start. */
  protected override watch(): void {
    activeWatchers(this.hub).addIdle(this);
  }

  /** Called at the end. */
  protected override unwatch(): void {
    activeWatchers(this.hub).remove(this);
  }

  /** Called when `ref` has changed while it is active. */
  protected override refChanged(): void {
    super.refChanged();
    activeWatchers(this.hub).reviewIdle();
  }
}
