import { applyMask, writeMaskKey } from "./mask.ts";

/** What a frame is (RFC 6455, section 5.2). From 8 on, it is a control frame. */
export const CONTINUATION = 0;
export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

/** Set in the first byte of the last frame of a message. */
export const FINAL = 0x80;
/** Reserved for extensions, of which there are none here. */
export const RESERVED = 0x70;
/** Set in the second byte if the payload is masked. */
export const MASKED = 0x80;
/** Lengths up to this stand in the second byte itself; control frames are no longer. */
export const MAX_SHORT = 125;
/** In the second byte: the length is in the next two bytes. */
export const LENGTH_16 = 126;
/** In the second byte: the length is in the next eight bytes. */
export const LENGTH_64 = 127;

/** How many bytes may stand before a payload: the first two, the length, the key. */
const MAX_HEAD = 14;
/** A character of a string takes as many bytes of UTF-8 at most. */
const BYTES_PER_CHARACTER = 3;
const KEY_BYTES = 4;

const encoder = new TextEncoder();

/** How many bytes a frame may need. */
export function roomFor(payload: string | Uint8Array): number {
  const { length } = payload;
  return MAX_HEAD + (typeof payload === "string" ? BYTES_PER_CHARACTER * length : length);
}

/**
 * Writes a final frame.
 *
 * @param target Has room for it from `at` on.
 * @param masks Whether the payload is masked, as clients must.
 * @returns How many bytes it has.
 */
export function writeFrame(
  target: Uint8Array,
  at: number,
  opcode: number,
  payload: string | Uint8Array,
  masks: boolean,
): number {
  let head = headSize(payload.length, masks);
  let { length } = payload;
  if (typeof payload !== "string") target.set(payload, at + head);
  else {
    // Most texts are ASCII, so the size of the head can be guessed before the length is known.
    const guess = head;
    length = encoder.encodeInto(payload, target.subarray(at + guess)).written;
    head = headSize(length, masks);
    if (head !== guess) target.copyWithin(at + head, at + guess, at + guess + length);
  }
  writeHead(target, at, opcode, length, masks);
  if (masks) {
    const key = at + head - KEY_BYTES;
    writeMaskKey(target, key);
    applyMask(target, at + head, at + head + length, target, key);
  }
  return head + length;
}

/** Bytes before the payload. */
function headSize(length: number, masks: boolean): number {
  const lengthBytes = length <= MAX_SHORT ? 0 : length <= 0xffff ? 2 : 8;
  return 2 + lengthBytes + (masks ? KEY_BYTES : 0);
}

/** Writes the head, without the key. */
function writeHead(target: Uint8Array, at: number, opcode: number, length: number, masks: boolean): void {
  const flag = masks ? MASKED : 0;
  target[at] = FINAL | opcode;
  if (length <= MAX_SHORT) target[at + 1] = flag | length;
  else if (length <= 0xffff) {
    target[at + 1] = flag | LENGTH_16;
    target[at + 2] = length >> 8;
    target[at + 3] = length & 255;
  } else {
    target[at + 1] = flag | LENGTH_64;
    for (let i = 9, rest = length; i >= 2; i--, rest = Math.floor(rest / 256)) target[at + i] = rest % 256;
  }
}
