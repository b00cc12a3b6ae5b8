/** What `stop()` does with handlers that run. */
import { assert, assertEquals, assertStrictEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  explore,
  type Greenlet,
  joinAll,
  Pool,
  simulate,
  sleep,
  spawn,
  spawnLater,
  type SpawnPolicy,
  StreamServer,
  Timeout,
} from "@verdant/green";
import { captureErrors } from "../helpers.ts";
import {
  ask,
  dial,
  drained,
  echo,
  FakeClient,
  FakeListener,
  never,
  startFake,
  startServer,
} from "./servers.ts";

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
  { spawn: policy, clients = 3 }: { spawn: SpawnPolicy; clients?: number },
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
    if (policy instanceof Pool) await policy.spawn(() => sleep()); // the server may have to wait for its slot
    await sleep();
    try {
      await server.stop({ timeout: 0 });
    } finally {
      assertEquals(server.running, 0); // even if it was killed
    }
  });
  await joinAll([arriving, stopping]);
  await server.stop();
  await serving.join();
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
