/**
 * One deadline in a hub's {@linkcode TimerHeap}.
 *
 * @example Cancelled
 * ```ts
 * import { type Timer, TimerHeap } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const heap = new TimerHeap();
 * const timer: Timer = heap.add(10, true, () => {}, undefined);
 * heap.cancel(timer);
 * assertEquals([timer.active, heap.size], [false, 0]);
 * ```
 */
export class Timer {
  /** Whether it is still to fire. */
  active = true;

  /**
   * Made by {@linkcode TimerHeap.add}.
   *
   * @param deadline When it fires (ms on the hub's clock).
   * @param order Position among equal deadlines: the first started fires first.
   * @param ref Whether it keeps the process alive.
   * @param fire Called with `arg` when due. Runs inside the hub: it may queue work, nothing else.
   * @param arg What `fire` gets.
   */
  constructor(
    readonly deadline: number,
    readonly order: number,
    readonly ref: boolean,
    readonly fire: (arg: unknown) => void,
    readonly arg: unknown,
  ) {}
}

/** Cancelled timers stay in the heap until they are at least this many and the majority. */
const MIN_DEAD_TO_COMPACT = 64;

/**
 * All timers of a hub: a binary heap ordered by deadline, then by order of creation.
 *
 * Cancelling is O(1) amortised: the timer is marked dead and dropped when it reaches the top, or when
 * the dead are the majority and the heap is rebuilt.
 *
 * @example Fire what is due
 * ```ts
 * import { TimerHeap } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const fired: string[] = [];
 * const heap = new TimerHeap();
 * heap.add(20, true, (name: string) => fired.push(name), "late");
 * heap.add(10, true, (name: string) => fired.push(name), "early");
 * heap.fireDue(15);
 * assertEquals([fired, heap.next], [["early"], 20]);
 * ```
 */
export class TimerHeap {
  /** Active timers. */
  size = 0;
  /** Active timers that keep the process alive. */
  refs = 0;
  #heap: Timer[] = [];
  #order = 0;
  #dead = 0;

  /** Adds a timer. */
  add<T>(deadline: number, ref: boolean, fire: (arg: T) => void, arg: T): Timer {
    const timer = new Timer(deadline, this.#order++, ref, fire as (arg: unknown) => void, arg);
    this.#heap.push(timer);
    this.#up(this.#heap.length - 1);
    this.size++;
    if (ref) this.refs++;
    return timer;
  }

  /** Cancels a timer; harmless when it has fired or was cancelled. */
  cancel(timer: Timer): void {
    if (!timer.active) return;
    this.#retire(timer);
    this.#dead++;
    if (this.#dead >= MIN_DEAD_TO_COMPACT && this.#dead * 2 > this.#heap.length) this.#compact();
  }

  /** Those that are to fire, in no order. */
  *[Symbol.iterator](): IterableIterator<Timer> {
    for (const timer of this.#heap) if (timer.active) yield timer;
  }

  /** The earliest deadline, or `Infinity`. */
  get next(): number {
    this.#dropDeadTop();
    return this.#heap.length === 0 ? Infinity : this.#heap[0]!.deadline;
  }

  /** Fires every timer due at `now`, earliest first. */
  fireDue(now: number): void {
    while (this.size > 0 && this.next <= now) {
      const timer = this.#heap[0]!;
      this.#pop();
      this.#retire(timer);
      timer.fire(timer.arg);
    }
  }

  #retire(timer: Timer): void {
    timer.active = false;
    this.size--;
    if (timer.ref) this.refs--;
  }

  #dropDeadTop(): void {
    while (this.#heap.length > 0 && !this.#heap[0]!.active) {
      this.#pop();
      this.#dead--;
    }
  }

  #compact(): void {
    this.#heap = this.#heap.filter((timer) => timer.active);
    this.#dead = 0;
    for (let i = (this.#heap.length >> 1) - 1; i >= 0; i--) this.#down(i);
  }

  #pop(): void {
    const last = this.#heap.pop()!;
    if (this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#down(0);
  }

  #up(index: number): void {
    const heap = this.#heap;
    const timer = heap[index]!;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(timer, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = timer;
  }

  #down(index: number): void {
    const heap = this.#heap;
    const timer = heap[index]!;
    const half = heap.length >> 1;
    while (index < half) {
      let child = 2 * index + 1;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, timer)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = timer;
  }
}

function before(a: Timer, b: Timer): boolean {
  return a.deadline < b.deadline || (a.deadline === b.deadline && a.order < b.order);
}
