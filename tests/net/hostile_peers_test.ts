/**
 * Clients that are slow, silent, rude or gone: they may harm themselves, nobody else.
 *
 * `GREEN_STRESS_CONNS` says how many silent connections there are (300 by default); then the latency of a good
 * client beside them is measured and limited, too.
 */
import net from "node:net";
import { assert, assertEquals, assertInstanceOf, assertLess } from "@std/assert";
import {
  type Conn,
  connectTls,
  Event,
  Queue,
  spawn,
  type StreamHandler,
  type StreamServer,
  Timeout,
  TooLongError,
} from "@verdant/green";
import { captureErrors } from "../helpers.ts";
import { bytes, certificate } from "./network.ts";
import { ask, dial, drained, echo, portOf, startServer } from "./servers.ts";

const ASKED = Deno.env.get("GREEN_STRESS_CONNS");
const SILENT_CONNECTIONS = Number(ASKED ?? 300);
/** Measurements alternate: what else the machine does comes and goes. */
const ROUNDS = ASKED === undefined ? 1 : 5;
/** Far above what anything here takes (ms). */
const LIMIT = { timeout: 30_000 };

/** Watches how handlers end. */
class Endings {
  readonly #endings = new Queue<unknown>();

  /** The handler, watched. */
  of(handler: StreamHandler): StreamHandler {
    return async (conn, server) => {
      try {
        await handler(conn, server);
        this.#endings.putNowait(undefined);
      } catch (error) {
        this.#endings.putNowait(error);
        throw error;
      }
    };
  }

  /** What the next handler to end throws; `undefined` if it returns. */
  next(): Promise<unknown> {
    return this.#endings.get(LIMIT);
  }
}

/** A client that has nothing to do with the library. */
function rawClient(server: StreamServer): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname: "127.0.0.1", port: portOf(server) });
}

function rawClients(server: StreamServer, count: number): Promise<Deno.TcpConn[]> {
  return Promise.all(Array.from({ length: count }, () => rawClient(server)));
}

async function assertServes(server: StreamServer): Promise<void> {
  using conn = await dial(server);
  assertEquals(await ask(conn, "are you there?"), "are you there?");
}

function assertConnectionLost(error: unknown): void {
  const lost = error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe;
  assert(lost, String(error));
}

Deno.test("StreamServer drops clients that send a byte now and then, and serves the others meanwhile", async () => {
  using errors = captureErrors();
  const endings = new Endings();
  const patient: StreamHandler = async (conn) => {
    for await (const line of conn.lines({ timeout: 200 })) await conn.writeAll(`${line}\n`);
  };
  await using server = await startServer(endings.of(patient));
  const clients = await rawClients(server, 20);
  const over = new Event();
  const drip = setInterval(() => {
    for (const client of clients) client.write(bytes("x")).catch(() => over.set());
  }, 5);
  await assertServes(server);
  assertEquals(await endings.next(), undefined); // the good one was the first to be done
  for (let i = 0; i < clients.length; i++) assertInstanceOf(await endings.next(), Timeout);
  await over.wait(LIMIT); // and they notice
  clearInterval(drip);
  for (const client of clients) client.close();
  assertEquals([server.running, errors.seen.length], [0, clients.length]);
});

Deno.test("StreamServer answers a client that has closed its writing side", async () => {
  await using server = await startServer(async (conn) => {
    let count = 0;
    for await (const _line of conn.lines()) count++;
    await conn.writeAll(`${count} lines\n`);
  });
  using conn = await dial(server);
  await conn.writeAll("a\nb\nc");
  await conn.closeWrite();
  assertEquals([await conn.readLine(), await conn.readLine()], ["3 lines", null]);
});

Deno.test("StreamServer gets rid of clients that come and go", async () => {
  using errors = captureErrors();
  const endings = new Endings();
  await using server = await startServer(endings.of(echo));
  for (const client of await rawClients(server, 100)) client.close();
  for (let i = 0; i < 100; i++) assertEquals(await endings.next(), undefined);
  assertEquals([server.running, errors.seen], [0, []]);
  await assertServes(server);
});

/** Connects, waits for the first bytes, and resets the connection. */
async function connectAndReset(server: StreamServer): Promise<void> {
  const socket = net.connect(portOf(server), "127.0.0.1"); // of Node, which has a way to do that
  const closed = new Promise((resolve) => socket.once("close", resolve));
  await new Promise((resolve) => socket.once("data", resolve));
  socket.resetAndDestroy();
  await closed;
}

Deno.test("StreamServer survives clients that reset the connection while a handler reads", async () => {
  using errors = captureErrors();
  const endings = new Endings();
  const greet: StreamHandler = async (conn) => {
    await conn.writeAll("hello\n");
    await conn.readLine();
  };
  await using server = await startServer(endings.of(greet));
  for (let i = 0; i < 20; i++) {
    await connectAndReset(server);
    assertInstanceOf(await endings.next(), Deno.errors.ConnectionReset);
  }
  assertEquals([server.running, errors.seen.length], [0, 20]);
  using conn = await dial(server);
  assertEquals(await conn.readLine(), "hello");
});

Deno.test("StreamServer survives clients that reset the connection in the middle of a write", async () => {
  using errors = captureErrors();
  const endings = new Endings();
  const flood: StreamHandler = async (conn) => {
    if (await conn.readLine() === "flood") await conn.writeAll(new Uint8Array(64 * 1024 * 1024));
    else await conn.writeAll("hello\n");
  };
  await using server = await startServer(endings.of(flood));
  const clients = await rawClients(server, 4);
  for (const client of clients) await client.write(bytes("flood\n"));
  for (const client of clients) {
    await client.read(new Uint8Array(1000)); // the write is under way
    client.close(); // a reset, because of what it has not read
    assertConnectionLost(await endings.next());
  }
  assertEquals([server.running, errors.seen.length], [0, 4]);
  using conn = await dial(server);
  assertEquals(await ask(conn, "hello"), "hello");
});

Deno.test("StreamServer is not blocked by a client that never reads", async () => {
  using errors = captureErrors();
  const endings = new Endings();
  const handler: StreamHandler = async (conn) => {
    conn.setTimeout(100);
    for await (const line of conn.lines()) {
      if (line === "more") { for (;;) await conn.writeAll(new Uint8Array(1024 * 1024)); }
      await conn.writeAll(`${line}\n`);
    }
  };
  await using server = await startServer(endings.of(handler));
  using greedy = await rawClient(server);
  await greedy.write(bytes("more\n"));
  await assertServes(server);
  assertEquals(await endings.next(), undefined);
  assertInstanceOf(await endings.next(), Timeout);
  assertEquals(errors.seen.length, 1);
});

for (const [name, maxBytes] of [["the limit", 1_000], ["the usual limit", undefined]] as const) {
  Deno.test(`StreamServer closes a client whose line never ends, at ${name}`, async () => {
    using errors = captureErrors();
    const endings = new Endings();
    let most = 0;
    const handler: StreamHandler = async (conn) => {
      for await (const line of conn.lines({ maxBytes })) {
        most = Math.max(most, line.length);
        await conn.writeAll(`${line}\n`);
      }
    };
    await using server = await startServer(endings.of(handler));
    const client = await rawClient(server);
    const endless = (async () => {
      const chunk = new Uint8Array(10_000).fill(120);
      for (;;) await client.write(chunk);
    })().catch((error) => error);
    assertInstanceOf(await endings.next(), TooLongError);
    assertConnectionLost(await endless);
    client.close();
    await assertServes(server);
    assertEquals([errors.seen.length, most], [1, "are you there?".length]);
  });
}

Deno.test("StreamServer with tls is not blocked by clients that stop in the middle of the handshake", async () => {
  using errors = captureErrors();
  const { cert, key } = await certificate();
  const endings = new Endings();
  const server = await startServer(endings.of(echo), { tls: { cert, key }, handshakeTimeout: 300 });
  await using _server = server;
  const clients = await rawClients(server, 30);
  for (const [index, client] of clients.entries()) {
    if (index % 3 === 1) await client.write(Uint8Array.of(22, 3, 1)); // the first bytes of a ClientHello
    if (index % 3 === 2) await client.write(bytes("GET / HTTP/1.1\r\n\r\n"));
  }
  {
    using conn = await connectTls({ port: portOf(server), caCerts: [cert] });
    assertEquals(await ask(conn, "hello"), "hello");
  }
  while (server.running > 0) await tick();
  assertEquals(errors.seen.length, clients.length);
  assertEquals(errors.seen.filter((error) => error instanceof Timeout).length, 20);
  for (const client of clients) client.close();
});

Deno.test("StreamServer with tls survives rubbish after the handshake", async () => {
  using errors = captureErrors();
  const { cert, key } = await certificate();
  const endings = new Endings();
  await using server = await startServer(endings.of(echo), { tls: { cert, key } });
  // A relay, because nobody can write past the TLS of a connection that has it.
  using relay = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connecting = connectTls({ port: relay.addr.port, caCerts: [cert] });
  const [near, far] = [await relay.accept(), await rawClient(server)];
  const piping = [
    near.readable.pipeTo(far.writable, { preventClose: true, preventAbort: true }).catch(() => {}),
    far.readable.pipeTo(near.writable).catch(() => {}),
  ];
  const conn = await connecting;
  assertEquals(await ask(conn, "hello"), "hello");
  await far.write(bytes("this is no record of TLS"));
  assertInstanceOf(await endings.next(), Error);
  await drained(conn).catch(() => {});
  conn.close();
  await Promise.all(piping);
  closeIfOpen(near);
  closeIfOpen(far);
  assertEquals(errors.seen.length, 1);
  using other = await connectTls({ port: portOf(server), caCerts: [cert] });
  assertEquals(await ask(other, "hello"), "hello");
});

function closeIfOpen(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // Its streams have closed it.
  }
}

function tick(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

Deno.test(`StreamServer serves others beside ${SILENT_CONNECTIONS} connections that never send`, async () => {
  const endings = new Endings();
  const server = await startServer(endings.of(echo));
  await using _server = server;
  using good = await dial(server);
  await ask(good, "hello");
  const [alone, beside] = [new Latency(), new Latency()];
  for (let round = 0; round < ROUNDS; round++) {
    if (ASKED !== undefined) await alone.measure(good);
    const silent: Deno.Conn[] = [];
    while (silent.length < SILENT_CONNECTIONS) silent.push(...await rawClients(server, 50));
    while (server.running <= silent.length) await tick();
    for (let i = 0; i < 100; i++) assertEquals(await ask(good, `${i}`), `${i}`);
    const newcomers = Array.from({ length: 20 }, () => spawn(() => assertServes(server)));
    for (const newcomer of newcomers) await newcomer.get();
    if (ASKED !== undefined) await beside.measure(good);
    for (const conn of silent) conn.close();
    for (let i = 0; i < silent.length + newcomers.length; i++) assertEquals(await endings.next(), undefined);
  }
  assertEquals([await ask(good, "still here"), server.running], ["still here", 1]);
  if (ASKED === undefined) return;
  const figures = `p99 ${alone} alone, ${beside} beside ${SILENT_CONNECTIONS} silent connections`;
  console.log(figures);
  assertLess(beside.p99, 2 * alone.p99, figures);
});

/** How long (ms) questions take: what only one of a hundred exceeds. */
class Latency {
  /** Other programs disturb single measurements, so the best of all counts. */
  p99 = Infinity;

  async measure(conn: Conn): Promise<void> {
    for (let i = 0; i < 10; i++) this.p99 = Math.min(this.p99, await this.#measureOnce(conn));
  }

  async #measureOnce(conn: Conn): Promise<number> {
    const times = new Float64Array(1_000);
    for (let i = 0; i < times.length; i++) {
      const start = performance.now();
      await ask(conn, "how long does this take?");
      times[i] = performance.now() - start;
    }
    return times.sort()[times.length * 0.99]!;
  }

  toString(): string {
    return `${(this.p99 * 1_000).toFixed(0)} µs`;
  }
}
