const NEWLINE = 10;
const CARRIAGE_RETURN = 13;
const NUL = 0;

const decoder = new TextDecoder();

/** Stands for a line that was longer than allowed. */
export const TOO_LONG: unique symbol = Symbol("too long");

/** Cuts bytes into lines, which end in `\n`, `\r\n` or, as telnet may have it, `\r\0`. */
export class LineSplitter {
  readonly #maxBytes: number;
  /** What has come of the line that is not complete. */
  #parts: Uint8Array<ArrayBuffer>[] = [];
  #size = 0;
  #tooLong = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The lines that these bytes complete. */
  *split(bytes: Uint8Array<ArrayBuffer>): Generator<string | typeof TOO_LONG> {
    let start = 0;
    for (let at = 0; at < bytes.length; at++) {
      if (!this.#endsLine(bytes, at)) continue;
      this.#add(bytes.subarray(start, at));
      start = at + 1;
      yield this.#take();
    }
    this.#add(bytes.slice(start)); // a copy: the rest of the memory need not be kept
  }

  /** What is left at the end; `undefined` if nothing is. */
  rest(): string | typeof TOO_LONG | undefined {
    return this.#size > 0 || this.#tooLong ? this.#take() : undefined;
  }

  /** Forgets the line that is not complete. */
  clear(): void {
    this.#parts = [];
    this.#size = 0;
    this.#tooLong = false;
  }

  #endsLine(bytes: Uint8Array, at: number): boolean {
    const byte = bytes[at];
    if (byte === NEWLINE) return true;
    return byte === NUL && (at === 0 ? this.#parts.at(-1)?.at(-1) : bytes[at - 1]) === CARRIAGE_RETURN;
  }

  #add(part: Uint8Array<ArrayBuffer>): void {
    if (part.length === 0 || this.#tooLong) return;
    this.#size += part.length;
    // A carriage return is no part of the line, but it is not known yet whether this is the last byte.
    if (this.#size > this.#maxBytes + 1) {
      this.clear();
      this.#tooLong = true;
    } else this.#parts.push(part);
  }

  #take(): string | typeof TOO_LONG {
    const bytes = concat(this.#parts, this.#size);
    const line = bytes.at(-1) === CARRIAGE_RETURN ? bytes.subarray(0, -1) : bytes;
    const tooLong = this.#tooLong || line.length > this.#maxBytes;
    this.clear();
    return tooLong ? TOO_LONG : decoder.decode(line);
  }
}

function concat(parts: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
