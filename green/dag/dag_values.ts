import {
  callerTask,
  enterWait,
  expireThrowing,
  failedWith,
  immediately,
  type Inspectable,
  planWait,
  readyWith,
  refusal,
  suspend,
  type Task,
  Timeout,
  type WaitDetails,
  Waiter,
  WaitList,
  type WaitNode,
  type WaitOptions,
  type WaitSource,
} from "../../hub/mod.ts";
import { PropagateError } from "./dag_errors.ts";
import { textOf } from "./key_text.ts";
import type { Untold } from "./untold.ts";

/** What a key has. */
interface Posted<V> {
  readonly value: V | PropagateError;
  /** Which of all the keys got its first value when: a number that rises. */
  readonly at: number;
}

/** The values of a pool, and who waits for those that are not there yet, by key. */
export class DAGValues<K, V> {
  readonly #posted = new Map<K, Posted<V>>();
  readonly #awaited = new Map<K, DAGValue>();
  readonly #makerOf: (key: K) => Task | undefined;
  readonly #untold: Untold;
  #count = 0;

  /**
   * Makes an empty one.
   *
   * @param makerOf The task that makes a value, if one does.
   * @param untold Learns who was told of an error.
   */
  constructor(makerOf: (key: K) => Task | undefined, untold: Untold) {
    this.#makerOf = makerOf;
    this.#untold = untold;
  }

  /** The moment: what is posted from now on has a higher {@linkcode Posted.at}. */
  get moment(): number {
    return this.#count;
  }

  /** How many keys without a value somebody waits for. */
  get awaited(): number {
    return this.#awaited.size;
  }

  /** Whether a key has a value. */
  has(key: K): boolean {
    return this.#posted.has(key);
  }

  /** What a key has. */
  find(key: K): Posted<V> | undefined {
    return this.#posted.get(key);
  }

  /** The keys that have a value, in the order in which they got it. */
  keys(): IterableIterator<K> {
    return this.#posted.keys();
  }

  /** Sets a value and wakes everybody who waits for it. */
  post(key: K, value: V | PropagateError): void {
    const at = this.#posted.get(key)?.at ?? ++this.#count;
    this.#posted.set(key, { value, at });
    const waiters = this.#awaited.get(key)?.waiters;
    for (let node = waiters?.shift(); node !== undefined; node = waiters!.shift()) {
      if (node instanceof Waiter) this.tell(value, node.task);
      if (value instanceof PropagateError) node.fail(value);
      else node.wake(value);
    }
  }

  /** Waits for a value. Switches unless it is there. */
  value(key: K, options?: WaitOptions): Promise<V> {
    const plan = planWait(options, "wait for value");
    const task = enterWait("wait for value");
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    const posted = this.#posted.get(key);
    if (posted !== undefined) return this.give(posted.value, task, VALUE);
    const expiry = expireThrowing(() => new Timeout(null, { message: `DAGPool.value(${textOf(key)})` }));
    if (plan.timeout === 0) return immediately(plan, expiry);
    return suspend(task, this.waitersFor(key), undefined, plan, expiry);
  }

  /** Ends an operation that need not wait: with a value, or by throwing an error. */
  give<T>(value: T | PropagateError, task: Task, source: WaitSource): Promise<T> {
    this.tell(value, task);
    return value instanceof PropagateError ? failedWith(task, source, value) : readyWith(task, source, value);
  }

  /** The value, or the error thrown. For those who do not wait. */
  unwrap(value: V | PropagateError): V {
    this.tell(value, callerTask());
    if (value instanceof PropagateError) throw value;
    return value;
  }

  /** Remembers that a task is told of an error, if it is one. */
  tell(value: unknown, task: Task): void {
    if (value instanceof PropagateError) this.#untold.tell(value, task);
  }

  /** Those who wait for a key that has no value; who asks is going to wait. */
  waitersFor(key: K): WaitList {
    let awaited = this.#awaited.get(key);
    if (awaited === undefined) {
      awaited = new DAGValue(textOf(key), () => this.#makerOf(key), () => this.#awaited.delete(key));
      this.#awaited.set(key, awaited);
    }
    return awaited.waiters;
  }

  /** The first of the tasks that make these values. */
  makerOfAny(keys: Iterable<K>): Task | undefined {
    for (const key of keys) {
      const maker = this.#makerOf(key);
      if (maker !== undefined) return maker;
    }
    return undefined;
  }
}

const VALUE: WaitSource = { what: "value", owner: undefined, remove() {} };

/** A value that somebody waits for: what reports of deadlocks speak of. */
class DAGValue implements Inspectable {
  readonly waiters: WaitList;
  readonly #maker: () => Task | undefined;

  constructor(name: string, maker: () => Task | undefined, onEmpty: () => void) {
    this.#maker = maker;
    this.waiters = new Waiters(name, this, onEmpty);
  }

  /** Whose task makes it stands in the way. */
  inspectWait(): WaitDetails {
    const maker = this.#maker();
    return { blockers: maker && [maker] };
  }
}

/** A list that says when it has become empty: no trace is left of a key that nobody waits for. */
class Waiters extends WaitList {
  readonly #onEmpty: () => void;

  constructor(what: string, owner: object, onEmpty: () => void) {
    super(what, owner);
    this.#onEmpty = onEmpty;
  }

  override remove(node: WaitNode): void {
    super.remove(node);
    if (this.size === 0) this.#onEmpty();
  }
}
