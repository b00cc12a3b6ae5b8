/**
 * What a pool of connections must know about a kind of connection.
 *
 * @module
 */

/**
 * How a {@linkcode ConnectionPool} opens, checks, cleans and closes the connections of one database.
 *
 * Its functions run in greenlets and may wait like any code there; one that returns a promise is waited for.
 *
 * Source: the `db_module` argument (with its `connect`, `rollback` and `close`) of
 * `eventlet.db_pool.BaseConnectionPool`.
 *
 * @template C What a connection is.
 *
 * @example A store in memory
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { type ConnectionAdapter, ConnectionPool } from "@verdant/green";
 *
 * class Connection {
 *   closed = false;
 *   query(text: string): Promise<string> {
 *     return Promise.resolve(`result of ${text}`);
 *   }
 * }
 *
 * const adapter: ConnectionAdapter<Connection> = {
 *   name: "memory",
 *   connect: () => new Connection(),
 *   close: (connection) => void (connection.closed = true),
 *   isOpen: (connection) => !connection.closed,
 * };
 *
 * await using pool = new ConnectionPool(adapter);
 * assertEquals(await pool.use((connection) => connection.query("one")), "result of one");
 * ```
 */
export interface ConnectionAdapter<C extends object> {
  /** How messages call the database: "postgres localhost:5432/app". Never contains a password. */
  readonly name: string;

  /**
   * Opens a connection; must stop when `signal` aborts. What arrives nevertheless is closed by the pool.
   *
   * @param signal Aborted when it takes longer than `connectTimeout`, nobody waits for it any more, or the pool is
   * closed.
   * @returns The connection.
   */
  connect(signal: AbortSignal): C | PromiseLike<C>;

  /**
   * Closes a connection. Resolves when the server has let go of it. Called once for every connection.
   *
   * @param connection The connection.
   * @param broken Whether an operation may still be running on it: then it must be stopped at the server too,
   * without waiting for its end.
   */
  close(connection: C, broken: boolean): unknown;

  /**
   * Brings a connection back to the state of a new one (rolls a transaction back) before it is reused. An
   * error: it is closed.
   *
   * @param connection The connection.
   */
  reset?(connection: C): unknown;

  /**
   * Asks the server whether it still answers. An error or `false`: it is closed and another one is taken.
   *
   * @param connection The connection.
   */
  check?(connection: C): unknown;

  /**
   * Whether a connection is still usable as far as this side knows, without asking: called often, must be
   * cheap.
   *
   * @param connection The connection.
   * @returns `false` if it is known to be closed.
   */
  isOpen?(connection: C): boolean;
}
