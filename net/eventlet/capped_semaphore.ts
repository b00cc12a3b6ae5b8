import { quiet, Timeout, type WaitOptions } from "../../hub/mod.ts";
import { Empty, Full } from "../../sync/mod.ts";
import { checkWhole } from "../../sync/check.ts";
import { acquireLimits, type AcquireOptions } from "./limits.ts";
import { RendezvousQueue } from "./rendezvous_queue.ts";

/**
 * A semaphore that never has more free permits than its limit: `release()` waits at the limit as `acquire()`
 * waits at none. With a limit of 0, they meet.
 *
 * Source: `eventlet.CappedSemaphore`.
 *
 * @example Wait to release
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const semaphore = new eventlet.CappedSemaphore(0, 1);
 * assert(await semaphore.release());
 * assertEquals([semaphore.bounded, await semaphore.release({ blocking: false })], [true, false]);
 * ```
 */
export class CappedSemaphore {
  /** A permit is an item: who releases puts one. */
  readonly #permits: RendezvousQueue<null>;

  /**
   * Makes a semaphore.
   *
   * @param count How many permits are free at first.
   * @param limit How many may be free at most.
   * @throws {RangeError} If one of them is not a non-negative integer, or `count` is more than `limit`.
   */
  constructor(count: number, limit: number) {
    checkWhole(count, 0, "create semaphore", "count");
    checkWhole(limit, 0, "create semaphore", "limit");
    if (count > limit) {
      throw new RangeError(
        `Cannot create semaphore: count must be at most limit ${limit}, received ${count}`,
      );
    }
    this.#permits = new RendezvousQueue(limit, new Array(count).fill(null));
  }

  /** Whether `acquire()` would have to wait. */
  get locked(): boolean {
    return this.#permits.size + this.#permits.putters.size === 0;
  }

  /** Whether `release()` would have to wait. */
  get bounded(): boolean {
    return this.#permits.full;
  }

  /**
   * How far it is from both ends: negative if more permits could be given than taken before somebody has to wait.
   * Those who wait count.
   */
  get balance(): number {
    const { size, putters, getters, limit } = this.#permits;
    const permits = size + putters.size - getters.size;
    return permits - (limit - permits);
  }

  /**
   * Takes a permit, waiting for one if none is free. Switches only then.
   *
   * @returns `true`, or `false` on time-out and if it would have to wait with `blocking: false`.
   * @throws {RangeError} If the time-out is NaN or negative, other than -1, which is none.
   * @throws {TypeError} If there is a time-out with `blocking: false`.
   */
  acquire(options: AcquireOptions = {}): Promise<boolean> {
    const limits = acquireLimits(options, "acquire semaphore");
    return quiet(inTime(this.#permits.get(limits), limits));
  }

  /**
   * Gives a permit, waiting if as many are free as may be. Switches only then; if the limit is 0, always.
   *
   * @returns `true`, or `false` on time-out and if it would have to wait with `blocking: false`.
   * @throws {RangeError} If the time-out is NaN or negative, other than -1, which is none.
   * @throws {TypeError} If there is a time-out with `blocking: false`.
   */
  release(options: AcquireOptions = {}): Promise<boolean> {
    const limits = acquireLimits(options, "release semaphore");
    return quiet(inTime(this.#permits.put(null, limits), limits));
  }
}

/** Whether it was done in time. */
async function inTime(done: Promise<unknown>, { timeout }: WaitOptions): Promise<boolean> {
  try {
    await done;
    return true;
  } catch (error) {
    const late = timeout instanceof Timeout ? error === timeout.thrown : isLate(error);
    if (late) return false;
    throw error;
  }
}

function isLate(error: unknown): boolean {
  return error instanceof Empty || error instanceof Full;
}
