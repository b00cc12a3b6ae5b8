import {
  enterWait,
  expireWith,
  type Inspectable,
  park,
  planWait,
  readyWith,
  refusal,
  Ring,
  type Task,
  type WaitDetails,
  Waiter,
  WaitList,
  type WaitSource,
} from "../../hub/mod.ts";
import { shortName } from "../../hub/inspect/describe.ts";
import { PropagateError } from "./dag_errors.ts";
import type { DAGValues } from "./dag_values.ts";
import { textOfAll } from "./key_text.ts";
import { KeyWatch } from "./key_watch.ts";

/** Which values are yielded, and whether an error is thrown instead. */
export interface View {
  /** Whether the value is yielded; otherwise it is skipped. */
  wants(value: unknown): boolean;
  /** Whether it is thrown if it is an error. */
  readonly throwing: boolean;
}

/** Yields values, throws errors. */
export const EVERYTHING: View = { wants: () => true, throwing: true };
/** Skips errors. */
export const SUCCESSES: View = { wants: (value) => !(value instanceof PropagateError), throwing: false };
/** Yields the errors only. */
export const EXCEPTIONS: View = { wants: (value) => value instanceof PropagateError, throwing: false };

const NO_LIMIT = planWait(undefined, "take next result");
const NEVER = expireWith(undefined);

type Result<K, V> = IteratorResult<[K, V], undefined>;

/**
 * Yields the values of some keys in the order in which they come, each once. Those that are there from the
 * beginning come in the order of the keys.
 *
 * It watches its keys only from the first `next()` that has to, until the last `next()` that waits is
 * interrupted: so an iterator that nobody asks any more leaves nothing behind. Asking again is always possible.
 *
 * Invariant: somebody waits only while no value is ready.
 */
export class DAGResults<K, V> implements AsyncIterableIterator<[K, V], undefined>, WaitSource, Inspectable {
  readonly #values: DAGValues<K, unknown>;
  readonly #view: View;
  /** Neither ready nor yielded. */
  readonly #pending: Set<K>;
  readonly #ready: Ring<K> = new Ring();
  readonly #takers: WaitList = new WaitList("take", this);
  readonly #watch: KeyWatch<K>;
  readonly #madeAt: number;

  /**
   * Does not watch yet.
   *
   * @param values Where the values come.
   * @param keys Whose; its own from now on.
   * @param view What to do with them.
   */
  constructor(values: DAGValues<K, unknown>, keys: Set<K>, view: View) {
    this.#values = values;
    this.#pending = keys;
    this.#view = view;
    this.#madeAt = values.moment;
    this.#watch = new KeyWatch(values, this.#pending, (key) => this.#arrive(key));
  }

  /** Waits for the next result. Switches unless it is there. */
  next(): Promise<Result<K, V>> {
    const task = enterWait("take next result");
    return refusal(task, NO_LIMIT) ?? this.#take(task);
  }

  /** Ends it. Does not switch. */
  return(): Promise<Result<K, V>> {
    this.close();
    return Promise.resolve(end());
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Ends it, also for those who wait. */
  close(): void {
    this.#watch.stop();
    this.#pending.clear();
    while (this.#ready.size > 0) this.#ready.shift();
    this.#endAll();
  }

  // ---- For the hub: what a waiting `next()` waits for ----------------------------------------------

  get what(): string {
    return `next of ${textOfAll(this.#pending)}`;
  }

  get owner(): object {
    return this;
  }

  /** Any value will do: all who make one stand in the way, unless one is missing that anybody may post. */
  inspectWait(): WaitDetails {
    const makers = new Set([...this.#pending].map((key) => this.#values.makerOfAny([key])));
    const known = [...makers].filter((maker) => maker !== undefined);
    if (known.length === makers.size) return { blockers: known };
    return {
      text: known.length === 0 ? undefined : `some of it made by ${known.map(shortName).join(" and ")}`,
    };
  }

  remove(waiter: Waiter): void {
    this.#takers.remove(waiter);
    if (this.#takers.size === 0) this.#watch.stop();
  }

  // --------------------------------------------------------------------------------------------------

  #take(task: Task): Promise<Result<K, V>> {
    if (this.#ready.size === 0 && !this.#watch.active) this.#look();
    while (this.#ready.size > 0) {
      const key = this.#ready.shift()!;
      const { value } = this.#values.find(key)!;
      if (!this.#view.wants(value)) continue;
      if (this.#throws(value)) return this.#values.give<never>(value, task, this);
      this.#values.tell(value, task);
      return readyWith(task, this, result(key, value as V));
    }
    if (this.#pending.size === 0) return readyWith(task, this, end());
    const waiter = new Waiter(task, this, undefined);
    this.#takers.push(waiter);
    return park(waiter, NO_LIMIT, NEVER);
  }

  /** Finds what came while it did not watch. */
  #look(): void {
    const values = this.#values;
    const momentOf = (key: K) => Math.max(this.#madeAt, values.find(key)!.at);
    const found = [...this.#pending].filter((key) => values.has(key));
    for (const key of found.sort((a, b) => momentOf(a) - momentOf(b))) {
      this.#pending.delete(key);
      this.#ready.push(key);
    }
    this.#watch.start();
  }

  #arrive(key: K): void {
    if (this.#takers.size === 0) return this.#ready.push(key);
    const { value } = this.#values.find(key)!;
    if (this.#view.wants(value)) this.#hand(key, value);
    if (this.#pending.size === 0) this.#endAll();
  }

  #hand(key: K, value: unknown): void {
    const taker = this.#takers.shift() as Waiter;
    this.#values.tell(value, taker.task);
    if (this.#throws(value)) taker.fail(value);
    else taker.wake(result(key, value as V));
  }

  #throws(value: unknown): value is PropagateError {
    return this.#view.throwing && value instanceof PropagateError;
  }

  #endAll(): void {
    while (this.#takers.size > 0) this.#takers.shift()!.wake(end());
  }
}

function result<K, V>(key: K, value: V): IteratorYieldResult<[K, V]> {
  return { done: false, value: [key, value] };
}

function end(): IteratorReturnResult<undefined> {
  return { done: true, value: undefined };
}
