import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  getHub,
  type Greenlet,
  killAll,
  Local,
  Lock,
  named,
  serveInspector,
  simulate,
  sleep,
  spawn,
  spawnWith,
} from "@verdant/green";
import { STATES, STUCK } from "../../../net/inspector/wire.ts";
import { ask, exchange, Follower, kill, TOKEN } from "./visitors.ts";

const open = (options = {}) => serveInspector({ token: TOKEN, interval: 50, ...options });
const forever = () => sleep(3_600_000, { ref: false });

Deno.test("Inspector tells a page everything first, then what has changed", async () => {
  await using inspector = open();
  const boss = spawnWith({ name: "boss" }, async () => {
    spawnWith({ name: "hand" }, forever);
    await forever();
  });
  await sleep();
  await using follower = await Follower.of(inspector);
  const first = (await follower.next())!;
  assertEquals([first.full, first.mayKill, first.listed, first.interval], [true, false, true, 50]);
  const hand = first.rows.find(([, name]) => first.texts[name] === "hand")!;
  const [id, , state, spawner, waitsFor, since, flags, blockers] = hand;
  assertEquals([STATES[state], spawner, first.texts[waitsFor]], ["waiting", boss.id, "sleep"]);
  assertEquals([flags, blockers, Math.abs(first.takenAt - since) < 10_000], [0, 0, true]);
  assertEquals(first.stats.greenlets, 2);

  const late = spawnWith({ name: "late" }, forever);
  await follower.until(({ rows }) => rows.some(([id]) => id === late.id));
  const quiet = await follower.until(() => true);
  assertEquals([quiet.full, quiet.rows, quiet.gone, quiet.texts], [false, [], [], []], "nothing has changed");
  await late.kill();
  assertEquals((await follower.until(({ gone }) => gone.length > 0)).gone, [late.id]);
  assertEquals([...follower.names.values()].sort(), ["boss", "hand"]);
  for (const greenlet of [boss, ...greenletsNamed("hand")]) await greenlet.kill();
  assert(id !== boss.id);
});

Deno.test("Inspector shows deadlocks, and who is in them", async () => {
  await using inspector = open();
  const [red, blue] = [named(new Lock(), "red"), named(new Lock(), "blue")];
  const take = (one: Lock, other: Lock) =>
    one.with(async () => {
      await sleep();
      await other.acquire();
    });
  const pair = [spawnWith({ name: "a" }, take, red, blue), spawnWith({ name: "b" }, take, blue, red)];
  await sleep();
  await sleep();
  await using follower = await Follower.of(inspector);
  const { deadlocks, rows } = (await follower.next())!;
  assertEquals(deadlocks.map(({ greenlets }) => greenlets), [pair.map(({ id }) => id)]);
  assertStringIncludes(deadlocks[0]!.report, "a waits for Lock(blue) acquire");
  const a = rows.find(([id]) => id === pair[0]!.id)!;
  assertEquals([a[6] & STUCK, a[7]], [STUCK, [pair[1]!.id]]);
  await killAll(pair);
  assertEquals((await follower.until(({ gone }) => gone.length === 2)).deadlocks, []);
});

Deno.test("Inspector tells all about one greenlet", async () => {
  await using inspector = open();
  const request = new Local<string>({ name: "request" });
  const hub = getHub();
  hub.debug = true;
  const boss = spawnWith({ name: "boss" }, async () => {
    request.set("<b>GET</b> " + "x".repeat(1000));
    spawnWith({ name: "hand" }, forever);
    await forever();
  });
  await sleep();
  hub.debug = false;
  const { status, headers, body } = await ask(inspector, `GET /greenlets/${boss.id}`);
  assertEquals([status, headers.get("content-type")], [200, "application/json"]);
  const details = JSON.parse(body);
  const [hand] = greenletsNamed("hand");
  assertEquals(details.children, [{ id: hand!.id, name: "hand" }]);
  assertEquals([details.name, details.state, details.stuck, details.kills], ["boss", "waiting", false, 0]);
  assertStringIncludes(details.waits[0].description, "sleep");
  assertStringIncludes(details.spawnStack, "inspector_test.ts");
  const [[name, value]] = details.locals;
  assertEquals(name, "request");
  assert(value.includes("<b>GET</b>") && value.length < 300, "a preview");
  assertEquals(JSON.parse((await ask(inspector, `GET /greenlets/${hand!.id}`)).body).spawner.name, "boss");
  await killAll([boss, hand!]);
  const gone = await ask(inspector, `GET /greenlets/${boss.id}`);
  assertEquals([gone.status, gone.body], [200, "null"]);
});

Deno.test("Inspector kills only where it is allowed to", async () => {
  await using looking = open();
  await using killing = open({ allowKill: true });
  const log: string[] = [];
  const victim = spawn(async () => {
    try {
      await forever();
    } finally {
      log.push("cleaned up");
    }
  });
  await sleep();
  const body = JSON.stringify({ id: victim.id });
  const refused = await kill(looking, body);
  assertEquals([refused.status, victim.ready], [403, false]);
  assertStringIncludes(refused.body, "allowKill");
  for (const wrong of ["", "{}", "null", '{"id":"1"}', '{"id":1.5}', "[1]"]) {
    assertEquals((await kill(killing, wrong)).status, 400, wrong);
  }
  assertEquals((await kill(killing, '{"id":0}')).status, 404, "the code outside greenlets cannot be killed");
  assertEquals((await kill(killing, '{"id":999999}')).status, 404);
  assertEquals(victim.ready, false);
  assertEquals((await kill(killing, body)).status, 200);
  await victim.join();
  assertEquals(log, ["cleaned up"]);
  assertStringIncludes(String(victim.value), "Killed from the inspector");
  assertEquals((await kill(killing, body)).status, 404);
});

Deno.test("Inspector attaches nothing while nobody looks, and shows nothing of itself", async () => {
  const hub = getHub();
  const before = hub.stats();
  await using inspector = open();
  await ask(inspector, "GET /");
  assertEquals(hub.tracer, undefined);
  {
    await using follower = await Follower.of(inspector);
    const update = (await follower.next())!;
    assert(hub.tracer !== undefined);
    assertEquals([inspector.clients, update.stats.greenlets, update.stats.timers], [1, 0, 0]);
    assertEquals(update.stats.foreignWaits, before.foreignWaits);
  }
  while (inspector.clients > 0) await sleep(1);
  assertEquals(hub.tracer, undefined);
});

Deno.test("Inspector tells who ran and how often they switched", async () => {
  await using inspector = open();
  await using follower = await Follower.of(inspector);
  await follower.next();
  const worker = spawnWith({ name: "chopper" }, async () => {
    for (;;) {
      const end = performance.now() + 5;
      while (performance.now() < end);
      await sleep(1);
    }
  });
  const update = await follower.until(({ strip }) => strip.buckets.length > 0);
  const [part, name, id, time] = update.strip.buckets[0]!;
  assertEquals([update.texts[name!], id], ["chopper", worker.id]);
  assert(time! > 0 && part! < update.strip.current, "a part is told about once it is over");
  assert((await follower.until(({ rates }) => rates.switches > 0)).rates.turns > 0);
  await worker.kill();
});

Deno.test("Inspector serves so many pages and no more; each hears the same", async () => {
  await using inspector = open({ maxClients: 2 });
  const worker = spawnWith({ name: "worker" }, forever);
  const followers = [await Follower.of(inspector), await Follower.of(inspector)];
  for (const follower of followers) await follower.next();
  assertEquals((await ask(inspector, "GET /feed")).status, 503);
  await worker.kill();
  for (const follower of followers) await follower.until(({ gone }) => gone.includes(worker.id));
  await followers[0]![Symbol.asyncDispose]();
  while (inspector.clients > 1) await sleep(1);
  await using third = await Follower.of(inspector);
  assertEquals((await third.next())!.full, true);
  await followers[1]![Symbol.asyncDispose]();
});

Deno.test("Inspector does not pile up updates for a page that takes none", async () => {
  await using inspector = open();
  const crowd = Array.from(
    { length: 2_000 },
    (_, i) => spawnWith({ name: `${i} ${"x".repeat(100)}` }, forever),
  );
  await sleep();
  await using slow = await Follower.of(inspector); // nobody reads
  await using quick = await Follower.of(inspector);
  await quick.next();
  for (let round = 0; round < 5; round++) {
    for (const greenlet of crowd) greenlet.name = `${round} ${"y".repeat(100)} ${greenlet.id}`;
    await quick.until(({ rows }) => rows.length > 0);
  }
  const last = crowd.at(-1)!;
  await slow.until(() => slow.names.get(last.id) === last.name);
  assertEquals(slow.names.size, quick.names.size);
  await killAll(crowd);
  await slow.until(() => slow.names.size === 0);
});

Deno.test("Inspector.stop() ends feeds and connections, frees the port, and can be called again", async () => {
  const inspector = open();
  const { port } = inspector;
  const follower = await Follower.of(inspector);
  await follower.next();
  using silent = await Deno.connect({ hostname: "127.0.0.1", port });
  const stops = [inspector.stop(), inspector.stop()];
  assertEquals(inspector.closed, true);
  await Promise.all(stops);
  assertEquals([inspector.clients, getHub().tracer], [0, undefined]);
  assertEquals(await follower.until(() => false).catch((error) => error.message), "The feed has ended");
  assertEquals(await silent.read(new Uint8Array(1)).catch(() => null), null);
  await using again = open({ port });
  assertEquals(again.port, port);
  await inspector.stop();
  await follower[Symbol.asyncDispose]();
});

Deno.test("Inspector.stop() can be killed and still stops", async () => {
  const inspector = open();
  const stopper = spawn(() => inspector.stop());
  await sleep();
  await stopper.kill();
  assertEquals(inspector.closed, true);
  await inspector.stop();
});

Deno.test("Inspector goes on after clients that hang up in the middle", async () => {
  await using inspector = open({ allowKill: true });
  for (const text of ["", "GE", "POST /kill HTTP/1.1\r\ncontent-length: 5\r\n"]) {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: inspector.port });
    await conn.write(new TextEncoder().encode(text));
    conn.close();
  }
  const host = `host: 127.0.0.1:${inspector.port}\r\nauthorization: Bearer ${TOKEN}\r\n`;
  const half = await Deno.connect({ hostname: "127.0.0.1", port: inspector.port });
  await half.write(new TextEncoder().encode(`POST /kill HTTP/1.1\r\n${host}content-length: 5\r\n\r\n{}`));
  half.close();
  assertEquals((await ask(inspector, "GET /dump")).status, 200);
});

Deno.test("Inspector answers 503 to more connections than it takes", async () => {
  await using inspector = open();
  const silent = await Promise.all(
    Array.from({ length: 64 }, () => Deno.connect({ hostname: "127.0.0.1", port: inspector.port })),
  );
  assertEquals((await exchange(inspector.port, "")).status, 503);
  for (const conn of silent) conn.close();
  while ((await ask(inspector, "GET /dump").catch(() => ({ status: 0 }))).status !== 200) await sleep(1);
});

Deno.test("Inspector runs nothing in the greenlet that has made it", async () => {
  let inspector!: ReturnType<typeof open>;
  const maker = spawn(async () => {
    inspector = open({ allowKill: true });
    await forever();
  });
  await sleep();
  const { status } = await kill(inspector, JSON.stringify({ id: maker.id }));
  assertEquals(status, 200, "it can kill its maker");
  await maker.join();
  assertEquals((await ask(inspector, "GET /dump")).status, 200, "and lives on");
  await inspector.stop();
});

Deno.test("serveInspector() is refused in a simulation", async () => {
  await simulate(() => {
    assertThrows(() => open(), Error, "a simulation hears nothing from outside");
    return Promise.resolve();
  });
});

function greenletsNamed(name: string): Greenlet[] {
  return [...getHub().tasks()].filter((task) => task.label === name) as Greenlet[];
}
