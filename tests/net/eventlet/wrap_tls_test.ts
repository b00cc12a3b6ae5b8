import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { createSocketPair, eventlet, listen, spawn, Timeout, TlsConn } from "@verdant/green";
import { certificate, portOf, unixPlace } from "../network.ts";
import { ask, echo } from "../servers.ts";

const local = () => eventlet.listen(["127.0.0.1", 0]);

/** The certificate and its key in files, until disposed. */
async function pemFiles(): Promise<Disposable & { readonly certfile: string; readonly keyfile: string }> {
  const { cert, key } = await certificate();
  const directory = Deno.makeTempDirSync({ prefix: "green-" });
  const [certfile, keyfile] = [`${directory}/cert.pem`, `${directory}/key.pem`];
  Deno.writeTextFileSync(certfile, cert);
  Deno.writeTextFileSync(keyfile, key);
  return { certfile, keyfile, [Symbol.dispose]: () => Deno.removeSync(directory, { recursive: true }) };
}

Deno.test("eventlet.wrapTls() puts TLS on both ends", async () => {
  const { cert, key } = await certificate();
  const plain = local();
  using sock = eventlet.wrapTls(plain, { cert, key });
  assertInstanceOf(sock, eventlet.ListeningSocket);
  assertEquals([plain.closed, portOf(sock)], [true, portOf(plain)]);
  await using _serving = spawn(() => eventlet.serve(sock, echo));
  const tcp = await eventlet.connect(["127.0.0.1", portOf(sock)]);
  using conn = await eventlet.wrapTls(tcp, { hostname: "localhost", caCerts: [cert] });
  assertInstanceOf(conn, TlsConn);
  assertEquals([await ask(conn, "hello"), tcp.closed], ["hello", true]);
});

Deno.test("eventlet.wrapSsl() reads certificate and key from files", async () => {
  using files = await pemFiles();
  const { certfile, keyfile } = files;
  using sock = eventlet.wrapSsl(local(), { certfile, keyfile, serverSide: true });
  await using _serving = spawn(() => eventlet.serve(sock, echo));
  const tcp = await eventlet.connect(["", portOf(sock)]);
  using conn = await eventlet.wrapSsl(tcp, { serverHostname: "localhost", caCerts: certfile });
  assertEquals(await ask(conn, "hello"), "hello");
});

Deno.test("eventlet.wrapSsl() checks the certificate of the server, which eventlet does not", async () => {
  using files = await pemFiles();
  using sock = eventlet.wrapSsl(local(), files);
  const serving = spawn(() => eventlet.serve(sock, (conn) => conn.readLine()).catch((error) => error));
  const tcp = await eventlet.connect(["", portOf(sock)]);
  const options = { serverHostname: "localhost" };
  await assertRejects(() => eventlet.wrapSsl(tcp, options), Deno.errors.InvalidData);
  assert(tcp.closed);
  assertInstanceOf(await serving.get(), Error);
});

Deno.test("eventlet.wrapSsl() that fails leaves the listener or connection as it is", async () => {
  using files = await pemFiles();
  const { certfile, keyfile } = files;
  using sock = local();
  const missing = `${certfile}.missing`;
  const cases: [unknown, new () => Error][] = [
    [{ certfile: missing, keyfile }, Deno.errors.NotFound],
    [{ certfile, keyfile: certfile }, Deno.errors.InvalidData],
    [{ keyfile }, TypeError],
    [{ certfile }, TypeError],
    [{ certfile: "", keyfile }, TypeError],
    [{ certfile, keyfile, serverSide: false }, TypeError],
  ];
  for (const [options, Class] of cases) {
    assertThrows(() => eventlet.wrapSsl(sock, options as never), Class);
    assertEquals(sock.closed, false);
  }
  const [conn, peer] = await createSocketPair();
  using _conn = conn;
  using _peer = peer;
  const clientCases: [unknown, new () => Error, string][] = [
    [{}, TypeError, "hostname must be a non-empty string"],
    [{ serverHostname: "localhost", caCerts: missing }, Deno.errors.NotFound, missing],
    [{ serverHostname: "localhost", serverSide: true }, TypeError, "wrap the listener"],
    [{ serverHostname: "localhost", timeout: -1 }, RangeError, "received -1"],
  ];
  for (const [options, Class, message] of clientCases) {
    assertThrows(() => eventlet.wrapSsl(conn, options as never), Class, message);
  }
  await conn.writeAll("hello\n");
  assertEquals(await peer.readLine(), "hello");
});

Deno.test("eventlet.wrapSsl() of a client can be limited", async () => {
  const [conn, peer] = await createSocketPair();
  using _conn = conn;
  using _peer = peer;
  const options = { serverHostname: "localhost", timeout: 5 };
  await assertRejects(() => eventlet.wrapSsl(conn, options), Timeout);
});

Deno.test("eventlet.wrapTls() takes any listener for TCP, and nothing else", async () => {
  const { cert, key } = await certificate();
  using _sock = eventlet.wrapTls(listen({ hostname: "127.0.0.1", port: 0 }), { cert, key });
  using place = unixPlace();
  using unix = eventlet.listen(place.path);
  assertThrows(() => eventlet.wrapTls(unix, { cert, key }), TypeError, "does not listen for TCP");
  assertThrows(() => eventlet.wrapTls(8443 as never, { cert, key }), TypeError, "received 8443");
});
