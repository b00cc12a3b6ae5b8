import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  BaseServer,
  BlockingSwitchOutError,
  type Conn,
  connect,
  connectTls,
  Event,
  explore,
  getCurrent,
  getHub,
  type Greenlet,
  joinAll,
  killAll,
  listen,
  Pool,
  Queue,
  simulate,
  sleep,
  spawn,
  spawnLater,
  type SpawnPolicy,
  spawnRaw,
  type StreamHandler,
  StreamServer,
  type StreamServerOptions,
  Timeout,
} from "@verdant/green";
import { captureErrors } from "../helpers.ts";
import {
  ANY_PORT,
  ask,
  dial,
  drained,
  echo,
  FakeClient,
  FakeListener,
  isRefused,
  portOf,
  startServer,
} from "./servers.ts";
import { certificate, unixPlace } from "./network.ts";

const never = () => new Event().wait();

// ---- Life ------------------------------------------------------------------------------------------

Deno.test("StreamServer.start() listens and serves; the second time it does nothing", async () => {
  const server = new StreamServer(ANY_PORT, echo);
  assertEquals([server.address, server.started, server.closed, server.running], [undefined, false, false, 0]);
  await server.start();
  const { address } = server;
  assert(portOf(server) > 0);
  await server.start();
  assertEquals([server.address, server.started, server.closed], [address, true, false]);
  using conn = await dial(server);
  assertEquals([await ask(conn, "hello"), server.running], ["hello", 1]);
  await server.stop({ timeout: 0 });
  assertEquals([server.started, server.closed, server.running], [false, true, 0]);
});

Deno.test("StreamServer.start() throws when it is closed, however it came to that", async () => {
  const stopped = await startServer(echo);
  await stopped.stop();
  const closed = await startServer(echo);
  closed.close();
  const fresh = new StreamServer(ANY_PORT, echo);
  await fresh.stop();
  for (const server of [stopped, closed, fresh]) {
    assertThrows(() => server.start(), Error, "Cannot start server: it is closed");
    await assertRejects(async () => await server.serveForever(), Error, "it is closed");
  }
});

Deno.test("StreamServer.start() that fails can be tried again", async () => {
  const other = listen(ANY_PORT);
  const server = new StreamServer(portOf(other), echo);
  await using _server = server;
  assertThrows(() => server.start(), Deno.errors.AddrInUse);
  assertEquals([server.started, server.closed], [false, false]);
  other.close();
  await server.start();
  using conn = await dial(server);
  assertEquals(await ask(conn, "hello"), "hello");
});

Deno.test("StreamServer.stop() stops once, before the start as well as after it", async () => {
  const fresh = new StreamServer(ANY_PORT, echo);
  await fresh.stop();
  await fresh.stop();
  assertEquals([fresh.started, fresh.closed], [false, true]);
  const server = await startServer(echo);
  const port = portOf(server);
  await Promise.all([server.stop(), server.stop()]);
  await server.stop();
  assertEquals([server.started, server.closed, portOf(server)], [false, true, port]);
  await assertRejects(() => connect({ port }), Deno.errors.ConnectionRefused);
});

Deno.test("StreamServer.close() stops accepting, the handlers go on", async () => {
  const server = await startServer(echo);
  using conn = await dial(server);
  assertEquals(await ask(conn, "before"), "before");
  server.close();
  server.close();
  assertEquals([server.started, server.closed, server.running], [false, true, 1]);
  assert(await isRefused(portOf(server)));
  assertEquals(await ask(conn, "after"), "after");
  await conn.closeWrite();
  assertEquals(await conn.readLine(), null);
  await server.stop();
});

Deno.test("StreamServer is stopped at the end of an await using block", async () => {
  const log: string[] = [];
  const begun = new Event();
  {
    await using server = await startServer(async () => {
      begun.set();
      try {
        await sleep(1);
        log.push("handler");
      } finally {
        await sleep(1);
        log.push("clean-up");
      }
    });
    using _conn = await dial(server);
    await begun.wait();
  }
  assertEquals(log, ["handler", "clean-up"]);
});

Deno.test("StreamServer can be asked for a port by number and by text", async () => {
  for (const address of [0, ":0", "*:0", "127.0.0.1:0", "localhost:0"]) {
    await using server = new StreamServer(address, echo);
    await server.start();
    using conn = await dial(server);
    assertEquals(await ask(conn, "hello"), "hello");
  }
});

Deno.test("StreamServer takes a listener over, whether it is started or not", async () => {
  const listener = listen(ANY_PORT);
  using early = await dial(listener); // waits in the backlog
  const server = new StreamServer(listener, echo);
  await server.start();
  assertEquals(server.address, listener.addr);
  assertEquals(await ask(early, "hello"), "hello");
  await server.stop({ timeout: 0 });
  assert(listener.closed);
  const unused = listen(ANY_PORT);
  await new StreamServer(unused, echo).stop();
  assert(unused.closed);
});

Deno.test("StreamServer serves a Unix socket, which is removed at the stop", async () => {
  using place = unixPlace();
  const { path } = place;
  const server = new StreamServer({ path }, echo);
  await server.start();
  assertEquals(server.address, { transport: "unix", path });
  const clients = await Promise.all([connect({ path }), connect({ path })]);
  for (const conn of clients) {
    using _conn = conn;
    assertEquals(await ask(conn, "hello"), "hello");
  }
  await server.stop();
  await assertRejects(() => Deno.stat(path), Deno.errors.NotFound);
});

// ---- serveForever() --------------------------------------------------------------------------------

Deno.test("StreamServer.serveForever() starts, and ends when the stop is over", async () => {
  const begun = new Event();
  const log: string[] = [];
  const server = new StreamServer(ANY_PORT, async () => {
    begun.set();
    await sleep(1);
    log.push("handler");
  });
  const serving = spawn(async () => {
    await server.serveForever({ signals: [] });
    log.push("serveForever");
  });
  await sleep();
  assert(server.started);
  using _conn = await dial(server);
  await begun.wait();
  await server.stop();
  await serving.get();
  assertEquals([log, server.closed], [["handler", "serveForever"], true]);
});

Deno.test("StreamServer.serveForever() of a started server waits for its stop", async () => {
  const server = await startServer(echo);
  const serving = spawn(() => server.serveForever({ signals: [] }));
  using conn = await dial(server);
  assertEquals(await ask(conn, "hello"), "hello");
  assertEquals(serving.ready, false);
  await server.stop({ timeout: 0 });
  await serving.get();
});

Deno.test("StreamServer.serveForever() that is killed stops the server, clean-up of handlers included", async () => {
  const begun = new Event();
  const log: string[] = [];
  const server = new StreamServer(ANY_PORT, async () => {
    begun.set();
    try {
      await never();
    } finally {
      await sleep();
      log.push("clean-up");
    }
  }, { stopTimeout: 1 });
  const serving = spawn(() => server.serveForever({ signals: [] }));
  await sleep();
  using conn = await dial(server);
  await begun.wait();
  await serving.kill();
  assertEquals([log, server.closed, server.running], [["clean-up"], true, 0]);
  assertEquals(await conn.readSome(), null);
});

Deno.test("StreamServer.serveForever() gives the handlers as long as it is told", async () => {
  await simulate(async (world) => {
    const listener = new FakeListener();
    const server = new StreamServer(listener, () => never());
    const serving = spawn(() => server.serveForever({ signals: [], stopTimeout: 30_000 }));
    const [client] = listener.crowd(1);
    await world.settle();
    await serving.kill();
    assertEquals([world.now, client!.closings], [30_000, 1]);
  });
});

Deno.test("StreamServer.serveForever() ends after close() as well, and waits for the handlers", async () => {
  await simulate(async (world) => {
    const listener = new FakeListener();
    const server = new StreamServer(listener, () => sleep(100));
    const serving = spawn(() => server.serveForever({ signals: [] }));
    listener.crowd(1);
    await world.settle();
    server.close();
    await serving.get();
    assertEquals([world.now, server.running], [100, 0]);
  });
});

Deno.test("StreamServer.serveForever() that is given nonsense says so at the call, and does not start", async () => {
  const server = new StreamServer(ANY_PORT, echo);
  assertThrows(() => server.serveForever({ stopTimeout: -1 }), RangeError, "received -1");
  await assertRejects(
    async () => await server.serveForever({ signals: ["SIGNONSENSE" as Deno.Signal] }),
    TypeError,
    "SIGNONSENSE",
  );
  assertEquals([server.started, server.closed, server.address], [false, false, undefined]);
});

Deno.test("StreamServer.serveForever() and stop() that nobody awaits reject quietly", async () => {
  const server = new StreamServer(ANY_PORT, () => never(), { stopTimeout: 60_000 });
  const careless = spawn(async () => {
    void server.serveForever({ signals: [] });
    await never();
  });
  await sleep();
  await careless.kill();
  await server.stop();
  assert(server.closed); // an unhandled rejection would have ended the test run
});

Deno.test("StreamServer.stop() and serveForever() refuse to wait in a callback of the hub, and do nothing", async () => {
  const server = await startServer(echo);
  const called = new Event();
  getHub().runCallback(() => {
    assertThrows(() => server.stop(), BlockingSwitchOutError, "Cannot stop server here");
    assertThrows(() => server.serveForever(), BlockingSwitchOutError, "Cannot serve here");
    called.set();
  });
  using errors = captureErrors();
  await sleep();
  assertEquals([errors.seen, called.isSet, server.started], [[], true, true]);
  await server.stop();
});

/** Takes a while to open; each handler waits for ever. */
class SlowServer extends BaseServer {
  readonly opening = new Event();
  readonly log: string[] = [];
  failure: Error | undefined = undefined;

  override get address(): undefined {
    return undefined;
  }

  protected override async open(): Promise<void> {
    this.log.push("open");
    await this.opening.wait();
    if (this.failure !== undefined) throw this.failure;
  }

  protected override async acceptOne(): Promise<void> {
    this.log.push("accept");
    await never();
  }

  protected override shut(): void {
    this.log.push("shut");
  }
}

Deno.test("BaseServer.start() called twice while it opens is over when it is open", async () => {
  const server = new SlowServer();
  const starts = [spawn(() => server.start()), spawn(() => server.start())];
  await sleep();
  assertEquals(starts.map(({ ready }) => ready), [false, false]);
  server.opening.set();
  await joinAll(starts);
  await sleep();
  assertEquals(server.log, ["open", "accept"]);
  await server.stop();
});

Deno.test("BaseServer.stop() while it opens shuts it once it is open", async () => {
  const server = new SlowServer();
  const start = spawn(() => server.start());
  await sleep();
  await server.stop();
  server.opening.set();
  await start.get();
  assertEquals([server.log.at(-1), server.log.includes("accept")], ["shut", false]);
});

Deno.test("BaseServer.start() that fails later can be tried again", async () => {
  const server = new SlowServer();
  server.opening.set();
  server.failure = new Error("not now");
  await assertRejects(() => server.start(), Error, "not now");
  assertEquals([server.started, server.closed], [false, false]);
  server.failure = undefined;
  await server.start();
  assert(server.started);
  await server.stop();
});

// ---- Where handlers run ----------------------------------------------------------------------------

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

Deno.test("StreamServer closes the connection when the handler returns, and forgets the handler", async () => {
  const conns: Conn[] = [];
  await using server = await startServer((conn) => void conns.push(conn));
  using client = await dial(server);
  assertEquals(await client.readSome(), null);
  assertEquals([conns.map(({ closed }) => closed), server.running], [[true], 0]);
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

Deno.test("StreamServer lets others run after maxAccept clients in a row", async () => {
  await simulate(async (world) => {
    const listener = new FakeListener();
    const log: number[] = [];
    const server = new StreamServer(listener, () => void log.push(listener.accepted.length), {
      maxAccept: 3,
    });
    listener.crowd(7);
    await server.start();
    await world.settle();
    assertEquals(log, [3, 3, 3, 6, 6, 6, 7]);
    await server.stop();
  });
});

// ---- Errors of accepting ---------------------------------------------------------------------------

Deno.test("StreamServer waits longer after each error of accepting, from 10 ms to 1 s, and reports it", async () => {
  await simulate(async (world) => {
    const times: number[] = [];
    const hub = getHub();
    const seen: [unknown, unknown][] = [];
    hub.onError = (context, error) => {
      times.push(world.now);
      seen.push([context, error]);
    };
    const failures = Array.from({ length: 10 }, (_, index) => new Error(`too many open files ${index}`));
    const listener = new FakeListener();
    listener.arrive(...failures);
    const server = new StreamServer(listener, () => {});
    await server.start();
    const [client] = listener.crowd(1);
    await world.advance(5_000);
    assertEquals(times, [0, 10, 30, 70, 150, 310, 630, 1_270, 2_270, 3_270]);
    assertEquals([seen.map(([, error]) => error), client!.closings], [failures, 1]);
    for (const [context] of seen) assertEquals(String(context), "StreamServer on fake");
    times.length = 0;
    listener.arrive(failures[0]!, failures[1]!); // a success makes it patient again
    await world.advance(5_000);
    assertEquals(times, [5_000, 5_010]);
    await server.stop();
  });
});

Deno.test("StreamServer.stop() does not wait for the end of a pause after an error", async () => {
  await simulate(async (world) => {
    using errors = captureErrors();
    const listener = new FakeListener();
    listener.arrive(...Array.from({ length: 9 }, () => new Error("no")));
    const server = new StreamServer(listener, () => {});
    await server.start();
    await world.advance(1_500);
    await server.stop();
    assertEquals([world.now, errors.seen.length], [1_500, 8]);
  });
});

Deno.test("StreamServer closes itself when somebody else has closed its listener", async () => {
  using errors = captureErrors();
  const listener = listen(ANY_PORT);
  const server = new StreamServer(listener, echo);
  const serving = spawn(() => server.serveForever({ signals: [] }));
  await sleep();
  listener.close();
  await serving.get();
  assertEquals([server.closed, errors.seen.length], [true, 1]);
  assertInstanceOf(errors.seen[0], Deno.errors.BadResource);
});

Deno.test("BaseServer.toString() says where it listens", async () => {
  const server = new StreamServer(ANY_PORT, echo);
  assertEquals(String(server), "StreamServer");
  await server.start();
  assertEquals(String(server), `StreamServer on 127.0.0.1:${portOf(server)}`);
  await server.stop();
});

// ---- stop() ----------------------------------------------------------------------------------------

/** Starts a server without a network, with as many clients as there are handlers. */
async function startFake(
  handlers: (() => unknown)[],
  options?: StreamServerOptions,
): Promise<{ server: StreamServer; listener: FakeListener; clients: FakeClient[] }> {
  const listener = new FakeListener();
  const left = [...handlers];
  const server = new StreamServer(listener, () => left.shift()!(), options);
  await server.start();
  const clients = listener.crowd(handlers.length);
  while (left.length > 0) await sleep();
  return { server, listener, clients };
}

Deno.test("StreamServer.stop() waits for the handlers, kills those that take too long, and awaits their clean-up", async () => {
  await simulate(async (world) => {
    const log: [string, number][] = [];
    const handler = (ms: number) => async () => {
      try {
        await sleep(ms);
        log.push([`${ms} done`, world.now]);
      } finally {
        await sleep(10);
        log.push([`${ms} clean`, world.now]);
      }
    };
    const { server, clients } = await startFake([handler(20), handler(40), handler(60), handler(999)]);
    await server.stop({ timeout: 55 });
    assertEquals(log, [
      ["20 done", 20],
      ["20 clean", 30],
      ["40 done", 40],
      ["40 clean", 50],
      ["60 clean", 65],
      ["999 clean", 65],
    ]);
    assertEquals([world.now, clients.map(({ closings }) => closings)], [65, [1, 1, 1, 1]]);
  });
});

Deno.test("StreamServer.stop() returns as soon as the last handler has ended", async () => {
  await simulate(async (world) => {
    const { server } = await startFake([() => sleep(20), () => sleep(30)]);
    await server.stop();
    assertEquals(world.now, 30);
  });
});

Deno.test("StreamServer.stop() gives the handlers stopTimeout unless it is told otherwise", async () => {
  await simulate(async (world) => {
    for (
      const [options, stop, expected] of [
        [{}, {}, 1_000],
        [{ stopTimeout: 30_000 }, {}, 30_000],
        [{ stopTimeout: Temporal.Duration.from({ minutes: 1 }) }, {}, 60_000],
        [{ stopTimeout: 30_000 }, { timeout: 5 }, 5],
        [{}, { timeout: Temporal.Duration.from({ seconds: 20 }) }, 20_000],
        [{}, { timeout: new Timeout(70) }, 70],
      ] as const
    ) {
      const before = world.now;
      const { server, clients } = await startFake([never], options);
      await server.stop(stop);
      assertEquals([world.now - before, clients[0]!.closings], [expected, 1]);
    }
  });
});

Deno.test("StreamServer.stop() without patience kills at once and still awaits the clean-up", async () => {
  await simulate(async (world) => {
    for (
      const [options, stop] of [[{}, { timeout: 0 }], [{ stopTimeout: 0 }, {}], [
        { stopTimeout: 0 },
        undefined,
      ]] as const
    ) {
      using errors = captureErrors();
      const before = world.now;
      let cleaned = false;
      const handler = async () => {
        try {
          await never();
        } finally {
          await sleep(100);
          cleaned = true;
        }
      };
      const { server, clients } = await startFake([handler], options);
      await server.stop(stop);
      assertEquals([cleaned, world.now - before, clients[0]!.closings], [true, 100, 1]);
      assertEquals(errors.seen, []);
    }
  });
});

Deno.test("StreamServer.stop() can be called by a handler, which goes on", async () => {
  await simulate(async (world) => {
    const log: [string, number][] = [];
    let server: StreamServer | undefined = undefined;
    const stopping = async () => {
      await sleep(5);
      await server!.stop({ timeout: 50 });
      log.push(["stopped", world.now]);
      await sleep(10);
      log.push(["done", world.now]);
    };
    const fake = await startFake([stopping, () => sleep(20), never]);
    server = fake.server;
    await world.advance(100);
    assertEquals(log, [["stopped", 55], ["done", 65]]);
    assertEquals([fake.clients.map(({ closings }) => closings), server.running], [[1, 1, 1], 0]);
  });
});

Deno.test("StreamServer.stop() called by two handlers at a time: they do not wait for each other", async () => {
  await simulate(async (world) => {
    using errors = captureErrors();
    const log: [string, number][] = [];
    let server: StreamServer | undefined = undefined;
    const stopping = (name: string) => async () => {
      await sleep(5);
      await server!.stop();
      log.push([name, world.now]);
      await sleep(5);
      log.push([name, world.now]);
    };
    ({ server } = await startFake([stopping("a"), stopping("b"), () => sleep(25)]));
    const serving = spawn(() => server!.serveForever({ signals: [] }));
    await serving.get();
    assertEquals(log, [["a", 25], ["b", 25], ["a", 30], ["b", 30]]);
    assertEquals([errors.seen, server.running, world.now], [[], 0, 30]);
  });
});

Deno.test("StreamServer.stop() is not held up for ever by a handler that ignores its kill", async () => {
  await simulate(async (world) => {
    using errors = captureErrors();
    const stubborn = async () => {
      await sleep(60_000).catch(() => {});
      await sleep(60_000);
    };
    const { server, clients } = await startFake([stubborn]);
    await server.stop();
    assertEquals([world.now, server.running, clients[0]!.closed], [2_000, 1, false]);
    const [error] = errors.seen as Error[];
    assertEquals(errors.seen.length, 1);
    assertStringIncludes(error!.message, "Still running after their kill: Greenlet #");
    assertStringIncludes(error!.message, "client 1");
    await sleep(60_000); // it ends after all
    assertEquals([server.running, clients[0]!.closings], [0, 1]);
  });
});

Deno.test("StreamServer.stop() that is killed kills the handlers at once and awaits their clean-up", async () => {
  await simulate(async (world) => {
    const log: [string, number][] = [];
    const handler = async () => {
      try {
        await never();
      } finally {
        await sleep(10);
        log.push(["clean", world.now]);
      }
    };
    const { server, clients } = await startFake([handler], { stopTimeout: 60_000 });
    const stopping = spawn(() => server.stop());
    await world.advance(100);
    await stopping.kill();
    assertEquals([log, world.now, clients[0]!.closings], [[["clean", 110]], 110, 1]);
  });
});

Deno.test("StreamServer.stop() whose signal aborts kills the handlers at once, and throws the reason", async () => {
  await simulate(async (world) => {
    const { server, clients } = await startFake([never], { stopTimeout: 60_000 });
    const controller = new AbortController();
    const stopping = spawn(() => server.stop({ signal: controller.signal }).catch((error) => error));
    await world.advance(100);
    const reason = new Error("no more patience");
    controller.abort(reason);
    assertStrictEquals(await stopping.get(), reason);
    assertEquals([world.now, clients[0]!.closings, server.running], [100, 1, 0]);
  });
});

Deno.test("StreamServer.stop() that comes second may be less patient than the first", async () => {
  await simulate(async (world) => {
    const { server } = await startFake([never], { stopTimeout: 60_000 });
    const patient = spawn(() => server.stop());
    await world.advance(10);
    await server.stop({ timeout: 5 });
    await patient.get();
    assertEquals(world.now, 15);
  });
});

Deno.test("StreamServer.stop() that is given nonsense leaves the server as it is", async () => {
  const server = await startServer(echo);
  for (const timeout of [-1, NaN]) {
    assertThrows(() => server.stop({ timeout }), RangeError, `received ${timeout}`);
  }
  assertThrows(() => server.stop({ timeout: "5" as unknown as number }), TypeError, "received 5");
  assert(server.started);
  using conn = await dial(server);
  assertEquals(await ask(conn, "hello"), "hello");
  await server.stop({ timeout: 0 });
});

Deno.test("StreamServer.stop() closes the client whose handler has not begun", async () => {
  await simulate(async (world) => {
    const listener = new FakeListener();
    let begun = 0;
    const server = new StreamServer(listener, () => void begun++, { spawn: (run) => spawnLater(1_000, run) });
    await server.start();
    const [client] = listener.crowd(1);
    await world.settle();
    assertEquals([server.running, client!.closed], [1, false]);
    await server.stop({ timeout: 0 });
    await world.settle();
    assertEquals([begun, client!.closings, world.now], [0, 1, 0]);
  });
});

Deno.test("StreamServer.stop() at the moment a client is accepted leaves no connection open", async () => {
  for (let turns = 0; turns < 8; turns++) {
    const server = await startServer(() => never());
    using client = await dial(server);
    for (let i = 0; i < turns; i++) await sleep();
    await server.stop({ timeout: 0 });
    await drained(client); // or it would hang here
    assertEquals(server.running, 0);
  }
});

Deno.test("StreamServer.stop() at any moment closes every client that was accepted once", async () => {
  const accepted = new Set<number>();
  for (const policy of ["default", 1, 2] as const) {
    for (let passes = 0; passes < 10; passes++) {
      await simulate(async () => {
        const listener = new FakeListener();
        const server = new StreamServer(listener, () => never(), { spawn: policy });
        await server.start();
        listener.crowd(2);
        for (let i = 0; i < passes; i++) await sleep();
        await server.stop({ timeout: 0 });
        for (const { name, closings } of listener.accepted) assertEquals([name, closings], [name, 1]);
        accepted.add(listener.accepted.length);
      });
    }
  }
  assertEquals([...accepted].sort(), [0, 1, 2]);
});

/** At the end nobody runs, and every client that was accepted has been closed once. */
async function stopUnderWay(
  { spawn: policy, clients = 3 }: { spawn: StreamServerOptions["spawn"]; clients?: number },
): Promise<void> {
  const listener = new FakeListener();
  const server = new StreamServer(listener, async () => {
    await sleep();
    await sleep(1);
  }, { spawn: policy, stopTimeout: 1 });
  const serving = spawn(() => server.serveForever({ signals: [] }));
  const arriving = spawn(async () => {
    for (let index = 1; index <= clients && !listener.closed; index++) {
      listener.arrive(new FakeClient(`client ${index}`));
      await sleep();
    }
  });
  const stopping = spawn(async () => {
    await sleep();
    await server.stop({ timeout: 0 });
  });
  await joinAll([serving, arriving, stopping]);
  await server.stop();
  assertEquals([server.closed, server.running, listener.closed], [true, 0, true]);
  for (const { name, closings } of listener.accepted) assertEquals([name, closings], [name, 1]);
}

const policies: Record<string, () => SpawnPolicy> = { default: () => "default", pool: () => new Pool(1) };

for (const [name, policy] of Object.entries(policies)) {
  Deno.test(`StreamServer leaves no connection open whoever is killed when (spawn: ${name})`, async () => {
    // The acceptor and the handlers are the server's own: only the greenlets of the test are struck.
    const victims = (greenlet: Greenlet) => !greenlet.name.startsWith("acceptor");
    for (const strategy of ["random", "pct"] as const) {
      await explore(() => stopUnderWay({ spawn: policy() }), {
        strategy,
        runs: 300,
        inject: ["kill"],
        victims,
      });
    }
  });
}

// ---- TLS -------------------------------------------------------------------------------------------

Deno.test("StreamServer with tls shakes hands in the greenlet of the handler: a silent client keeps nobody waiting", async () => {
  const { cert, key } = await certificate();
  await using server = await startServer(echo, { tls: { cert, key }, stopTimeout: 0 });
  using silent = await dial(server);
  using conn = await connectTls({ port: portOf(server), hostname: "127.0.0.1", caCerts: [cert] });
  assertEquals(await ask(conn, "hello"), "hello");
  assertEquals([server.running, silent.closed], [2, false]);
});

Deno.test("StreamServer with tls ends the handler of a client that does not shake hands in time, and says so", async () => {
  using errors = captureErrors();
  const { cert, key } = await certificate();
  const options = { tls: { cert, key }, spawn: 1, handshakeTimeout: 250 };
  await using server = await startServer(echo, options);
  using _silent = await dial(server); // Deno closes its own end when this one goes, not before
  using conn = await connectTls({ port: portOf(server), caCerts: [cert] });
  assertEquals(await ask(conn, "hello"), "hello");
  assertEquals([server.running, errors.seen.length], [1, 1]);
  assertInstanceOf(errors.seen[0], Timeout);
  assertStringIncludes((errors.seen[0] as Timeout).message, "handshake with 127.0.0.1:");
});

Deno.test("StreamServer with tls reports a client that speaks no TLS; others go on", async () => {
  using errors = captureErrors();
  const { cert, key } = await certificate();
  await using server = await startServer(echo, { tls: { cert, key } });
  using plain = await dial(server);
  await plain.writeAll("GET / HTTP/1.1\r\n\r\n");
  await drained(plain);
  assertEquals(errors.seen.length, 1);
  using conn = await connectTls({ port: portOf(server), caCerts: [cert] });
  assertEquals(await ask(conn, "hello"), "hello");
});

Deno.test("StreamServer with tls agrees on a protocol", async () => {
  const { cert, key } = await certificate();
  const agreed = new Queue<string | null>();
  await using server = await startServer(async (conn) => {
    const { alpnProtocol } = await (conn.raw as Deno.TlsConn).handshake();
    await agreed.put(alpnProtocol);
  }, { tls: { cert, key, alpnProtocols: ["two", "one"] } });
  using _conn = await connectTls({ port: portOf(server), caCerts: [cert], alpnProtocols: ["one"] });
  assertEquals(await agreed.get(), "one");
});

Deno.test("StreamServer with a bad certificate does not start, and can be told so again", async () => {
  const { key } = await certificate();
  const server = new StreamServer(ANY_PORT, echo, { tls: { cert: "nonsense", key } });
  for (let i = 0; i < 2; i++) assertThrows(() => server.start(), Deno.errors.InvalidData);
  assertEquals([server.started, server.closed, server.address], [false, false, undefined]);
});

// ---- Bad input -------------------------------------------------------------------------------------

Deno.test("StreamServer refuses bad input at the call, with the value in the message", async () => {
  const make = (address: unknown, handler: unknown = echo, options?: unknown) => () =>
    new StreamServer(
      address as number,
      handler as StreamHandler,
      options as StreamServerOptions,
    );
  const { cert, key } = await certificate();
  using listener = listen(ANY_PORT);
  const bad: [() => unknown, new () => Error, string][] = [
    [make(-1), RangeError, "port must be an integer from 0 to 65535, received -1"],
    [make(65536), RangeError, "received 65536"],
    [make(1.5), RangeError, "received 1.5"],
    [make(NaN), RangeError, "received NaN"],
    [make("127.0.0.1:65536"), RangeError, "received 65536"],
    [make("127.0.0.1"), TypeError, 'received "127.0.0.1"'],
    [make(undefined), TypeError, "received undefined"],
    [make(null), TypeError, "received null"],
    [make(true), TypeError, "received true"],
    [make({}), TypeError, "either path or port must be given"],
    [make({ port: 0, hostname: "" }), TypeError, 'received ""'],
    [make({ port: 0, path: "/tmp/x" }), TypeError, "received both"],
    [make({ path: "" }), TypeError, 'received ""'],
    [make(0, null), TypeError, "handler must be a function, received null"],
    [make(0, "echo"), TypeError, "handler must be a function, received echo"],
    [make(0, echo, { spawn: 0 }), RangeError, "spawn must be a positive integer or Infinity, received 0"],
    [make(0, echo, { spawn: 1.5 }), RangeError, "received 1.5"],
    [make(0, echo, { spawn: NaN }), RangeError, "received NaN"],
    [make(0, echo, { spawn: "many" }), TypeError, "received many"],
    [make(0, echo, { spawn: null }), TypeError, "received null"],
    [make(0, echo, { stopTimeout: -1 }), RangeError, "stopTimeout must be 0 or more"],
    [make(0, echo, { stopTimeout: "5" }), TypeError, "received 5"],
    [make(0, echo, { maxAccept: 0 }), RangeError, "maxAccept must be a positive integer, received 0"],
    [make(0, echo, { maxAccept: Infinity }), RangeError, "received Infinity"],
    [make(0, echo, { handshakeTimeout: -1 }), RangeError, "handshakeTimeout must be 0 or more"],
    [make(0, echo, { handshakeTimeout: NaN }), RangeError, "received NaN"],
    [make(listener, echo, { tls: { cert, key } }), TypeError, "tls cannot be given with a listener"],
    [make({ path: "/tmp/x" }, echo, { tls: { cert, key } }), TypeError, "TLS needs a port"],
  ];
  for (const [call, Class, message] of bad) assertThrows(call, Class, message, message);
  const noKey = new StreamServer(0, echo, { tls: { cert, key: "" } });
  assertThrows(() => noKey.start(), TypeError, 'key must be a PEM string, received ""');
});
