import { callerTask, Named, quiet, readyWith, WaitList } from "../hub/mod.ts";
import { checkFunction } from "./check.ts";
import { Lease } from "./lease.ts";
import type { SemaphoreStatistics } from "./semaphore.ts";

/**
 * Looks like a semaphore and never makes anybody wait: for code that takes one where none is needed.
 *
 * Source: `gevent.lock.DummySemaphore`.
 *
 * @example No limit
 * ```ts
 * import { DummySemaphore } from "@verdant/green";
 * import { assert } from "@std/assert";
 *
 * const semaphore = new DummySemaphore();
 * assert(await semaphore.acquire());
 * assert(await semaphore.acquire());
 * ```
 */
export class DummySemaphore extends Named {
  /** Always 1. */
  readonly counter = 1;
  /** Always false. */
  readonly locked = false;
  /** Always true. */
  readonly ready = true;
  /** Always empty. */
  readonly #waiters: WaitList = new WaitList("acquire", this);

  /** Figures as those of a semaphore without end: a frozen object. */
  statistics(): SemaphoreStatistics {
    return Object.freeze({ total: Infinity, free: Infinity, waiting: 0 });
  }

  /** Resolves with `true`. Does not switch. */
  acquire(): Promise<boolean> {
    return this.#pass(true);
  }

  /** Returns `true`. */
  tryAcquire(): boolean {
    return true;
  }

  /** Returns 1. */
  release(): number {
    return 1;
  }

  /** Resolves with 1. Does not switch. */
  wait(): Promise<number> {
    return this.#pass(1);
  }

  /** Resolves with a lease of nothing. Does not switch. */
  lease(): Promise<Lease> {
    return this.#pass(new Lease(this));
  }

  /**
   * Runs `fn`.
   *
   * @throws {TypeError} If `fn` is not a function.
   */
  with<T>(fn: () => T | PromiseLike<T>): Promise<T> {
    checkFunction(fn, "use semaphore");
    return quiet(this.#pass(undefined).then(() => fn()));
  }

  /** Counts all the same: a loop that never waits must not starve the others. */
  #pass<T>(value: T): Promise<T> {
    return readyWith(callerTask(), this.#waiters, value);
  }
}
