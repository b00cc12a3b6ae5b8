import { textOf } from "./key_text.ts";

/**
 * The keys that a caller names.
 *
 * @throws {TypeError} If they are not iterable.
 */
export function keysOf<K>(keys: Iterable<K>, action: string, what: string): Set<K> {
  checkIterable(keys, action, `${what} must be iterable`);
  return new Set(keys);
}

/**
 * What a caller gives by key: a `Map`, or other pairs.
 *
 * @throws {TypeError} If it is something else.
 */
export function* pairsOf<K, T>(
  pairs: Iterable<readonly [K, T]>,
  action: string,
  what: string,
): Generator<readonly [K, T], void> {
  checkIterable(pairs, action, `${what} must be a Map or other iterable pairs`);
  for (const pair of pairs) {
    if (typeof pair !== "object" || pair === null) {
      throw new TypeError(`Cannot ${action}: ${what} must be pairs, received ${textOf(pair)}`);
    }
    yield pair;
  }
}

function checkIterable(value: unknown, action: string, demand: string): void {
  if (typeof (value as Iterable<unknown> | null | undefined)?.[Symbol.iterator] === "function") return;
  throw new TypeError(`Cannot ${action}: ${demand}, received ${textOf(value)}`);
}
