import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  type Conn,
  connect,
  connectTls,
  listen,
  Queue,
  simulate,
  type StreamHandler,
  StreamServer,
  type StreamServerOptions,
  Timeout,
} from "@verdant/green";
import { captureErrors } from "../helpers.ts";
import { certificate, unixPlace } from "./network.ts";
import { ANY_PORT, ask, dial, drained, echo, FakeListener, portOf, startServer } from "./servers.ts";

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

Deno.test("StreamServer closes the connection when the handler returns, and forgets the handler", async () => {
  const conns: Conn[] = [];
  await using server = await startServer((conn) => void conns.push(conn));
  using client = await dial(server);
  assertEquals(await client.readSome(), null);
  assertEquals([conns.map(({ closed }) => closed), server.running], [[true], 0]);
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
