import { quiet, type WaitOptions } from "../../hub/mod.ts";
import { checkFunction } from "../../sync/check.ts";
import { ShutDown } from "../../sync/errors.ts";
import type { ConnectionAdapter } from "./connection_adapter.ts";
import { ConnectionPool } from "./connection_pool.ts";
import type { ConnectionPoolOptions } from "./connection_pool_options.ts";
import type { PooledConnection } from "./pooled_connection.ts";

/**
 * The database that a {@linkcode ConnectionRegistry} wants a pool for.
 *
 * @example What `connect` gets
 * ```ts
 * import type { ConnectionTarget } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const nameOf = ({ host, database }: ConnectionTarget<string>) => `${host}/${database}`;
 * assertEquals(nameOf({ host: "db1", database: "app", credentials: "secret" }), "db1/app");
 * ```
 */
export interface ConnectionTarget<T = unknown> {
  /** The host that was asked for. */
  readonly host: string;
  /** The database that was asked for, if one was. */
  readonly database: string | undefined;
  /** The credentials of the host, or else the default ones. */
  readonly credentials: T;
}

/**
 * How a {@linkcode ConnectionRegistry} finds adapters, if credentials go by the host.
 *
 * @example One host has credentials of its own
 * ```ts
 * import { type ConnectionRegistryConfig, ConnectionRegistry } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const config: ConnectionRegistryConfig<{ user: string }, string> = {
 *   connect: ({ host, credentials }) => ({
 *     name: host,
 *     connect: () => ({ user: credentials }),
 *     close() {},
 *   }),
 *   credentials: { db1: "admin", default: "guest" },
 * };
 * await using registry = new ConnectionRegistry(config);
 * const users: string[] = [];
 * for (const host of ["db1", "db2"]) {
 *   using connection = await registry.lease(host);
 *   users.push(connection.user);
 * }
 * assertEquals(users, ["admin", "guest"]);
 * ```
 */
export interface ConnectionRegistryConfig<C extends object, T = unknown> {
  /** Makes the adapter for a database. */
  connect: (target: ConnectionTarget<T>) => ConnectionAdapter<C>;
  /** The credentials of each host; those of `default` are for the others. */
  credentials: Readonly<Record<string, T>>;
}

/**
 * The pools of several databases, each made when it is first asked for.
 *
 * `await using` closes them.
 *
 * Source: `eventlet.db_pool.DatabaseConnector`.
 *
 * @typeParam C The type of the connections.
 *
 * @example A pool for each database
 * ```ts
 * import { ConnectionRegistry } from "@verdant/green";
 * import { assert, assertEquals } from "@std/assert";
 *
 * await using registry = new ConnectionRegistry((host, database) => ({
 *   name: `${host}/${database}`,
 *   connect: () => new Map<string, string>(),
 *   close() {},
 * }), { maxSize: 2 });
 *
 * assert(registry.pool("db1", "app") === registry.pool("db1", "app"));
 * assertEquals(registry.pool("db2", "app").name, "db2/app");
 * using connection = await registry.lease("db1", "app");
 * connection.set("a", "1");
 * ```
 */
export class ConnectionRegistry<C extends object, T = unknown> implements AsyncDisposable {
  readonly #adapterFor: (host: string, database: string | undefined) => ConnectionAdapter<C>;
  readonly #options: ConnectionPoolOptions;
  readonly #pools = new Map<string, ConnectionPool<C>>();
  #closed = false;

  /**
   * Makes a registry without pools.
   *
   * @param source Makes the adapter for a host and a database, or does so with credentials.
   * @param options For every pool.
   * @throws {TypeError} If `source` is neither a function nor has one.
   */
  constructor(
    source: ((host: string, database?: string) => ConnectionAdapter<C>) | ConnectionRegistryConfig<C, T>,
    options: ConnectionPoolOptions = {},
  ) {
    if (typeof source !== "function") checkFunction(source?.connect, "create registry", "connect");
    this.#adapterFor = typeof source === "function" ? source : (host, database) => {
      return source.connect({ host, database, credentials: credentialsFor(host, source.credentials) });
    };
    this.#options = options;
  }

  /** Whether it was closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** The pools, in the order in which they were made. */
  get pools(): readonly ConnectionPool<C>[] {
    return [...this.#pools.values()];
  }

  /**
   * The pool of a database. Does not switch.
   *
   * @param host Where it is.
   * @param database Which it is, if there are several.
   * @throws {RangeError} If there are credentials neither for the host nor by default.
   * @throws {ShutDown} If the registry is closed.
   */
  pool(host: string, database?: string): ConnectionPool<C> {
    if (this.#closed) throw new ShutDown("Cannot get pool: the registry is closed");
    const key = JSON.stringify([host, database]);
    let pool = this.#pools.get(key);
    if (pool === undefined) {
      pool = new ConnectionPool(this.#adapterFor(host, database), this.#options);
      this.#pools.set(key, pool);
    }
    return pool;
  }

  /**
   * Takes a connection to a database, as `ConnectionPool.lease()` does.
   *
   * @param host Where it is.
   * @param database Which it is, if there are several.
   * @param options Limits, for the wait and the opening together.
   * @throws What {@linkcode pool} and `ConnectionPool.lease()` throw.
   */
  lease(host: string, database?: string, options?: WaitOptions): Promise<PooledConnection<C>> {
    return this.pool(host, database).lease(options);
  }

  /**
   * Closes all pools, as `ConnectionPool.close()` does. Switches.
   *
   * @param options Limits of the wait.
   * @returns Whether all connections are closed; `false` on time-out.
   * @throws {RangeError} If the time-out is negative or NaN.
   */
  close(options?: WaitOptions): Promise<boolean> {
    const closing = this.pools.map((pool) => pool.close(options));
    this.#closed = true;
    return quiet(allTrue(closing));
  }

  /** Closes all pools and waits until all connections are closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function credentialsFor<T>(host: string, credentials: Readonly<Record<string, T>>): T {
  for (const name of [host, "default"]) {
    if (Object.hasOwn(credentials, name)) return credentials[name]!;
  }
  throw new RangeError(`Cannot connect to ${host}: there are no credentials for it, and no default ones`);
}

async function allTrue(answers: Promise<boolean>[]): Promise<boolean> {
  return (await Promise.all(answers)).every(Boolean);
}
