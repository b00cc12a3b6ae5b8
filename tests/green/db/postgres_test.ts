import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { sleep } from "@verdant/green";
import { postgres, type PostgresClient, type PostgresOptions } from "@verdant/green/postgres";
import { fakeServer, hungServer, message, text, WELCOME } from "./fake_postgres.ts";
import { NO_POSTGRES, type Observer, PostgresServer, postgresTest } from "./postgres_server.ts";

const NEVER = new AbortController().signal;

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
function testAdapter(options?: PostgresOptions) {
  const application = `test ${++applications}`;
  return { application, adapter: postgres({ ...server.config, application_name: application }, options) };
}

/** The process id of the backend, as the connection knows it from its beginning. */
const pidOf = (client: PostgresClient) => (client as unknown as { processID: number }).processID;
const terminate = (pid: number) => observer.client.query("select pg_terminate_backend($1)", [pid]);
const found = async (client: PostgresClient, text: string) =>
  (await client.query("select from note where text = $1", [text])).rowCount;
/** A query that is not awaited here and may fail. */
const start = (client: PostgresClient, text: string) => void client.query(text).catch(() => {});

Deno.test("postgres() is named after its server and database, never after a password", () => {
  const name = (config: string | Parameters<typeof postgres>[0]) => postgres(config).name;
  assertEquals(name("postgres://ann:secret@db.example:6543/app"), "postgres db.example:6543/app");
  assertEquals(name({ host: "::1", user: "ann", password: "secret" }), "postgres ::1:5432/ann");
  assertEquals(name({ host: "/tmp/x", port: 1, database: "d", stream: () => fail() }), "postgres /tmp/x:1/d");
});

function fail(): never {
  throw new Error("A name needs no socket");
}

Deno.test("postgres() refuses bad options at the call", () => {
  assertThrows(
    () => postgres({}, { reset: "all" as never }),
    TypeError,
    'Cannot make postgres adapter: reset must be "rollback" or "discard", received all',
  );
  assertThrows(
    () => postgres({}, { closeTimeout: -1 }),
    RangeError,
    "closeTimeout must be 0 or more milliseconds",
  );
  const { isOpen } = postgres();
  assertThrows(() => isOpen!.call(postgres(), {} as never), TypeError, "it is not one to postgres");
});

postgresTest("postgres().connect() passes the server's refusal on and leaves no socket", async () => {
  const adapter = postgres({ ...server.config, database: "nowhere" });
  const error = await Promise.resolve(adapter.connect(NEVER)).catch((error) => error);
  assertEquals([error.code, error.message], ["3D000", 'database "nowhere" does not exist']);
  const nobody = postgres({ host: `${server.directory}/nowhere`, user: "ann" });
  assertEquals((await Promise.resolve(nobody.connect(NEVER)).catch((error) => error)).code, "ENOENT");
});

Deno.test("postgres().connect() that is aborted throws the reason and destroys its socket", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const controller = new AbortController();
  const adapter = postgres({ host: "127.0.0.1", port, user: "ann", database: "app" });
  const connected = Promise.resolve(adapter.connect(controller.signal)).catch((error) => error);
  using accepted = await listener.accept();
  assert(await accepted.read(new Uint8Array(1000)) !== null); // its greeting; no answer comes
  const reason = new Error("enough");
  controller.abort(reason);
  assert(await connected === reason);
  assertEquals(await accepted.read(new Uint8Array(1)), null);
  assert(await Promise.resolve(adapter.connect(controller.signal)).catch((error) => error) === reason);
});

postgresTest("postgres().connect() that has arrived is not touched by a late abort", async () => {
  const { adapter } = testAdapter();
  const controller = new AbortController();
  const client = await adapter.connect(controller.signal);
  controller.abort();
  assertEquals((await client.query("select 1 as one")).rows, [{ one: 1 }]);
  await adapter.close(client, false);
});

postgresTest("postgres().reset() rolls back whatever transaction is open, also a failed one", async () => {
  const { adapter } = testAdapter();
  const client = await adapter.connect(NEVER);
  for (
    const left of [
      "begin; insert into note values ('lost')",
      "begin; select 1 / 0",
      "select 1 / 0",
      "select 1",
    ]
  ) {
    await client.query(left).catch(() => {});
    await adapter.reset!(client);
    assertEquals(client.getTransactionStatus(), "I");
  }
  assertEquals(await found(client, "lost"), 0);
  await adapter.close(client, false);
});

postgresTest("postgres().reset() has nothing to wait for if nothing was left", async () => {
  const { adapter } = testAdapter();
  const client = await adapter.connect(NEVER);
  assertEquals(adapter.reset!(client), undefined);
  await client.query("begin; commit");
  assertEquals(adapter.reset!(client), undefined);
  await adapter.close(client, false);
});

postgresTest(
  "postgres().reset() does not trust the state of before a query that has just failed",
  async () => {
    const { adapter } = testAdapter();
    const client = await adapter.connect(NEVER);
    const ready = Promise.withResolvers<void>();
    client.connection.once("readyForQuery", () => ready.resolve());
    let state: unknown;
    const reset = Promise.withResolvers<unknown>();
    // As if the rest of the answer were in another packet: the state is still that of before.
    client.connection.once("errorMessage", () => {
      state = client.getTransactionStatus();
      Promise.resolve(adapter.reset!(client)).then(reset.resolve, reset.reject);
    });
    await client.query("begin; select 1 / 0").catch(() => {});
    await ready.promise;
    await reset.promise;
    assertEquals([state, client.getTransactionStatus()], ["I", "I"]);
    await adapter.close(client, false);
  },
);

postgresTest("postgres().reset() refuses a connection on which a query still runs", async () => {
  const { adapter, application } = testAdapter();
  const client = await adapter.connect(NEVER);
  start(client, "select pg_sleep(60)");
  assertThrows(() => adapter.reset!(client), Error, "a query still runs on it");
  await adapter.close(client, false); // it is cancelled all the same
  assertEquals(await observer.backends(application), []);
});

postgresTest(
  "postgres().reset() removes the listeners of the last user, but no error is uncaught",
  async () => {
    const { adapter } = testAdapter();
    const client = await adapter.connect(NEVER);
    const heard: unknown[] = [];
    client.on("notification", ({ payload }) => heard.push(payload));
    client.on("error", (error) => heard.push(error));
    await client.query("listen news; notify news, 'one'");
    await adapter.reset!(client);
    await client.query("notify news, 'two'");
    await terminate(pidOf(client));
    while (adapter.isOpen!(client)) await sleep(1);
    assertEquals(heard, ["one"]);
    await adapter.close(client, false);
  },
);

postgresTest('postgres() with reset "discard" leaves nothing but prepared statements', async () => {
  const { adapter } = testAdapter({ reset: "discard" });
  const client = await adapter.connect(NEVER);
  const prepared = () => client.query({ name: "five", text: "select 5 as five" });
  await prepared();
  await client.query("create role guest; set role guest; set role none; set work_mem = '123kB'; listen news");
  await client.query("create temp table mine (x int); select pg_advisory_lock(7)");
  for (const end of ["", "begin", "begin; select 1 / 0"]) {
    await client.query(end).catch(() => {});
    await client.query("set work_mem = '123kB'").catch(() => {});
    await adapter.reset!(client);
    assertEquals((await client.query("show work_mem")).rows, [{ work_mem: "4MB" }]);
  }
  assertEquals((await client.query("select * from pg_listening_channels()")).rows, []);
  await assertRejects(() => client.query("select * from mine"), Error, "does not exist");
  assertEquals(await observer.column("select 1 from pg_locks where locktype = 'advisory'"), []);
  assertEquals((await prepared()).rows, [{ five: 5 }]);
  await adapter.close(client, false);
});

postgresTest("postgres().isOpen() knows the server's last word as soon as the query fails", async () => {
  const { adapter } = testAdapter();
  const client = await adapter.connect(NEVER);
  const running = client.query("select pg_sleep(60)").catch((error) => [error.code, adapter.isOpen!(client)]);
  await terminate(pidOf(client));
  assertEquals(await running, ["57P01", false]);
  await adapter.close(client, false);
});

postgresTest("postgres().isOpen() knows that the socket has failed as soon as anybody does", async () => {
  const { adapter } = testAdapter();
  const client = await adapter.connect(NEVER);
  const heard: unknown[] = [];
  const failed = new Promise<void>((resolve) =>
    client.on("error", ({ message }) => {
      heard.push(message, adapter.isOpen!(client));
      resolve();
    })
  );
  client.connection.stream.destroy(new Error("no route"));
  await failed;
  await adapter.close(client, false);
  assertEquals(heard, ["no route", false]);
});

postgresTest("postgres().check() fails when the server has hung up", async () => {
  const { adapter } = testAdapter();
  const client = await adapter.connect(NEVER);
  await adapter.check!(client);
  client.connection.stream.destroy();
  await assertRejects(async () => await adapter.check!(client));
  await adapter.close(client, true);
});

postgresTest("postgres().close() says good-bye, and does no harm twice", async () => {
  const { adapter, application } = testAdapter();
  const client = await adapter.connect(NEVER);
  assertEquals(adapter.isOpen!(client), true);
  await adapter.close(client, false);
  assertEquals([adapter.isOpen!(client), await observer.backends(application)], [false, []]);
  await adapter.close(client, false);
  await adapter.close(client, true);
});

postgresTest(
  "postgres().close() of a broken connection stops what runs, and what was to follow never runs",
  async () => {
    const { adapter, application } = testAdapter();
    for (let i = 0; i < 10; i++) {
      const client = await adapter.connect(NEVER);
      start(client, "select pg_sleep(60)");
      start(client, "insert into note values ('behind')"); // waits in the client for the first one
      await adapter.close(client, true); // the request to cancel may overtake the query
      assertEquals(await observer.backends(application), []);
    }
    assertEquals(await observer.column("select 1 from note where text = 'behind'"), []);
  },
);

postgresTest(
  "postgres().close() of a broken connection frees the locks that it waits for or holds",
  async () => {
    const { adapter, application } = testAdapter();
    const [holder, waiter] = [await adapter.connect(NEVER), await adapter.connect(NEVER)];
    await holder.query("begin; lock table note");
    start(waiter, "insert into note values ('never')");
    await adapter.close(waiter, true);
    assertEquals((await observer.backends(application)).length, 1);
    await adapter.close(holder, true);
    assertEquals(await observer.column("select 1 from note where text = 'never'"), []); // no lock is left
  },
);

Deno.test("postgres().close() destroys the socket of a server that does not hang up", async () => {
  const hung = hungServer();
  for (const broken of [false, true]) {
    const adapter = postgres({ host: "127.0.0.1", port: hung.port, user: "ann" }, { closeTimeout: 20 });
    const client = await adapter.connect(NEVER);
    if (broken) start(client, "select 1");
    const closed = async () => await adapter.close(client, broken);
    await assertRejects(closed, Error, "the server did not hang up within 20 ms");
    assertEquals(adapter.isOpen!(client), false);
  }
  await hung[Symbol.asyncDispose]();
});

Deno.test("postgres().connect() that fails on this side destroys its socket", async () => {
  const ended = Promise.withResolvers<void>();
  const server = fakeServer(async (conn) => {
    await conn.write(message("R", [0, 0, 0, 3])); // asks for a password
    while (await conn.read(new Uint8Array(1000)) !== null);
    ended.resolve();
  });
  const password = () => Promise.reject(new Error("no password"));
  const adapter = postgres({ host: "127.0.0.1", port: server.port, user: "ann", password });
  await assertRejects(async () => await adapter.connect(NEVER), Error, "no password");
  await ended.promise;
  await server[Symbol.asyncDispose]();
});

Deno.test("postgres().close() does not wait for a server that has said its last word", async () => {
  const server = fakeServer(async (conn) => {
    await conn.write(WELCOME);
    await conn.write(message("E", [...text("SFATAL"), ...text("C57P01"), ...text("Mbye"), 0]));
  });
  const adapter = postgres({ host: "127.0.0.1", port: server.port, user: "ann" }, { closeTimeout: Infinity });
  const client = await adapter.connect(NEVER);
  while (adapter.isOpen!(client)) await sleep(1);
  await adapter.close(client, false);
  await server[Symbol.asyncDispose]();
});

Deno.test("postgres().close() asks again to cancel when the request has overtaken the query", async () => {
  let requests = 0;
  let main: Deno.Conn | undefined;
  const server = fakeServer(async (conn, cancels) => {
    if (!cancels) {
      main = conn;
      await conn.write(WELCOME);
    } else {
      if (++requests === 2) main!.close();
      conn.close();
    }
  });
  const adapter = postgres({ host: "127.0.0.1", port: server.port, user: "ann" }, { closeTimeout: Infinity });
  const client = await adapter.connect(NEVER);
  start(client, "select 1");
  await adapter.close(client, true);
  assertEquals(requests, 2);
  await server[Symbol.asyncDispose]();
});
