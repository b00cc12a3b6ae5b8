/** `pg`, unmodified, in greenlets that are killed and timed out, with a real server. */
// @ts-types="@types/pg"
import type * as PG from "pg";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { importPatched, joinAll, sleep, spawn, Timeout, withTimeout } from "@verdant/green";
import { dump } from "@verdant/green/hub";
import {
  NO_POSTGRES,
  type Observer,
  PostgresServer,
  postgresTest,
} from "../../../green/db/postgres_server.ts";

const SIZE = 4;
const SLOW = "select pg_sleep(1000)";

let server: PostgresServer;
let observer: Observer;
Deno.test.beforeAll(async () => {
  if (NO_POSTGRES !== undefined) return;
  server = await PostgresServer.start();
  observer = await server.observer();
  await observer.client.query("create table account (id int primary key, balance int not null)");
});
Deno.test.afterAll(async () => {
  await observer?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

/** The package, and a pool of its own; its connections are seen by the observer under this name. */
async function openPool(application: string) {
  const pg = await importPatched(() => import("pg") as Promise<typeof PG>, {
    Pool: {
      view: {
        connect: {
          abandon: (client) => client.release(),
          view: { query: { cancel: end } },
        },
      },
    },
  });
  const pool = new pg.Pool({ ...server.config, application_name: application, max: SIZE });
  return Object.assign({ pg, pool, [Symbol.asyncDispose]: () => pool.end() });
}

/** Ends a connection with a query that nobody waits for, and the query: the server would not notice for long. */
function end(client: unknown): void {
  const { processID } = client as { processID: number };
  void (client as PG.Client).end();
  void observer.client.query("select pg_terminate_backend($1)", [processID]);
}

postgresTest("pg does its work in greenlets: transactions that do not lose anything", async () => {
  await using opened = await openPool("work");
  const { pool } = opened;
  await pool.query("truncate account");
  await pool.query("insert into account select i, 100 from generate_series(0, 9) i");
  const transfer = async (from: number, to: number) => {
    const client = await pool.connect();
    try {
      await client.query("begin");
      await client.query("update account set balance = balance - 1 where id = $1", [Math.min(from, to)]);
      await client.query("update account set balance = balance + 1 where id = $1", [Math.max(from, to)]);
      await client.query("commit");
    } finally {
      client.release();
    }
  };
  const transfers = Array.from({ length: 50 }, (_, i) => spawn(() => transfer(i % 10, (i * 7 + 1) % 10)));
  await joinAll(transfers, { raiseError: true });
  assertEquals((await pool.query("select sum(balance)::int as sum from account")).rows, [{ sum: 1000 }]);
  assertEquals([pool.idleCount <= SIZE, pool.waitingCount], [true, 0]);
});

postgresTest(
  "pg waits through the hub: a query that is killed is ended, with its connection",
  async () => {
    await using opened = await openPool("kill");
    const { pool } = opened;
    const victim = spawn(async () => {
      const client = await pool.connect();
      try {
        await client.query(SLOW);
      } finally {
        client.release();
      }
    });
    while ((await observer.backends("kill", "wait_event = 'PgSleep'")).length === 0) await sleep(5);
    assert(dump().includes(".query"));
    await victim.kill();
    assertEquals((await pool.query("select 1 as one")).rows, [{ one: 1 }]);
    assertEquals(await observer.backends("kill", "state = 'active'"), []);
    assertEquals([pool.totalCount, pool.idleCount], [1, 1]);
  },
);

postgresTest("pg that times out, again and again, leaks no connection", async () => {
  await using opened = await openPool("time out");
  const { pool } = opened;
  const attempt = () =>
    withTimeout(5, async () => {
      const client = await pool.connect();
      try {
        await client.query(SLOW);
      } finally {
        client.release();
      }
    });
  const attempts = Array.from({ length: 3 * SIZE }, () => spawn(() => assertRejects(attempt, Timeout)));
  await joinAll(attempts, { raiseError: true });
  // Those who came too late gave their connections back: all are free, and work.
  const rows = await Promise.all(Array.from({ length: SIZE }, () => pool.query("select 1 as one")));
  assertEquals(rows.map((result) => result.rows[0].one), Array(SIZE).fill(1));
  while (pool.idleCount < pool.totalCount) await sleep(1);
  assertEquals(await observer.backends("time out", "state = 'active'"), []);
  assert(pool.totalCount <= SIZE);
});

postgresTest("pg that waits for a connection can be killed, and gives it back when it comes", async () => {
  await using opened = await openPool("wait");
  const { pool } = opened;
  const taken = await Promise.all(Array.from({ length: SIZE }, () => pool.connect()));
  const victim = spawn(() => pool.connect());
  await sleep();
  assertEquals(pool.waitingCount, 1);
  await victim.kill();
  for (const client of taken) client.release();
  await sleep();
  while (pool.idleCount < SIZE) await sleep(1); // for ever, if the victim has one
});
