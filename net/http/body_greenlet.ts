import { GreenletExit, until } from "../../hub/mod.ts";
import { Job } from "../../green/job.ts";

const EVENT_STREAM = "text/event-stream";

/** What the platform is told when a response breaks off, and reports in turn: it is reported as what it is. */
export class BrokenOff extends Error {
  override readonly name = "BrokenOff";
}

/**
 * Stands for a response that is being streamed: it ends when the stream does, and its kill ends the stream.
 *
 * That is how a server that stops waits for streams and gets rid of them: the platform lets nobody break a
 * single response.
 */
export class BodyGreenlet extends Job<void> {
  /** Whether its stream has no end of its own. */
  readonly endless: boolean;
  /** The same response, which this greenlet can end. */
  readonly response: Response;
  /** How many bytes have been sent. */
  bytes = 0;
  /** Why the stream failed, if it did. */
  fault: { readonly error: unknown } | undefined = undefined;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  readonly #over = Promise.withResolvers<void>();
  #controller!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  /** Whether the client still waits for bytes. */
  #open = true;

  /**
   * Takes over the stream of a response.
   *
   * @param source The response.
   * @param stream Its body.
   * @param onFault Called when the stream fails, while the platform still knows the request.
   * @param onEnd Called at the end of the stream, however it ends.
   * @throws {TypeError} If the stream is locked.
   */
  constructor(
    source: Response,
    stream: ReadableStream<Uint8Array<ArrayBuffer>>,
    readonly onFault: () => void,
    readonly onEnd: (body: BodyGreenlet) => void,
  ) {
    super();
    this.endless = source.headers.get("content-type")?.startsWith(EVENT_STREAM) ?? false;
    this.#reader = stream.getReader();
    const { status, statusText, headers } = source;
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#forward(),
      cancel: (reason) => this.#leave(reason),
    }, { highWaterMark: 0 });
    this.response = new Response(body, { status, statusText, headers });
  }

  /** Ends a stream without an end as if it had one. */
  finish(): void {
    this.#end(() => this.#controller.close());
    this.#cancelSource(new GreenletExit("The server stops"));
  }

  /** Waits for the end of the stream. */
  protected override async run(): Promise<void> {
    try {
      await until(this.#over.promise, { what: "end of the response" });
    } catch (error) {
      this.#breakOff(error);
      throw error;
    }
  }

  /** For the hub. */
  override ended(): void {
    super.ended();
    this.#breakOff(this.outcome); // unless it is over: killed before it began
    this.onEnd(this);
  }

  async #forward(): Promise<void> {
    try {
      const { done, value } = await this.#reader.read();
      if (done) this.#end(() => this.#controller.close());
      else if (this.#open) this.#send(value);
    } catch (error) {
      if (!this.#open) return;
      this.fault = { error };
      this.onFault();
      this.#breakOff(error);
    }
  }

  #send(chunk: Uint8Array<ArrayBuffer>): void {
    if (!ArrayBuffer.isView(chunk)) {
      throw new TypeError(`The body of a response must yield bytes, it yielded ${typeof chunk}`);
    }
    this.bytes += chunk.byteLength;
    this.#controller.enqueue(chunk);
  }

  /** Cuts the connection, so that the client does not take the response for complete. */
  #breakOff(reason: unknown): void {
    if (!this.#open) return;
    this.#end(() => this.#controller.error(new BrokenOff("The response broke off", { cause: reason })));
    this.#cancelSource(reason);
  }

  /** The client has gone. */
  #leave(reason: unknown): void {
    this.#end(() => {});
    this.#cancelSource(reason);
  }

  #end(tell: () => void): void {
    if (!this.#open) return;
    this.#open = false;
    tell();
    this.#over.resolve();
  }

  #cancelSource(reason: unknown): void {
    this.#reader.cancel(reason).catch(() => {}); // it failed at its end, which nobody hears any more
  }
}
