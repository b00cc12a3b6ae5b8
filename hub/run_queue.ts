import type { Hub } from "./hub.ts";

/** Something the hub can run: a resumption, the start of a greenlet, a callback. */
export interface Runnable {
  /** Runs it. Sets `hub.holder` when it hands the run token to a greenlet. */
  dispatch(hub: Hub): void;
}

/**
 * Decides who runs next. The hub pushes what became runnable and takes what is to run.
 *
 * The default is {@linkcode RunQueue}. A test may plug in another order.
 */
export interface RunQueuePolicy {
  /** How many entries wait to run. */
  readonly size: number;
  /** Adds an entry. */
  push(entry: Runnable): void;
  /** Takes the entry to run next, or `undefined` if there is none. */
  shift(): Runnable | undefined;
}

const INITIAL_CAPACITY = 256;

/**
 * First in, first out: a ring buffer whose capacity is a power of two.
 *
 * Invariants: the entries sit at `head .. head + size - 1` modulo the capacity; every other slot is
 * `undefined`, so that the queue keeps nothing alive.
 */
export class RunQueue implements RunQueuePolicy {
  /** How many entries wait to run. */
  size = 0;
  #slots: (Runnable | undefined)[] = new Array(INITIAL_CAPACITY).fill(undefined);
  #mask = INITIAL_CAPACITY - 1;
  #head = 0;

  /** Adds an entry at the end. */
  push(entry: Runnable): void {
    if (this.size > this.#mask) this.#grow();
    this.#slots[(this.#head + this.size) & this.#mask] = entry;
    this.size++;
  }

  /** Takes the oldest entry, or returns `undefined` if there is none. */
  shift(): Runnable | undefined {
    if (this.size === 0) return undefined;
    const entry = this.#slots[this.#head];
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & this.#mask;
    this.size--;
    return entry;
  }

  #grow(): void {
    const old = this.#slots;
    const slots: (Runnable | undefined)[] = new Array(old.length * 2).fill(undefined);
    for (let i = 0; i < this.size; i++) slots[i] = old[(this.#head + i) & this.#mask];
    this.#slots = slots;
    this.#mask = slots.length - 1;
    this.#head = 0;
  }
}
