import { enterWait, planWait, quiet, refusal, Timeout, type WaitOptions } from "../hub/mod.ts";
import { checkFunction, checkSize } from "../sync/check.ts";
import { Full } from "../sync/errors.ts";
import { Semaphore } from "../sync/semaphore.ts";
import { Greenlet } from "./greenlet.ts";
import { checkGreenlet } from "./group.ts";
import { MappingGroup } from "./mapping_group.ts";

/**
 * No slot became free in time.
 *
 * Source: `gevent.pool.PoolFull`.
 *
 * @example Give up on a busy pool
 * ```ts
 * import { Greenlet, Pool, PoolFull, sleep } from "@verdant/green";
 * import { assertRejects } from "@std/assert";
 *
 * await using pool = new Pool(1);
 * await pool.spawn(() => sleep(60_000));
 * await assertRejects(() => pool.start(new Greenlet(() => {}), { timeout: 0 }), PoolFull);
 * ```
 */
export class PoolFull extends Full {
  /** Always `"PoolFull"`. */
  override readonly name: string = "PoolFull";
}

/**
 * A group of at most `size` greenlets: who wants to spawn into a full pool waits for a slot, first come
 * first served. A slot is free again when its greenlet has really ended, its clean-up included.
 *
 * `await using` kills the members and waits for their clean-up.
 *
 * Invariant: every member holds one slot, from before it starts until it ends or is discarded.
 *
 * Source: `gevent.pool.Pool`.
 *
 * @example At most two at a time
 * ```ts
 * import { Pool, sleep } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const pool = new Pool(2);
 * let most = 0;
 * for (let i = 0; i < 6; i++) {
 *   await pool.spawn(async () => {
 *     most = Math.max(most, pool.size);
 *     await sleep(1);
 *   });
 * }
 * await pool.join();
 * assertEquals(most, 2);
 * ```
 */
export class Pool extends MappingGroup {
  readonly #slots: Semaphore;
  readonly #unlimited: boolean;

  /**
   * Makes a pool.
   *
   * @param size How many members it may have; `Infinity` for any number. A pool of size 0 runs nothing.
   * @throws {RangeError} If `size` is not a non-negative integer or `Infinity`.
   */
  constructor(size: number = Infinity) {
    checkSize(size, 0, "create pool", "size");
    super();
    this.#unlimited = size === Infinity;
    this.#slots = new Semaphore(this.#unlimited ? Number.MAX_SAFE_INTEGER : size);
  }

  /** How many slots are free. */
  get freeCount(): number {
    return this.#unlimited ? Infinity : this.#slots.counter;
  }

  /** Whether no slot is free. */
  get full(): boolean {
    return this.freeCount === 0;
  }

  /**
   * Runs `fn(...args)` in a new member, waiting for a slot if none is free. Switches only then.
   *
   * @returns The greenlet, which has been scheduled: `await` does not wait for its end.
   * @throws {TypeError} If `fn` is not a function.
   */
  spawn<A extends unknown[], R>(
    fn: (...args: A) => R,
    ...args: A
  ): Promise<Greenlet<Awaited<R>>> {
    checkFunction(fn, "spawn greenlet");
    enterWait("spawn into pool");
    const greenlet = new Greenlet<Awaited<R>>(fn as (...args: A) => Awaited<R>, ...args);
    return quiet(this.#admit(greenlet, undefined, true));
  }

  /**
   * Takes a greenlet in, started or not, waiting for a slot if none is free. Switches only then. One that
   * has ended or is in already is left alone.
   *
   * @throws {PoolFull} If no slot becomes free in time.
   * @throws {TypeError} If it is not a greenlet.
   * @throws {RangeError} If the time-out is negative or NaN.
   */
  add(greenlet: Greenlet, options?: WaitOptions): Promise<void> {
    this.#check(greenlet, options);
    return quiet(this.#admit(greenlet, options, false)) as Promise<unknown> as Promise<void>;
  }

  /** Takes a greenlet in, as {@linkcode add} does, and starts it. */
  start(greenlet: Greenlet, options?: WaitOptions): Promise<void> {
    this.#check(greenlet, options);
    return quiet(this.#admit(greenlet, options, true)) as Promise<unknown> as Promise<void>;
  }

  /** Forgets a greenlet, which runs on; its slot is free. Does not switch. */
  discard(greenlet: Greenlet): void {
    this.expel(greenlet);
  }

  /**
   * Waits until a slot is free, without taking it. Switches unless one is.
   *
   * @returns How many are free: 0 on time-out, or if others took it.
   * @throws {RangeError} If the time-out is negative or NaN.
   */
  waitAvailable(options?: WaitOptions): Promise<number> {
    const available = this.#slots.wait(options);
    return this.#unlimited ? quiet(available.then(() => Infinity)) : available;
  }

  /** For `apply()` and the maps. */
  protected override launch(greenlet: Greenlet): Promise<Greenlet> {
    return this.#admit(greenlet, undefined, true);
  }

  /** Frees the slot of a member that has left. */
  protected override onLeave(): void {
    this.#slots.release();
  }

  #check(greenlet: Greenlet, options: WaitOptions | undefined): void {
    checkGreenlet(greenlet, "pool");
    planWait(options, "add to pool");
    enterWait("add to pool");
  }

  /**
   * Makes a greenlet a member, and starts it if that is wanted. With a slot free, that is done before the
   * first await: somebody who joins next finds it, also if nobody awaits this.
   */
  async #admit<G extends Greenlet>(
    greenlet: G,
    options: WaitOptions | undefined,
    start: boolean,
  ): Promise<G> {
    let acquired: Promise<boolean> | undefined = undefined;
    if (!greenlet.dead && !this.has(greenlet)) {
      const refused = refusal(enterWait("add to pool"), planWait(options, "add to pool"));
      if (refused !== undefined) await refused;
      const atOnce = this.#slots.counter > 0;
      acquired = this.#slots.acquire(options);
      if (!atOnce && !await acquired) throw poolFull(options);
      if (!this.enrol(greenlet)) this.#slots.release(); // it ended, or another call took it in
    }
    if (start) greenlet.start();
    await acquired; // the caller's slice may be over
    return greenlet;
  }
}

function poolFull({ timeout }: WaitOptions = {}): Error {
  if (timeout instanceof Timeout) return timeout.thrown as Error;
  return new PoolFull("Cannot add to pool: no slot became free in time");
}
