import { enterWait, getHub, planWait, quiet, Ring, type Waitable, type WaitOptions } from "../hub/mod.ts";
import { Event } from "../sync/event.ts";

/**
 * Options of {@linkcode wait} and {@linkcode iwait}.
 *
 * @example The first of two
 * ```ts
 * import { joinAll, sleep, spawn, type WaitManyOptions } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const options: WaitManyOptions = { count: 1 };
 * const greenlets = [spawn(() => sleep(60_000)), spawn(() => sleep())];
 * const [first] = await joinAll(greenlets, options);
 * assertEquals(first, greenlets[1]);
 * await greenlets[0]!.kill();
 * ```
 */
export interface WaitManyOptions extends WaitOptions {
  /**
   * How many ready objects are enough.
   *
   * @default {Infinity}
   */
  count?: number | undefined;
}

/**
 * What {@linkcode iwait} returns: yields each object as it becomes ready.
 *
 * @example Stop waiting at the end of the block
 * ```ts
 * import { Event, iwait, type WaitIterator } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const event = new Event();
 * event.set();
 * await using ready: WaitIterator<Event> = iwait([event]);
 * assertEquals((await ready.next()).value, event);
 * ```
 */
export interface WaitIterator<W> extends AsyncIterableIterator<W>, AsyncDisposable {}

/**
 * Yields each of `objects` as it becomes ready, the ones that are ready already first. Ends when all (or
 * `count`) were yielded, or silently when the time is over. An object given twice is yielded twice.
 * Asking for the next one switches.
 *
 * Source: `gevent.iwait`.
 *
 * @throws {RangeError} If the time-out is negative or NaN, or `count` is not a non-negative number.
 *
 * @example The fastest first
 * ```ts
 * import { iwait, sleep, spawn } from "@verdant/green";
 * import { assertStrictEquals } from "@std/assert";
 *
 * const slow = spawn(() => sleep(60_000));
 * const fast = spawn(() => sleep(1));
 * for await (const first of iwait([slow, fast])) {
 *   assertStrictEquals(first, fast);
 *   break;
 * }
 * await slow.kill();
 * ```
 */
export function iwait<W extends Waitable>(
  objects: Iterable<W>,
  options: WaitManyOptions = {},
): WaitIterator<W> {
  const { count = Infinity, ...limits } = options;
  planWait(limits, "wait for objects");
  checkCount(count);
  return new ReadyOrder([...objects], count, limits);
}

/** Yields objects in the order in which they become ready. Links them at the first `next()`. */
class ReadyOrder<W extends Waitable> implements WaitIterator<W> {
  readonly #objects: W[];
  readonly #limits: WaitOptions;
  #left: number;
  #links: Disposable[] | undefined = undefined;
  readonly #ready: Ring<W> = new Ring();
  /** Set while somebody is ready, and for good once it is over. */
  readonly #arrived: Event = new Event();
  #deadline = Infinity;

  constructor(objects: W[], count: number, limits: WaitOptions) {
    this.#objects = objects;
    this.#left = Math.min(count, objects.length);
    this.#limits = limits;
  }

  next(): Promise<IteratorResult<W>> {
    enterWait("wait for objects");
    return quiet(this.#next());
  }

  async #next(): Promise<IteratorResult<W>> {
    if (this.#left <= 0) this.#end();
    else this.#links ??= this.#link();
    try {
      // Also if somebody is ready: a kill is delivered here, and the others get their turn. Another `next()`
      // may have taken what woke this one.
      do {
        const inTime = await this.#arrived.wait(this.#remaining());
        if (!inTime || this.#left <= 0) return await this.return();
      } while (this.#ready.size === 0);
    } catch (error) {
      this.#end();
      throw error;
    }
    this.#left--;
    const value = this.#ready.shift()!;
    if (this.#ready.size === 0) this.#arrived.clear();
    return { done: false, value };
  }

  /** Stops waiting and removes the links. */
  return(): Promise<IteratorReturnResult<undefined>> {
    this.#end();
    return Promise.resolve({ done: true, value: undefined });
  }

  #end(): void {
    this.#left = 0;
    this.#arrived.set();
    for (const link of this.#links ?? []) link[Symbol.dispose]();
    this.#links = [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #link(): Disposable[] {
    const { timeout, owner } = planWait(this.#limits, "wait for objects");
    // A `Timeout` that interrupts by itself, or is over, stays the limit; another limits all the waits together.
    const stays = owner !== undefined && (timeout === Infinity || timeout === 0);
    if (!stays) this.#deadline = getHub().now() + timeout;
    const links: Disposable[] = [];
    // Ready ones first and at once, so that `timeout: 0` finds them.
    for (const object of this.#objects) if (object.ready) this.#arrive(object);
    for (const object of this.#objects) {
      if (!object.ready) links.push(object.rawlink(() => this.#arrive(object)));
    }
    return links;
  }

  #arrive(object: W): void {
    this.#ready.push(object);
    this.#arrived.set();
  }

  /** The limits of the next wait: the time-out is one for the whole iteration. */
  #remaining(): WaitOptions {
    if (this.#left <= 0) return {};
    if (this.#deadline === Infinity) return this.#limits;
    return { ...this.#limits, timeout: Math.max(0, this.#deadline - getHub().now()) };
  }
}

/**
 * Checks how many ready objects are wanted.
 *
 * @throws {RangeError} If it is not a non-negative number.
 */
export function checkCount(count: number): void {
  if (count >= 0) return;
  throw new RangeError(`Cannot wait for objects: count must be 0 or more, received ${count}`);
}

/**
 * Waits until all of `objects` (or `count` of them) are ready, or the time is over. Switches.
 *
 * Without objects it waits until nothing is left to do: see `hub.join()`.
 *
 * Source: `gevent.wait`.
 *
 * @returns The ready ones in the order in which they became ready; without objects, whether nothing is
 * left to do.
 * @throws {RangeError} If the time-out is negative or NaN, or `count` is not a non-negative number.
 *
 * @example Wait for an event and a greenlet
 * ```ts
 * import { Event, spawn, wait } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const event = new Event();
 * const g = spawn(() => event.set());
 * const ready = await wait([event, g]);
 * assertEquals(ready.length, 2);
 * ```
 */
export function wait<W extends Waitable>(objects: Iterable<W>, options?: WaitManyOptions): Promise<W[]>;
/**
 * Without objects: waits until nothing is left to do.
 *
 * @example Until nothing is left to do
 * ```ts
 * import { spawn, wait } from "@verdant/green";
 * import { assert } from "@std/assert";
 *
 * const g = spawn(() => 1);
 * await wait();
 * assert(g.ready);
 * ```
 */
export function wait(objects?: undefined, options?: WaitOptions): Promise<boolean>;
export function wait(
  objects?: Iterable<Waitable>,
  options: WaitManyOptions = {},
): Promise<Waitable[] | boolean> {
  if (objects === undefined) return getHub().join(options);
  enterWait("wait for objects");
  return quiet(Array.fromAsync(iwait(objects, options)));
}
