/** Each wait of a WebSocket, killed and timed out: no message is lost or cut, and nothing is left. */
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  connectWebSocket,
  GreenletExit,
  isKill,
  seededRandom,
  sleep,
  spawn,
  Timeout,
  type WebSocketConn,
  WebSocketError,
  withTimeout,
} from "@verdant/green";
import { assertIdleSoon, calm, caughtFrom, certificate, fullListener } from "../network.ts";
import {
  CLOSE,
  dial,
  echo,
  type Ends,
  frame,
  LIMIT,
  openEnds,
  openUpgraded,
  RawServer,
  startServer,
  TEXT,
} from "./peers.ts";

/** Starts a call, lets it wait, kills its greenlet. */
async function killDuring(call: () => Promise<unknown>): Promise<unknown> {
  const victim = spawn(call);
  await calm();
  assertEquals(victim.ready, false);
  await victim.kill();
  return victim.value;
}

for (const [kind, open] of Object.entries({ own: openEnds, "the platform's": openUpgraded })) {
  Deno.test(`WebSocketConn.receive() of ${kind} wire that is killed or times out loses no message`, async () => {
    await using ends: Ends = await open();
    const { client, server } = ends;
    assert(await killDuring(() => server.receive()) instanceof GreenletExit);
    await assertRejects(() => server.receive({ timeout: 1 }), Timeout, "receiving from");
    await assertRejects(() => server.receive({ timeout: 0 }), Timeout);
    const limit = Timeout.start(1);
    assertStrictEquals(await caughtFrom(() => server.receive({ timeout: limit })), limit);
    const controller = new AbortController();
    const waiting = caughtFrom(() => server.receive({ signal: controller.signal }));
    controller.abort("enough");
    assertEquals(await waiting, "enough");
    for (const text of ["a", "b"]) await client.send(text);
    assertEquals([await server.receive(LIMIT), await server.receive(LIMIT)], ["a", "b"]);
    assertEquals(server.closed, false);
  });
}

Deno.test("WebSocketConn.receive() that got its message before the kill keeps it", async () => {
  await using ends = await openEnds();
  const receiver = spawn(() => ends.server.receive());
  await sleep();
  await ends.client.send("mine");
  while (!receiver.ready && receiver.waits !== undefined) await sleep();
  await receiver.kill();
  assertEquals(receiver.value, "mine");
});

Deno.test("WebSocketConn.receive() with timeout: 0 takes what has come", async () => {
  await using ends = await openEnds();
  await ends.client.send("a");
  await ends.client.ping(); // so it has come
  assertEquals(await ends.server.receive({ timeout: 0 }), "a");
});

/** A message is cut into fragments, its receiver is killed in the middle, again and again. */
Deno.test("WebSocketConn.receive() that is killed in the middle of a message loses nothing", async () => {
  using server = new RawServer();
  const opening = spawn(() => connectWebSocket(server.url, LIMIT));
  const peer = await server.open();
  const ws = await opening.get();
  const pieces = frame(TEXT, "in many pieces", { masked: false });
  for (const byte of pieces.subarray(0, -1)) {
    const victim = spawn(() => ws.receive());
    await peer.write(Uint8Array.of(byte));
    await calm();
    assertEquals(victim.ready, false);
    await victim.kill();
  }
  await peer.write(pieces.subarray(-1));
  assertEquals(await ws.receive(LIMIT), "in many pieces");
  await ws.close(1000, "", { timeout: 0 });
});

/** Sends until it has to wait. */
async function fill(ws: WebSocketConn): Promise<number> {
  const part = new Uint8Array(200_000);
  for (let count = 0;; count++) {
    if (await caughtFrom(() => ws.send(part, { timeout: 20 })) !== undefined) return count;
  }
}

for (const [kind, open] of Object.entries({ own: openEnds, "the platform's": openUpgraded })) {
  Deno.test(`WebSocketConn.send() of ${kind} wire that is killed or times out has sent nothing`, async () => {
    await using ends: Ends = await open({ maxQueued: 1 });
    const { client, server } = ends; // the server sends
    let count = await fill(server);
    assert(await killDuring(() => server.send("killed")) instanceof GreenletExit);
    await assertRejects(() => server.send("late", { timeout: 1 }), Timeout, "sending to");
    await assertRejects(() => server.send("never", { timeout: 0 }), Timeout);
    const aborted = await caughtFrom(() => server.send("aborted", { signal: AbortSignal.abort("no") }));
    assertEquals(aborted, "no");
    const patient = spawn(() => server.send("patient"));
    for (; count > 0; count--) assertEquals((await client.receive(LIMIT))!.length, 200_000);
    assertEquals(await client.receive(LIMIT), "patient");
    await patient.get();
    await server.send("over");
    assertEquals(await client.receive(LIMIT), "over");
  });
}

Deno.test("WebSocketConn.send(): a kill in the line lets the next one go", async () => {
  await using ends = await openEnds({}, { maxQueued: 1 });
  const { client, server } = ends;
  let count = await fill(client);
  const [first, second, third] = ["1", "2", "3"].map((text) => spawn(() => client.send(text)));
  await calm();
  await second!.kill();
  await first!.kill();
  for (; count > 0; count--) await server.receive(LIMIT);
  assertEquals(await server.receive(LIMIT), "3");
  await third!.get();
});

Deno.test("WebSocketConn.send() that waits ends when it is closed, by either side, or lost", async () => {
  const ways: [string, (ends: Ends) => unknown][] = [
    ["was closed by", ({ client }) => void client.close(1000, "", { timeout: 0 })],
    ["it has ended with code", ({ server }) => void server.close(1000, "", { timeout: 0 })],
  ];
  for (const [message, end] of ways) {
    await using ends = await openEnds({}, { maxQueued: 1 });
    await fill(ends.client);
    const sending = caughtFrom(() => ends.client.send("in vain"));
    await calm();
    end(ends);
    const error = await sending as Error;
    assert(error instanceof WebSocketError && error.message.includes(message), String(error));
  }
});

Deno.test("WebSocketConn.ping() that is killed or times out leaves the others waiting", async () => {
  using server = new RawServer();
  const opening = spawn(() => connectWebSocket(server.url, LIMIT));
  const peer = await server.open();
  const ws = await opening.get();
  const patient = spawn(() => ws.ping("patient"));
  assert(await killDuring(() => ws.ping("killed")) instanceof GreenletExit);
  await assertRejects(() => ws.ping("late", { timeout: 1 }), Timeout, "waiting for a pong");
  for (let i = 0; i < 3; i++) await peer.frame();
  await peer.write(frame(10, "killed", { masked: false }));
  await peer.write(frame(10, "patient", { masked: false }));
  await patient.get();
  await ws.close(1000, "", { timeout: 0 });
});

Deno.test("WebSocketConn.close() that is killed closes the connection at once", async () => {
  using server = new RawServer();
  const opening = spawn(() => connectWebSocket(server.url, { ...LIMIT, closeTimeout: Infinity }));
  const peer = await server.open();
  const ws = await opening.get();
  assert(await killDuring(() => ws.close()) instanceof GreenletExit);
  assertEquals([ws.closed, ws.closeCode], [true, 1006]);
  assertEquals((await peer.frames()).map(({ opcode }) => opcode), [CLOSE]);
  await ws.close();
  await assertIdleSoon();
});

Deno.test("WebSocketConn: a kill that is due when it is disposed of does not keep it open", async () => {
  using server = new RawServer();
  const opened = Promise.withResolvers<WebSocketConn>();
  const victim = spawn(async () => {
    await using ws = await connectWebSocket(server.url, { ...LIMIT, closeTimeout: Infinity });
    opened.resolve(ws);
    await ready.promise; // not ours: a kill finds no wait to end
  });
  const ready = Promise.withResolvers<void>();
  await server.open();
  const ws = await opened.promise;
  const killing = spawn(() => victim.kill());
  await calm();
  ready.resolve();
  await killing.get();
  assertEquals([ws.closed, ws.closeCode], [true, 1006]);
  await assertIdleSoon();
});

/** Phases in which a server can leave a client waiting. */
const phases: Record<string, (server: RawServer) => Promise<unknown>> = {
  "accepts nobody": async () => {},
  "says nothing": (server) => server.accept(),
  "stops in the middle of its answer": async (server) => {
    const peer = await server.accept();
    await peer.head();
    await peer.write("HTTP/1.1 101 Swi");
  },
  "stops before the empty line": async (server) => {
    const peer = await server.accept();
    await peer.head();
    await peer.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n");
  },
};

for (const [name, act] of Object.entries(phases)) {
  Deno.test(`connectWebSocket() to a server that ${name} can be killed and timed out, and leaves nothing`, async () => {
    using server = new RawServer();
    const victim = spawn(() => connectWebSocket(server.url));
    await act(server);
    await calm();
    await victim.kill();
    assert(victim.value instanceof GreenletExit);
    const attempts: Record<string, () => Promise<WebSocketConn>> = {
      "Timeout: Timed out after 20 ms": () => withTimeout(20, () => connectWebSocket(server.url)),
      [`Timeout: Timed out after 21 ms: connecting to 127.0.0.1:${server.port}`]: () =>
        connectWebSocket(server.url, { timeout: 21 }),
      "TimeoutError: The operation was aborted due to timeout": () =>
        connectWebSocket(server.url, { signal: AbortSignal.timeout(20) }),
    };
    for (const [expected, connect] of Object.entries(attempts)) {
      act(server).catch(() => {}); // it may be too late
      assertEquals(String(await caughtFrom(connect)), expected);
    }
    await assertIdleSoon();
  });
}

Deno.test("connectWebSocket() can be killed while TCP and TLS are under way", async () => {
  {
    using full = await fullListener();
    const url = `ws://127.0.0.1:${full.port}/`;
    assert(await killDuring(() => connectWebSocket(url)) instanceof GreenletExit);
    await assertRejects(() => connectWebSocket(url, { timeout: 5 }), Timeout);
  }
  using server = new RawServer(); // which does not know TLS
  const { cert } = await certificate();
  const url = `wss://127.0.0.1:${server.port}/`;
  const accepting = server.accept();
  const victim = spawn(() => connectWebSocket(url, { caCerts: [cert] }));
  await (await accepting).conn.read(new Uint8Array(10));
  await victim.kill();
  assert(victim.value instanceof GreenletExit);
  await assertIdleSoon();
});

Deno.test("connectWebSocket() with timeout: 0 does not begin", async () => {
  using server = new RawServer();
  await assertRejects(() => connectWebSocket(server.url, { timeout: 0 }), Timeout);
  const accepting = server.accept();
  using _conn = await Deno.connect({ port: server.port }); // is the first
  assertEquals(
    (_conn.localAddr as Deno.NetAddr).port,
    ((await accepting).conn.remoteAddr as Deno.NetAddr).port,
  );
});

Deno.test("WebSocketConn: receivers that are killed at random lose and double nothing", async () => {
  const random = seededRandom(3);
  await using server = await startServer(echo);
  await using ws = await dial(server);
  const received: unknown[] = [];
  const sender = spawn(async () => {
    for (let i = 0; i < 300; i++) {
      await ws.send(`${i}`);
      if (random() < 0.3) await sleep(random() < 0.3 ? 1 : 0);
    }
  });
  while (received.length < 300) {
    const receiver = spawn(async () => {
      for (;;) {
        const message = await ws.receive(); // what it returns is kept, whatever happens next
        received.push(message);
      }
    });
    for (let turns = random() * 4; turns > 0; turns--) await sleep();
    if (random() < 0.2) await sleep(1);
    const outcome = await receiver.kill().then(() => receiver.value);
    assert(isKill(outcome));
  }
  await sender.get();
  assertEquals(received, Array.from({ length: 300 }, (_, i) => `${i}`));
});
