import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  ConnectionPool,
  type ConnectionPoolOptions,
  ConnectTimeout,
  type Greenlet,
  joinAll,
  ShutDown,
  simulate,
  sleep,
  spawn,
  Timeout,
} from "@verdant/green";
import { captureErrors } from "../../helpers.ts";
import { passes } from "../trial.ts";
import { FakeConnection, FakeDatabase } from "./fake_database.ts";

function setUp(options: ConnectionPoolOptions = {}) {
  const database = new FakeDatabase();
  return { database, pool: new ConnectionPool(database, options) };
}

const account = <C extends object>({ size, idle, leased, waiting, free }: ConnectionPool<C>) => ({
  size,
  idle,
  leased,
  waiting,
  free,
});

const idOf = (connection: { id: number }) => connection.id;

Deno.test("ConnectionPool refuses bad options and adapters", () => {
  const refused = (options: object, message: string) =>
    assertThrows(() => setUp(options), RangeError, message);
  refused(
    { maxSize: -1 },
    "Cannot create pool: maxSize must be a non-negative integer or Infinity, received -1",
  );
  refused({ minSize: 5 }, "minSize must not be above maxSize");
  for (const name of ["maxIdle", "maxAge", "connectTimeout", "checkAfter", "cleanupTimeout"]) {
    refused({ [name]: -1 }, `Cannot create pool: ${name} must be 0 or more milliseconds, received -1`);
  }
  assertThrows(
    () => new ConnectionPool({ name: "x", close() {} } as never),
    TypeError,
    "adapter.connect must be",
  );
  assertThrows(
    () => new ConnectionPool({ name: "x", connect() {} } as never),
    TypeError,
    "adapter.close must be",
  );
  const { pool } = setUp();
  assertThrows(() => void pool.lease({ timeout: -1 }), RangeError);
  assertThrows(() => void pool.use(5 as never), TypeError, "Cannot use connection: fn must be a function");
  assertEquals([pool.name, pool.minSize, pool.maxSize, pool.closed, pool.size], ["fake", 0, 4, false, 0]);
});

Deno.test("ConnectionPool.lease() opens up to maxSize connections, lends the one used last first", async () => {
  const { pool, database } = setUp({ maxSize: 2 });
  await using _closing = pool;
  const [one, two] = [await pool.lease(), await pool.lease()];
  assertEquals([one.id, two.id, account(pool)], [1, 2, { size: 2, idle: 0, leased: 2, waiting: 0, free: 0 }]);
  await one[Symbol.asyncDispose]();
  await two[Symbol.asyncDispose]();
  assertEquals(account(pool), { size: 2, idle: 2, leased: 0, waiting: 0, free: 2 });
  for (let i = 0; i < 2; i++) {
    await using last = await pool.lease();
    assertEquals(last.id, 2);
  }
  assertEquals(database.most, 2);
});

Deno.test("ConnectionPool serves those who wait in the order in which they came, with clean connections", async () => {
  const { pool, database } = setUp({ maxSize: 1 });
  await using _closing = pool;
  const log: string[] = [];
  const user = async (name: string) => {
    using connection = await pool.lease();
    log.push(`${name} ${connection.inTransaction}`);
    await connection.query("begin");
    await sleep();
  };
  await joinAll(["a", "b", "c"].map((name) => spawn(user, name)), { raiseError: true });
  assertEquals([log, database.connections.length], [["a false", "b false", "c false"], 1]);
});

Deno.test("ConnectionPool.use() gives the connection back whatever happens", async () => {
  const { pool, database } = setUp();
  await using _closing = pool;
  assertEquals(await pool.use((connection) => connection.query("one")), "one by 1");
  const failure = new Error("mine");
  const failed = pool.use(() => {
    throw failure;
  });
  assertStrictEquals(await failed.catch((error) => error), failure);
  await passes(4);
  assertEquals([account(pool), database.open], [{ size: 1, idle: 1, leased: 0, waiting: 0, free: 4 }, 1]);
  await assertRejects(() => pool.use(() => {}, { signal: AbortSignal.abort(new Error("no")) }), Error, "no");
});

Deno.test("ConnectionPool.lease() waits for a connection that is being cleaned rather than open another", async () => {
  const { pool, database } = setUp();
  await using _closing = pool;
  for (let i = 0; i < 3; i++) assertEquals(await pool.use(idOf), 1);
  assertEquals(database.log, ["connect 1", "reset 1", "reset 1"]);
});

Deno.test("ConnectionPool.lease() throws the error of connect, and the slot goes to the next", async () => {
  const { pool, database } = setUp({ maxSize: 1 });
  await using _closing = pool;
  const failure = new Error("password refused");
  let fails = 1;
  database.faults.connect = () => {
    if (fails-- > 0) throw failure;
  };
  const [first, second] = [1, 2].map(() => spawn(() => pool.use(idOf).catch((error) => error)));
  assertStrictEquals(await first!.get(), failure);
  assertEquals([await second!.get(), database.most], [1, 1]);
});

Deno.test("ConnectionPool.lease() with a Timeout gives the slot back", async () => {
  const { pool, database } = setUp({ maxSize: 1 });
  await using _closing = pool;
  database.delays.connect = 60_000;
  await assertRejects(() => pool.lease({ timeout: 1 }), Timeout);
  await passes(4);
  assertEquals([pool.size, database.open], [0, 0]);
});

// ---- Connecting ------------------------------------------------------------------------------------

Deno.test("ConnectionPool.lease() throws ConnectTimeout after connectTimeout", async () => {
  await simulate(async (world) => {
    const { pool, database } = setUp({
      maxSize: 1,
      connectTimeout: Temporal.Duration.from({ milliseconds: 700 }),
    });
    database.delays.connect = 701;
    const error = await assertRejects(() => pool.lease(), ConnectTimeout);
    assertEquals([error.message, world.now], ["Cannot connect to fake: no answer within 700 ms", 700]);
    await world.settle();
    assertEquals([pool.size, database.open], [0, 0]); // the wait in connect() was interrupted
    database.delays.connect = 700;
    await pool.close();
  });
});

/** A database whose first connection arrives when `arrive()` is called, whatever the signal says. */
function deafDatabase() {
  const database = new FakeDatabase();
  const { promise, resolve: arrive } = Promise.withResolvers<void>();
  const reasons: unknown[] = [];
  let calls = 0;
  const connect = async (signal: AbortSignal) => {
    if (calls++ > 0) return await database.connect(signal);
    signal.addEventListener("abort", () => reasons.push(signal.reason));
    await promise;
    database.open++;
    return new FakeConnection(99);
  };
  return { database, adapter: { ...database, connect }, arrive, reasons };
}

Deno.test("ConnectionPool: a connection that arrives too late is closed before its slot is free", async () => {
  const { database, adapter, arrive, reasons } = deafDatabase();
  const pool = new ConnectionPool(adapter, { maxSize: 1, connectTimeout: 1 });
  await assertRejects(() => pool.lease(), ConnectTimeout);
  assertInstanceOf(reasons[0], ConnectTimeout);
  const next = spawn(() => pool.use(idOf));
  await passes(3);
  assertEquals([pool.size, pool.waiting, pool.idle], [1, 1, 0]);
  arrive();
  assertEquals(await next.get(), 1);
  assertEquals([database.log.slice(0, 2), database.most], [["close 99", "connect 1"], 1]);
  await pool.close();
  assertEquals(database.open, 0);
});

Deno.test("ConnectionPool: a connection that arrives for one who was killed is closed", async () => {
  const { database, adapter, arrive, reasons } = deafDatabase();
  const pool = new ConnectionPool(adapter, { maxSize: 1 });
  const victim = spawn(() => pool.lease());
  await passes(3);
  await victim.kill();
  arrive();
  assertEquals(await pool.close(), true);
  assertEquals([database.log, pool.size, reasons.length], [["close 99"], 0, 1]);
});

Deno.test("ConnectionPool: cleanupTimeout bounds how long a lost connection holds its slot", async () => {
  const { database, adapter, arrive } = deafDatabase();
  const pool = new ConnectionPool(adapter, { maxSize: 1, connectTimeout: 1, cleanupTimeout: 20 });
  await assertRejects(() => pool.lease(), ConnectTimeout);
  assertEquals([pool.size, pool.free], [1, 0]);
  assertEquals(await pool.use(idOf), 1); // when the time was over
  const closed = Promise.withResolvers<void>();
  database.faults.close = () => closed.resolve();
  arrive();
  await closed.promise;
  assertEquals(database.log.includes("close 99"), true);
  await pool.close();
  assertEquals(database.open, 0);
});

Deno.test("ConnectionPool tells connect() by its signal that nobody waits any more, and only then", async () => {
  const signals: AbortSignal[] = [];
  const { database } = setUp();
  const connect = (signal: AbortSignal) => {
    signals.push(signal);
    return database.connect(signal);
  };
  const pool = new ConnectionPool({ ...database, connect });
  await pool.use(idOf);
  await passes(3);
  const first = await pool.lease();
  database.delays.connect = 60_000;
  const victim = spawn(() => pool.lease());
  await passes(3);
  await victim.kill();
  await passes(3);
  assertEquals(signals.map(({ aborted }) => aborted), [false, true]);
  assertEquals([database.open, pool.size], [1, 1]);
  first[Symbol.dispose]();
  await pool.close();
});

// ---- Cleaning --------------------------------------------------------------------------------------

Deno.test("ConnectionPool closes a connection whose reset fails, quietly", async () => {
  using errors = captureErrors();
  const { pool, database } = setUp({ maxSize: 1 });
  await using _closing = pool;
  database.faults.reset = () => {
    throw new Error("cannot roll back");
  };
  assertEquals([await pool.use(idOf), await pool.use(idOf)], [1, 2]);
  assertEquals(database.log.slice(0, 3), ["connect 1", "close 1", "connect 2"]);
  assertEquals([errors.seen, database.most], [[], 1]);
});

Deno.test("ConnectionPool closes a connection whose reset takes too long, as broken", async () => {
  await simulate(async (world) => {
    const { pool, database } = setUp({ maxSize: 1, cleanupTimeout: 30 });
    database.delays.reset = 31;
    assertEquals([await pool.use(idOf), await pool.use(idOf), world.now], [1, 2, 30]);
    assertEquals(database.log.slice(0, 3), ["connect 1", "close 1 broken", "connect 2"]);
    database.delays.reset = 30;
    await world.advance(100);
    await pool.use(idOf);
    await pool.close();
    assertEquals([database.open, pool.size], [0, 0]);
  });
});

Deno.test("ConnectionPool reports a failed close, and the slot is free", async () => {
  using errors = captureErrors();
  const { pool, database } = setUp({ maxSize: 1, maxAge: 0 });
  await using _closing = pool;
  const failure = new Error("cannot close");
  database.faults.close = () => {
    throw failure;
  };
  assertEquals([await pool.use(idOf), await pool.use(idOf), errors.seen], [1, 2, [failure]]);
});

Deno.test("ConnectionPool frees a slot when the time to close is over, and reports it", async () => {
  using errors = captureErrors();
  await simulate(async (world) => {
    world.hub.onError = (_context, error) => errors.seen.push(error);
    const { pool, database } = setUp({ maxSize: 1, maxIdle: 0, cleanupTimeout: 30 });
    database.delays.close = 1000;
    await pool.use(idOf);
    const next = spawn(() => pool.lease());
    await world.advance(29);
    assertEquals([pool.size, pool.waiting, errors.seen.length], [1, 1, 0]);
    await world.advance(1);
    assertEquals([(await next.get()).id, errors.seen.length], [2, 1]);
    assertInstanceOf(errors.seen[0], Timeout, "close connection to fake");
    database.delays.close = 0;
    (await next.get())[Symbol.dispose]();
    assertEquals(await pool.close(), true);
  });
});

Deno.test("ConnectionPool with an adapter that has only connect and close", async () => {
  const closed: unknown[] = [];
  const pool = new ConnectionPool({
    name: "plain",
    connect: () => new Map(),
    close: (it) => void closed.push(it),
  });
  const map = await pool.lease();
  map.set("a", 1);
  map[Symbol.dispose]();
  assertEquals([pool.idle, await pool.use((it) => it.get("a"))], [1, 1]);
  await pool.close();
  assertEquals(closed.length, 1);
});

// ---- Which may be lent -----------------------------------------------------------------------------

Deno.test("ConnectionPool never lends a connection that is closed", async () => {
  const lost = new Set<number>();
  const { database } = setUp();
  const pool = new ConnectionPool({ ...database, isOpen: ({ id }) => !lost.has(id) });
  await using _closing = pool;
  const leases = [await pool.lease(), await pool.lease(), await pool.lease()];
  for (const lease of leases) await lease[Symbol.asyncDispose]();
  lost.add(3).add(2);
  assertEquals(await pool.use(idOf), 1);
  await passes(4);
  assertEquals([pool.size, database.open], [1, 1]);
  lost.add(1);
  assertEquals(await pool.use((connection) => idOf(connection)), 4);
  {
    await using connection = await pool.lease();
    lost.add(connection.id);
  }
  await passes(2);
  assertEquals([pool.size, database.log.at(-1)], [0, "close 4"]);
});

Deno.test("ConnectionPool asks a connection that was not used lately, and lends it if it answers", async () => {
  await simulate(async (world) => {
    const { pool, database } = setUp({ checkAfter: 100 });
    const checks = () => database.log.filter((entry) => entry === "check 1").length;
    for (let i = 0; i < 3; i++) {
      await pool.use(idOf);
      await world.advance(99);
    }
    assertEquals(checks(), 0);
    await world.advance(1);
    assertEquals([await pool.use(idOf), checks()], [1, 1]);
    await pool.close();
  });
});

for (
  const [name, sabotage] of Object.entries({
    "fails the check": (database: FakeDatabase): unknown =>
      database.faults.check = () => Promise.reject(new Error("gone")),
    "says false": (database: FakeDatabase): unknown => database.faults.check = () => false,
    "does not answer in time": (database: FakeDatabase): unknown => database.delays.check = 31,
  })
) {
  Deno.test(`ConnectionPool closes a connection that ${name}, and lends another one`, async () => {
    await simulate(async (world) => {
      const { pool, database } = setUp({ checkAfter: 0, cleanupTimeout: 30, maxSize: 2 });
      const [one, two] = [await pool.lease(), await pool.lease()];
      for (const connection of [one, two]) await connection[Symbol.asyncDispose]();
      sabotage(database);
      const began = world.now;
      assertEquals(await pool.use(idOf), 3);
      assertEquals(world.now - began, name.startsWith("does not") ? 60 : 0);
      assertEquals(database.log.filter((entry) => entry.startsWith("close")).length, 2);
      assertEquals(database.log.includes("close 2 broken"), name !== "says false");
      assertEquals(database.most, 2);
      await pool.close();
      assertEquals(database.open, 0);
    });
  });
}

Deno.test("ConnectionPool.lease() that is killed during the check loses nothing", async () => {
  await simulate(async (world) => {
    const { pool, database } = setUp({ checkAfter: 100, maxSize: 1 });
    await pool.use(idOf);
    await world.advance(100);
    database.delays.check = 10;
    const victim = spawn(() => pool.lease());
    await world.advance(5);
    await victim.kill();
    assertEquals([pool.idle, pool.size], [0, 1]);
    await world.advance(5);
    assertEquals(await pool.use(idOf), 1); // it has just answered
    assertEquals(database.log.filter((entry) => entry === "check 1").length, 1);
    await pool.close();
  });
});

Deno.test("ConnectionPool opens another connection if the greenlet that opens it is killed", async () => {
  const { pool, database } = setUp();
  await using _closing = pool;
  database.delays.connect = 60_000;
  const user = spawn(() => pool.use(idOf));
  await passes(3);
  database.delays.connect = 0;
  const opening = [...user.hub.tasks()].find(({ label }) => label === "connect to fake");
  await (opening as Greenlet).kill();
  assertEquals([await user.get(), pool.size], [1, 1]);
});

Deno.test("ConnectionPool: an adapter whose isOpen throws has no open connection", async () => {
  const { database } = setUp();
  const isOpen = () => {
    throw new Error("no idea");
  };
  const pool = new ConnectionPool({ ...database, isOpen }, { maxSize: 1 });
  assertEquals([await pool.use(idOf), await pool.use(idOf)], [1, 2]);
  await pool.close();
});

// ---- Sizes, and the end ----------------------------------------------------------------------------

Deno.test("ConnectionPool.clear() closes the idle connections only", async () => {
  const { pool, database } = setUp();
  await using _closing = pool;
  const [one, two] = [await pool.lease(), await pool.lease()];
  await one[Symbol.asyncDispose]();
  pool.clear();
  await passes(4);
  assertEquals([database.log.at(-1), pool.size, pool.idle], ["close 1", 1, 0]);
  await two[Symbol.asyncDispose]();
  assertEquals(pool.idle, 1);
});

Deno.test("ConnectionPool.resize() lets those in who wait, or closes what is too much", async () => {
  const { pool, database } = setUp({ maxSize: 1 });
  await using _closing = pool;
  const one = await pool.lease();
  const getter = spawn(() => pool.lease());
  await sleep();
  pool.resize(2);
  const two = await getter.get();
  pool.resize(1);
  await one[Symbol.asyncDispose]();
  assertEquals([database.log, pool.size], [["connect 1", "connect 2", "close 1"], 1]); // not even reset
  await two[Symbol.asyncDispose]();
  assertEquals([pool.idle, pool.maxSize], [1, 1]);
});

Deno.test("ConnectionPool.close() waits for the leased connections and closes them", async () => {
  const { pool, database } = setUp({ maxSize: 2 });
  const [one, two] = [await pool.lease(), await pool.lease()];
  const waiter = spawn(() => assertRejects(() => pool.lease(), ShutDown));
  await sleep();
  one[Symbol.dispose](); // is being reset
  assertEquals(await pool.close({ timeout: 0 }), false);
  const closing = spawn(() => pool.close());
  await waiter.get();
  await assertRejects(() => pool.lease(), ShutDown);
  await passes(10);
  assertEquals([closing.ready, pool.closed, pool.size], [false, true, 1]);
  assertEquals(await two.query("last"), "last by 2");
  await two[Symbol.asyncDispose]();
  assertEquals([await closing.get(), pool.size, database.open], [true, 0, 0]);
  assertEquals(database.log.includes("reset 2"), false);
});

Deno.test("ConnectionPool.close() calls off what is being opened", async () => {
  const { pool, database } = setUp({ minSize: 1 });
  database.delays.connect = 60_000;
  await passes(3);
  assertEquals(database.open, 1);
  assertEquals([await pool.close(), database.open, pool.size], [true, 0, 0]);
});
