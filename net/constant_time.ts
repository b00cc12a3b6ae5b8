const encoder = new TextEncoder();

/**
 * Whether two strings are equal, in a time that does not tell how much of `a` is right: every byte of
 * `b` is looked at, wherever the first difference is. Made for tokens and passwords: `a` is what the peer sent,
 * `b` the secret. (That the lengths differ may show in the time, which is no secret of a random token.)
 *
 * @example Compare a token
 * ```ts
 * import { equalInConstantTime } from "./constant_time.ts";
 * import { assert, assertFalse } from "@std/assert";
 *
 * assert(equalInConstantTime("s3cret", "s3cret"));
 * assertFalse(equalInConstantTime("s3cre7", "s3cret"));
 * ```
 */
export function equalInConstantTime(a: string, b: string): boolean {
  const given = encoder.encode(a);
  const secret = encoder.encode(b);
  let difference = given.length ^ secret.length;
  // Past the end of `given` it counts as 0: the lengths already differ there.
  for (let at = 0; at < secret.length; at++) difference |= (given[at] ?? 0) ^ secret[at]!;
  return difference === 0;
}
