import { activeWatchers } from "./active_watchers.ts";
import { HoldingWatcher } from "./holding_watcher.ts";

/**
 * Calls a function after each slice: when nothing is runnable any more, or the event loop is due for a turn.
 * What the function makes runnable runs in the next slice. A slice that ends in a promise that is not the
 * library's own, or in code outside greenlets, is over when the next one begins.
 *
 * Source: `gevent.core.check`.
 *
 * @example Count the slices
 * ```ts
 * import { getHub, sleep } from "@verdant/green";
 * import { assert } from "@std/assert";
 *
 * let slices = 0;
 * using check = getHub().check();
 * check.start(() => slices++);
 * await sleep(1);
 * assert(slices > 0);
 * ```
 */
export class CheckWatcher extends HoldingWatcher {
  /** `"check"`. */
  protected override readonly kind = "check";

  /** Called at the start. */
  protected override watch(): void {
    activeWatchers(this.hub).addCheck(this);
  }

  /** Called at the end. */
  protected override unwatch(): void {
    activeWatchers(this.hub).remove(this);
  }
}
