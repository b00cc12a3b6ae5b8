import { PROTOCOL_ERROR, TOO_BIG } from "./close_code.ts";
import {
  BINARY,
  CLOSE,
  CONTINUATION,
  FINAL,
  LENGTH_16,
  LENGTH_64,
  MASKED,
  MAX_SHORT,
  PONG,
  RESERVED,
  TEXT,
} from "./frame.ts";
import { applyMask } from "./mask.ts";
import { BinaryParts, decodeText, type MessageParts, TextParts } from "./message_parts.ts";
import { WebSocketError } from "./web_socket_error.ts";

/** Who gets what was read. */
export interface FrameSink {
  /** Whether nothing more may be read now. Asked before each frame. */
  readonly full: boolean;
  /** A message has come. */
  message(message: string | Uint8Array<ArrayBuffer>): void;
  /** A control frame has come. */
  control(opcode: number, payload: Uint8Array<ArrayBuffer>): void;
}

/** What {@linkcode FrameReader} needs to know. */
export interface FrameReaderOptions {
  /** Whether frames must be masked: whether the peer is a client. */
  readonly masked: boolean;
  readonly maxMessageBytes: number;
}

const KEY_BYTES = 4;
/** The bytes do not hold a whole head, or not a whole control frame. */
const MORE = -1;

/**
 * Reads frames (RFC 6455, section 5) and puts messages together. Refuses what breaks the protocol as soon as it
 * can be seen.
 */
export class FrameReader {
  readonly #masked: boolean;
  readonly #maxMessageBytes: number;
  /** The message whose first frames have come. */
  #parts: MessageParts | undefined = undefined;
  /** How many bytes of the payload of the current frame are still to come. */
  #left = 0;
  /** Whether the current frame ends its message. */
  #final = false;
  /** The key of the current frame. Made on first use: most frames come as a whole. */
  #key: Uint8Array<ArrayBuffer> | undefined = undefined;
  /** How many bytes of the payload of the current frame have come, modulo the size of the key. */
  #phase = 0;

  constructor({ masked, maxMessageBytes }: FrameReaderOptions) {
    this.#masked = masked;
    this.#maxMessageBytes = maxMessageBytes;
  }

  /**
   * Reads what is there, until the sink is full. The bytes are unmasked in place.
   *
   * @returns How many bytes were used. The rest is to be given again, with more behind it.
   * @throws {WebSocketError} With the close code, if the peer breaks the protocol.
   */
  read(bytes: Uint8Array<ArrayBuffer>, sink: FrameSink): number {
    let at = 0;
    for (;;) {
      if (this.#left > 0) {
        at = this.#readPayload(bytes, at, sink);
        if (this.#left > 0) return at;
      }
      if (sink.full || bytes.length - at < 2) return at;
      const next = this.#readFrame(bytes, at, sink);
      if (next === MORE) return at;
      at = next;
    }
  }

  #readFrame(bytes: Uint8Array<ArrayBuffer>, at: number, sink: FrameSink): number {
    const first = bytes[at]!;
    const second = bytes[at + 1]!;
    const opcode = first & 0x0f;
    const short = second & 0x7f;
    this.#check(first, second);
    const head = 2 + (short < LENGTH_16 ? 0 : short === LENGTH_16 ? 2 : 8);
    const start = at + head + (this.#masked ? KEY_BYTES : 0);
    if (start > bytes.length) return MORE;
    const length = short < LENGTH_16 ? short : readLength(bytes, at + 2, short);
    if (opcode >= CLOSE) return this.#readControl(opcode, bytes, start, length, sink);
    const size = (this.#parts?.size ?? 0) + length;
    if (size > this.#maxMessageBytes) {
      const limit = `${this.#maxMessageBytes} bytes`;
      throw new WebSocketError(`A message of ${size} bytes at least is longer than ${limit}`, {
        code: TOO_BIG,
      });
    }
    const end = start + length;
    if ((first & FINAL) !== 0 && this.#parts === undefined && end <= bytes.length) {
      if (this.#masked) applyMask(bytes, start, end, bytes, start - KEY_BYTES);
      sink.message(opcode === TEXT ? decodeText(bytes.subarray(start, end)) : bytes.slice(start, end));
      return end;
    }
    this.#parts ??= opcode === TEXT ? new TextParts() : new BinaryParts();
    this.#final = (first & FINAL) !== 0;
    this.#left = length;
    this.#phase = 0;
    if (this.#masked) (this.#key ??= new Uint8Array(KEY_BYTES)).set(bytes.subarray(start - KEY_BYTES, start));
    if (length === 0) this.#endFrame(sink);
    return start;
  }

  #readControl(
    opcode: number,
    bytes: Uint8Array<ArrayBuffer>,
    start: number,
    length: number,
    sink: FrameSink,
  ): number {
    const end = start + length;
    if (end > bytes.length) return MORE;
    if (this.#masked) applyMask(bytes, start, end, bytes, start - KEY_BYTES);
    sink.control(opcode, bytes.slice(start, end));
    return end;
  }

  /** Takes as much of the payload as has come. */
  #readPayload(bytes: Uint8Array<ArrayBuffer>, at: number, sink: FrameSink): number {
    const end = Math.min(at + this.#left, bytes.length);
    if (this.#masked) applyMask(bytes, at, end, this.#key!, 0, this.#phase);
    this.#parts!.add(bytes.subarray(at, end));
    this.#left -= end - at;
    this.#phase = this.#phase + end - at & 3;
    if (this.#left === 0) this.#endFrame(sink);
    return end;
  }

  #endFrame(sink: FrameSink): void {
    if (!this.#final) return;
    const message = this.#parts!.finish();
    this.#parts = undefined;
    sink.message(message);
  }

  /** What can be seen from the first two bytes. */
  #check(first: number, second: number): void {
    const opcode = first & 0x0f;
    if ((first & RESERVED) !== 0) refuse("A frame has reserved bits set");
    if (opcode > PONG || opcode > BINARY && opcode < CLOSE) refuse(`A frame has the opcode ${opcode}`);
    if (((second & MASKED) !== 0) !== this.#masked) {
      refuse(this.#masked ? "A frame of a client is not masked" : "A frame of a server is masked");
    }
    if (opcode >= CLOSE) {
      if ((first & FINAL) === 0) refuse("A control frame is fragmented");
      if ((second & 0x7f) > MAX_SHORT) refuse("A control frame is longer than 125 bytes");
    } else if (opcode === CONTINUATION) {
      if (this.#parts === undefined) refuse("A frame continues no message");
    } else if (this.#parts !== undefined) {
      refuse("A message begins before the one before has ended");
    }
  }
}

/** The length in the bytes from `at` on. */
function readLength(bytes: Uint8Array, at: number, kind: number): number {
  if (kind === LENGTH_64 && bytes[at]! > 0x7f) refuse("The length of a frame has its highest bit set");
  const end = at + (kind === LENGTH_16 ? 2 : 8);
  let length = 0;
  for (let i = at; i < end; i++) length = length * 256 + bytes[i]!; // exact where it matters: see the limits
  if (length <= (kind === LENGTH_16 ? MAX_SHORT : 0xffff)) refuse("The length of a frame has needless bytes");
  return length;
}

function refuse(message: string): never {
  throw new WebSocketError(message, { code: PROTOCOL_ERROR });
}
