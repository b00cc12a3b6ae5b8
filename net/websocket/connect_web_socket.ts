import { callerTask, type Hub, type WaitOptions } from "../../hub/mod.ts";
import type { Conn } from "../conn.ts";
import { connect, connectTls, type ConnectTlsOptions } from "../connect.ts";
import { TooLongError } from "../wants.ts";
import { within } from "../within.ts";
import { acceptKey, makeKey } from "./accept_key.ts";
import { Exchange, isLoss, MAX_HEAD_BYTES } from "./exchange.ts";
import { FrameWire } from "./frame_wire.ts";
import { HttpHead } from "./http_head.ts";
import { type Limits, planLimits, type WebSocketOptions } from "./limits.ts";
import { checkProtocols } from "./protocols.ts";
import { makeWebSocketConn, type WebSocketConn } from "./web_socket_conn.ts";
import { WebSocketError } from "./web_socket_error.ts";

/**
 * Options of {@linkcode connectWebSocket}.
 *
 * @example With a token
 * ```ts
 * import type { ConnectWebSocketOptions } from "@verdant/green";
 *
 * const options: ConnectWebSocketOptions = {
 *   headers: { authorization: "Bearer abc" },
 *   protocols: ["chat"],
 *   timeout: 5000,
 * };
 * ```
 */
export interface ConnectWebSocketOptions extends WaitOptions, WebSocketOptions {
  /** Sent besides those of the handshake. */
  headers?: HeadersInit | undefined;
  /** Protocols to offer, the preferred one first. */
  protocols?: readonly string[] | undefined;
  /** For `wss:`, certificates (PEM) to trust besides the usual ones. */
  caCerts?: string[] | undefined;
  /** For `wss:`, a certificate (PEM) to show to the server; with `key`. */
  cert?: string | undefined;
  /** Its private key (PEM). */
  key?: string | undefined;
}

/** What a connection is asked for. */
interface Plan {
  readonly hub: Hub;
  readonly url: URL;
  readonly headers: Headers;
  readonly protocols: readonly string[];
  readonly tls: Pick<ConnectTlsOptions, "caCerts" | "cert" | "key">;
  readonly limits: Limits;
}

const ACTION = "connect WebSocket";
const DEFAULT_PORTS: Record<string, number> = { "ws:": 80, "wss:": 443 };
const STATUS_LINE = /^HTTP\/1\.[01] (\d{3})(?: (.*))?$/;
/** What the handshake itself says. */
const OWN_HEADERS = ["host", "connection", "upgrade", "content-length", "transfer-encoding"];

/**
 * Opens a WebSocket, by way of TCP or TLS. Switches. Can be ended in every phase as `connect()` can: then nothing
 * is left of it. Redirects are not followed.
 *
 * Unlike the platform's `WebSocket`, it waits for a slow receiver: nothing is read that finds no room.
 *
 * @param url `ws:` or `wss:`; `http:` and `https:` mean the same. A name and password in it are sent as basic
 * authentication.
 * @throws {WebSocketError} If the server does not agree; with its HTTP status if it answered with another one
 * than 101.
 * @throws {Deno.errors.ConnectionRefused} If nobody listens there.
 * @throws {Deno.errors.InvalidData} If the server's certificate is refused.
 * @throws {Timeout} On time-out.
 * @throws {TypeError} If the URL, a header or a protocol makes no sense.
 * @throws {RangeError} If a number is out of range.
 *
 * @example Hear what comes
 * ```ts
 * import { connectWebSocket, WebSocketServer } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = new WebSocketServer({ hostname: "127.0.0.1", port: 0 }, async (ws) => {
 *   for (const word of ["one", "two"]) await ws.send(word);
 * });
 * await server.start();
 * const { port } = server.address as Deno.NetAddr;
 * await using ws = await connectWebSocket(`ws://127.0.0.1:${port}/numbers`, { timeout: 1000 });
 * assertEquals(await Array.fromAsync(ws), ["one", "two"]);
 * assertEquals(ws.closeCode, 1000);
 * ```
 */
export function connectWebSocket(
  url: string | URL,
  options: ConnectWebSocketOptions = {},
): Promise<WebSocketConn> {
  const { protocols = [], caCerts, cert, key } = options;
  checkProtocols(protocols, ACTION);
  const plan: Plan = {
    hub: callerTask().hub,
    url: parseUrl(url),
    headers: planHeaders(options.headers),
    protocols,
    tls: { caCerts, cert, key },
    limits: planLimits(options, ACTION, { idleTimeout: Infinity }),
  };
  return within(options, ACTION, `connecting to ${plan.url.host}`, (signal) => open(plan, { signal }));
}

function parseUrl(input: string | URL): URL {
  const text = String(input);
  if (!URL.canParse(text)) throw new TypeError(`Cannot ${ACTION}: ${JSON.stringify(text)} is no URL`);
  const url = new URL(text.replace(/^http/i, "ws"));
  if (!(url.protocol in DEFAULT_PORTS)) {
    throw new TypeError(`Cannot ${ACTION}: the scheme must be ws or wss, received ${text}`);
  }
  if (url.hash !== "" || text.endsWith("#")) {
    throw new TypeError(`Cannot ${ACTION}: the URL must have no fragment, received ${text}`);
  }
  return url;
}

function planHeaders(init: HeadersInit | undefined): Headers {
  const headers = new Headers(init);
  for (const name of headers.keys()) {
    if (OWN_HEADERS.includes(name) || name.startsWith("sec-websocket-")) {
      throw new TypeError(`Cannot ${ACTION}: the header ${name} is a matter of the handshake`);
    }
  }
  return headers;
}

async function open(plan: Plan, waits: WaitOptions): Promise<WebSocketConn> {
  const { url, hub, limits } = plan;
  using exchange = new Exchange(await dial(plan, waits));
  const key = makeKey();
  await exchange.write(requestLines(plan, key), waits);
  const head = await readResponse(exchange, url, waits);
  const protocol = await checkResponse(head, key, plan, waits);
  const buffer = exchange.handOn();
  const { raw } = exchange;
  const wire = new FrameWire({ hub, raw, buffer, client: true, limits });
  return makeWebSocketConn({ hub, wire, limits, protocol, url: bare(url), remoteAddr: raw.remoteAddr });
}

function dial({ url, tls }: Plan, waits: WaitOptions): Promise<Conn> {
  const port = Number(url.port || DEFAULT_PORTS[url.protocol]);
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  if (url.protocol === "ws:") return connect({ hostname, port, ...waits });
  return connectTls({ hostname, port, ...tls, alpnProtocols: ["http/1.1"], ...waits });
}

function requestLines({ url, headers, protocols }: Plan, key: string): string[] {
  const lines = [
    `GET ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${key}`,
  ];
  if (protocols.length > 0) lines.push(`Sec-WebSocket-Protocol: ${protocols.join(", ")}`);
  if (url.username !== "" && !headers.has("authorization")) {
    lines.push(`Authorization: Basic ${basicOf(url)}`);
  }
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  return lines;
}

function basicOf({ username, password }: URL): string {
  const credentials = [username, password].map(decodeURIComponent).join(":");
  return new TextEncoder().encode(credentials).toBase64();
}

async function readResponse(exchange: Exchange, url: URL, waits: WaitOptions): Promise<HttpHead> {
  let head: HttpHead | undefined;
  try {
    head = HttpHead.parse(await exchange.readHead(waits));
  } catch (error) {
    if (isLoss(error)) throw refusal(url, "the server closed the connection before it had answered", error);
    if (error instanceof TooLongError) {
      throw refusal(url, `the server's answer is longer than ${MAX_HEAD_BYTES} bytes`, error);
    }
    throw error;
  }
  if (head === undefined) throw refusal(url, "the server's answer is not HTTP/1.1");
  return head;
}

/** Which protocol the server has chosen. Switches. */
async function checkResponse(
  head: HttpHead,
  key: string,
  { url, protocols }: Plan,
  waits: WaitOptions,
): Promise<string> {
  const match = STATUS_LINE.exec(head.startLine);
  if (match === null) throw refusal(url, "the server's answer is not HTTP/1.1");
  const status = Number(match[1]);
  if (status !== 101) {
    const answer = match.slice(1).filter(Boolean).join(" ");
    throw new WebSocketError(`Cannot connect to ${bare(url)}: the server answered ${answer}`, { status });
  }
  if (!head.has("upgrade", "websocket") || !head.has("connection", "upgrade")) {
    throw refusal(url, "the server switches to another protocol");
  }
  if (head.get("sec-websocket-accept") !== await acceptKey(key, waits)) {
    throw refusal(url, "the server's Sec-WebSocket-Accept is wrong");
  }
  const extensions = head.get("sec-websocket-extensions");
  if (extensions) throw refusal(url, `the server uses extensions nobody has offered: ${extensions}`);
  const protocol = head.get("sec-websocket-protocol");
  if (protocol !== undefined && !protocols.includes(protocol)) {
    throw refusal(url, `the server uses a protocol nobody has offered: ${protocol}`);
  }
  return protocol ?? "";
}

function refusal(url: URL, why: string, cause?: unknown): WebSocketError {
  return new WebSocketError(`Cannot connect to ${bare(url)}: ${why}`, { cause });
}

/** Without name and password, which do not belong into messages. */
function bare(url: URL): string {
  const copy = new URL(url);
  copy.username = copy.password = "";
  return copy.href;
}
