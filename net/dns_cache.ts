import { type Duration, getHub, toMilliseconds } from "../hub/mod.ts";
import { checkWhole } from "../sync/check.ts";

/**
 * Bounds of the answers that a `Resolver` remembers.
 *
 * @example A few, for long
 * ```ts
 * import { type DnsCacheOptions, Resolver } from "@verdant/green";
 *
 * const cache: DnsCacheOptions = { maxSize: 10, ttl: Temporal.Duration.from({ minutes: 10 }) };
 * new Resolver({ cache });
 * ```
 */
export interface DnsCacheOptions {
  /**
   * How many answers at most; the one that was not asked for longest is forgotten first.
   *
   * @default {1000}
   */
  maxSize?: number | undefined;
  /**
   * How long (ms or a `Temporal.Duration`) an answer is used. The platform does not tell how long the answer
   * itself says it is good for.
   *
   * @default {30000}
   */
  ttl?: Duration | undefined;
}

interface Entry<T> {
  readonly value: T;
  /** When (ms, the hub's clock) it came. */
  readonly since: number;
}

/** Answers of the recent past, as many as there is room for. */
export class DnsCache<T> {
  readonly #maxSize: number;
  readonly #ttl: number;
  /** In the order of their last use, the oldest first. */
  readonly #entries = new Map<string, Entry<T>>();

  /**
   * @throws {RangeError} If `maxSize` is no positive integer, or `ttl` negative or NaN.
   */
  constructor({ maxSize = 1000, ttl = 30_000 }: DnsCacheOptions = {}) {
    checkWhole(maxSize, 1, "create DNS cache", "maxSize");
    this.#maxSize = maxSize;
    this.#ttl = toMilliseconds(ttl, "create DNS cache", "ttl");
  }

  /** How many are remembered, those included that have grown too old. */
  get size(): number {
    return this.#entries.size;
  }

  /** The answer, unless it has grown too old. */
  get(key: string): T | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    if (!this.#isFresh(entry)) return undefined;
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** Remembers an answer from now on. */
  set(key: string, value: T): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, since: getHub().now() });
    if (this.#entries.size > this.#maxSize) this.#forgetOldest();
  }

  /** Forgets all. */
  clear(): void {
    this.#entries.clear();
  }

  #isFresh({ since }: Entry<T>): boolean {
    const age = getHub().now() - since;
    return age >= 0 && age < this.#ttl; // below 0: remembered under the clock of another hub
  }

  #forgetOldest(): void {
    for (const key of this.#entries.keys()) {
      this.#entries.delete(key);
      return;
    }
  }
}
