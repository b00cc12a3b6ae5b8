import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import {
  type Conn,
  connect,
  connectTls,
  createSocketPair,
  listen,
  type Listener,
  serve,
  spawn,
  TlsConn,
  wrapTls,
} from "@verdant/green";
import { certificate, local, unixPlace } from "./network.ts";
import { ANY_PORT, ask, dial, echo, portOf } from "./servers.ts";

Deno.test("wrapTls() puts TLS on both ends", async () => {
  const { cert, key } = await certificate();
  const plain = listen(ANY_PORT);
  const port = portOf(plain);
  using listener = wrapTls(plain, { cert, key });
  assertEquals([plain.closed, portOf(listener)], [true, port]);
  await using _serving = spawn(() => serve(listener, echo));
  const tcp = await connect({ port });
  using conn = await wrapTls(tcp, { hostname: "localhost", caCerts: [cert] });
  assertInstanceOf(conn, TlsConn);
  assertEquals([await ask(conn, "hello"), tcp.closed], ["hello", true]);
});

Deno.test("wrapTls() of a listener offers protocols", async () => {
  const { cert, key } = await certificate();
  using listener = wrapTls(listen(ANY_PORT), { cert, key, alpnProtocols: ["two", "one"] });
  const protocols = ["one"];
  const connecting = spawn(() =>
    connectTls({ port: portOf(listener), caCerts: [cert], alpnProtocols: protocols })
  );
  using accepted = await listener.accept();
  assertEquals((await accepted.handshake()).alpnProtocol, "one");
  using _conn = await connecting.get();
});

Deno.test("wrapTls() of a listener that fails leaves it open", async () => {
  const { cert, key } = await certificate();
  using listener = local();
  const bad: [unknown, new () => Error][] = [
    [{ cert, key: "" }, TypeError],
    [{ cert }, TypeError],
    [{}, TypeError],
    [undefined, TypeError],
    [{ cert: "nonsense", key }, Deno.errors.InvalidData],
    [{ cert, key: cert }, Deno.errors.InvalidData],
  ];
  for (const [options, Class] of bad) {
    assertThrows(() => wrapTls(listener, options as { cert: string; key: string }), Class);
    assertEquals(listener.closed, false);
  }
  using conn = await dial(listener);
  using accepted = await listener.accept();
  await accepted.writeAll("hello\n");
  assertEquals(await conn.readLine(), "hello");
});

Deno.test("wrapTls() refuses a listener on a Unix socket, and leaves it open", async () => {
  const { cert, key } = await certificate();
  using place = unixPlace();
  using listener = listen({ path: place.path });
  assertThrows(() => wrapTls(listener, { cert, key }), TypeError, `${place.path} does not listen for TCP`);
  assertEquals(listener.closed, false);
});

Deno.test("wrapTls() refuses what is neither a connection nor a listener", async () => {
  const { cert, key } = await certificate();
  for (const target of [undefined, null, 8080, "localhost:8080"]) {
    const call = () => wrapTls(target as unknown as Listener, { cert, key });
    assertThrows(call, TypeError, `Cannot wrap in TLS: not a Conn or Listener, received ${target}`);
  }
});

Deno.test("wrapTls() of a connection needs a host name, and leaves it open without", async () => {
  const [conn, peer] = await createSocketPair();
  using _conn = conn;
  using _peer = peer;
  for (const options of [{}, { hostname: "" }]) {
    assertThrows(() => wrapTls(conn, options as { hostname: string }), TypeError, "hostname must be");
  }
  await conn.writeAll("hello\n");
  assertEquals(await peer.readLine(), "hello");
});

Deno.test("wrapTls() of a connection closes it if the certificate is refused", async () => {
  const { cert, key } = await certificate();
  using listener = wrapTls(listen(ANY_PORT), { cert, key });
  const serving = spawn(() => serve(listener, (conn: Conn) => conn.readLine()).catch((error) => error));
  const tcp = await connect({ port: portOf(listener) });
  await assertRejects(() => wrapTls(tcp, { hostname: "localhost" }), Deno.errors.InvalidData);
  assert(tcp.closed);
  assertInstanceOf(await serving.get(), Error);
});
