import type { Duration, WaitOptions } from "../../hub/mod.ts";
import type { ImapOptions } from "../mapping_group.ts";

/**
 * Options of {@linkcode ThreadPool}.
 *
 * @example Threads that stay
 * ```ts
 * import { ThreadPool, type ThreadPoolOptions } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const options: ThreadPoolOptions = { name: "images", idleTimeout: Infinity };
 * await using pool = new ThreadPool(2, options);
 * assertEquals(pool.name, "images");
 * ```
 */
export interface ThreadPoolOptions {
  /**
   * How long a thread stays without work before it ends: milliseconds or `Temporal.Duration`.
   *
   * @default {5000}
   */
  idleTimeout?: Duration | undefined;
  /**
   * Its name, also of its threads, for messages and debuggers.
   *
   * @default {"ThreadPool"}
   */
  name?: string | undefined;
}

/**
 * Options of {@linkcode ThreadPool.apply}.
 *
 * @example Give a task a tenth of a second
 * ```ts
 * import { type ApplyOptions, ThreadPool, Timeout } from "@verdant/green";
 * import { assertRejects } from "@std/assert";
 *
 * const options: ApplyOptions = { timeout: 100, terminate: true };
 * await using pool = new ThreadPool(1);
 * await assertRejects(() => pool.apply(() => new Promise(() => {}), [], options), Timeout);
 * ```
 */
export interface ApplyOptions extends WaitOptions, ThreadMapOptions {}

/**
 * Options of {@linkcode ThreadPool.map}.
 *
 * @example End the threads with the map
 * ```ts
 * import { ThreadPool, type ThreadMapOptions } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const options: ThreadMapOptions = { terminate: true };
 * await using pool = new ThreadPool(2);
 * assertEquals(await pool.map((n: number) => n + 1, [1, 2, 3], options), [2, 3, 4]);
 * ```
 */
export interface ThreadMapOptions {
  /**
   * Whether the thread is ended when the wait is interrupted and the task is running. Otherwise the task runs on
   * and its result is dropped. The pool has room for another one at once; the thread itself ends when its event
   * loop turns next, which Deno (2.9) does not enforce.
   *
   * @default {false}
   */
  terminate?: boolean | undefined;
}

/**
 * Options of {@linkcode ThreadPool.imap} and {@linkcode ThreadPool.imapUnordered}.
 *
 * @example Four results ahead at most
 * ```ts
 * import { ThreadPool, type ThreadImapOptions } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const options: ThreadImapOptions = { maxSize: 4 };
 * await using pool = new ThreadPool(2);
 * const results = pool.imap((n: number) => n + 1, [1, 2, 3], options);
 * assertEquals(await Array.fromAsync(results), [2, 3, 4]);
 * ```
 */
export interface ThreadImapOptions extends ImapOptions, ThreadMapOptions {}
