const INITIAL_CAPACITY = 16;

/**
 * First in, first out: a ring buffer that grows by doubling.
 *
 * Invariants: the capacity is a power of two; the entries sit at `head .. head + size - 1` modulo the
 * capacity; every other slot is `undefined`, so that nothing taken out is kept alive.
 *
 * @example A queue
 * ```ts
 * import { Ring } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const ring = new Ring<number>();
 * ring.push(1);
 * ring.push(2);
 * assertEquals([ring.shift(), ring.size], [1, 1]);
 * ```
 */
export class Ring<T> {
  /** How many entries there are. */
  size = 0;
  #slots: (T | undefined)[] = new Array(INITIAL_CAPACITY).fill(undefined);
  #mask = INITIAL_CAPACITY - 1;
  #head = 0;

  /** Adds an entry at the end. */
  push(entry: T): void {
    if (this.size > this.#mask) this.#grow();
    this.#slots[(this.#head + this.size) & this.#mask] = entry;
    this.size++;
  }

  /** Takes the oldest entry, or returns `undefined` if there is none. */
  shift(): T | undefined {
    if (this.size === 0) return undefined;
    const entry = this.#slots[this.#head];
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & this.#mask;
    this.size--;
    return entry;
  }

  /** The oldest entry, or `undefined` if there is none. */
  peek(): T | undefined {
    return this.#slots[this.#head];
  }

  /** The entries, oldest first. */
  *[Symbol.iterator](): IterableIterator<T> {
    for (let i = 0; i < this.size; i++) yield this.#slots[(this.#head + i) & this.#mask] as T;
  }

  #grow(): void {
    const slots: (T | undefined)[] = [...this];
    slots.length = (this.#mask + 1) * 2;
    slots.fill(undefined, this.size);
    this.#slots = slots;
    this.#mask = slots.length - 1;
    this.#head = 0;
  }
}
