/**
 * Options of {@linkcode ResourcePool}.
 *
 * @typeParam T The type of the items.
 *
 * @example Two at most, closed in the end
 * ```ts
 * import { ResourcePool, type ResourcePoolOptions } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const closed: number[] = [];
 * let made = 0;
 * const options: ResourcePoolOptions<number> = {
 *   create: () => ++made,
 *   destroy: (item) => closed.push(item),
 *   maxSize: 2,
 * };
 * {
 *   await using pool = new ResourcePool(options);
 *   using item = await pool.lease();
 *   assertEquals(item.value, 1);
 * }
 * assertEquals(closed, [1]);
 * ```
 */
export interface ResourcePoolOptions<T> extends ResourcePoolSizes {
  /** Makes an item; may wait. Called in a greenlet of its own, which is killed if nobody waits for the item. */
  create?: (() => T | PromiseLike<T>) | undefined;
  /** Ends the life of an item; may wait. Called in a greenlet of its own; its errors are reported. */
  destroy?: ((item: T) => unknown) | undefined;
  /**
   * Asked before an idle item is lent; must not wait. If it does not say `true`, or throws, the item is destroyed
   * and the next one is taken.
   */
  validate?: ((item: T) => boolean) | undefined;
}

/**
 * How many items a {@linkcode ResourcePool} may have, and in which order they are lent.
 *
 * @example Lend what was used last
 * ```ts
 * import { type ResourcePoolSizes, type Token, TokenPool } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const sizes: ResourcePoolSizes = { maxSize: 2, orderAsStack: true };
 * const pool = new TokenPool(sizes);
 * const tokens: Token[] = [await pool.get(), await pool.get()];
 * for (const token of tokens) pool.put(token);
 * assertEquals(await pool.get() === tokens[1], true);
 * ```
 */
export interface ResourcePoolSizes {
  /**
   * How many items it keeps at least. They are made from the beginning on, whether wanted or not; one that was
   * destroyed is replaced.
   *
   * @default {0}
   */
  minSize?: number | undefined;
  /**
   * How many items there may be at most, those included that are being made or destroyed. `Infinity` for any
   * number; with 0 everybody waits.
   *
   * @default {4}
   */
  maxSize?: number | undefined;
  /**
   * Whether the item that came back last is lent first. Otherwise they take turns.
   *
   * @default {false}
   */
  orderAsStack?: boolean | undefined;
}
