/** The life of servers, from their start to their end, and errors of accepting. */
import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import {
  AcceptingServer,
  BlockingSwitchOutError,
  connect,
  Event,
  getHub,
  joinAll,
  listen,
  simulate,
  sleep,
  spawn,
  StreamServer,
} from "@verdant/green";
import { passes } from "../green/trial.ts";
import { captureErrors } from "../helpers.ts";
import {
  ANY_PORT,
  ask,
  dial,
  echo,
  FakeListener,
  isRefused,
  never,
  portOf,
  startFake,
  startServer,
} from "./servers.ts";

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

Deno.test("StreamServer.close() at the moment a client is accepted closes that client", async () => {
  await simulate(async (world) => {
    const listener = new FakeListener();
    let begun = 0;
    const server = new StreamServer(listener, () => void begun++);
    await server.start();
    await world.settle();
    const [client] = listener.crowd(1); // the server has it, but has not run since
    server.close();
    await world.settle();
    assertEquals([listener.accepted, begun, client!.closings], [[client!], 0, 1]);
  });
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
    await server.serveForever(); // it would be a leak if it went on listening to signals
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

Deno.test("StreamServer.serveForever() that is killed twice is as patient as if it were killed once", async () => {
  await simulate(async (world) => {
    const log: [string, number][] = [];
    const listener = new FakeListener();
    const server = new StreamServer(listener, async () => {
      await sleep(50);
      log.push(["handler", world.now]);
    });
    const serving = spawn(() => server.serveForever({ signals: [], stopTimeout: 100 }));
    listener.crowd(1);
    await world.settle();
    await serving.kill(undefined, { block: false });
    await world.advance(10);
    await serving.kill();
    assertEquals([log, world.now], [[["handler", 50]], 50]);
  });
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
  const { server: busy } = await startFake([never], { stopTimeout: 60_000 });
  const stopping = spawn(async () => {
    void busy.stop();
    await never();
  });
  await passes(5); // it waits for the handler now
  await stopping.kill();
  await busy.stop({ timeout: 0 });
  assert(server.closed && busy.closed); // an unhandled rejection would have ended the test run
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
class SlowServer extends AcceptingServer {
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

  protected override stopListening(): void {
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

Deno.test("BaseServer.start() that is killed while it opens leaves it to the next one", async () => {
  const server = new SlowServer();
  const starts = [spawn(() => server.start()), spawn(() => server.start())];
  await sleep();
  await starts[0]!.kill();
  await passes(5);
  assertEquals([server.log, starts[1]!.ready], [["open", "open"], false]);
  server.opening.set();
  await starts[1]!.get();
  await sleep();
  assertEquals([server.log, server.started], [["open", "open", "accept"], true]);
  await server.stop();
});

Deno.test("BaseServer.stop() while it opens shuts it once it is open", async () => {
  const server = new SlowServer();
  const start = spawn(() => server.start());
  await sleep();
  await server.stop();
  server.opening.set();
  await start.get();
  await passes(5);
  assertEquals(server.log, ["open", "shut", "shut"]);
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
