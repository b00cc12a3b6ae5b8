import {
  type Accountable,
  callerTask,
  enterWait,
  EXPIRE_FALSE,
  expireThrowing,
  type Expiry,
  type Inspectable,
  type Leftover,
  Named,
  noteGranted,
  noteReturned,
  noteTaken,
  planWait,
  quiet,
  readyWith,
  recording,
  refusal,
  suspend,
  type Task,
  Timeout,
  type WaitDetails,
  type Waiter,
  WaitList,
  type WaitOptions,
  whereTaken,
} from "../hub/mod.ts";
import { checkFunction } from "./check.ts";
import { Lease } from "./lease.ts";

/** What a waiter brings that gets a {@linkcode Lease} instead of `true`. */
const LEASE = "lease";
const LEASE_EXPIRY: Expiry = expireThrowing(() => new Timeout(null, { message: "lease()" }));

/**
 * What {@linkcode OwnedLock.statistics} returns.
 *
 * @example Who holds it, and how often
 * ```ts
 * import { getHub, type LockStatistics, RLock } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const lock = new RLock();
 * await lock.acquire();
 * await lock.acquire();
 * const statistics: LockStatistics = lock.statistics();
 * assertEquals(statistics, { holder: getHub().root.id, depth: 2, waiting: 0 });
 * ```
 */
export interface LockStatistics {
  /** The number of the greenlet that holds it; `undefined` if nobody does. */
  readonly holder: number | undefined;
  /** How often its holder has acquired it and not released it. */
  readonly depth: number;
  /** How many wait for it. */
  readonly waiting: number;
}

/**
 * What `Lock` and `RLock` share: an owner, and a line of those who want to be the next.
 *
 * @example Whichever lock it is
 * ```ts
 * import { Lock, type OwnedLock, RLock } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const guarded = (lock: OwnedLock) => lock.with(() => "done");
 * assertEquals(await guarded(new Lock()), "done");
 * assertEquals(await guarded(new RLock()), "done");
 * ```
 */
export abstract class OwnedLock extends Named implements Accountable, Inspectable {
  readonly #waiters: WaitList = new WaitList("acquire", this);
  #holder: Task | undefined = undefined;
  #depth = 0;

  /** Makes a lock that nobody holds. */
  constructor() {
    super();
    callerTask().hub.inventory?.add(this);
  }

  /** For simulations: whether somebody still holds it. */
  get leftover(): Leftover | undefined {
    if (this.#holder === undefined) return undefined;
    const where = whereTaken(this);
    return { kind: "permits", text: `held by ${this.#holder.label}${where ? `, acquired ${where}` : ""}` };
  }

  /**
   * Figures about it, as they are now: a frozen object. Does not switch.
   *
   * Source: `trio.Lock.statistics`.
   */
  statistics(): LockStatistics {
    return Object.freeze({ holder: this.#holder?.id, depth: this.#depth, waiting: this.#waiters.size });
  }

  /** For reports: who holds it, and with `hub.debug` where it was acquired. */
  inspectWait(_what: string): WaitDetails | undefined {
    const holder = this.#holder;
    if (holder === undefined) return undefined;
    const where = whereTaken(this);
    const texts = [holder.ready && "its holder has ended", where && `acquired ${where}`];
    return { text: texts.filter(Boolean).join(", ") || undefined, blockers: [holder] };
  }

  /** Who holds it: a greenlet, or the main flow of a hub. */
  get holder(): Task | undefined {
    return this.#holder;
  }

  /** Whether somebody holds it. */
  get locked(): boolean {
    return this.#holder !== undefined;
  }

  /** Whether the caller holds it. */
  get owned(): boolean {
    return this.#holder === callerTask();
  }

  /** Whether it may be acquired again by its holder. */
  protected abstract readonly reentrant: boolean;

  /**
   * Acquires it, waiting in line if another holds it. Switches only then.
   *
   * @returns `true`, or `false` on time-out.
   * @throws {RangeError} If the time-out is negative or NaN.
   */
  acquire(options?: WaitOptions): Promise<boolean> {
    const plan = planWait(options, "acquire lock");
    const task = enterWait("acquire lock");
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    if (this.#take(task)) return readyWith(task, this.#waiters, true);
    return suspend(task, this.#waiters, undefined, plan, EXPIRE_FALSE);
  }

  /** Acquires it if that needs no wait, and says whether. Does not switch. */
  tryAcquire(): boolean {
    return this.#take(callerTask());
  }

  /**
   * Releases it: the one who has waited longest holds it from now on. Does not switch.
   *
   * @throws {Error} If the caller does not hold it.
   */
  release(): void {
    this.#checkOwned("release lock");
    if (--this.#depth === 0) this.#passOn();
  }

  /**
   * Acquires it as an object to dispose: `using held = await lock.lease()`. Switches if another holds it.
   *
   * @throws {Timeout} If it is not free in time.
   */
  lease(options?: WaitOptions): Promise<Lease> {
    const plan = planWait(options, "lease lock");
    const task = enterWait("lease lock");
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    if (this.#take(task)) return readyWith(task, this.#waiters, new Lease(this));
    return suspend(task, this.#waiters, LEASE, plan, LEASE_EXPIRY);
  }

  /**
   * Runs `fn` while holding it. Switches if another holds it.
   *
   * @returns What `fn` returns.
   * @throws {TypeError} If `fn` is not a function.
   */
  with<T>(fn: () => T | PromiseLike<T>): Promise<T> {
    checkFunction(fn, "use lock");
    return quiet(runHeld(this.lease(), fn));
  }

  /**
   * For `Condition`: releases it however often it was acquired.
   *
   * @returns How often that was, for {@linkcode restore}.
   * @throws {Error} If the caller does not hold it.
   */
  releaseAll(): number {
    this.#checkOwned("release lock");
    const depth = this.#depth;
    this.#depth = 0;
    this.#passOn();
    return depth;
  }

  /** For `Condition`: acquires it as often as it was released. Cannot be killed or timed out. */
  async restore(depth: number): Promise<void> {
    const task = callerTask();
    const shield = task.raiseShield();
    try {
      await this.acquire();
    } finally {
      task.lowerShield(shield);
    }
    this.#depth = depth;
  }

  #take(task: Task): boolean {
    if (this.#holder === undefined) this.#hold(task);
    else if (this.#holder !== task || !this.reentrant) return false;
    this.#depth++;
    return true;
  }

  #hold(task: Task): void {
    this.#holder = task;
    if (task.hub.debug) noteTaken(this, task);
  }

  #passOn(): void {
    const next = this.#waiters.shift() as Waiter | undefined;
    if (recording) noteReturned(this, this.#holder!);
    this.#holder = next?.task;
    if (next === undefined) return;
    if (next.task.hub.debug) noteGranted(this, next);
    this.#depth = 1;
    next.wake(next.value === LEASE ? new Lease(this) : true);
  }

  #checkOwned(action: string): void {
    const caller = callerTask();
    // What a greenlet left behind when it ended is nobody's, and nobody else could release its lock.
    if (this.#holder === caller || this.#holder?.ready) return;
    const holder = this.#holder === undefined ? "nobody holds it" : `it is held by ${this.#holder.label}`;
    throw new Error(`Cannot ${action}: ${caller.label} does not hold it, ${holder}`);
  }
}

async function runHeld<T>(lease: Promise<Lease>, fn: () => T | PromiseLike<T>): Promise<T> {
  using _lease = await lease;
  return await fn();
}

/**
 * Held by one greenlet at a time, and released by the one that holds it. Acquiring it again while holding
 * it waits for ever: see {@linkcode RLock}.
 *
 * Source: `threading.Lock` under gevent, with an owner.
 *
 * @example Mutual exclusion
 * ```ts
 * import { Lock } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const lock = new Lock();
 * let balance = 10;
 * await lock.with(() => balance -= 3);
 * assertEquals(balance, 7);
 * ```
 */
export class Lock extends OwnedLock {
  /** It is not. */
  protected override readonly reentrant = false;
}

/**
 * A lock that its holder may acquire again; it is free once it was released as often.
 *
 * Source: `gevent.lock.RLock`.
 *
 * @example Acquire twice
 * ```ts
 * import { RLock } from "@verdant/green";
 * import { assert } from "@std/assert";
 *
 * const lock = new RLock();
 * await lock.acquire();
 * await lock.acquire();
 * lock.release();
 * assert(lock.locked);
 * lock.release();
 * assert(!lock.locked);
 * ```
 */
export class RLock extends OwnedLock {
  /** It is. */
  protected override readonly reentrant = true;
}
