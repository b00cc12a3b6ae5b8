import { textOf, textOfCycle } from "./key_text.ts";

/**
 * A key of a pool is taken: its task runs, or it has a value.
 *
 * Source: `eventlet.dagpool.Collision`.
 *
 * @typeParam K The type of the keys.
 *
 * @example One task a key
 * ```ts
 * import { Collision, DAGPool } from "@verdant/green";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const pool = new DAGPool([["a", 1]]);
 * const collision = assertThrows(() => pool.spawn("a", [], () => 2), Collision);
 * assertEquals(collision.key, "a");
 * ```
 */
export class Collision<K = unknown> extends Error {
  /** Always `"Collision"`. */
  override readonly name = "Collision";

  /**
   * Makes one to throw.
   *
   * @param key The key that is taken.
   * @param message What could not be done, and why.
   */
  constructor(readonly key: K, message: string = `Key ${textOf(key)} is taken`) {
    super(message);
  }
}

/**
 * A task of a pool has failed, or was killed. It is what its key has instead of a value: whoever asks for
 * the value gets it thrown. A task that gets it thrown by its results, and does not handle it, fails with it
 * in turn: then each is the {@linkcode cause} of the next.
 *
 * Source: `eventlet.dagpool.PropagateError`.
 *
 * @typeParam K The type of the keys.
 *
 * @example From task to task
 * ```ts
 * import { DAGPool, PropagateError } from "@verdant/green";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const pool = new DAGPool<string, number>();
 * pool.spawn("a", [], () => {
 *   throw new RangeError("too big");
 * });
 * pool.spawn("b", ["a"], async (_key, results) => (await Array.fromAsync(results)).length);
 * const error = await assertRejects(() => pool.value("b"), PropagateError);
 * assertEquals(error.message, "PropagateError(b): PropagateError(a): RangeError: too big");
 * assertEquals([error.key, (error.cause as PropagateError).key], ["b", "a"]);
 * ```
 */
export class PropagateError<K = unknown> extends Error {
  /** Always `"PropagateError"`. */
  override readonly name = "PropagateError";
  /** What the task ended with: its error, the `PropagateError` of another task, or its kill. */
  declare readonly cause: unknown;
  readonly #root: unknown;

  /**
   * Makes one to post.
   *
   * @param key The key of the task that failed.
   * @param cause What it failed with.
   */
  constructor(readonly key: K, cause: unknown) {
    super(`PropagateError(${textOf(key)}): ${describe(cause)}`, { cause });
    this.#root = rootOf(cause);
  }

  /** The error at the beginning of the chain, which is no `PropagateError`. */
  get root(): unknown {
    return this.#root;
  }
}

/** The error from which others have propagated. */
export function rootOf(error: unknown): unknown {
  return error instanceof PropagateError ? error.root : error;
}

function describe(cause: unknown): string {
  return cause instanceof PropagateError ? cause.message : textOf(cause);
}

/**
 * Tasks of a pool would wait for each other for ever. `c → a` says that `c` depends on `a`.
 *
 * Source: eventlet has none; there the tasks hang.
 *
 * @typeParam K The type of the keys.
 *
 * @example Refused
 * ```ts
 * import { DAGPool, DependencyCycle } from "@verdant/green";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const pool = new DAGPool<string, string>();
 * const error = assertThrows(
 *   () => pool.spawnMany([["a", ["b"]], ["b", ["c"]], ["c", ["a"]]], (key) => key),
 *   DependencyCycle,
 * );
 * assertEquals(error.message, "Cannot spawn task c: c → a → b → c depend on each other");
 * assertEquals([error.keys, pool.running], [["c", "a", "b"], 0]);
 * ```
 */
export class DependencyCycle<K = unknown> extends Error {
  /** Always `"DependencyCycle"`. */
  override readonly name = "DependencyCycle";

  /**
   * Makes one to throw.
   *
   * @param keys The keys on the way round, each once; the task that was refused comes first.
   */
  constructor(readonly keys: readonly K[]) {
    super(`Cannot spawn task ${textOf(keys[0])}: ${describeCycle(keys)}`);
  }
}

function describeCycle(keys: readonly unknown[]): string {
  return keys.length === 1 ? "it depends on itself" : `${textOfCycle(keys)} depend on each other`;
}
