import { assert, assertEquals, assertThrows } from "@std/assert";
import { connect, listen, spawn } from "@verdant/green";
import { assertIdle, local, pairs, portOf, portsOf, unixPlace } from "./network.ts";
import { ScriptedRaw } from "./scripted.ts";

for (const [kind, makePair] of Object.entries(pairs)) {
  Deno.test(`Conn carries lines in both directions at the same time (${kind})`, async () => {
    using pair = await makePair();
    const { conn, peer } = pair;
    const echo = spawn(async () => {
      for await (const line of peer.lines()) await peer.writeAll(`${line}!\n`);
      await peer.closeWrite();
    });
    const sender = spawn(async () => {
      for (let i = 0; i < 500; i++) await conn.writeAll(`${i}\n`);
      await conn.closeWrite();
    });
    let expected = 0;
    for await (const line of conn.lines()) assertEquals(line, `${expected++}!`);
    assertEquals(expected, 500);
    await echo.get();
    await sender.get();
    assertIdle();
  });
}

for (const kind of ["TCP", "TLS"] as const) {
  Deno.test(`Conn.localAddr and remoteAddr are each other's (${kind})`, async () => {
    using pair = await pairs[kind]();
    const [near, far] = [portsOf(pair.conn), portsOf(pair.peer)];
    assertEquals(near, { near: far.far, far: far.near });
    for (const conn of [pair.conn, pair.peer]) {
      const { near, far } = portsOf(conn);
      assertEquals({ ...conn.localAddr }, { transport: "tcp", hostname: "127.0.0.1", port: near });
      assertEquals({ ...conn.remoteAddr }, { transport: "tcp", hostname: "127.0.0.1", port: far });
      assertEquals(String(conn), `127.0.0.1:${far}`);
    }
  });
}

Deno.test("Conn.toString() is the path of a Unix socket, and says so where there is none", async () => {
  using place = unixPlace();
  using listener = listen({ path: place.path });
  using conn = await connect({ path: place.path });
  using far = await listener.accept();
  assertEquals([String(conn), String(far)], [place.path, "unnamed socket"]);
});

Deno.test("Conn.toString() puts an IPv6 address into brackets", () => {
  const raw = new ScriptedRaw();
  Object.assign(raw, { remoteAddr: { transport: "tcp", hostname: "::1", port: 80 } });
  assertEquals(String(raw.conn()), "[::1]:80");
});

Deno.test("Conn.setNoDelay() and setKeepAlive() are for TCP only", async () => {
  using tcp = await pairs.TCP();
  tcp.conn.setNoDelay();
  tcp.conn.setNoDelay(false);
  tcp.conn.setKeepAlive();
  for (const kind of ["Unix", "TLS"] as const) {
    using pair = await pairs[kind]();
    assertThrows(() => pair.conn.setNoDelay(), TypeError, "Cannot set no delay");
    assertThrows(() => pair.conn.setKeepAlive(), TypeError, "is not a plain TCP connection");
  }
});

Deno.test("Conn over IPv6 works like any other", async () => {
  using listener = listen({ hostname: "::1", port: 0 });
  const conn = await connect({ hostname: "::1", port: portOf(listener) });
  using _conn = conn;
  using far = await listener.accept();
  await far.writeAll("six\n");
  assertEquals([await conn.readLine(), String(conn)], ["six", `[::1]:${portOf(listener)}`]);
});

Deno.test("Conn of a thousand does not confuse them", async () => {
  using listener = local();
  const port = portOf(listener);
  const server = spawn(async () => {
    for await (const client of listener) {
      spawn(async () => {
        using conn = client;
        await conn.writeAll(`${await conn.readLine()}\n`);
      });
    }
  });
  const clients = Array.from({ length: 1000 }, (_, i) =>
    spawn(async () => {
      using conn = await connect({ port });
      await conn.writeAll(`${i}\n`);
      return Number(await conn.readLine());
    }));
  let sum = 0;
  for (const [i, client] of clients.entries()) {
    const answer = await client.get();
    assert(answer === i, `${i} got ${answer}`);
    sum += answer;
  }
  assertEquals(sum, 499_500);
  listener.close();
  await server.get();
  assertIdle();
});
