import { enterWait, GreenletExit, planWait, quiet, until, type WaitOptions } from "../hub/mod.ts";
import { getCurrent } from "./current.ts";
import { ResponseAround } from "./response_around.ts";

/**
 * Options of {@linkcode fetch}: those of the platform's, and a limit.
 *
 * @example Ten seconds for the headers
 * ```ts
 * import { fetch, type FetchOptions } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const options: FetchOptions = { headers: { accept: "text/plain" }, timeout: 10_000 };
 * const response = await fetch("data:text/plain,hi", options);
 * assertEquals(await response.text(), "hi");
 * ```
 */
export interface FetchOptions extends Omit<RequestInit, "signal"> {
  /** How long the wait for the answer's headers may take. For the body too, use `withTimeout()`. */
  timeout?: WaitOptions["timeout"];
  /** Aborts the request. */
  signal?: AbortSignal | null | undefined;
}

/**
 * The platform's `fetch`, for greenlets: a kill or a time-out, while the headers or while the body are
 * awaited, aborts the request and closes its connection. So does the end of a greenlet that was killed or
 * failed before it had read the body. Switches.
 *
 * @param input What to fetch.
 * @param init As for the platform's `fetch`; `timeout` (ms, `Temporal.Duration` or `Timeout`) limits the
 * wait for the headers.
 * @returns The response; reading its body switches.
 * @throws {Timeout} If no answer comes in time.
 * @throws {TypeError} As the platform's `fetch`: on a network error, for a bad URL.
 * @throws {RangeError} If the time-out is negative or NaN.
 *
 * @example With a time limit for all of it
 * ```ts
 * import { fetch, withTimeout } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const text = await withTimeout(5_000, async () => {
 *   const response = await fetch("data:text/plain,hello");
 *   return await response.text();
 * });
 * assertEquals(text, "hello");
 * ```
 */
export function fetch(input: RequestInfo | URL, init: FetchOptions = {}): Promise<Response> {
  planWait({ timeout: init.timeout }, "fetch");
  enterWait("fetch");
  return quiet(request(input, init));
}

async function request(input: RequestInfo | URL, init: FetchOptions): Promise<Response> {
  // As for the platform's: a signal in `init`, also `null`, replaces that of a `Request`.
  const { timeout, signal = input instanceof Request ? input.signal : null, ...rest } = init;
  const controller = new AbortController();
  const abort = (reason: unknown) => controller.abort(reason);
  const combined = signal ? AbortSignal.any([signal, controller.signal]) : controller.signal;
  const response = await until((interrupted) => {
    interrupted.addEventListener("abort", () => abort(interrupted.reason), { once: true });
    return globalThis.fetch(input, { ...rest, signal: combined });
  }, { timeout, what: "fetch" });
  return new GreenResponse(response, response.body && new GreenBody(response, abort));
}

/**
 * The body of a response: a kill or a time-out of whoever reads it aborts the request, and so does the end of the
 * greenlet that fetched it, unless it returned.
 *
 * The platform reads a body as a whole much faster than through a stream of ours, so it is let do so while nobody
 * reads the stream.
 */
class GreenBody implements UnderlyingByteSource {
  /** For the stream. */
  readonly type = "bytes";
  /** Every read of it is one wait: it asks for a chunk in the async context of its reader. */
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>> = new ReadableStream(this as UnderlyingByteSource);
  readonly #source: Response;
  readonly #abort: (reason: unknown) => void;
  readonly #link: Disposable | undefined;
  #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined = undefined;
  #bypassed = false;

  constructor(source: Response, abort: (reason: unknown) => void) {
    this.#source = source;
    this.#abort = abort;
    this.#link = getCurrent()?.rawlink((owner) => {
      if (owner.failed || owner.value instanceof GreenletExit) abort(owner.error ?? owner.value);
    });
  }

  /** Reads all of it past the stream, which is locked and used up by that. */
  async readWhole<T>(how: (source: Response) => Promise<T>): Promise<T> {
    this.#bypassed = true;
    quiet(this.stream.getReader().cancel());
    const whole = await this.#during(() => how(this.#source));
    this.#settle();
    return whole;
  }

  /** For the stream. */
  async pull(controller: ReadableByteStreamController): Promise<void> {
    const reader = this.#reader ??= this.#source.body!.getReader();
    const { done, value } = await this.#during(() => reader.read());
    if (!done) return controller.enqueue(value);
    this.#settle();
    controller.close();
    controller.byobRequest?.respond(0);
  }

  /** For the stream. */
  async cancel(reason: unknown): Promise<void> {
    if (this.#bypassed) return;
    this.#settle();
    await (this.#reader ?? this.#source.body!).cancel(reason);
  }

  /** Waits for the platform; a wait that ends otherwise ends the request. */
  async #during<T>(operation: () => Promise<T>): Promise<T> {
    try {
      return await until(operation, { what: "fetch body" });
    } catch (error) {
      this.#settle();
      this.#abort(error);
      throw error;
    }
  }

  #settle(): void {
    this.#link?.[Symbol.dispose]();
  }
}

class GreenResponse extends ResponseAround {
  /** `null` if there is none; in copies, the stream alone. */
  readonly #body: GreenBody | ReadableStream<Uint8Array<ArrayBuffer>> | null;

  constructor(source: Response, body: GreenBody | ReadableStream<Uint8Array<ArrayBuffer>> | null) {
    super(source, body instanceof GreenBody ? body.stream : body);
    this.#body = body;
  }

  override clone(): Response {
    const copy = super.clone();
    return new GreenResponse(this.source, copy.body);
  }

  protected override readPastStream<T>(whole: (source: Response) => Promise<T>): Promise<T> | undefined {
    const body = this.#body;
    const untouched = body instanceof GreenBody && !this.bodyUsed && !body.stream.locked;
    return untouched ? body.readWhole(whole) : undefined;
  }
}
