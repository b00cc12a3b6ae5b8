import { callerTask } from "../hub/mod.ts";
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
   * Whether to listen no more after the first signal, so that the next one has its usual effect.
   *
   * @default {false}
   */
  once?: boolean | undefined;
}

/**
 * Runs `handler` in a greenlet of its own when one of the signals comes. Does not switch. Listening does not
 * keep the process alive.
 *
 * Source: `gevent.signal_handler`.
 *
 * @param signals Which ones.
 * @param handler Gets the signal.
 * @returns Stops listening when disposed.
 * @throws {TypeError} If `handler` is not a function, or a signal is unknown.
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
  signals: readonly Deno.Signal[],
  handler: (signal: Deno.Signal) => unknown,
  { once = false }: OnSignalOptions = {},
): Disposable {
  checkFunction(handler, "listen for signals", "handler");
  const { hub } = callerTask();
  const listeners = new Map<Deno.Signal, () => void>();
  const dispose = () => {
    for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
    listeners.clear();
  };
  try {
    for (const signal of new Set(signals)) {
      const listener = () => {
        if (once) dispose();
        hub.runCallback(() => new Greenlet(handler, signal).start());
      };
      Deno.addSignalListener(signal, listener);
      listeners.set(signal, listener);
    }
  } catch (error) {
    dispose();
    throw error;
  }
  return { [Symbol.dispose]: dispose };
}
