/**
 * WebSockets on the port of `wsgi.server()`.
 *
 * Source: `eventlet.websocket`. The drafts before RFC 6455 are not spoken.
 *
 * @example Echo, beside an application
 * ```ts
 * import { connectWebSocket, eventlet } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const { websocket, wsgi } = eventlet;
 *
 * const handle = websocket.WebSocketWSGI(async (ws) => {
 *   for (;;) {
 *     const message = await ws.wait();
 *     if (message === null) break;
 *     await ws.send(message);
 *   }
 * });
 *
 * const dispatch: eventlet.wsgi.WsgiApplication = (environ, startResponse) => {
 *   if (environ.PATH_INFO === "/echo") return handle(environ, startResponse);
 *   startResponse("404 Not Found", []);
 *   return ["Not found"];
 * };
 *
 * const sock = eventlet.listen(["127.0.0.1", 0]);
 * const serving = eventlet.spawn(wsgi.server, sock, dispatch, { logOutput: false });
 * await eventlet.sleep();
 * await using ws = await connectWebSocket(`ws://127.0.0.1:${(sock.addr as Deno.NetAddr).port}/echo`);
 * await ws.send("hello");
 * assertEquals(await ws.receive(), "hello");
 * await ws.close();
 * sock.close();
 * await serving.wait();
 * ```
 *
 * @module
 */
import type { WaitOptions } from "../../hub/mod.ts";
import { checkFunction, checkWhole } from "../../sync/check.ts";
import { checkProtocols } from "../websocket/protocols.ts";
import { upgrade } from "../websocket/upgrade.ts";
import type { WebSocketConn } from "../websocket/web_socket_conn.ts";
import { WebSocketError } from "../websocket/web_socket_error.ts";
import type { StartResponse } from "./wsgi_call.ts";
import type { WsgiEnviron } from "./wsgi_environ.ts";

/**
 * How long (bytes) a message may be, if nothing else is said: 8 MiB.
 *
 * @example The default
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(eventlet.websocket.DEFAULT_MAX_FRAME_LENGTH, 8 << 20);
 * ```
 */
export const DEFAULT_MAX_FRAME_LENGTH: number = 8 << 20;

/**
 * Options of `websocket.WebSocketWSGI()`.
 *
 * @example Only for pages of one's own
 * ```ts
 * import type { eventlet } from "@verdant/green";
 *
 * const options: eventlet.websocket.WebSocketWSGIOptions = {
 *   supportedProtocols: ["chat"],
 *   originChecker: (host, origin) => origin === `https://${host}`,
 * };
 * ```
 */
export interface WebSocketWSGIOptions {
  /**
   * How long (bytes) a message may be; a longer one closes the WebSocket with 1009. In eventlet, a message in parts
   * may be longer.
   *
   * @default {8388608}
   */
  maxFrameLength?: number | undefined;
  /** The first one that the client offers and that is among them is used. */
  supportedProtocols?: readonly string[] | undefined;
  /** Whether a page from `origin` may open a WebSocket of `host`; `undefined` if it is no page. */
  originChecker?: ((host: string, origin: string | undefined) => boolean) | undefined;
}

/**
 * A WebSocket, as its handler sees it. The handler's end closes it.
 *
 * Source: `eventlet.websocket.RFC6455WebSocket`.
 *
 * @example Greet
 * ```ts
 * import { eventlet } from "@verdant/green";
 *
 * const greet = async (ws: eventlet.websocket.RFC6455WebSocket) => {
 *   await ws.send(`Welcome to ${ws.path}`);
 *   await ws.close([1000, "bye"]);
 * };
 * ```
 */
export class RFC6455WebSocket {
  /** What the request was. */
  readonly environ: WsgiEnviron;
  /** The path of the request, decoded. */
  readonly path: string;
  /** Where the page is from that asked; `undefined` if it is no page. */
  readonly origin: string | undefined;
  /** The library's WebSocket, which can do more. */
  readonly socket: WebSocketConn;

  /**
   * Made by `WebSocketWSGI()`.
   *
   * @param socket The WebSocket.
   * @param environ What the request was.
   */
  constructor(socket: WebSocketConn, environ: WsgiEnviron) {
    this.socket = socket;
    this.environ = environ;
    this.path = environ.PATH_INFO;
    this.origin = environ.HTTP_ORIGIN;
  }

  /** The protocol that both sides have agreed on; `undefined` if none. */
  get protocol(): string | undefined {
    return this.socket.protocol || undefined;
  }

  /** Whether nothing can be sent any more. */
  get websocketClosed(): boolean {
    return this.socket.closed;
  }

  /**
   * Takes the next message, waiting for one.
   *
   * @returns Text as a string, bytes as a `Uint8Array`; `null` at the end, however it came.
   * @throws {Timeout} On time-out; no message is lost.
   * @throws {ConcurrentObjectUseError} If another greenlet waits for one.
   */
  async wait(options?: WaitOptions): Promise<string | Uint8Array<ArrayBuffer> | null> {
    try {
      return await this.socket.receive(options) ?? null;
    } catch (error) {
      if (error instanceof WebSocketError) return null;
      throw error;
    }
  }

  /**
   * Sends a message: a string as text, bytes as they are. Switches only if too much is unsent.
   *
   * @throws {WebSocketError} If it is closed, or is while waiting.
   * @throws {Timeout} On time-out; nothing was sent.
   * @throws {TypeError} If it is neither a string nor a `Uint8Array`.
   */
  send(message: string | Uint8Array, options?: WaitOptions): Promise<void> {
    return this.socket.send(message, options);
  }

  /**
   * Closes it, and waits until the client has answered. Harmless when it is closed.
   *
   * @param closeData Code and reason.
   * @throws {RangeError} If the code must not be sent, or the reason is too long.
   */
  close(closeData: readonly [status: number, reason?: string] = [1000]): Promise<void> {
    return this.socket.close(...closeData);
  }
}

/**
 * A WSGI application that opens WebSockets, each served by `handler` in a greenlet of its own. The server has to be
 * `wsgi.server()`. When the handler returns, the WebSocket is closed with 1000, when it throws with 1011, when the
 * server stops with 1001.
 *
 * What is no request for a WebSocket is answered 400, a wrong version 426, a wrong origin 403.
 *
 * Source: `eventlet.websocket.WebSocketWSGI`.
 *
 * @param handler Serves one client.
 * @param options Limits, and who may.
 * @throws {TypeError} If `handler` or `originChecker` is not a function, or a protocol is no token.
 * @throws {RangeError} If `maxFrameLength` is not a positive integer.
 *
 * @example A clock
 * ```ts
 * import { eventlet } from "@verdant/green";
 *
 * const clock = eventlet.websocket.WebSocketWSGI(async (ws) => {
 *   while (!ws.websocketClosed) {
 *     await ws.send(new Date().toISOString());
 *     await eventlet.sleep(1000);
 *   }
 * }, { maxFrameLength: 1024 });
 * ```
 */
export function WebSocketWSGI(
  handler: (ws: RFC6455WebSocket) => unknown,
  options: WebSocketWSGIOptions = {},
): (environ: WsgiEnviron, startResponse: StartResponse) => Response {
  const action = "create WebSocket application";
  const { maxFrameLength = DEFAULT_MAX_FRAME_LENGTH, supportedProtocols = [], originChecker } = options;
  checkFunction(handler, action, "handler");
  checkWhole(maxFrameLength, 1, action, "maxFrameLength");
  checkProtocols(supportedProtocols, action);
  if (originChecker !== undefined) checkFunction(originChecker, action, "originChecker");
  return (environ, _startResponse) =>
    upgrade(environ["green.request"], (conn) => handler(new RFC6455WebSocket(conn, environ)), {
      maxMessageBytes: maxFrameLength,
      protocols: supportedProtocols,
      checkOrigin: originChecker && ((origin) => originChecker(environ.HTTP_HOST ?? "", origin)),
      remoteAddr: environ["green.info"].remoteAddr,
    });
}
