/**
 * Offline stand-in for `jsr:@std/async`, for contributors whose machine does not reach JSR. Our own code,
 * with the same names and behaviour for the part that this repository uses; `deno.json` links it, and it
 * is not published. To use the real package: `deno unlink ./tools/std_async`.
 *
 * @module
 */

/** Options of {@linkcode delay}. */
export interface DelayOptions {
  /** Ends the delay. */
  signal?: AbortSignal;
}

/** Resolves after `ms` milliseconds. */
export function delay(ms: number, { signal }: DelayOptions = {}): Promise<void> {
  if (signal?.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(signal!.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", abort, { once: true });
  });
}

/** Rejects with a `TimeoutError` if `promise` does not settle within `ms` milliseconds. */
export async function deadline<T>(promise: Promise<T>, ms: number): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new DOMException("Signal timed out.", "TimeoutError")), ms);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Maps with at most `poolLimit` calls at a time; yields results in input order. */
export async function* pooledMap<T, R>(
  poolLimit: number,
  array: Iterable<T> | AsyncIterable<T>,
  iteratorFn: (data: T) => Promise<R>,
): AsyncIterableIterator<R> {
  const results: Promise<R>[] = [];
  const running = new Set<Promise<unknown>>();
  for await (const item of array) {
    const result = iteratorFn(item);
    results.push(result);
    const tracked: Promise<unknown> = result.finally(() => running.delete(tracked));
    running.add(tracked);
    if (running.size >= poolLimit) await Promise.race(running);
  }
  for (const result of results) yield await result;
}
