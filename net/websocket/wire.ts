import type { WebSocketError } from "./web_socket_error.ts";

/** How nothing more came to come. */
export interface End {
  /** The close code: the peer's; `LOST` if it sent none; ours if the peer has broken the protocol or a limit. */
  readonly code: number;
  /** The peer's reason, or what has happened. */
  readonly reason: string;
  /** What receiving throws; `undefined` if it just ends. */
  readonly error: WebSocketError | undefined;
}

/** Who uses a wire, and is told what happens. None of these methods runs other code than the library's own. */
export interface WireUser {
  /** Whether it takes no more messages now. */
  readonly full: boolean;
  /** A message has come. */
  message(message: string | Uint8Array<ArrayBuffer>): void;
  /** The peer has answered a ping. */
  pong(payload: Uint8Array): void;
  /** Less is unsent than before. */
  drained(): void;
  /** Nothing more will come, and nothing more can be sent. Once. */
  ended(end: End): void;
  /** The connection is closed. Once, after `ended()`. */
  closed(): void;
}

/** What carries the messages of a WebSocket: our own frames, or the WebSocket of the platform. */
export interface Wire {
  /** How many bytes are unsent. */
  readonly bufferedAmount: number;
  /** Begins to tell its user what happens. Called once. */
  start(user: WireUser): void;
  /** Takes a message, which goes as a whole or, if the connection is lost, not at all. */
  send(message: string | Uint8Array): void;
  /**
   * Asks the peer for a pong.
   *
   * @throws {Deno.errors.NotSupported} If it cannot.
   */
  ping(payload: Uint8Array): void;
  /**
   * Begins the closing handshake, unless it has begun: what comes is dropped, and after `limit` (ms) the
   * connection is closed without an answer.
   */
  close(code: number, reason: string, limit: number): void;
  /** Closes the connection at once. */
  abort(reason: string): void;
  /** The user has room again. */
  resume(): void;
  /** Somebody waits for less to be unsent. */
  watchDrain(): void;
  /** Whether the connection is to keep the process alive: whether somebody waits for the peer. */
  keepAlive(alive: boolean): void;
}
