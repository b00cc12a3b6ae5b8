import type { ByteSink } from "../outflow.ts";

/** How many bytes the platform is handed at a time: it takes all of them or none. That many a pipe holds. */
const MAX_WRITE = 64 * 1024;

/** The input of a process: a stream of the platform. */
export class PipeSink implements ByteSink {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #handed = 0;
  #closing: Promise<void> | undefined = undefined;

  constructor(stream: WritableStream<Uint8Array>) {
    this.#writer = stream.getWriter();
  }

  /** How many bytes the platform has been handed: it writes them even if nobody waits for that. */
  get handed(): number {
    return this.#handed;
  }

  async write(data: Uint8Array): Promise<number> {
    const part = data.length > MAX_WRITE ? data.subarray(0, MAX_WRITE) : data;
    this.#handed += part.length;
    await this.#writer.write(part);
    return part.length;
  }

  /** Closes it behind what was handed over. */
  closeWrite(): Promise<void> {
    return this.#closing ??= this.#writer.close();
  }
}
