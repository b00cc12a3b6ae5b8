import { MAX_PLATFORM_DELAY } from "../clock.ts";
import type { Hub } from "../hub.ts";
import { platform } from "../platform_timers.ts";

/**
 * What stands in the lists of {@linkcode ActiveWatchers}: a watcher.
 *
 * @example One
 * ```ts
 * import { type Called, getHub } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * using watcher = getHub().idle();
 * const called: Called = watcher;
 * assertEquals(called.ref, true);
 * ```
 */
export interface Called {
  /** Calls the function of the watcher at once, if it is active. */
  callNow(): void;
  /** Whether it keeps the process alive. */
  readonly ref: boolean;
}

/**
 * The watchers of one hub that are active, and what the hub has to know of them.
 *
 * Invariants:
 * - While there are references, one platform timer keeps the process alive.
 * - While there are idle watchers, a turn of the event loop is asked for.
 * - After each call of the prepare watchers there is one of the check watchers before the next.
 *
 * @example Keep the process alive
 * ```ts
 * import { activeWatchers, getHub } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const watchers = activeWatchers(getHub());
 * watchers.hold();
 * assertEquals(watchers.refs, 1);
 * watchers.letGo();
 * ```
 */
export class ActiveWatchers {
  readonly #hub: Hub;
  readonly #prepare = new Set<Called>();
  readonly #check = new Set<Called>();
  readonly #idle = new Set<Called>();
  #refs = 0;
  #keepAlive: ReturnType<typeof setTimeout> | undefined = undefined;
  #idleTurn: ReturnType<typeof setImmediate> | undefined = undefined;
  /** At which turn of the hub the idle watchers were last called to no effect. */
  #idledAt = -1;
  /** Whether something runs, so that the check watchers are to be called after it. */
  #inSlice: boolean;

  /**
   * Made by {@linkcode activeWatchers}.
   *
   * @param hub Whose they are.
   */
  constructor(hub: Hub) {
    this.#hub = hub;
    this.#inSlice = hub.holder !== undefined;
  }

  /** How many things keep the process alive. */
  get refs(): number {
    return this.#refs;
  }

  /**
   * Whether idle watchers are to be called before the hub can be said to be at rest.
   *
   * @param turn Which turn of the event loop the hub has had last.
   */
  idleDue(turn: number): boolean {
    return this.#idle.size > 0 && this.#idledAt !== turn;
  }

  /** Keeps the process alive until {@linkcode letGo} was called as often. */
  hold(): void {
    if (this.#refs++ === 0) this.#stayAlive();
  }

  /** Undoes one {@linkcode hold}. */
  letGo(): void {
    if (--this.#refs > 0) return;
    platform.clearTimeout(this.#keepAlive);
    this.#keepAlive = undefined;
    this.#hub.review();
  }

  /** Has a watcher called before each slice. */
  addPrepare(watcher: Called): void {
    this.#prepare.add(watcher);
  }

  /** Has a watcher called after each slice. */
  addCheck(watcher: Called): void {
    this.#check.add(watcher);
  }

  /** Has a watcher called whenever nothing is runnable. */
  addIdle(watcher: Called): void {
    this.#idle.add(watcher);
    this.#idledAt = -1;
    this.reviewIdle();
  }

  /** Has a watcher called no more. */
  remove(watcher: Called): void {
    this.#prepare.delete(watcher);
    this.#check.delete(watcher);
    if (this.#idle.delete(watcher)) this.reviewIdle();
  }

  /** After a change of the idle watchers, or of what they keep alive. */
  reviewIdle(): void {
    if (this.#idle.size > 0) this.#idleTurn ??= platform.setImmediate(this.#onIdleTurn);
    if ([...this.#idle].some((watcher) => watcher.ref)) this.#idleTurn?.ref();
    else this.#idleTurn?.unref();
  }

  /** Called by the hub before it runs something; does nothing in the middle of a slice. */
  beforeSlice(): void {
    if (this.#inSlice) return;
    this.#inSlice = true;
    callAll(this.#prepare);
  }

  /** Called by the hub after a slice. Says whether there was one. */
  afterSlice(): boolean {
    if (!this.#inSlice) return false;
    this.#inSlice = false;
    callAll(this.#check);
    return true;
  }

  /**
   * Called by the hub when nothing is runnable.
   *
   * @param turn Which turn of the event loop the hub has had last.
   */
  callIdle(turn: number): void {
    this.#idledAt = turn;
    callAll(this.#idle);
    if (this.#hub.hasRunnable) this.#idledAt = -1;
  }

  readonly #stayAlive = (): void => {
    this.#keepAlive = platform.setTimeout(this.#stayAlive, MAX_PLATFORM_DELAY);
  };

  readonly #onIdleTurn = (): void => {
    this.#idleTurn = undefined;
    this.reviewIdle();
    if (this.#idle.size > 0) this.#hub.runIdle();
  };
}

/** A watcher that is stopped by one before it is not called: it looks itself. */
function callAll(watchers: ReadonlySet<Called>): void {
  if (watchers.size === 0) return;
  for (const watcher of [...watchers]) watcher.callNow();
}

/**
 * Those of a hub; made at the first use, so that a hub without watchers has nothing to look at.
 *
 * @example Always the same
 * ```ts
 * import { activeWatchers, getHub } from "@verdant/green/hub";
 * import { assertStrictEquals } from "@std/assert";
 *
 * assertStrictEquals(activeWatchers(getHub()), getHub().watchers);
 * ```
 */
export function activeWatchers(hub: Hub): ActiveWatchers {
  return hub.watchers ??= new ActiveWatchers(hub);
}
