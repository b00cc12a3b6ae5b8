// deno-lint-ignore-file no-import-prefix -- only this test needs the package
/** `ioredis`, unmodified, in greenlets that are killed and timed out, with a real server. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { importPatched, joinAll, sleep, spawn, Timeout, withTimeout } from "@verdant/green";
import { dump } from "@verdant/green/hub";
import { NO_REDIS, RedisServer, redisTest } from "./redis_server.ts";

let server: RedisServer;
Deno.test.beforeAll(async () => {
  if (NO_REDIS === undefined) server = await RedisServer.start();
});
Deno.test.afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

/** A client of its own; connected. Those that it makes are as it is. */
async function openClient() {
  const client = {
    blpop: { cancel: (redis: { disconnect(): void }) => redis.disconnect() },
    pipeline: { view: true },
    multi: { view: true },
    duplicate: { view: undefined as unknown as true },
  };
  client.duplicate.view = client as unknown as true;
  const { Redis } = await importPatched(() => import("npm:ioredis@^6.0.0"), { Redis: { view: client } });
  const redis = new Redis({ path: server.path, retryStrategy: () => 1 });
  await redis.flushall();
  return Object.assign({ redis, [Symbol.asyncDispose]: async () => void await redis.quit() });
}

/** What the server says of its clients. */
async function countOf(redis: { info(section: string): Promise<string> }, what: string): Promise<number> {
  return Number(new RegExp(`${what}:(\\d+)`).exec(await redis.info("clients"))![1]);
}

/** Returns when a client has ended its connection. */
async function ended(client: { readonly status: string }): Promise<void> {
  while (client.status !== "end") await sleep(1);
}

redisTest("ioredis does its work in greenlets: counters, pipelines, transactions", async () => {
  await using opened = await openClient();
  const { redis } = opened;
  const count = async (i: number) => {
    await redis.incr("counter");
    await redis.pipeline().sadd("set", i).expire("set", 100).exec();
    await redis.multi().rpush("list", i).incr("done").exec();
  };
  await joinAll(Array.from({ length: 100 }, (_, i) => spawn(() => count(i))), { raiseError: true });
  assertEquals(await redis.mget("counter", "done"), ["100", "100"]);
  assertEquals([await redis.scard("set"), await redis.llen("list")], [100, 100]);
  await assertRejects(() => redis.incr("set"), Error, "WRONGTYPE");
});

redisTest("ioredis waits through the hub, in both directions of a channel", async () => {
  await using opened = await openClient();
  const { redis } = opened;
  const subscriber = redis.duplicate();
  const heard: string[] = [];
  subscriber.on("message", (_channel: string, message: string) => void heard.push(message));
  await subscriber.subscribe("news");
  await redis.publish("news", "hello");
  while (heard.length === 0) await sleep(1);
  assertEquals(heard, ["hello"]);
  await subscriber.quit();
});

redisTest("ioredis that is killed in a blocking call loses no item and goes on", async () => {
  await using opened = await openClient();
  const { redis } = opened;
  const consumer = redis.duplicate();
  const victim = spawn(() => consumer.blpop("jobs", 0));
  while (await countOf(redis, "blocked_clients") === 0) await sleep(1);
  const report = dump();
  assert(report.includes(".blpop"), report);
  await victim.kill();
  while (await countOf(redis, "blocked_clients") > 0) await sleep(1);
  await redis.rpush("jobs", "kept");
  assertEquals(await redis.lrange("jobs", 0, -1), ["kept"]);
  await ended(consumer);
});

redisTest("ioredis that times out, again and again, leaks no connection", async () => {
  await using opened = await openClient();
  const { redis } = opened;
  for (let i = 0; i < 10; i++) {
    const consumer = redis.duplicate();
    await consumer.ping(); // one that is interrupted before has timers of its own, for some seconds
    await assertRejects(() => withTimeout(5, () => consumer.blpop("jobs", 0)), Timeout);
    await ended(consumer);
  }
  while (await countOf(redis, "connected_clients") > 1) await sleep(1); // for ever, if one is left
  await redis.rpush("jobs", "x");
  assertEquals(await redis.blpop("jobs", 0), ["jobs", "x"]);
});
