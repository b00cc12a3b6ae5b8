import { assert, assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import {
  type Conn,
  connect,
  Event,
  getCurrent,
  getHub,
  type Greenlet,
  joinAll,
  listen,
  type Listener,
  sleep,
  spawn,
  spawnWith,
  Timeout,
} from "@verdant/green";
import { interruptAnywhere } from "../interrupt_anywhere.ts";
import { assertIdle, calm, caughtFrom, local, portOf, portsOf, unixPlace } from "./network.ts";
import { ScriptedRaw, ScriptedRawListener } from "./scripted.ts";

function spawnAcceptors(listener: Listener, count: number): Greenlet<Conn>[] {
  return Array.from({ length: count }, () => spawn(() => listener.accept()));
}

Deno.test("Listener.accept() serves several greenlets in the order in which they came", async () => {
  const raw = new ScriptedRawListener();
  const acceptors = spawnAcceptors(raw.listener(), 3);
  for (const acceptor of acceptors) {
    await calm();
    const client = raw.come();
    assertStrictEquals((await acceptor.get()).raw as unknown, client);
  }
  assertEquals([raw.accepts, raw.accepting], [3, false]);
  assertIdle();
});

Deno.test("Listener.accept() by one who comes later does not overtake", async () => {
  using listener = local();
  const port = portOf(listener);
  const acceptors = spawnAcceptors(listener, 20);
  await sleep();
  const clients: Conn[] = [];
  for (const _ of acceptors) clients.push(await connect({ port }));
  const accepted: Conn[] = [];
  for (const acceptor of acceptors) accepted.push(await acceptor.get());
  // Clients connected one after the other: the first acceptor has the first of them.
  assertEquals(accepted.map((conn) => portsOf(conn).far), clients.map((conn) => portsOf(conn).near));
  for (const conn of [...clients, ...accepted]) conn.close();
});

Deno.test("Listener.accept() that is killed leaves its place, and its client to the next", async () => {
  const raw = new ScriptedRawListener();
  const [first, victim, third] = spawnAcceptors(raw.listener(), 3);
  await calm();
  await victim!.kill();
  const clients = [raw.come()];
  await calm();
  clients.push(raw.come());
  assertStrictEquals((await first!.get()).raw as unknown, clients[0]);
  assertStrictEquals((await third!.get()).raw as unknown, clients[1]);
});

Deno.test("Listener.accept() that is killed or times out alone loses no client: the next gets it", async () => {
  const raw = new ScriptedRawListener();
  const listener = raw.listener();
  const victim = spawn(() => listener.accept());
  await calm();
  await victim.kill();
  await assertRejects(() => listener.accept({ timeout: 1 }), Timeout);
  const client = raw.come();
  await calm();
  assertEquals(client.closes, 0);
  assertStrictEquals((await listener.accept()).raw as unknown, client);
  assertEquals(raw.accepts, 1); // what the victim began was not in vain
  assertIdle();
});

Deno.test("Listener.accept() that was granted a client before the kill returns it", async () => {
  const raw = new ScriptedRawListener();
  const listener = raw.listener();
  const victim = spawn(() => listener.accept());
  await calm();
  const client = raw.come();
  await Promise.resolve();
  await Promise.resolve();
  await victim.kill();
  assertStrictEquals((victim.value as Conn).raw as unknown, client);
});

Deno.test("Listener.accept() throws an interruption that came before it, and begins nothing", async () => {
  const raw = new ScriptedRawListener();
  const listener = raw.listener();
  const error = new RangeError("came before");
  const victim = spawn(() => {
    getCurrent()!.throw(error);
    return caughtFrom(() => listener.accept());
  });
  assertStrictEquals(await victim.get(), error);
  assertEquals(raw.accepts, 0);
});

Deno.test("Listener.accept() limits its wait as it is told", async () => {
  const raw = new ScriptedRawListener();
  const listener = raw.listener();
  for (const timeout of [0, 1, Temporal.Duration.from({ milliseconds: 1 })]) {
    const error = await assertRejects(() => listener.accept({ timeout }), Timeout);
    const ms = typeof timeout === "number" ? timeout : 1;
    assertEquals(error.message, `Timed out after ${ms} ms: accepting on 192.0.2.1:7`);
  }
  const limit = new Timeout(1);
  assertStrictEquals(await caughtFrom(() => listener.accept({ timeout: limit })), limit);
  {
    using running = Timeout.start(1);
    assertStrictEquals(await caughtFrom(() => listener.accept({ timeout: running })), running);
  }
  const controller = new AbortController();
  const aborted = caughtFrom(() => listener.accept({ signal: controller.signal }));
  controller.abort("enough");
  assertEquals(await aborted, "enough");
  assertEquals(raw.accepts, 1);
  assertIdle();
});

Deno.test("Listener.accept() with timeout: 0 does not switch; asked again it yields who has come meanwhile", async () => {
  const raw = new ScriptedRawListener();
  const listener = raw.listener();
  let othersRan = false;
  spawn(() => othersRan = true);
  await assertRejects(() => listener.accept({ timeout: 0 }), Timeout);
  assertEquals([othersRan, raw.accepting, raw.referenced], [false, true, false]);
  const client = raw.come();
  await calm();
  assertStrictEquals((await listener.accept({ timeout: 0 })).raw as unknown, client);
});

Deno.test("Listener.accept() with timeout: 0 beside one who waits takes nothing from it", async () => {
  const raw = new ScriptedRawListener();
  const listener = raw.listener();
  const patient = spawn(() => listener.accept());
  await calm();
  await assertRejects(() => listener.accept({ timeout: 0 }), Timeout);
  assertEquals(raw.referenced, true);
  const client = raw.come();
  assertStrictEquals((await patient.get()).raw as unknown, client);
});

Deno.test("Listener.accept() keeps the process alive while somebody waits, not longer", async () => {
  const raw = new ScriptedRawListener();
  const listener = raw.listener();
  const [first, second] = spawnAcceptors(listener, 2);
  await calm();
  await first!.kill();
  assertEquals(raw.referenced, true);
  await second!.kill();
  assertEquals(raw.referenced, false);
  const third = spawn(() => listener.accept());
  await calm();
  assertEquals(raw.referenced, true);
  raw.come();
  await third.get();
});

Deno.test("Listener.accept() passes a failure to the one who has waited longest, and goes on", async () => {
  const raw = new ScriptedRawListener();
  const listener = raw.listener();
  const failure = new Error("Too many open files");
  const acceptors = [1, 2].map(() => spawn(() => caughtFrom(() => listener.accept())));
  await calm();
  raw.break(failure);
  assertStrictEquals(await acceptors[0]!.get(), failure);
  await calm();
  raw.come();
  assertEquals(await acceptors[1]!.get(), undefined);
  const late = spawn(() => listener.accept());
  await calm();
  await late.kill();
  raw.break(failure); // nobody is there to be told
  await calm();
  const next = spawn(() => listener.accept());
  await calm();
  raw.come();
  assertInstanceOf((await next.get()).raw, ScriptedRaw);
});

Deno.test("Listener.close() closes clients that came for nobody", async () => {
  const raw = new ScriptedRawListener();
  const listener = raw.listener();
  for (let i = 0; i < 3; i++) await assertRejects(() => listener.accept({ timeout: 0 }), Timeout);
  const client = raw.come();
  await calm();
  assertEquals(client.closes, 0);
  listener.close();
  assertEquals([client.closes, raw.closes], [1, 1]);
});

Deno.test("Listener.close() closes a client that comes at the same time", async () => {
  const raw = new ScriptedRawListener();
  const listener = raw.listener();
  await assertRejects(() => listener.accept({ timeout: 0 }), Timeout);
  const client = raw.come(); // the library has not heard of it yet
  listener.close();
  await calm();
  assertEquals(client.closes, 1);
});

Deno.test("Listener.close() again does nothing", () => {
  const raw = new ScriptedRawListener();
  const listener = raw.listener();
  assertEquals(listener.closed, false);
  listener.close();
  listener.close();
  listener[Symbol.dispose]();
  assertEquals([listener.closed, raw.closes], [true, 1]);
});

for (const kind of ["TCP", "Unix"]) {
  Deno.test(`Listener.close() tells those who accept who closed it (${kind})`, async () => {
    using place = unixPlace();
    const listener = kind === "TCP" ? local() : listen({ path: place.path });
    const acceptors = [1, 2, 3].map(() => spawn(() => caughtFrom(() => listener.accept())));
    await sleep();
    const closer = spawnWith({ name: "closer" }, () => listener.close());
    for (const acceptor of acceptors) {
      const error = await acceptor.get();
      assertInstanceOf(error, Deno.errors.BadResource);
      assertEquals(error.message, `Listener on ${listener} was closed by #${closer.id} closer`);
    }
    await assertRejects(() => listener.accept(), Deno.errors.BadResource, "closer");
    assertIdle();
  });

  Deno.test(`Listener iterates over its clients until it is closed (${kind})`, async () => {
    using place = unixPlace();
    const listener = kind === "TCP" ? local() : listen({ path: place.path });
    const target = kind === "TCP" ? { port: portOf(listener) } : { path: place.path };
    const served: string[] = [];
    const server = spawn(async () => {
      for await (const client of listener) {
        using conn = client;
        served.push((await conn.readLine())!);
        if (served.length === 3) listener.close();
      }
      return "ended";
    });
    for (const name of ["a", "b", "c"]) {
      using conn = await connect(target);
      await conn.writeAll(`${name}\n`);
      assertEquals(await conn.readSome(), null);
    }
    assertEquals([await server.get(), served], ["ended", ["a", "b", "c"]]);
    const late: Conn[] = [];
    for await (const conn of listener) late.push(conn);
    assertEquals(late, []);
    assertIdle();
  });

  Deno.test(`Listener.close() closes a client that nobody took: it sees the end (${kind})`, async () => {
    using place = unixPlace();
    const listener = kind === "TCP" ? local() : listen({ path: place.path });
    const victim = spawn(() => listener.accept());
    await sleep();
    await victim.kill();
    using conn = await connect(kind === "TCP" ? { port: portOf(listener) } : { path: place.path });
    await assertRejects(() => conn.readSome({ timeout: 5 }), Timeout); // it waits to be taken
    listener.close();
    const end = await conn.readSome().catch((error) => error);
    assert(end === null || end instanceof Deno.errors.ConnectionReset, String(end));
  });
}

Deno.test("Listener that is closed ends an iteration that waits for the next client", async () => {
  const raw = new ScriptedRawListener();
  const listener = raw.listener();
  const server = spawn(async () => {
    for await (const _ of listener);
    return "ended";
  });
  await calm();
  getHub().runCallback(() => listener.close());
  assertEquals(await server.get(), "ended");
});

Deno.test("Listener iteration that is left by break leaves the listener open, and the next clients to others", async () => {
  using listener = local();
  const port = portOf(listener);
  using _first = await connect({ port });
  using second = await connect({ port });
  for await (const conn of listener) {
    conn.close();
    break;
  }
  assertEquals(listener.closed, false);
  using taken = await listener.accept();
  assertEquals(portsOf(taken).far, portsOf(second).near);
});

Deno.test("Listener iteration throws a failure of accepting, and can be begun again", async () => {
  const raw = new ScriptedRawListener();
  const listener = raw.listener();
  const failure = new Error("Too many open files");
  const first = spawn(() => caughtFrom(() => listener[Symbol.asyncIterator]().next()));
  await calm();
  raw.break(failure);
  assertStrictEquals(await first.get(), failure);
  const second = spawn(() => listener[Symbol.asyncIterator]().next());
  await calm();
  raw.come();
  assertEquals((await second.get()).done, false);
});

Deno.test("Listener.addr tells the real port, and toString() the address", () => {
  using listener = local();
  assert(portOf(listener) > 0);
  assertEquals(String(listener), `127.0.0.1:${portOf(listener)}`);
});

Deno.test("Listener that is disposed of is closed", async () => {
  let leaked: Listener;
  {
    using listener = local();
    leaked = listener;
  }
  assertEquals(leaked.closed, true);
  await assertRejects(() => connect({ port: portOf(leaked) }), Deno.errors.ConnectionRefused);
});

interruptAnywhere("Listener.accept()", () => {
  const raw = new ScriptedRawListener();
  const listener = raw.listener();
  const left = new Event();
  const clients: unknown[] = [];
  const taken: unknown[] = [];
  const take = async () => {
    while (taken.length < 4) taken.push((await listener.accept()).raw);
  };
  return {
    victim: () => take().finally(() => left.set()),
    others: [async () => {
      while (clients.length < 4) {
        if (raw.accepting) clients.push(raw.come());
        await sleep();
      }
    }, async () => {
      await left.wait();
      await take();
    }],
    check: () => assertEquals(taken, clients),
  };
});

Deno.test("Listener.accept() by many that are killed serves every client once", async () => {
  using listener = local();
  const port = portOf(listener);
  const served = new Set<number>();
  const serve = async () => {
    using conn = await listener.accept();
    served.add(portsOf(conn).far);
    await conn.writeAll("served\n");
  };
  const clients = Array.from({ length: 100 }, () =>
    spawn(async () => {
      using conn = await connect({ port });
      const { near } = portsOf(conn);
      return { near, answer: await conn.readLine() };
    }));
  const acceptors: Greenlet[] = [];
  while (served.size < clients.length) {
    const acceptor = spawn(serve);
    acceptors.push(acceptor);
    await sleep();
    if (acceptors.length % 2 === 0) await acceptor.kill();
  }
  await joinAll(acceptors, { timeout: 10 });
  for (const acceptor of acceptors) await acceptor.kill();
  const outcomes = await Promise.all(clients.map((client) => client.get()));
  assertEquals(new Set(outcomes.map(({ near }) => near)), served);
  // Who was killed between the accept and the answer has closed the connection.
  assert(outcomes.every(({ answer }) => answer === "served" || answer === null));
  assertIdle();
});
