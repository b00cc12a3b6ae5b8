import { GreenletExit, until, type WaitOptions } from "../hub/mod.ts";
import { getCurrent } from "./current.ts";

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
export async function fetch(input: RequestInfo | URL, init: FetchOptions = {}): Promise<Response> {
  const { timeout, signal, ...rest } = init;
  const controller = new AbortController();
  const abort = (reason: unknown) => controller.abort(reason);
  const combined = signal ? AbortSignal.any([signal, controller.signal]) : controller.signal;
  const response = await until((interrupted) => {
    interrupted.addEventListener("abort", () => abort(interrupted.reason), { once: true });
    return globalThis.fetch(input, { ...rest, signal: combined });
  }, { timeout, what: "fetch" });
  return new GreenResponse(response, response.body && greenBody(response.body, abort));
}

/**
 * The body as a stream of which every read is one wait of the greenlet that reads: the stream asks for a
 * chunk in the async context of its reader.
 */
function greenBody(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  abort: (reason: unknown) => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = body.getReader();
  const link = getCurrent()?.rawlink((owner) => {
    if (owner.failed || owner.value instanceof GreenletExit) abort(owner.error ?? owner.value);
  });
  const settle = () => link?.[Symbol.dispose]();
  return new ReadableStream({
    type: "bytes",
    async pull(controller) {
      try {
        const { done, value } = await until(() => reader.read(), { what: "fetch body" });
        if (!done) return controller.enqueue(value);
        settle();
        controller.close();
        controller.byobRequest?.respond(0);
      } catch (error) {
        settle();
        abort(error);
        throw error;
      }
    },
    cancel(reason) {
      settle();
      return reader.cancel(reason);
    },
  });
}

/** What a response knows beside status, headers and body: a constructed one knows nothing of it. */
class GreenResponse extends Response {
  readonly #source: Response;

  constructor(source: Response, body: ReadableStream<Uint8Array<ArrayBuffer>> | null) {
    super(body, source);
    this.#source = source;
  }

  override get url(): string {
    return this.#source.url;
  }

  override get redirected(): boolean {
    return this.#source.redirected;
  }

  override get type(): ResponseType {
    return this.#source.type;
  }

  override clone(): Response {
    const copy = super.clone();
    return new GreenResponse(this.#source, copy.body);
  }
}
