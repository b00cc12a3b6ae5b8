import { enterWait, GreenletExit, planWait, quiet, until, type WaitOptions } from "../hub/mod.ts";
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

  // A kill must not become an unhandled rejection where nobody awaits the body yet.

  override text(): Promise<string> {
    return quiet(super.text());
  }

  // deno-lint-ignore no-explicit-any -- as the platform's
  override json(): Promise<any> {
    return quiet(super.json());
  }

  override bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return quiet(super.bytes());
  }

  override arrayBuffer(): Promise<ArrayBuffer> {
    return quiet(super.arrayBuffer());
  }

  override blob(): Promise<Blob> {
    return quiet(super.blob());
  }

  override formData(): Promise<FormData> {
    return quiet(super.formData());
  }
}
