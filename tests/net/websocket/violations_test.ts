/**
 * Clients that break RFC 6455, byte by byte: what they are told by `WebSocketServer`, and what really happens with
 * `upgrade()`, whose wire is the platform's.
 */
import { assert, assertEquals } from "@std/assert";
import { spawn, upgrade, type WebSocketConn, WebSocketError } from "@verdant/green";
import { assertIdleSoon } from "../network.ts";
import {
  ANY_PORT,
  BINARY,
  CLOSE,
  closePayload,
  CONTINUATION,
  frame,
  PING,
  PONG,
  portOf,
  RawPeer,
  startServer,
  TEXT,
} from "./peers.ts";

const LIMITS = { maxMessageBytes: 1000, closeTimeout: 50, stopTimeout: 0 };

interface Violation {
  readonly pieces: Uint8Array[];
  /** What `WebSocketServer` says. */
  readonly code: number;
  /** What `upgrade()` notes, if that is something else. */
  readonly noted?: number;
  /** What the platform sends before the end. Usually nothing. */
  readonly sent?: number;
  /** The platform does not mind, and goes on. */
  readonly accepted?: boolean;
}

const violations: Record<string, Violation> = {
  "a bad opcode": { pieces: [frame(3, "x")], code: 1002 },
  "a bad control opcode": { pieces: [frame(11, "x")], code: 1002 },
  "an unmasked frame": { pieces: [frame(TEXT, "x", { masked: false })], code: 1002, accepted: true },
  "an unmasked close frame": {
    pieces: [frame(CLOSE, [3, 232], { masked: false })],
    code: 1002,
    noted: 1000,
    sent: 1000,
  },
  "reserved bit 1": { pieces: [frame(TEXT, "x", { reserved: 4 })], code: 1002 },
  "reserved bit 3 in a control frame": { pieces: [frame(PING, "x", { reserved: 1 })], code: 1002 },
  "an oversize length": {
    pieces: [Uint8Array.of(0x82, 0xff, 0, 0, 0, 16, 0, 0, 0, 0, 1, 2, 3, 4)],
    code: 1009,
  },
  "a length with its highest bit set": {
    pieces: [Uint8Array.of(0x82, 0xff, 128, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4)],
    code: 1002,
    noted: 1009,
  },
  "a message that is too long": { pieces: [frame(BINARY, new Uint8Array(1001))], code: 1009, sent: 1009 },
  "fragments that are too long together": {
    pieces: [frame(BINARY, new Uint8Array(600), { more: true }), frame(CONTINUATION, new Uint8Array(600))],
    code: 1009,
    sent: 1009,
  },
  "invalid UTF-8": { pieces: [frame(TEXT, [0x61, 0xc3, 0x28])], code: 1007 },
  "invalid UTF-8 in fragments": {
    pieces: [frame(TEXT, [0xe2], { more: true }), frame(CONTINUATION, [0x28, 0xa1])],
    code: 1007,
  },
  "invalid UTF-8 in a reason": { pieces: [frame(CLOSE, [3, 232, 0xff])], code: 1007 },
  "a long ping": { pieces: [frame(PING, "x".repeat(126))], code: 1002 },
  "a long pong": { pieces: [frame(PONG, "x".repeat(126))], code: 1002, accepted: true },
  "a long close frame": {
    pieces: [frame(CLOSE, closePayload(1000, "x".repeat(124)))],
    code: 1002,
    noted: 1000, // and it is sent back as it came
    sent: 1000,
  },
  "a fragmented ping": { pieces: [frame(PING, "x", { more: true })], code: 1002 },
  "a continuation of nothing": { pieces: [frame(CONTINUATION, "x")], code: 1002 },
  "a message in a message": { pieces: [frame(TEXT, "x", { more: true }), frame(TEXT, "y")], code: 1002 },
  "half a close code": { pieces: [frame(CLOSE, [3])], code: 1002 },
  "close code 0": { pieces: [frame(CLOSE, closePayload(0))], code: 1002, sent: 1002 },
  "close code 999": { pieces: [frame(CLOSE, closePayload(999))], code: 1002, sent: 1002 },
  "close code 1005": { pieces: [frame(CLOSE, closePayload(1005))], code: 1002, sent: 1002 },
  "close code 1006": { pieces: [frame(CLOSE, closePayload(1006))], code: 1002, sent: 1002 },
  "close code 1015": { pieces: [frame(CLOSE, closePayload(1015))], code: 1002, sent: 1002 },
  "close code 5000": { pieces: [frame(CLOSE, closePayload(5000))], code: 1002, sent: 1002 },
  "a length with needless bytes": {
    pieces: [Uint8Array.of(0x81, 0xfe, 0, 1, 0, 0, 0, 0, 65)],
    code: 1002,
    accepted: true,
  },
};

/** How a handler was told. */
async function ending(ws: WebSocketConn): Promise<[unknown, number | undefined]> {
  try {
    while (await ws.receive() !== undefined);
    return [undefined, ws.closeCode];
  } catch (error) {
    return [error instanceof WebSocketError && error.code, ws.closeCode];
  }
}

for (const [name, { pieces, code }] of Object.entries(violations)) {
  Deno.test(`WebSocketServer closes with ${code} after ${name}`, async () => {
    const told = Promise.withResolvers<unknown>();
    await using server = await startServer(async (ws) => told.resolve(await ending(ws)), LIMITS);
    using peer = await RawPeer.open(portOf(server));
    await peer.write(...pieces);
    assertEquals(await peer.closeCode(), code);
    assertEquals(await told.promise, [code, code]);
  });
}

for (const [name, { pieces, code, noted = code, sent, accepted }] of Object.entries(violations)) {
  const what = accepted ? "goes on" : `notes ${noted}, and its client hears ${sent ?? "nothing"}`;
  Deno.test(`upgrade() ${what} after ${name}`, async () => {
    const told = Promise.withResolvers<[unknown, number | undefined]>();
    await using server = Deno.serve({ ...ANY_PORT, onListen() {} }, (request) => {
      return upgrade(request, async (ws) => told.resolve(await ending(ws)), LIMITS_OF_UPGRADE);
    });
    using peer = await RawPeer.open(server.addr.port);
    await peer.write(...pieces);
    if (accepted) await peer.write(frame(CLOSE, closePayload(1000)));
    const heard = await peer.closeFrame();
    peer.close();
    if (accepted) assertEquals([heard, await told.promise], [1000, [undefined, 1000]]);
    else {
      const [error, closeCode] = await told.promise;
      assert(heard === sent || sent === 1009 && heard === undefined, `heard ${heard}`); // it may be cut off
      assertEquals([error, closeCode], [noted === 1000 ? undefined : noted, noted]);
    }
    await assertIdleSoon();
  });
}

const LIMITS_OF_UPGRADE = { maxMessageBytes: 1000, closeTimeout: 50 };

Deno.test("WebSocketServer: what comes behind a violation is dropped, and the close frame arrives all the same", async () => {
  await using server = await startServer(ending, LIMITS);
  using peer = await RawPeer.open(portOf(server));
  const flood = spawn(async () => {
    await peer.write(frame(3, "x"));
    const more = frame(BINARY, new Uint8Array(100_000));
    for (let i = 0; i < 20; i++) await peer.write(more);
  });
  assertEquals(await peer.closeCode(), 1002);
  await flood.get().catch(() => {}); // it is cut off after a while
});
