import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  BlockingSwitchOutError,
  ConnectionPool,
  type ConnectionPoolOptions,
  getHub,
  sleep,
  spawn,
  Timeout,
  withTimeout,
} from "@verdant/green";
import { turn } from "../../helpers.ts";
import { passes } from "../trial.ts";
import { FakeConnection, FakeDatabase } from "./fake_database.ts";

function setUp(options: ConnectionPoolOptions = {}) {
  const database = new FakeDatabase();
  return { database, pool: new ConnectionPool(database, options) };
}

const GIVEN_BACK = "Cannot use connection: it was given back to the pool";
const INTERRUPTED = "Cannot use connection: its last operation was interrupted";

Deno.test("PooledConnection has the methods and properties of the real connection", async () => {
  const { pool, database } = setUp();
  await using _closing = pool;
  using connection = await pool.lease();
  const real = database.connections[0]!;
  assertEquals(await connection.query("one"), "one by 1");
  assertEquals([connection.add(2, 3), connection.id, connection.closed], [5, 1, false]);
  connection.tag = "mine";
  assertEquals([real.tag, "tag" in connection, "other" in connection], ["mine", true, false]);
  assertEquals(Symbol.dispose in connection, true);
  assertInstanceOf(connection, FakeConnection);
  assertStrictEquals(connection.constructor, FakeConnection);
  assertEquals(Object.keys(connection).includes("tag"), true);
  assertEquals(Object.getOwnPropertyDescriptor(connection, "frozen")?.configurable, true);
  assertEquals((connection as unknown as { frozen(): number }).frozen(), 1);
  delete (connection as { tag?: string }).tag;
  assertEquals("tag" in real, false);
  assertEquals(connection.query.name, "query");
});

Deno.test("PooledConnection: its methods can be taken from it, and are the same each time", async () => {
  const { pool } = setUp();
  await using _closing = pool;
  using connection = await pool.lease();
  const { query, add } = connection;
  assertEquals([await query("one"), add(1, 1)], ["one by 1", 2]);
  assertStrictEquals(connection.query, query);
});

Deno.test("PooledConnection never shows the real connection", async () => {
  const { pool } = setUp();
  await using _closing = pool;
  using connection = await pool.lease();
  assertStrictEquals(connection.self(), connection);
  assertStrictEquals(await connection.selfLater(), connection);
});

Deno.test("PooledConnection passes errors on unchanged and stays good", async () => {
  const { pool, database } = setUp();
  await using _closing = pool;
  {
    await using connection = await pool.lease();
    await assertRejects(() => connection.query("bad"), SyntaxError, "bad");
    assertThrows(() => connection.fail(), RangeError, "at once");
    assertEquals(await connection.query("good"), "good by 1");
  }
  assertEquals([pool.idle, database.log], [1, ["connect 1", "reset 1"]]);
});

Deno.test("PooledConnection cannot be used after its return", async () => {
  const { pool } = setUp();
  await using _closing = pool;
  const connection = await pool.lease();
  const { query } = connection;
  connection[Symbol.dispose]();
  for (
    const use of [
      () => connection.query("one"),
      () => query("one"),
      () => connection.id,
      () => connection.tag = "no",
      () => "tag" in connection,
      () => Object.keys(connection),
      () => Object.getOwnPropertyDescriptor(connection, "tag"),
      () => delete (connection as { tag?: string }).tag,
    ]
  ) assertThrows(use, Error, GIVEN_BACK);
  assertStrictEquals(await connection, connection); // as the result of an async function
  connection[Symbol.dispose]();
  await connection[Symbol.asyncDispose]();
  assertEquals([pool.idle, pool.leased], [1, 0]);
});

for (const [name, method] of Object.entries({ Promise: "hang", thenable: "lazy" } as const)) {
  Deno.test(`PooledConnection: a kill in the middle of an operation (${name}) breaks the connection`, async () => {
    const { pool, database } = setUp({ maxSize: 1 });
    await using _closing = pool;
    let begun = 0;
    Object.assign(FakeConnection.prototype, {
      lazy(this: FakeConnection) {
        const then = (...callbacks: Parameters<PromiseLike<unknown>["then"]>) => {
          begun++;
          return this.hang().then(...callbacks);
        };
        return { then };
      },
    });
    const log: unknown[] = [];
    const victim = spawn(async () => {
      using connection = await pool.lease();
      try {
        await (connection as unknown as Record<string, () => Promise<unknown>>)[method]!();
      } finally {
        assertThrows(() => connection.query("rollback"), Error, INTERRUPTED);
        log.push(connection.id); // properties can be read
      }
    });
    await passes(10);
    const next = spawn(() => pool.use((connection) => connection.id));
    await sleep();
    await victim.kill();
    assertEquals([await next.get(), log], [2, [1]]);
    assertEquals(database.log.slice(0, 3), ["connect 1", "close 1 broken", "connect 2"]);
    assertEquals([begun, database.most], [method === "lazy" ? 1 : 0, 1]);
  });
}

Deno.test("PooledConnection: reports name the operation that is waited for", async () => {
  const { pool } = setUp();
  await using _closing = pool;
  const victim = spawn(() => pool.use((connection) => connection.hang()));
  await passes(10);
  assertEquals(victim.waits?.source.what, "hang");
  await victim.kill();
});

Deno.test("PooledConnection: a time-out in the middle of an operation breaks the connection", async () => {
  const { pool, database } = setUp();
  await using _closing = pool;
  {
    await using connection = await pool.lease();
    await assertRejects(() => withTimeout(1, () => connection.hang()), Timeout);
    await assertRejects(async () => await connection.query("one"), Error, INTERRUPTED);
  }
  assertEquals([database.log, pool.size], [["connect 1", "close 1 broken"], 0]);
});

Deno.test("PooledConnection: an operation that ended before the kill was delivered leaves it good", async () => {
  const { pool, database } = setUp();
  await using _closing = pool;
  const victim = spawn(async () => {
    using connection = await pool.lease();
    await connection.hang();
    await sleep(60_000);
  });
  await passes(10);
  database.connections[0]!.finish("done");
  await turn();
  await victim.kill();
  await passes(3);
  assertEquals([database.log, pool.idle], [["connect 1", "reset 1"], 1]);
});

Deno.test("PooledConnection that is given back while an operation runs is closed", async () => {
  const { pool, database } = setUp();
  await using _closing = pool;
  let hanging: Promise<unknown>;
  {
    await using connection = await pool.lease();
    hanging = connection.hang();
  }
  assertEquals([database.log, pool.size], [["connect 1", "close 1 broken"], 0]);
  await assertRejects(() => hanging, Error, "closed"); // by the close
});

Deno.test("PooledConnection: an operation that nobody awaits is no unhandled rejection", async () => {
  const { pool } = setUp();
  await using _closing = pool;
  using connection = await pool.lease();
  void connection.query("bad");
  await turn();
});

Deno.test("PooledConnection runs several operations at once", async () => {
  const { pool, database } = setUp();
  await using _closing = pool;
  {
    await using connection = await pool.lease();
    const both = Promise.all([connection.query("one"), connection.query("two")]);
    assertEquals(await both, ["one by 1", "two by 1"]);
  }
  assertEquals(database.log, ["connect 1", "reset 1"]);
});

Deno.test("PooledConnection: an operation cannot be waited for in a callback of the hub", async () => {
  const { pool, database } = setUp();
  await using _closing = pool;
  {
    await using connection = await pool.lease();
    let operation: Promise<unknown> | undefined;
    getHub().runCallback(() => operation = connection.hang());
    await turn();
    await assertRejects(() => operation!, BlockingSwitchOutError);
    assertThrows(() => connection.query("one"), Error, INTERRUPTED);
  }
  assertEquals(database.log, ["connect 1", "close 1 broken"]);
});

Deno.test("PooledConnection[Symbol.asyncDispose]() waits until it is clean, Symbol.dispose does not", async () => {
  const { pool, database } = setUp();
  await using _closing = pool;
  {
    await using connection = await pool.lease();
    await connection.query("begin");
  }
  assertEquals([database.connections[0]!.inTransaction, pool.idle], [false, 1]);
  {
    using connection = await pool.lease();
    await connection.query("begin");
  }
  assertEquals([database.connections[0]!.inTransaction, pool.idle, pool.leased, pool.size], [true, 0, 0, 1]);
  await passes(4);
  assertEquals([database.connections[0]!.inTransaction, pool.idle], [false, 1]);
});

Deno.test("ConnectionPool.discard() closes the connection", async () => {
  const { pool, database } = setUp();
  await using _closing = pool;
  const other = new ConnectionPool(database);
  const connection = await pool.lease();
  assertThrows(
    () => other.discard(connection),
    TypeError,
    "Cannot discard connection: it was not lent by this pool",
  );
  assertThrows(() => pool.discard(database.connections[0]! as never), TypeError);
  pool.discard(connection);
  pool.discard(connection);
  assertThrows(() => connection.query("one"), Error, GIVEN_BACK);
  await passes(4);
  assertEquals([database.log, pool.size, pool.leased], [["connect 1", "close 1 broken"], 0, 0]);
  const returned = await pool.lease();
  await returned[Symbol.asyncDispose]();
  pool.discard(returned); // too late
  assertEquals(pool.idle, 1);
});
