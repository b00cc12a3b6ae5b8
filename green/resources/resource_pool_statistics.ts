import { plural } from "../../hub/mod.ts";

/**
 * What {@linkcode ResourcePool.statistics} returns.
 *
 * @example How many are lent
 * ```ts
 * import { ResourcePool, type ResourcePoolStatistics } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const pool = new ResourcePool({ create: () => "tool", maxSize: 2 });
 * await pool.get();
 * const { size, lent, idle, waiting }: ResourcePoolStatistics = pool.statistics();
 * assertEquals([size, lent, idle, waiting], [1, 1, 0, 0]);
 * ```
 */
export interface ResourcePoolStatistics {
  /** How many items there are: idle, lent, being made and being destroyed. */
  readonly size: number;
  /** How many items it keeps at least. */
  readonly minSize: number;
  /** How many items there may be at most. */
  readonly maxSize: number;
  /** How many items wait to be lent. */
  readonly idle: number;
  /** How many items are lent. */
  readonly lent: number;
  /** How many items are being made, cleaned or checked. */
  readonly making: number;
  /** How many items are being destroyed. */
  readonly destroying: number;
  /** How many wait for an item. */
  readonly waiting: number;
  /** Whether it was closed. */
  readonly closed: boolean;
}

/** Where the items are, in words: `"all 4 in use"`, `"1 of 4 in use, 3 being made"`. */
export function describeUse({ size, maxSize, lent, making, destroying }: ResourcePoolStatistics): string {
  if (size === 0) return maxSize === 0 ? "there is no room for an item" : "there is no item";
  if (lent === maxSize) return maxSize === 1 ? "its only item is in use" : `all ${lent} in use`;
  const parts = [`${lent} of ${maxSize === Infinity ? plural(size, "item") : maxSize} in use`];
  if (making > 0) parts.push(`${making} being made`);
  if (destroying > 0) parts.push(`${destroying} being destroyed`);
  return parts.join(", ");
}
