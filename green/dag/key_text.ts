/** How many keys a message lists. */
const MAX_LISTED = 5;

/** A key, or anything else, in words. Never throws. */
export function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return Object.prototype.toString.call(value); // an object without a prototype, for example
  }
}

/** `"a, b"`; of many keys the first ones and how many more there are. */
export function textOfAll(keys: ReadonlySet<unknown>): string {
  const listed = keys.values().take(MAX_LISTED).map(textOf).toArray().join(", ");
  const more = keys.size - MAX_LISTED;
  return more > 0 ? `${listed} and ${more} more` : listed;
}

/** `"a → b → a"`; of a long way round the beginning and the end. */
export function textOfCycle(keys: readonly unknown[]): string {
  const [first] = keys;
  const more = keys.length - 2 * MAX_LISTED;
  const shown = more > 0
    ? [...keys.slice(0, MAX_LISTED).map(textOf), `(${more} more)`, ...keys.slice(-MAX_LISTED).map(textOf)]
    : keys.map(textOf);
  return [...shown, textOf(first)].join(" → ");
}
