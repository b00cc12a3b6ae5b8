import { callerTask, enterWait, planWait, refusal, type WaitOptions } from "../../hub/mod.ts";
import { checkFunction } from "../../sync/check.ts";
import type { Greenlet } from "../greenlet.ts";
import type { KillMembersOptions } from "../members.ts";
import { Collision, type PropagateError } from "./dag_errors.ts";
import { DAGGathering } from "./dag_gathering.ts";
import { DAGResults, EVERYTHING, EXCEPTIONS, SUCCESSES, type View } from "./dag_results.ts";
import { Crew, DAGTask } from "./dag_task.ts";
import { DAGValues } from "./dag_values.ts";
import { DependencyGraph } from "./dependency_graph.ts";
import { keysOf, pairsOf } from "./keys.ts";
import { textOf } from "./key_text.ts";
import { Untold } from "./untold.ts";

/**
 * The body of a task of a {@linkcode DAGPool}: makes the value of its key from the values it depends on.
 *
 * @typeParam K The type of the keys.
 * @typeParam V The type of the values.
 * @typeParam A What it is called with behind key and results.
 *
 * @example A sum of what it depends on
 * ```ts
 * import { type DAGFunction, DAGPool } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const sum: DAGFunction<string, number> = async (_key, results) => {
 *   let sum = 0;
 *   for await (const [, value] of results) sum += value;
 *   return sum;
 * };
 * const pool = new DAGPool([["a", 1], ["b", 2]]);
 * pool.spawn("c", ["a", "b"], sum);
 * assertEquals(await pool.value("c"), 3);
 * ```
 */
export type DAGFunction<K, V, A extends readonly unknown[] = []> = (
  key: K,
  results: AsyncIterableIterator<[K, V]>,
  ...args: A
) => V | PromiseLike<V>;

/**
 * Options of {@linkcode DAGPool.post}.
 *
 * @example Replace a value
 * ```ts
 * import { DAGPool, type PostOptions } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const options: PostOptions = { replace: true };
 * const pool = new DAGPool([["a", 1]]);
 * pool.post("a", 2, options);
 * assertEquals(pool.get("a"), 2);
 * ```
 */
export interface PostOptions {
  /**
   * Whether a value that the key has is replaced.
   *
   * @default {false}
   */
  replace?: boolean | undefined;
}

/**
 * Greenlets that are limited by what they need, not by their number: each makes the value of one key, from the
 * values of the keys it depends on. Whatever can run runs side by side; who needs a value gets it as soon as it
 * is there. Keys are compared as those of a `Map`.
 *
 * A task begins at once, and waits only when it asks its results for one that is not there yet. What it returns
 * becomes the value of its key, for good. If it fails, or is killed by whatever but {@linkcode kill}, its key
 * has a {@linkcode PropagateError}, which is thrown to whoever asks for the value: nobody waits in vain.
 *
 * The error of a task is not printed, because the pool keeps it for those who ask. With `await using`, the end of
 * the block kills the tasks that are left, waits for their clean-up, and hands the errors that nobody has been
 * told of to `hub.handleError`, each once, however many tasks it has propagated through. A task that handles an
 * error of another one, and `get()` of a task's greenlet, count as told. Without the end of a block there is no
 * telling when nobody will ask any more, and an error that nobody asks for stays in the pool. One that nobody can
 * ask for is printed at once: that of a task which has posted its value itself, or was killed by
 * {@linkcode kill}; so is one that comes after the end of the block and that nobody waits for.
 *
 * Source: `eventlet.dagpool.DAGPool`.
 *
 * @typeParam K The type of the keys.
 * @typeParam V The type of the values.
 *
 * @example Two steps side by side, and one behind them
 * ```ts
 * import { DAGPool, sleep } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * await using pool = new DAGPool<string, string>();
 * pool.spawn("link", ["a.o", "b.o"], async (_key, objects) => {
 *   const names: string[] = [];
 *   for await (const [name] of objects) names.push(name); // as they are done
 *   return names.join(" + ");
 * });
 * const compile = async (key: string, _results: unknown, ms: number) => {
 *   await sleep(ms);
 *   return key;
 * };
 * pool.spawn("a.o", [], compile, 2);
 * pool.spawn("b.o", [], compile, 1);
 * assertEquals(await pool.value("link"), "b.o + a.o");
 * ```
 */
export class DAGPool<K, V> implements AsyncDisposable {
  /** The tasks that have not ended. */
  readonly #tasks = new Map<K, DAGTask<K, V>>();
  readonly #crew: Crew<K, V> = new Crew((task) => this.#settle(task));
  readonly #untold = new Untold((task) => task instanceof DAGTask && this.#tasks.get(task.key) === task);
  readonly #values: DAGValues<K, V> = new DAGValues((key: K) => this.#tasks.get(key), this.#untold);
  /** Of the running tasks; only keys without a value. */
  readonly #graph = new DependencyGraph<K>();
  /** Whether a block has ended at whose end errors are reported. */
  #disposed = false;

  /**
   * Makes a pool.
   *
   * @param preload Values that are there from the beginning: a `Map`, or other pairs of key and value.
   * @throws {TypeError} If `preload` is something else.
   */
  constructor(preload: Iterable<readonly [K, V]> = []) {
    for (const [key, value] of pairsOf(preload, "create pool", "preload")) this.#values.post(key, value);
  }

  // ---- Tasks -----------------------------------------------------------------------------------------

  /**
   * Runs `fn(key, results, ...args)` in a new greenlet; what it returns becomes the value of the key. `results`
   * yields a pair of key and value for each of the keys in `depends`, once, in the order in which they come (those
   * that are there already in the order of `depends`). It throws the error of a task where its value would be;
   * asking on goes on behind it. It ends with the task. Does not switch.
   *
   * @param key Its key.
   * @param depends The keys whose values it gets; need not be known yet.
   * @param fn The body.
   * @param args What `fn` is called with behind key and results.
   * @returns The greenlet. Its error, if it fails, is not printed: see {@linkcode DAGPool}.
   * @throws {Collision} If a task with this key runs, or the key has a value.
   * @throws {DependencyCycle} If it depends on itself, be it by way of other tasks.
   * @throws {TypeError} If `depends` is not iterable or `fn` is not a function.
   */
  spawn<A extends unknown[]>(
    key: K,
    depends: Iterable<K>,
    fn: DAGFunction<K, V, A>,
    ...args: A
  ): Greenlet<V> {
    checkFunction(fn, "spawn task");
    const keys = keysOf(depends, "spawn task", "depends");
    this.#checkFree(key, "spawn task");
    this.#graph.add(key, this.#without(keys));
    return this.#start(key, keys, fn, args);
  }

  /**
   * Spawns a task for each pair of a key and the keys it depends on, as {@linkcode spawn} does; all of them or, if
   * it throws, none. Does not switch.
   *
   * @param depends A `Map`, or other pairs.
   * @param fn The body of all the tasks.
   * @param args What `fn` is called with behind key and results.
   * @throws {Collision} If a task with one of the keys runs, or the key has a value, or is there twice.
   * @throws {DependencyCycle} If a task depends on itself, be it by way of other tasks.
   * @throws {TypeError} If `depends` is something else or `fn` is not a function.
   *
   * @example Spawned in any order
   * ```ts
   * import { DAGPool } from "@verdant/green";
   * import { assertEquals } from "@std/assert";
   *
   * const order: string[] = [];
   * const pool = new DAGPool<string, number>();
   * pool.spawnMany([["d", ["b", "c"]], ["c", ["a"]], ["b", ["a"]], ["a", []]], async (key, results) => {
   *   await Array.fromAsync(results);
   *   return order.push(key);
   * });
   * await pool.waitAll();
   * assertEquals(order, ["a", "c", "b", "d"]);
   * ```
   */
  spawnMany<A extends unknown[]>(
    depends: Iterable<readonly [K, Iterable<K>]>,
    fn: DAGFunction<K, V, A>,
    ...args: A
  ): void {
    checkFunction(fn, "spawn tasks");
    const batch = new Map<K, Set<K>>();
    for (const [key, dependencies] of pairsOf(depends, "spawn tasks", "depends")) {
      if (batch.has(key)) throw new Collision(key, `Cannot spawn tasks: ${textOf(key)} is there twice`);
      batch.set(key, keysOf(dependencies, "spawn tasks", `what ${textOf(key)} depends on`));
    }
    for (const key of batch.keys()) this.#checkFree(key, "spawn tasks");
    this.#declare(batch);
    for (const [key, dependencies] of batch) this.#start(key, dependencies, fn, args);
  }

  /**
   * Kills the task with a key and waits for its end. By that the key gets no value: who waits for it goes on
   * waiting, and once the task has ended the key is free again. (A value that the task has posted itself stays.)
   * Switches, unless `block` is false or the task has not begun.
   *
   * @returns Whether it has ended; `false` on time-out.
   * @throws {RangeError} If no task with this key runs, or the time-out is negative or NaN.
   * @throws {TypeError} If `reason` is neither an error, an error class nor a message.
   *
   * @example Try again
   * ```ts
   * import { DAGPool, sleep } from "@verdant/green";
   * import { assertEquals } from "@std/assert";
   *
   * const pool = new DAGPool<string, number>();
   * const fetch = async (_key: string, _results: unknown, ms: number) => {
   *   await sleep(ms);
   *   return ms;
   * };
   * pool.spawn("page", [], fetch, 60_000);
   * await sleep();
   * await pool.kill("page");
   * pool.spawn("page", [], fetch, 1);
   * assertEquals(await pool.value("page"), 1);
   * ```
   */
  kill(key: K, options: KillMembersOptions = {}): Promise<boolean> {
    const task = this.#tasks.get(key);
    if (task === undefined) throw new RangeError(`Cannot kill task ${textOf(key)}: it does not run`);
    const { discarded } = task;
    try {
      task.discarded = true; // it may end within the next call
      return this.#crew.killOne(task, options);
    } catch (error) {
      task.discarded = discarded;
      throw error;
    }
  }

  /** How many tasks have not ended, those that wait included. */
  get running(): number {
    return this.#tasks.size;
  }

  /** The keys of the tasks that have not ended, in the order of their spawns. */
  get runningKeys(): K[] {
    return [...this.#tasks.keys()];
  }

  /** How many of the tasks depend on values that are not there. Others who wait for a value do not count. */
  get waiting(): number {
    return this.#graph.waiting;
  }

  /**
   * Which values that are not there each task depends on; those that miss none are left out. Shows why a pool
   * does not go on. Does not switch.
   */
  waitingFor(): Map<K, Set<K>>;
  /**
   * The same for one task; empty if its key has a value. Does not switch.
   *
   * @throws {RangeError} If the pool does not know the key.
   */
  waitingFor(key: K): Set<K>;
  waitingFor(...keys: [K?]): Map<K, Set<K>> | Set<K> {
    if (keys.length === 0) return this.#graph.allMissing();
    const key = keys[0] as K;
    if (!this.#tasks.has(key) && !this.#values.has(key)) {
      throw new RangeError(`Cannot tell what task ${textOf(key)} waits for: the pool does not know it`);
    }
    return this.#graph.missing(key);
  }

  // ---- Values ----------------------------------------------------------------------------------------

  /**
   * Sets the value of a key and wakes everybody who waits for it. A task may post the value of its own key: then
   * what it returns is dropped. Errors are values like others, but a {@linkcode PropagateError} is thrown to whoever
   * asks for the value. Does not switch.
   *
   * With `replace`, those whose wait is over already may have got the old value.
   *
   * @throws {Collision} If the task with this key runs and is not the caller, or the key has a value that is not
   * to be replaced.
   *
   * @example From outside
   * ```ts
   * import { DAGPool } from "@verdant/green";
   * import { assertEquals } from "@std/assert";
   *
   * const pool = new DAGPool<string, number>();
   * pool.spawn("double", ["n"], async (_key, results) => {
   *   for await (const [, n] of results) return 2 * n;
   *   return 0;
   * });
   * pool.post("n", 21);
   * assertEquals(await pool.value("double"), 42);
   * ```
   */
  post(key: K, value: V | PropagateError, options: PostOptions = {}): void {
    const task = this.#tasks.get(key);
    if (task !== undefined && task !== callerTask()) {
      throw new Collision(key, `Cannot post ${textOf(key)}: its task runs`);
    }
    if (!options.replace && this.#values.has(key)) {
      throw new Collision(key, `Cannot post ${textOf(key)}: it has a value`);
    }
    this.#publish(key, value);
  }

  /**
   * Waits for the value of a key. Switches unless it is there.
   *
   * Source: `pool[key]` in eventlet.
   *
   * @throws {PropagateError} If its task has failed.
   * @throws {Timeout} If it does not come in time.
   * @throws {RangeError} If the time-out is negative or NaN.
   */
  value(key: K, options?: WaitOptions): Promise<V> {
    return this.#values.value(key, options);
  }

  /**
   * Waits until keys have values: those given, or all that run or have a value now. Switches unless they are there.
   *
   * @returns The values, in the order of the keys.
   * @throws {PropagateError} As soon as one of the tasks has failed.
   * @throws {Timeout} If they do not all come in time; the message names those that are missing.
   * @throws {RangeError} If the time-out is negative or NaN.
   * @throws {TypeError} If `keys` is not iterable.
   */
  wait(keys?: Iterable<K>, options?: WaitOptions): Promise<Map<K, V>> {
    const plan = planWait(options, "wait for values");
    const gathering = new DAGGathering(this.#values, this.#wanted(keys));
    const task = enterWait("wait for values");
    return refusal(task, plan) ?? gathering.wait(task, plan);
  }

  /**
   * Waits until all the keys that run now have values. Switches unless they do.
   *
   * @returns All the values.
   * @throws {PropagateError} As soon as one of the tasks has failed.
   * @throws {Timeout} If they do not all come in time; the message names those that are missing.
   * @throws {RangeError} If the time-out is negative or NaN.
   */
  waitAll(options?: WaitOptions): Promise<Map<K, V>> {
    return this.wait(undefined, options);
  }

  /**
   * Yields the values of keys, those given, or all that run or have a value now: each once, in the order in which
   * they come (those that are there already in the order of the keys). Throws the error of a task where its
   * value would be; asking on goes on behind it. Asking for one switches unless it is there; a time-out or a kill
   * meanwhile loses none.
   *
   * @throws {TypeError} If `keys` is not iterable.
   */
  waitEach(keys?: Iterable<K>): AsyncIterableIterator<[K, V]> {
    return this.#each<V>(keys, EVERYTHING);
  }

  /**
   * As {@linkcode waitEach}, but skips the tasks that fail.
   *
   * @throws {TypeError} If `keys` is not iterable.
   */
  waitEachSuccess(keys?: Iterable<K>): AsyncIterableIterator<[K, V]> {
    return this.#each<V>(keys, SUCCESSES);
  }

  /**
   * As {@linkcode waitEach}, but yields the errors of the tasks that fail, and skips the others.
   *
   * @throws {TypeError} If `keys` is not iterable.
   *
   * @example Who has failed?
   * ```ts
   * import { DAGPool } from "@verdant/green";
   * import { assertEquals } from "@std/assert";
   *
   * const pool = new DAGPool<number, number>();
   * pool.spawnMany([[1, []], [2, []], [3, []]], (n) => {
   *   if (n === 2) throw new RangeError("two");
   *   return n;
   * });
   * for await (const [n, error] of pool.waitEachException()) assertEquals([n, error.root], [2, new RangeError("two")]);
   * ```
   */
  waitEachException(keys?: Iterable<K>): AsyncIterableIterator<[K, PropagateError<K>]> {
    return this.#each<PropagateError<K>>(keys, EXCEPTIONS);
  }

  /**
   * The value of a key, without waiting for it.
   *
   * @returns The value, or `undefined` if there is none yet.
   * @throws {PropagateError} If its task has failed.
   */
  get(key: K): V | undefined;
  /**
   * The value of a key, without waiting for it.
   *
   * @returns The value, or `fallback` if there is none yet.
   * @throws {PropagateError} If its task has failed.
   */
  get<F>(key: K, fallback: F): V | F;
  get(key: K, fallback?: unknown): unknown {
    const posted = this.#values.find(key);
    return posted === undefined ? fallback : this.#values.unwrap(posted.value);
  }

  /** Whether a key has a value; also if that is an error. */
  has(key: K): boolean {
    return this.#values.has(key);
  }

  /** The keys that have a value, in the order in which they got it. */
  keys(): K[] {
    return [...this.#values.keys()];
  }

  /**
   * The values that are there, with their keys, in the order in which they came. Does not switch.
   *
   * @throws {PropagateError} If one of the tasks has failed.
   */
  items(): [K, V][] {
    return this.keys().map((key) => [key, this.#values.unwrap(this.#values.find(key)!.value)]);
  }

  /** Kills the tasks, waits for their clean-up, and reports the errors that nobody was told of. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#crew.kill();
    } finally {
      this.#disposed = true;
      this.#untold.report();
    }
  }

  // ----------------------------------------------------------------------------------------------------

  #checkFree(key: K, action: string): void {
    const reason = this.#tasks.has(key) ? "its task runs" : "it has a value";
    if (!this.#tasks.has(key) && !this.#values.has(key)) return;
    throw new Collision(key, `Cannot ${action} ${textOf(key)}: ${reason}`);
  }

  /** Enters all into the graph, or none. */
  #declare(batch: ReadonlyMap<K, ReadonlySet<K>>): void {
    const declared: K[] = [];
    try {
      for (const [key, dependencies] of batch) {
        this.#graph.add(key, this.#without(dependencies));
        declared.push(key);
      }
    } catch (error) {
      for (const key of declared) this.#graph.remove(key);
      throw error;
    }
  }

  /** Starts a task that the graph knows. */
  #start(
    key: K,
    depends: Set<K>,
    // deno-lint-ignore no-explicit-any -- bodies of every signature
    fn: DAGFunction<K, V, any[]>,
    args: readonly unknown[],
  ): Greenlet<V> {
    const results = new DAGResults<K, V>(this.#values, depends, EVERYTHING);
    const task = new DAGTask<K, V>(key, results, this.#untold, fn, args);
    task.name = textOf(key);
    this.#tasks.set(key, task); // before it may be killed at birth, while the pool is killed
    this.#crew.add(task);
    task.start();
    return task;
  }

  /** A task has ended. */
  #settle(task: DAGTask<K, V>): void {
    const { key } = task;
    task.results.close();
    this.#graph.remove(key);
    if (!task.discarded && !this.#values.has(key)) this.#publish(key, task.keepProduct());
    this.#tasks.delete(key);
    if (this.#disposed) this.#untold.report(); // of those who wait for it, everybody was told
  }

  #publish(key: K, value: V | PropagateError): void {
    this.#graph.resolve(key);
    this.#values.post(key, value);
  }

  #without(keys: ReadonlySet<K>): IterableIterator<K> {
    return keys.values().filter((key) => !this.#values.has(key));
  }

  #each<T>(keys: Iterable<K> | undefined, view: View): AsyncIterableIterator<[K, T]> {
    return new DAGResults<K, T>(this.#values, this.#wanted(keys), view);
  }

  /** The keys asked for: all that are known now, unless some are named. */
  #wanted(keys: Iterable<K> | undefined): Set<K> {
    if (keys !== undefined) return keysOf(keys, "wait for values", "keys");
    return new Set([...this.#values.keys(), ...this.#tasks.keys()]);
  }
}
