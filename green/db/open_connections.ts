import { Timeout, type Timer, type WaitOptions } from "../../hub/mod.ts";
import type { Job } from "../job.ts";
import { ResourcePool } from "../resources/resource_pool.ts";
import { attempt, resultOf, startJob } from "./attempt.ts";
import { ConnectTimeout } from "./connect_timeout.ts";
import type { ConnectionAdapter } from "./connection_adapter.ts";
import type { ConnectionPoolOptions, ConnectionTimes } from "./connection_pool_options.ts";
import { OpenConnection } from "./open_connection.ts";

/**
 * The connections of a pool: opens and closes them in time, and knows which may be lent.
 *
 * Invariant: while a connection with an expiry is idle, a timer is armed for the earliest expiry or before.
 */
export class OpenConnections<C extends object> extends ResourcePool<OpenConnection<C>> {
  readonly #adapter: ConnectionAdapter<C>;
  readonly #times: ConnectionTimes;
  #sweepTimer: Timer | undefined = undefined;

  constructor(
    adapter: ConnectionAdapter<C>,
    { minSize, maxSize }: ConnectionPoolOptions,
    times: ConnectionTimes,
  ) {
    super({ minSize, maxSize, orderAsStack: true });
    this.#adapter = adapter;
    this.#times = times;
  }

  /** A connection comes back. It is closed, or brought to the state of a new one and kept. */
  takeBack(entry: OpenConnection<C>): void {
    if (!this.#mayStay(entry)) return this.discard(entry);
    if (this.#adapter.reset !== undefined) return this.putAfter(entry, () => this.#reset(entry));
    this.#rest(entry);
    this.put(entry);
  }

  async #reset(entry: OpenConnection<C>): Promise<boolean> {
    const { name } = this.#adapter;
    try {
      await attempt(
        `reset connection to ${name}`,
        this.#times.cleanupTimeout,
        () => this.#adapter.reset!(entry.connection),
      );
    } catch (error) {
      entry.broken = error instanceof Timeout; // it may still be at it
      return false;
    }
    const stays = this.#mayStay(entry);
    if (stays) this.#rest(entry);
    return stays;
  }

  #mayStay(entry: OpenConnection<C>): boolean {
    const { maxIdle, maxAge } = this.#times;
    if (entry.broken || this.closed || this.kept > this.maxSize) return false;
    if (maxIdle === 0 || maxAge === 0) return false;
    return this.#maxAgeAt(entry) > this.hub.now() && this.#isOpen(entry);
  }

  /** A connection is clean. */
  #rest(entry: OpenConnection<C>): void {
    entry.idleSince = entry.seenAlive = this.hub.now();
    entry.atRest.set();
  }

  /** As `ResourcePool.close()`; nothing is left to expire. */
  override close(options?: WaitOptions): Promise<boolean> {
    const closed = super.close(options);
    if (this.#sweepTimer !== undefined) this.hub.cancelTimer(this.#sweepTimer);
    return closed;
  }

  // ---- Opening and closing -----------------------------------------------------------------------

  /** Opens a connection. If it comes too late, it is closed; its slot stays taken until then. */
  protected override async create(): Promise<OpenConnection<C>> {
    const { name } = this.#adapter;
    const { connectTimeout } = this.#times;
    const abort = new AbortController();
    const opening = startJob(`connect to ${name}`, () => this.#adapter.connect(abort.signal));
    try {
      if (!await opening.join({ timeout: connectTimeout })) {
        throw new ConnectTimeout(`Cannot connect to ${name}: no answer within ${connectTimeout} ms`);
      }
    } catch (error) {
      this.holdSlot(() => this.#callOff(opening, abort, error as Error));
      throw error;
    }
    return new OpenConnection(resultOf(opening), this.hub.now());
  }

  async #callOff(opening: Job<C>, abort: AbortController, reason: Error): Promise<void> {
    abort.abort(reason);
    opening.throw(reason);
    const closeLate = () => arrived(opening) ? this.#close(opening.outcome as C, false) : undefined;
    if (await opening.join({ timeout: this.#times.cleanupTimeout })) await closeLate();
    else opening.link(closeLate);
  }

  /** Closes a connection. */
  protected override async destroy(entry: OpenConnection<C>): Promise<void> {
    try {
      await this.#close(entry.connection, entry.broken);
    } finally {
      entry.atRest.set();
    }
  }

  #close(connection: C, broken: boolean): Promise<unknown> {
    const { name } = this.#adapter;
    return attempt(
      `close connection to ${name}`,
      this.#times.cleanupTimeout,
      () => this.#adapter.close(connection, broken),
    );
  }

  // ---- Lending -----------------------------------------------------------------------------------

  /** As far as this side knows. */
  protected override validate(entry: OpenConnection<C>): boolean {
    return !this.#isExpired(entry, 0) && this.#isOpen(entry);
  }

  /** Asks the server, if the connection was not used lately. */
  protected override inquiry(entry: OpenConnection<C>): (() => Promise<boolean>) | undefined {
    if (this.#adapter.check === undefined) return undefined;
    if (this.hub.now() - entry.seenAlive < this.#times.checkAfter) return undefined;
    return () => this.#check(entry);
  }

  async #check(entry: OpenConnection<C>): Promise<boolean> {
    const { name } = this.#adapter;
    entry.broken = true; // until it answers
    try {
      const answer = await attempt(
        `check connection to ${name}`,
        this.#times.cleanupTimeout,
        () => this.#adapter.check!(entry.connection),
      );
      entry.broken = false;
      entry.seenAlive = this.hub.now();
      return answer !== false;
    } catch {
      return false;
    }
  }

  #isOpen({ connection }: OpenConnection<C>): boolean {
    try {
      return this.#adapter.isOpen?.(connection) ?? true;
    } catch {
      return false;
    }
  }

  // ---- Expiry ------------------------------------------------------------------------------------

  /** An idle connection is closed in time. */
  protected override onIdle(entry: OpenConnection<C>): void {
    this.#sweepBy(this.#nextExpiry(entry));
  }

  readonly #sweep = (): void => {
    let next = Infinity;
    this.evict((entry, evicted) => {
      if (this.#isExpired(entry, evicted) || !this.#isOpen(entry)) return true;
      next = Math.min(next, this.#nextExpiry(entry));
      return false;
    });
    this.#sweepBy(next);
  };

  #sweepBy(time: number): void {
    const { hub } = this;
    const timer = this.#sweepTimer;
    if (time === Infinity || (timer?.active && timer.deadline <= time)) return;
    if (timer !== undefined) hub.cancelTimer(timer);
    this.#sweepTimer = hub.startTimer(
      time - hub.now(),
      false,
      () => void hub.runCallback(this.#sweep),
      undefined,
    );
  }

  /** Whether an idle connection is too old, or idle for too long and not needed for `minSize`. */
  #isExpired(entry: OpenConnection<C>, evicted: number): boolean {
    const now = this.hub.now();
    return now >= this.#maxAgeAt(entry) ||
      now >= this.#maxIdleAt(entry) && this.kept - evicted > this.minSize;
  }

  /** When it has to be looked at again. */
  #nextExpiry(entry: OpenConnection<C>): number {
    const maxIdleAt = this.#maxIdleAt(entry);
    return Math.min(this.#maxAgeAt(entry), maxIdleAt > this.hub.now() ? maxIdleAt : Infinity);
  }

  // 0 refuses a connection that comes back; one that nobody has used yet does not expire by it.

  #maxAgeAt({ openedAt }: OpenConnection<C>): number {
    return openedAt + (this.#times.maxAge || Infinity);
  }

  #maxIdleAt({ idleSince }: OpenConnection<C>): number {
    return idleSince + (this.#times.maxIdle || Infinity);
  }
}

function arrived({ ready, failed, outcome }: Job<object>): boolean {
  return ready && !failed && !(outcome instanceof Error);
}
