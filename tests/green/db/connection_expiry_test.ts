import { assertEquals } from "@std/assert";
import { ConnectionPool, type ConnectionPoolOptions, simulate, spawn, type World } from "@verdant/green";
import { captureErrors } from "../../helpers.ts";
import { type FakeConnection, FakeDatabase } from "./fake_database.ts";

/** Runs a body with a pool in virtual time; in the end all must be closed. */
function withPool(
  options: ConnectionPoolOptions,
  body: (pool: ConnectionPool<FakeConnection>, database: FakeDatabase, world: World) => Promise<void>,
): Promise<void> {
  return simulate(async (world) => {
    const database = new FakeDatabase();
    const pool = new ConnectionPool(database, { checkAfter: Infinity, ...options });
    await body(pool, database, world);
    await pool.close();
    assertEquals([database.open, pool.size], [0, 0]);
    assertEquals(world.hub.stats().timers, 0);
  });
}

const closedOnes = ({ log }: FakeDatabase) => log.filter((entry) => entry.startsWith("close"));

/** Uses `count` connections at once, and gives them back in order, `step` ms apart. */
async function useMany(pool: ConnectionPool<FakeConnection>, count: number, world: World, step = 0) {
  const connections: (FakeConnection & Disposable)[] = [];
  for (let i = 0; i < count; i++) connections.push(await pool.lease());
  for (const connection of connections) {
    connection[Symbol.dispose]();
    await world.advance(step);
  }
}

Deno.test("ConnectionPool closes a connection that was idle for maxIdle", () =>
  withPool({ maxIdle: 100, maxAge: Infinity }, async (pool, database, world) => {
    await useMany(pool, 2, world, 50); // idle at 0 and 50
    assertEquals([world.now, pool.idle], [100, 1]);
    await world.advance(49);
    assertEquals([pool.idle, closedOnes(database)], [1, ["close 1"]]);
    await world.advance(1);
    assertEquals([pool.idle, pool.size, closedOnes(database)], [0, 0, ["close 1", "close 2"]]);
  }));

Deno.test("ConnectionPool counts the idle time from the last use", () =>
  withPool({ maxIdle: 100, maxAge: Infinity }, async (pool, database, world) => {
    for (let i = 0; i < 3; i++) {
      await pool.use(() => {});
      await world.advance(99);
    }
    assertEquals([pool.idle, closedOnes(database)], [1, []]);
    await world.advance(1);
    assertEquals([pool.idle, closedOnes(database)], [0, ["close 1"]]);
  }));

Deno.test("ConnectionPool closes a connection when it is maxAge old, idle or at its return", () =>
  withPool({ maxIdle: Infinity, maxAge: 100 }, async (pool, database, world) => {
    await pool.use(() => {});
    await world.advance(99);
    assertEquals(pool.idle, 1);
    await world.advance(1);
    assertEquals([pool.idle, closedOnes(database)], [0, ["close 1"]]);
    const connection = await pool.lease();
    await world.advance(100);
    assertEquals(await connection.query("still"), "still by 2"); // not while it is used
    connection[Symbol.dispose]();
    await world.settle();
    assertEquals([pool.size, closedOnes(database)], [0, ["close 1", "close 2"]]);
    assertEquals(database.log.includes("reset 2"), false);
  }));

Deno.test("ConnectionPool: an older connection that comes back later is closed in its own time", () =>
  withPool({ maxIdle: Infinity, maxAge: 100 }, async (pool, database, world) => {
    const old = await pool.lease();
    await world.advance(50);
    await pool.use(() => {}); // the second one: its timer is armed for 150
    old[Symbol.dispose]();
    await world.settle();
    assertEquals([pool.idle, world.hub.stats().timers], [2, 1]);
    await world.advance(50);
    assertEquals([closedOnes(database), pool.idle], [["close 1"], 1]);
    await world.advance(50);
    assertEquals([closedOnes(database), pool.idle], [["close 1", "close 2"], 0]);
  }));

Deno.test("ConnectionPool: one that grew old while it was reset is closed", () =>
  withPool({ maxAge: 100 }, async (pool, database, world) => {
    database.delays.reset = 60;
    pool.resize(1);
    const connection = await pool.lease();
    await world.advance(50);
    connection[Symbol.dispose]();
    assertEquals(await pool.use(({ id }) => id), 2);
    assertEquals([closedOnes(database), world.now], [["close 1"], 110]);
  }));

for (const option of ["maxIdle", "maxAge"]) {
  Deno.test(`ConnectionPool with ${option} 0 uses no connection twice`, () =>
    withPool({ [option]: 0, minSize: 1 }, async (pool, database, world) => {
      await world.advance(20_000);
      assertEquals([pool.idle, database.log], [1, ["connect 1"]]); // not yet used
      assertEquals(await pool.use((connection) => connection.id), 1);
      await world.settle();
      assertEquals([database.log, pool.idle], [["connect 1", "close 1", "connect 2"], 1]);
    }));
}

Deno.test("ConnectionPool keeps minSize connections, however long they are idle", () =>
  withPool({ minSize: 2, maxSize: 4, maxIdle: 100, maxAge: 1000 }, async (pool, database, world) => {
    await world.settle();
    assertEquals(pool.idle, 2);
    await useMany(pool, 4, world);
    assertEquals(pool.idle, 4);
    await world.advance(100);
    assertEquals([pool.idle, closedOnes(database).length], [2, 2]);
    await world.advance(800);
    assertEquals([pool.idle, closedOnes(database).length], [2, 2]);
    assertEquals(await pool.use((connection) => connection.id) > 2, true); // is lent all the same
    await world.advance(100);
    assertEquals([pool.idle, pool.size, database.connections.length], [2, 2, 6]); // age took them
  }));

Deno.test("ConnectionPool: long idle ones go when others come beside them", () =>
  withPool({ minSize: 1, maxSize: 2, maxIdle: 100, maxAge: Infinity }, async (pool, database, world) => {
    await world.advance(500);
    assertEquals([pool.idle, closedOnes(database)], [1, []]);
    await useMany(pool, 2, world);
    await world.advance(100);
    assertEquals([pool.idle, closedOnes(database).length], [1, 1]);
  }));

Deno.test("ConnectionPool: a sweep takes those along that are closed", () =>
  withPool({ maxIdle: 100, maxAge: Infinity }, async (pool, database, world) => {
    const lost = new Set<number>();
    const watched = new ConnectionPool({ ...database, isOpen: ({ id }: FakeConnection) => !lost.has(id) }, {
      maxIdle: 100,
    });
    await useMany(watched, 2, world, 40);
    lost.add(2);
    await world.advance(20);
    assertEquals([watched.size, closedOnes(database).length, pool.size], [0, 2, 0]);
    await watched.close();
  }));

for (const option of ["maxIdle", "maxAge"]) {
  Deno.test(`ConnectionPool lends no connection past its ${option}, also if the timer is late`, () =>
    withPool({ maxIdle: Infinity, maxAge: Infinity, [option]: 100 }, async (pool, _database, world) => {
      const { hub } = world;
      const { startTimer } = hub;
      hub.startTimer = (delay, ref, fire, arg) =>
        startTimer.call(hub, delay + 1000, ref, fire as (arg: unknown) => void, arg);
      await useMany(pool, 2, world);
      await world.advance(100);
      assertEquals(pool.idle, 2);
      assertEquals(await pool.use(({ id }) => id), 3);
    }));
}

Deno.test("ConnectionPool with endless times arms no timer", () =>
  withPool({ maxIdle: Infinity, maxAge: Infinity }, async (pool, _database, world) => {
    await pool.use(() => {});
    await world.settle();
    assertEquals([world.hub.stats().timers, pool.idle], [0, 1]);
  }));

Deno.test("ConnectionPool: the timer of idle connections keeps no process alive", () =>
  withPool({}, async (pool, _database, world) => {
    await pool.use(() => {});
    await world.settle();
    assertEquals([world.hub.timers.refs, world.hub.stats().timers], [0, 1]);
  }));

Deno.test("ConnectionPool opens minSize connections again when it can", async () => {
  using errors = captureErrors();
  await withPool({ minSize: 2, maxAge: 100 }, async (pool, database, world) => {
    world.hub.onError = (_context, error) => errors.seen.push(error);
    await world.settle();
    const failure = new Error("down");
    database.faults.connect = () => Promise.reject(failure);
    await world.advance(100);
    assertEquals([pool.size, errors.seen], [0, [failure, failure]]);
    await world.advance(10_000);
    assertEquals(errors.seen.length, 2); // not again and again
    delete database.faults.connect;
    await spawn(() => pool.use(() => {})).get();
    await world.settle();
    assertEquals(pool.idle, 2);
  });
});
