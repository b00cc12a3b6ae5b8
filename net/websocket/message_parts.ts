import { INVALID_TEXT } from "./close_code.ts";
import { WebSocketError } from "./web_socket_error.ts";

/** A message that comes in pieces. */
export interface MessageParts {
  /** How many bytes have come. */
  readonly size: number;
  /** A piece has come. It is copied. */
  add(piece: Uint8Array<ArrayBuffer>): void;
  /** No more will come. */
  finish(): string | Uint8Array<ArrayBuffer>;
}

// A byte order mark is a character like others. What replaces a fault is told by a second look: the decoder that
// throws by itself takes three times as long.
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const REPLACEMENT = "\ufffd";

/**
 * Text that has come as a whole.
 *
 * @throws {WebSocketError} If it is not UTF-8.
 */
export function decodeText(bytes: Uint8Array): string {
  const text = lenient.decode(bytes);
  return text.includes(REPLACEMENT) ? decodeWith(() => strict.decode(bytes)) : text;
}

function decodeWith(decode: () => string): string {
  try {
    return decode();
  } catch {
    throw new WebSocketError("A text is not UTF-8", { code: INVALID_TEXT });
  }
}

/** Text, decoded as it comes, so that a fault is found at the byte that is wrong. */
export class TextParts implements MessageParts {
  size = 0;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  #text = "";

  add(piece: Uint8Array<ArrayBuffer>): void {
    this.size += piece.length;
    this.#text += decodeWith(() => this.#decoder.decode(piece, { stream: true }));
  }

  finish(): string {
    return this.#text + decodeWith(() => this.#decoder.decode());
  }
}

/** Bytes. Memory is taken as they come, not as they are announced. */
export class BinaryParts implements MessageParts {
  size = 0;
  #memory: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  add(piece: Uint8Array<ArrayBuffer>): void {
    const size = this.size + piece.length;
    if (size > this.#memory.length) this.#grow(size);
    this.#memory.set(piece, this.size);
    this.size = size;
  }

  finish(): Uint8Array<ArrayBuffer> {
    return this.#memory.length === this.size ? this.#memory : this.#memory.slice(0, this.size);
  }

  #grow(size: number): void {
    // Doubling, so that many pieces are not copied again and again.
    const memory = new Uint8Array(Math.max(size, 2 * this.size));
    memory.set(this.#memory.subarray(0, this.size));
    this.#memory = memory;
  }
}
