import type { WaitList, WaitNode } from "../../hub/mod.ts";
import type { DAGValues } from "./dag_values.ts";

/** Stands among those who wait for the values of some keys, all at once. */
export class KeyWatch<K> {
  readonly #values: DAGValues<K, unknown>;
  readonly #keys: Set<K>;
  readonly #onValue: (key: K) => void;
  #nodes: KeyNode<K>[] | undefined = undefined;

  /**
   * Does not watch yet.
   *
   * @param values Where the values come.
   * @param keys The keys without a value; each is taken out when its value comes.
   * @param onValue Called then.
   */
  constructor(values: DAGValues<K, unknown>, keys: Set<K>, onValue: (key: K) => void) {
    this.#values = values;
    this.#keys = keys;
    this.#onValue = onValue;
  }

  /** Whether it watches. */
  get active(): boolean {
    return this.#nodes !== undefined;
  }

  /** Begins to watch. */
  start(): void {
    this.#nodes = Array.from(
      this.#keys,
      (key) => new KeyNode(this.#values.waitersFor(key), key, this.#arrive),
    );
  }

  /** Watches no longer. */
  stop(): void {
    for (const node of this.#nodes ?? []) node.stop();
    this.#nodes = undefined;
  }

  readonly #arrive = (key: K): void => {
    this.#keys.delete(key);
    this.#onValue(key);
  };
}

/** Learns of the value of one key the moment it comes. */
class KeyNode<K> implements WaitNode {
  prev: WaitNode | undefined = undefined;
  next: WaitNode | undefined = undefined;
  readonly value: undefined = undefined;
  readonly #list: WaitList;
  readonly #key: K;
  readonly #onValue: (key: K) => void;

  constructor(list: WaitList, key: K, onValue: (key: K) => void) {
    this.#list = list;
    this.#key = key;
    this.#onValue = onValue;
    list.push(this);
  }

  wake(): void {
    this.#onValue(this.#key);
  }

  /** An error is as good as a value. */
  fail(): void {
    this.#onValue(this.#key);
  }

  stop(): void {
    if (this.next !== undefined) this.#list.remove(this);
  }
}
