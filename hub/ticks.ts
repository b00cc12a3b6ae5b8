/**
 * Times to within 16 ms, as small integers that leave the two lowest bits to others: they wrap around after seven
 * weeks, and are cheaper than the clock, which takes longer to read than a switch.
 */

/** Milliseconds. */
const TICK = 16;
const SHIFT = 2;
/** With the shift, the largest that is a small integer in every engine. */
const MASK = 0x0fff_ffff;

/** The tick of a time (ms). */
export function tickOf(now: number): number {
  return (Math.floor(now / TICK) & MASK) << SHIFT;
}

/** How long ago (ms) a tick was; what stands in its lowest bits does not matter. */
export function ageOf(tick: number, now: number): number {
  return ((tickOf(now) >> SHIFT) - (tick >> SHIFT) & MASK) * TICK;
}
