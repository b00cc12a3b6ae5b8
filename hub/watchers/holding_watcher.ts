import { activeWatchers } from "./active_watchers.ts";
import { Watcher } from "./watcher.ts";

/**
 * A watcher that is no timer: while it is active, the hub is told whether it keeps the process alive.
 *
 * @example One that never happens
 * ```ts
 * import { getHub, HoldingWatcher } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * class Never extends HoldingWatcher {
 *   protected override readonly kind = "never";
 *   protected override watch() {}
 *   protected override unwatch() {}
 * }
 * using never = new Never(getHub());
 * never.start(() => {});
 * assertEquals([never.active, never.label], [true, "never watcher"]);
 * ```
 */
export abstract class HoldingWatcher extends Watcher {
  /** Called at the start. */
  protected override enable(): void {
    this.watch();
    if (this.ref) this.hold();
  }

  /** Called at the end. */
  protected override disable(): void {
    this.unwatch();
    if (this.ref) this.letGo();
  }

  /** Called when `ref` has changed while it is active. */
  protected override refChanged(): void {
    if (this.ref) this.hold();
    else this.letGo();
  }

  /** Begins to watch; if it throws, it does not. */
  protected abstract watch(): void;

  /** Ends it. */
  protected abstract unwatch(): void;

  /** Keeps the process alive. */
  protected hold(): void {
    activeWatchers(this.hub).hold();
  }

  /** Does so no more. */
  protected letGo(): void {
    activeWatchers(this.hub).letGo();
  }
}
