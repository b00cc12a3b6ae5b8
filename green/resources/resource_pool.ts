import {
  type Accountable,
  callerTask,
  describeTaken,
  enterWait,
  EXPIRE_FALSE,
  expireThrowing,
  type Expiry,
  failedWith,
  holdersOf,
  type Hub,
  immediately,
  type Inspectable,
  type Leftover,
  Named,
  noteGranted,
  noteReturned,
  noteTaken,
  park,
  planWait,
  plural,
  quiet,
  readyWith,
  recording,
  refusal,
  suspend,
  Timeout,
  type WaitDetails,
  Waiter,
  WaitList,
  type WaitNode,
  type WaitOptions,
} from "../../hub/mod.ts";
import { checkFunction, checkSize, checkWhole } from "../../sync/check.ts";
import { ShutDown } from "../../sync/errors.ts";
import { spawnRaw } from "../spawn_raw.ts";
import { type Creation, Creations } from "./creation.ts";
import { LentItems } from "./lent_items.ts";
import { ResourceLease } from "./resource_lease.ts";
import type { ResourcePoolOptions } from "./resource_pool_options.ts";
import { describeUse, type ResourcePoolStatistics } from "./resource_pool_statistics.ts";

/** No item is ready. */
const NONE: unique symbol = Symbol("none");

const GET_EXPIRY: Expiry = expireThrowing(() => new Timeout(null, { message: "ResourcePool.get()" }));

/**
 * Items that are expensive to make and are used by one greenlet at a time: lent, given back, lent again.
 *
 * Whoever wants one when none is idle waits in a line, first come first served. Every item that becomes free,
 * come back or newly made, goes to the one who has waited longest. As long as there is room, an item is made for
 * each who waits: in a greenlet of its own, so that the wait can be killed and timed out whatever `create()`
 * awaits. If nobody waits any more, that greenlet is killed; an item that it makes nevertheless is kept. If
 * `create()` fails, whoever it was made for is told, and whoever waits on makes the next.
 *
 * `await using` closes it.
 *
 * Invariants: there are never more than `maxSize` items, those included that are being made or destroyed. Nobody
 * waits while there is room, unless an item is on the way.
 *
 * Source: `eventlet.pools.Pool`.
 *
 * @typeParam T The type of the items.
 *
 * @example Four workers, two tools
 * ```ts
 * import { joinAll, ResourcePool, sleep, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * let made = 0;
 * const pool = new ResourcePool({ create: () => `tool ${++made}`, maxSize: 2 });
 * const used: string[] = [];
 * const work = async () => {
 *   using tool = await pool.lease();
 *   used.push(tool.value);
 *   await sleep();
 * };
 * await joinAll([work, work, work, work].map((fn) => spawn(fn)));
 * assertEquals([used, made], [["tool 1", "tool 2", "tool 1", "tool 2"], 2]);
 * ```
 */
export class ResourcePool<T> extends Named implements AsyncDisposable, Accountable, Inspectable {
  /** Where it works. */
  protected readonly hub: Hub;
  readonly #options: ResourcePoolOptions<T>;
  readonly #minSize: number;
  #maxSize: number;
  #closed = false;
  readonly #waiters: WaitList = new WaitList("get", this);
  readonly #closers: WaitList = new WaitList("close", this);

  // Every slot that is taken is in exactly one of these.
  #idle: T[] = [];
  readonly #lent = new LentItems<T>();
  readonly #creations = new Creations<T>(() => this.create(), {
    made: (item) => this.#made(item),
    failed: (creation, calledOff) => this.#failed(creation, calledOff),
  });
  /** How many items are on the way that were lent before: being cleaned, or asked whether they are still good. */
  #preparing = 0;
  /** How many items are being destroyed. */
  #destroying = 0;

  /**
   * Makes a pool. Its first items are made by greenlets that start later.
   *
   * @param options How to make and destroy items (subclasses override methods instead), and how many.
   * @throws {RangeError} If a size is out of range, or `minSize` is above `maxSize`.
   * @throws {TypeError} If `create`, `destroy` or `validate` is not a function.
   */
  constructor(options: ResourcePoolOptions<T> = {}) {
    super();
    const { minSize = 0, maxSize = 4 } = options;
    checkWhole(minSize, 0, "create pool", "minSize");
    checkSize(maxSize, 0, "create pool", "maxSize");
    if (minSize > maxSize) {
      throw new RangeError(
        `Cannot create pool: minSize must not be above maxSize, received ${minSize}, ${maxSize}`,
      );
    }
    for (const name of ["create", "destroy", "validate"] as const) {
      if (options[name] !== undefined) checkFunction(options[name], "create pool", name);
    }
    const { hub } = callerTask();
    this.hub = hub;
    this.#options = { ...options };
    this.#minSize = minSize;
    this.#maxSize = maxSize;
    hub.inventory?.add(this);
    this.#replenish();
  }

  // ---- State -------------------------------------------------------------------------------------

  /** How many items it keeps at least. */
  get minSize(): number {
    return this.#minSize;
  }

  /** How many items there may be at most. */
  get maxSize(): number {
    return this.#maxSize;
  }

  /** How many items there are: idle, lent, being made and being destroyed. */
  get size(): number {
    return this.kept + this.#destroying;
  }

  /** How many items wait to be lent. */
  get idle(): number {
    return this.#idle.length;
  }

  /** How many items are lent. */
  get lent(): number {
    return this.#lent.size;
  }

  /** How many items could be had at once or made: the idle ones, and the room that is left. */
  get free(): number {
    return this.idle + Math.max(0, this.#maxSize - this.size);
  }

  /** How many wait for an item. */
  get waiting(): number {
    return this.#waiters.size;
  }

  /** Whether it was closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** For simulations: the items that were not given back. */
  get leftover(): Leftover | undefined {
    if (this.lent === 0) return undefined;
    const taken = describeTaken(this, this.lent);
    return { kind: "permits", text: `${plural(this.lent, "item")} lent${taken ? `, ${taken}` : ""}` };
  }

  /**
   * Figures about it, as they are now: a frozen object. Does not switch.
   *
   * Source: `trio`'s `statistics()`.
   */
  statistics(): ResourcePoolStatistics {
    const { size, minSize, maxSize, idle, lent, waiting, closed } = this;
    const making = this.#creations.size + this.#preparing;
    return Object.freeze({
      size,
      minSize,
      maxSize,
      idle,
      lent,
      making,
      destroying: this.#destroying,
      waiting,
      closed,
    });
  }

  /** For reports: where the items are, and with `hub.debug` who has them and has taken them where. */
  inspectWait(_what: string): WaitDetails {
    const { lent } = this;
    const use = describeUse(this.statistics());
    const taken = describeTaken(this, lent);
    return {
      text: taken === undefined ? use : `${use}, ${taken}`,
      blockers: lent === this.size ? holdersOf(this, lent) : undefined,
      likely: true, // anybody may give them back
    };
  }

  // ---- Lending -----------------------------------------------------------------------------------

  /**
   * Takes an item: an idle one, one that comes back, or a new one. Switches unless one is idle.
   *
   * @param options Limits, for the wait and the making together.
   * @returns The item, to be given back with {@linkcode put} or {@linkcode discard}.
   * @throws {Timeout} If there is none in time.
   * @throws {ShutDown} If it is closed, or is while waiting.
   * @throws The error of `create()`.
   * @throws {RangeError} If the time-out is negative or NaN.
   */
  get(options?: WaitOptions): Promise<T> {
    const plan = planWait(options, "get from pool");
    const task = enterWait("get from pool");
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    if (this.#closed) return failedWith(task, this.#waiters, isClosed());
    const item = this.#waiters.size === 0 ? this.#takeIdle() : NONE; // nobody is overtaken
    if (item !== NONE) {
      if (task.hub.debug) noteTaken(this, task, item);
      return readyWith(task, this.#waiters, this.#lend(item));
    }
    if (plan.timeout === 0) return immediately(plan, GET_EXPIRY);
    const waiter = new Waiter(task, this.#waiters, undefined);
    this.#waiters.push(waiter);
    this.#supply();
    return quiet(this.#untilServed(park<T>(waiter, plan, GET_EXPIRY)));
  }

  /**
   * Takes an item as an object to dispose: `using item = await pool.lease()`. Otherwise as {@linkcode get}.
   *
   * @throws {Timeout} If there is none in time.
   * @throws {ShutDown} If it is closed, or is while waiting.
   */
  lease(options?: WaitOptions): Promise<ResourceLease<T>> {
    return quiet(this.#leased(this.get(options)));
  }

  /**
   * Gives an item back: to the one who has waited longest, else to the idle ones. It is destroyed if there are
   * too many, or the pool is closed. Does not switch.
   *
   * An item that the pool did not lend takes the place of the one that was lent first, which the caller is
   * believed to have dropped.
   *
   * @throws {TypeError} If the item is idle already, or nothing is lent.
   */
  put(item: T): void {
    if (!this.#lent.delete(item)) {
      if (this.#idle.includes(item)) {
        throw new TypeError("Cannot put to pool: the item was given back already");
      }
      if (!this.#lent.deleteOldest()) throw new TypeError("Cannot put to pool: nothing is lent");
    }
    if (recording) this.#noteReturned(item);
    this.#accept(item);
    this.#review();
  }

  /**
   * Gives a slot back instead of the item, which is destroyed in a greenlet of its own. The slot is free when
   * that has ended. Does not switch.
   *
   * @throws {TypeError} If the item is not lent.
   */
  discard(item: T): void {
    if (!this.#lent.delete(item)) throw new TypeError("Cannot discard item: it is not lent by this pool");
    if (recording) this.#noteReturned(item);
    this.#destroy(item);
    this.#review();
  }

  // ---- Sizes -------------------------------------------------------------------------------------

  /**
   * Sets how many items there may be. With more room, those who wait get new ones at once; if there are too
   * many, idle ones are destroyed now and others when they come back. Does not switch.
   *
   * @param maxSize How many; it also bounds `minSize`.
   * @throws {RangeError} If it is neither a non-negative integer nor `Infinity`.
   */
  resize(maxSize: number): void {
    checkSize(maxSize, 0, "resize pool", "maxSize");
    this.#maxSize = maxSize;
    const surplus = this.kept - maxSize;
    if (surplus > 0) this.evict((_item, evicted) => evicted < surplus);
    this.#supply();
    this.#replenish();
  }

  /**
   * Destroys the idle items that `predicate` says, those first that have been idle longest. Does not switch.
   *
   * @param predicate Gets an item, and how many went before it.
   * @returns How many they were.
   * @throws {TypeError} If `predicate` is not a function.
   */
  evict(predicate: (item: T, evicted: number) => boolean): number {
    checkFunction(predicate, "evict items", "predicate");
    const evicted: T[] = [];
    const left: T[] = [];
    for (const item of this.#idle) (predicate(item, evicted.length) ? evicted : left).push(item);
    this.#idle = left;
    for (const item of evicted) this.#destroy(item);
    return evicted.length;
  }

  /** Destroys the idle items; others are made up to `minSize`. Does not switch. */
  clear(): void {
    this.evict(() => true);
  }

  // ---- The end -----------------------------------------------------------------------------------

  /**
   * Closes it: those who wait get {@linkcode ShutDown}, and so does who comes later; idle items are destroyed
   * now, lent ones when they come back. Waits until all are. Switches unless there are none.
   *
   * @param options Limits of the wait: an item that never comes back would make it last for ever.
   * @returns Whether all are destroyed; `false` on time-out.
   * @throws {RangeError} If the time-out is negative or NaN.
   */
  close(options?: WaitOptions): Promise<boolean> {
    const plan = planWait(options, "close pool");
    const task = enterWait("close pool");
    this.#shut();
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    if (this.size === 0) return readyWith(task, this.#closers, true);
    return suspend(task, this.#closers, undefined, plan, EXPIRE_FALSE);
  }

  /** Closes it and waits until all items are destroyed, the lent ones included. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  // ---- For subclasses ----------------------------------------------------------------------------

  /** Makes an item. May wait. */
  protected create(): T | PromiseLike<T> {
    const { create } = this.#options;
    if (create !== undefined) return create();
    throw new TypeError(
      "Cannot create item: the pool was given no create function, and create() is not overridden",
    );
  }

  /** Ends the life of an item. May wait. */
  protected destroy(item: T): unknown {
    return this.#options.destroy?.(item);
  }

  /** Whether an idle item may be lent. Must not wait. */
  protected validate(item: T): boolean {
    const { validate } = this.#options;
    return validate === undefined || validate(item);
  }

  /**
   * What is to be asked about a valid item before it is lent. That runs in a greenlet of its own while whoever
   * wants the item waits; the item is destroyed if the answer is `false`.
   */
  protected inquiry(_item: T): (() => PromiseLike<boolean>) | undefined {
    return undefined;
  }

  /**
   * Gives an item back that cannot be lent as it is: `prepare` runs in a greenlet of its own. The item counts as on
   * the way meanwhile, so that whoever wants one waits for it; it is destroyed if the answer is `false`.
   */
  protected putAfter(item: T, prepare: () => PromiseLike<boolean>): void {
    if (!this.#lent.delete(item)) throw new TypeError("Cannot put to pool: the item is not lent");
    if (recording) this.#noteReturned(item);
    this.#preparing++;
    this.#prepare(item, prepare);
  }

  /** Called when an item has become idle. */
  protected onIdle(_item: T): void {}

  /** How many items there are without those that are being destroyed. */
  protected get kept(): number {
    return this.idle + this.lent + this.#creations.size + this.#preparing;
  }

  /**
   * For a `create()` that gives up before its work has ended: counts a slot as taken until `fn`, which runs in a
   * greenlet of its own, has ended too.
   */
  protected holdSlot(fn: () => unknown): void {
    this.#destroying++;
    const cleanUp = () => this.#holdWhile(fn);
    spawnRaw(cleanUp);
  }

  // ---- How it works ------------------------------------------------------------------------------

  async #leased(item: Promise<T>): Promise<ResourceLease<T>> {
    return new ResourceLease(this, await item);
  }

  async #untilServed(turn: Promise<T>): Promise<T> {
    try {
      return await turn;
    } catch (error) {
      const surplus = this.#creations.wanted + this.#preparing > this.waiting;
      if (surplus) this.#creations.callOffSurplus();
      throw error;
    }
  }

  #lend(item: T): T {
    this.#lent.add(item);
    return item;
  }

  /** Lends an item to one who has waited for it. */
  #hand(item: T, waiter: WaitNode): void {
    const { task } = waiter as Waiter;
    if (task.hub.debug) noteGranted(this, waiter, item);
    waiter.wake(this.#lend(item));
  }

  #noteReturned(item: T): void {
    noteReturned(this, callerTask(), this.lent, item);
  }

  /** Serves those who wait for whom nothing is on the way. */
  #supply(): void {
    while (this.#waiters.size > this.#creations.wanted + this.#preparing) {
      if (this.idle > 0) {
        const item = this.#takeIdle();
        if (item !== NONE) this.#hand(item, this.#waiters.shift()!);
      } else if (this.size < this.#maxSize) {
        this.#creations.beginFor(this.#waiters);
      } else {
        return;
      }
    }
  }

  /** An item in hand finds its place. */
  #accept(item: T): void {
    if (this.#closed || this.kept >= this.#maxSize) return this.#destroy(item);
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) return this.#hand(item, waiter);
    this.#idle.push(item);
    this.onIdle(item);
  }

  /** A slot may be free. */
  #review(): void {
    this.#supply();
    if (this.#closed && this.size === 0) this.#closers.wakeAll(true);
  }

  #shut(): void {
    this.#closed = true;
    this.#waiters.failAll(isClosed);
    this.#creations.callOffAll("the pool is closed");
    this.clear();
  }

  // ---- Making items ------------------------------------------------------------------------------

  /** Makes the items that there are to be in any case. */
  #replenish(): void {
    const least = Math.min(this.#minSize, this.#maxSize);
    while (!this.#closed && this.size < least) this.#creations.begin();
  }

  #made(item: T): void {
    this.#accept(item);
    this.#replenish(); // what failed before may succeed now
    this.#review();
  }

  /** Tells the one it was for of the failure. If he has left, the one for whom the next is made will see. */
  #failed(creation: Creation<T>, calledOff: boolean): void {
    const { owner, failed, outcome } = creation;
    if (failed && !calledOff) {
      if (creation.awaited) {
        this.#waiters.remove(owner!);
        owner!.fail(outcome);
      } else if (this.waiting === 0) {
        this.hub.handleError(creation, outcome);
      }
    }
    this.#review();
  }

  // ---- Idle items --------------------------------------------------------------------------------

  /** Takes an idle item that is good; none if that is still to be found out. */
  #takeIdle(): T | typeof NONE {
    while (this.idle > 0) {
      const item = (this.#options.orderAsStack ? this.#idle.pop() : this.#idle.shift()) as T;
      this.#preparing++; // the slot stays taken
      const valid = this.#isValid(item);
      const inquiry = valid ? this.inquiry(item) : undefined;
      if (inquiry !== undefined) {
        this.#prepare(item, inquiry);
        return NONE;
      }
      this.#preparing--;
      if (valid) return item;
      this.#destroy(item);
    }
    return NONE;
  }

  #isValid(item: T): boolean {
    try {
      return this.validate(item) === true;
    } catch {
      return false;
    }
  }

  /** What comes of an item shows in a while; its slot is taken meanwhile. */
  #prepare(item: T, isGood: () => PromiseLike<boolean>): void {
    const prepare = async () => {
      let good = false;
      try {
        good = await isGood();
      } finally {
        this.#preparing--;
        if (good) this.#accept(item);
        else this.#destroy(item);
        this.#review();
      }
    };
    spawnRaw(prepare);
  }

  /** Ends the life of an item that is in nobody's hands. If that is nothing, its slot is free: the caller reviews. */
  #destroy(item: T): void {
    const trivial = this.destroy === ResourcePool.prototype.destroy && this.#options.destroy === undefined;
    if (trivial) return this.#replenish();
    this.#destroying++;
    const destroy = async () => {
      try {
        await this.#holdWhile(() => this.destroy(item));
      } finally {
        this.#replenish();
      }
    };
    spawnRaw(destroy);
  }

  async #holdWhile(fn: () => unknown): Promise<void> {
    try {
      await fn();
    } finally {
      this.#destroying--;
      this.#review();
    }
  }
}

function isClosed(): ShutDown {
  return new ShutDown("Cannot get from pool: it is closed");
}
