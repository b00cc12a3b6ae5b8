import { ClientRequest } from "./client_request.ts";

/** Methods whose case does not matter to the platform. */
const NORMALIZED = new Set(["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"]);
/** Methods that the platform refuses. */
const FORBIDDEN = new Set(["CONNECT", "TRACE", "TRACK"]);
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** What a client adds to the requests that it is given. */
export interface RequestDefaults {
  readonly baseUrl: URL | undefined;
  readonly headers: Headers | undefined;
}

/**
 * The request that a caller means. A `Request` is like the platform's: what is said beside it comes first.
 *
 * @throws {TypeError} If the address, the method, a header or the body makes no sense.
 */
export function makeRequest(
  input: RequestInfo | URL,
  init: RequestInit,
  defaults: RequestDefaults,
): ClientRequest {
  const request = input instanceof Request ? input : undefined;
  const { headers = request?.headers, body: ownBody } = init;
  const method = checkMethod(init.method ?? request?.method ?? "GET");
  const url = parseHttpUrl(request?.url ?? input as string | URL, defaults.baseUrl, "fetch", "URL");
  // Not `request.body`: whoever looks at it makes a stream of it, and its length is forgotten.
  const ofRequest = method === "GET" || method === "HEAD" ? undefined : request;
  const body = ownBody !== undefined ? ownBody : ofRequest ?? null;
  return new ClientRequest({
    method,
    url,
    headers: mergeHeaders(defaults.headers, headers),
    body: checkBody(method, body),
    platformInit: init,
  });
}

/**
 * An address of HTTP.
 *
 * @throws {TypeError} If it is none.
 */
export function parseHttpUrl(input: string | URL, base: URL | undefined, action: string, what: string): URL {
  const url = URL.parse(String(input), base);
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  const kind = base === undefined
    ? "an absolute address of http: or https:"
    : `one of http: or https:, or relative to ${base}`;
  throw new TypeError(`Cannot ${action}: ${what} must be ${kind}, received ${JSON.stringify(String(input))}`);
}

/**
 * What to do with redirects.
 *
 * @throws {TypeError} If it is nothing that the platform knows.
 */
export function checkRedirect(input: RequestInfo | URL, init: RequestInit): RequestRedirect {
  const redirect = init.redirect ?? (input instanceof Request ? input.redirect : "follow");
  if (redirect === "follow" || redirect === "manual" || redirect === "error") return redirect;
  throw new TypeError(
    `Cannot fetch: redirect must be "follow", "manual" or "error", received ${JSON.stringify(redirect)}`,
  );
}

function mergeHeaders(defaults: Headers | undefined, own: HeadersInit | undefined): Headers | undefined {
  if (own === undefined) return defaults;
  const headers = new Headers(own);
  if (defaults !== undefined) {
    for (const [name, value] of defaults) if (!headers.has(name)) headers.set(name, value);
  }
  return headers;
}

/**
 * The method as it is sent.
 *
 * @throws {TypeError} If it is none, or the platform does not send it.
 */
function checkMethod(method: unknown): string {
  const upper = String(method).toUpperCase();
  if (typeof method !== "string" || !TOKEN.test(method) || FORBIDDEN.has(upper)) {
    throw new TypeError(
      `Cannot fetch: method must be a token other than CONNECT, TRACE and TRACK, received ${
        JSON.stringify(method)
      }`,
    );
  }
  return NORMALIZED.has(upper) ? upper : method;
}

/**
 * A body that does not change while the call goes on.
 *
 * @throws {TypeError} If the method has no body, or the body was used.
 */
function checkBody(
  method: string,
  body: BodyInit | Request | null,
): BodyInit | Request | null {
  if (body === null) return null;
  if (method === "GET" || method === "HEAD") {
    throw new TypeError(`Cannot fetch: a ${method} request has no body, received ${describe(body)}`);
  }
  if (body instanceof Request ? body.bodyUsed : body instanceof ReadableStream && body.locked) {
    throw new TypeError("Cannot fetch: the body is being read already, or was");
  }
  return frozen(body);
}

/** The platform takes a copy of what can change when `fetch` is called; this may be long before it is. */
function frozen(body: BodyInit | Request): BodyInit | Request {
  if (body instanceof ArrayBuffer) return body.slice(0);
  if (ArrayBuffer.isView(body)) return bytesOf(body).slice();
  if (body instanceof URLSearchParams) return new URLSearchParams(body);
  return body instanceof FormData ? copyForm(body) : body;
}

function bytesOf(view: ArrayBufferView): Uint8Array<ArrayBuffer> {
  return new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength);
}

function copyForm(form: FormData): FormData {
  const copy = new FormData();
  for (const [name, value] of form) {
    if (typeof value === "string") copy.append(name, value);
    else copy.append(name, value, value.name);
  }
  return copy;
}

function describe(body: BodyInit | Request): string {
  return typeof body === "string" ? "a string" : `a ${body.constructor.name}`;
}
