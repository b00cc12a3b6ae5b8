/** What the reading methods of a connection ask its inflow for. */
import type { Want } from "./inflow.ts";
import type { ReadBuffer } from "./read_buffer.ts";

const NEWLINE = 10;
const CARRIAGE_RETURN = 13;

// A byte order mark has its place at the start of a file, not of each line: here it is a character like others.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * A line or a delimited message is longer than its reader allows.
 *
 * @example A line that never ends
 * ```ts
 * import { createSocketPair, TooLongError } from "@verdant/green";
 * import { assertRejects } from "@std/assert";
 *
 * const [a, b] = await createSocketPair();
 * using _a = a;
 * using _b = b;
 * await a.writeAll(new Uint8Array(1000));
 * await assertRejects(() => b.readLine({ maxBytes: 100 }), TooLongError, "100 bytes");
 * ```
 */
export class TooLongError extends Error {
  /** Always `"TooLongError"`. */
  override readonly name = "TooLongError";
}

/** Some bytes, moved into the reader's own memory; their number, or `null` at the end. */
export class ReadInto implements Want<number | null> {
  constructor(readonly target: Uint8Array) {}

  take(buffer: ReadBuffer): number | undefined {
    return buffer.size > 0 ? buffer.moveTo(this.target) : undefined;
  }

  end(): null {
    return null;
  }
}

/** Some bytes; `null` at the end. */
export const READ_SOME: Want<Uint8Array<ArrayBuffer> | null> = {
  take: (buffer) => buffer.size > 0 ? buffer.take(buffer.size) : undefined,
  end: () => null,
};

/** A number of bytes. */
export class ReadExactly implements Want<Uint8Array<ArrayBuffer>> {
  constructor(readonly count: number, readonly from: object) {}

  take(buffer: ReadBuffer): Uint8Array<ArrayBuffer> | undefined {
    return buffer.size >= this.count ? buffer.take(this.count) : undefined;
  }

  end(buffer: ReadBuffer): never {
    throw new Deno.errors.UnexpectedEof(
      `Cannot read ${this.count} bytes from ${this.from}: it ended after ${buffer.size}`,
    );
  }
}

/** The text up to the next newline, without it; the rest at the end, `null` if there is none. */
export class ReadLine implements Want<string | null> {
  /** How many bytes hold no newline. */
  #searched = 0;

  constructor(readonly maxBytes: number, readonly from: object) {}

  take(buffer: ReadBuffer): string | undefined {
    const { bytes } = buffer;
    const newline = bytes.indexOf(NEWLINE, this.#searched);
    const end = newline < 0 ? bytes.length : newline;
    const length = end > 0 && bytes[end - 1] === CARRIAGE_RETURN ? end - 1 : end;
    if (length > this.maxBytes) throw this.#tooLong();
    if (newline < 0) {
      this.#searched = bytes.length;
      return undefined;
    }
    const line = decoder.decode(bytes.subarray(0, length));
    buffer.skip(newline + 1);
    return line;
  }

  end(buffer: ReadBuffer): string | null {
    const { size, bytes } = buffer;
    if (size === 0) return null;
    if (size > this.maxBytes) throw this.#tooLong();
    const rest = decoder.decode(bytes);
    buffer.skip(size);
    return rest;
  }

  #tooLong(): TooLongError {
    return new TooLongError(`Cannot read line from ${this.from}: it is longer than ${this.maxBytes} bytes`);
  }
}

/** The bytes up to a delimiter, with it. */
export class ReadUntil implements Want<Uint8Array<ArrayBuffer>> {
  /** How many bytes do not begin a delimiter. */
  #searched = 0;

  constructor(readonly delimiter: Uint8Array, readonly maxBytes: number, readonly from: object) {}

  take(buffer: ReadBuffer): Uint8Array<ArrayBuffer> | undefined {
    const { bytes } = buffer;
    const at = this.#find(bytes);
    const length = at + this.delimiter.length;
    if (at >= 0 && length <= this.maxBytes) return buffer.take(length);
    if (at >= 0 || bytes.length >= this.maxBytes) {
      throw new TooLongError(
        `Cannot read from ${this.from}: no delimiter within ${this.maxBytes} bytes`,
      );
    }
    this.#searched = Math.max(0, bytes.length - this.delimiter.length + 1);
    return undefined;
  }

  end(buffer: ReadBuffer): never {
    throw new Deno.errors.UnexpectedEof(
      `Cannot read from ${this.from} up to a delimiter: it ended after ${buffer.size} bytes without one`,
    );
  }

  #find(bytes: Uint8Array): number {
    const { delimiter } = this;
    let at = bytes.indexOf(delimiter[0]!, this.#searched);
    while (at >= 0 && at + delimiter.length <= bytes.length) {
      if (startsWith(bytes, at, delimiter)) return at;
      at = bytes.indexOf(delimiter[0]!, at + 1);
    }
    return -1;
  }
}

function startsWith(bytes: Uint8Array, at: number, delimiter: Uint8Array): boolean {
  for (let i = 1; i < delimiter.length; i++) if (bytes[at + i] !== delimiter[i]) return false;
  return true;
}
