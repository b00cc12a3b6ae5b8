/**
 * What {@linkcode WebSocketError} tells besides its message.
 *
 * @example A close code
 * ```ts
 * import { WebSocketError, type WebSocketErrorOptions } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const options: WebSocketErrorOptions = { code: 1002 };
 * assertEquals(new WebSocketError("A frame has reserved bits set", options).code, 1002);
 * ```
 */
export interface WebSocketErrorOptions extends ErrorOptions {
  /** The close code that belongs to it (RFC 6455, section 7.4). */
  code?: number | undefined;
  /** The HTTP status with which a server has refused. */
  status?: number | undefined;
}

/**
 * A WebSocket could not be opened, its peer has broken the protocol or a limit, or it is closed.
 *
 * Source: `eventlet.websocket.ProtocolError`, `ConnectionClosedError`, `FailedConnectionError`.
 *
 * @example A server that knows no WebSockets
 * ```ts
 * import { connectWebSocket, WebSocketError } from "@verdant/green";
 * import { assertRejects } from "@std/assert";
 *
 * await using server = Deno.serve({ port: 0, onListen() {} }, () => new Response(null, { status: 404 }));
 * const url = `ws://127.0.0.1:${server.addr.port}/`;
 * await assertRejects(() => connectWebSocket(url), WebSocketError, "404 Not Found");
 * ```
 */
export class WebSocketError extends Error {
  /** Always `"WebSocketError"`. */
  override readonly name = "WebSocketError";
  /** The close code that belongs to it; `undefined` if the WebSocket was never open. */
  readonly code: number | undefined;
  /** The HTTP status with which the server has refused; `undefined` if that is not what happened. */
  readonly status: number | undefined;

  /**
   * Makes one to throw.
   *
   * @param message What is wrong.
   * @param options Close code or HTTP status, and `cause`.
   */
  constructor(message: string, options: WebSocketErrorOptions = {}) {
    super(message, options);
    this.code = options.code;
    this.status = options.status;
  }
}
