import { enterWait, quiet } from "../hub/mod.ts";
import { checkFunction, checkSize } from "../sync/check.ts";
import { getCurrent } from "./current.ts";
import { Greenlet } from "./greenlet.ts";
import { Imap, type Items, type Results } from "./imap.ts";
import { Job } from "./job.ts";
import { Members } from "./members.ts";

/**
 * Options of `imap()` and its kin.
 *
 * @example Two results ahead at most
 * ```ts
 * import { Group, type ImapOptions } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const options: ImapOptions = { maxSize: 2 };
 * const results = new Group().imapUnordered((n: number) => -n, [1, 2], options);
 * assertEquals(await Array.fromAsync(results), [-1, -2]);
 * ```
 */
export interface ImapOptions {
  /**
   * How many results may wait to be taken, running ones included: bounds the memory when the results are
   * taken slowly.
   *
   * @default {Infinity}
   */
  maxSize?: number | undefined;
}

/**
 * The functions that spread work over greenlets: what {@linkcode Group} and {@linkcode Pool} have in
 * common.
 *
 * Source: `gevent.pool.GroupMappingMixin`.
 *
 * @example The same work for groups and pools
 * ```ts
 * import { Group, type MappingGroup, Pool } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const double = (group: MappingGroup) => group.map((n: number) => n * 2, [1, 2]);
 * assertEquals(await double(new Group()), [2, 4]);
 * assertEquals(await double(new Pool(1)), [2, 4]);
 * ```
 */
export abstract class MappingGroup extends Members {
  /** What reports call it; `undefined` if it was given no name. */
  name: string | undefined = undefined;

  /** Makes a greenlet a member and starts it; a pool waits for a slot first. */
  protected abstract launch<G extends Greenlet>(greenlet: G): Promise<G>;

  /**
   * Calls `fn(...args)` in a new member and waits for the result. A member that calls this runs `fn`
   * itself: in a full pool it could wait for its own slot for ever. Switches. If the wait is interrupted,
   * the work is killed.
   *
   * Source: `gevent.pool.Group.apply`.
   *
   * @returns What `fn` returns.
   * @throws {TypeError} If `fn` is not a function.
   *
   * @example Call through a pool
   * ```ts
   * import { Pool } from "@verdant/green";
   * import { assertEquals } from "@std/assert";
   *
   * const pool = new Pool(2);
   * assertEquals(await pool.apply(Math.max, [1, 5, 3]), 5);
   * ```
   */
  apply<A extends unknown[], R>(
    fn: (...args: A) => R | PromiseLike<R>,
    args: A = [] as unknown[] as A,
  ): Promise<R> {
    checkFunction(fn, "apply");
    enterWait("apply in group");
    const caller = getCurrent();
    return quiet(caller !== undefined && this.has(caller) ? callInline(fn, args) : this.#call(fn, args));
  }

  /**
   * As {@linkcode apply}, without waiting: a full pool starts the work later. Does not switch.
   *
   * Source: `gevent.pool.Group.apply_async`.
   *
   * @param callback Gets the result, in a greenlet of its own; not called after an error.
   * @returns The greenlet.
   * @throws {TypeError} If `fn` or `callback` is not a function.
   */
  applyAsync<A extends unknown[], R>(
    fn: (...args: A) => R | PromiseLike<R>,
    args: A = [] as unknown[] as A,
    callback?: (result: R) => unknown,
  ): Greenlet<R> {
    checkFunction(fn, "apply");
    if (callback !== undefined) checkFunction(callback, "apply", "callback");
    const greenlet = new Greenlet<R>(fn, ...args);
    passResult(greenlet, callback);
    new Job(() => this.launch(greenlet)).start();
    return greenlet;
  }

  /**
   * Calls `fn(item)` for every item, each in a member, and waits for all results. The first failure, in
   * the order of the items, kills what is left of the work. Switches.
   *
   * Source: `gevent.pool.Group.map`.
   *
   * @returns The results, in the order of the items.
   * @throws {TypeError} If `fn` is not a function or `items` cannot be iterated.
   * @throws The first error of a task, by position; the items' own error if iterating them fails.
   *
   * @example Two at a time
   * ```ts
   * import { Pool, sleep } from "@verdant/green";
   * import { assertEquals } from "@std/assert";
   *
   * const pool = new Pool(2);
   * const squares = await pool.map(async (n) => {
   *   await sleep(1);
   *   return n * n;
   * }, [1, 2, 3]);
   * assertEquals(squares, [1, 4, 9]);
   * ```
   */
  map<T, R>(fn: (item: T) => R | PromiseLike<R>, items: Items<T>): Promise<R[]> {
    checkMapping(fn, items);
    enterWait("map in group");
    return quiet(collect(() => this.imap(fn, items)));
  }

  /**
   * As {@linkcode map}, without waiting. Does not switch. Killing the returned greenlet kills the work.
   *
   * Source: `gevent.pool.Group.map_async`.
   *
   * @param callback Gets the results, in a greenlet of its own; not called after an error.
   * @returns A greenlet, no member, whose result is the results.
   * @throws {TypeError} If `fn` or `callback` is not a function or `items` cannot be iterated.
   */
  mapAsync<T, R>(
    fn: (item: T) => R | PromiseLike<R>,
    items: Items<T>,
    callback?: (results: R[]) => unknown,
  ): Greenlet<R[]> {
    checkMapping(fn, items);
    if (callback !== undefined) checkFunction(callback, "map", "callback");
    const greenlet = new Greenlet<R[]>(() => this.map(fn, items));
    passResult(greenlet, callback);
    greenlet.start();
    return greenlet;
  }

  /**
   * Calls `fn(item)` for every item, each in a member, and yields the results in the order of the items.
   * Begins at once; items are taken as there is room. Asking for a result switches.
   *
   * Source: `gevent.pool.Group.imap`.
   *
   * @throws {TypeError} If `fn` is not a function or `items` cannot be iterated.
   * @throws {RangeError} If `maxSize` is not a positive integer or `Infinity`.
   *
   * @example Results as they are asked for
   * ```ts
   * import { Pool } from "@verdant/green";
   * import { assertEquals } from "@std/assert";
   *
   * const doubled: number[] = [];
   * for await (const n of new Pool(8).imap((n: number) => n * 2, [1, 2, 3], { maxSize: 2 })) {
   *   doubled.push(n);
   * }
   * assertEquals(doubled, [2, 4, 6]);
   * ```
   */
  imap<T, R>(fn: (item: T) => R | PromiseLike<R>, items: Items<T>, options?: ImapOptions): Results<R> {
    return this.#imap(fn, items, options, true);
  }

  /**
   * As {@linkcode imap}, yielding the results as they are done.
   *
   * Source: `gevent.pool.Group.imap_unordered`.
   *
   * @throws {TypeError} If `fn` is not a function or `items` cannot be iterated.
   * @throws {RangeError} If `maxSize` is not a positive integer or `Infinity`.
   */
  imapUnordered<T, R>(
    fn: (item: T) => R | PromiseLike<R>,
    items: Items<T>,
    options?: ImapOptions,
  ): Results<R> {
    return this.#imap(fn, items, options, false);
  }

  /**
   * As {@linkcode imap}, calling `fn(...tuple)` for every tuple.
   *
   * Source: `eventlet.GreenPool.starmap`.
   *
   * @throws {TypeError} If `fn` is not a function or `tuples` cannot be iterated.
   * @throws {RangeError} If `maxSize` is not a positive integer or `Infinity`.
   *
   * @example Several arguments each
   * ```ts
   * import { Group } from "@verdant/green";
   * import { assertEquals } from "@std/assert";
   *
   * const sums = new Group().starmap((a: number, b: number) => a + b, [[1, 2], [3, 4]]);
   * assertEquals(await Array.fromAsync(sums), [3, 7]);
   * ```
   */
  starmap<A extends unknown[], R>(
    fn: (...args: A) => R | PromiseLike<R>,
    tuples: Items<A>,
    options?: ImapOptions,
  ): Results<R> {
    checkMapping(fn, tuples);
    return this.#imap((tuple: A) => fn(...tuple), tuples, options, true);
  }

  #imap<T, R>(
    fn: (item: T) => R | PromiseLike<R>,
    items: Items<T>,
    { maxSize = Infinity }: ImapOptions = {},
    ordered: boolean,
  ): Results<R> {
    checkMapping(fn, items);
    checkSize(maxSize, 1, "map", "maxSize");
    return new Imap({ fn, items, maxSize, ordered, launch: (job) => this.launch(job) });
  }

  async #call<A extends unknown[], R>(fn: (...args: A) => R | PromiseLike<R>, args: A): Promise<R> {
    const job = new Job<R>(fn, ...args);
    try {
      await this.launch(job);
      return await job.get();
    } catch (error) {
      if (!job.caused(error)) {
        job.abandon(); // also if it is dead: it may have failed after the interruption came
        if (!job.dead) await job.kill();
      }
      throw error;
    }
  }
}

async function callInline<A extends unknown[], R>(
  fn: (...args: A) => R | PromiseLike<R>,
  args: A,
): Promise<R> {
  return await fn(...args);
}

/** All results. If the wait is interrupted, the work is killed. */
export async function collect<R>(start: () => Results<R>): Promise<R[]> {
  await using results = start();
  const collected: R[] = [];
  for await (const result of results) collected.push(result);
  return collected;
}

function passResult<R>(greenlet: Greenlet<R>, callback: ((result: R) => unknown) | undefined): void {
  if (callback !== undefined) greenlet.linkValue(() => callback(greenlet.value as R));
}

/** Refuses what cannot be mapped. */
export function checkMapping(fn: unknown, ...sources: unknown[]): void {
  checkFunction(fn, "map");
  for (const items of sources) {
    const iterable = Object(items);
    if (Symbol.iterator in iterable || Symbol.asyncIterator in iterable) continue;
    throw new TypeError(`Cannot map: items must be iterable, received ${String(items)}`);
  }
}
