import { assert, assertEquals } from "@std/assert";
import {
  ConnectionPool,
  DAGPool,
  getHub,
  GreenPool,
  Group,
  joinAll,
  killAll,
  named,
  Pool,
  ResourcePool,
  Semaphore,
  simulate,
  sleep,
  spawn,
  spawnWith,
  TokenPool,
} from "@verdant/green";
import { takenFrom } from "../../hub/mod.ts";
import { debugging, waitOf } from "../hub/inspect/debugging.ts";

const forever = () => sleep(60_000);

Deno.test("Pool.spawn() waiting is reported as a wait on the pool, by those who are in it", async () => {
  const pool = named(new Pool(2), "workers");
  const [one, two] = [await pool.spawn(forever), await pool.spawn(forever)].map(({ id }) => `#${id} forever`);
  const next = spawn(() => pool.spawn(forever));
  const watcher = spawn(() => pool.waitAvailable());
  await sleep();
  const text = `Pool(workers) add, full: 2 running: ${one} and ${two}, 2 waiting`;
  assertEquals([waitOf(next), waitOf(watcher)], [text, text]);
  assertEquals(pool.statistics(), { size: 2, maxSize: 2, free: 0, waiting: 2, joiners: 0 });
  await killAll([next, watcher]);
  await pool.kill();
});

Deno.test("Pool with hub.debug records no takers of its own slots", async () => {
  using _debug = debugging();
  using _permit = await new Semaphore(1).lease(); // something is recorded
  const pool = new Pool(1);
  await pool.spawn(() => sleep());
  const next = spawn(() => pool.spawn(() => sleep()));
  await sleep(0);
  const slots = next.waits!.source.owner!;
  await next.join();
  assertEquals([takenFrom(slots), pool.size], [[], 1]);
  await pool.join();
  assertEquals([takenFrom(slots), pool.freeCount], [[], 1]);
});

Deno.test("a pool whose members all want to spawn into it is a deadlock that is explained", async () => {
  const report = await simulate(async () => {
    const pool = named(new Pool(1), "small");
    await pool.spawn(function parent() {
      return pool.spawn(() => {});
    });
    await pool.join();
  }).then(() => "", String);
  assert(report.includes("Pool(small) add, full: 1 running: #2 parent"), report);
  assert(report.includes("#2 parent -> #2 parent"), report);
});

Deno.test("Group.join() waiting names those who are in it", async () => {
  const group = named(new Group(), "requests");
  const member = group.spawn(forever);
  member.name = "member";
  const joiner = spawn(() => group.join());
  await sleep();
  assertEquals(waitOf(joiner), `Group(requests) join, 1 running: #${member.id} member`);
  assertEquals(group.statistics(), { size: 1, joiners: 1 });
  await group.kill();
  assertEquals([await joiner.get(), group.statistics()], [true, { size: 0, joiners: 0 }]);
});

Deno.test("GreenPool.spawn() waiting is reported as a wait on the pool", async () => {
  const pool = named(new GreenPool(1), "crawlers");
  const crawler = await pool.spawn(forever);
  crawler.name = "crawler";
  const next = spawn(() => pool.spawn(forever));
  const joiner = spawn(() => pool.waitAll());
  await sleep();
  const held = `#${crawler.id} crawler`;
  assertEquals(waitOf(next), `GreenPool(crawlers) add, full: 1 running: ${held}`);
  assertEquals(waitOf(joiner), `GreenPool(crawlers) join, 1 running: ${held}`);
  assertEquals(pool.statistics(), { size: 1, maxSize: 1, free: 0, waiting: 1, joiners: 1 });
  await next.kill();
  await pool.kill();
  await joiner.join();
});

// ---- Resources ---------------------------------------------------------------------------------------

Deno.test("ResourcePool.get() waiting says where the items are", async () => {
  const gate = Promise.withResolvers<void>();
  const options = { create: () => sleep(60_000).then(() => ({})), maxSize: 3 };
  const pool = named(new ResourcePool<object>(options), "tools");
  const maker = spawn(() => pool.get());
  await sleep();
  assertEquals(waitOf(maker), "ResourcePool(tools) get, 0 of 3 in use, 1 being made");
  await maker.kill();

  const tokens = new TokenPool({ maxSize: 1 });
  const token = await tokens.get();
  const next = spawn(() => tokens.get());
  await sleep();
  assertEquals(waitOf(next), "TokenPool get, its only item is in use");
  tokens.put(token);
  tokens.put(await next.get());

  const slow = new ResourcePool({ create: () => ({}), destroy: () => gate.promise, maxSize: 2 });
  const [one, two] = [await slow.get(), await slow.get()];
  slow.discard(one);
  const late = spawn(() => slow.get());
  await sleep();
  assertEquals(waitOf(late), "ResourcePool get, 1 of 2 in use, 1 being destroyed");
  const { size, lent, making, destroying, waiting } = slow.statistics();
  assertEquals([size, lent, making, destroying, waiting], [2, 1, 0, 1, 1]);
  gate.resolve();
  slow.put(two);
  await late.join();
});

Deno.test("ResourcePool.statistics() tells what there is, and does not change", async () => {
  const pool = new ResourcePool({ create: () => ({}), minSize: 1, maxSize: 4 });
  const item = await pool.get();
  const before = pool.statistics();
  const figures = { size: 1, minSize: 1, maxSize: 4, making: 0, destroying: 0, waiting: 0, closed: false };
  assertEquals([before, Object.isFrozen(before)], [{ ...figures, idle: 0, lent: 1 }, true]);
  pool.put(item);
  assertEquals([before.lent, pool.statistics()], [1, { ...figures, idle: 1, lent: 0 }]);
});

Deno.test("ResourcePool.lease() is crossed out whoever disposes it", async () => {
  using _debug = debugging();
  const pool = new ResourcePool({ create: () => ({}), maxSize: 2 });
  const mine = await pool.lease();
  const other = spawnWith({ name: "other" }, () => pool.lease());
  const lease = await other.get();
  assertEquals(takenFrom(pool).map(({ task }) => task!.label), [getHub().root.label, "other"]);
  lease.release();
  assertEquals(takenFrom(pool).map(({ item }) => item === mine.value), [true]);
  mine.discard();
  assertEquals(takenFrom(pool), []);
  using _idle = await pool.lease(); // needs no wait
  assertEquals(takenFrom(pool).length, 1);
});

Deno.test("ConnectionPool.lease() waiting is reported as a wait on the pool of that database", async () => {
  const adapter = { name: "memory", connect: () => ({ query: () => 1 }), close() {} };
  await using pool = new ConnectionPool(adapter, { maxSize: 1 });
  const connection = await pool.lease();
  const next = spawn(() => pool.lease());
  await sleep();
  assertEquals(waitOf(next), "ConnectionPool(memory) get, its only item is in use");
  const { size, lent, waiting } = pool.statistics();
  assertEquals([size, lent, waiting], [1, 1, 1]);
  await next.kill();
  connection[Symbol.dispose]();
});

// ---- DAG ---------------------------------------------------------------------------------------------

Deno.test("a consumer of a DAGPool is not taken for deadlocked while anybody may post what it waits for", async () => {
  const pool = new DAGPool<string, unknown>();
  const maker = pool.spawn("made", [], forever);
  const reader = spawn(() => Array.fromAsync(pool.waitEach(["made", "posted"])));
  await sleep();
  assertEquals(waitOf(reader), `DAGResults next of made, posted, some of it made by #${maker.id} made`);
  pool.post("posted", 1);
  await sleep();
  assertEquals(waitOf(reader), `DAGResults next of made, held by #${maker.id} made`);
  await killAll([reader, maker]);
  await joinAll([reader, maker]);
});
