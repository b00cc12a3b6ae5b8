/** Peers that are silent, or half gone. */
import { assert, assertEquals, assertLess } from "@std/assert";
import { connectWebSocket, Event, getHub, sleep, spawn } from "@verdant/green";
import { assertIdleSoon, eventually } from "../network.ts";
import {
  CLOSE,
  dial,
  echo,
  frame,
  LIMIT,
  openEnds,
  PING,
  PONG,
  portOf,
  RawPeer,
  RawServer,
  startServer,
  TEXT,
} from "./peers.ts";

Deno.test("idleTimeout: a silent peer is asked, told 1001 if it does not answer, and lost with 1006", async () => {
  const ended = Promise.withResolvers<unknown[]>();
  await using server = await startServer(async (ws) => {
    ended.resolve([await ws.receive(), ws.closeCode, ws.closeReason]);
  }, { idleTimeout: 10 });
  using peer = await RawPeer.open(portOf(server));
  const frames = await peer.frames();
  assertEquals(frames.map(({ opcode }) => opcode), [PING, CLOSE]);
  assertEquals([...frames[1]!.payload.subarray(0, 2)], [3, 233]);
  assertEquals(await ended.promise, [undefined, 1006, "The peer was silent for 20 ms"]);
});

Deno.test("idleTimeout: a peer that answers, or says anything, stays", async () => {
  const over = new Event();
  await using server = await startServer(() => over.wait(), { idleTimeout: 50, closeTimeout: 5 });
  await using good = await dial(server); // answers by itself
  using peer = await RawPeer.open(portOf(server));
  for (let i = 0; i < 5; i++) {
    assertEquals((await peer.frame())!.opcode, PING);
    await peer.write(frame(i % 2 ? PONG : TEXT, "here"));
  }
  assertEquals(good.closed, false);
  over.set();
});

Deno.test("idleTimeout of a client", async () => {
  using server = new RawServer();
  const opening = spawn(() => connectWebSocket(server.url, { ...LIMIT, idleTimeout: 10 }));
  const peer = await server.open();
  const ws = await opening.get();
  assertEquals(await ws.receive(), undefined);
  assertEquals(ws.closeCode, 1006);
  assertEquals((await peer.frames()).map(({ opcode }) => opcode), [PING, CLOSE]);
  await assertIdleSoon();
});

Deno.test("idleTimeout does not count while nothing is read because nobody receives", async () => {
  await using ends = await openEnds({}, { idleTimeout: 100, maxQueued: 1 });
  const sending = spawn(async () => {
    for (let i = 0; i < 20; i++) await ends.client.send(new Uint8Array(500_000));
  });
  await eventually(() => ends.client.bufferedAmount > 0);
  const { resolve, promise } = Promise.withResolvers<void>();
  setTimeout(resolve, 300);
  await promise;
  assertEquals(ends.server.closed, false);
  for (let i = 0; i < 20; i++) assertEquals((await ends.server.receive(LIMIT))!.length, 500_000);
  await sending.get();
});

Deno.test("A peer that closes its half of the connection without a close frame is lost", async () => {
  const ended = Promise.withResolvers<unknown>();
  await using server = await startServer(async (ws) => {
    assertEquals(await ws.receive(), "before");
    assertEquals(await ws.receive(), undefined);
    ended.resolve(ws.closeCode);
  });
  using peer = await RawPeer.open(portOf(server));
  await peer.write(frame(TEXT, "before"), frame(TEXT, "half").subarray(0, 5));
  await peer.conn.closeWrite();
  assertEquals([await ended.promise, await peer.closeCode()], [1006, undefined]);
});

Deno.test("A peer that resets the connection is lost, and what it sent before is not", async () => {
  const received: unknown[] = [];
  const ended = Promise.withResolvers<unknown>();
  await using server = await startServer(async (ws) => {
    await ws.send("unread"); // so that closing resets
    for await (const message of ws) received.push(message);
    ended.resolve(ws.closeCode);
  });
  const peer = await RawPeer.open(portOf(server));
  for (let i = 0; i < 10; i++) await peer.write(frame(TEXT, `${i}`));
  await eventually(() => received.length === 10);
  peer.close();
  assertEquals([await ended.promise, received.length], [1006, 10]);
});

Deno.test("A peer that does not read is given up when it is closed", async () => {
  await using server = await startServer(async (ws) => {
    while (await ws.send(new Uint8Array(500_000), { timeout: 20 }).then(() => true, () => false));
  }, { closeTimeout: 20 });
  using peer = await RawPeer.open(portOf(server));
  await eventually(() => server.running === 0);
  peer.close();
  await eventually(() => getHub().stats().timers === 0);
});

Deno.test("Pings of a peer that does not read do not fill the memory", async () => {
  let most = 0;
  const over = new Event();
  await using server = await startServer(async (ws) => {
    while (!over.isSet) {
      most = Math.max(most, ws.bufferedAmount);
      await sleep(1);
    }
    await ws.close(1000, "", { timeout: 0 });
  }, { maxBuffered: 1000 });
  using peer = await RawPeer.open(portOf(server));
  const flood = frame(PING, "x".repeat(125));
  const many = new Uint8Array(flood.length * 1000);
  for (let i = 0; i < 1000; i++) many.set(flood, i * flood.length);
  for (let i = 0; i < 100; i++) await peer.write(many); // 12.5 MB of pongs to come
  await peer.write(frame(PING, "last"));
  assertLess(most, 1000 + 2 * 127 + 2048);
  let last = "";
  while (last !== "last") last = new TextDecoder().decode((await peer.frame())!.payload);
  over.set();
  assert(most > 0);
});

Deno.test("A WebSocket that is used and left open is closed by its idle watch, not before", async () => {
  await using server = await startServer(echo, { idleTimeout: 60_000 });
  await using ws = await dial(server);
  assertEquals(getHub().stats().timers, 1);
  await ws.close();
  await eventually(() => getHub().stats().timers === 0);
});
