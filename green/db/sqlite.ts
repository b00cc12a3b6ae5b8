/**
 * SQLite for `ConnectionPool`, on the `node:sqlite` that is part of Deno. An entry point of its own:
 * `@verdant/green/sqlite`.
 *
 * The calls of `node:sqlite` are synchronous: while one runs, nothing else does, no other greenlet and no
 * timer. A pool does not make them concurrent. It is there so that everybody has a connection, and with it a
 * transaction, of his own, that no more than so many are open, and that a transaction which its greenlet left
 * behind, killed or not, is rolled back.
 *
 * @example Ten lines in a transaction
 * ```ts
 * import { ConnectionPool } from "@verdant/green";
 * import { busyRetry, sqlite } from "@verdant/green/sqlite";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * {
 *   await using pool = new ConnectionPool(sqlite(path, { pragmas: { journal_mode: "wal" } }));
 *   await pool.use((db) => db.exec("create table note (text)"));
 *   await busyRetry(() =>
 *     pool.use((db) => {
 *       db.exec("begin immediate");
 *       for (let i = 0; i < 10; i++) db.prepare("insert into note values (?)").run(`line ${i}`);
 *       db.exec("commit");
 *     })
 *   );
 *   using db = await pool.lease();
 *   assertEquals(db.prepare("select count(*) as lines from note").get()?.lines, 10);
 * }
 * await Deno.remove(path);
 * ```
 *
 * @module
 */
import { DatabaseSync, type DatabaseSyncOptions } from "node:sqlite";
import {
  enterWait,
  EXPIRE_FALSE,
  planWait,
  quiet,
  refusal,
  suspend,
  type Task,
  WaitList,
  type WaitOptions,
  type WaitPlan,
} from "../../hub/mod.ts";
import { checkFunction } from "../../sync/check.ts";
import type { ConnectionAdapter } from "./connection_adapter.ts";

export type { ConnectionAdapter, DatabaseSync, WaitOptions };
export type { Timeout } from "../../hub/mod.ts";

/** The primary result code of everything that another connection's lock is the reason of. */
const SQLITE_BUSY = 5;
/** How long {@linkcode busyRetry} tries unless told otherwise, in ms. */
const DEFAULT_LIMIT = 5_000;
/** The longest pause between two tries, in ms. The first one is 1 ms, and each is twice the one before. */
const LONGEST_PAUSE = 50;
/** The name of a pragma, of one database (`main.journal_mode`) or of all. */
const PRAGMA = /^[a-z_]\w*(\.[a-z_]\w*)?$/i;

/**
 * Options of {@linkcode sqlite}: those of `DatabaseSync` and the pragmas of a new connection.
 *
 * @example A reader
 * ```ts
 * import { sqlite, type SqliteOptions } from "@verdant/green/sqlite";
 * import { assertEquals } from "@std/assert";
 *
 * const options: SqliteOptions = { readOnly: true, pragmas: { cache_size: -8_000 } };
 * assertEquals(sqlite("stock.db", options).name, "sqlite stock.db");
 * ```
 */
export interface SqliteOptions extends Omit<DatabaseSyncOptions, "open"> {
  /**
   * What every new connection sets, in this order: `{ journal_mode: "wal" }` runs `pragma journal_mode = 'wal'`.
   *
   * @default {{}}
   */
  pragmas?: Readonly<Record<string, string | number | boolean>> | undefined;
  /**
   * SQLite's busy timeout in ms: how long a statement waits for another connection's lock. **It waits with the
   * whole thread**: if the lock is held by a connection of the same thread, its greenlet cannot run meanwhile
   * to give it up, so all that waiting is in vain. Hence none; {@linkcode busyRetry} waits as a greenlet.
   * Sensible above 0 only if all the writers are other processes, and then some 10 ms.
   *
   * @default {0}
   */
  timeout?: number | undefined;
}

/**
 * Connections to an SQLite database, for a `ConnectionPool`.
 *
 * A connection that comes back with an open transaction is rolled back. With `":memory:"` every connection is
 * a database of its own: use a file.
 *
 * Source: the `sqlite3` module given to `eventlet.db_pool.RawConnectionPool`.
 *
 * @param path The file, or a `file:` URL with SQLite's own parameters.
 * @param options How to open it: options of `DatabaseSync`, and `pragmas`.
 * @returns The adapter: opens nothing yet.
 * @throws {TypeError} If a pragma has no name that SQLite could know.
 *
 * @example What was not committed is gone
 * ```ts
 * import { ConnectionPool } from "@verdant/green";
 * import { sqlite } from "@verdant/green/sqlite";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * {
 *   await using pool = new ConnectionPool(sqlite(path));
 *   await pool.use((db) => db.exec("create table note (text); begin; insert into note values ('lost')"));
 *   assertEquals(await pool.use((db) => db.prepare("select text from note").all()), []);
 * }
 * await Deno.remove(path);
 * ```
 */
export function sqlite(path: string | URL, options: SqliteOptions = {}): ConnectionAdapter<DatabaseSync> {
  const { pragmas = {}, ...rest } = options;
  const setUp = Object.entries(pragmas).map(pragmaStatement).join(";");
  return {
    name: `sqlite ${path}`,
    connect: () => open(path, { timeout: 0, ...rest }, setUp),
    close: (db) => {
      if (db.isOpen) db.close();
    },
    reset: (db) => {
      if (db.isTransaction) db.exec("rollback");
    },
    check: (db) => db.prepare("select 1").get() !== undefined,
    isOpen: (db) => db.isOpen,
  };
}

function open(path: string | URL, options: DatabaseSyncOptions, setUp: string): DatabaseSync {
  const db = new DatabaseSync(path, options);
  try {
    db.exec(setUp);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function pragmaStatement([name, value]: [string, string | number | boolean]): string {
  if (!PRAGMA.test(name)) {
    throw new TypeError(
      `Cannot open sqlite database: pragmas must have names, received ${JSON.stringify(name)}`,
    );
  }
  return `pragma ${name} = ${typeof value === "string" ? `'${value.replaceAll("'", "''")}'` : value}`;
}

/**
 * Runs `fn`, and runs it again as long as SQLite refuses because another connection holds a lock
 * (`SQLITE_BUSY`), after pauses in which other greenlets run: 1 ms, then twice as long each time up to 50 ms.
 * Any other error is thrown at once. Switches when `fn` does, and between two tries.
 *
 * Give it the whole transaction, the lease included: it starts anew then, on a connection without remains of
 * the last try. Begin it with `begin immediate` if it is going to write: so only the beginning can be refused,
 * not the middle.
 *
 * @param fn What may be refused. What it did before is undone by the caller, or by the pool.
 * @param options `timeout`: for how long it is tried again, 5000 ms by default; `signal` ends a pause.
 * @returns What `fn` returns.
 * @throws {Error} SQLite's own `SQLITE_BUSY` when the time is over.
 * @throws {TypeError} If `fn` is not a function.
 * @throws {RangeError} If the time-out is negative or NaN.
 *
 * @example Two writers
 * ```ts
 * import { ConnectionPool, joinAll, sleep, spawn } from "@verdant/green";
 * import { busyRetry, sqlite } from "@verdant/green/sqlite";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * {
 *   await using pool = new ConnectionPool(sqlite(path));
 *   await pool.use((db) => db.exec("create table counter (n); insert into counter values (0)"));
 *   const increment = () =>
 *     busyRetry(() =>
 *       pool.use(async (db) => {
 *         db.exec("begin immediate");
 *         const n = Number(db.prepare("select n from counter").get()?.n);
 *         await sleep(1); // the other one tries to begin meanwhile
 *         db.prepare("update counter set n = ?").run(n + 1);
 *         db.exec("commit");
 *       })
 *     );
 *   await joinAll([spawn(increment), spawn(increment)], { raiseError: true });
 *   assertEquals(await pool.use((db) => db.prepare("select n from counter").get()?.n), 2);
 * }
 * await Deno.remove(path);
 * ```
 */
export function busyRetry<T>(fn: () => T | PromiseLike<T>, options?: WaitOptions): Promise<T> {
  checkFunction(fn, "retry");
  const plan = planWait({ ...options, timeout: options?.timeout ?? DEFAULT_LIMIT }, "retry");
  return quiet(retry(fn, plan, enterWait("retry")));
}

async function retry<T>(fn: () => T | PromiseLike<T>, plan: WaitPlan, task: Task): Promise<T> {
  const deadline = task.hub.now() + plan.timeout;
  const resting = new WaitList("retry", fn);
  for (let pause = 1;; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    try {
      return await fn();
    } catch (error) {
      const left = deadline - task.hub.now();
      if (!isBusy(error)) throw error;
      if (left <= 0) throw plan.owner?.thrown ?? error;
      await rest(task, resting, { ...plan, owner: undefined, timeout: Math.min(pause, left) });
    }
  }
}

function rest(task: Task, resting: WaitList, plan: WaitPlan): Promise<boolean> {
  return refusal(task, plan) ?? suspend(task, resting, undefined, plan, EXPIRE_FALSE);
}

/** `DatabaseSync.exec()` tells only the text, the methods of a statement the code as well. */
function isBusy(error: unknown): boolean {
  const { errcode, code, message } = Object(error) as { errcode?: number; code?: string; message?: string };
  if (errcode !== undefined) return (errcode & 0xff) === SQLITE_BUSY;
  return code === "ERR_SQLITE_ERROR" && message === "database is locked";
}
