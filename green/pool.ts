import {
  enterWait,
  expireThrowing,
  type Expiry,
  planWait,
  quiet,
  readyWith,
  refusal,
  type Task,
  titleOf,
  type WaitDetails,
  WaitList,
  type WaitNode,
  type WaitOptions,
  type WaitPlan,
} from "../hub/mod.ts";
import { checkFunction, checkSize } from "../sync/check.ts";
import { Full } from "../sync/errors.ts";
import { Semaphore } from "../sync/semaphore.ts";
import { Greenlet } from "./greenlet.ts";
import { checkGreenlet } from "./group.ts";
import { MappingGroup } from "./mapping_group.ts";
import type { GroupStatistics } from "./members.ts";

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

const FULL: Expiry = expireThrowing(() => new PoolFull("Cannot add to pool: no slot became free in time"));
/** Stands for what nobody had to wait for. */
const ADMITTED = new WaitList("add to pool", {});
const NO_LIMIT: WaitPlan = planWait(undefined, "add to pool");

/** The slots of a pool. It knows itself who has them. */
class Slots extends Semaphore {
  readonly #pool: Pool;

  constructor(count: number, pool: Pool) {
    super(count);
    this.#pool = pool;
  }

  /** For reports: those who wait for a slot wait on the pool. */
  get inspectTitle(): string {
    return this.#pool.inspectTitle;
  }

  override inspectWait(_what: string): WaitDetails {
    return { blockers: [...this.#pool], relation: `full: ${this.#pool.size} running:` };
  }

  protected override get action(): string {
    return "add";
  }

  override take(): boolean {
    return super.take();
  }

  override give(): number {
    return super.give();
  }

  override enqueue<T>(
    task: Task,
    plan: WaitPlan,
    handOver: (waiter: WaitNode) => void,
    expiry: Expiry,
  ): Promise<T> {
    return super.enqueue(task, plan, handOver, expiry);
  }

  override adjust(delta: number): void {
    super.adjust(delta);
  }
}

/**
 * What {@linkcode Pool.statistics} returns.
 *
 * @example How full it is
 * ```ts
 * import { Pool, type PoolStatistics } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const statistics: PoolStatistics = new Pool(2).statistics();
 * assertEquals(statistics, { size: 0, maxSize: 2, free: 2, waiting: 0, joiners: 0 });
 * ```
 */
export interface PoolStatistics extends GroupStatistics {
  /** How many greenlets it may have. */
  readonly maxSize: number;
  /** How many slots are free; negative if it was made smaller than it is full. */
  readonly free: number;
  /** How many wait for a slot. */
  readonly waiting: number;
}

/**
 * A group of at most `size` greenlets: who wants to spawn into a full pool waits for a slot, first come
 * first served. A slot is free again when its greenlet has really ended, its clean-up included.
 *
 * `await using` kills the members and waits for their clean-up.
 *
 * Invariant: every member holds one slot, from before it starts until it ends or is discarded. The slot of one
 * that ends goes to the one who has waited longest, whose greenlet is a member at the same moment.
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
  readonly #slots: Slots;
  #maxSize: number;

  /**
   * Makes a pool.
   *
   * @param size How many members it may have; `Infinity` for any number. A pool of size 0 runs nothing.
   * @throws {RangeError} If `size` is not a non-negative integer or `Infinity`.
   */
  constructor(size: number = Infinity) {
    checkSize(size, 0, "create pool", "size");
    super();
    this.#maxSize = size;
    this.#slots = new Slots(slotsOf(size), this);
  }

  /** For reports: its class and name. */
  get inspectTitle(): string {
    return titleOf(this);
  }

  /** Figures about it, as they are now: a frozen object. Does not switch. */
  override statistics(): PoolStatistics {
    const { size, joiners } = super.statistics();
    const { maxSize, freeCount: free, waiting } = this;
    return Object.freeze({ size, maxSize, free, waiting, joiners });
  }

  /** How many members it may have. */
  get maxSize(): number {
    return this.#maxSize;
  }

  /** How many slots are free; negative if it was made smaller than it is full. */
  get freeCount(): number {
    return this.#maxSize === Infinity ? Infinity : this.#slots.counter;
  }

  /** How many wait for a slot. */
  get waiting(): number {
    return this.#slots.waiting;
  }

  /** Whether no slot is free. */
  get full(): boolean {
    return this.freeCount <= 0;
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
    const task = enterWait("spawn into pool");
    const greenlet = new Greenlet<Awaited<R>>(fn as (...args: A) => Awaited<R>, ...args);
    return this.#admit(greenlet, task, NO_LIMIT, true);
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
    return this.#add(greenlet, options, false);
  }

  /** Takes a greenlet in, as {@linkcode add} does, and starts it. */
  start(greenlet: Greenlet, options?: WaitOptions): Promise<void> {
    return this.#add(greenlet, options, true);
  }

  /** Forgets a greenlet, which runs on; its slot is free. Does not switch. */
  discard(greenlet: Greenlet): void {
    this.expel(greenlet);
  }

  /**
   * Changes how many members it may have. More: those who wait for a slot get one. Fewer: the members there are
   * run on. Does not switch.
   *
   * Source: `eventlet.GreenPool.resize`.
   *
   * @throws {RangeError} If `size` is not a non-negative integer or `Infinity`; the pool is as it was.
   */
  resize(size: number): void {
    checkSize(size, 0, "resize pool", "size");
    const delta = slotsOf(size) - slotsOf(this.#maxSize);
    this.#maxSize = size;
    this.#slots.adjust(delta);
  }

  /**
   * Waits until a slot is free, without taking it. Switches unless one is.
   *
   * @returns How many are free: 0 on time-out, or if others took it.
   * @throws {RangeError} If the time-out is negative or NaN.
   */
  waitAvailable(options?: WaitOptions): Promise<number> {
    const available = this.#slots.wait(options);
    return this.#maxSize === Infinity ? quiet(available.then(() => Infinity)) : available;
  }

  /** For `apply()` and the maps. */
  protected override launch<G extends Greenlet>(greenlet: G): Promise<G> {
    return this.#admit(greenlet, enterWait("add to pool"), NO_LIMIT, true);
  }

  /** Frees the slot of a member that has left. */
  protected override onLeave(): void {
    this.#slots.give();
  }

  #add(greenlet: Greenlet, options: WaitOptions | undefined, start: boolean): Promise<void> {
    checkGreenlet(greenlet, "pool");
    const plan = planWait(options, "add to pool");
    const task = enterWait("add to pool");
    return this.#admit(greenlet, task, plan, start) as Promise<unknown> as Promise<void>;
  }

  /** Makes a greenlet a member as soon as there is a slot, and starts it if that is wanted. */
  #admit<G extends Greenlet>(greenlet: G, task: Task, plan: WaitPlan, start: boolean): Promise<G> {
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    const atOnce = greenlet.dead || this.has(greenlet);
    if (!atOnce && !this.#slots.take()) {
      return this.#slots.enqueue(task, plan, (waiter) => {
        waiter.wake(greenlet); // the one who spawns goes on before its greenlet begins
        this.#take(greenlet, start);
      }, FULL);
    }
    if (!atOnce) this.#take(greenlet, start);
    else if (start) greenlet.start();
    return readyWith(task, ADMITTED, greenlet);
  }

  /** Uses a slot for a greenlet. */
  #take(greenlet: Greenlet, start: boolean): void {
    if (!this.enrol(greenlet)) this.#slots.give(); // it ended, or another call took it in
    if (start) greenlet.start();
  }
}

function slotsOf(size: number): number {
  return Math.min(size, Number.MAX_SAFE_INTEGER);
}
