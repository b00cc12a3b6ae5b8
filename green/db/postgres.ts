/**
 * PostgreSQL for `ConnectionPool`, on {@link https://node-postgres.com node-postgres} (npm `pg`). An entry
 * point of its own, `@verdant/green/postgres`, the only part of the library that depends on a package.
 *
 * Why `pg`: a pool needs the bare connection, and `pg.Client` is one, a documented class of its own. The other
 * common package, `postgres`, has connections only inside of its own pool. `pg` is also what most query
 * builders and object mappers accept.
 *
 * It needs the permissions `--allow-net` (or `--allow-read` and `--allow-write` for a Unix socket) and
 * `--allow-env`: `pg` reads the environment variables of PostgreSQL (`PGHOST`, …).
 *
 * @module
 */
// @ts-types="@types/pg"
import pg from "pg";
import { type Duration, getHub, toMilliseconds } from "../../hub/mod.ts";
import type { ConnectionAdapter } from "./connection_adapter.ts";

export type { ConnectionAdapter, Duration };

// By way of the module: types of a package that are named here would count as ours, to be documented and exported.

/**
 * A connection: a `pg.Client`.
 *
 * @example In a signature
 * ```ts
 * import type { PostgresClient } from "@verdant/green/postgres";
 *
 * export async function nameOf(client: PostgresClient, id: number): Promise<string | undefined> {
 *   const { rows } = await client.query("select name from person where id = $1", [id]);
 *   return rows[0]?.name;
 * }
 * ```
 */
export type PostgresClient = InstanceType<(typeof import("pg"))["Client"]>;

/**
 * Where a database is and who wants in: what the constructor of `pg.Client` takes, apart from a URL.
 *
 * @example On a Unix socket
 * ```ts
 * import { postgres, type PostgresConfig } from "@verdant/green/postgres";
 * import { assertEquals } from "@std/assert";
 *
 * const config: PostgresConfig = { host: "/run/postgresql", port: 5432, user: "ann", database: "app" };
 * assertEquals(postgres(config).name, "postgres /run/postgresql:5432/app");
 * ```
 */
export type PostgresConfig = Exclude<
  ConstructorParameters<(typeof import("pg"))["Client"]>[0],
  string | undefined
>;

/** `DISCARD ALL` without what `pg` remembers of the connection: its prepared statements. */
const DISCARD = "close all; set session authorization default; reset all; unlisten *; " +
  "select pg_advisory_unlock_all(); discard temp; discard sequences";
/** How long the server has to stop a query and to hang up, in ms. */
const DEFAULT_CLOSE_TIMEOUT = 2_000;
/** A request to cancel that overtakes its query finds nothing to cancel: it is repeated, after this many ms. */
const CANCEL_AGAIN = 50;

/**
 * Options of {@linkcode postgres}.
 *
 * @example Nothing of one user is left for the next
 * ```ts
 * import { postgres, type PostgresOptions } from "@verdant/green/postgres";
 * import { assertEquals } from "@std/assert";
 *
 * const options: PostgresOptions = { reset: "discard", closeTimeout: 500 };
 * assertEquals(postgres("postgres://ann@db.example/app", options).name, "postgres db.example:5432/app");
 * ```
 */
export interface PostgresOptions {
  /**
   * What is undone before a connection is reused: an open transaction (`"rollback"`, costs nothing if there is
   * none), or also settings, temporary tables, `LISTEN`s, advisory locks and the session's role (`"discard"`,
   * costs one round trip).
   *
   * @default {"rollback"}
   */
  reset?: "rollback" | "discard" | undefined;
  /**
   * How long (ms or `Temporal.Duration`) the server has to stop what runs on a connection and to close it. Then the socket is
   * destroyed, and the close fails. Keep it below the pool's `cleanupTimeout`.
   *
   * @default {2000}
   */
  closeTimeout?: Duration | undefined;
}

/** What a client knows of itself, and `@types/pg` leaves out. */
interface Internals {
  readonly processID: number;
  readonly secretKey: number;
  readonly readyForQuery: boolean;
  readonly _activeQuery: object | null | undefined;
  readonly _queryQueue: readonly object[];
}

/** A connection without a client, for the one message that needs none. */
interface Canceller extends pg.Connection {
  connect(port: number, host: string): void;
  connect(path: string): void;
  cancel(processID: number, secretKey: number): void;
}

/** What this side knows of a connection to the server. */
class Link {
  /** Whether nothing says yet that it fails or has ended. */
  open = true;
  ended = false;
  readonly #end = Promise.withResolvers<void>();

  constructor(readonly client: PostgresClient) {
    this.listen();
    // The server's last word fails the query that runs, and whoever runs it may give the connection back, before
    // the socket is closed.
    client.connection.on("errorMessage", ({ severity }) => {
      if (severity === "FATAL" || severity === "PANIC") this.open = false;
    });
    client.connection.on("end", () => {
      this.open = false;
      this.ended = true;
      this.#end.resolve();
    });
  }

  /** Resolves when the socket is closed. */
  get end(): Promise<void> {
    return this.#end.promise;
  }

  /** Whether its last query is not over. What says so is not in the types of `pg`, hence this is the only place. */
  get busy(): boolean {
    const { _activeQuery, _queryQueue } = this.internals;
    return Boolean(_activeQuery) || _queryQueue.length > 0;
  }

  /** Whether it has said, after the last query, that no transaction is open. A failed query fails before that. */
  get clean(): boolean {
    return this.internals.readyForQuery && this.client.getTransactionStatus() === "I";
  }

  get internals(): Internals {
    return this.client as unknown as Internals;
  }

  /** Without a listener an error would be uncaught. Others' listeners are removed. */
  listen(): void {
    this.client.removeAllListeners();
    this.client.on("error", () => this.open = false);
  }

  /** Hangs up without a word. */
  destroy(): void {
    this.client.connection.stream.destroy();
  }
}

/**
 * Connections to a PostgreSQL database, for a `ConnectionPool`.
 *
 * A connection that breaks while it is idle is never an uncaught error, and is not lent again. A query that was
 * interrupted is cancelled at the server before its connection is closed. A transaction that was left open is
 * rolled back; event listeners that a user left are removed.
 *
 * Source: the `psycopg2` module given to `eventlet.db_pool.RawConnectionPool`.
 *
 * @param config Where and as whom: a URL or an object as for `pg.Client`; nothing for the environment's.
 * @param options What is undone between two users, and how long closing may take.
 * @returns The adapter: opens nothing yet.
 * @throws {TypeError} If `reset` is neither of the two.
 * @throws {RangeError} If `closeTimeout` is negative or NaN.
 *
 * @example A pool of four
 * ```ts
 * import { ConnectionPool } from "@verdant/green";
 * import { postgres } from "@verdant/green/postgres";
 * import { assertEquals } from "@std/assert";
 *
 * await using pool = new ConnectionPool(postgres("postgres://ann:secret@db.example/app"), { maxSize: 4 });
 * assertEquals(pool.maxSize, 4);
 * // const { rows } = await pool.use((client) => client.query("select * from stock where id = $1", [5]));
 * ```
 */
export function postgres(
  config?: string | PostgresConfig,
  options: PostgresOptions = {},
): ConnectionAdapter<PostgresClient> {
  return new PostgresAdapter(
    typeof config === "string" ? { connectionString: config } : { ...config },
    options,
  );
}

class PostgresAdapter implements ConnectionAdapter<PostgresClient> {
  readonly name: string;
  readonly #config: PostgresConfig;
  readonly #discards: boolean;
  readonly #closeTimeout: number;
  readonly #links = new WeakMap<PostgresClient, Link>();

  constructor(config: PostgresConfig, { reset = "rollback", closeTimeout }: PostgresOptions) {
    if (reset !== "rollback" && reset !== "discard") {
      throw new TypeError(
        `Cannot make postgres adapter: reset must be "rollback" or "discard", received ${String(reset)}`,
      );
    }
    this.#config = config;
    this.#discards = reset === "discard";
    this.#closeTimeout = toMilliseconds(
      closeTimeout ?? DEFAULT_CLOSE_TIMEOUT,
      "make postgres adapter",
      "closeTimeout",
    );
    const { stream: _stream, ...address } = config;
    const { host, port, database } = new pg.Client(address); // it knows the defaults
    this.name = `postgres ${host}:${port}/${database}`;
  }

  async connect(signal: AbortSignal): Promise<PostgresClient> {
    signal.throwIfAborted();
    const client = new pg.Client(this.#config);
    const link = new Link(client);
    this.#links.set(client, link);
    const abort = () => link.destroy();
    signal.addEventListener("abort", abort);
    try {
      await client.connect();
      return client;
    } catch (error) {
      link.destroy();
      await link.end;
      throw signal.aborted ? signal.reason : error;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  isOpen(client: PostgresClient): boolean {
    return this.#linkOf(client).open;
  }

  check(client: PostgresClient): Promise<unknown> {
    return client.query("select 1");
  }

  /** Nothing to wait for if nothing was left behind. */
  reset(client: PostgresClient): Promise<unknown> | undefined {
    const link = this.#linkOf(client);
    if (link.busy) throw new Error(`Cannot reuse connection to ${this.name}: a query still runs on it`);
    link.listen();
    const undo = [...link.clean ? [] : ["rollback"], ...this.#discards ? [DISCARD] : []];
    return undo.length === 0 ? undefined : client.query(undo.join("; "));
  }

  async close(client: PostgresClient, broken: boolean): Promise<void> {
    const link = this.#linkOf(client);
    let late = false;
    const hub = getHub();
    const giveUp = () => {
      late = true;
      link.destroy();
    };
    const limit = this.#closeTimeout;
    const timer = limit === Infinity ? undefined : hub.startTimer(limit, true, giveUp, undefined);
    link.listen();
    if (broken || link.busy) this.#cancel(link).catch(() => {}); // at worst the server is given up
    else client.end().catch(() => {});
    await link.end;
    if (timer !== undefined) hub.cancelTimer(timer);
    if (late) {
      throw new Error(
        `Cannot close connection to ${this.name}: the server did not hang up within ${limit} ms`,
      );
    }
  }

  #linkOf(client: PostgresClient): Link {
    const link = this.#links.get(client);
    if (link === undefined) throw new TypeError(`Cannot use connection: it is not one to ${this.name}`);
    return link;
  }

  /** Says good-bye, which the server hears when it has stopped what it does, and asks it to stop. */
  async #cancel(link: Link): Promise<void> {
    link.client.connection.end(); // what `client.end()` would not do while a query runs; nothing is sent after it
    while (!link.ended) {
      await this.#requestCancel(link);
      await pause(CANCEL_AGAIN, link.end);
    }
  }

  /** Ends when the server has passed the request on, or cannot be reached. */
  #requestCancel({ client, end, internals }: Link): Promise<void> {
    const { stream } = this.#config;
    const canceller = new pg.Connection(stream === undefined ? {} : { stream }) as Canceller;
    const ended = new Promise<void>((resolve) => canceller.on("end", resolve));
    const destroy = () => void canceller.stream.destroy();
    canceller.on("error", destroy);
    canceller.on("connect", () => canceller.cancel(internals.processID, internals.secretKey));
    if (client.host.startsWith("/")) canceller.connect(`${client.host}/.s.PGSQL.${client.port}`);
    else canceller.connect(client.port, client.host);
    void end.then(destroy);
    return ended;
  }
}

/** Waits, but not longer than `end`. */
function pause(ms: number, end: Promise<void>): Promise<void> {
  const hub = getHub();
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = hub.startTimer(ms, true, resolve, undefined);
  void end.then(() => hub.cancelTimer(timer)).then(resolve);
  return promise;
}
