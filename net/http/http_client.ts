import {
  type Duration,
  enterWait,
  expireThrowing,
  immediately,
  planWait,
  quiet,
  refusal,
  type Task,
  Timeout,
  type WaitOptions,
  type WaitPlan,
} from "../../hub/mod.ts";
import { checkSize } from "../../sync/check.ts";
import { ClientCall } from "./client_call.ts";
import { Lifeline } from "./client_lifeline.ts";
import { checkRedirect, makeRequest, parseHttpUrl, type RequestDefaults } from "./client_input.ts";
import { PlatformClient } from "./client_platform.ts";
import type { ClientRequest } from "./client_request.ts";
import type { HttpResponse } from "./client_response.ts";
import {
  type CallOptions,
  type CallSettings,
  checkCallOptions,
  checkLimit,
  overrideCallOptions,
} from "./client_settings.ts";
import { SlotTable } from "./client_slots.ts";

/**
 * Options of {@linkcode HttpClient}: those of `Deno.createHttpClient`, and what holds for all calls.
 *
 * @example A client for one service
 * ```ts
 * import { HttpClient, type HttpClientOptions } from "@verdant/green";
 *
 * const options: HttpClientOptions = {
 *   baseUrl: "https://api.example.com/v1/",
 *   headers: { authorization: "Bearer 1234" },
 *   maxPerHost: 8,
 *   timeout: 10_000,
 *   retries: 3,
 * };
 * using client = new HttpClient(options);
 * ```
 */
export interface HttpClientOptions extends CallOptions, Deno.CreateHttpClientOptions {
  /**
   * How many requests to one origin (scheme, host and port) there may be at a time; the others wait in line.
   *
   * @default {16}
   */
  maxPerHost?: number | undefined;
  /**
   * How long (ms or `Temporal.Duration`) a call may take, from the call to the last byte of the answer.
   *
   * @default {Infinity}
   */
  timeout?: Duration | undefined;
  /** What addresses are relative to. Without a slash at its end, its last part is left out. */
  baseUrl?: string | URL | undefined;
  /** Headers of every request. Those of a call come before them. */
  headers?: HeadersInit | undefined;
  /** A certificate (PEM) to show to servers; with `key`. */
  cert?: string | undefined;
  /** Its private key (PEM). */
  key?: string | undefined;
}

/**
 * Options of a call: those of the platform's `fetch`, limits, and what is to be otherwise than for other calls of the
 * client.
 *
 * @example A PUT with a limit
 * ```ts
 * import { HttpClient, type HttpRequestInit } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = Deno.serve({ port: 0, onListen() {} }, ({ body }) => new Response(body));
 * using client = new HttpClient();
 * const init: HttpRequestInit = { method: "PUT", body: "hello", timeout: 5_000, retries: 0 };
 * const response = await client.fetch(`http://127.0.0.1:${server.addr.port}/`, init);
 * assertEquals(await response.text(), "hello");
 * ```
 */
export interface HttpRequestInit extends Omit<RequestInit, "signal" | "client">, CallOptions {
  /**
   * How long the call may take, waiting in line, all tries, redirects and the body included: milliseconds, a
   * `Temporal.Duration` or a `Timeout`. That of the client by default.
   */
  timeout?: WaitOptions["timeout"];
  /** Ends the call, and the reading of the answer, with its reason. */
  signal?: AbortSignal | null | undefined;
}

/**
 * The platform's `fetch` with limits that hold: so many requests to one origin at a time, so much time for a call,
 * so many tries, so many redirects.
 *
 * A call that is killed, timed out or aborted, at whatever moment, gives its slot back and closes its connection.
 *
 * A request has its slot until its answer was read to the end, or disposed of (see {@linkcode HttpResponse}), or its
 * greenlet was killed or failed, or the response was collected as garbage.
 *
 * @example Get and post
 * ```ts
 * import { HttpClient } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = Deno.serve({ port: 0, onListen() {} }, async (request) => {
 *   return Response.json({ method: request.method, text: await request.text() });
 * });
 * using client = new HttpClient({ baseUrl: `http://127.0.0.1:${server.addr.port}`, timeout: 5_000 });
 *
 * assertEquals(await (await client.get("/")).json(), { method: "GET", text: "" });
 * assertEquals(await (await client.post("/", "hi")).json(), { method: "POST", text: "hi" });
 * ```
 */
export class HttpClient implements Disposable {
  readonly #platform: PlatformClient;
  readonly #options: CallOptions;
  readonly #settings: CallSettings;
  /** ms */
  readonly #timeout: number;
  readonly #defaults: RequestDefaults;
  readonly #slots: SlotTable;
  readonly #calls = new Set<Lifeline>();
  #closed = false;

  /**
   * Makes a client. It is to be closed.
   *
   * @param options What holds for all calls.
   * @throws {RangeError} If a number is out of range.
   * @throws {TypeError} If an option is of another type, `baseUrl` is no URL or a header none.
   */
  constructor(options: HttpClientOptions = {}) {
    const action = "create HTTP client";
    const { maxPerHost = 16, timeout = Infinity, baseUrl, headers } = options;
    checkSize(maxPerHost, 1, action, "maxPerHost");
    this.#timeout = checkLimit(timeout, action, "timeout");
    this.#options = options;
    this.#settings = checkCallOptions(options, action);
    this.#defaults = {
      baseUrl: baseUrl === undefined ? undefined : parseHttpUrl(baseUrl, undefined, action, "baseUrl"),
      headers: headers === undefined ? undefined : new Headers(headers),
    };
    this.#slots = new SlotTable(maxPerHost, this);
    this.#platform = new PlatformClient(options);
  }

  /** How many requests have a slot. */
  get active(): number {
    return this.#slots.active;
  }

  /** How many requests wait for one. */
  get waiting(): number {
    return this.#slots.waiting;
  }

  /** Whether {@linkcode close} was called. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Asks a server. Switches.
   *
   * @param input An address, relative to `baseUrl` if there is one, or a `Request`.
   * @param init What to send, and limits.
   * @returns The answer, whatever its status. Read its body or dispose of it.
   * @throws {TypeError} If there is no answer: a connection cannot be made, or breaks; or if the address, the method,
   * a header or a redirect makes no sense.
   * @throws {TooManyRedirectsError} If it is redirected too often.
   * @throws {Timeout} On time-out.
   * @throws {RangeError} If a number is out of range.
   * @throws {Deno.errors.BadResource} If the client is closed, now or meanwhile.
   *
   * @example Ask again while a service starts
   * ```ts
   * import { HttpClient } from "@verdant/green";
   * import { assertEquals } from "@std/assert";
   *
   * let asked = 0;
   * await using server = Deno.serve({ port: 0, onListen() {} }, () => {
   *   return ++asked < 3 ? new Response("starting", { status: 503 }) : new Response("ready");
   * });
   * using client = new HttpClient({ retries: 5, backoff: { initial: 1 } });
   * const response = await client.fetch(`http://127.0.0.1:${server.addr.port}/`);
   * assertEquals([await response.text(), asked], ["ready", 3]);
   * ```
   */
  fetch(input: RequestInfo | URL, init: HttpRequestInit = {}): Promise<HttpResponse> {
    if (this.#closed) throw new Deno.errors.BadResource("Cannot fetch: the client is closed");
    const { timeout = this.#timeout, signal = signalOf(input) } = init;
    const plan = planWait({ timeout, signal: signal ?? undefined }, "fetch");
    const settings = this.#settingsFor(init);
    const redirect = checkRedirect(input, init as RequestInit);
    const request = makeRequest(input, init as RequestInit, this.#defaults);
    const task = enterWait("fetch");
    const refused = refuse(task, plan, request);
    if (refused !== undefined) return refused;
    const life = new Lifeline(task, plan, this.#calls);
    const call = new ClientCall({
      request,
      redirect,
      settings,
      life,
      slots: this.#slots,
      platform: this.#platform,
    });
    return quiet(call.run());
  }

  /** {@linkcode fetch} with the method GET. */
  get(url: string | URL, init?: HttpRequestInit): Promise<HttpResponse> {
    return this.fetch(url, { ...init, method: "GET" });
  }

  /** {@linkcode fetch} with the method HEAD. */
  head(url: string | URL, init?: HttpRequestInit): Promise<HttpResponse> {
    return this.fetch(url, { ...init, method: "HEAD" });
  }

  /** {@linkcode fetch} with the method DELETE. */
  delete(url: string | URL, init?: HttpRequestInit): Promise<HttpResponse> {
    return this.fetch(url, { ...init, method: "DELETE" });
  }

  /** {@linkcode fetch} with the method POST and a body. */
  post(url: string | URL, body?: BodyInit | null, init?: HttpRequestInit): Promise<HttpResponse> {
    return this.fetch(url, { ...init, method: "POST", body: body ?? null });
  }

  /** {@linkcode fetch} with the method PUT and a body. */
  put(url: string | URL, body?: BodyInit | null, init?: HttpRequestInit): Promise<HttpResponse> {
    return this.fetch(url, { ...init, method: "PUT", body: body ?? null });
  }

  /** {@linkcode fetch} with the method PATCH and a body. */
  patch(url: string | URL, body?: BodyInit | null, init?: HttpRequestInit): Promise<HttpResponse> {
    return this.fetch(url, { ...init, method: "PATCH", body: body ?? null });
  }

  /** Ends all calls, whose answers cannot be read any more, and closes all connections. Does not switch. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const life of this.#calls) life.abort(new Deno.errors.BadResource("The client was closed"));
    this.#platform[Symbol.dispose]();
  }

  /** The same as {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  #settingsFor(call: CallOptions): CallSettings {
    const options = overrideCallOptions(this.#options, call);
    return options === this.#options ? this.#settings : checkCallOptions(options, "fetch");
  }
}

function signalOf(input: RequestInfo | URL): AbortSignal | undefined {
  return input instanceof Request ? input.signal : undefined;
}

/** The call need not begin: whoever makes its body is told. */
function refuse(task: Task, plan: WaitPlan, request: ClientRequest): Promise<never> | undefined {
  const late = () => new Timeout(0, { message: `waiting for the answer to ${request}` });
  const refused = refusal(task, plan) ??
    (plan.timeout === 0 ? immediately<never>(plan, expireThrowing(late)) : undefined);
  refused?.catch((reason) => request.drop(reason));
  return refused;
}
