import { type Duration, getHub, Timeout } from "../../hub/mod.ts";
import { checkFunction } from "../../sync/check.ts";
import { withTimeout } from "../../green/with_timeout.ts";
import type { Conn } from "../conn.ts";
import type { ListenOptions } from "../listen.ts";
import type { Listener } from "../listener.ts";
import { StreamServer, type StreamServerOptions } from "../stream_server.ts";
import { TlsConn } from "../tls_conn.ts";
import { TooLongError } from "../wants.ts";
import { acceptKey } from "./accept_key.ts";
import { Exchange, isLoss } from "./exchange.ts";
import { FrameWire } from "./frame_wire.ts";
import { type Limits, planLimits, type WebSocketOptions } from "./limits.ts";
import { checkProtocols, chooseProtocol } from "./protocols.ts";
import { runHandler } from "./run_handler.ts";
import { ParsedRequest, type Refusal, type UpgradeRequest } from "./upgrade_request.ts";
import { makeWebSocketConn, type WebSocketConn } from "./web_socket_conn.ts";

/**
 * Serves one client. The WebSocket is closed when it returns (1000), throws (1011) or is killed (1001).
 *
 * @example Echo
 * ```ts
 * import type { WebSocketHandler } from "@verdant/green";
 *
 * const echo: WebSocketHandler = async (ws) => {
 *   for await (const message of ws) await ws.send(message);
 * };
 * ```
 */
export type WebSocketHandler = (ws: WebSocketConn, request: UpgradeRequest) => unknown;

/**
 * Options of {@linkcode WebSocketServer}.
 *
 * @example Only for pages of one's own
 * ```ts
 * import type { WebSocketServerOptions } from "@verdant/green";
 *
 * const options: WebSocketServerOptions = {
 *   path: "/chat",
 *   checkOrigin: (origin) => origin === "https://example.com",
 * };
 * ```
 */
export interface WebSocketServerOptions extends StreamServerOptions, WebSocketOptions {
  /** Supported protocols. The first one that the client offers and that is among them is used. */
  protocols?: readonly string[] | undefined;
  /**
   * Whether a page from `origin` may open a WebSocket; `undefined` if it is no page. Anybody may, if this is not
   * given: then do not rely on cookies. May switch. An error in it is reported, and the client is not answered.
   */
  checkOrigin?:
    | ((origin: string | undefined, request: UpgradeRequest) => boolean | PromiseLike<boolean>)
    | undefined;
  /**
   * How long (ms or a `Temporal.Duration`) a client may take for the TLS handshake, and then again for its request.
   *
   * @default {10000}
   */
  handshakeTimeout?: Duration | undefined;
  /** The only path that is served; others are answered with 404. Any, if not given. */
  path?: string | undefined;
}

const ACTION = "create server";
const DEFAULT_HANDSHAKE_TIMEOUT_MS = 10_000;

const REASONS: Record<number, string> = {
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  408: "Request Timeout",
  426: "Upgrade Required",
  431: "Request Header Fields Too Large",
};

/**
 * Accepts WebSockets and serves each in a greenlet, on a port of its own: all of RFC 6455, and a slow receiver
 * makes its peer wait. Where HTTP is served on the same port, see `upgrade()`.
 *
 * A request that is no proper one for a WebSocket is answered with 400, a wrong version with 426, a wrong origin
 * with 403, a wrong path with 404, one that takes longer than `handshakeTimeout` with 408, and one that is longer
 * than 64 KiB with 431. A client that breaks the protocol is told the close code, and its handler by a
 * `WebSocketError` of `receive()`. If the handler passes that on it is not reported: only errors of its own are.
 *
 * Source: `eventlet.websocket.WebSocketWSGI`.
 *
 * @example Chat
 * ```ts
 * import { connectWebSocket, type WebSocketConn, WebSocketServer } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const everybody = new Set<WebSocketConn>();
 * await using server = new WebSocketServer({ hostname: "127.0.0.1", port: 0 }, async (ws) => {
 *   everybody.add(ws);
 *   try {
 *     for await (const message of ws) for (const other of everybody) await other.send(message);
 *   } finally {
 *     everybody.delete(ws);
 *   }
 * });
 * await server.start();
 * const url = `ws://127.0.0.1:${(server.address as Deno.NetAddr).port}/`;
 * await using a = await connectWebSocket(url);
 * await using b = await connectWebSocket(url);
 * await b.send("I am here");
 * await b.receive();
 * await a.send("hello");
 * assertEquals([await b.receive(), await a.receive()], ["hello", "I am here"]);
 * ```
 */
export class WebSocketServer extends StreamServer {
  readonly #handler: WebSocketHandler;
  readonly #options: WebSocketServerOptions;
  readonly #limits: Limits;
  readonly #handshakeTimeout: Duration;

  /**
   * Makes a server that does not listen yet.
   *
   * @param address A port, `"host:port"`, an object as for `listen()`, or a listener, which is the server's from
   * now on.
   * @param handler Serves one client.
   * @param options How.
   * @throws {TypeError} If the address or an option makes no sense, or `handler` is not a function.
   * @throws {RangeError} If a number is out of range.
   */
  constructor(
    address: number | string | ListenOptions | Listener<Conn>,
    handler: WebSocketHandler,
    options: WebSocketServerOptions = {},
  ) {
    checkFunction(handler, ACTION, "handler");
    checkOptions(options);
    const limits = planLimits(options, ACTION);
    super(address, (conn) => this.#serve(conn), options);
    this.#handler = handler;
    this.#options = { ...options };
    this.#limits = limits;
    this.#handshakeTimeout = options.handshakeTimeout ?? DEFAULT_HANDSHAKE_TIMEOUT_MS;
  }

  async #serve(conn: Conn): Promise<void> {
    const accepted = await this.#accept(conn);
    if (accepted === undefined) return;
    const { ws, request } = accepted;
    await runHandler(ws, () => this.#handler(ws, request));
  }

  /** Shakes hands; answers why, if the client is refused. */
  async #accept(conn: Conn): Promise<Accepted | undefined> {
    const secure = conn instanceof TlsConn;
    using exchange = new Exchange(conn);
    const limit = new Timeout(this.#handshakeTimeout);
    let outcome: Accepted | Refusal;
    try {
      outcome = await withTimeout(limit, () => this.#shakeHands(exchange, secure));
    } catch (error) {
      if (isLoss(error)) return undefined;
      if (error !== limit && !(error instanceof TooLongError)) throw error;
      outcome = { status: error === limit ? 408 : 431 };
    }
    if (!("status" in outcome)) return outcome;
    await exchange.writeLast(refusalLines(outcome));
    return undefined;
  }

  async #shakeHands(exchange: Exchange, secure: boolean): Promise<Accepted | Refusal> {
    const { remoteAddr } = exchange.raw;
    const request = ParsedRequest.parse(await exchange.readHead(), remoteAddr, secure);
    if (!(request instanceof ParsedRequest)) return request;
    const { path, checkOrigin, protocols = [] } = this.#options;
    if (path !== undefined && request.path !== path) return { status: 404 };
    if (checkOrigin !== undefined && !await checkOrigin(request.origin, request)) return { status: 403 };
    const protocol = chooseProtocol(request.protocols, protocols);
    await exchange.write(acceptLines(await acceptKey(request.key), protocol));
    return { ws: this.#open(exchange, request, protocol), request };
  }

  #open(exchange: Exchange, { url, remoteAddr }: ParsedRequest, protocol: string): WebSocketConn {
    const hub = getHub();
    const limits = this.#limits;
    const { raw } = exchange;
    const wire = new FrameWire({ hub, raw, buffer: exchange.handOn(), client: false, limits });
    return makeWebSocketConn({ hub, wire, limits, protocol, url, remoteAddr });
  }
}

interface Accepted {
  readonly ws: WebSocketConn;
  readonly request: UpgradeRequest;
}

function checkOptions({ protocols, checkOrigin, path }: WebSocketServerOptions): void {
  if (protocols !== undefined) checkProtocols(protocols, ACTION);
  if (checkOrigin !== undefined) checkFunction(checkOrigin, ACTION, "checkOrigin");
  if (path !== undefined && !(typeof path === "string" && path.startsWith("/"))) {
    throw new TypeError(`Cannot ${ACTION}: path must begin with "/", received ${JSON.stringify(path)}`);
  }
}

function acceptLines(accept: string, protocol: string): string[] {
  const lines = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${accept}`,
  ];
  if (protocol !== "") lines.push(`Sec-WebSocket-Protocol: ${protocol}`);
  return lines;
}

function refusalLines({ status, headers = [] }: Refusal): string[] {
  return [`HTTP/1.1 ${status} ${REASONS[status]}`, "Connection: close", "Content-Length: 0", ...headers];
}
