import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import {
  connect,
  connectTls,
  Event,
  GreenletExit,
  joinAll,
  type Listener,
  listenTls,
  type ListenTlsOptions,
  sleep,
  spawn,
  startTls,
  Timeout,
  TlsConn,
} from "@verdant/green";
import { interruptAnywhere } from "../interrupt_anywhere.ts";
import {
  assertIdle,
  assertIdleSoon,
  caughtFrom,
  certificate,
  deadPort,
  eventually,
  fullListener,
  local,
  Pair,
  pairs,
  portOf,
  text,
  unixPlace,
} from "./network.ts";

const { cert, key } = await certificate();
const caCerts = [cert];

function localTls(options: Partial<ListenTlsOptions> = {}): Listener<TlsConn> {
  return listenTls({ hostname: "127.0.0.1", port: 0, cert, key, ...options });
}

/** Two ends of a TCP connection that ends with the block. */
async function plainPair(): Promise<Pair> {
  return await pairs.TCP();
}

Deno.test("connectTls() does the handshake and checks the certificate against the name", async () => {
  using listener = localTls();
  const port = portOf(listener);
  for (const hostname of ["localhost", "127.0.0.1", undefined]) {
    const connecting = connectTls({ hostname, port, caCerts });
    using far = await listener.accept();
    await far.handshake();
    using near = await connecting;
    assertInstanceOf(near, TlsConn);
    await near.writeAll("secret\n");
    assertEquals(await far.readLine(), "secret");
  }
  assertIdle();
});

Deno.test("connectTls() takes an IPv6 address with or without brackets", async () => {
  using listener = localTls({ hostname: "[::1]" });
  for (const hostname of ["::1", "[::1]"]) {
    for (const own of [{}, { cert, key }]) {
      const connecting = connectTls({ hostname, port: portOf(listener), caCerts, ...own });
      using far = await listener.accept();
      await far.handshake();
      (await connecting).close();
    }
  }
});

Deno.test("connectTls() agrees on a protocol, the server's preference first", async () => {
  using listener = localTls({ alpnProtocols: ["h2", "http/1.1"] });
  const port = portOf(listener);
  for (
    const [offered, agreed] of [[["http/1.1", "h2"], "h2"], [["http/1.1"], "http/1.1"], [
      undefined,
      null,
    ]] as const
  ) {
    const connecting = connectTls({ port, caCerts, ...(offered && { alpnProtocols: [...offered] }) });
    using far = await listener.accept();
    const info = await far.handshake();
    using near = await connecting;
    assertEquals([info.alpnProtocol, (await near.handshake()).alpnProtocol], [agreed, agreed]);
  }
});

Deno.test("connectTls() refuses a certificate that nobody vouches for, naming the place; the server is told", async () => {
  using listener = localTls();
  const port = portOf(listener);
  const server = spawn(async () => {
    using far = await listener.accept();
    return await caughtFrom(() => far.handshake());
  });
  const error = await assertRejects(() => connectTls({ port }), Deno.errors.InvalidData);
  assert(error.message.startsWith(`Cannot connect to 127.0.0.1:${port}: `), error.message);
  assertInstanceOf(await server.get(), Deno.errors.InvalidData);
  await assertIdleSoon();
});

Deno.test("connectTls() refuses a certificate for another name", async () => {
  using listener = localTls();
  using pair = new Pair(await connect({ port: portOf(listener) }), await listener.accept());
  const shaking = startTls(pair.conn, { hostname: "example.com", caCerts });
  const server = caughtFrom(() => (pair.peer as TlsConn).handshake());
  await assertRejects(() => shaking, Deno.errors.InvalidData, "not valid for name");
  assertInstanceOf(await server, Error);
});

Deno.test("connectTls() where nobody listens throws ConnectionRefused, with a certificate to show as well", async () => {
  const port = deadPort();
  for (const own of [{}, { cert, key }]) {
    const error = await assertRejects(() => connectTls({ port, ...own }), Deno.errors.ConnectionRefused);
    assert(error.message.startsWith(`Cannot connect to 127.0.0.1:${port}: `), error.message);
  }
});

Deno.test("connectTls() shows a certificate if it has one", async () => {
  using listener = localTls();
  const connecting = connectTls({ hostname: "localhost", port: portOf(listener), caCerts, cert, key });
  using far = await listener.accept();
  await far.handshake();
  using near = await connecting;
  await far.writeAll("hello\n");
  assertEquals(await near.readLine(), "hello");
});

Deno.test("connectTls() to a server that speaks no TLS fails and closes the connection", async () => {
  using listener = local();
  const port = portOf(listener);
  const server = spawn(async () => {
    using far = await listener.accept();
    await far.readSome();
    await far.writeAll("HTTP/1.1 400 Bad Request\r\n\r\n");
    while (await far.readSome().catch(() => null) !== null);
    return "ended";
  });
  await assertRejects(() => connectTls({ port }), Deno.errors.InvalidData, `127.0.0.1:${port}`);
  assertEquals(await server.get(), "ended");
  await assertIdleSoon();
});

Deno.test("connectTls() that takes too long throws Timeout and names the place, in every phase", async () => {
  using full = await fullListener();
  using silent = local();
  for (
    const [port, own] of [[full.port, {}], [portOf(silent), {}], [portOf(silent), { cert, key }]] as const
  ) {
    const error = await assertRejects(() => connectTls({ port, timeout: 10, ...own }), Timeout);
    assertEquals(error.message, `Timed out after 10 ms: connecting to 127.0.0.1:${port}`);
  }
  await assertRejects(() => connectTls({ port: full.port, timeout: 0 }), Timeout, "after 0 ms");
  await assertIdleSoon();
});

// While a handshake is under way the platform keeps a connection that was closed, until the peer says something
// or goes. So peers that are silent go here; what the library has begun has ended before.

Deno.test("connectTls() killed in the handshake ends at once", async () => {
  using silent = local();
  const victim = spawn(() => connectTls({ port: portOf(silent) }));
  using far = await silent.accept();
  assert((await far.readSome())!.length > 0); // the client has said hello
  await eventually(() => victim.allWaits().some(({ source }) => source.what.includes("TLS handshake")));
  await victim.kill();
  assertInstanceOf(victim.value, GreenletExit);
  await assertIdleSoon();
});

for (const own of [{}, { cert, key }]) {
  interruptAnywhere(`connectTls() ${"cert" in own ? "that shows a certificate" : "of a client"}`, () => {
    const listener = localTls();
    const port = portOf(listener);
    const left = new Event();
    let come = 0;
    let ended = 0;
    const server = spawn(async () => {
      for await (const client of listener) {
        come++;
        spawn(async () => {
          using far = client;
          await caughtFrom(async () => {
            await far.writeAll("hello\n");
            while (await far.readSome() !== null);
          });
          ended++;
        });
      }
    });
    return {
      victim: async () => {
        try {
          using near = await connectTls({ hostname: "localhost", port, caCerts, ...own });
          assertEquals(await near.readLine(), "hello");
        } finally {
          left.set();
        }
      },
      others: [async () => {
        await left.wait();
        // One more client tells that those before it have come.
        using near = await connectTls({ hostname: "localhost", port, caCerts });
        assertEquals(await near.readLine(), "hello");
      }],
      check: async () => {
        await eventually(() => come > 0 && ended === come);
        listener.close();
        await server.join();
      },
    };
  });
}

Deno.test("connectTls() of many that are killed leaves no connection open at the other side", async () => {
  const listener = localTls({ backlog: 1000 });
  const port = portOf(listener);
  let come = 0;
  let ended = 0;
  const server = spawn(async () => {
    for await (const client of listener) {
      come++;
      spawn(async () => {
        using far = client;
        await caughtFrom(async () => {
          while (await far.readSome() !== null);
        });
        ended++;
      });
    }
  });
  for (let round = 0; round < 60; round++) {
    const victims = [0, 1, 2].map(() =>
      spawn(() => connectTls({ port, caCerts }).then((conn) => conn.close()))
    );
    await joinAll(victims, { timeout: round % 6 / 2 });
    for (const victim of victims) await victim.kill();
  }
  using last = await connectTls({ port, caCerts });
  last.close();
  await eventually(() => come > 0 && ended === come);
  listener.close();
  await server.join();
  await assertIdleSoon();
});

// ---- startTls() ------------------------------------------------------------------------------------

Deno.test("startTls() goes on under TLS after a greeting in plain text", async () => {
  using listener = local();
  const server = spawn(async () => {
    using plain = await listener.accept();
    await plain.writeAll("ready\n");
    assertEquals(await plain.readLine(), "STARTTLS");
    // The platform cannot be the server of a connection that exists: what it gets is the client's hello.
    return await plain.readExactly(3);
  });
  const conn = await connect({ port: portOf(listener) });
  assertEquals(await conn.readLine(), "ready");
  await conn.writeAll("STARTTLS\n");
  await assertRejects(() => startTls(conn, { hostname: "localhost", caCerts }), Error);
  const record = await server.get();
  assertEquals([record[0], record[1]], [22, 3]); // a handshake, TLS 1.x
  assertEquals(conn.closed, true);
  await assertIdleSoon();
});

Deno.test("startTls() yields a TLS connection, and the TCP connection counts as closed", async () => {
  using listener = localTls();
  const conn = await connect({ port: portOf(listener) });
  using far = await listener.accept();
  const starting = startTls(conn, { hostname: "localhost", caCerts });
  assertEquals(conn.closed, true);
  await far.handshake();
  using near = await starting;
  await near.writeAll("secret\n");
  assertEquals(await far.readLine(), "secret");
  await assertRejects(() => conn.readSome(), Deno.errors.BadResource, "was detached");
  assertThrows(() => startTls(conn, { hostname: "localhost" }), Deno.errors.BadResource);
});

Deno.test("startTls() does not wait for acknowledgements that peers delay", async () => {
  let quickest = Infinity;
  for (let i = 0; i < 5; i++) {
    const start = performance.now();
    using _pair = await pairs.TLS();
    quickest = Math.min(quickest, performance.now() - start);
  }
  assert(quickest < 30, `${quickest} ms`); // 45 if it does
});

Deno.test("startTls() is refused at the call while a read is under way or bytes are not read", async () => {
  using pair = await plainPair();
  const { conn, peer } = pair;
  const reader = spawn(() => conn.readExactly(2));
  await sleep();
  assertThrows(() => startTls(conn, { hostname: "localhost" }), Deno.errors.Busy);
  await peer.writeAll("abc");
  await reader.get();
  assertThrows(() => startTls(conn, { hostname: "localhost" }), Deno.errors.Busy);
  assertEquals(conn.closed, false);
  assertEquals(text(await conn.readExactly(1)), "c");
});

Deno.test("startTls() with timeout: 0, or interrupted before it began, leaves the connection as it is", async () => {
  using pair = await plainPair();
  const { conn, peer } = pair;
  const options = { hostname: "localhost" };
  const error = await assertRejects(() => startTls(conn, { ...options, timeout: 0 }), Timeout);
  assertEquals(error.message, `Timed out after 0 ms: starting TLS with ${conn}`);
  const reason = await startTls(conn, { ...options, signal: AbortSignal.abort("no") }).catch((reason) =>
    reason
  );
  assertEquals(reason as unknown, "no");
  await peer.writeAll("still plain\n");
  assertEquals(await conn.readLine(), "still plain");
});

Deno.test("startTls() that times out or is killed closes the connection and names the peer", async () => {
  for (const end of ["time-out", "kill"]) {
    using pair = await plainPair();
    const { conn, peer } = pair;
    if (end === "kill") {
      const victim = spawn(() => startTls(conn, { hostname: "localhost" }));
      assert((await peer.readSome())!.length > 0);
      await victim.kill();
    } else {
      const error = await assertRejects(
        () => startTls(conn, { hostname: "localhost", timeout: 10 }),
        Timeout,
      );
      assertEquals(error.message, `Timed out after 10 ms: starting TLS with ${conn}`);
    }
    await assertIdleSoon();
  }
});

Deno.test("startTls() has the limit of setTimeout(), and hands it down", async () => {
  using listener = localTls();
  for (const own of [undefined, 11]) {
    using silent = await plainPair();
    silent.conn.setTimeout(10);
    const starting = startTls(silent.conn, { hostname: "localhost", timeout: own });
    await assertRejects(() => starting, Timeout, `after ${own ?? 10} ms`);
    const plain = await connect({ port: portOf(listener) });
    if (own !== undefined) plain.setTimeout(10);
    using far = await listener.accept();
    const shaking = far.handshake();
    using near = await startTls(plain, { hostname: "localhost", caCerts, timeout: 5_000 });
    await shaking;
    assertEquals(near.timeout, own === undefined ? null : 10);
  }
});

Deno.test("startTls() on a Unix socket fails and closes it", async () => {
  using _place = unixPlace();
  using pair = await pairs.Unix();
  await assertRejects(() => startTls(pair.conn, { hostname: "localhost" }), Error);
  assertEquals(pair.conn.closed, true);
  assertEquals(await pair.peer.readSome().catch(() => null), null);
});
