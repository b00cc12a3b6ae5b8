/** What a greenlet runs. */
// deno-lint-ignore no-explicit-any -- bodies of every signature
export type Body = (...args: any[]) => unknown;

/**
 * Checks the body of a greenlet to spawn.
 *
 * @throws {TypeError} If `fn` is not a function.
 */
export function checkBody(fn: unknown): void {
  if (typeof fn === "function") return;
  throw new TypeError(`Cannot spawn greenlet: fn must be a function, received ${String(fn)}`);
}
