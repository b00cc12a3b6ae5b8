import { activeWatchers, callerTask, type Hub, signalBoard } from "../hub/mod.ts";
import { checkFunction } from "../sync/check.ts";
import { Greenlet } from "../green/greenlet.ts";

/**
 * Options of {@linkcode onSignal}.
 *
 * @example Only the first
 * ```ts
 * import type { OnSignalOptions } from "@verdant/green";
 *
 * const options: OnSignalOptions = { once: true };
 * ```
 */
export interface OnSignalOptions {
  /**
   * Whether to listen no more after the first signal, so that the next one has its usual effect: that of the
   * system, also in a program that runs in `main()`.
   *
   * @default {false}
   */
  once?: boolean | undefined;
  /**
   * Whether listening keeps the process alive.
   *
   * @default {false}
   */
  ref?: boolean | undefined;
}

type Handler = (signal: Deno.Signal) => unknown;

/**
 * A handler of signals, as {@linkcode onSignal} returns it. `using` ends it.
 *
 * @example End it early
 * ```ts
 * import { onSignal, type SignalHandler } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const listening: SignalHandler = onSignal("SIGHUP", () => {});
 * listening.cancel();
 * assertEquals(listening.active, false);
 * ```
 */
export class SignalHandler implements Disposable {
  readonly #hub: Hub;
  readonly #handler: Handler;
  readonly #once: boolean;
  readonly #ref: boolean;
  readonly #listeners = new Map<Deno.Signal, () => void>();

  /**
   * Made by {@linkcode onSignal}.
   *
   * @param hub Where the handler runs.
   * @param signals Which ones it gets.
   * @param handler What runs.
   * @param options For how long it listens, and whether that keeps the process alive.
   */
  constructor(hub: Hub, signals: readonly Deno.Signal[], handler: Handler, options: OnSignalOptions) {
    this.#hub = hub;
    this.#handler = handler;
    this.#once = options.once ?? false;
    this.#ref = options.ref ?? false;
    const names = new Set(signals);
    for (const signal of names) signalBoard.check(signal); // nothing is begun if one is refused
    for (const signal of names) this.#listen(signal);
    if (this.active && this.#ref) activeWatchers(hub).hold();
  }

  /** Whether it listens. */
  get active(): boolean {
    return this.#listeners.size > 0;
  }

  /** Listens no more; handlers that run go on. Harmless when it has been done. Does not switch. */
  cancel(): void {
    if (!this.active) return;
    for (const [signal, listener] of this.#listeners) signalBoard.unlisten(signal, listener);
    this.#listeners.clear();
    if (this.#ref) activeWatchers(this.#hub).letGo();
  }

  /** The same as {@linkcode cancel}. */
  [Symbol.dispose](): void {
    this.cancel();
  }

  #listen(signal: Deno.Signal): void {
    const listener = () => this.#onSignal(signal);
    signalBoard.listen(signal, listener);
    this.#listeners.set(signal, listener);
  }

  #onSignal(signal: Deno.Signal): void {
    // Queued before it lets go, so that the process is kept alive by the one or the other.
    this.#hub.runCallback(() => new Greenlet(this.#handler, signal).start());
    if (!this.#once) return;
    for (const name of this.#listeners.keys()) signalBoard.leaveToSystem(name);
    this.cancel();
  }
}

/**
 * Runs `handler` in a greenlet of its own when one of the signals comes. Several handlers of one signal begin in
 * the order in which they were given. Does not switch. Listening does not keep the process alive, unless `ref`.
 *
 * While the program listens to a signal, `main()` does not end it because of that signal.
 *
 * Source: `gevent.signal_handler`.
 *
 * @param signals Which one, or ones. On Windows, all but SIGINT, SIGBREAK and SIGHUP never come.
 * @param handler Gets the signal.
 * @param options For how long to listen, and whether that keeps the process alive.
 * @returns Stops listening when cancelled or disposed of.
 * @throws {TypeError} If `handler` is not a function, or a signal is unknown or cannot be caught.
 *
 * @example End gracefully
 * ```ts
 * import { Event, onSignal } from "@verdant/green";
 *
 * const over = new Event();
 * using _listening = onSignal(["SIGINT", "SIGTERM"], () => over.set());
 * ```
 */
export function onSignal(
  signals: Deno.Signal | readonly Deno.Signal[],
  handler: (signal: Deno.Signal) => unknown,
  options: OnSignalOptions = {},
): SignalHandler {
  checkFunction(handler, "listen for signals", "handler");
  const names = Array.isArray(signals) ? signals as readonly Deno.Signal[] : [signals as Deno.Signal];
  return new SignalHandler(callerTask().hub, names, handler, options);
}
