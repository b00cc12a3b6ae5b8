import {
  enterWait,
  expireThrowing,
  type Expiry,
  failedWith,
  type Inspectable,
  Named,
  planWait,
  refusal,
  suspend,
  type WaitDetails,
  Waiter,
  WaitList,
  type WaitOptions,
} from "../hub/mod.ts";
import { Empty, Full, ShutDown } from "./errors.ts";
import { itemsOf, quietly } from "./iteration.ts";

const GET_EXPIRY: Expiry = expireThrowing(() => new Empty("Cannot get from channel: nobody put in time"));
const PUT_EXPIRY: Expiry = expireThrowing(() => new Full("Cannot put to channel: nobody took in time"));

/**
 * What {@linkcode Channel.statistics} returns.
 *
 * @example Who waits on which side
 * ```ts
 * import { Channel, type ChannelStatistics } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const statistics: ChannelStatistics = new Channel().statistics();
 * assertEquals(statistics, { getters: 0, putters: 0, closed: false });
 * ```
 */
export interface ChannelStatistics {
  /** How many wait for an item. */
  readonly getters: number;
  /** How many wait for a taker. */
  readonly putters: number;
  /** Whether it was shut down. */
  readonly closed: boolean;
}

/**
 * A queue that holds nothing: `put()` and `get()` meet. The getter goes on first, then the putter.
 *
 * Source: `gevent.queue.Channel`.
 *
 * @typeParam T The type of the items.
 *
 * @example Meet
 * ```ts
 * import { Channel, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const channel = new Channel<string>();
 * spawn(() => channel.put("hello"));
 * assertEquals(await channel.get(), "hello");
 * ```
 */
export class Channel<T> extends Named implements AsyncIterable<T>, Inspectable {
  /** Those who wait for an item. For `select`. */
  readonly getters: WaitList = new WaitList("get", this);
  /** Those who wait for a taker. For `select`. */
  readonly putters: WaitList = new WaitList("put", this);
  #closed = false;

  /** Always 0. */
  get size(): number {
    return 0;
  }

  /** Always true. */
  get empty(): boolean {
    return true;
  }

  /** Always true. */
  get full(): boolean {
    return true;
  }

  /** How many putters wait, minus how many getters wait. */
  get balance(): number {
    return this.putters.size - this.getters.size;
  }

  /** Whether it was shut down. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Figures about it, as they are now: a frozen object. Does not switch.
   *
   * Source: `trio`'s `statistics()`.
   */
  statistics(): ChannelStatistics {
    const { getters, putters, closed } = this;
    return Object.freeze({ getters: getters.size, putters: putters.size, closed });
  }

  /** For reports: who is missing. */
  inspectWait(what: string): WaitDetails {
    return { text: what === "get" ? "nobody puts" : "nobody gets" };
  }

  /**
   * Hands an item to a getter, waiting for one. Always switches.
   *
   * @throws {Full} If nobody takes it in time.
   * @throws {ShutDown} If it is shut down, or is while waiting.
   */
  put(item: T, options?: WaitOptions): Promise<void> {
    const plan = planWait(options, "put to channel");
    const task = enterWait("put to channel");
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    if (this.#closed) return failedWith(task, this.putters, isShutDown("put to"));
    const getter = this.getters.shift();
    if (getter === undefined) return suspend(task, this.putters, item, plan, PUT_EXPIRY);
    getter.wake(item);
    const waiter = new Waiter(task, this.putters, undefined);
    waiter.wake(undefined); // behind the getter
    task.hub.release(task);
    return waiter.promise as Promise<void>;
  }

  /**
   * Hands an item to a getter that waits. Does not switch.
   *
   * @throws {Full} If none waits.
   * @throws {ShutDown} If it is shut down.
   */
  putNowait(item: T): void {
    if (this.#closed) throw isShutDown("put to");
    const getter = this.getters.shift();
    if (getter === undefined) throw new Full("Cannot put to channel: nobody waits to get");
    getter.wake(item);
  }

  /**
   * Takes an item from a putter, waiting for one. Always switches.
   *
   * @throws {Empty} If nobody puts in time.
   * @throws {ShutDown} If it is shut down, or is while waiting.
   */
  get(options?: WaitOptions): Promise<T> {
    const plan = planWait(options, "get from channel");
    const task = enterWait("get from channel");
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    const putter = this.putters.shift();
    if (putter === undefined) {
      if (this.#closed) return failedWith(task, this.getters, isShutDown("get from"));
      return suspend(task, this.getters, undefined, plan, GET_EXPIRY);
    }
    const waiter = new Waiter(task, this.getters, undefined);
    waiter.wake(putter.value);
    putter.wake(undefined); // behind the getter
    task.hub.release(task);
    return waiter.promise as Promise<T>;
  }

  /**
   * Takes an item from a putter that waits. Does not switch.
   *
   * @throws {Empty} If none waits.
   * @throws {ShutDown} If none waits and it is shut down.
   */
  getNowait(): T {
    const putter = this.putters.shift();
    if (putter !== undefined) {
      const item = putter.value as T;
      putter.wake(undefined);
      return item;
    }
    if (this.#closed) throw isShutDown("get from");
    throw new Empty("Cannot get from channel: nobody waits to put");
  }

  /**
   * Ends it: those who wait get {@linkcode ShutDown}, later calls throw it, and iterations end. Does not
   * switch.
   */
  shutdown(): void {
    this.#closed = true;
    this.getters.failAll(() => isShutDown("get from"));
    this.putters.failAll(() => isShutDown("put to"));
  }

  /** Takes items until it is shut down. Asking for the next one switches. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    return quietly(itemsOf(this));
  }
}

function isShutDown(action: string): ShutDown {
  return new ShutDown(`Cannot ${action} channel: it is shut down`);
}
