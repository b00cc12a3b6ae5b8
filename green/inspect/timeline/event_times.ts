import type { EventRing } from "./event_ring.ts";

/** When the events of a ring took place, from one of them on. */
export interface EventTimes {
  /** The index of the first event that has a time: those before it stand before the oldest look at the clock. */
  readonly from: number;
  /** By index. */
  readonly times: Float64Array;
  /** By how much (ms) each may be wrong. */
  readonly errors: Float64Array;
}

/**
 * Puts the events at which the clock was not read between those at which it was.
 *
 * What follows a look at the clock came at an even pace, as far as anybody knows; except before a wake-up from
 * outside, where nothing ran for a while: what is before that came at the pace of the batch before.
 *
 * @param since What was before may be left out, except the switch to whoever ran then (ms).
 * @param end What the clock shows now (ms).
 */
export function timesOf(ring: EventRing, since: number, end: number): EventTimes {
  const from = startIndex(ring, since);
  const { size } = ring;
  const times = new Float64Array(size);
  const errors = new Float64Array(size);
  let pace = 0;
  let last = from;
  if (from < size) times[from] = ring.timeAt(from);
  for (let index = from + 1; index < size; index++) {
    if (!ring.exactAt(index)) continue;
    times[index] = ring.timeAt(index);
    const even = (times[index]! - times[last]!) / (index - last);
    const afterPause = ring.kindAt(index) === "woken" && ring.otherAt(index) === undefined;
    if (!afterPause) pace = even;
    fill(last, index, Math.min(even, pace), times[index]!);
    last = index;
  }
  if (last < size) fill(last, size, Math.min(pace, (end - times[last]!) / (size - last)), end);
  return { from, times, errors };

  function fill(before: number, after: number, spacing: number, until: number): void {
    const start = times[before]!;
    for (let index = before + 1; index < after; index++) {
      times[index] = start + (index - before) * spacing;
      errors[index] = until - start;
    }
  }
}

function startIndex(ring: EventRing, since: number): number {
  let oldest = ring.size;
  for (let index = ring.size - 1; index >= 0; index--) {
    if (!ring.exactAt(index)) continue;
    oldest = index;
    if (ring.timeAt(index) <= since && ring.kindAt(index) === "switched") break;
  }
  return oldest;
}
