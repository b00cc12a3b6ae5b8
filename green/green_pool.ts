import { enterWait, Named, quiet, titleOf, type WaitOptions } from "../hub/mod.ts";
import { checkFunction, checkSize } from "../sync/check.ts";
import { getCurrent } from "./current.ts";
import { Greenlet } from "./greenlet.ts";
import { checkGreenlet, Group } from "./group.ts";
import { Imap, type Items, type Results } from "./imap.ts";
import { checkMapping } from "./mapping_group.ts";
import type { KillMembersOptions } from "./members.ts";
import { Pool, type PoolStatistics } from "./pool.ts";
import { type ItemsOfAll, zip } from "./zip.ts";

const DEFAULT_SIZE = 1_000;

/** A pool whose door is open to the classes of this file. */
class Workers extends Pool {
  readonly #owner: GreenPool;

  constructor(size: number, owner: GreenPool) {
    super(size);
    this.#owner = owner;
  }

  override get inspectTitle(): string {
    return titleOf(this.#owner);
  }

  override launch<G extends Greenlet>(greenlet: G): Promise<G> {
    return super.launch(greenlet);
  }
}

/**
 * A pool of at most `size` greenlets, eventlet's way. Who wants to spawn into a full one waits for a slot, first
 * come first served; only if that is one of the pool's own greenlets, it lends its slot, so that greenlets which
 * spawn more of their kind cannot end up waiting for each other.
 *
 * `await using` kills what is left and waits for its clean-up.
 *
 * Source: `eventlet.GreenPool`.
 *
 * @example Fetch pages, a few at a time
 * ```ts
 * import { GreenPool, sleep } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * async function fetchPage(url: string) {
 *   await sleep(1);
 *   return `<h1>${url}</h1>`;
 * }
 * const pool = new GreenPool(2);
 * const pages = await Array.fromAsync(pool.imap(fetchPage, ["/a", "/b", "/c"]));
 * assertEquals(pages, ["<h1>/a</h1>", "<h1>/b</h1>", "<h1>/c</h1>"]);
 * ```
 */
export class GreenPool extends Named implements AsyncDisposable {
  readonly #workers: Workers;
  /** Greenlets that run in the slot of the one that spawned them, which waits for them. */
  readonly #guests: Group = new Group();

  /**
   * Makes a pool.
   *
   * @param size How many greenlets may run at a time. A pool of size 0 runs nothing until it is resized.
   * @throws {RangeError} If `size` is not a non-negative integer or `Infinity`.
   */
  constructor(size: number = DEFAULT_SIZE) {
    super();
    checkSize(size, 0, "create pool", "size");
    this.#workers = new Workers(size, this);
  }

  /**
   * Figures about it, as they are now: a frozen object. Greenlets that run in the slot of another are not counted.
   * Does not switch.
   */
  statistics(): PoolStatistics {
    return this.#workers.statistics();
  }

  /** How many greenlets may run at a time. */
  get size(): number {
    return this.#workers.maxSize;
  }

  /** How many greenlets were spawned and have not ended. */
  get running(): number {
    return this.#workers.size;
  }

  /** How many slots are free; negative if it was made smaller than it is full. */
  get free(): number {
    return this.#workers.freeCount;
  }

  /** How many greenlets wait for a slot. */
  get waiting(): number {
    return this.#workers.waiting;
  }

  /** Whether a greenlet runs in the pool. */
  has(greenlet: Greenlet): boolean {
    return this.#workers.has(greenlet) || this.#guests.has(greenlet);
  }

  /**
   * Runs `fn(...args)` in a new greenlet, waiting for a slot if none is free. Switches only then.
   *
   * In a full pool, a greenlet of the pool waits for the end of the new one instead, which runs in its slot; if
   * that wait is interrupted, the new one is killed.
   *
   * @returns The greenlet: `await` does not wait for its end.
   * @throws {TypeError} If `fn` is not a function.
   *
   * @example A walk over a tree, in a pool that is too small for it
   * ```ts
   * import { GreenPool } from "@verdant/green";
   * import { assertEquals } from "@std/assert";
   *
   * const pool = new GreenPool(2);
   * const seen: number[] = [];
   * async function visit(node: number) {
   *   seen.push(node);
   *   for (const child of [node * 2, node * 2 + 1]) {
   *     if (child < 8) await pool.spawn(visit, child);
   *   }
   * }
   * await pool.spawn(visit, 1);
   * await pool.waitAll();
   * assertEquals(seen.toSorted(), [1, 2, 3, 4, 5, 6, 7]);
   * ```
   */
  spawn<A extends unknown[], R>(fn: (...args: A) => R, ...args: A): Promise<Greenlet<Awaited<R>>> {
    checkFunction(fn, "spawn greenlet");
    return this.#launch(this.createGreenlet(fn, args));
  }

  /**
   * As {@linkcode spawn}, if nobody wants the result.
   *
   * @throws {TypeError} If `fn` is not a function.
   */
  spawnN<A extends unknown[]>(fn: (...args: A) => unknown, ...args: A): Promise<void> {
    return this.spawn(fn, ...args) as Promise<unknown> as Promise<void>;
  }

  /**
   * As {@linkcode spawn}, with a greenlet that was not started yet.
   *
   * @throws {TypeError} If it is not a greenlet.
   */
  start(greenlet: Greenlet): Promise<void> {
    checkGreenlet(greenlet, "pool");
    return this.#launch(greenlet) as Promise<unknown> as Promise<void>;
  }

  /**
   * Changes how many greenlets may run at a time. More: those who wait for a slot get one. Fewer: those that run
   * go on. Does not switch.
   *
   * @throws {RangeError} If `size` is not a non-negative integer or `Infinity`; the pool is as it was.
   */
  resize(size: number): void {
    this.#workers.resize(size);
  }

  /**
   * Waits until no greenlet runs in the pool, also none of those spawned meanwhile. Switches unless that is so.
   *
   * @returns `true`, or `false` on time-out.
   * @throws {Error} If a greenlet of the pool calls it: it would wait for itself.
   * @throws {RangeError} If the time-out is negative or NaN.
   */
  waitAll(options?: WaitOptions): Promise<boolean> {
    if (this.#callerIsInside()) {
      throw new Error("Cannot wait for all: called by a greenlet of the pool, which would wait for itself");
    }
    return this.#workers.join(options);
  }

  /**
   * Kills what runs in the pool, and waits for its end. Those who wait for a slot get one, and what they spawn
   * into it while this waits is killed as well. Switches, unless `block` is false or nothing runs.
   *
   * @returns Whether nothing runs any more; `false` on time-out.
   * @throws {TypeError} If `reason` is neither an error, an error class nor a message.
   */
  kill(options?: KillMembersOptions): Promise<boolean> {
    return this.#workers.kill(options); // guests end with their hosts
  }

  /** Kills what is left and waits for its clean-up. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#workers[Symbol.asyncDispose]();
  }

  /**
   * Calls `fn` with the first items of the sources, the second ones and so on, each call in a greenlet of the
   * pool, and yields the results in order. The shortest source ends it.
   *
   * Nothing happens before the first result is asked for. From then on at most `size` results are running or wait
   * to be taken; leaving the loop kills what is left of the work.
   *
   * Called by a greenlet of the pool, it works in a pool of its own of the same size: the work could otherwise
   * wait for its caller's slot.
   *
   * @param fn `null` yields the tuples of items themselves.
   * @throws {TypeError} If `fn` is not a function, or a source cannot be iterated.
   *
   * @example Two sources
   * ```ts
   * import { GreenPool } from "@verdant/green";
   * import { assertEquals } from "@std/assert";
   *
   * const sums = new GreenPool(4).imap((a: number, b: number) => a + b, [1, 2, 3], [10, 20]);
   * assertEquals(await Array.fromAsync(sums), [11, 22]);
   * ```
   */
  imap<S extends Items<unknown>[], R>(
    fn: (...items: ItemsOfAll<S>) => R | PromiseLike<R>,
    ...sources: S
  ): Results<R>;
  /** Yields the tuples of items. */
  imap<S extends Items<unknown>[]>(fn: null, ...sources: S): Results<ItemsOfAll<S>>;
  imap(fn: ((...items: unknown[]) => unknown) | null, ...sources: Items<unknown>[]): Results<unknown> {
    const call = fn === null ? (...tuple: unknown[]) => tuple : fn;
    checkMapping(call, ...sources);
    return this.starmap(call, zip(sources));
  }

  /**
   * As {@linkcode imap}, calling `fn(...tuple)` for every tuple of one source.
   *
   * @throws {TypeError} If `fn` is not a function or `tuples` cannot be iterated.
   *
   * @example Several arguments each
   * ```ts
   * import { GreenPool } from "@verdant/green";
   * import { assertEquals } from "@std/assert";
   *
   * const powers = new GreenPool().starmap(Math.pow, [[2, 3], [3, 2]]);
   * assertEquals(await Array.fromAsync(powers), [8, 9]);
   * ```
   */
  starmap<A extends unknown[], R>(fn: (...args: A) => R | PromiseLike<R>, tuples: Items<A>): Results<R> {
    checkMapping(fn, tuples);
    const workers = this.#callerIsInside() ? new Workers(this.size, this) : this.#workers;
    return new Imap({
      fn: (tuple: A) => fn(...tuple),
      items: tuples,
      maxSize: Math.max(1, this.size),
      ordered: true,
      lazy: true,
      launch: (job) => workers.launch(job),
    });
  }

  /** Makes what `spawn()` returns, for subclasses. */
  protected createGreenlet<A extends unknown[], R>(fn: (...args: A) => R, args: A): Greenlet<Awaited<R>> {
    return new Greenlet<Awaited<R>>(fn as (...args: A) => Awaited<R>, ...args);
  }

  #callerIsInside(): boolean {
    const caller = getCurrent();
    return caller !== undefined && this.has(caller);
  }

  #launch<G extends Greenlet>(greenlet: G): Promise<G> {
    if (this.free > 0 || !this.#callerIsInside()) return this.#workers.launch(greenlet);
    enterWait("spawn into pool");
    return quiet(this.#lend(greenlet));
  }

  /** Runs a greenlet in the slot of the caller, which waits for it. */
  async #lend<G extends Greenlet>(guest: G): Promise<G> {
    this.#guests.add(guest);
    guest.start();
    try {
      await guest.join();
    } finally {
      if (!guest.dead) await guest.kill();
    }
    return guest;
  }
}
