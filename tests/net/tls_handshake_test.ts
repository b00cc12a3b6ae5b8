import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import {
  type Conn,
  connect,
  connectTls,
  type Listener,
  listenTls,
  sleep,
  spawn,
  startTls,
  Timeout,
  type TlsConn,
} from "@verdant/green";
import { assertIdleSoon, caughtFrom, certificate, Pair, portOf } from "./network.ts";

const { cert, key } = await certificate();
const caCerts = [cert];

function localTls(): Listener<TlsConn> {
  return listenTls({ hostname: "127.0.0.1", port: 0, cert, key });
}

/** A server's end of a connection whose client keeps silent. */
async function silentClient(): Promise<Pair> {
  using listener = localTls();
  const client: Conn = await connect({ port: portOf(listener) });
  return new Pair(await listener.accept(), client);
}

Deno.test("listenTls() accepts before the handshake: a silent client holds up nobody", async () => {
  using listener = localTls();
  const port = portOf(listener);
  using _silent = await connect({ port });
  using first = await listener.accept();
  const connecting = connectTls({ port, caCerts });
  using second = await listener.accept();
  await second.handshake();
  using near = await connecting;
  await near.writeAll("served\n");
  assertEquals(await second.readLine(), "served");
  await assertRejects(() => first.handshake({ timeout: 5 }), Timeout);
});

Deno.test("TlsConn.handshake() that times out or is killed closes the connection", async () => {
  for (const end of ["time-out", "kill"]) {
    using pair = await silentClient();
    const conn = pair.conn as TlsConn;
    if (end === "kill") {
      const victim = spawn(() => conn.handshake());
      await sleep();
      await victim.kill();
    } else {
      const error = await assertRejects(() => conn.handshake({ timeout: 5 }), Timeout);
      assertEquals(error.message, `Timed out after 5 ms: waiting for the TLS handshake with ${conn}`);
    }
    assertEquals(conn.closed, true);
    await assertIdleSoon();
  }
});

Deno.test("TlsConn.handshake() has the limit of setTimeout() unless it is given another", async () => {
  for (const [own, limit] of [[undefined, 5], [6, 6]]) {
    using pair = await silentClient();
    pair.conn.setTimeout(5);
    const shaking = (pair.conn as TlsConn).handshake({ timeout: own });
    await assertRejects(() => shaking, Timeout, `after ${limit} ms`);
  }
});

Deno.test("TlsConn.close() ends a handshake of another greenlet, which is told", async () => {
  using pair = await silentClient();
  const conn = pair.conn as TlsConn;
  const victim = spawn(() => caughtFrom(() => conn.handshake()));
  await sleep();
  conn.close();
  const error = await victim.get();
  assertInstanceOf(error, Deno.errors.Interrupted);
  assertEquals(error.message, `The TLS handshake with ${conn} ended: it was closed`);
  const later = await assertRejects(() => conn.handshake(), Deno.errors.BadResource);
  assertEquals(later.message, `Cannot shake hands with ${conn}: it was closed by the main flow`);
  await assertIdleSoon();
});

Deno.test("TlsConn.handshake() killed by its own greenlet's error is that error, though the connection closes", async () => {
  using pair = await silentClient();
  const conn = pair.conn as TlsConn;
  const error = new RangeError("thrown into it");
  const victim = spawn(() => caughtFrom(() => conn.handshake()));
  await sleep();
  victim.throw(error);
  assertStrictEquals(await victim.get(), error);
});

Deno.test("TlsConn does the handshake with the first read or write if nobody asks for it", async () => {
  using listener = localTls();
  const connecting = connectTls({ port: portOf(listener), caCerts });
  using far = await listener.accept();
  const greeting = spawn(() => far.writeAll("hello\n"));
  using near = await connecting;
  await greeting.get();
  assertEquals(await near.readLine(), "hello");
});

Deno.test("TlsConn.readLine() killed in the handshake that it does loses nothing", async () => {
  using listener = localTls();
  const tcp = await connect({ port: portOf(listener) });
  using far = await listener.accept();
  const victim = spawn(() => far.readLine());
  await sleep();
  await victim.kill();
  assertEquals(far.closed, false);
  using near = await startTls(tcp, { hostname: "localhost", caCerts });
  await near.writeAll("first\n");
  assertEquals(await far.readLine(), "first");
});
