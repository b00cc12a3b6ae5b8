import { platform } from "../platform_timers.ts";
import { ForeignWatcher } from "./foreign_watcher.ts";

/**
 * Calls a function when another thread asks for it: `port` goes to a worker, and any message on it is such a
 * request. Requests that come before the function was called are one; what they say is not looked at.
 *
 * Those that come before the first start are kept, those that come while it is stopped are not.
 *
 * Source: `gevent.core.async_`.
 *
 * @example Wake a greenlet from elsewhere
 * ```ts
 * import { Event, getHub } from "@verdant/green";
 *
 * const woken = new Event();
 * using wake = getHub().async();
 * wake.start(() => woken.set());
 * const port = wake.port; // for `worker.postMessage(port, [port])`
 * port.postMessage("any");
 * await woken.wait();
 * ```
 */
export class AsyncWatcher extends ForeignWatcher {
  /** `"async"`. */
  protected override readonly kind = "async";
  #channel: MessageChannel | undefined = undefined;
  #listens = false;

  /**
   * The end of the channel for another thread, to be transferred. It is made at the first use, and closed with
   * the watcher.
   *
   * @throws {Error} If the watcher is closed.
   */
  get port(): MessagePort {
    if (this.closed) throw new Error(`Cannot open port of ${this.label}: it is closed`);
    this.#channel ??= new MessageChannel();
    if (this.active) this.#listen();
    return this.#channel.port2;
  }

  /** Asks for a call, from this thread; does nothing unless it is active. Does not switch. */
  send(): void {
    if (this.active) this.happen();
  }

  /** Stops it for good, and closes the port. Does not switch. */
  override close(): void {
    super.close();
    this.#channel?.port1.close();
    this.#channel?.port2.close();
    this.#channel = undefined;
  }

  /** Called at the start. */
  protected override watch(): void {
    this.#listen();
  }

  /** Called at the end. */
  protected override unwatch(): void {}

  #listen(): void {
    if (this.#listens || this.#channel === undefined) return;
    this.#listens = true;
    const port = this.#channel.port1 as MessagePort & { ref(): void; unref(): void };
    // What keeps the process alive is the watcher, not the port. The port forgets it with every message.
    const unref = () => {
      port.ref();
      port.unref();
    };
    port.onmessage = () => {
      platform.setImmediate(unref);
      this.send();
    };
    unref();
  }
}
