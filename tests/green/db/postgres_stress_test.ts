/**
 * Hundreds of greenlets share a few connections to a real server and are killed and timed out all the while, at
 * moments drawn from a seeded generator. An observer outside of the pool counts what the server sees.
 *
 * `GREEN_STRESS_DB_SECONDS` says for how long (2 by default; `deno task stress:db` takes 10).
 */
import { assert, assertEquals } from "@std/assert";
import {
  ConnectionPool,
  getCurrent,
  getHub,
  type Greenlet,
  isKill,
  joinAll,
  seededRandom,
  sleep,
  spawn,
  Timeout,
  until,
  withTimeout,
} from "@verdant/green";
import { postgres, type PostgresClient } from "@verdant/green/postgres";
import { NO_POSTGRES, type Observer, PostgresServer, postgresTest } from "./postgres_server.ts";

const SECONDS = Number(Deno.env.get("GREEN_STRESS_DB_SECONDS") ?? 2);
const GREENLETS = 200;
const CONNECTIONS = 8;
const SEED = 1;
const APPLICATION = "stress";
/** Nothing is given up for being slow on a busy machine: whoever opens one more has really closed one. */
const PATIENCE = 60_000;

let server: PostgresServer;
Deno.test.beforeAll(async () => {
  if (NO_POSTGRES === undefined) server = await PostgresServer.start();
});
Deno.test.afterAll(async () => await server?.[Symbol.asyncDispose]());

/** What happened, and what was seen from outside. */
class Tally {
  leases = 0;
  kills = 0;
  timeouts = 0;
  closed = 0;
  samples = 0;
  mostOpen = 0;
  /** Rows that were committed, as their writers know. */
  readonly committed = new Set<number>();
  /** Rows whose writers do not know: they were interrupted in the middle of the commit. */
  readonly unknown = new Set<number>();
  /** Who has a connection. */
  readonly holders = new Set<Greenlet>();
}

/** One use of the pool: a query, a transaction, one that is forgotten, a slow one, an error. */
class Work {
  #rows = 0;

  constructor(
    readonly pool: ConnectionPool<PostgresClient>,
    readonly tally: Tally,
    readonly below: (n: number) => number,
  ) {}

  async step(): Promise<void> {
    using client = await this.pool.lease();
    this.tally.leases++;
    const self = getCurrent()!;
    this.tally.holders.add(self);
    try {
      await this.#use(client);
    } finally {
      this.tally.holders.delete(self);
    }
  }

  async #use(client: PostgresClient): Promise<void> {
    const kind = this.below(8);
    if (kind === 0) await this.#transfer(client);
    else if (kind === 1) await client.query(`begin; insert into ledger values (${-1 - this.#rows++})`); // left open
    else if (kind === 2) await withTimeout(this.below(20), () => client.query("select pg_sleep(0.01)"));
    else if (kind === 3) await client.query("select 1 / 0").catch(expect("22012"));
    else await this.#echo(client);
  }

  /** A result that belongs to another query would show. */
  async #echo(client: PostgresClient): Promise<void> {
    const n = this.below(1_000_000);
    const { rows } = await client.query("select $1::int as n", [n]);
    assertEquals(rows, [{ n }]);
  }

  async #transfer(client: PostgresClient): Promise<void> {
    const row = ++this.#rows;
    await client.query("begin");
    await client.query("insert into ledger values ($1)", [row]);
    this.tally.unknown.add(row);
    await client.query("commit");
    this.tally.unknown.delete(row);
    this.tally.committed.add(row);
  }
}

function expect(code: string): (error: { code?: string }) => void {
  return (error) => {
    if (error.code !== code) throw error;
  };
}

/** Whether an error is an interruption, or several: one may come in the clean-up of another. */
function isInterruption(error: unknown): boolean {
  if (error instanceof SuppressedError) {
    return isInterruption(error.error) && isInterruption(error.suppressed);
  }
  return error instanceof Timeout || isKill(error);
}

/** Works until it is over, with a limit now and then. */
async function work(work: Work, over: () => boolean): Promise<void> {
  while (!over()) {
    try {
      if (work.below(4) === 0) await withTimeout(work.below(30), () => work.step());
      else await work.step();
    } catch (error) {
      if (!isInterruption(error) || isKill(error)) throw error;
      work.tally.timeouts++;
    }
    await sleep();
  }
}

/** Looks at the server, again and again. */
async function watch(
  observer: Observer,
  tally: Tally,
  pool: ConnectionPool<PostgresClient>,
  over: () => boolean,
) {
  while (!over()) {
    const open = await until(observer.backends(APPLICATION));
    tally.samples++;
    tally.mostOpen = Math.max(tally.mostOpen, open.length, pool.size);
    await sleep(1);
  }
}

postgresTest("ConnectionPool keeps to its limit and loses nothing whatever is killed when", async () => {
  await using observer = await server.observer();
  await observer.client.query("create table ledger (row int primary key)");
  const tally = new Tally();
  const adapter = postgres({ ...server.config, application_name: APPLICATION }, {
    closeTimeout: PATIENCE / 2,
  });
  const close = adapter.close.bind(adapter);
  adapter.close = (client, broken) => {
    tally.closed++;
    return close(client, broken);
  };
  const pool = new ConnectionPool(adapter, {
    maxSize: CONNECTIONS,
    connectTimeout: PATIENCE,
    cleanupTimeout: PATIENCE,
    maxAge: 500, // some are replaced for that, too
  });
  const random = seededRandom(SEED);
  const below = (n: number) => Math.floor(random() * n);
  const job = new Work(pool, tally, below);
  const end = getHub().now() + SECONDS * 1000;
  const over = () => getHub().now() >= end;
  const start = () => spawn(work, job, over);

  const workers: Greenlet[] = Array.from({ length: GREENLETS }, start);
  const watcher = spawn(watch, observer, tally, pool, over);
  while (!over()) {
    await sleep(below(3));
    const [holder] = tally.holders;
    const i = holder === undefined || below(2) === 0 ? below(GREENLETS) : workers.indexOf(holder);
    if (workers[i]!.dead) continue;
    await workers[i]!.kill();
    tally.kills++;
    workers[i] = start();
  }

  // Whoever was not killed is served, and gets to its end.
  assertEquals((await joinAll(workers, { timeout: PATIENCE, raiseError: true })).length, GREENLETS);
  await watcher.get();
  assertEquals([pool.leased, pool.waiting], [0, 0]);
  assert(tally.mostOpen <= CONNECTIONS, `${tally.mostOpen} were open`);

  // Every slot is still there.
  const last = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => pool.lease({ timeout: PATIENCE })),
  );
  assertEquals(pool.size, CONNECTIONS);
  assertEquals((await observer.backends(APPLICATION)).length, CONNECTIONS);
  assertEquals(await observer.backends(APPLICATION, "state like 'idle in transaction%'"), []);
  for (const client of last) client[Symbol.dispose]();
  await pool.close();
  assertEquals([pool.size, await observer.backends(APPLICATION)], [0, []]);

  const rows = await observer.column("select row from ledger") as number[];
  const strays = rows.filter((row) => !tally.committed.delete(row) && !tally.unknown.has(row));
  assertEquals([strays, [...tally.committed]], [[], []]); // neither too many nor too few
  const { leases, kills, timeouts, closed, samples, mostOpen } = tally;
  console.log(
    `${
      Math.round(leases / SECONDS)
    } leases/s, ${kills} kills, ${timeouts} time-outs, ${closed} connections ` +
      `closed, at most ${mostOpen} open in ${samples} looks`,
  );
  assert(kills > 0 && timeouts > 0);
});
