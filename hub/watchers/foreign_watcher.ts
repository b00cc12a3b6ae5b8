import { HoldingWatcher } from "./holding_watcher.ts";

/**
 * A watcher of something outside the hub: while it is active and keeps the process alive, virtual time stands
 * still, as it does for a promise that is not the library's own.
 *
 * @example Something from outside
 * ```ts
 * import { ForeignWatcher, getHub } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * class Never extends ForeignWatcher {
 *   protected override readonly kind = "never";
 *   protected override watch() {}
 *   protected override unwatch() {}
 * }
 * using never = new Never(getHub());
 * never.start(() => {});
 * assertEquals(getHub().stats().foreignWaits, 1);
 * ```
 */
export abstract class ForeignWatcher extends HoldingWatcher {
  /** Keeps the process alive. */
  protected override hold(): void {
    this.hub.foreignWaits++;
    super.hold();
  }

  /** Does so no more. */
  protected override letGo(): void {
    this.hub.foreignWaits--;
    super.letGo();
  }
}
