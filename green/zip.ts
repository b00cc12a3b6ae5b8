import type { Items } from "./imap.ts";

/**
 * The types of the items of several sources.
 *
 * @example What `GreenPool.imap()` calls its function with
 * ```ts
 * import type { ItemsOfAll } from "@verdant/green";
 *
 * const items: ItemsOfAll<[number[], AsyncIterable<string>]> = [1, "a"];
 * ```
 */
export type ItemsOfAll<S extends Items<unknown>[]> = {
  [I in keyof S]: S[I] extends Items<infer T> ? T : never;
};

/** Tuples of the first items, the second ones and so on; the shortest of the sources ends it. */
export function zip(sources: Items<unknown>[]): Items<unknown[]> {
  return sources.some(isAsync) ? zipAsync(sources) : zipSync(sources as Iterable<unknown>[]);
}

// Two of the same shape: an async one would cost every tuple of arrays a few turns of the microtask queue.

function* zipSync(sources: Iterable<unknown>[]): Generator<unknown[], void, void> {
  const open = new Set(sources.map((source) => source[Symbol.iterator]()));
  try {
    while (open.size > 0) {
      const tuple: unknown[] = [];
      for (const iterator of open) {
        const { done, value } = iterator.next();
        if (done) return void open.delete(iterator);
        tuple.push(value);
      }
      yield tuple;
    }
  } finally {
    for (const iterator of open) iterator.return?.();
  }
}

async function* zipAsync(sources: Items<unknown>[]): AsyncGenerator<unknown[], void, void> {
  const open = new Set(sources.map(iteratorOf));
  try {
    while (open.size > 0) {
      const tuple: unknown[] = [];
      for (const iterator of open) {
        const { done, value } = await iterator.next();
        if (done) return void open.delete(iterator);
        tuple.push(value);
      }
      yield tuple;
    }
  } finally {
    for (const iterator of open) await iterator.return?.();
  }
}

function iteratorOf(source: Items<unknown>): Iterator<unknown> | AsyncIterator<unknown> {
  return isAsync(source) ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
}

/** Also of strings, which are no objects. */
export function isAsync<T>(items: Items<T>): items is AsyncIterable<T> {
  return Symbol.asyncIterator in Object(items);
}
