/** Our wire over a connection that does what the test says, when it says so. */
import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import {
  getHub,
  type RawConn,
  sleep,
  spawn,
  type WebSocketConn,
  WebSocketError,
  type WebSocketOptions,
} from "@verdant/green";
import { FrameWire } from "../../../net/websocket/frame_wire.ts";
import { planLimits } from "../../../net/websocket/limits.ts";
import { makeWebSocketConn } from "../../../net/websocket/web_socket_conn.ts";
import { ReadBuffer } from "../../../net/read_buffer.ts";
import { assertIdle, assertIdleSoon, calm } from "../network.ts";
import { ScriptedRaw } from "../scripted.ts";
import { turn } from "../../helpers.ts";
import { BINARY, CLOSE, closePayload, frame, PING, PONG, TEXT } from "./peers.ts";

/** The server's end of a WebSocket, and what is below it. */
function open(options: WebSocketOptions = {}): [WebSocketConn, ScriptedRaw] {
  const scripted = new ScriptedRaw();
  const raw = scripted as unknown as RawConn;
  const hub = getHub();
  const limits = planLimits({ idleTimeout: Infinity, ...options }, "test");
  const wire = new FrameWire({ hub, raw, buffer: new ReadBuffer(), client: false, limits });
  return [
    makeWebSocketConn({ hub, wire, limits, protocol: "", url: "ws://test/", remoteAddr: undefined }),
    scripted,
  ];
}

const unmasked = { masked: false };

Deno.test("FrameWire writes frames whole and in order, however few bytes go at a time", async () => {
  const [ws, raw] = open();
  raw.holdsWrites = true;
  const messages = ["one", "", Uint8Array.of(1, 2), "x".repeat(5_000), "two"];
  for (const message of messages) await ws.send(message);
  void ws.close();
  const expected = messages.flatMap((
    message,
  ) => [...frame(typeof message === "string" ? TEXT : BINARY, message, unmasked)]);
  expected.push(...frame(CLOSE, closePayload(1000), unmasked));
  while (raw.sent.length < expected.length) {
    raw.writes[0]!.go(Math.min(7, raw.writes[0]!.data.length));
    await turn();
  }
  assertEquals([raw.sent, raw.writes.length, ws.bufferedAmount], [expected, 0, 0]);
  raw.receive(frame(CLOSE));
  await ws.close();
  assertEquals(raw.closes, 1);
  assertIdle();
});

Deno.test("FrameWire puts small frames together that wait for a write", async () => {
  const [ws, raw] = open();
  raw.holdsWrites = true;
  for (let i = 0; i < 100; i++) await ws.send(`${i}`.padEnd(10));
  const sizes: number[] = [];
  while (raw.writes.length > 0) {
    sizes.push(raw.writes[0]!.data.length);
    raw.writes[0]!.go(sizes.at(-1)!);
    await turn();
  }
  assertEquals([sizes.reduce((a, b) => a + b), sizes[0], sizes.length], [1200, 12, 2]);
  await ws.close(1000, "", { timeout: 0 });
});

Deno.test("FrameWire asks for a read at a time, and for none while there is no room", async () => {
  const [ws, raw] = open({ maxQueued: 2 });
  assertEquals(raw.reads, 1);
  raw.receive(Uint8Array.from(["a", "b", "c", "d"].flatMap((text) => [...frame(TEXT, text)])));
  await turn();
  assertEquals(raw.reads, 1);
  for (const text of ["a", "b"]) assertEquals(await ws.receive(), text);
  assertEquals(raw.reads, 1); // the other two were there
  assertEquals(await ws.receive(), "c");
  assertEquals(raw.reads, 2);
  await ws.close(1000, "", { timeout: 0 });
  assertIdle();
});

Deno.test("FrameWire keeps the process alive exactly while somebody waits", async () => {
  const [ws, raw] = open({ maxBuffered: 0 });
  raw.holdsWrites = true;
  const waits: Record<string, () => Promise<unknown>> = {
    receive: () => ws.receive(),
    ping: () => ws.ping(),
    send: () => ws.send("x"),
    close: () => ws.close(),
  };
  for (const [name, wait] of Object.entries(waits)) {
    assertEquals([name, raw.referenced], [name, false]);
    const waiting = spawn(wait);
    await sleep();
    assertEquals([name, raw.referenced], [name, true]);
    await waiting.kill();
  }
  assertEquals(raw.referenced, false);
});

Deno.test("FrameWire drops what comes behind a violation, and closes when the peer has", async () => {
  const [ws, raw] = open();
  raw.receive(frame(TEXT, "good"), frame(3, "bad"));
  await turn();
  assertEquals(await ws.receive(), "good");
  assertInstanceOf(await ws.receive().catch((error) => error), WebSocketError);
  const reason = "A frame has the opcode 3";
  assertEquals(raw.sent, [...frame(CLOSE, closePayload(1002, reason), unmasked)]);
  assertEquals([raw.writingClosed, raw.closes], [true, 0]);
  for (let i = 0; i < 5; i++) {
    raw.receive(frame(TEXT, "more"), frame(3, "worse"), frame(CLOSE));
    await turn();
    assertEquals(raw.closes, 0);
  }
  raw.end();
  await ws.close();
  assertEquals([raw.closes, ws.closeCode, ws.closeReason], [1, 1002, reason]);
  assertIdle();
});

Deno.test("FrameWire does not wait for ever for the end of a peer that broke the protocol", async () => {
  const [ws, raw] = open({ closeTimeout: 1 });
  raw.receive(frame(3, "bad"));
  await turn();
  await ws.close(1000, "", { timeout: 1000 });
  assertEquals([raw.closes, ws.closeCode], [1, 1002]);
  assertIdle();
});

Deno.test("FrameWire gives up soon if writing fails, and what has come can be received", async () => {
  const [ws, raw] = open({ closeTimeout: 1, maxQueued: 1 });
  raw.holdsWrites = true;
  raw.receive(frame(TEXT, "first"), frame(TEXT, "second"));
  await ws.send("in vain");
  await turn();
  raw.writes[0]!.break(new Deno.errors.BrokenPipe("Broken pipe"));
  await turn();
  assertEquals(await ws.receive(), "first");
  await ws.send("dropped");
  assertEquals(await ws.receive(), "second");
  assertEquals([await ws.receive(), ws.closeCode, ws.closeReason], [undefined, 1006, "Writing has failed"]);
  await assertRejects(() => ws.send("x"), WebSocketError, "Writing has failed");
  assertEquals(raw.closes, 1);
  assertIdle();
});

Deno.test("FrameWire closes at once if the answer to a close frame cannot be written", async () => {
  const [ws, raw] = open({ closeTimeout: 60_000 });
  raw.holdsWrites = true;
  raw.receive(frame(CLOSE, closePayload(4000)));
  assertEquals([await ws.receive(), ws.closeCode, raw.closes], [undefined, 4000, 0]);
  raw.writes[0]!.break(new Deno.errors.BrokenPipe("Broken pipe"));
  await ws.close();
  assertEquals(raw.closes, 1);
  assertIdle();
});

Deno.test("FrameWire tells why a connection was lost", async () => {
  const [ws, raw] = open();
  const [other, otherRaw] = open();
  raw.receive(frame(TEXT, "last").subarray(0, 7)).break(
    new Deno.errors.ConnectionReset("Connection reset by peer"),
  );
  otherRaw.end();
  assertEquals([await ws.receive(), ws.closeCode, ws.closeReason], [
    undefined,
    1006,
    "Connection reset by peer",
  ]);
  assertEquals([await other.receive(), other.closeReason], [
    undefined,
    "The peer closed the connection without a close frame",
  ]);
  assertEquals([raw.closes, otherRaw.closes], [1, 1]);
  assertIdle();
});

Deno.test("FrameWire answers only the newest of the pings that came while it could not answer", async () => {
  const [ws, raw] = open({ maxBuffered: 0 });
  raw.holdsWrites = true;
  for (const data of ["a", "b", "c"]) raw.receive(frame(PING, data));
  for (let i = 0; i < 5; i++) await turn();
  assertEquals(raw.writes.map(({ data }) => [...data]), [[...frame(PONG, "a", unmasked)]]);
  raw.writes[0]!.go(3);
  await turn();
  raw.holdsWrites = false;
  raw.writes[0]!.go(raw.writes[0]!.data.length);
  await turn();
  assertEquals(raw.sent, [...frame(PONG, "a", unmasked), ...frame(PONG, "c", unmasked)]);
  await ws.close(1000, "", { timeout: 0 });
});

Deno.test("FrameWire sends nothing behind its close frame", async () => {
  const [ws, raw] = open();
  const closing = spawn(() => ws.close());
  await sleep();
  raw.receive(frame(PING, "are you there?"), frame(TEXT, "too late"));
  await calm();
  await turn();
  await assertRejects(() => ws.send("x"), WebSocketError);
  await assertRejects(() => ws.ping(), WebSocketError);
  raw.receive(frame(CLOSE, closePayload(1000)));
  await closing.get();
  assertEquals(raw.sent, [...frame(CLOSE, closePayload(1000), unmasked)]);
  assertEquals(await ws.receive(), undefined);
  await assertIdleSoon();
});
