import { getHub } from "@verdant/green";

/** Collects what the hub reports instead of printing it, until disposed. */
export function captureErrors(): Disposable & { readonly seen: unknown[] } {
  const hub = getHub();
  const { onError } = hub;
  const seen: unknown[] = [];
  hub.onError = (_context, error) => seen.push(error);
  return {
    seen,
    [Symbol.dispose]() {
      hub.onError = onError;
    },
  };
}

/** Resolves after a turn of the event loop, without a timer. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
