import { callerTask, type Duration, GreenletExit, type Task } from "../../hub/mod.ts";
import { checkFunction } from "../../sync/check.ts";
import { Greenlet } from "../../green/mod.ts";
import { GreenThread } from "./green_thread.ts";
import { notNegative } from "./limits.ts";

/**
 * Makes a green thread and schedules it: it starts after the caller's next wait, in the order of the spawns. Does
 * not switch.
 *
 * Source: `eventlet.spawn`.
 *
 * @throws {TypeError} If `fn` is not a function.
 *
 * @example Two at once
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const threads = [1, 2].map((n) => eventlet.spawn((n: number) => n * 10, n));
 * assertEquals(await Promise.all(threads.map((thread) => thread.wait())), [10, 20]);
 * ```
 */
export function spawn<A extends unknown[], R>(
  fn: (...args: A) => R,
  ...args: A
): GreenThread<Awaited<R>> {
  return GreenThread.spawn(fn, ...args);
}

/**
 * As {@linkcode spawn}, with the least that can still be killed: a plain greenlet, without eventlet's methods. Its
 * errors are reported. Does not switch.
 *
 * Source: `eventlet.spawn_n`.
 *
 * @throws {TypeError} If `fn` is not a function.
 *
 * @example Fire and forget
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assert } from "@std/assert";
 *
 * const background = eventlet.spawnN(() => eventlet.sleep(60_000));
 * await eventlet.sleep();
 * await eventlet.kill(background);
 * assert(background.dead);
 * ```
 */
export function spawnN<A extends unknown[]>(fn: (...args: A) => unknown, ...args: A): Greenlet {
  return Greenlet.spawn(fn, ...args);
}

/**
 * As {@linkcode spawn}, but it starts after a while, also if the caller has ended by then. Does not switch.
 *
 * Source: `eventlet.spawn_after`, with milliseconds instead of seconds.
 *
 * @param delay Milliseconds or a `Temporal.Duration`; a negative one is taken for 0.
 * @throws {TypeError} If `fn` is not a function.
 * @throws {RangeError} If `delay` is NaN.
 *
 * @example Later, or never
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const never = eventlet.spawnAfter(60_000, () => "never");
 * assertEquals(await eventlet.spawnAfter(1, (word: string) => word, "later").wait(), "later");
 * await never.cancel();
 * ```
 */
export function spawnAfter<A extends unknown[], R>(
  delay: Duration,
  fn: (...args: A) => R,
  ...args: A
): GreenThread<Awaited<R>> {
  checkFunction(fn, "spawn green thread");
  return startAfter(delay, new GreenThread<Awaited<R>>(fn as (...args: A) => Awaited<R>, ...args));
}

/**
 * As {@linkcode spawnAfter}, but if the greenlet that calls this has ended by then, `fn` is not called, and
 * whoever waits gets a `GreenletExit`. Does not switch.
 *
 * Source: `eventlet.greenthread.spawn_after_local`, whose `wait()` would never return.
 *
 * @param delay Milliseconds or a `Temporal.Duration`; a negative one is taken for 0.
 * @throws {TypeError} If `fn` is not a function.
 * @throws {RangeError} If `delay` is NaN.
 *
 * @example Dropped with its spawner
 * ```ts
 * import { eventlet, GreenletExit } from "@verdant/green";
 * import { assertRejects } from "@std/assert";
 *
 * const spawner = eventlet.spawn(() => eventlet.spawnAfterLocal(1, () => "never"));
 * const dropped = await spawner.wait();
 * await assertRejects(() => dropped.wait(), GreenletExit);
 * ```
 */
export function spawnAfterLocal<A extends unknown[], R>(
  delay: Duration,
  fn: (...args: A) => R,
  ...args: A
): GreenThread<Awaited<R>> {
  checkFunction(fn, "spawn green thread");
  return startAfter(delay, new LocalThread<Awaited<R>>(fn as (...args: A) => Awaited<R>, ...args));
}

/** Does nothing if its spawner has ended before it starts. */
class LocalThread<T> extends GreenThread<T> {
  readonly #spawner: Task = callerTask();

  protected override run(): T | PromiseLike<T> {
    if (this.#spawner.ready) throw new GreenletExit(`${this.#spawner.label}, which spawned it, has ended`);
    return super.run();
  }
}

/** 0 keeps the order of the spawns, which a timer would not. */
function startAfter<G extends Greenlet>(delay: Duration, greenlet: G): G {
  const wanted = notNegative(delay);
  if (wanted === 0) greenlet.start();
  else greenlet.startLater(wanted);
  return greenlet;
}
