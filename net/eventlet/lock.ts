import { Semaphore } from "./semaphore.ts";

/**
 * Held by one at a time; anybody may release it.
 *
 * Source: `eventlet.lock.Lock`.
 *
 * @example Mutual exclusion
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assert, assertThrows } from "@std/assert";
 *
 * const lock = new eventlet.lock.Lock();
 * await lock.with(() => assert(lock.locked));
 * assertThrows(() => lock.release(), Error, "it is not locked");
 * ```
 */
export class Lock extends Semaphore {
  /** Makes a lock that nobody holds. */
  constructor() {
    super(1);
  }

  /**
   * Releases it: the one who has waited longest holds it from now on. Does not switch.
   *
   * @throws {Error} If nobody holds it.
   */
  override release(): true {
    if (!this.locked) throw new Error("Cannot release lock: it is not locked");
    return super.release();
  }
}
