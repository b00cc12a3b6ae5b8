import { originalOf, quiet } from "../../hub/mod.ts";

/** Headers that describe a body, and go with it. */
const BODY_HEADERS = [
  "content-encoding",
  "content-language",
  "content-length",
  "content-location",
  "content-type",
];
/** Headers that are for one origin only. */
const PRIVATE_HEADERS = ["authorization", "cookie", "host", "proxy-authorization"];

/** What a request is made of. */
export interface RequestParts {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers | undefined;
  /** A `Request` stands for its body. */
  readonly body: BodyInit | Request | null;
  /** What the platform's `fetch` may want to know besides. */
  readonly platformInit: RequestInit;
}

/** A request as it is sent: one of several, perhaps, that a call leads to. */
export class ClientRequest {
  readonly method: string;
  readonly url: URL;
  readonly #parts: RequestParts;

  constructor(parts: RequestParts) {
    this.method = parts.method;
    this.url = parts.url;
    this.#parts = parts;
  }

  /** Once it was sent: whether it can be sent again. */
  get replayable(): boolean {
    const { body } = this.#parts;
    if (body instanceof Request) return !body.bodyUsed; // it had none
    return body === null || isLasting(body);
  }

  /** Whether its body is made while it is sent. */
  get isStreamed(): boolean {
    return this.#parts.body instanceof ReadableStream;
  }

  /** The address without name and password: for messages. */
  get place(): string {
    return withoutCredentials(this.url);
  }

  /** `"GET http://127.0.0.1:80/"` */
  toString(): string {
    return `${this.method} ${this.place}`;
  }

  /** Sends it; a redirect is an answer like any other. */
  send(client: Deno.HttpClient, signal: AbortSignal): Promise<Response> {
    const { method, url, headers, body, platformInit } = this.#parts;
    const carrier = body instanceof Request ? body : undefined;
    const own = { method, headers, body: carrier === undefined ? body : undefined };
    const init = { ...platformInit, ...own, redirect: "manual", signal, client };
    return originalOf(globalThis.fetch)(carrier ?? url, init as RequestInit);
  }

  /** It was not sent, or not to its end: whoever makes its body is told. */
  drop(reason: unknown): void {
    const { body } = this.#parts;
    const stream = body instanceof Request ? body.body : body;
    if (stream instanceof ReadableStream && !stream.locked) quiet(stream.cancel(reason));
  }

  /** Whether what follows a redirect is a GET without a body, as browsers have it. */
  becomesGet(status: number): boolean {
    const { method } = this;
    if (status === 303) return method !== "GET" && method !== "HEAD";
    return (status === 301 || status === 302) && method === "POST";
  }

  /** The request that follows a redirect; if it is to have the same body, this one must be replayable. */
  redirectedTo(url: URL, status: number): ClientRequest {
    const { method, headers, body, platformInit } = this.#parts;
    const becomesGet = this.becomesGet(status);
    const gone = [
      ...(becomesGet ? BODY_HEADERS : []),
      ...(url.origin === this.url.origin ? [] : PRIVATE_HEADERS),
    ];
    return new ClientRequest({
      method: becomesGet ? "GET" : method,
      url,
      headers: headers && without(headers, gone),
      body: becomesGet || body instanceof Request ? null : body,
      platformInit,
    });
  }
}

/** The address without name and password: for messages. */
export function withoutCredentials(url: URL): string {
  if (url.username === "" && url.password === "") return url.href;
  const bare = new URL(url);
  bare.username = bare.password = "";
  return bare.href;
}

/** Whether a body can be read as often as one likes. */
function isLasting(body: BodyInit): boolean {
  return typeof body === "string" || body instanceof Blob || body instanceof FormData ||
    body instanceof URLSearchParams || body instanceof ArrayBuffer || ArrayBuffer.isView(body);
}

function without(headers: Headers, names: readonly string[]): Headers {
  if (names.length === 0) return headers;
  const left = new Headers(headers);
  for (const name of names) left.delete(name);
  return left;
}
