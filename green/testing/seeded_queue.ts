import { type Hub, Ring, type Runnable, type RunQueuePolicy } from "../../hub/mod.ts";
import type { Random } from "./random.ts";

/**
 * Picks the next entry pseudo-randomly, among those that could also be the next one on a real hub under some
 * timing.
 *
 * What one greenlet made runnable stays in the order in which it did so: the greenlets that it spawned, those
 * that it woke, the links at its end. So does what timers and callbacks of the hub made runnable. Between these
 * lines every interleaving is possible: it takes only another delay somewhere.
 *
 * @example A hub with another order
 * ```ts
 * import { Hub, seededRandom, SeededQueue } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const queue = new SeededQueue(seededRandom(1));
 * const hub = new Hub({ queue });
 * queue.hub = hub;
 * assertEquals(hub.stats().runnable, 0);
 * ```
 */
export class SeededQueue implements RunQueuePolicy {
  /** The hub whose queue it is; says who makes an entry runnable. */
  hub: Hub | undefined = undefined;
  /** How many entries wait to run. */
  size = 0;
  readonly #random: Random;
  /** The lines that are not empty, in no order. */
  readonly #lines: { readonly cause: object; readonly entries: Ring<Runnable> }[] = [];
  readonly #byCause = new Map<object, Ring<Runnable>>();

  /** Makes an empty queue. */
  constructor(random: Random) {
    this.#random = random;
  }

  /** Adds an entry, at the end of the line of whoever runs. */
  push(entry: Runnable): void {
    const cause = this.hub?.holder ?? this;
    let entries = this.#byCause.get(cause);
    if (entries === undefined) {
      entries = new Ring();
      this.#byCause.set(cause, entries);
      this.#lines.push({ cause, entries });
    }
    entries.push(entry);
    this.size++;
  }

  /** Takes the first entry of some line. */
  shift(): Runnable | undefined {
    if (this.size === 0) return undefined;
    const index = Math.floor(this.#random() * this.#lines.length);
    const { cause, entries } = this.#lines[index]!;
    const entry = entries.shift();
    this.size--;
    if (entries.size === 0) {
      this.#lines[index] = this.#lines.at(-1)!;
      this.#lines.pop();
      this.#byCause.delete(cause);
    }
    return entry;
  }
}
