import { type Hub, Ring, type Runnable, type RunQueuePolicy } from "../../hub/mod.ts";
import type { Random } from "./random.ts";

/**
 * Entries that keep their order: all of them were made runnable by the same cause.
 *
 * @example The oldest first, as a real hub would
 * ```ts
 * import { Hub, type Line, LineQueue } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const oldest = (_lines: readonly Line[]) => 0;
 * assertEquals(new Hub({ queue: new LineQueue(oldest) }).stats().runnable, 0);
 * ```
 */
export class Line {
  /** The entry that may run. */
  head: Runnable;
  /** Its number: entries are numbered as they come. */
  order: number;
  readonly #others: Ring<{ readonly entry: Runnable; readonly order: number }> = new Ring();

  /** Made by {@linkcode LineQueue}. */
  constructor(readonly cause: object, entry: Runnable, order: number) {
    this.head = entry;
    this.order = order;
  }

  /** Adds an entry at its end. */
  push(entry: Runnable, order: number): void {
    this.#others.push({ entry, order });
  }

  /** Drops the first entry; says whether another has taken its place. */
  advance(): boolean {
    const next = this.#others.shift();
    if (next === undefined) return false;
    this.head = next.entry;
    this.order = next.order;
    return true;
  }
}

/**
 * A run queue whose next entry is picked by a function, among those that could also be the next one on a real
 * hub under some timing.
 *
 * What one greenlet made runnable stays in the order in which it did so: the greenlets that it spawned, those
 * that it woke, the links at its end. So does what timers and callbacks of the hub made runnable. Between these
 * lines every interleaving is possible: it takes only another delay somewhere.
 *
 * @example A hub with another order
 * ```ts
 * import { Hub, LineQueue } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const queue = new LineQueue((lines) => lines.length - 1);
 * const hub = new Hub({ queue });
 * queue.hub = hub;
 * assertEquals(hub.stats().runnable, 0);
 * ```
 */
export class LineQueue implements RunQueuePolicy {
  /** The hub whose queue it is; says who makes an entry runnable. */
  hub: Hub | undefined = undefined;
  /** Called with each entry that has come in. */
  onPush: ((entry: Runnable) => void) | undefined = undefined;
  /** While set, it seems to be empty. */
  frozen = false;
  /** How many entries have come in. */
  count = 0;
  readonly #pick: (lines: readonly Line[]) => number;
  /** Those that are not empty, by the age of their heads, oldest first. */
  readonly #lines: Line[] = [];
  readonly #byCause = new Map<object, Line>();
  #size = 0;
  #cause: object | undefined = undefined;

  /**
   * Makes an empty queue.
   *
   * @param pick Gets the lines that are not empty, the one with the oldest entry first, and returns the index
   * of the line whose first entry is to run.
   */
  constructor(pick: (lines: readonly Line[]) => number) {
    this.#pick = pick;
  }

  /** How many entries wait to run. */
  get size(): number {
    return this.frozen ? 0 : this.#size;
  }

  /** The lines that are not empty, the one with the oldest entry first. */
  get lines(): readonly Line[] {
    return this.#lines;
  }

  /** Adds an entry, at the end of the line of whoever runs. */
  push(entry: Runnable): void {
    const cause = this.#cause ?? this.hub?.holder ?? this;
    const order = this.count++;
    const line = this.#byCause.get(cause);
    if (line === undefined) this.#add(new Line(cause, entry, order));
    else line.push(entry, order);
    this.#size++;
    this.onPush?.(entry);
  }

  /** Calls `fn`; whatever becomes runnable meanwhile is due to `cause`. */
  as(cause: object, fn: () => void): void {
    const outer = this.#cause;
    this.#cause = cause;
    try {
      fn();
    } finally {
      this.#cause = outer;
    }
  }

  /** Takes the first entry of some line. */
  shift(): Runnable | undefined {
    if (this.size === 0) return undefined;
    const index = this.#pick(this.#lines);
    if (this.frozen) return undefined;
    const line = this.#lines[index]!;
    const entry = line.head;
    this.#size--;
    this.#lines.splice(index, 1);
    if (line.advance()) this.#insert(line);
    else this.#byCause.delete(line.cause);
    return entry;
  }

  #add(line: Line): void {
    this.#byCause.set(line.cause, line);
    this.#lines.push(line);
  }

  /** Puts a line where the age of its first entry says. */
  #insert(line: Line): void {
    const lines = this.#lines;
    let low = 0;
    for (let high = lines.length; low < high;) {
      const middle = (low + high) >> 1;
      if (lines[middle]!.order < line.order) low = middle + 1;
      else high = middle;
    }
    lines.splice(low, 0, line);
  }
}

/** Picks any line. */
export function pickWith(random: Random): (lines: readonly Line[]) => number {
  return ({ length }) => Math.floor(random() * length);
}
