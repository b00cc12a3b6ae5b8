/**
 * A rate limiter: a bucket of tokens, each of which comes back some time after it was taken.
 *
 *     deno run examples/testing/rate_limiter.ts
 */
import { getHub, joinAll, Lock, main, sleep, spawn } from "@verdant/green";

/**
 * Lets at most `limit` callers pass within any `interval` ms, in the order in which they came.
 *
 * Invariant: the first in line holds the lock, and nobody but its holder looks at the tokens.
 */
export class RateLimiter {
  readonly #interval: number;
  readonly #line = new Lock();
  /** When each token comes back, or came; the one that is there first is at `#first`. */
  readonly #backAt: number[];
  #first = 0;

  constructor(limit: number, interval: number) {
    if (!(Number.isInteger(limit) && limit > 0)) {
      throw new RangeError(`Cannot create rate limiter: limit must be a positive integer, received ${limit}`);
    }
    this.#interval = interval;
    this.#backAt = Array(limit).fill(-Infinity);
  }

  /**
   * Takes a token, waiting for one if all are taken. Whoever is killed or timed out on the way has taken
   * none and is out of the line.
   */
  async acquire(): Promise<void> {
    using _turn = await this.#line.lease();
    await this.#tokenThere();
    this.#take();
  }

  /** Takes a token if one is there and nobody waits for it, and says whether. Does not switch. */
  tryAcquire(): boolean {
    if (this.#line.locked || this.#waitTime() > 0) return false;
    this.#take();
    return true;
  }

  async #tokenThere(): Promise<void> {
    // Again, because sums of times are rounded: the sleep may be over a hair too soon.
    for (let ms = this.#waitTime(); ms > 0; ms = this.#waitTime()) await sleep(ms);
  }

  #waitTime(): number {
    return this.#backAt[this.#first]! - getHub().now();
  }

  #take(): void {
    this.#backAt[this.#first] = getHub().now() + this.#interval;
    this.#first = (this.#first + 1) % this.#backAt.length;
  }
}

/** Seven requests, three in a tenth of a second. */
export async function demo(say: (line: string) => void = console.log): Promise<void> {
  const limiter = new RateLimiter(3, 100);
  const begin = getHub().now();
  await joinAll([1, 2, 3, 4, 5, 6, 7].map((request) =>
    spawn(async () => {
      await limiter.acquire();
      say(`request ${request} after ${Math.floor((getHub().now() - begin) / 100)} tenths of a second`);
    })
  ));
}

if (import.meta.main) main(() => demo());
