/**
 * Numbers in [0, 1): the same ones for the same seed, on every machine.
 *
 * @example A die
 * ```ts
 * import { type Random, seededRandom } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const roll = (random: Random) => 1 + Math.floor(random() * 6);
 * assertEquals(roll(seededRandom(1)), roll(seededRandom(1)));
 * ```
 */
export type Random = () => number;

/**
 * A small seeded generator (mulberry32).
 *
 * @throws {TypeError} If `seed` is not a finite number.
 *
 * @example The same again
 * ```ts
 * import { seededRandom } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(seededRandom(7)(), seededRandom(7)());
 * ```
 */
export function seededRandom(seed: number): Random {
  if (!Number.isFinite(seed)) {
    throw new TypeError(`Cannot seed: seed must be a finite number, received ${seed}`);
  }
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
