import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  BlockingSwitchOutError,
  type Conn,
  connectTls,
  Event,
  explore,
  getCurrent,
  getHub,
  type Greenlet,
  joinAll,
  type Listener,
  listenTls,
  serve,
  simulate,
  sleep,
  spawn,
  StopServe,
  Timeout,
  withTimeout,
} from "@verdant/green";
import { captureErrors } from "../helpers.ts";
import { certificate, local } from "./network.ts";
import { ANY_PORT, ask, dial, drained, echo, FakeClient, FakeListener, portOf } from "./servers.ts";

const never = () => new Event().wait();

Deno.test("serve() serves many clients at a time, and closes the connection when the handler returns", async () => {
  using listener = local();
  const conns: Conn[] = [];
  await using _serving = spawn(() =>
    serve(listener, async (conn) => {
      conns.push(conn);
      await echo(conn);
    })
  );
  const clients = await Promise.all([dial(listener), dial(listener), dial(listener)]);
  for (const [index, conn] of clients.entries()) assertEquals(await ask(conn, `${index}`), `${index}`);
  assertEquals(conns.map(({ closed }) => closed), [false, false, false]);
  for (const conn of clients) {
    using _conn = conn;
    await conn.closeWrite();
    assertEquals(await conn.readLine(), null);
  }
  assertEquals(conns.map(({ closed }) => closed), [true, true, true]);
});

Deno.test("serve() takes a handler that closes its connection itself", async () => {
  using listener = local();
  const serving = spawn(() => serve(listener, (conn) => conn.close()));
  for (let i = 0; i < 3; i++) {
    using conn = await dial(listener);
    assertEquals(await conn.readLine(), null);
  }
  await serving.kill();
});

Deno.test("serve() names the greenlet of each handler after its client", async () => {
  using listener = local();
  const seen: string[] = [];
  await using _serving = spawn(() => serve(listener, () => void seen.push(getCurrent()!.name)));
  using conn = await dial(listener);
  await drained(conn);
  assertEquals(seen, [`client 127.0.0.1:${(conn.localAddr as Deno.NetAddr).port}`]);
});

Deno.test("serve() accepts nobody beyond its concurrency", async () => {
  await simulate(async (world) => {
    const listener = new FakeListener();
    const serving = spawn(() => serve(listener, () => sleep(10), { concurrency: 5 }));
    listener.crowd(12);
    const accepted: number[] = [];
    const most: number[] = [];
    for (const ms of [5, 10, 10, 10]) {
      await world.advance(ms);
      accepted.push(listener.accepted.length);
      most.push(listener.accepted.filter(({ closed }) => !closed).length);
    }
    assertEquals([accepted, most], [[5, 10, 12, 12], [5, 5, 2, 0]]);
    await serving.kill();
  });
});

Deno.test("serve() with a concurrency serves everybody in the end", async () => {
  using listener = local();
  let [running, most] = [0, 0];
  await using _serving = spawn(() =>
    serve(listener, async (conn) => {
      most = Math.max(most, ++running);
      try {
        await echo(conn);
      } finally {
        running--;
      }
    }, { concurrency: 3 })
  );
  const talk = async (index: number) => {
    using conn = await dial(listener);
    assertEquals(await ask(conn, `${index}`), `${index}`);
  };
  const clients = Array.from({ length: 30 }, (_, index) => spawn(talk, index));
  for (const client of clients) await client.get();
  assertEquals(most, 3);
});

Deno.test("serve() ends when a handler throws StopServe; other handlers go on, the listener stays open", async () => {
  using listener = local();
  const handler = async (conn: Conn) => {
    for await (const line of conn.lines()) {
      if (line === "stop") throw new StopServe();
      await conn.writeAll(`${line}\n`);
    }
  };
  const serving = spawn(() => serve(listener, handler));
  using other = await dial(listener);
  assertEquals(await ask(other, "before"), "before");
  using stopper = await dial(listener);
  assertEquals(await ask(stopper, "stop"), null);
  assertEquals(await serving.get(), undefined);
  assertEquals([await ask(other, "after"), listener.closed], ["after", false]);
  using patient = await dial(listener); // nobody serves it now
  await using _again = spawn(() => serve(listener, handler));
  assertEquals(await ask(patient, "again"), "again");
});

Deno.test("serve() throws the error of a handler, at once or later, and closes its connection", async () => {
  using listener = local();
  const failure = new Error("disk full");
  const handlers = [
    () => {
      throw failure;
    },
    async () => {
      await sleep();
      throw failure;
    },
  ];
  using errors = captureErrors();
  for (const handler of handlers) {
    const serving = spawn(() => serve(listener, handler).catch((error) => error));
    using conn = await dial(listener);
    await drained(conn);
    assertStrictEquals(await serving.get(), failure);
  }
  assertEquals([errors.seen, listener.closed], [[], false]);
});

Deno.test("serve() is not ended by a handler that is killed", async () => {
  using listener = local();
  const handlers: Greenlet[] = [];
  await using serving = spawn(() =>
    serve(listener, async (conn) => {
      handlers.push(getCurrent()!);
      await echo(conn);
    })
  );
  using victim = await dial(listener);
  assertEquals(await ask(victim, "hello"), "hello");
  await handlers[0]!.kill();
  assertEquals(await victim.readLine(), null);
  using conn = await dial(listener);
  assertEquals([await ask(conn, "hello"), serving.ready], ["hello", false]);
});

Deno.test("serve() that is killed leaves the listener open and the handlers running", async () => {
  using listener = local();
  const serving = spawn(() => serve(listener, echo));
  using conn = await dial(listener);
  assertEquals(await ask(conn, "before"), "before");
  await serving.kill();
  assertEquals([await ask(conn, "after"), listener.closed], ["after", false]);
  using next = await dial(listener); // not lost: whoever accepts next gets it
  using accepted = await listener.accept();
  await accepted.writeAll("welcome\n");
  assertEquals(await next.readLine(), "welcome");
});

Deno.test("serve() ends when its time is over", async () => {
  using listener = local();
  await assertRejects(() => withTimeout(1, () => serve(listener, echo)), Timeout);
  assertEquals(listener.closed, false);
});

Deno.test("serve() reports errors that come when it is over, and those behind the first", async () => {
  await simulate(async (world) => {
    using errors = captureErrors();
    const listener = new FakeListener();
    const failures = [new Error("first"), new Error("second"), new Error("third")];
    let calls = 0;
    const handler = async () => {
      const call = calls++;
      await sleep(call === 2 ? 20 : 10);
      throw failures[call];
    };
    const serving = spawn(() => serve(listener, handler).catch((error) => error));
    listener.crowd(3);
    assertStrictEquals(await serving.get(), failures[0]);
    await world.advance(20);
    assertEquals(errors.seen, failures.slice(1));
    errors.seen.length = calls = 0;
    const killed = spawn(() => serve(listener, handler));
    listener.crowd(1);
    await world.advance(5);
    await killed.kill();
    await world.advance(5);
    assertEquals(errors.seen, failures.slice(0, 1));
  });
});

Deno.test("serve() takes a StopServe that comes when it is over for nothing", async () => {
  await simulate(async (world) => {
    using errors = captureErrors();
    const listener = new FakeListener();
    const serving = spawn(() =>
      serve(listener, async () => {
        await sleep(10);
        throw new StopServe();
      })
    );
    const clients = listener.crowd(2);
    await serving.get();
    await world.settle();
    assertEquals([errors.seen, clients.map(({ closings }) => closings)], [[], [1, 1]]);
  });
});

Deno.test("serve() throws what accepting throws", async () => {
  await simulate(async () => {
    const listener = new FakeListener();
    const failure = new Error("too many open files");
    listener.arrive(failure);
    assertStrictEquals(await serve(listener, echo).catch((error) => error), failure);
  });
  const listener = local();
  const serving = spawn(() => serve(listener, echo).catch((error) => error));
  await sleep();
  listener.close();
  assert(await serving.get() instanceof Deno.errors.BadResource);
});

Deno.test("serve() serves TLS", async () => {
  const { cert, key } = await certificate();
  using listener = listenTls({ ...ANY_PORT, cert, key });
  await using _serving = spawn(() => serve(listener, echo));
  using conn = await connectTls({ port: portOf(listener), caCerts: [cert] });
  assertEquals(await ask(conn, "hello"), "hello");
});

Deno.test("serve() closes the client whose handler is killed before it begins", async () => {
  await simulate(async (world) => {
    const listener = new FakeListener();
    let begun = 0;
    const serving = spawn(() => serve(listener, () => void begun++));
    await world.settle();
    const [client] = listener.crowd(1);
    await sleep(); // the acceptor has run, the handler has not
    const handler = world.greenlets().find(({ name }) => name === "client client 1")!;
    await handler.kill();
    await world.settle();
    assertEquals([begun, client!.closings], [0, 1]);
    await serving.kill();
  });
});

Deno.test("serve() that nobody awaits rejects quietly", async () => {
  using listener = local();
  const careless = spawn(async () => {
    void serve(listener, echo);
    await never();
  });
  await sleep();
  await careless.kill();
  await sleep(); // an unhandled rejection would end the test run
  assertEquals(getHub().stats().greenlets, 0);
});

/** At the end, every client that was accepted has been closed once. */
async function serveUnderWay(): Promise<void> {
  const listener = new FakeListener();
  const handler = async () => {
    await sleep();
    await sleep(1);
  };
  const serving = spawn(() => serve(listener, handler, { concurrency: 1 }));
  const arriving = spawn(async () => {
    for (let index = 1; index <= 3; index++) {
      listener.arrive(new FakeClient(`client ${index}`));
      await sleep();
    }
  });
  const killing = spawn(async () => {
    await sleep();
    await sleep(1);
    await serving.kill();
  });
  await joinAll([arriving, killing]);
  await serving.kill();
  await sleep(10);
  for (const { name, closings } of listener.accepted) assertEquals([name, closings], [name, 1]);
}

Deno.test("serve() leaves no connection open whoever is killed when", async () => {
  // The acceptor is its own: it is killed only by way of the greenlet that serves.
  const victims = ({ name }: Greenlet) => !name.startsWith("acceptor");
  for (const strategy of ["random", "pct"] as const) {
    await explore(serveUnderWay, { strategy, runs: 500, inject: ["kill"], faults: 3, victims });
  }
});

Deno.test("serve() refuses bad input at the call, with the value in the message", async () => {
  using listener = local();
  const call = (target: unknown, handler: unknown = echo, options?: unknown) => () =>
    serve(target as Listener, handler as () => void, options as { concurrency: number });
  const bad: [() => unknown, new () => Error, string][] = [
    [call(undefined), TypeError, "listener must be a Listener, received undefined"],
    [call(8080), TypeError, "received 8080"],
    [call(listener, null), TypeError, "handler must be a function, received null"],
    [call(listener, echo, { concurrency: 0 }), RangeError, "concurrency must be a positive integer"],
    [call(listener, echo, { concurrency: -1 }), RangeError, "received -1"],
    [call(listener, echo, { concurrency: 2.5 }), RangeError, "received 2.5"],
    [call(listener, echo, { concurrency: NaN }), RangeError, "received NaN"],
  ];
  for (const [call, Class, message] of bad) assertThrows(call, Class, message, message);
  using conn = await dial(listener); // nothing has begun to accept
  using accepted = await listener.accept();
  await accepted.writeAll("hello\n");
  assertEquals(await conn.readLine(), "hello");
});

Deno.test("serve() refuses to wait in a callback of the hub", async () => {
  using listener = local();
  using errors = captureErrors();
  getHub().runCallback(() => {
    assertThrows(() => serve(listener, echo), BlockingSwitchOutError, "Cannot serve here");
  });
  await sleep();
  assertEquals([errors.seen, getHub().stats().greenlets], [[], 0]);
});
