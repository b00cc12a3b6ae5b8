import type { WaitSource } from "./waiter.ts";

/** What can stand in a {@linkcode WaitList}: a waiter, or a callback linked to an end. */
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
 */
export class WaitList implements WaitSource {
  /** How many wait. */
  size = 0;
  #head: WaitNode | undefined = undefined;
  #tail: WaitNode | undefined = undefined;

  /**
   * Makes an empty list.
   *
   * @param what What they wait for, in a word or two.
   * @param owner The object they wait on.
   */
  constructor(readonly what: string, readonly owner: object) {}

  /** The one that has waited longest. */
  get first(): WaitNode | undefined {
    return this.#head;
  }

  /** Adds a waiter at the end. */
  push(waiter: WaitNode): void {
    const tail = this.#tail;
    waiter.prev = tail;
    if (tail === undefined) this.#head = waiter;
    else tail.next = waiter;
    this.#tail = waiter;
    this.size++;
  }

  /** Takes the one that has waited longest. */
  shift(): WaitNode | undefined {
    const head = this.#head;
    if (head !== undefined) this.remove(head);
    return head;
  }

  /** Takes a waiter out. It must be in this list. */
  remove(waiter: WaitNode): void {
    const { prev, next } = waiter;
    if (prev === undefined) this.#head = next;
    else prev.next = next;
    if (next === undefined) this.#tail = prev;
    else next.prev = prev;
    waiter.prev = waiter.next = undefined;
    this.size--;
  }

  /** Grants `value` to every waiter that is in the list now. */
  wakeAll(value: unknown): void {
    for (let count = this.size; count > 0 && this.#head !== undefined; count--) {
      this.shift()!.wake(value);
    }
  }

  /** Ends every wait with an error of its own. */
  failAll(makeError: () => Error): void {
    while (this.#head !== undefined) this.shift()!.fail(makeError());
  }

  /** The waiters, oldest first. */
  *[Symbol.iterator](): IterableIterator<WaitNode> {
    for (let waiter = this.#head; waiter !== undefined; waiter = waiter.next) yield waiter;
  }
}
