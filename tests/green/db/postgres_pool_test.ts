/** ConnectionPool on a real server. */
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import {
  Barrier,
  ConnectionPool,
  type ConnectionPoolOptions,
  ConnectTimeout,
  joinAll,
  sleep,
  spawn,
  Timeout,
  until,
  withTimeout,
} from "@verdant/green";
import { postgres, type PostgresClient } from "@verdant/green/postgres";
import { captureErrors } from "../../helpers.ts";
import { hungServer } from "./fake_postgres.ts";
import { NO_POSTGRES, type Observer, PostgresServer, postgresTest } from "./postgres_server.ts";

const SLEEPS = "state = 'active' and query like '%pg_sleep%'";

let server: PostgresServer;
let observer: Observer;
Deno.test.beforeAll(async () => {
  if (NO_POSTGRES !== undefined) return;
  server = await PostgresServer.start();
  observer = await server.observer();
  await observer.client.query("create table note (text text unique)");
});
Deno.test.afterAll(async () => {
  await observer?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

let applications = 0;

/** An adapter whose connections the observer can tell from all others, by the name of their application. */
function testAdapter() {
  const application = `test ${++applications}`;
  return { application, adapter: postgres({ ...server.config, application_name: application }) };
}

/** A pool of such connections. */
function testPool(options?: ConnectionPoolOptions) {
  const { application, adapter } = testAdapter();
  const pool = new ConnectionPool(adapter, options);
  const backends = (where?: string) => until(observer.backends(application, where));
  return {
    pool,
    backends,
    /** Waits until a backend of the pool is in a state, and returns its process id. */
    async backend(where: string): Promise<number> {
      for (;;) {
        const [pid] = await backends(where);
        if (pid !== undefined) return pid;
        await sleep(1);
      }
    },
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  };
}

/** The process id of the backend, as the connection knows it from its beginning. */
const pidOf = (client: PostgresClient) => (client as unknown as { processID: number }).processID;
const terminate = (pid: number) => observer.client.query("select pg_terminate_backend($1)", [pid]);
const insert = (client: PostgresClient, text: string) => client.query("insert into note values ($1)", [text]);
const found = async (client: PostgresClient, text: string) =>
  (await client.query("select from note where text = $1", [text])).rowCount;
/** A query that is not awaited here and may fail. */
const start = (client: PostgresClient, text: string) => void client.query(text).catch(() => {});

postgresTest("ConnectionPool lends connections one after the other, first come first served", async () => {
  await using postgres = testPool({ maxSize: 2 });
  const { pool } = postgres;
  const log: number[] = [];
  const pids = new Set<number>();
  const firstTwo = new Barrier(2); // both connections are open
  const users = Array.from({ length: 10 }, (_, i) =>
    spawn(async () => {
      using client = await pool.lease();
      log.push(i);
      pids.add(pidOf(client));
      if (i < 2) await firstTwo.wait();
      const { rows } = await client.query("select $1::int as i", [i]);
      assertEquals(rows, [{ i }]);
    }));
  await joinAll(users, { raiseError: true });
  assertEquals(log.slice(2), [2, 3, 4, 5, 6, 7, 8, 9]);
  assertEquals([pids.size, pool.size, pool.leased, pool.waiting], [2, 2, 0, 0]);
  assertEquals((await postgres.backends()).length, 2);
});

postgresTest(
  "ConnectionPool rolls back what was left open before somebody else gets the connection",
  async () => {
    await using postgres = testPool({ maxSize: 1 });
    const { pool } = postgres;
    const pid = await pool.use(async (client) => {
      await client.query("begin");
      await insert(client, "left open");
      return pidOf(client);
    });
    await pool.use(async (client) => {
      assertEquals([pidOf(client), await found(client, "left open")], [pid, 0]);
    });
    assertEquals(await postgres.backends("state = 'idle in transaction'"), []);
  },
);

postgresTest("ConnectionPool passes errors of SQL on as they are, and reuses the connection", async () => {
  await using postgres = testPool({ maxSize: 1 });
  const { pool } = postgres;
  const pid = await pool.use(async (client) => {
    await insert(client, "unique");
    return pidOf(client);
  });
  const error = await pool.use((client) => insert(client, "unique")).catch((error) => error);
  assertEquals([error.code, error.constraint], ["23505", "note_text_key"]);
  assertEquals(await pool.use((client) => pidOf(client)), pid);
});

postgresTest(
  "ConnectionPool stops the query of a killed greenlet at the server, and drops its connection",
  async () => {
    await using postgres = testPool({ maxSize: 1 });
    const { pool, backend, backends } = postgres;
    const victim = spawn(async () => {
      using client = await pool.lease();
      await client.query("begin; insert into note values ('killed')");
      await client.query("select pg_sleep(60)");
    });
    const pid = await backend(SLEEPS);
    await victim.kill();
    using client = await pool.lease(); // waits until the slot is free, which is when the backend has gone
    assertEquals(await backends(), [pidOf(client)]);
    assert(pidOf(client) !== pid);
    assertEquals([await found(client, "killed"), pool.size], [0, 1]);
  },
);

postgresTest(
  "ConnectionPool stops the query of a time-out at the server, and drops its connection",
  async () => {
    await using postgres = testPool({ maxSize: 1 });
    const { pool, backends } = postgres;
    let pid = 0;
    const late = pool.use((client) => {
      pid = pidOf(client);
      return withTimeout(20, () => client.query("select pg_sleep(60)"));
    });
    assertInstanceOf(await late.catch((error) => error), Timeout);
    using client = await pool.lease();
    assertEquals([await backends(), pidOf(client) === pid], [[pidOf(client)], false]);
  },
);

postgresTest("ConnectionPool drops a connection that is given back while a query runs on it", async () => {
  await using postgres = testPool({ maxSize: 1 });
  const { pool, backends } = postgres;
  const pid = await pool.use((client) => {
    start(client, "select pg_sleep(60)");
    return pidOf(client);
  });
  using client = await pool.lease();
  assertEquals([await backends(), pidOf(client) === pid], [[pidOf(client)], false]);
});

postgresTest("ConnectionPool never lends an idle connection that the server has ended", async () => {
  const { adapter } = testAdapter();
  const opened: PostgresClient[] = [];
  const connect = adapter.connect.bind(adapter);
  adapter.connect = async (signal) => {
    const client = await connect(signal);
    opened.push(client);
    return client;
  };
  await using pool = new ConnectionPool(adapter, { maxSize: 1, checkAfter: Infinity });
  const pid = await pool.use((client) => pidOf(client));
  await terminate(pid);
  while (adapter.isOpen!(opened[0]!)) await sleep(1);
  using client = await pool.lease();
  assertEquals((await client.query("select 1 as one")).rows, [{ one: 1 }]);
  assertEquals([pidOf(client) === pid, opened.length], [false, 2]);
});

postgresTest("ConnectionPool asks a connection that was idle for long whether it still lives", async () => {
  const { adapter } = testAdapter();
  let checks = 0;
  const check = adapter.check!.bind(adapter);
  adapter.check = (client) => {
    checks++;
    return check(client);
  };
  adapter.isOpen = () => true; // nothing is known on this side
  await using pool = new ConnectionPool(adapter, { maxSize: 1, checkAfter: 0 });
  const pid = await pool.use((client) => pidOf(client));
  await terminate(pid);
  using client = await pool.lease();
  assertEquals([checks > 0, pidOf(client) === pid], [true, false]);
  assertEquals((await client.query("select 1 as one")).rows, [{ one: 1 }]);
});

postgresTest("ConnectionPool recovers when the server was restarted", async () => {
  await using postgres = testPool({ maxSize: 2 });
  const { pool } = postgres;
  await joinAll([1, 2].map(() => spawn(() => pool.use((client) => client.query("select pg_sleep(0.01)")))));
  const lent = await pool.lease();
  const query = spawn(() => lent.query("select pg_sleep(60)").catch((error) => error.code));
  await postgres.backend(SLEEPS);
  await until(server.restart());
  assertEquals(await query.get(), "57P01"); // "terminating connection due to administrator command"
  lent[Symbol.dispose]();
  observer = await until(server.observer());
  const users = Array.from(
    { length: 4 },
    () => spawn(() => pool.use(async (client) => (await client.query("select 1 as one")).rows)),
  );
  await joinAll(users, { raiseError: true });
  assertEquals(users.map((user) => user.value), Array(4).fill([{ one: 1 }]));
  assert((await postgres.backends()).length <= 2);
});

postgresTest("ConnectionPool closes what was idle or alive for too long", async () => {
  for (const options of [{ maxIdle: 20 }, { maxAge: 20 }]) {
    await using postgres = testPool({ maxSize: 2, ...options });
    const { pool } = postgres;
    const first = await pool.use((client) => pidOf(client));
    while (pool.size > 0) await sleep(5);
    assertEquals(await postgres.backends(), []);
    assert(await pool.use((client) => pidOf(client)) !== first);
  }
});

postgresTest("ConnectionPool that may not keep anything opens a connection for each", async () => {
  await using postgres = testPool({ maxSize: 1, maxIdle: 0 });
  const pids = new Set<number>();
  for (let i = 0; i < 3; i++) pids.add(await postgres.pool.use((client) => pidOf(client)));
  assertEquals(pids.size, 3);
});

postgresTest("ConnectionPool has minSize connections from the beginning", async () => {
  await using postgres = testPool({ minSize: 2, maxSize: 3 });
  while (postgres.pool.idle < 2) await sleep(1);
  assertEquals((await postgres.backends()).length, 2);
});

Deno.test("ConnectionPool gives up on a server that accepts and never answers: ConnectTimeout", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const accepting = Array.fromAsync(listener);
  {
    await using pool = new ConnectionPool(postgres({ host: "127.0.0.1", port, user: "ann" }), {
      maxSize: 1,
      connectTimeout: 20,
    });
    await assertRejects(() => pool.lease(), ConnectTimeout);
    await assertRejects(() => pool.lease(), ConnectTimeout); // the slot was given back
    const impatient = await pool.lease({ timeout: 5 }).catch((error) => error);
    assert(impatient instanceof Timeout && !(impatient as Error instanceof ConnectTimeout));
    while (pool.size > 0) await sleep(1); // what is called off ends
  }
  listener.close();
  for (const conn of await accepting) {
    while (await conn.read(new Uint8Array(1000)) !== null); // all are closed
    conn.close();
  }
});

postgresTest("ConnectionPool.close() leaves no backend behind", async () => {
  await using postgres = testPool({ maxSize: 3 });
  const { pool } = postgres;
  const lent = await pool.lease();
  await pool.use((client) => client.query("select 1"));
  const closed = spawn(() => pool.close());
  await sleep();
  await assertRejects(() => pool.lease());
  assertEquals((await lent.query("select 1 as one")).rows, [{ one: 1 }]); // it may finish
  assertEquals(closed.ready, false);
  lent[Symbol.dispose]();
  await closed.get();
  assertEquals([await postgres.backends(), pool.size], [[], 0]);
});

Deno.test("ConnectionPool reports a server that does not let go, and goes on without it", async () => {
  const hung = hungServer();
  {
    using reports = captureErrors();
    const adapter = postgres({ host: "127.0.0.1", port: hung.port, user: "ann" }, { closeTimeout: 10 });
    await using pool = new ConnectionPool(adapter, { maxSize: 1 });
    const late = pool.use((client) => withTimeout(10, () => client.query("select 1")));
    assertInstanceOf(await late.catch((error) => error), Timeout);
    using _client = await pool.lease(); // the slot is free again
    assertEquals(reports.seen.map(String), [
      `Error: Cannot close connection to ${adapter.name}: the server did not hang up within 10 ms`,
    ]);
  }
  await hung[Symbol.asyncDispose]();
});
