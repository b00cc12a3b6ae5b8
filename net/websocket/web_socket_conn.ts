import {
  callerTask,
  enterWait,
  type Hub,
  type Inspectable,
  planWait,
  type WaitDetails,
  type WaitOptions,
} from "../../hub/mod.ts";
import { quietly } from "../../sync/iteration.ts";
import { formatAddress } from "../address.ts";
import { checkClose, NORMAL } from "./close_code.ts";
import type { Limits } from "./limits.ts";
import { Session } from "./session.ts";
import type { Wire } from "./wire.ts";

/** A control frame holds so many bytes. */
const MAX_PING_BYTES = 125;

const encoder = new TextEncoder();

/** What a connection is made of. */
export interface WebSocketParts {
  readonly hub: Hub;
  readonly wire: Wire;
  readonly limits: Limits;
  readonly protocol: string;
  readonly url: string;
  readonly remoteAddr: Deno.Addr | undefined;
}

/** Makes a connection, whose wire begins. */
export function makeWebSocketConn(parts: WebSocketParts): WebSocketConn {
  return WebSocketConn["make"](parts);
}

/** What goes on behind a connection. */
export function sessionOf(conn: WebSocketConn): Session {
  return WebSocketConn["sessionOf"](conn);
}

/**
 * A WebSocket, of either side. Made by `connectWebSocket()`, `WebSocketServer` and `upgrade()`.
 *
 * One greenlet may receive at a time, any number may send. A `receive()` that is killed or times out takes no
 * message and closes nothing. A `send()` that is killed or times out has sent nothing; messages go as a whole.
 *
 * `await using` closes it with 1000 and waits until it is closed; `using` does not wait.
 *
 * Source: `eventlet.websocket.RFC6455WebSocket`.
 *
 * @example Ask and hear
 * ```ts
 * import { connectWebSocket, WebSocketServer } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = new WebSocketServer({ hostname: "127.0.0.1", port: 0 }, async (ws) => {
 *   for await (const message of ws) await ws.send(`${message}!`);
 * });
 * await server.start();
 * const { port } = server.address as Deno.NetAddr;
 * await using ws = await connectWebSocket(`ws://127.0.0.1:${port}/`, { timeout: 1000 });
 * await ws.send("hello");
 * assertEquals(await ws.receive(), "hello!");
 * ```
 */
export class WebSocketConn
  implements AsyncIterable<string | Uint8Array<ArrayBuffer>>, Disposable, AsyncDisposable, Inspectable {
  /** The protocol that both sides have agreed on; `""` if none. */
  readonly protocol: string;
  /** Where it was opened: `"ws://host:port/path"`. */
  readonly url: string;
  /** The address of the peer, where it is known. */
  readonly remoteAddr: Deno.Addr | undefined;
  readonly #session: Session;

  /** For {@linkcode makeWebSocketConn}. Were it assigned in a static block, a bundler could not leave the class out. */
  private static make(parts: WebSocketParts): WebSocketConn {
    return new WebSocketConn(parts);
  }

  /** For {@linkcode sessionOf}. */
  private static sessionOf(conn: WebSocketConn): Session {
    return conn.#session;
  }

  private constructor({ hub, wire, limits, protocol, url, remoteAddr }: WebSocketParts) {
    this.protocol = protocol;
    this.url = url;
    this.remoteAddr = remoteAddr;
    this.#session = new Session(this, hub, wire, limits);
    wire.start(this.#session);
  }

  /** Whether nothing can be sent any more: one of the sides has closed it, or it is lost. */
  get closed(): boolean {
    return this.#session.closing;
  }

  /**
   * The code it has ended with: that of the peer's close frame, 1005 if there was none in it; 1006 if the
   * connection was lost, or the peer was silent too long, or did not answer our close frame in time; if the peer
   * broke the protocol or a limit, the code it was told. `undefined` before the end.
   */
  get closeCode(): number | undefined {
    return this.#session.end?.code;
  }

  /** The reason that came with the code; where there was no close frame, what happened. `undefined` before the end. */
  get closeReason(): string | undefined {
    return this.#session.end?.reason;
  }

  /** How many bytes of what was sent have not been handed to the system. */
  get bufferedAmount(): number {
    return this.#session.wire.bufferedAmount;
  }

  /**
   * Takes the next message, waiting for one. What came before the end can be received after it.
   *
   * @returns Text as a string, bytes as a `Uint8Array`; `undefined` at the end, whether it was closed or lost.
   * @throws {WebSocketError} At the end, if it was closed because the peer broke the protocol or a limit.
   * @throws {Timeout} On time-out; no message is lost.
   * @throws {ConcurrentObjectUseError} If another greenlet is receiving.
   */
  receive(options?: WaitOptions): Promise<string | Uint8Array<ArrayBuffer> | undefined> {
    const plan = planWait(options, "receive message");
    return this.#session.receive(enterWait("receive message"), plan);
  }

  /**
   * Sends a message: a string as text, bytes as they are. Switches only if more than `maxBuffered` bytes are
   * unsent, or others wait for that: then it waits its turn, and the bytes must not be changed meanwhile.
   *
   * @throws {WebSocketError} If it is closed, or is while waiting.
   * @throws {Timeout} On time-out; nothing was sent.
   * @throws {TypeError} If it is neither a string nor a `Uint8Array`.
   */
  send(message: string | Uint8Array, options?: WaitOptions): Promise<void> {
    checkMessage(message, "send message");
    const plan = planWait(options, "send message");
    return this.#session.send(message, enterWait("send message"), plan);
  }

  /**
   * Asks the peer for a sign of life, and waits for it. It is seen only once everything before it has found room
   * in the queue of messages to receive.
   *
   * @param data 125 bytes at most. Something unique, if not given.
   * @throws {Deno.errors.NotSupported} If it was made by `upgrade()`: the platform cannot.
   * @throws {WebSocketError} If it is closed, or is while waiting.
   * @throws {Timeout} On time-out.
   * @throws {RangeError} If `data` is too long.
   * @throws {TypeError} If it is neither a string nor a `Uint8Array`.
   */
  ping(data: string | Uint8Array = nextPing(), options?: WaitOptions): Promise<void> {
    checkMessage(data, "ping");
    const payload = typeof data === "string" ? encoder.encode(data) : data;
    if (payload.length > MAX_PING_BYTES) {
      throw new RangeError(
        `Cannot ping: data must have ${MAX_PING_BYTES} bytes at most, received ${payload.length}`,
      );
    }
    const plan = planWait(options, "ping");
    return this.#session.ping(payload, enterWait("ping"), plan);
  }

  /**
   * Closes it: sends what was accepted, then a close frame, waits for the peer's, and closes the connection. What
   * the peer sends meanwhile is dropped. If the peer does not answer within `closeTimeout`, or the time-out given
   * here, the connection is closed all the same; and at once, if the wait is interrupted. Harmless when it is
   * closed.
   *
   * @param code 1000 to 1003, 1007 to 1014 or 3000 to 4999.
   * @param reason 123 bytes at most.
   * @throws {RangeError} If the code must not be sent, or the reason is too long.
   */
  close(code: number = NORMAL, reason: string = "", options?: WaitOptions): Promise<void> {
    checkClose(code, reason);
    const plan = planWait(options, "close WebSocket");
    return this.#session.close(code, reason, enterWait("close WebSocket"), plan);
  }

  /** Closes it with 1000. Does not wait: the connection is closed when the peer has answered, or `closeTimeout` is over. */
  [Symbol.dispose](): void {
    this.#session.beginClose(NORMAL, "", callerTask());
  }

  /** Closes it with 1000, and waits until it is closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The messages, to the end. Each step waits as {@linkcode receive} does. Leaving the loop closes nothing. */
  [Symbol.asyncIterator](): AsyncGenerator<string | Uint8Array<ArrayBuffer>, void, void> {
    return quietly(this.#each());
  }

  async *#each(): AsyncGenerator<string | Uint8Array<ArrayBuffer>, void, void> {
    for (let next = await this.receive(); next !== undefined; next = await this.receive()) yield next;
  }

  /** For reports: its class and the peer. */
  get inspectTitle(): string {
    const { remoteAddr } = this;
    return `${this.constructor.name}(${remoteAddr === undefined ? this.url : formatAddress(remoteAddr)})`;
  }

  /** For reports: how much is unsent. */
  inspectWait(what: string): WaitDetails | undefined {
    return what === "send" ? { text: `${this.bufferedAmount} bytes unsent` } : undefined;
  }

  /** For reports: the peer. */
  toString(): string {
    return this.remoteAddr === undefined ? this.url : `WebSocket of ${formatAddress(this.remoteAddr)}`;
  }
}

function checkMessage(message: unknown, action: string): void {
  if (typeof message === "string" || message instanceof Uint8Array) return;
  throw new TypeError(
    `Cannot ${action}: it must be a string or a Uint8Array, received ${String(message)}`,
  );
}

let lastPing = 0;

function nextPing(): string {
  return `ping ${++lastPing}`;
}
