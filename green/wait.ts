import {
  enterWait,
  getHub,
  planWait,
  quiet,
  Timeout,
  toMilliseconds,
  type Waitable,
  type WaitOptions,
} from "../hub/mod.ts";
import { Event } from "../sync/event.ts";
import type { Greenlet } from "./greenlet.ts";

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
  readonly #ready: W[] = [];
  readonly #arrived: Event = new Event();
  #deadline = Infinity;

  constructor(objects: W[], count: number, limits: WaitOptions) {
    this.#objects = objects;
    this.#left = Math.min(count, objects.length);
    this.#limits = limits;
  }

  next(): Promise<IteratorResult<W>> {
    return quiet(this.#next());
  }

  async #next(): Promise<IteratorResult<W>> {
    if (this.#left <= 0) return await this.return();
    this.#links ??= this.#link();
    try {
      while (this.#ready.length === 0) {
        this.#arrived.clear();
        if (!await this.#arrived.wait(this.#remaining())) return await this.return();
      }
    } catch (error) {
      await this.return();
      throw error;
    }
    this.#left--;
    return { done: false, value: this.#ready.shift()! };
  }

  /** Stops waiting and removes the links. */
  return(): Promise<IteratorReturnResult<undefined>> {
    this.#left = 0;
    for (const link of this.#links ?? []) link[Symbol.dispose]();
    this.#links = [];
    return Promise.resolve({ done: true, value: undefined });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #link(): Disposable[] {
    const { timeout } = this.#limits;
    if (timeout !== undefined && !(timeout instanceof Timeout)) {
      this.#deadline = getHub().now() + toMilliseconds(timeout, "wait for objects");
    }
    const links: Disposable[] = [];
    // Ready ones first and at once, so that `timeout: 0` finds them.
    for (const object of this.#objects) if (object.ready) this.#ready.push(object);
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
    if (this.#deadline === Infinity) return this.#limits;
    return { ...this.#limits, timeout: Math.max(0, this.#deadline - getHub().now()) };
  }
}

function checkCount(count: number): void {
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

/**
 * Options of {@linkcode joinAll}.
 *
 * @example Throw the first error
 * ```ts
 * import { getHub, joinAll, type JoinAllOptions, spawn } from "@verdant/green";
 * import { assertRejects } from "@std/assert";
 *
 * getHub().onError = () => {}; // it would be printed as well
 * const options: JoinAllOptions = { raiseError: true };
 * const g = spawn(() => {
 *   throw new RangeError("no");
 * });
 * await assertRejects(() => joinAll([g], options), RangeError);
 * ```
 */
export interface JoinAllOptions extends WaitManyOptions {
  /**
   * Whether to throw the error of the first greenlet that failed.
   *
   * @default {false}
   */
  raiseError?: boolean | undefined;
}

/**
 * Waits until all greenlets (or `count` of them) have ended, or the time is over. Switches.
 *
 * Source: `gevent.joinall`.
 *
 * @returns Those that have ended, in the order of their ends.
 * @throws The error that came first, with `raiseError`; the others run on.
 * @throws {RangeError} If the time-out is negative or NaN, or `count` is not a non-negative number.
 *
 * @example Wait for all
 * ```ts
 * import { joinAll, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const done = await joinAll([spawn(() => 1), spawn(() => 2)]);
 * assertEquals(done.map((g) => g.value), [1, 2]);
 * ```
 */
export function joinAll<G extends Greenlet>(
  greenlets: Iterable<G>,
  options: JoinAllOptions = {},
): Promise<G[]> {
  const { raiseError = false, ...rest } = options;
  enterWait("join greenlets");
  return quiet(collect(iwait(greenlets, rest), raiseError));
}

async function collect<G extends Greenlet>(ends: WaitIterator<G>, raiseError: boolean): Promise<G[]> {
  const ended: G[] = [];
  for await (const greenlet of ends) {
    if (raiseError && greenlet.failed) throw greenlet.error;
    ended.push(greenlet);
  }
  return ended;
}
