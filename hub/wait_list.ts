import type { WaitSource } from "./waiter.ts";

/**
 * What can stand in a {@linkcode WaitList}: a waiter, or a callback linked to an end.
 *
 * @example Told of an end without a greenlet
 * ```ts
 * import { type WaitNode, WaitList } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const told: unknown[] = [];
 * const node: WaitNode = {
 *   prev: undefined,
 *   next: undefined,
 *   value: undefined,
 *   wake: (value) => told.push(value),
 *   fail: (error) => told.push(error),
 * };
 * const list = new WaitList("news", {});
 * list.push(node);
 * list.wakeAll("good");
 * assertEquals(told, ["good"]);
 * ```
 */
export interface WaitNode {
  /** Neighbours in the list. Owned by the list. */
  prev: WaitNode | undefined;
  /** The one behind it. */
  next: WaitNode | undefined;
  /** What it brings: an item to put, or how it wants to be served. */
  readonly value: unknown;
  /** Grants `value`. The list has already forgotten the node. */
  wake(value: unknown): void;
  /** Refuses with `error`. The list has already forgotten the node. */
  fail(error: unknown): void;
}

/**
 * The waiters of one primitive, first come first served: a linked list through the waiters themselves,
 * so that each can be taken out in O(1). Under every primitive of this library.
 *
 * @example First come, first served
 * ```ts
 * import { callerTask, Waiter, WaitList } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const list = new WaitList("turn", {});
 * const [first, second] = [1, 2].map((n) => new Waiter(callerTask(), list, n));
 * list.push(first!);
 * list.push(second!);
 * list.remove(first!);
 * assertEquals([list.size, list.shift()!.value], [1, 2]);
 * ```
 */
export class WaitList implements WaitSource {
  /** How many wait. */
  size = 0;
  // The nodes form a circle, so that one reference from this old object to its young nodes is enough:
  // each such write costs a barrier.
  #last: WaitNode | undefined = undefined;

  /**
   * Makes an empty list.
   *
   * @param what What they wait for, in a word or two.
   * @param owner The object they wait on.
   */
  constructor(readonly what: string, readonly owner: object) {}

  /** The one that has waited longest. */
  get first(): WaitNode | undefined {
    return this.#last?.next;
  }

  /** Adds a waiter at the end. */
  push(waiter: WaitNode): void {
    const last = this.#last;
    if (last === undefined) {
      waiter.prev = waiter.next = waiter;
    } else {
      waiter.prev = last;
      waiter.next = last.next;
      last.next!.prev = waiter;
      last.next = waiter;
    }
    this.#last = waiter;
    this.size++;
  }

  /** Takes the one that has waited longest. */
  shift(): WaitNode | undefined {
    const first = this.#last?.next;
    if (first !== undefined) this.remove(first);
    return first;
  }

  /** Takes a waiter out. It must be in this list. */
  remove(waiter: WaitNode): void {
    const { prev, next } = waiter;
    if (next === waiter) {
      this.#last = undefined;
    } else {
      prev!.next = next;
      next!.prev = prev;
      if (this.#last === waiter) this.#last = prev;
    }
    waiter.prev = waiter.next = undefined;
    this.size--;
  }

  /** Grants `value` to every waiter that is in the list now. */
  wakeAll(value: unknown): void {
    for (let count = this.size; count > 0 && this.size > 0; count--) {
      this.shift()!.wake(value);
    }
  }

  /** Ends every wait with an error of its own. */
  failAll(makeError: () => Error): void {
    while (this.size > 0) this.shift()!.fail(makeError());
  }

  /** The waiters, oldest first. */
  *[Symbol.iterator](): IterableIterator<WaitNode> {
    let waiter = this.first;
    for (let count = this.size; count > 0; count--, waiter = waiter!.next) yield waiter!;
  }
}
