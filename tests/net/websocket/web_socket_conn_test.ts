/** What a `WebSocketConn` does, whatever its wire. */
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  ConcurrentObjectUseError,
  connectWebSocket,
  getHub,
  joinAll,
  sleep,
  spawn,
  Timeout,
  type WebSocketConn,
  WebSocketError,
} from "@verdant/green";
import { captureErrors } from "../../helpers.ts";
import { assertIdleSoon, calm, eventually } from "../network.ts";
import {
  acceptHead,
  CLOSE,
  CONTINUATION,
  type Ends,
  frame,
  LIMIT,
  openEnds,
  openUpgraded,
  PING,
  PONG,
  RawPeer,
  RawServer,
  startServer,
  TEXT,
} from "./peers.ts";

const kinds: Record<string, () => Promise<Ends>> = {
  "both ends": () => openEnds(),
  "an end of the platform": () => openUpgraded(),
};

for (const [kind, open] of Object.entries(kinds)) {
  Deno.test(`WebSocketConn.send() and receive() with ${kind}: text stays text, bytes stay bytes, in order`, async () => {
    await using ends = await open();
    const messages = [
      "hello",
      "",
      "grün €𝄞",
      Uint8Array.of(1, 2, 3),
      new Uint8Array(0),
      "x".repeat(100_000),
      new Uint8Array(300_000).fill(5),
    ];
    for (const [from, to] of [[ends.client, ends.server], [ends.server, ends.client]] as const) {
      const sending = spawn(async () => {
        for (const message of messages) await from.send(message);
      });
      for (const message of messages) assertEquals(await to.receive(LIMIT), message);
      await sending.get();
    }
  });

  Deno.test(`WebSocketConn.close() with ${kind} ends both with its code and reason`, async () => {
    await using ends = await open();
    const receiving = spawn(() => ends.server.receive());
    await ends.client.close(3001, "fertig €");
    assertEquals(await receiving.get(), undefined);
    assertEquals([ends.server.closeCode, ends.server.closeReason, ends.server.closed], [
      3001,
      "fertig €",
      true,
    ]);
    assertEquals([ends.client.closeCode, ends.client.closed], [3001, true]);
    assertEquals(await ends.client.receive(), undefined);
    await ends.client.close();
    await ends.server.close();
  });

  Deno.test(`WebSocketConn.close() with ${kind} by the server`, async () => {
    await using ends = await open();
    const receiving = spawn(() => ends.client.receive());
    await ends.server.close(1008, "no");
    assertEquals(await receiving.get(), undefined);
    assertEquals([ends.client.closeCode, ends.client.closeReason], [1008, "no"]);
    assertEquals(ends.server.closeCode, 1008);
  });

  Deno.test(`WebSocketConn.close() with ${kind} sends what was accepted before`, async () => {
    await using ends = await open();
    for (let i = 0; i < 50; i++) await ends.client.send(`${i}`);
    await ends.client.close();
    for (let i = 0; i < 50; i++) assertEquals(await ends.server.receive(), `${i}`);
    assertEquals(await ends.server.receive(), undefined);
  });

  Deno.test(`WebSocketConn iteration with ${kind} yields the messages to the end, and leaving it closes nothing`, async () => {
    await using ends = await open();
    for (const text of ["a", "b", "c"]) await ends.client.send(text);
    for await (const message of ends.server) {
      assertEquals(message, "a");
      break;
    }
    void ends.client.close();
    assertEquals(await Array.fromAsync(ends.server), ["b", "c"]);
  });

  Deno.test(`WebSocketConn.receive() with ${kind}: a second receiver is refused, and is told who the first is`, async () => {
    await using ends = await open();
    const first = spawn(() => ends.server.receive());
    await sleep();
    assertThrows(() => void ends.server.receive(), ConcurrentObjectUseError, `#${first.id}`);
    await ends.client.send("for the first");
    assertEquals(await first.get(), "for the first");
  });

  Deno.test(`WebSocketConn.send() with ${kind} after the end throws, and says what the end was`, async () => {
    await using ends = await open();
    await ends.client.close(4000, "enough");
    await eventually(() => ends.server.closed);
    const error = await assertRejects(() => ends.server.send("x"), WebSocketError, "4000 (enough)");
    assertEquals((error as WebSocketError).code, 4000);
    await assertRejects(() => ends.client.send("x"), WebSocketError, "was closed by the main flow");
  });

  Deno.test(`WebSocketConn with ${kind}: a connection that is lost ends with 1006`, async () => {
    await using ends = await open();
    const receiving = spawn(() => ends.server.receive());
    await sleep();
    await ends.client.close(1000, "", { timeout: 0 }).catch(() => {});
    assertEquals(await receiving.get(), undefined);
    assert([1000, 1006].includes(ends.server.closeCode!)); // the close frame may have gone before
    assertEquals(ends.client.closeCode, 1006);
  });
}

Deno.test("WebSocketConn tells addresses, protocol and state", async () => {
  await using ends = await openEnds({ protocols: ["a", "b"] }, { protocols: ["c", "b"] });
  const { client, server } = ends;
  assertEquals([client.protocol, server.protocol], ["b", "b"]);
  assertEquals([client.closed, client.closeCode, client.closeReason, client.bufferedAmount], [
    false,
    undefined,
    undefined,
    0,
  ]);
  const { port } = client.remoteAddr as Deno.NetAddr;
  assertEquals([client.url, server.url], [`ws://127.0.0.1:${port}/`, `ws://127.0.0.1:${port}/`]);
  assertEquals((server.remoteAddr as Deno.NetAddr).hostname, "127.0.0.1");
  assertEquals(String(client), `WebSocket of 127.0.0.1:${port}`);
});

Deno.test("WebSocketConn refuses bad input at the call", async () => {
  await using ends = await openEnds();
  const { client } = ends;
  for (const bad of [undefined, null, 5, {}, new ArrayBuffer(3)]) {
    assertThrows(() => void client.send(bad as unknown as string), TypeError, String(bad));
  }
  assertThrows(() => void client.ping(5 as unknown as string), TypeError, "5");
  assertThrows(() => void client.ping("x".repeat(126)), RangeError, "126");
  for (const code of [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 1.5, NaN]) {
    assertThrows(() => void client.close(code), RangeError, String(code));
  }
  assertThrows(() => void client.close(1000, "€".repeat(42)), RangeError, "126");
  assertThrows(() => void client.close(1000, 5 as unknown as string), TypeError, "5");
  for (const call of [() => client.receive({ timeout: -1 }), () => client.send("x", { timeout: NaN })]) {
    assertThrows(() => void call(), RangeError);
  }
  assertThrows(() => void client.close(1000, "", { timeout: -1 }), RangeError);
  assertEquals(client.closed, false);
  await client.send("still there");
  assertEquals(await ends.server.receive(), "still there");
});

Deno.test("WebSocketConn.receive() yields what came before the end, then the end, again and again", async () => {
  await using ends = await openEnds();
  await ends.client.send("last words");
  await ends.client.close();
  await eventually(() => ends.server.closed);
  assertEquals(await ends.server.receive(), "last words");
  for (let i = 0; i < 3; i++) assertEquals(await ends.server.receive(), undefined);
});

Deno.test("WebSocketConn.receive() tells a violation after what came before it, again and again", async () => {
  using server = new RawServer();
  const opening = spawn(() => connectWebSocket(server.url, LIMIT));
  const peer = await server.open();
  const ws = await opening.get();
  await peer.write(frame(TEXT, "good", { masked: false }), frame(TEXT, "bad", { masked: true }));
  assertEquals(await peer.closeCode(), 1002);
  assertEquals(await ws.receive(), "good");
  const errors = [await ws.receive().catch((error) => error), await ws.receive().catch((error) => error)];
  assertInstanceOf(errors[0], WebSocketError);
  assertStrictEquals(errors[0], errors[1]);
  assertEquals([(errors[0] as WebSocketError).code, ws.closeCode, ws.closeReason], [
    1002,
    1002,
    "A frame of a server is masked",
  ]);
  peer.close();
  await ws.close();
});

Deno.test("WebSocketConn.send() of several greenlets: first come first served, messages stay whole", async () => {
  await using ends = await openEnds({ maxBuffered: 1000 });
  const senders = Array.from({ length: 20 }, (_, name) =>
    spawn(async () => {
      for (let i = 0; i < 10; i++) await ends.client.send(`${name}:${i}:${"x".repeat(20_000)}`);
    }));
  const next = new Array(20).fill(0);
  for (let i = 0; i < 200; i++) {
    const [name, count, rest] = (await ends.server.receive(LIMIT) as string).split(":");
    assertEquals([next[Number(name)]++, rest!.length], [Number(count), 20_000]);
  }
  await joinAll(senders, { raiseError: true });
});

Deno.test("WebSocketConn.send() serves those who wait in the order in which they came", async () => {
  await using ends = await openEnds({ maxBuffered: 0 }, { maxQueued: 1 });
  const { client, server } = ends;
  const filling = spawn(async () => {
    for (;;) await client.send(new Uint8Array(1_000_000));
  });
  await eventually(() => client.bufferedAmount > 0);
  await calm();
  await filling.kill();
  const senders = [1, 2, 3].map((n) => spawn(() => client.send(`${n}`)));
  await sleep();
  const texts: unknown[] = [];
  while (texts.length < 3) {
    const message = await server.receive(LIMIT);
    if (typeof message === "string") texts.push(message);
  }
  await joinAll(senders, { raiseError: true });
  assertEquals(texts, ["1", "2", "3"]);
});

Deno.test("WebSocketConn.send() takes a copy of the bytes", async () => {
  await using ends = await openEnds();
  const data = Uint8Array.of(1, 2, 3);
  await ends.client.send(data);
  data.fill(9);
  await ends.client.send(data.subarray(1));
  assertEquals(await ends.server.receive(), Uint8Array.of(1, 2, 3));
  assertEquals(await ends.server.receive(), Uint8Array.of(9, 9));
});

Deno.test("WebSocketConn.ping() ends at the pong, also behind messages, and pings answer each other", async () => {
  await using ends = await openEnds();
  await ends.client.ping();
  await ends.server.ping("hello", LIMIT);
  await ends.client.ping(Uint8Array.of(1, 2), LIMIT);
  await ends.client.send("first");
  await joinAll([1, 2, 3].map(() => spawn(() => ends.client.ping("same"))), { raiseError: true });
  assertEquals(await ends.server.receive(), "first");
});

Deno.test("WebSocketConn.ping() is answered by a pong with its data; that of a later one will do; others will not", async () => {
  using server = new RawServer();
  const opening = spawn(() => connectWebSocket(server.url, LIMIT));
  const peer = await server.open();
  const ws = await opening.get();
  const pings = ["a", "b", "c"].map((data) => spawn(() => ws.ping(data)));
  for (const data of ["a", "b", "c"]) {
    const { opcode, payload } = (await peer.frame())!;
    assertEquals([opcode, new TextDecoder().decode(payload)], [PING, data]);
  }
  await peer.write(frame(PONG, "nobody's", { masked: false }), frame(PONG, "b", { masked: false }));
  await joinAll(pings.slice(0, 2), { raiseError: true });
  assertEquals(pings[2]!.ready, false);
  await peer.write(frame(PONG, "c", { masked: false }));
  await pings[2]!.get();
  using errors = captureErrors();
  const last = spawn(() => ws.ping());
  await peer.frame();
  const closing = spawn(() => ws.close());
  await assertRejects(() => last.get(), WebSocketError, "Cannot ping");
  await assertRejects(() => ws.ping(), WebSocketError, "Cannot ping");
  await peer.write(frame(CLOSE, "", { masked: false }));
  await closing.get();
  assertEquals([ws.closeCode, errors.seen.length], [1005, 1]);
});

Deno.test("WebSocketConn.ping() with the platform's wire is not supported", async () => {
  await using ends = await openUpgraded();
  assertThrows(() => void ends.server.ping(), Deno.errors.NotSupported, "Cannot ping");
  await ends.client.ping("answered by the platform", LIMIT);
});

Deno.test("WebSocketConn answers a ping while nobody receives, and between fragments", async () => {
  await using server = await startServer(async (ws) => {
    await gate;
    assertEquals(await ws.receive(), "one");
  }, { closeTimeout: 5 });
  const { promise: gate, resolve } = Promise.withResolvers<void>();
  using peer = await RawPeer.open((server.address as Deno.NetAddr).port);
  await peer.write(frame(TEXT, "o", { more: true }), frame(PING, "in between"), frame(CONTINUATION, "ne"));
  const { opcode, payload } = (await peer.frame())!;
  assertEquals([opcode, new TextDecoder().decode(payload)], [PONG, "in between"]);
  resolve();
  assertEquals(await peer.closeCode(), 1000);
});

Deno.test("WebSocketConn: both sides may close at the same time", async () => {
  await using ends = await openEnds();
  await joinAll([ends.client, ends.server].map((ws, i) => spawn(() => ws.close(4000 + i))), {
    raiseError: true,
  });
  assertEquals([ends.client.closeCode, ends.server.closeCode], [4001, 4000]);
});

Deno.test("WebSocketConn.close() drops what comes meanwhile, and finds the answer behind it", async () => {
  using server = new RawServer();
  const opening = spawn(() => connectWebSocket(server.url, { ...LIMIT, maxQueued: 2 }));
  const peer = await server.open();
  const ws = await opening.get();
  const ten = Array.from({ length: 10 }, (_, i) => [...frame(TEXT, `${i}`, { masked: false })]);
  await peer.write(Uint8Array.from(ten.flat()));
  assertEquals(await ws.receive(), "0"); // the others have come with it
  const closing = spawn(() => ws.close(4001));
  assertEquals((await peer.frame())!.opcode, CLOSE);
  await peer.write(frame(TEXT, "too late", { masked: false }), frame(CLOSE, [15, 161], { masked: false }));
  await closing.get();
  assertEquals([await ws.receive(), await ws.receive(), await ws.receive()], ["1", "2", undefined]);
  assertEquals(ws.closeCode, 4001);
});

Deno.test("WebSocketConn.close() does not wait longer than closeTimeout for the peer, or the time-out it is given", async () => {
  for (
    const [closeTimeout, options] of [[5, undefined], [60_000, { timeout: 5 }], [60_000, {
      timeout: 0,
    }]] as const
  ) {
    using server = new RawServer();
    const opening = spawn(() => connectWebSocket(server.url, { ...LIMIT, closeTimeout }));
    const peer = await server.open();
    const ws = await opening.get();
    const receiving = spawn(() => ws.receive());
    await sleep();
    await ws.close(1000, "", options);
    assertEquals([await receiving.get(), ws.closeCode], [undefined, 1006]);
    assertEquals(await peer.closeCode(), 1000); // and then the end
  }
  await assertIdleSoon();
});

Deno.test("WebSocketConn.close() takes a Timeout as its limit, pending or not", async () => {
  for (const makeLimit of [() => new Timeout(5), () => Timeout.start(5)]) {
    using server = new RawServer();
    const opening = spawn(() => connectWebSocket(server.url, { ...LIMIT, closeTimeout: 60_000 }));
    await server.open();
    const ws = await opening.get();
    await ws.close(1000, "", { timeout: makeLimit() });
    assertEquals(ws.closeCode, 1006);
  }
  await assertIdleSoon();
});

Deno.test("WebSocketConn: await using closes it and waits, using only begins", async () => {
  await using ends = await openEnds();
  {
    using _client = ends.client;
  }
  assertEquals([ends.client.closed, ends.client.closeCode], [true, undefined]);
  assertEquals(await ends.server.receive(LIMIT), undefined);
  assertEquals(ends.server.closeCode, 1000);
  {
    await using _client = ends.client;
  }
  assertEquals(ends.client.closeCode, 1000);
});

Deno.test("WebSocketConn.closeCode is 1005 if the peer gives none", async () => {
  await using server = await startServer((ws) => ws.receive());
  using peer = await RawPeer.open((server.address as Deno.NetAddr).port);
  await peer.write(frame(CLOSE));
  assertEquals(await peer.closeCode(), 1005);
});

Deno.test("WebSocketConn takes messages that came right behind the handshake", async () => {
  using server = new RawServer();
  const opening = spawn(() => connectWebSocket(server.url, LIMIT));
  const peer = await server.accept();
  const head = await acceptHead(await peer.head());
  const come = [
    new TextEncoder().encode(head),
    frame(TEXT, "at once", { masked: false }),
    frame(CLOSE, "", { masked: false }),
  ];
  await peer.write(Uint8Array.from(come.flatMap((piece) => [...piece])));
  const ws: WebSocketConn = await opening.get();
  assertEquals([await ws.receive(), await ws.receive(), ws.closeCode], ["at once", undefined, 1005]);
  await ws.close();
  await assertIdleSoon();
});

Deno.test("WebSocketConn that nobody waits for is no reason for hub.join() to wait", async () => {
  await using ends = await openEnds();
  assertEquals(getHub().stats().foreignWaits, 1); // the listener's
  const receiving = spawn(() => ends.client.receive());
  await sleep();
  assertEquals(getHub().stats().foreignWaits, 2);
  await receiving.kill();
  assertEquals(getHub().stats().foreignWaits, 1);
});
