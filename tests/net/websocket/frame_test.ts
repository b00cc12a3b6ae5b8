import { assertEquals, assertThrows } from "@std/assert";
import { seededRandom, WebSocketError } from "@verdant/green";
import { BINARY, PING, roomFor, TEXT, writeFrame } from "../../../net/websocket/frame.ts";
import { FrameReader, type FrameSink } from "../../../net/websocket/frame_reader.ts";
import { applyMask } from "../../../net/websocket/mask.ts";
import { bytes } from "../network.ts";
import { CLOSE, CONTINUATION, frame, PONG } from "./peers.ts";

function encode(opcode: number, payload: string | Uint8Array, masks: boolean): Uint8Array<ArrayBuffer> {
  const target = new Uint8Array(roomFor(payload) + 3);
  return target.slice(3, 3 + writeFrame(target, 3, opcode, payload, masks));
}

/** Keeps what was read. */
class Log implements FrameSink {
  full = false;
  readonly seen: unknown[] = [];
  /** How many messages it takes. */
  room = Infinity;

  message(message: string | Uint8Array): void {
    this.seen.push(message);
    this.full = this.seen.length >= this.room;
  }

  control(opcode: number, payload: Uint8Array): void {
    this.seen.push([opcode, new TextDecoder().decode(payload)]);
  }
}

/** Reads what comes in the given pieces. */
function readAll(
  pieces: Uint8Array[],
  { masked = true, maxMessageBytes = 1_000_000, log = new Log() } = {},
): unknown[] {
  const reader = new FrameReader({ masked, maxMessageBytes });
  let rest = new Uint8Array(0);
  for (const piece of pieces) {
    const come = new Uint8Array(rest.length + piece.length);
    come.set(rest);
    come.set(piece, rest.length);
    rest = come.slice(reader.read(come, log));
  }
  return log.seen;
}

function codeOf(pieces: Uint8Array[], options?: Parameters<typeof readAll>[1]): number | undefined {
  return (assertThrows(() => readAll(pieces, options), WebSocketError) as WebSocketError).code;
}

Deno.test("writeFrame() writes the examples of RFC 6455", () => {
  assertEquals(encode(TEXT, "Hello", false), Uint8Array.of(0x81, 5, 0x48, 0x65, 0x6c, 0x6c, 0x6f));
  assertEquals(encode(PING, bytes("Hello"), false), Uint8Array.of(0x89, 5, 0x48, 0x65, 0x6c, 0x6c, 0x6f));
  assertEquals([...encode(BINARY, new Uint8Array(256), false).subarray(0, 4)], [0x82, 126, 1, 0]);
  const long = encode(BINARY, new Uint8Array(65536), false);
  assertEquals([...long.subarray(0, 10)], [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
});

for (const masks of [false, true]) {
  Deno.test(`writeFrame() and FrameReader agree on every length around the limits, masked: ${masks}`, () => {
    for (const length of [0, 1, 2, 3, 4, 5, 31, 41, 42, 43, 125, 126, 127, 128, 131, 65535, 65536, 65537]) {
      const binary = Uint8Array.from({ length }, (_, i) => i * 7 & 255);
      const texts = ["a", "é", "€", "𝄞", "a€"].map((char) =>
        char.repeat(length).slice(0, Math.max(length, 2)).toWellFormed()
      );
      for (const payload of [binary, ...texts]) {
        const sent = encode(typeof payload === "string" ? TEXT : BINARY, payload, masks);
        assertEquals(readAll([sent], { masked: masks }), [payload]);
      }
    }
  });
}

Deno.test("writeFrame() masks each frame with another key", () => {
  const keys = new Set(Array.from({ length: 2_000 }, () => String(encode(TEXT, "", true).subarray(2))));
  assertEquals(keys.size, 2_000);
});

Deno.test("applyMask() is the same for every alignment, length and phase", () => {
  const key = Uint8Array.of(0xde, 0xad, 0xbe, 0xef, 0x12);
  for (const length of [0, 1, 2, 3, 4, 7, 63, 127, 128, 129, 130, 131, 132, 200, 1001]) {
    for (let offset = 0; offset < 8; offset++) {
      for (let phase = 0; phase < 5; phase++) {
        const memory = new Uint8Array(offset + length + 9).subarray(1);
        applyMask(memory, offset, offset + length, key, 1, phase);
        const expected = new Uint8Array(memory.length);
        for (let i = 0; i < length; i++) expected[offset + i] = key[1 + (i + phase & 3)]!;
        assertEquals(memory, expected);
      }
    }
  }
});

Deno.test("FrameReader reads the same however the bytes are cut", () => {
  const random = seededRandom(5);
  const frames = [
    frame(TEXT, "ein"),
    frame(TEXT, "Stück€", { more: true }),
    frame(PING, "now"),
    frame(CONTINUATION, "", { more: true }),
    frame(CONTINUATION, "𝄞 x"),
    frame(BINARY, new Uint8Array(70_000).fill(3), { more: true }),
    frame(PONG),
    frame(CONTINUATION, new Uint8Array(300).fill(4)),
    frame(TEXT),
    frame(BINARY, new Uint8Array(200).fill(9)),
    frame(CLOSE, [3, 232]),
  ];
  const all = new Uint8Array(frames.reduce((size, { length }) => size + length, 0));
  frames.reduce((at, piece) => (all.set(piece, at), at + piece.length), 0);
  const expected = readAll([all]);
  assertEquals(expected.length, 8);
  for (let round = 0; round < 200; round++) {
    const pieces: Uint8Array[] = [];
    const most = 1 + Math.floor(random() ** 3 * 20_000);
    for (let at = 0; at < all.length;) {
      const size = round === 0 && at < 400 ? 1 : 1 + Math.floor(random() * most);
      pieces.push(all.slice(at, at + size));
      at += size;
    }
    assertEquals(readAll(pieces), expected);
  }
});

Deno.test("FrameReader stops when its sink is full, and goes on from there", () => {
  const log = new Log();
  log.room = 1;
  const reader = new FrameReader({ masked: true, maxMessageBytes: 100 });
  const both = Uint8Array.from([...frame(TEXT, "one"), ...frame(TEXT, "two")]);
  const used = reader.read(both, log);
  assertEquals([log.seen, used], [["one"], both.length / 2]);
  assertEquals(reader.read(both.slice(used), log), 0);
  log.full = false;
  assertEquals(reader.read(both.slice(used), log), both.length / 2);
  assertEquals(log.seen, ["one", "two"]);
});

Deno.test("FrameReader keeps a byte order mark, and takes a character that means a fault elsewhere", () => {
  assertEquals(readAll([frame(TEXT, "\ufeffa\ufffd")]), ["\ufeffa\ufffd"]);
  const pieces = [frame(TEXT, [0xef, 0xbb], { more: true }), frame(CONTINUATION, [0xbf, 0x61])];
  assertEquals(readAll(pieces), ["\ufeffa"]);
});

const violations: Record<string, [number, Uint8Array[]]> = {
  "reserved bit 1": [1002, [frame(TEXT, "x", { reserved: 4 })]],
  "reserved bit 2": [1002, [frame(TEXT, "x", { reserved: 2 })]],
  "reserved bit 3": [1002, [frame(TEXT, "x", { reserved: 1 })]],
  ...Object.fromEntries(
    [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) => [`opcode ${opcode}`, [1002, [frame(opcode)]]]),
  ),
  "no mask": [1002, [frame(TEXT, "x", { masked: false })]],
  "a fragmented ping": [1002, [frame(PING, "x", { more: true })]],
  "a fragmented close": [1002, [frame(CLOSE, "", { more: true })]],
  "a long ping": [1002, [frame(PING, "x".repeat(126))]],
  "a long pong": [1002, [frame(PONG, "x".repeat(126))]],
  "a long close": [1002, [frame(CLOSE, "x".repeat(126))]],
  "a continuation of nothing": [1002, [frame(CONTINUATION, "x")]],
  "a continuation after the end": [1002, [
    frame(TEXT, "x", { more: true }),
    frame(CONTINUATION),
    frame(CONTINUATION),
  ]],
  "text inside a message": [1002, [frame(TEXT, "x", { more: true }), frame(TEXT, "x")]],
  "bytes inside a message": [1002, [frame(TEXT, "x", { more: true }), frame(BINARY, "x", { more: true })]],
  "the highest bit of the length": [1002, [Uint8Array.of(0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0)]],
  "a length of 16 bits for 125": [1002, [Uint8Array.of(0x82, 0xfe, 0, 125, 0, 0, 0, 0)]],
  "a length of 64 bits for 65535": [1002, [
    Uint8Array.of(0x82, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0),
  ]],
  "a huge length": [1009, [Uint8Array.of(0x82, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0)]],
  "text that is not UTF-8": [1007, [frame(TEXT, [0x61, 0xff])]],
  "text that is cut in a character": [1007, [frame(TEXT, [0xe2, 0x82])]],
  "a surrogate": [1007, [frame(TEXT, [0xed, 0xa0, 0x80])]],
  "an overlong character": [1007, [frame(TEXT, [0xc0, 0xaf])]],
  "a character beyond Unicode": [1007, [frame(TEXT, [0xf4, 0x90, 0x80, 0x80])]],
  "a fault in the first fragment": [1007, [frame(TEXT, [0xff], { more: true })]],
  "a message cut in a character": [1007, [frame(TEXT, [0xe2], { more: true }), frame(CONTINUATION, [0x82])]],
};

for (const [name, [code, pieces]] of Object.entries(violations)) {
  Deno.test(`FrameReader refuses ${name} with ${code}`, () => {
    assertEquals(codeOf(pieces), code);
  });
}

Deno.test("FrameReader of a client refuses a masked frame with 1002", () => {
  assertEquals(codeOf([frame(TEXT, "x")], { masked: false }), 1002);
});

Deno.test("FrameReader finds a fault in a fragment before the message ends, and in a frame before it has come", () => {
  const long = frame(TEXT, Uint8Array.of(0xff, ...new Uint8Array(1000)));
  assertEquals(codeOf([long.subarray(0, 20)]), 1007);
});

Deno.test("FrameReader refuses a message that is too long before it has come, fragments added up", () => {
  const options = { maxMessageBytes: 1000 };
  assertEquals(codeOf([frame(BINARY, new Uint8Array(1001)).subarray(0, 8)], options), 1009);
  const third = new Uint8Array(400);
  const fragments = [
    frame(BINARY, third, { more: true }),
    frame(CONTINUATION, third, { more: true }),
    frame(CONTINUATION, third).subarray(0, 8),
  ];
  assertEquals(codeOf(fragments, options), 1009);
  const fits = [frame(BINARY, third, { more: true }), frame(CONTINUATION, new Uint8Array(600))];
  assertEquals(readAll(fits, options), [new Uint8Array(1000)]);
  // Bytes count, not characters.
  assertEquals(codeOf([frame(TEXT, "€".repeat(334))], options), 1009);
  assertEquals(readAll([frame(TEXT, "€".repeat(333))], options), ["€".repeat(333)]);
});
