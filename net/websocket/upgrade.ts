import { getHub } from "../../hub/mod.ts";
import { checkFunction } from "../../sync/check.ts";
import { getCurrent } from "../../green/current.ts";
import type { Greenlet } from "../../green/greenlet.ts";
import { spawnWith } from "../../green/spawn.ts";
import { isKey } from "./accept_key.ts";
import { GOING_AWAY } from "./close_code.ts";
import { isToken, splitList } from "./http_head.ts";
import { type Limits, planLimits, type WebSocketOptions } from "./limits.ts";
import { PlatformWire } from "./platform_wire.ts";
import { checkProtocols, chooseProtocol } from "./protocols.ts";
import { runHandler } from "./run_handler.ts";
import { makeWebSocketConn, sessionOf, type WebSocketConn } from "./web_socket_conn.ts";

/**
 * Options of {@linkcode upgrade}.
 *
 * @example Only for pages of one's own
 * ```ts
 * import type { UpgradeOptions } from "@verdant/green";
 *
 * const options: UpgradeOptions = { checkOrigin: (origin) => origin === "https://example.com" };
 * ```
 */
export interface UpgradeOptions extends WebSocketOptions {
  /** Supported protocols. The first one that the client offers and that is among them is used. */
  protocols?: readonly string[] | undefined;
  /**
   * Whether a page from `origin` may open a WebSocket; `undefined` if it is no page. Anybody may, if this is not
   * given: then do not rely on cookies.
   */
  checkOrigin?: ((origin: string | undefined, request: Request) => boolean) | undefined;
  /** The address of the client, which a request does not know: that of the handler's `info`. */
  remoteAddr?: Deno.Addr | undefined;
}

/** A greenlet that looks after the WebSockets that are opened in it: that of a request of a server. */
export interface WebSocketAdopter {
  /** The greenlet of a handler was spawned. Killing it closes the WebSocket with 1001. */
  adoptWebSocket(greenlet: Greenlet, ws: WebSocketConn): void;
}

const ACTION = "upgrade request";
const DEFAULT_MAX_QUEUED = 1024;
/** How long (ms) it may take until the response has gone out and the WebSocket is open. */
const OPEN_TIMEOUT_MS = 10_000;

/**
 * Answers a request for a WebSocket in a handler of `Deno.serve()` or `HttpServer`, and runs `handler` in a new
 * greenlet once it is open. When the handler returns, the WebSocket is closed with 1000, when it throws with 1011,
 * when it is killed with 1001. Does not switch.
 *
 * Here the platform's WebSocket is the wire, which does not do all that `WebSocketServer` does:
 *
 * - It reads without being asked. When the queue of messages to receive is full, the WebSocket is closed with 1008.
 * - If the client breaks the protocol it gets no close frame, the connection just ends; `closeCode` is the code
 *   that would have been right. Frames that are not masked are accepted.
 * - It cannot ping, and a connection whose client does not answer a close frame stays open in Deno until the
 *   client goes.
 *
 * Source: `eventlet.websocket.WebSocketWSGI`.
 *
 * @param request As the handler has got it.
 * @param handler Serves the client.
 * @returns What the handler of the request has to return: 101, or 400, 403 or 426 if the request is refused; then
 * `handler` is not called.
 * @throws {TypeError} If `handler` is not a function, or a protocol is no token.
 * @throws {RangeError} If a number is out of range.
 *
 * @example On the port of an HTTP server
 * ```ts
 * import { connectWebSocket, upgrade } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = Deno.serve({ port: 0, onListen() {} }, (request) => {
 *   if (new URL(request.url).pathname !== "/echo") return new Response("hello");
 *   return upgrade(request, async (ws) => {
 *     for await (const message of ws) await ws.send(message);
 *   });
 * });
 * await using ws = await connectWebSocket(`ws://127.0.0.1:${server.addr.port}/echo`);
 * await ws.send("hello");
 * assertEquals(await ws.receive(), "hello");
 * ```
 */
export function upgrade(
  request: Request,
  handler: (ws: WebSocketConn) => unknown,
  options: UpgradeOptions = {},
): Response {
  checkFunction(handler, ACTION, "handler");
  const { protocols = [], checkOrigin, remoteAddr } = options;
  checkProtocols(protocols, ACTION);
  const limits = planLimits(options, ACTION, { maxQueued: DEFAULT_MAX_QUEUED });
  const refused = refusalOf(request);
  if (refused !== undefined) return refused;
  const origin = request.headers.get("origin") ?? undefined;
  if (checkOrigin !== undefined && !checkOrigin(origin, request)) return new Response(null, { status: 403 });
  const offered = splitList(request.headers.get("sec-websocket-protocol") ?? "");
  const protocol = chooseProtocol(offered, protocols);
  const { socket, response } = Deno.upgradeWebSocket(request, {
    idleTimeout: platformIdleTimeout(limits),
    ...(protocol !== "" && { protocol }),
  });
  const hub = getHub();
  const wire = new PlatformWire(hub, socket, limits);
  const url = request.url.replace(/^http/, "ws");
  const ws = makeWebSocketConn({ hub, wire, limits, protocol, url, remoteAddr });
  const name = `WebSocket ${URL.parse(request.url)?.pathname ?? "/"}`;
  const greenlet = spawnWith({ name }, runHandler, ws, () => serveOpened(ws, wire, handler));
  // If it is killed before it has begun, nobody else closes the WebSocket.
  greenlet.rawlink(() => sessionOf(ws).beginClose(GOING_AWAY, "", greenlet));
  (getCurrent() as Partial<WebSocketAdopter> | undefined)?.adoptWebSocket?.(greenlet, ws);
  return response;
}

async function serveOpened(
  ws: WebSocketConn,
  wire: PlatformWire,
  handler: (ws: WebSocketConn) => unknown,
): Promise<void> {
  const settled = await wire.settled.wait({ timeout: OPEN_TIMEOUT_MS });
  if (!settled) wire.abort("The response was not sent");
  if (!ws.closed) await handler(ws);
}

function refusalOf({ method, headers }: Request): Response | undefined {
  const has = (name: string, element: string) =>
    splitList(headers.get(name) ?? "").some((found) => found.toLowerCase() === element);
  const bad = () => new Response(null, { status: 400 });
  if (method !== "GET" || !has("upgrade", "websocket") || !has("connection", "upgrade")) return bad();
  if (headers.get("sec-websocket-version") !== "13") {
    const versions = { "upgrade": "websocket", "sec-websocket-version": "13" };
    return new Response(null, { status: 426, headers: versions });
  }
  if (!isKey(headers.get("sec-websocket-key") ?? "")) return bad();
  return splitList(headers.get("sec-websocket-protocol") ?? "").every(isToken) ? undefined : bad();
}

/** The platform's is in seconds; it pings after half of it. 0 for none. */
function platformIdleTimeout({ idleTimeout }: Limits): number {
  return idleTimeout === Infinity ? 0 : 2 * idleTimeout / 1_000;
}
