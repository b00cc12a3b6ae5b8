import { callerTask, GreenletExit, Waiter, type WaitOptions, WANTS_OUTCOME } from "../../hub/mod.ts";
import { Greenlet } from "../greenlet.ts";
import { Members } from "../members.ts";
import { PropagateError, rootOf } from "./dag_errors.ts";
import type { DAGResults } from "./dag_results.ts";
import type { Untold } from "./untold.ts";

/** The greenlet that makes the value of a key. */
export class DAGTask<K, V> extends Greenlet<V> {
  /** Its key. */
  readonly key: K;
  /** The values it depends on. */
  readonly results: DAGResults<K, V>;
  /** Whether the pool was asked to kill it: then its key gets no value by its end. */
  discarded = false;
  #kept = false;
  readonly #untold: Untold;

  /**
   * Makes one that is not started.
   *
   * @param key Its key.
   * @param results The values it depends on.
   * @param untold Learns who was told of its error.
   * @param fn Its body.
   * @param args What the body is called with behind key and results.
   */
  constructor(
    key: K,
    results: DAGResults<K, V>,
    untold: Untold,
    // deno-lint-ignore no-explicit-any -- bodies of every signature
    fn: (...args: any[]) => V | PromiseLike<V>,
    args: readonly unknown[],
  ) {
    super(fn, key, results, ...args);
    this.key = key;
    this.results = results;
    this.#untold = untold;
  }

  /** What it has made. An error is kept for those who ask, and not reported now. */
  keepProduct(): V | PropagateError {
    if (!this.failed && !(this.outcome instanceof GreenletExit)) return this.outcome as V;
    const error = new PropagateError(this.key, this.outcome);
    this.#kept = true;
    this.#untold.add(error, this);
    for (const node of this.links ?? []) {
      if (node instanceof Waiter && node.value === WANTS_OUTCOME) this.#untold.tell(error, node.task);
    }
    return error;
  }

  /** Who asks for its result is told of its error. */
  override get(options?: WaitOptions): Promise<V> {
    const result = super.get(options);
    if (this.failed) this.#untold.tell(this.outcome, callerTask());
    return result;
  }

  /** Only if nobody can ask for it, and somebody should know. */
  protected override reportError(): void {
    if (!this.#kept && !(rootOf(this.outcome) instanceof GreenletExit)) super.reportError();
  }
}

/** The tasks of a pool that have not ended. */
export class Crew<K, V> extends Members {
  readonly #onEnd: (task: DAGTask<K, V>) => void;

  /**
   * Makes an empty one.
   *
   * @param onEnd Called at the very moment a task ends.
   */
  constructor(onEnd: (task: DAGTask<K, V>) => void) {
    super();
    this.#onEnd = onEnd;
  }

  /** Takes a task in. */
  add(task: DAGTask<K, V>): void {
    this.enrol(task);
  }

  /** A task has ended. */
  protected override onLeave(task: Greenlet): void {
    this.#onEnd(task as DAGTask<K, V>);
  }
}
