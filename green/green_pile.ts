import { enterWait, quiet, Ring } from "../hub/mod.ts";
import { checkFunction } from "../sync/check.ts";
import { GreenPool } from "./green_pool.ts";
import { KeptJob } from "./kept_job.ts";
import { killAll } from "./kill.ts";

/** One result that was ordered. */
interface Place<T> {
  readonly number: number;
  readonly job: KeptJob<T>;
  /** Whether the call that ordered it was interrupted: then nobody is told how it ended. */
  withdrawn: boolean;
}

/**
 * A pile of work: `spawn()` functions into it, then take their results in the order of the spawns.
 *
 * An error is thrown by the `next()` of its position; asking on goes on behind it. A `next()` that is interrupted
 * loses nothing: the result goes to the one who asks next. Leaving a `for await` loop leaves the rest as it is, for
 * another loop; `await using` kills what is left.
 *
 * Source: `eventlet.GreenPile`.
 *
 * @typeParam T What the functions return.
 *
 * @example Several at once
 * ```ts
 * import { GreenPile, sleep } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const pile = new GreenPile<string>();
 * for (const ms of [3, 1, 2]) {
 *   await pile.spawn(async () => {
 *     await sleep(ms);
 *     return `${ms} ms`;
 *   });
 * }
 * assertEquals(await Array.fromAsync(pile), ["3 ms", "1 ms", "2 ms"]);
 * ```
 */
export class GreenPile<T = unknown> implements AsyncIterableIterator<T>, AsyncDisposable {
  readonly #pool: GreenPool;
  readonly #places: Ring<Place<T>> = new Ring();
  /** Taken by a `next()` that was interrupted, in order; they come before the others. */
  readonly #returned: Place<T>[] = [];
  #ordered = 0;

  /**
   * Makes a pile.
   *
   * @param sizeOrPool How many functions run at a time, or the pool they run in, which several piles may share.
   * @throws {RangeError} If the size is not a non-negative integer or `Infinity`.
   * @throws {TypeError} If it is neither a number nor a `GreenPool`.
   */
  constructor(sizeOrPool?: number | GreenPool) {
    if (sizeOrPool !== undefined && typeof sizeOrPool !== "number" && !(sizeOrPool instanceof GreenPool)) {
      throw new TypeError(
        `Cannot create pile: expected a size or a GreenPool, received ${String(sizeOrPool)}`,
      );
    }
    this.#pool = sizeOrPool instanceof GreenPool ? sizeOrPool : this.createPool(sizeOrPool);
  }

  /** The pool that the functions run in. */
  get pool(): GreenPool {
    return this.#pool;
  }

  /** How many results are to be taken, those of functions that still run included. */
  get size(): number {
    return this.#returned.length + this.#places.size;
  }

  /**
   * Runs `fn(...args)` in the pool, waiting for a slot if none is free. Switches only then.
   *
   * @throws {TypeError} If `fn` is not a function.
   */
  spawn<A extends unknown[]>(fn: (...args: A) => T | PromiseLike<T>, ...args: A): Promise<void> {
    checkFunction(fn, "spawn greenlet");
    enterWait("spawn into pile");
    const place = { number: this.#ordered++, job: new KeptJob<T>(fn, ...args), withdrawn: false };
    this.#places.push(place);
    return quiet(this.#start(place));
  }

  /** Waits for the next result. Switches unless it is there. */
  next(): Promise<IteratorResult<T>> {
    enterWait("take next result");
    return quiet(this.#next());
  }

  /** Takes results until none is ordered. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Kills what is left and waits for its clean-up. Errors that nobody was told of are reported. */
  [Symbol.asyncDispose](): Promise<void> {
    const jobs: KeptJob<T>[] = [];
    for (let place = this.#shift(); place !== undefined; place = this.#shift()) jobs.push(place.job);
    for (const job of jobs) job.abandon();
    return killAll(jobs);
  }

  /** Makes the pool it works in if it is given none, for subclasses. */
  protected createPool(size?: number): GreenPool {
    return new GreenPool(size);
  }

  async #start(place: Place<T>): Promise<void> {
    try {
      await this.#pool.start(place.job);
    } catch (error) {
      place.withdrawn = true;
      place.job.abandon();
      void place.job.kill(undefined, { block: false }); // wakes a `next()` that waits for it
      throw error;
    }
  }

  async #next(): Promise<IteratorResult<T>> {
    for (let place = this.#shift(); place !== undefined; place = this.#shift()) {
      try {
        const value = await place.job.get();
        if (!place.withdrawn) return { done: false, value };
      } catch (error) {
        const caused = place.job.caused(error);
        if (!caused) this.#giveBack(place);
        if (!caused || !place.withdrawn) throw error;
      }
    }
    return { done: true, value: undefined };
  }

  #shift(): Place<T> | undefined {
    return this.#returned.shift() ?? this.#places.shift();
  }

  #giveBack(place: Place<T>): void {
    const later = this.#returned.findIndex(({ number }) => number > place.number);
    this.#returned.splice(later < 0 ? this.#returned.length : later, 0, place);
  }
}
