import type { Duration } from "../hub/mod.ts";
import { Greenlet } from "./greenlet.ts";

/**
 * Runs `fn(...args)` in a new greenlet, which starts at the caller's next wait. Does not switch.
 *
 * Source: `gevent.spawn`.
 *
 * @throws {TypeError} If `fn` is not a function.
 *
 * @example Spawn and get the result
 * ```ts
 * import { spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const g = spawn((a: number, b: number) => a + b, 1, 2);
 * assertEquals(await g.get(), 3);
 * ```
 */
export function spawn<A extends unknown[], R>(
  fn: (...args: A) => R,
  ...args: A
): Greenlet<Awaited<R>> {
  return Greenlet.spawn(fn, ...args);
}

/**
 * As {@linkcode spawn}, but starts after `delay` (ms or `Temporal.Duration`).
 *
 * Source: `gevent.spawn_later`.
 *
 * @throws {TypeError} If `fn` is not a function.
 * @throws {RangeError} If `delay` is negative or NaN.
 *
 * @example Start in a moment
 * ```ts
 * import { spawnLater } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await spawnLater(5, () => "late").get(), "late");
 * ```
 */
export function spawnLater<A extends unknown[], R>(
  delay: Duration,
  fn: (...args: A) => R,
  ...args: A
): Greenlet<Awaited<R>> {
  return Greenlet.spawnLater(delay, fn, ...args);
}

/**
 * Options of {@linkcode spawnWith}.
 *
 * @example A name for reports
 * ```ts
 * import { type SpawnOptions, spawnWith } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const options: SpawnOptions = { name: "mailer" };
 * const g = spawnWith(options, () => {});
 * assertEquals(g.name, "mailer");
 * await g.join();
 * ```
 */
export interface SpawnOptions {
  /** The greenlet's name in reports. */
  name?: string | undefined;
}

/**
 * As {@linkcode spawn}, with options.
 *
 * @throws {TypeError} If `fn` is not a function.
 *
 * @example Name a greenlet
 * ```ts
 * import { spawnWith } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const g = spawnWith({ name: "worker" }, () => 1);
 * assertEquals(g.name, "worker");
 * assertEquals(await g.get(), 1);
 * ```
 */
export function spawnWith<A extends unknown[], R>(
  options: SpawnOptions,
  fn: (...args: A) => R,
  ...args: A
): Greenlet<Awaited<R>> {
  const greenlet = Greenlet.spawn(fn, ...args);
  if (options.name !== undefined) greenlet.name = options.name;
  return greenlet;
}
