import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Conn, connect, connectTls, listen, listenTls, TlsConn } from "@verdant/green";
import { certificate, local, portOf, unixPlace } from "./network.ts";

Deno.test("listen() with port 0 finds a free port, another one each time", () => {
  using first = local();
  using second = local();
  assert(portOf(first) > 0 && portOf(second) > 0 && portOf(first) !== portOf(second));
});

Deno.test("listen() listens on all interfaces by default", () => {
  using listener = listen({ port: 0 });
  assertEquals((listener.addr as Deno.NetAddr).hostname, "0.0.0.0");
});

Deno.test("listen() on a path makes a socket there, which close() removes", async () => {
  using place = unixPlace();
  const listener = listen({ path: place.path });
  assertEquals(Deno.statSync(place.path).isSocket, true);
  assertEquals(String(listener), place.path);
  using _conn = await connect({ path: place.path });
  using far = await listener.accept();
  assert(far instanceof Conn);
  listener.close();
  assertThrows(() => Deno.statSync(place.path), Deno.errors.NotFound);
});

Deno.test("listen() where somebody listens throws AddrInUse and names the place", () => {
  using listener = local();
  const port = portOf(listener);
  const error = assertThrows(() => listen({ hostname: "127.0.0.1", port }), Deno.errors.AddrInUse);
  assert(error.message.startsWith(`Cannot listen on 127.0.0.1:${port}: `), error.message);
  using place = unixPlace();
  using _socket = listen({ path: place.path });
  assertThrows(() => listen({ path: place.path }), Deno.errors.AddrInUse, place.path);
});

Deno.test("listen() on a path where a file is throws AddrInUse, and leaves the file", () => {
  using place = unixPlace();
  Deno.writeTextFileSync(place.path, "mine");
  assertThrows(() => listen({ path: place.path }), Deno.errors.AddrInUse, place.path);
  assertEquals(Deno.readTextFileSync(place.path), "mine");
});

Deno.test("listen() on a host that is not there throws NotFound and names it", () => {
  const hostname = "no-such-host.invalid";
  assertThrows(() => listen({ hostname, port: 0 }), Deno.errors.NotFound, `Cannot listen on ${hostname}:0: `);
});

Deno.test("listen() on an address that is not ours throws AddrNotAvailable", () => {
  assertThrows(() => listen({ hostname: "192.0.2.1", port: 0 }), Deno.errors.AddrNotAvailable, "192.0.2.1:0");
});

Deno.test("listen() on a path that cannot be throws NotFound", () => {
  assertThrows(() => listen({ path: "/no/such/directory/socket" }), Deno.errors.NotFound, "/no/such");
});

Deno.test("listen() with a backlog lets no more clients wait than that", async () => {
  using listener = local(1);
  const port = portOf(listener);
  // Linux takes one more than the backlog.
  using _first = await connect({ port });
  using _second = await connect({ port });
  await assertRejects(() => connect({ port, timeout: 50 }), Error, "Timed out after 50 ms");
});

Deno.test("listenTls() yields connections under TLS", async () => {
  const { cert, key } = await certificate();
  using listener = listenTls({ hostname: "127.0.0.1", port: 0, cert, key });
  const connecting = connectTls({ port: portOf(listener), caCerts: [cert] });
  using far = await listener.accept();
  assert(far instanceof TlsConn);
  await far.writeAll("secret\n");
  using near = await connecting;
  assertEquals(await near.readLine(), "secret");
});

Deno.test("listenTls() with a bad certificate or key throws, and nothing listens", async () => {
  const { cert, key } = await certificate();
  const options = { hostname: "127.0.0.1", port: 0, cert, key };
  assertThrows(() => listenTls({ ...options, cert: "nonsense" }), Error);
  assertThrows(() => listenTls({ ...options, key: "nonsense" }), Error);
});

Deno.test("listenTls() where somebody listens throws AddrInUse and names the place", async () => {
  const { cert, key } = await certificate();
  using listener = local();
  const port = portOf(listener);
  const error = assertThrows(
    () => listenTls({ hostname: "127.0.0.1", port, cert, key }),
    Deno.errors.AddrInUse,
  );
  assert(error.message.startsWith(`Cannot listen for TLS on 127.0.0.1:${port}: `), error.message);
});
