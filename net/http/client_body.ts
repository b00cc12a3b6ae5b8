import { quiet, until } from "../../hub/mod.ts";
import type { Lifeline } from "./client_lifeline.ts";

/** Ends the calls whose body nobody can read any more. */
const collected = new FinalizationRegistry<Lifeline>((life) => {
  life.abort(new DOMException("The response was dropped before its body was read", "AbortError"));
});

/**
 * The body of an answer: ends the call when it was read to its end, when it is given up, and when reading it fails
 * or is interrupted.
 *
 * The platform reads a body as a whole twice as fast as through a stream of ours, so that it is let do so if nobody
 * has got hold of the stream.
 */
export class ClientBody implements UnderlyingByteSource {
  /** For the stream. */
  readonly type = "bytes";
  /** Every read of it is one wait of the greenlet that reads. */
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #source: Response;
  readonly #life: Lifeline;
  #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined = undefined;
  #bypassed = false;

  /**
   * Adopts the body of an answer.
   *
   * @param source The platform's response; it has a body.
   * @param life The call.
   */
  constructor(source: Response, life: Lifeline) {
    this.#source = source;
    this.#life = life;
    this.stream = new ReadableStream(this as UnderlyingByteSource);
    collected.register(this.stream, life);
  }

  /**
   * Reads all of it past the stream, which is used up by that. Switches. As long as this goes on the stream is not
   * collected, whatever becomes of the response.
   */
  async readWhole<T>(how: (source: Response) => Promise<T>): Promise<T> {
    this.#bypassed = true;
    quiet(this.stream.cancel());
    const whole = await this.#during(() => how(this.#source));
    this.#life.finish();
    return whole;
  }

  /** For the stream, in the async context of its reader. */
  async pull(controller: ReadableByteStreamController): Promise<void> {
    const reader = this.#reader ??= this.#source.body!.getReader();
    const { done, value } = await this.#during(() => reader.read());
    if (!done) return controller.enqueue(value);
    this.#life.finish();
    controller.close();
    controller.byobRequest?.respond(0);
  }

  /** For the stream. */
  cancel(reason: unknown): void {
    if (!this.#bypassed) this.#life.abort(reason);
  }

  /** Waits for the platform; a wait that ends otherwise ends the call. */
  async #during<T>(operation: () => Promise<T>): Promise<T> {
    try {
      return await until(operation, { what: "response body" });
    } catch (error) {
      this.#life.abort(error);
      throw error;
    }
  }
}
