/**
 * An item of a {@linkcode ResourcePool} in hand: given back when disposed, once.
 *
 * Source: what `eventlet.pools.Pool.item()` enters.
 *
 * @typeParam T The type of the item.
 *
 * @example Given back at the end of the block
 * ```ts
 * import { ResourcePool } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const pool = new ResourcePool({ create: () => new Map<string, number>() });
 * {
 *   using item = await pool.lease();
 *   item.value.set("a", 1);
 *   assertEquals(pool.idle, 0);
 * }
 * assertEquals(pool.idle, 1);
 * ```
 */
export class ResourceLease<T> implements Disposable {
  #pool: { put(item: T): void; discard(item: T): void } | undefined;
  #item: T | undefined;

  /**
   * Made by `lease()`.
   *
   * @param pool What it is given back to.
   * @param item The item.
   */
  constructor(pool: { put(item: T): void; discard(item: T): void }, item: T) {
    this.#pool = pool;
    this.#item = item;
  }

  /**
   * The item.
   *
   * @throws {Error} Once it was given back.
   */
  get value(): T {
    if (this.released) throw new Error("Cannot use item: it was given back to the pool");
    return this.#item as T;
  }

  /** Whether it was given back, or discarded. */
  get released(): boolean {
    return this.#pool === undefined;
  }

  /** Gives the item back; nothing happens the second time. Does not switch. */
  release(): void {
    if (this.#pool === undefined) return;
    this.#pool.put(this.#item as T);
    this.#pool = this.#item = undefined; // not before: a refused return leaves it in hand
  }

  /** Gives the slot back instead of the item, which is destroyed; nothing happens after the end. Does not switch. */
  discard(): void {
    if (this.#pool === undefined) return;
    this.#pool.discard(this.#item as T);
    this.#pool = this.#item = undefined;
  }

  /** The same as {@linkcode release}. */
  [Symbol.dispose](): void {
    this.release();
  }
}
