import { enterWait, originalOf, planWait, quiet, until, type WaitOptions } from "../hub/mod.ts";
import { greenResponse } from "./green_response.ts";

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
  let response: Response;
  try {
    response = await until(() => originalOf(globalThis.fetch)(input, { ...rest, signal: combined }), {
      timeout,
      what: "fetch",
    });
  } catch (error) {
    controller.abort(error);
    throw error;
  }
  return greenResponse(response, abort);
}
