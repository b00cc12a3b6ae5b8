/** What each replacement stands for. Nothing is to be seen of it on the replacement itself. */
const originals = new WeakMap<object, object>();

/**
 * Remembers what a function stands for that was put in the place of another.
 *
 * @example Put one in the place of another
 * ```ts
 * import { originalOf, standsFor } from "@verdant/green/hub";
 * import { assertStrictEquals } from "@std/assert";
 *
 * const original = () => 1;
 * const replacement = standsFor(() => 2, original);
 * assertStrictEquals(originalOf(replacement), original);
 * ```
 */
export function standsFor<F extends object>(replacement: F, original: object): F {
  originals.set(replacement, original);
  return replacement;
}

/**
 * What a function was before `patch()`; the function itself if it was not patched. The library calls the
 * platform through this: its own waits must not wait for waits of its own.
 *
 * @example Not patched
 * ```ts
 * import { originalOf } from "@verdant/green/hub";
 * import { assertStrictEquals } from "@std/assert";
 *
 * assertStrictEquals(originalOf(fetch), fetch);
 * ```
 */
export function originalOf<F extends object>(fn: F): F {
  return originals.get(fn) as F | undefined ?? fn;
}
