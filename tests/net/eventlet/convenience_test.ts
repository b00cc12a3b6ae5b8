import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  BlockingSwitchOutError,
  Conn,
  eventlet,
  getHub,
  listen,
  Listener,
  spawn,
  StopServe,
  Timeout,
} from "@verdant/green";
import { deadPort, fullListener, portOf, unixPlace } from "../network.ts";
import { ask, echo } from "../servers.ts";

const local = () => eventlet.listen(["127.0.0.1", 0]);

Deno.test("eventlet.listen() takes eventlet's addresses, and makes a listener", async () => {
  using sock = local();
  assertInstanceOf(sock, Listener);
  assertEquals((sock.addr as Deno.NetAddr).hostname, "127.0.0.1");
  using every = eventlet.listen(["", 0]);
  assertEquals((every.addr as Deno.NetAddr).hostname, "0.0.0.0");
  using place = unixPlace();
  using unix = eventlet.listen(place.path);
  using conn = await eventlet.connect(place.path);
  using far = await unix.accept();
  await far.writeAll("hello\n");
  assertEquals(await conn.readLine(), "hello");
  using object = eventlet.listen({ port: 0, hostname: "127.0.0.1" });
  assert(portOf(object) > 0);
});

Deno.test("eventlet.listen() refuses a port that is taken, which eventlet would share", () => {
  using sock = local();
  assertThrows(() => eventlet.listen(["127.0.0.1", portOf(sock)]), Deno.errors.AddrInUse);
});

Deno.test("eventlet.listen() hands the backlog on, also that of an object", () => {
  for (const backlog of [-1, 1.5, NaN]) {
    const message = `backlog must be a non-negative integer, received ${backlog}`;
    assertThrows(() => eventlet.listen(["127.0.0.1", 0], { backlog }), RangeError, message);
    assertThrows(() => eventlet.listen({ port: 0, backlog }), RangeError, message);
  }
  using _sock = eventlet.listen(["127.0.0.1", 0], { backlog: 1 });
});

Deno.test("eventlet.listen() and connect() refuse bad addresses at the call", () => {
  assertThrows(() => eventlet.listen(["127.0.0.1", 65536]), RangeError, "received 65536");
  assertThrows(() => eventlet.connect(["127.0.0.1", -1]), RangeError, "received -1");
  assertThrows(() => eventlet.listen(8080 as never), TypeError, "received 8080");
  assertThrows(() => eventlet.connect("127.0.0.1:80"), TypeError, '["host", port]');
  assertThrows(() => eventlet.listen(""), TypeError, "path must be a non-empty string");
});

Deno.test("eventlet.connect() to a host of nothing connects to this machine", async () => {
  using sock = eventlet.listen(["", 0]);
  using conn = await eventlet.connect(["", portOf(sock)]);
  using far = await sock.accept();
  assertInstanceOf(conn, Conn);
  assertEquals(far.remoteAddr, conn.localAddr);
});

Deno.test("eventlet.connect() is refused where nobody listens", async () => {
  await assertRejects(() => eventlet.connect(["127.0.0.1", deadPort()]), Deno.errors.ConnectionRefused);
});

Deno.test("eventlet.connect() can be limited, also by an object's own limit", async () => {
  using full = await fullListener();
  const place = { port: full.port, timeout: 5 };
  await assertRejects(() => eventlet.connect(["127.0.0.1", full.port], { timeout: 5 }), Timeout);
  await assertRejects(() => eventlet.connect(place), Timeout);
  assertThrows(() => eventlet.connect(place, { timeout: -1 }), RangeError, "received -1");
});

Deno.test("eventlet.serve() calls handle(conn, addr) with the client's address as a tuple", async () => {
  using sock = local();
  const seen: unknown[] = [];
  const serving = spawn(() =>
    eventlet.serve(sock, async (conn, addr) => {
      seen.push(addr);
      await echo(conn);
    })
  );
  using conn = await eventlet.connect(["127.0.0.1", portOf(sock)]);
  assertEquals(await ask(conn, "hello"), "hello");
  assertEquals(seen, [["127.0.0.1", (conn.localAddr as Deno.NetAddr).port]]);
  await serving.kill();
});

Deno.test("eventlet.serve() closes the connection when the handler returns", async () => {
  using sock = local();
  const conns: Conn[] = [];
  await using _serving = spawn(() => eventlet.serve(sock, (conn) => void conns.push(conn)));
  for (let i = 0; i < 20; i++) {
    using conn = await eventlet.connect(["127.0.0.1", portOf(sock)]);
    assertEquals(await conn.readLine(), null);
  }
  assertEquals([conns.length, conns.every(({ closed }) => closed)], [20, true]);
});

Deno.test("eventlet.serve() ends by StopServe, and throws other errors; the listener stays open", async () => {
  assertStrictEquals(eventlet.StopServe, StopServe);
  using sock = local();
  for (const error of [new eventlet.StopServe(), new RangeError("broken")]) {
    const outcome = spawn(() =>
      eventlet.serve(sock, () => {
        throw error;
      }).catch((caught) => caught)
    );
    using _conn = await eventlet.connect(["127.0.0.1", portOf(sock)]);
    assertStrictEquals(await outcome.get(), error instanceof StopServe ? undefined : error);
    assertEquals(sock.closed, false);
  }
});

Deno.test("eventlet.serve() serves no more than its concurrency at a time", async () => {
  using sock = local();
  let [running, most] = [0, 0];
  await using _serving = spawn(() =>
    eventlet.serve(sock, async (conn) => {
      most = Math.max(most, ++running);
      await conn.readLine();
      running--;
    }, { concurrency: 2 })
  );
  const conns = [];
  for (let i = 0; i < 6; i++) conns.push(await eventlet.connect(["127.0.0.1", portOf(sock)]));
  for (const conn of conns) {
    await conn.writeAll("bye\n");
    assertEquals(await conn.readLine(), null);
    conn.close();
  }
  assertEquals(most, 2);
});

Deno.test("eventlet.serve() takes any listener, and refuses the rest at the call", async () => {
  using sock = listen({ hostname: "127.0.0.1", port: 0 });
  const serving = spawn(() => eventlet.serve(sock, (conn) => conn.writeAll("hello\n")));
  using conn = await eventlet.connect(["127.0.0.1", portOf(sock)]);
  assertEquals(await conn.readLine(), "hello");
  await serving.kill();
  const never = () => {};
  assertThrows(() => eventlet.serve(undefined as never, never), TypeError, "listener must be a Listener");
  assertThrows(() => eventlet.serve(sock, 1 as never), TypeError, "handle must be a function, received 1");
  assertThrows(() => eventlet.serve(sock, never, { concurrency: 0 }), RangeError, "received 0");
});

Deno.test("eventlet.serve() and connect() cannot be called in a hub callback", async () => {
  using sock = local();
  const seen: unknown[] = [];
  getHub().runCallback(() => {
    seen.push(assertThrows(() => eventlet.serve(sock, () => {}), BlockingSwitchOutError));
    seen.push(assertThrows(() => eventlet.connect(["", portOf(sock)]), BlockingSwitchOutError));
  });
  await eventlet.sleep();
  assertEquals(seen.length, 2);
});
