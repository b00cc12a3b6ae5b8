/** What the reading methods of a file ask for, in text. */
import type { Want } from "../inflow.ts";
import type { ReadBuffer } from "../read_buffer.ts";
import { TooLongError } from "../wants.ts";
import type { Codec } from "./encoding.ts";

const NEWLINE = 10;
const CARRIAGE_RETURN = 13;

/** A number of characters (code points); fewer at the end, `null` if there are none. */
export class TextUpTo implements Want<string | null> {
  #left: number;
  /** How many bytes the characters have that are counted. */
  #length = 0;

  constructor(count: number, readonly codec: Codec) {
    this.#left = count;
  }

  take(buffer: ReadBuffer): string | undefined {
    this.#count(buffer.bytes);
    return this.#left === 0 ? takeText(buffer, this.#length, this.codec) : undefined;
  }

  end(buffer: ReadBuffer): string | null {
    return buffer.size > 0 ? takeText(buffer, buffer.size, this.codec) : null;
  }

  #count(bytes: Uint8Array): void {
    while (this.#left > 0 && this.#length < bytes.length) {
      const length = this.codec.lengthAt(bytes, this.#length);
      if (length === undefined) return;
      this.#length += length;
      this.#left--;
    }
  }
}

/** The characters that are there, at least one; `null` at the end. */
export class TextSome implements Want<string | null> {
  constructor(readonly codec: Codec) {}

  take(buffer: ReadBuffer): string | undefined {
    const length = wholeLength(buffer.bytes, this.codec);
    return length > 0 ? takeText(buffer, length, this.codec) : undefined;
  }

  end(buffer: ReadBuffer): string | null {
    return buffer.size > 0 ? takeText(buffer, buffer.size, this.codec) : null;
  }
}

/** All that is left. */
export class TextRest implements Want<string> {
  constructor(readonly codec: Codec) {}

  take(): undefined {
    return undefined;
  }

  end(buffer: ReadBuffer): string {
    return takeText(buffer, buffer.size, this.codec);
  }
}

/** The text up to the next newline, without it; the rest at the end, `null` if there is none. */
export class TextLine implements Want<string | null> {
  /** How many bytes hold no newline. */
  #searched = 0;

  constructor(readonly maxBytes: number, readonly codec: Codec, readonly from: object) {}

  take(buffer: ReadBuffer): string | undefined {
    const { bytes } = buffer;
    const newline = bytes.indexOf(NEWLINE, this.#searched);
    const end = newline < 0 ? bytes.length : newline;
    const length = end > 0 && bytes[end - 1] === CARRIAGE_RETURN ? end - 1 : end;
    this.#checkLength(length);
    this.#searched = end;
    if (newline < 0) return undefined;
    const line = this.codec.decode(bytes.subarray(0, length));
    buffer.skip(newline + 1);
    return line;
  }

  end(buffer: ReadBuffer): string | null {
    const { size } = buffer;
    this.#checkLength(size);
    return size > 0 ? takeText(buffer, size, this.codec) : null;
  }

  #checkLength(length: number): void {
    if (length <= this.maxBytes) return;
    throw new TooLongError(`Cannot read line from ${this.from}: it is longer than ${this.maxBytes} bytes`);
  }
}

/** Decodes first: bytes that are no text stay where they are. */
function takeText(buffer: ReadBuffer, length: number, codec: Codec): string {
  const text = codec.decode(buffer.bytes.subarray(0, length));
  buffer.skip(length);
  return text;
}

/** The longest character has so many bytes. */
const MAX_CHARACTER = 4;

/** How many bytes the whole characters at the beginning have: all but the last bytes if these are a part of one. */
function wholeLength(bytes: Uint8Array, codec: Codec): number {
  for (let at = Math.max(0, bytes.length - MAX_CHARACTER + 1); at < bytes.length; at++) {
    if (codec.lengthAt(bytes, at) === undefined) return at;
  }
  return bytes.length;
}
