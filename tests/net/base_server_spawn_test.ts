/** In which greenlets servers run their handlers. */
import { assert, assertEquals, assertRejects, assertStrictEquals, assertStringIncludes } from "@std/assert";
import {
  type Conn,
  getCurrent,
  getHub,
  type Greenlet,
  killAll,
  Pool,
  Queue,
  simulate,
  sleep,
  spawn,
  spawnRaw,
  StreamServer,
  Timeout,
} from "@verdant/green";
import { captureErrors } from "../helpers.ts";
import { ask, dial, drained, echo, FakeListener, never, startServer } from "./servers.ts";

Deno.test("StreamServer runs each handler in a greenlet of its own, named after the client", async () => {
  const seen = new Queue<[Greenlet, Conn, StreamServer]>();
  const server = await startServer(async (conn, server) => {
    await seen.put([getCurrent()!, conn, server]);
    await conn.readLine();
  });
  await using _server = server;
  const clients = await Promise.all([dial(server), dial(server)]);
  const calls = [await seen.get(), await seen.get()];
  assertEquals(server.running, 2);
  assert(calls[0]![0] !== calls[1]![0]);
  for (const [greenlet, conn, given] of calls) {
    assertEquals(greenlet.name, `client ${conn}`);
    assertStrictEquals(given, server);
  }
  for (const client of clients) client.close();
});

Deno.test("StreamServer reports the error of a handler and closes its connection; others go on", async () => {
  using errors = captureErrors();
  const contexts: unknown[] = [];
  const hub = getHub();
  const { onError } = hub;
  hub.onError = (context, error) => {
    contexts.push(String(context));
    onError(context, error);
  };
  const failures = { sync: new Error("at once"), async: new Error("later") };
  await using server = await startServer((conn) => serveOne(conn));
  function serveOne(conn: Conn): Promise<void> {
    if (contexts.length === 0 && conns++ === 1) throw failures.sync;
    return echoOrFail(conn);
  }
  let conns = 0;
  async function echoOrFail(conn: Conn): Promise<void> {
    for await (const line of conn.lines()) {
      if (line === "fail") throw failures.async;
      await conn.writeAll(`${line}\n`);
    }
  }
  using good = await dial(server);
  assertEquals(await ask(good, "one"), "one");
  using bad = await dial(server);
  await drained(bad);
  using worse = await dial(server);
  assertEquals(await ask(worse, "fail"), null);
  assertEquals(errors.seen, [failures.sync, failures.async]);
  for (const context of contexts) assertStringIncludes(String(context), "client 127.0.0.1:");
  assertEquals([await ask(good, "two"), server.running], ["two", 1]);
  good.close();
});

Deno.test("StreamServer says nothing of a handler that was killed", async () => {
  using errors = captureErrors();
  const handlers: Greenlet[] = [];
  await using server = await startServer(async () => {
    handlers.push(getCurrent()!);
    await never();
  });
  using client = await dial(server);
  const dying = spawn(async () => {
    while (handlers.length === 0) await sleep();
    await killAll(handlers);
  });
  assertEquals(await client.readSome(), null);
  await dying.join();
  assertEquals([errors.seen, server.running], [[], 0]);
});

Deno.test("StreamServer.stopAccepting() lets clients wait until startAccepting(); handlers go on", async () => {
  await using server = await startServer(echo);
  using first = await dial(server);
  assertEquals(await ask(first, "one"), "one");
  server.stopAccepting();
  server.stopAccepting(); // nothing happens
  using second = await dial(server);
  await second.writeAll("two\n");
  assertEquals([await ask(first, "still here"), server.running, server.started], ["still here", 1, true]);
  await assertRejects(() => second.readLine({ timeout: 20 }), Timeout);
  server.startAccepting();
  server.startAccepting();
  assertEquals(await second.readLine(), "two");
  using third = await dial(server);
  assertEquals(await ask(third, "three"), "three");
});

Deno.test("StreamServer.stopAccepting() at any moment loses no client, and can be followed by stop()", async () => {
  for (let moment = 0; moment < 8; moment++) {
    await simulate(async (world) => {
      const listener = new FakeListener();
      const server = new StreamServer(listener, () => sleep(10), { spawn: 1 });
      await server.start();
      const clients = listener.crowd(3);
      for (let i = 0; i < moment; i++) await sleep();
      server.stopAccepting();
      await world.advance(1_000);
      assert(clients.filter(({ closed }) => closed).length < 2);
      server.startAccepting();
      await world.advance(1_000);
      assertEquals(clients.map(({ closings }) => closings), [1, 1, 1]);
      server.stopAccepting();
      await server.stop();
    });
  }
});

Deno.test("StreamServer with a number accepts nobody who could not be served", async () => {
  await simulate(async (world) => {
    const listener = new FakeListener();
    const server = new StreamServer(listener, () => sleep(10), { spawn: 2 });
    await server.start();
    listener.crowd(5);
    const accepted: number[] = [];
    for (const time of [1, 10, 10, 10]) {
      await world.advance(time);
      accepted.push(listener.accepted.length);
      assert(server.running <= 2);
    }
    assertEquals([accepted, listener.asked], [[2, 4, 5, 5], 6]); // it waits for the sixth
    await server.stop();
  });
});

Deno.test("StreamServer with a number serves all in the end", async () => {
  let most = 0;
  await using server = await startServer(async (conn) => {
    most = Math.max(most, server.running);
    await echo(conn);
  }, { spawn: 3 });
  const talk = async (index: number) => {
    using conn = await dial(server);
    const answer = await ask(conn, `I am ${index}`);
    await conn.closeWrite();
    assertEquals([answer, await conn.readLine()], [`I am ${index}`, null]);
  };
  const clients = Array.from({ length: 40 }, (_, index) => spawn(talk, index));
  for (const client of clients) await client.get();
  assertEquals(most, 3);
});

Deno.test("StreamServer with a Pool shares it with others", async () => {
  await simulate(async (world) => {
    const pool = new Pool(3);
    const listeners = [new FakeListener(), new FakeListener()];
    const servers = listeners.map((listener) => new StreamServer(listener, () => sleep(10), { spawn: pool }));
    for (const server of servers) await server.start();
    const guest = await pool.spawn(() => sleep(25));
    for (const listener of listeners) listener.crowd(4);
    let most = 0;
    const served = () => listeners[0]!.accepted.length + listeners[1]!.accepted.length;
    for (const client of listeners.flatMap(({ accepted }) => accepted)) assert(!client.closed);
    while (served() < 8) {
      await world.advance(5);
      most = Math.max(most, pool.size);
      assertEquals(servers[0]!.running + servers[1]!.running, pool.size - Number(!guest.ready));
    }
    await pool.join();
    assertEquals([most, pool.freeCount], [3, 3]);
    for (const client of listeners.flatMap(({ accepted }) => accepted)) assertEquals(client.closings, 1);
    for (const server of servers) await server.stop();
  });
});

Deno.test("StreamServer whose slot was taken meanwhile serves the client as soon as there is another", async () => {
  await simulate(async (world) => {
    const pool = new Pool(1);
    const listener = new FakeListener();
    const server = new StreamServer(listener, () => sleep(10), { spawn: pool });
    await server.start();
    await world.settle(); // it waits for a client, and holds no slot
    await pool.spawn(() => sleep(100));
    const [client] = listener.crowd(1);
    await world.advance(105);
    assertEquals([server.running, client!.closed], [1, false]);
    await server.stop();
    assertEquals([world.now, client!.closings], [110, 1]);
  });
});

Deno.test("StreamServer does not accept when others take the slot that it waited for", async () => {
  await simulate(async (world) => {
    const pool = new Pool(1);
    const listener = new FakeListener();
    const server = new StreamServer(listener, () => sleep(10), { spawn: pool });
    await pool.spawn(() => sleep(10));
    await server.start();
    listener.crowd(1);
    await world.settle(); // it waits for a slot
    const second = spawn(() => pool.spawn(() => sleep(10)));
    const accepted: number[] = [];
    for (const ms of [5, 10, 10]) {
      await world.advance(ms);
      accepted.push(listener.accepted.length);
    }
    assertEquals([accepted, second.ready], [[0, 0, 1], true]); // the second guest had it
    await server.stop();
  });
});

Deno.test("StreamServer.stop() leaves the other members of a shared pool alone", async () => {
  await simulate(async (world) => {
    const pool = new Pool(2);
    const server = new StreamServer(new FakeListener(), () => {}, { spawn: pool });
    await server.start();
    const guest = await pool.spawn(() => sleep(10_000));
    await server.stop();
    assertEquals([guest.ready, world.now], [false, 0]);
    await guest.join();
  });
});

Deno.test("StreamServer with a full shared pool closes the client it has accepted when it is stopped", async () => {
  await simulate(async (world) => {
    const pool = new Pool(1);
    const listener = new FakeListener();
    const server = new StreamServer(listener, () => never(), { spawn: pool });
    await server.start();
    await world.settle();
    const guest = await pool.spawn(() => never());
    const [client] = listener.crowd(1);
    await world.settle();
    assertEquals([listener.accepted.length, server.running], [1, 0]);
    await server.stop();
    assertEquals([client!.closings, world.now], [1, 0]);
    await guest.kill();
  });
});

Deno.test("StreamServer with a function runs the handlers by it", async () => {
  await simulate(async (world) => {
    const listener = new FakeListener();
    const greenlets: Greenlet<void>[] = [];
    const server = new StreamServer(listener, () => sleep(10_000), {
      spawn(run) {
        const greenlet = spawn(run);
        greenlets.push(greenlet);
        return greenlet;
      },
    });
    await server.start();
    const clients = listener.crowd(3);
    await world.settle();
    assertEquals([greenlets.length, server.running], [3, 3]);
    await server.stop({ timeout: 50 });
    assertEquals(greenlets.map(({ dead }) => dead), [true, true, true]);
    assertEquals([clients.map(({ closings }) => closings), world.now], [[1, 1, 1], 50]);
  });
});

Deno.test("StreamServer with a function that returns no greenlet serves as well", async () => {
  await using server = await startServer(echo, { spawn: (run) => spawnRaw(run) });
  using conn = await dial(server);
  assertEquals(await ask(conn, "hello"), "hello");
});

Deno.test("StreamServer with a function that throws closes the client, reports it, and goes on", async () => {
  await simulate(async (world) => {
    using errors = captureErrors();
    const failure = new Error("no greenlet today");
    const listener = new FakeListener();
    let calls = 0;
    const server = new StreamServer(listener, () => never(), {
      spawn(run) {
        if (calls++ === 0) throw failure;
        return spawn(run);
      },
    });
    await server.start();
    const clients = listener.crowd(2);
    await world.advance(10);
    assertEquals([errors.seen, clients.map(({ closed }) => closed)], [[failure], [true, false]]);
    await server.stop({ timeout: 0 });
  });
});

Deno.test("StreamServer reports the error of a handler that its spawn function calls without a greenlet", async () => {
  using errors = captureErrors();
  const failure = new Error("nobody awaits me");
  const handler = () => Promise.reject(failure);
  await using server = await startServer(handler, { spawn: (fn) => void fn() });
  using client = await dial(server);
  assertEquals(await client.readSome(), null); // its connection is closed
  assertEquals(errors.seen, [failure]);
});
