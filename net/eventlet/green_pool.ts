import { GreenPile as Pile, GreenPool as Pool } from "../../green/mod.ts";
import { GreenThread } from "./green_thread.ts";

/**
 * The library's `GreenPool`, whose `spawn()` gives green threads with eventlet's methods.
 *
 * Source: `eventlet.GreenPool`.
 *
 * @example A few at a time
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const pool = new eventlet.GreenPool(2);
 * const thread = await pool.spawn((n: number) => n * 10, 1);
 * assertEquals(await thread.wait(), 10);
 * ```
 */
export class GreenPool extends Pool {
  /**
   * Runs `fn(...args)` in a new green thread, waiting for a slot if none is free. Switches only then.
   *
   * In a full pool, a green thread of the pool waits for the end of the new one instead, which runs in its slot.
   *
   * @returns The green thread: `await` does not wait for its end.
   * @throws {TypeError} If `fn` is not a function.
   */
  override spawn<A extends unknown[], R>(
    fn: (...args: A) => R,
    ...args: A
  ): Promise<GreenThread<Awaited<R>>> {
    return super.spawn(fn, ...args) as Promise<GreenThread<Awaited<R>>>;
  }

  /** Makes what `spawn()` returns. */
  protected override createGreenlet<A extends unknown[], R>(
    fn: (...args: A) => R,
    args: A,
  ): GreenThread<Awaited<R>> {
    return new GreenThread<Awaited<R>>(fn as (...args: A) => Awaited<R>, ...args);
  }
}

/**
 * The library's `GreenPile`, over a pool of green threads.
 *
 * Source: `eventlet.GreenPile`.
 *
 * @typeParam T What the functions return.
 *
 * @example Results in the order of the spawns
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const pile = new eventlet.GreenPile<number>(2);
 * for (const n of [1, 2, 3]) await pile.spawn((n: number) => n * n, n);
 * assertEquals(await Array.fromAsync(pile), [1, 4, 9]);
 * ```
 */
export class GreenPile<T = unknown> extends Pile<T> {
  /** Makes the pool it works in if it is given none. */
  protected override createPool(size?: number): GreenPool {
    return new GreenPool(size);
  }
}
