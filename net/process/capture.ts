import { TooLongError } from "../wants.ts";
import type { PipeReader } from "./pipe_reader.ts";
import type { Captured, Encoding } from "./process_options.ts";

// A byte order mark is part of the output.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** What has been read from a pipe. Reading can be broken off and taken up again: nothing is lost. */
export class Capture {
  #chunks: Uint8Array<ArrayBuffer>[] = [];
  #size = 0;

  constructor(readonly pipe: PipeReader) {}

  /** How many bytes there are. */
  get size(): number {
    return this.#size;
  }

  /**
   * Reads to the end. Switches.
   *
   * @throws {TooLongError} If there are more than `maxBytes`.
   */
  async collect(maxBytes: number): Promise<void> {
    for (;;) {
      if (this.#size > maxBytes) throw this.#tooLong(maxBytes);
      const chunk = await this.pipe.readSome();
      if (chunk === null) return;
      this.#chunks.push(chunk);
      this.#size += chunk.length;
    }
  }

  /** What there is. */
  bytes(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.#size);
    let at = 0;
    for (const chunk of this.#chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return bytes;
  }

  #tooLong(maxBytes: number): TooLongError {
    return new TooLongError(`Cannot capture ${this.pipe}: it is longer than ${maxBytes} bytes`);
  }
}

/** What was captured, in the encoding that was asked for. */
export function decode<E extends Encoding>(capture: Capture | undefined, encoding: E): Captured<E> {
  const bytes = capture?.bytes() ?? new Uint8Array(0);
  return (encoding === "buffer" ? bytes : decoder.decode(bytes)) as Captured<E>;
}
