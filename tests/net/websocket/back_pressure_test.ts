/** Slow receivers: their peers wait, and memory stays within its limits. */
import { assert, assertEquals, assertInstanceOf, assertLess } from "@std/assert";
import { connectWebSocket, Event, sleep, spawn, WebSocketError } from "@verdant/green";
import { eventually } from "../network.ts";
import { dial, frame, LIMIT, openEnds, openUpgraded, portOf, RawPeer, startServer, TEXT } from "./peers.ts";

const PART = 100_000;

/** How many messages can be sent until nothing moves for a while. */
async function sendUntilStuck(send: () => Promise<void>): Promise<number> {
  let sent = 0;
  const sender = spawn(async () => {
    for (;; sent++) await send();
  });
  for (let before = -1; before !== sent;) {
    before = sent;
    await sleep(50);
  }
  await sender.kill();
  return sent;
}

Deno.test("A receiver that does not receive makes its peer wait, with messages great and small", async () => {
  for (const size of [10, PART]) {
    await using ends = await openEnds({ maxBuffered: 10_000 }, { maxQueued: 3 });
    const message = new Uint8Array(size);
    const sent = await sendUntilStuck(() => ends.client.send(message));
    // What is on its way is in buffers of the system, of some megabytes.
    assertLess(sent * size, 20_000_000);
    assertLess(ends.client.bufferedAmount, 10_000 + size + 14 + 1);
    for (let i = 0; i < sent; i++) assertEquals((await ends.server.receive(LIMIT))!.length, size);
    await ends.client.send("again");
    assertEquals(await ends.server.receive(LIMIT), "again");
  }
});

Deno.test("A server that broadcasts is not kept by a slow receiver if it does not wait, and memory is bounded", async () => {
  const everybody = new Set<Parameters<Parameters<typeof startServer>[0]>[0]>();
  await using server = await startServer(async (ws) => {
    everybody.add(ws);
    while (await ws.receive() !== undefined);
    everybody.delete(ws);
  }, { maxBuffered: 50_000, stopTimeout: 0, closeTimeout: 20 });
  using slow = await RawPeer.open(portOf(server));
  await using fast = await dial(server);
  await eventually(() => everybody.size === 2);
  let got = 0;
  const receiving = spawn(async () => {
    while (await fast.receive() !== undefined) got++;
  });
  let dropped = 0;
  for (let i = 0; i < 300; i++) {
    for (const ws of everybody) await ws.send(new Uint8Array(PART), { timeout: 0 }).catch(() => dropped++);
    for (const ws of everybody) assertLess(ws.bufferedAmount, 50_000 + PART + 15);
    await eventually(() => got === i + 1);
  }
  assert(dropped > 100);
  slow.close();
  await fast.close();
  await receiving.get();
});

Deno.test("A peer of the platform that floods a slow receiver is closed with 1008; what came before is received", async () => {
  await using ends = await openUpgraded({}, { maxQueued: 10 });
  const { client, server } = ends;
  for (let i = 0; i < 100; i++) await client.send(`${i}`).catch(() => {});
  assertEquals(await client.receive(), undefined);
  assert([1008, 1006].includes(client.closeCode!)); // the platform cuts off who is sending
  for (let i = 0; i < 10; i++) assertEquals(await server.receive(), `${i}`);
  const error = await server.receive().catch((error) => error);
  assertInstanceOf(error, WebSocketError);
  assertEquals([error.code, server.closeCode], [1008, 1008]);
});

Deno.test("The queue of the platform's wire is bounded in bytes, too", async () => {
  await using ends = await openUpgraded({}, { maxMessageBytes: PART });
  const { client, server } = ends;
  for (let i = 0; i < 10; i++) await client.send(new Uint8Array(PART)).catch(() => {});
  assertEquals(await client.receive(), undefined);
  assert([1008, 1006].includes(client.closeCode!)); // the platform cuts off who is sending
  for (let i = 0; i < 4; i++) assertEquals((await server.receive())!.length, PART);
  assertInstanceOf(await server.receive().catch((error) => error), WebSocketError);
});

Deno.test("send() of the platform's wire waits for a slow receiver, and goes on", async () => {
  await using ends = await openUpgraded({ maxQueued: 1 }, { maxBuffered: 10_000 });
  const { client, server } = ends;
  const sent = await sendUntilStuck(() => server.send(new Uint8Array(PART)));
  assertLess(sent * PART, 20_000_000);
  assertLess(server.bufferedAmount, 10_000 + PART + 15);
  const more = spawn(async () => {
    for (let i = 0; i < 50; i++) await server.send(new Uint8Array(PART));
  });
  for (let i = 0; i < sent + 50; i++) assertEquals((await client.receive(LIMIT))!.length, PART);
  await more.get();
});

Deno.test("The queue of the platform's wire is measured by what is in it, not by what went through it", async () => {
  await using ends = await openUpgraded({}, { maxMessageBytes: PART });
  const { client, server } = ends;
  for (let round = 0; round < 10; round++) {
    for (let i = 0; i < 3; i++) await client.send(new Uint8Array(PART));
    await client.ping(); // so they have come
    for (let i = 0; i < 3; i++) assertEquals((await server.receive())!.length, PART);
  }
});

Deno.test("send() of the platform's wire: nobody overtakes who waits, also while it is not yet known that there is room", async () => {
  await using ends = await openUpgraded({ maxQueued: 1 }, { maxBuffered: 10_000 });
  const { client, server } = ends;
  await sendUntilStuck(() => server.send(new Uint8Array(PART)));
  const first = spawn(() => server.send("first"));
  await sleep();
  const texts: unknown[] = [];
  const receive = async () => {
    const message = await client.receive(LIMIT);
    if (typeof message === "string") texts.push(message);
  };
  while (server.bufferedAmount > 10_000) await receive();
  const second = spawn(() => server.send("second"));
  while (texts.length < 2) await receive();
  assertEquals(texts, ["first", "second"]);
  await first.get();
  await second.get();
});

Deno.test("A message is not read further than its limit allows, whatever its frames announce", async () => {
  const gate = new Event();
  await using server = await startServer(() => gate.wait(), { maxMessageBytes: 1000, closeTimeout: 20 });
  for (const size of [1001, 1_000_000]) {
    using peer = await RawPeer.open(portOf(server));
    await peer.write(frame(TEXT, "x".repeat(size)).subarray(0, 14));
    assertEquals(await peer.closeCode(), 1009);
  }
  gate.set();
});

Deno.test("A slow client that is closed by its server hears so when it reads on", async () => {
  await using server = await startServer(async (ws) => {
    for (let i = 0; i < 20; i++) await ws.send(`${i}`);
  });
  const ws = await connectWebSocket(`ws://127.0.0.1:${portOf(server)}`, { maxQueued: 1 });
  for (let i = 0; i < 20; i++) assertEquals(await ws.receive(), `${i}`);
  assertEquals([await ws.receive(), ws.closeCode], [undefined, 1000]);
  await ws.close();
});
