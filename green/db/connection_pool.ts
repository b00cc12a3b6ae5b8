import { quiet, type WaitOptions } from "../../hub/mod.ts";
import { checkFunction } from "../../sync/check.ts";
import { Event } from "../../sync/event.ts";
import type { ConnectionAdapter } from "./connection_adapter.ts";
import type { ResourcePoolStatistics } from "../resources/resource_pool_statistics.ts";
import { checkTimes, type ConnectionPoolOptions, type ConnectionTimes } from "./connection_pool_options.ts";
import type { OpenConnection } from "./open_connection.ts";
import { OpenConnections } from "./open_connections.ts";
import { Loan, type PooledConnection } from "./pooled_connection.ts";

/** The connections of a pool: reports speak of the pool. */
class PoolConnections<C extends object> extends OpenConnections<C> {
  readonly #title: string;

  constructor(adapter: ConnectionAdapter<C>, options: ConnectionPoolOptions, times: ConnectionTimes) {
    super(adapter, options, times);
    this.#title = `ConnectionPool(${adapter.name})`;
  }

  get inspectTitle(): string {
    return this.#title;
  }
}

/**
 * Connections to a database that greenlets take turns in using.
 *
 * Whoever wants one when none is idle waits in a line, first come first served. The connection used last is lent
 * first. One that is too old, was idle for too long, is closed, or does not answer is never lent. A connection that
 * comes back is brought to the state of a new one, in a greenlet of its own; if that fails, or an operation on it
 * was interrupted, it is closed.
 *
 * `await using` closes it.
 *
 * Invariants: there are never more than `maxSize` connections, those included that are being opened or closed.
 * A slot is free only when the adapter has closed the connection, or its time for that is over.
 *
 * Source: `eventlet.db_pool.ConnectionPool`.
 *
 * @typeParam C The type of the connections.
 *
 * @example Lend, use, give back
 * ```ts
 * import { ConnectionPool } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * class Connection {
 *   inTransaction = false;
 *   query(text: string): Promise<string> {
 *     if (text === "begin") this.inTransaction = true;
 *     return Promise.resolve(`result of ${text}`);
 *   }
 * }
 * const adapter = {
 *   name: "memory",
 *   connect: () => new Connection(),
 *   close() {},
 *   reset: (connection: Connection) => void (connection.inTransaction = false),
 * };
 *
 * await using pool = new ConnectionPool(adapter, { maxSize: 2 });
 * {
 *   await using connection = await pool.lease();
 *   assertEquals(await connection.query("begin"), "result of begin");
 *   assertEquals([pool.leased, pool.idle], [1, 0]);
 * }
 * assertEquals([pool.leased, pool.idle], [0, 1]);
 * assertEquals(await pool.use((connection) => connection.inTransaction), false);
 * ```
 */
export class ConnectionPool<C extends object> implements AsyncDisposable {
  readonly #adapter: ConnectionAdapter<C>;
  readonly #connections: OpenConnections<C>;
  readonly #loans = new WeakMap<object, Loan<C>>();

  /**
   * Makes a pool. Its first connections are opened by greenlets that start later.
   *
   * @param adapter How to open, check, clean and close connections.
   * @param options How many there may be, and for how long.
   * @throws {RangeError} If a size or a time is out of range.
   * @throws {TypeError} If the adapter cannot open or close connections.
   */
  constructor(adapter: ConnectionAdapter<C>, options: ConnectionPoolOptions = {}) {
    checkFunction(adapter.connect, "create pool", "adapter.connect");
    checkFunction(adapter.close, "create pool", "adapter.close");
    this.#adapter = adapter;
    this.#connections = new PoolConnections(adapter, options, checkTimes(options));
  }

  // ---- State -------------------------------------------------------------------------------------

  /** How messages call the database. */
  get name(): string {
    return this.#adapter.name;
  }

  /**
   * Figures about it, as they are now: a frozen object. Does not switch.
   *
   * Source: `trio`'s `statistics()`.
   */
  statistics(): ResourcePoolStatistics {
    return this.#connections.statistics();
  }

  /** How many connections there are: idle, leased, being opened, cleaned and closed. */
  get size(): number {
    return this.#connections.size;
  }

  /** How many connections wait to be lent. */
  get idle(): number {
    return this.#connections.idle;
  }

  /** How many connections somebody uses. */
  get leased(): number {
    return this.#connections.lent;
  }

  /** How many wait for a connection. */
  get waiting(): number {
    return this.#connections.waiting;
  }

  /** How many connections could be had at once or opened: the idle ones, and the room that is left. */
  get free(): number {
    return this.#connections.free;
  }

  /** How many connections it keeps open at least. */
  get minSize(): number {
    return this.#connections.minSize;
  }

  /** How many connections there may be at most. */
  get maxSize(): number {
    return this.#connections.maxSize;
  }

  /** Whether it was closed. */
  get closed(): boolean {
    return this.#connections.closed;
  }

  // ---- Lending -----------------------------------------------------------------------------------

  /**
   * Takes a connection: `using connection = await pool.lease()`. Switches unless one is idle and was used lately.
   *
   * @param options Limits, for the wait and the opening together.
   * @returns The connection, which disposing gives back.
   * @throws {Timeout} If there is none in time.
   * @throws {ConnectTimeout} If a connection could not be opened within `connectTimeout`.
   * @throws {ShutDown} If the pool is closed, or is while waiting.
   * @throws The error of the adapter's `connect`.
   * @throws {RangeError} If the time-out is negative or NaN.
   */
  lease(options?: WaitOptions): Promise<PooledConnection<C>> {
    return quiet(this.#lend(this.#connections.get(options)));
  }

  /**
   * Runs `fn(connection)`, and gives the connection back whatever happens. Switches.
   *
   * @param fn What to do with a connection.
   * @param options Limits of the wait for the connection.
   * @returns What `fn` returns.
   * @throws What {@linkcode lease} and `fn` throw.
   * @throws {TypeError} If `fn` is not a function.
   */
  use<R>(
    fn: (connection: PooledConnection<C>) => R | PromiseLike<R>,
    options?: WaitOptions,
  ): Promise<R> {
    checkFunction(fn, "use connection");
    return quiet(runWith(this.lease(options), fn));
  }

  /**
   * Gives a connection back that is no good any more: it is closed. Does not switch.
   *
   * @param connection What {@linkcode lease} returned; if it was given back, nothing happens.
   * @throws {TypeError} If it was not lent by this pool.
   */
  discard(connection: PooledConnection<C>): void {
    const loan = this.#loans.get(connection);
    if (loan === undefined) throw new TypeError("Cannot discard connection: it was not lent by this pool");
    loan.discard();
  }

  // ---- Sizes, and the end ------------------------------------------------------------------------

  /**
   * Sets how many connections there may be. With more room, those who wait get new ones at once; if there are too
   * many, idle ones are closed now and others when they come back. Does not switch.
   *
   * @param maxSize How many; it also bounds `minSize`.
   * @throws {RangeError} If it is neither a non-negative integer nor `Infinity`.
   */
  resize(maxSize: number): void {
    this.#connections.resize(maxSize);
  }

  /** Closes the idle connections; others are opened up to `minSize`. Does not switch. */
  clear(): void {
    this.#connections.clear();
  }

  /**
   * Closes it: those who wait get `ShutDown`, and so does who comes later; idle connections are closed now, leased
   * ones when they come back. Waits until all are. Switches unless there are none.
   *
   * @param options Limits of the wait: a connection that never comes back would make it last for ever.
   * @returns Whether all are closed; `false` on time-out.
   * @throws {RangeError} If the time-out is negative or NaN.
   */
  close(options?: WaitOptions): Promise<boolean> {
    return this.#connections.close(options);
  }

  /** Closes it and waits until all connections are closed, the leased ones included. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  // ---- How it works ------------------------------------------------------------------------------

  async #lend(turn: Promise<OpenConnection<C>>): Promise<PooledConnection<C>> {
    const entry = await turn;
    entry.atRest = new Event();
    const loan = new Loan(entry, this.#takeBack);
    this.#loans.set(loan.view, loan);
    return loan.view;
  }

  readonly #takeBack = ({ entry }: Loan<C>): void => this.#connections.takeBack(entry);
}

async function runWith<C extends object, R>(
  lease: Promise<PooledConnection<C>>,
  fn: (connection: PooledConnection<C>) => R | PromiseLike<R>,
): Promise<R> {
  using connection = await lease;
  return await fn(connection);
}
