/**
 * How a queue keeps its items, and in which order it gives them out.
 *
 * @example A buffer that keeps only the newest item
 * ```ts
 * import type { Buffer } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * class Newest<T> implements Buffer<T> {
 *   #items: T[] = [];
 *   get size() {
 *     return this.#items.length;
 *   }
 *   push(item: T) {
 *     this.#items = [item];
 *   }
 *   shift() {
 *     return this.#items.shift();
 *   }
 *   peek() {
 *     return this.#items[0];
 *   }
 *   [Symbol.iterator]() {
 *     return this.#items.values();
 *   }
 * }
 * const buffer = new Newest<string>();
 * buffer.push("old");
 * buffer.push("new");
 * assertEquals([...buffer], ["new"]);
 * ```
 */
export interface Buffer<T> extends Iterable<T> {
  /** How many items there are. */
  readonly size: number;
  /** Adds an item. */
  push(item: T): void;
  /** Takes the item that is next. Only called when there is one. */
  shift(): T | undefined;
  /** The item that is next. Only called when there is one. */
  peek(): T | undefined;
}

/** Last in, first out. */
export class Stack<T> implements Buffer<T> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    return this.#items.pop();
  }

  peek(): T | undefined {
    return this.#items.at(-1);
  }

  [Symbol.iterator](): IterableIterator<T> {
    return this.#items.values();
  }
}

/**
 * Says which of two items is given out first: negative for `a`.
 *
 * @example The longest first
 * ```ts
 * import { type Compare, PriorityQueue } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const longest: Compare<string> = (a, b) => b.length - a.length;
 * const queue = new PriorityQueue<string>(Infinity, ["a", "bb"], { compare: longest });
 * assertEquals(await queue.get(), "bb");
 * ```
 */
export type Compare<T> = (a: T, b: T) => number;

/** Smallest first; equal ones in the order in which they came. A binary heap. */
export class Heap<T> implements Buffer<T> {
  readonly #heap: { item: T; order: number }[] = [];
  readonly #compare: Compare<T>;
  #order = 0;

  constructor(compare: Compare<T>) {
    this.#compare = compare;
  }

  get size(): number {
    return this.#heap.length;
  }

  peek(): T | undefined {
    return this.#heap[0]?.item;
  }

  push(item: T): void {
    const heap = this.#heap;
    const entry = { item, order: this.#order++ };
    // Compare first, move afterwards: an item that cannot be compared leaves the heap as it was.
    let target = heap.length;
    while (target > 0) {
      const parent = (target - 1) >> 1;
      if (!this.#before(entry, heap[parent]!)) break;
      target = parent;
    }
    for (let index = heap.length; index > target;) {
      const parent = (index - 1) >> 1;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[target] = entry;
  }

  shift(): T | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return top?.item;
    let index = 0;
    for (let child = 1; child < heap.length; child = 2 * index + 1) {
      if (child + 1 < heap.length && this.#before(heap[child + 1]!, heap[child]!)) child++;
      if (!this.#before(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
    return top!.item;
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (const entry of [...this.#heap].sort((a, b) => this.#before(a, b) ? -1 : 1)) yield entry.item;
  }

  #before(a: { item: T; order: number }, b: { item: T; order: number }): boolean {
    const order = this.#compare(a.item, b.item);
    return order < 0 || (order === 0 && a.order < b.order);
  }
}
