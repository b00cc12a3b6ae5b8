import { type Duration, toMilliseconds } from "../../hub/mod.ts";

/**
 * Options of {@linkcode ConnectionPool}. Times are milliseconds or `Temporal.Duration`; `Infinity` is none.
 *
 * @example Few connections, kept for long
 * ```ts
 * import { ConnectionPool, type ConnectionPoolOptions } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const options: ConnectionPoolOptions = {
 *   maxSize: 2,
 *   maxIdle: Temporal.Duration.from({ minutes: 5 }),
 *   maxAge: Temporal.Duration.from({ hours: 1 }),
 * };
 * const adapter = { name: "memory", connect: () => new Map<string, string>(), close() {} };
 * await using pool = new ConnectionPool(adapter, options);
 * assertEquals([pool.maxSize, pool.size], [2, 0]);
 * ```
 */
export interface ConnectionPoolOptions {
  /**
   * How many connections it keeps open at least, from the beginning on.
   *
   * @default {0}
   */
  minSize?: number | undefined;
  /**
   * How many connections there may be at most, those included that are being opened or closed.
   *
   * @default {4}
   */
  maxSize?: number | undefined;
  /**
   * How long a connection may be idle until it is closed, if there are more than `minSize`. 0: none is used twice.
   *
   * @default {10000}
   */
  maxIdle?: Duration | undefined;
  /**
   * How old a connection may be to be lent again. An idle one is closed when it is. 0: none is used twice.
   *
   * @default {30000}
   */
  maxAge?: Duration | undefined;
  /**
   * How long opening a connection may take.
   *
   * @default {5000}
   */
  connectTimeout?: Duration | undefined;
  /**
   * How long ago a connection must have been used for its server to be asked, before it is lent, whether it still
   * answers. `Infinity`: never.
   *
   * @default {1000}
   */
  checkAfter?: Duration | undefined;
  /**
   * How long each of the adapter's `reset`, `check` and `close` may take.
   *
   * @default {5000}
   */
  cleanupTimeout?: Duration | undefined;
}

/** The times of a {@linkcode ConnectionPool} in milliseconds. */
export type ConnectionTimes = Readonly<Record<keyof typeof DEFAULT_TIMES, number>>;

const DEFAULT_TIMES = {
  maxIdle: 10_000,
  maxAge: 30_000,
  connectTimeout: 5_000,
  checkAfter: 1_000,
  cleanupTimeout: 5_000,
};

/**
 * Checks the times among the options.
 *
 * @throws {RangeError} If one is negative or NaN.
 */
export function checkTimes(options: ConnectionPoolOptions): ConnectionTimes {
  const times = { ...DEFAULT_TIMES };
  for (const name of Object.keys(times) as (keyof ConnectionTimes)[]) {
    times[name] = toMilliseconds(options[name] ?? times[name], "create pool", name);
  }
  return times;
}
