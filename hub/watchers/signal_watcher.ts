import type { Hub } from "../hub.ts";
import { ForeignWatcher } from "./foreign_watcher.ts";
import { signalBoard } from "./signal_board.ts";
import type { WatcherOptions } from "./watcher.ts";

/**
 * Calls a function whenever the process gets a signal, which then has not its usual effect. Signals that come
 * before the function was called are one. Several watchers of one signal are called in the order of their starts.
 *
 * `onSignal()` is more convenient: its handler may wait.
 *
 * Source: `gevent.core.signal`.
 *
 * @example Listen
 * ```ts
 * import { getHub } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const seen: string[] = [];
 * using hangup = getHub().signal("SIGHUP", { ref: false });
 * hangup.start((word: string) => seen.push(word), "reload");
 * assertEquals([hangup.signal, hangup.active], ["SIGHUP", true]);
 * ```
 */
export class SignalWatcher extends ForeignWatcher {
  /** `"signal"`. */
  protected override readonly kind = "signal";

  /**
   * Made by `hub.signal()`.
   *
   * @param hub Where it calls.
   * @param signal Which one.
   * @param options Whether it keeps the process alive.
   */
  constructor(hub: Hub, readonly signal: Deno.Signal, options?: WatcherOptions) {
    super(hub, options);
    signalBoard.check(signal);
  }

  /** Called at the start. */
  protected override watch(): void {
    signalBoard.listen(this.signal, this.#onSignal);
  }

  /** Called at the end. */
  protected override unwatch(): void {
    signalBoard.unlisten(this.signal, this.#onSignal);
  }

  readonly #onSignal = (): void => this.happen();
}
