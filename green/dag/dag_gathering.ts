import {
  expireThrowing,
  immediately,
  type Inspectable,
  park,
  type Task,
  Timeout,
  type WaitDetails,
  Waiter,
  type WaitPlan,
  type WaitSource,
} from "../../hub/mod.ts";
import { PropagateError } from "./dag_errors.ts";
import type { DAGValues } from "./dag_values.ts";
import { textOfAll } from "./key_text.ts";
import { KeyWatch } from "./key_watch.ts";

/** One wait for the values of several keys: its greenlet is woken once, when all are there or one is an error. */
export class DAGGathering<K, V> implements WaitSource, Inspectable {
  readonly #values: DAGValues<K, V>;
  readonly #keys: ReadonlySet<K>;
  readonly #missing: Set<K>;
  readonly #watch: KeyWatch<K>;
  #waiter: Waiter | undefined = undefined;

  /**
   * Does not wait yet.
   *
   * @param values Where the values come.
   * @param keys Whose.
   */
  constructor(values: DAGValues<K, V>, keys: ReadonlySet<K>) {
    this.#values = values;
    this.#keys = keys;
    this.#missing = new Set([...keys].filter((key) => !values.has(key)));
    this.#watch = new KeyWatch(values, this.#missing, (key) => this.#arrive(key));
  }

  /** Waits until all are there. */
  wait(task: Task, plan: WaitPlan): Promise<Map<K, V>> {
    const gathered = this.#gather();
    if (gathered !== undefined) return this.#values.give<Map<K, V>>(gathered, task, this);
    const expiry = expireThrowing(() => new Timeout(null, { message: `DAGPool.wait() ${this.what}` }));
    if (plan.timeout === 0) return immediately(plan, expiry);
    this.#waiter = new Waiter(task, this, undefined);
    this.#watch.start();
    return park(this.#waiter, plan, expiry);
  }

  // ---- For the hub: what it waits for ----------------------------------------------------------------

  get what(): string {
    return `of ${textOfAll(this.#missing)}`;
  }

  get owner(): object {
    return this;
  }

  inspectWait(): WaitDetails {
    const maker = this.#values.makerOfAny(this.#missing);
    return { blockers: maker && [maker] };
  }

  remove(): void {
    this.#watch.stop();
  }

  // ----------------------------------------------------------------------------------------------------

  /** All the values, or an error among those that are there; `undefined` while there is nothing to say. */
  #gather(): Map<K, V> | PropagateError | undefined {
    const gathered = new Map<K, V>();
    for (const key of this.#keys) {
      const posted = this.#values.find(key);
      if (posted === undefined) continue;
      if (posted.value instanceof PropagateError) return posted.value;
      gathered.set(key, posted.value);
    }
    return this.#missing.size === 0 ? gathered : undefined;
  }

  #arrive(key: K): void {
    const { value } = this.#values.find(key)!;
    const waiter = this.#waiter!;
    if (value instanceof PropagateError) {
      this.#watch.stop();
      this.#values.tell(value, waiter.task);
      waiter.fail(value);
    } else if (this.#missing.size === 0) {
      waiter.wake(this.#gather());
    }
  }
}
