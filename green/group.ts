import { checkFunction } from "../sync/check.ts";
import { Greenlet } from "./greenlet.ts";
import { MappingGroup } from "./mapping_group.ts";

/**
 * A set of greenlets that are joined and killed together. A greenlet leaves it when it ends.
 *
 * `await using` kills the members and waits for their clean-up.
 *
 * Source: `gevent.pool.Group`.
 *
 * @example Wait for all
 * ```ts
 * import { Group, sleep } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const group = new Group();
 * const seen: number[] = [];
 * for (const ms of [2, 1]) {
 *   group.spawn(async () => {
 *     await sleep(ms);
 *     seen.push(ms);
 *   });
 * }
 * await group.join();
 * assertEquals(seen, [1, 2]);
 * ```
 */
export class Group extends MappingGroup {
  /**
   * Makes a group.
   *
   * @param greenlets Its first members.
   * @throws {TypeError} If one of them is not a greenlet.
   */
  constructor(greenlets: Iterable<Greenlet> = []) {
    super();
    for (const greenlet of greenlets) this.add(greenlet);
  }

  /** Always false: a group takes any number. */
  get full(): boolean {
    return false;
  }

  /**
   * Runs `fn(...args)` in a new member. Does not switch.
   *
   * @throws {TypeError} If `fn` is not a function.
   */
  spawn<A extends unknown[], R>(fn: (...args: A) => R, ...args: A): Greenlet<Awaited<R>> {
    checkFunction(fn, "spawn greenlet");
    const greenlet = new Greenlet<Awaited<R>>(fn as (...args: A) => Awaited<R>, ...args);
    this.start(greenlet);
    return greenlet;
  }

  /**
   * Takes a greenlet in, started or not. One that has ended or is in already is left alone. Does not switch.
   *
   * @throws {TypeError} If it is not a greenlet.
   */
  add(greenlet: Greenlet): void {
    checkGreenlet(greenlet, "group");
    this.enrol(greenlet);
  }

  /** Takes a greenlet in and starts it. Does not switch. */
  start(greenlet: Greenlet): void {
    this.add(greenlet);
    greenlet.start();
  }

  /** Forgets a greenlet, which runs on. Does not switch. */
  discard(greenlet: Greenlet): void {
    this.expel(greenlet);
  }

  /** For `apply()` and the maps. */
  protected override launch<G extends Greenlet>(greenlet: G): Promise<G> {
    this.start(greenlet);
    return Promise.resolve(greenlet);
  }
}

/**
 * Refuses what is not a greenlet.
 *
 * @throws {TypeError} Naming the value.
 */
export function checkGreenlet(greenlet: unknown, where: string): void {
  if (greenlet instanceof Greenlet) return;
  throw new TypeError(`Cannot add to ${where}: not a Greenlet, received ${String(greenlet)}`);
}
