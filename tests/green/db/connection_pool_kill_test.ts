import { assert, assertEquals } from "@std/assert";
import {
  ConnectionPool,
  ConnectTimeout,
  explore,
  type Greenlet,
  joinAll,
  sleep,
  spawn,
  Timeout,
} from "@verdant/green";
import { strikeEveryWait } from "../trial.ts";
import { type FakeConnection, FakeDatabase } from "./fake_database.ts";

const strikes = {
  killed: (victim: Greenlet) => void victim.kill("struck", { block: false }),
  "timed out": (victim: Greenlet) => victim.throw(new Timeout(5)),
};

/** A database in which every step can be interrupted. */
function slowDatabase(): FakeDatabase {
  const database = new FakeDatabase();
  Object.assign(database.delays, { connect: 1, reset: 1, check: 1, close: 1 });
  return database;
}

async function use(pool: ConnectionPool<FakeConnection>): Promise<void> {
  await using connection = await pool.lease();
  assertEquals(connection.inTransaction, false);
  await connection.query("begin");
  await sleep(1);
  await connection.query("commit");
}

for (const [name, strike] of Object.entries(strikes)) {
  for (const contention of [0, 1, 2]) {
    Deno.test(`ConnectionPool: one of ${contention + 1} users ${name} at any wait loses nothing`, async () => {
      const waits = await strikeEveryWait(() => {
        const database = slowDatabase();
        const pool = new ConnectionPool(database, { maxSize: 1, checkAfter: 0 });
        const others = Array.from({ length: contention }, () => spawn(use, pool));
        return {
          victim: () => use(pool),
          check: async () => {
            await joinAll(others, { raiseError: true });
            assert(await spawn(use, pool).join({ timeout: 5_000 }), "a slot is lost");
            assertEquals([pool.leased, pool.waiting, pool.size], [0, 0, 1]);
            assert(await pool.close({ timeout: 5_000 }));
            assertEquals([database.open, database.most], [0, 1]);
          },
        };
      }, strike);
      assert(waits >= 5, `only ${waits}`);
    });
  }
}

for (const fault of ["connect", "reset", "check", "close"] as const) {
  Deno.test(`ConnectionPool: nothing is lost if ${fault} fails every other time`, async () => {
    const database = slowDatabase();
    let calls = 0;
    database.faults[fault] = () => {
      if (++calls % 2 === 0) throw new Error(`${fault} failed`);
    };
    const pool = new ConnectionPool(database, { maxSize: 2, checkAfter: 0 });
    const quietly = spawn(async () => {
      const { hub } = quietly;
      const { onError } = hub;
      hub.onError = () => {};
      try {
        await joinAll(Array.from({ length: 8 }, () => spawn(use, pool)));
        assert(await pool.close({ timeout: 5_000 }));
      } finally {
        hub.onError = onError;
      }
    });
    await quietly.get();
    assertEquals([database.open, database.most, pool.size], [0, 2, 0]);
  });
}

/** As `use()`, but with one error at most. */
async function useBriefly(pool: ConnectionPool<FakeConnection>): Promise<void> {
  using connection = await pool.lease();
  assertEquals(connection.inTransaction, false);
  await connection.query("begin");
  await sleep(1);
}

for (const strategy of ["random", "pct"] as const) {
  Deno.test(`ConnectionPool: under any schedule and any kill nothing is lost (${strategy})`, async () => {
    const users = new WeakSet<Greenlet>();
    const report = await explore(async () => {
      const database = slowDatabase();
      const pool = new ConnectionPool(database, { maxSize: 2, checkAfter: 0 });
      const all = [1, 2, 3].map(() => spawn(useBriefly, pool));
      for (const user of all) users.add(user);
      await joinAll(all);
      assertEquals([pool.leased, pool.waiting], [0, 0]);
      await joinAll([spawn(use, pool), spawn(use, pool)], { raiseError: true }); // both slots are there
      await pool.close();
      assert(database.most <= 2, `${database.most} were open`);
      assertEquals([database.open, pool.size], [0, 0]);
    }, { strategy, runs: 300, inject: ["kill", "timeout"], victims: (greenlet) => users.has(greenlet) });
    assertEquals(report.runs, 300);
  });
}

Deno.test("ConnectionPool: whatever of its own greenlets is killed, nothing is lost", async () => {
  await explore(async () => {
    const database = slowDatabase();
    const pool = new ConnectionPool(database, { maxSize: 2, checkAfter: 0 });
    await joinAll([1, 2, 3].map(() => spawn(() => use(pool).catch(() => {}))));
    assertEquals([pool.leased, pool.waiting], [0, 0]);
    await pool.close();
    assertEquals(pool.size, 0);
    assert(database.most <= 2);
  }, { runs: 300, inject: ["kill"], victims: ({ name }) => /^(connect|reset|check)/.test(name) });
});

Deno.test("ConnectionPool: whatever fails and whoever walks away, nothing is lost", async () => {
  const users = new WeakSet<Greenlet>();
  await explore(async ({ random, hub }) => {
    hub.onError = () => {}; // of close, and of first connections
    const database = slowDatabase();
    for (const step of ["connect", "reset", "check", "close"] as const) {
      database.faults[step] = async () => {
        if (random() < 0.2) throw new RangeError(`${step} failed`);
        await sleep(random() < 0.3 ? 20 : 0);
      };
    }
    const pool = new ConnectionPool(database, {
      minSize: random() < 0.3 ? 1 : 0,
      maxSize: 2,
      maxIdle: 10,
      maxAge: 50,
      connectTimeout: 10,
      checkAfter: random() < 0.5 ? 0 : 5,
      cleanupTimeout: random() < 0.5 ? 10 : 1000,
    });
    const user = async () => {
      for (let i = 0; i < 3; i++) {
        try {
          using connection = await pool.lease(random() < 0.3 ? { timeout: 5 } : {});
          assertEquals(connection.inTransaction, false);
          await connection.query("begin");
          await sleep(random() < 0.5 ? 0 : 3);
          if (random() < 0.2) void connection.hang();
          if (random() < 0.2) pool.discard(connection);
        } catch (error) {
          const expected = error instanceof RangeError || error instanceof Timeout;
          if (!expected && !(error instanceof ConnectTimeout)) throw error;
        }
      }
    };
    const all = [1, 2, 3].map(() => spawn(user));
    for (const greenlet of all) users.add(greenlet);
    await joinAll(all);
    assertEquals([pool.leased, pool.waiting], [0, 0]);
    assert(await pool.close());
    assertEquals([pool.size, pool.idle], [0, 0]);
    await sleep(100); // whoever has been given up comes to an end
    assertEquals(database.open, 0);
  }, { runs: 300, inject: ["kill", "timeout"], victims: (greenlet) => users.has(greenlet) });
});
