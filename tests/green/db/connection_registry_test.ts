import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { type ConnectionAdapter, ConnectionRegistry, ShutDown, sleep, spawn, Timeout } from "@verdant/green";
import { type FakeConnection, FakeDatabase } from "./fake_database.ts";

function adapter(name: string): ConnectionAdapter<FakeConnection> {
  return { ...new FakeDatabase(), name };
}

Deno.test("ConnectionRegistry makes one pool for each host and database, when it is first asked for", async () => {
  const made: (string | undefined)[][] = [];
  await using registry = new ConnectionRegistry((host, database) => {
    made.push([host, database]);
    return adapter(`${host}/${database}`);
  }, { maxSize: 7 });
  assertEquals([registry.pools, made], [[], []]);
  const pool = registry.pool("db1", "app");
  assertStrictEquals(registry.pool("db1", "app"), pool);
  const others = [
    registry.pool("db1"),
    registry.pool("db1", "log"),
    registry.pool("db1", "a,b"),
    registry.pool("db1,a", "b"),
  ];
  assertEquals(new Set([pool, ...others]).size, 5);
  assertEquals(registry.pools, [pool, ...others]);
  assertEquals([pool.name, pool.maxSize, made.length], ["db1/app", 7, 5]);
});

Deno.test("ConnectionRegistry.lease() takes a connection from the pool", async () => {
  await using registry = new ConnectionRegistry((host) => adapter(host), { maxSize: 1 });
  using connection = await registry.lease("db1", "app");
  assertEquals([await connection.query("one"), registry.pool("db1", "app").leased], ["one by 1", 1]);
  await assertRejects(() => registry.lease("db1", "app", { timeout: 1 }), Timeout);
});

Deno.test("ConnectionRegistry finds credentials by the host, or else the default ones", () => {
  const targets: unknown[] = [];
  const registry = new ConnectionRegistry({
    connect: (target) => {
      targets.push(target);
      return adapter(target.host);
    },
    credentials: { db1: "secret", default: "guest" },
  });
  registry.pool("db1", "app");
  registry.pool("db2");
  assertEquals(targets, [
    { host: "db1", database: "app", credentials: "secret" },
    { host: "db2", database: undefined, credentials: "guest" },
  ]);
});

Deno.test("ConnectionRegistry without credentials for a host says so", () => {
  const registry = new ConnectionRegistry({
    connect: ({ host }) => adapter(host),
    credentials: { db1: "secret" } as Record<string, string>,
  });
  const message = "Cannot connect to toString: there are no credentials for it, and no default ones";
  assertThrows(() => registry.pool("toString"), RangeError, message);
  assertThrows(() => registry.lease("db2"), RangeError, "Cannot connect to db2");
  assertEquals(registry.pools, []);
  assertThrows(
    () => new ConnectionRegistry({} as never),
    TypeError,
    "Cannot create registry: connect must be",
  );
  assertThrows(() => new ConnectionRegistry(undefined as never), TypeError, "Cannot create registry");
});

Deno.test("ConnectionRegistry.close() closes all pools", async () => {
  const registry = new ConnectionRegistry((host) => adapter(host));
  const connection = await registry.lease("db1");
  await registry.lease("db2").then((other) => other[Symbol.asyncDispose]());
  assertThrows(() => registry.close({ timeout: -1 }), RangeError);
  assertEquals(registry.closed, false);
  assertEquals(await registry.close({ timeout: 0 }), false);
  assertEquals([registry.closed, registry.pools.map(({ closed }) => closed)], [true, [true, true]]);
  assertThrows(() => registry.pool("db1"), ShutDown, "Cannot get pool: the registry is closed");
  const closing = spawn(() => registry.close());
  await sleep();
  assertEquals(closing.ready, false);
  connection[Symbol.dispose]();
  assertEquals(await closing.get(), true);
  assertEquals(registry.pools.map(({ size }) => size), [0, 0]);
});
