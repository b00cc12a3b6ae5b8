import { ResourcePool } from "./resource_pool.ts";
import type { ResourcePoolSizes } from "./resource_pool_options.ts";

/**
 * Stands for the right to do something. It has no content.
 *
 * Source: `eventlet.pools.Token`.
 *
 * @example A token is a token
 * ```ts
 * import { Token, TokenPool } from "@verdant/green";
 * import { assertInstanceOf } from "@std/assert";
 *
 * assertInstanceOf(await new TokenPool().get(), Token);
 * ```
 */
export class Token {
  /** Only to tell tokens from other objects at compile time. */
  declare private readonly token: never;
}

/**
 * A pool of tokens: limits how many may do something at once, as a `Semaphore` does, with something to hold.
 *
 * Source: `eventlet.pools.TokenPool`.
 *
 * @example One at a time
 * ```ts
 * import { joinAll, sleep, spawn, TokenPool } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const pool = new TokenPool({ maxSize: 1 });
 * const log: string[] = [];
 * const work = async (name: string) => {
 *   using _token = await pool.lease();
 *   log.push(`${name} begins`);
 *   await sleep();
 *   log.push(`${name} ends`);
 * };
 * await joinAll([spawn(work, "a"), spawn(work, "b")]);
 * assertEquals(log, ["a begins", "a ends", "b begins", "b ends"]);
 * ```
 */
export class TokenPool extends ResourcePool<Token> {
  /**
   * Makes a pool of tokens.
   *
   * @param sizes How many tokens there are at most, and in which order they are lent.
   * @throws {RangeError} If a size is out of range.
   */
  constructor(sizes: ResourcePoolSizes = {}) {
    super(sizes);
  }

  /** Makes a token. */
  protected override create(): Token {
    return new Token();
  }
}
