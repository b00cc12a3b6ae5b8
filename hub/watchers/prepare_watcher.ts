import { activeWatchers } from "./active_watchers.ts";
import { HoldingWatcher } from "./holding_watcher.ts";

/**
 * Calls a function before each slice: whenever the hub, after a turn of the event loop or because something has
 * arrived, begins to run what is runnable. What the function makes runnable runs in that slice.
 *
 * Source: `gevent.core.prepare`.
 *
 * @example Before and after
 * ```ts
 * import { getHub, sleep, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const log: string[] = [];
 * using prepare = getHub().prepare();
 * prepare.start(() => log.push("before"));
 * spawn(() => log.push("greenlet"));
 * await sleep();
 * assertEquals(log, ["before", "greenlet"]);
 * ```
 */
export class PrepareWatcher extends HoldingWatcher {
  /** `"prepare"`. */
  protected override readonly kind = "prepare";

  /** Called at the start. */
  protected override watch(): void {
    activeWatchers(this.hub).addPrepare(this);
  }

  /** Called at the end. */
  protected override unwatch(): void {
    activeWatchers(this.hub).remove(this);
  }
}
