/**
 * Clients that send what nobody should: good requests and frames, spoiled at random. The server survives, tells each
 * what it may tell, serves a good client all the time, and nothing is left.
 *
 * `GREEN_FUZZ_SEED` and `GREEN_FUZZ_INPUTS` say which inputs, and how many.
 */
import { assert, assertEquals } from "@std/assert";
import { seededRandom, spawn, type WebSocketServer } from "@verdant/green";
import { captureErrors } from "../../helpers.ts";
import { assertIdleSoon, bytes, eventually } from "../network.ts";
import {
  BINARY,
  CLOSE,
  closePayload,
  CONTINUATION,
  dial,
  echo,
  frame,
  PING,
  PONG,
  portOf,
  RawPeer,
  requestHead,
  startServer,
  TEXT,
} from "./peers.ts";

const SEED = Number(Deno.env.get("GREEN_FUZZ_SEED") ?? 2026);
const INPUTS = Number(Deno.env.get("GREEN_FUZZ_INPUTS") ?? 10_000);
const AT_A_TIME = 32;
/** What a server may answer to a request. */
const STATUSES = [101, 400, 403, 404, 408, 426, 431];
/** What a server may close with here. */
const CODES = [1000, 1002, 1005, 1007, 1009];
const OPCODES = [TEXT, BINARY, PONG, CLOSE];

const random = seededRandom(SEED);
const below = (n: number) => Math.floor(random() * n);
const pick = <T>(list: readonly T[]): T => list[below(list.length)]!;
const noise = (size: number) => Uint8Array.from({ length: size }, () => below(256));

function join(...pieces: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]));
}

/** Ways to spoil an input. */
const spoilers: ((input: Uint8Array) => Uint8Array)[] = [
  function flipABit(input) {
    const copy = input.slice();
    copy[below(copy.length)]! ^= 1 << below(8);
    return copy;
  },
  function replaceAByte(input) {
    const copy = input.slice();
    copy[below(copy.length)] = pick([0, 10, 13, 32, 44, 58, 127, 128, 255, below(256)]);
    return copy;
  },
  (input) => input.slice(0, below(input.length)),
  (input) => input.slice(below(input.length)),
  function leaveOut(input) {
    const at = below(input.length);
    return join(input.slice(0, at), input.slice(at + 1 + below(8)));
  },
  function insert(input) {
    const at = below(input.length);
    return join(input.slice(0, at), noise(1 + below(8)), input.slice(at));
  },
  function repeat(input) {
    const at = below(input.length);
    return join(input.slice(0, at + 1 + below(20)), input.slice(at));
  },
  (input) => noise(1 + below(input.length)),
];

function spoil(input: Uint8Array): Uint8Array {
  let spoiled = input;
  for (let times = 1 + below(3); times > 0 && spoiled.length > 0; times--) spoiled = pick(spoilers)(spoiled);
  return spoiled;
}

function anyRequest(): Uint8Array {
  const fields = {
    "Sec-WebSocket-Protocol": pick([undefined, "a, b"]),
    "Origin": pick([undefined, "http://a"]),
    "X-Long": pick([undefined, undefined, undefined, "x".repeat(below(70_000))]),
  };
  return bytes(requestHead(fields, `GET ${pick(["/", "/a?b=c", "http://a/"])} HTTP/1.1`));
}

const TEXTS = ["", "hello", "grün €𝄞", "x".repeat(125), "x".repeat(126), "€".repeat(400)];

function anyFrames(): Uint8Array {
  const frames = Array.from({ length: 1 + below(4) }, () => {
    switch (below(6)) {
      case 0:
        return join(
          frame(TEXT, pick(TEXTS), { more: true }),
          frame(PING, "p"),
          frame(CONTINUATION, pick(TEXTS)),
        );
      case 1:
        return frame(BINARY, noise(below(300)));
      case 2:
        return frame(PING, noise(below(126)));
      case 3:
        return frame(CLOSE, pick([new Uint8Array(0), closePayload(1000, "bye"), closePayload(below(5000))]));
      default:
        return frame(TEXT, pick(TEXTS));
    }
  });
  return join(...frames);
}

/** Sends a spoiled request. */
async function spoilRequest(port: number): Promise<void> {
  using peer = await RawPeer.connect(port);
  await send(peer, spoil(anyRequest()));
  const answer = await peer.head().catch(() => undefined);
  if (answer !== undefined) assert(STATUSES.includes(Number(answer.slice(9, 12))), answer);
  await peer.frames();
}

/** Sends spoiled frames after a good request. */
async function spoilFrames(port: number): Promise<void> {
  using peer = await RawPeer.open(port);
  await send(peer, spoil(anyFrames()));
  const frames = await peer.frames();
  for (const { opcode, final, payload } of frames) {
    assert(final && OPCODES.includes(opcode), `opcode ${opcode}`);
    if (opcode !== CLOSE) continue;
    const code = payload.length === 0 ? 1005 : payload[0]! << 8 | payload[1]!;
    assert(CODES.includes(code) || code >= 1000 && code < 5000 && payload.length === 2, `code ${code}`);
  }
  const closes = frames.findIndex(({ opcode }) => opcode === CLOSE);
  assert(closes < 0 || closes === frames.length - 1, "a frame follows the close frame");
}

/** All of it, and then the end; the server may have had enough before. */
async function send(peer: RawPeer, input: Uint8Array): Promise<void> {
  try {
    await peer.write(input);
    await peer.conn.closeWrite();
  } catch (error) {
    const { BrokenPipe, ConnectionReset, NotConnected } = Deno.errors;
    if (![BrokenPipe, ConnectionReset, NotConnected].some((Class) => error instanceof Class)) throw error;
  }
}

async function assertServes(server: WebSocketServer): Promise<void> {
  await using ws = await dial(server);
  await ws.send("still there?");
  assertEquals(await ws.receive(), "still there?");
}

Deno.test(`WebSocketServer survives ${INPUTS} spoiled requests and frames (seed ${SEED})`, async () => {
  using errors = captureErrors();
  const server = await startServer(echo, { maxMessageBytes: 2_000, closeTimeout: 500 });
  await using _server = server;
  const port = portOf(server);
  let left = INPUTS;
  const attack = async () => {
    while (left-- > 0) await (random() < 0.3 ? spoilRequest(port) : spoilFrames(port));
  };
  const attackers = Array.from({ length: AT_A_TIME }, attack);
  const good = spawn(async () => {
    while (left > 0) await assertServes(server);
  });
  await Promise.all(attackers);
  await good.get();
  await assertServes(server);
  await eventually(() => server.running === 0);
  assertEquals(errors.seen, []);
  await server.stop();
  await assertIdleSoon();
});
