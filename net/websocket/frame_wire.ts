import type { Hub, Timer } from "../../hub/mod.ts";
import { runAs } from "../../hub/context.ts";
import type { RawConn } from "../conn.ts";
import { closeQuietly } from "../listener.ts";
import type { ReadBuffer } from "../read_buffer.ts";
import { decodeClose, encodeClose, GOING_AWAY, INTERNAL_ERROR, LOST } from "./close_code.ts";
import { BINARY, CLOSE, PING, PONG, TEXT } from "./frame.ts";
import { FrameReader, type FrameSink } from "./frame_reader.ts";
import { FrameQueue } from "./frame_queue.ts";
import { IdleWatch } from "./idle_watch.ts";
import type { Limits } from "./limits.ts";
import { WebSocketError } from "./web_socket_error.ts";
import type { End, Wire, WireUser } from "./wire.ts";

/** What a {@linkcode FrameWire} is made of. */
export interface FrameWireOptions {
  readonly hub: Hub;
  /** The connection, after the handshake. The wire closes it. */
  readonly raw: RawConn;
  /** What has come behind the handshake. */
  readonly buffer: ReadBuffer;
  /** Whether this side is the client. */
  readonly client: boolean;
  readonly limits: Limits;
}

const EMPTY = new Uint8Array(0);

/**
 * Our own frames over a connection of the platform.
 *
 * Whenever the queue of received messages has room, a read is under way, whose bytes are dealt with as they come;
 * while it has none, nothing is read. A greenlet is not needed for that.
 *
 * The end: a close frame of either side is answered; the connection is closed once both have gone, or the time is
 * over. If the peer breaks the protocol it is told by a close frame and the end of the stream, and what it still
 * sends is dropped: closing the connection while bytes are unread would take the close frame back.
 */
export class FrameWire implements Wire, FrameSink {
  readonly #hub: Hub;
  readonly #raw: RawConn;
  readonly #limits: Limits;
  readonly #reader: FrameReader;
  readonly #frames: FrameQueue;
  #buffer: ReadBuffer | undefined;
  #user!: WireUser;
  #idle: IdleWatch | undefined = undefined;
  /** Whether a read of the platform is under way. */
  #reading = false;
  /** What the read has yielded: handed over here, because the hub calls without arguments. */
  #outcome: number | null | Error = null;
  /** The ping that is still to be answered, for want of room. */
  #owed: Uint8Array | undefined = undefined;
  /** Whether somebody wants to know when less is unsent. */
  #drainWatched = false;
  #closeSent = false;
  #closeReceived = false;
  /** Whether the peer has broken the protocol: what it sends is dropped unseen. */
  #refused = false;
  #ended = false;
  /** Whether the connection is closed. */
  #gone = false;
  /** Ends the closing handshake. */
  #closeTimer: Timer | undefined = undefined;

  constructor({ hub, raw, buffer, client, limits }: FrameWireOptions) {
    this.#hub = hub;
    this.#raw = raw;
    this.#buffer = buffer;
    this.#limits = limits;
    this.#reader = new FrameReader({ masked: !client, maxMessageBytes: limits.maxMessageBytes });
    this.#frames = new FrameQueue({ sink: raw, masks: client, sent: this.#sent, failed: this.#unwritable });
  }

  // ---- For its user ------------------------------------------------------------------------------

  get bufferedAmount(): number {
    return this.#frames.size;
  }

  start(user: WireUser): void {
    this.#user = user;
    const { idleTimeout } = this.#limits;
    if (idleTimeout !== Infinity) this.#idle = new IdleWatch(this.#hub, idleTimeout, this);
    this.#raw.unref();
    // Not as the greenlet that is running: it would be kept in memory as long as the connection.
    runAs(this.#hub.root, begin, this);
  }

  send(message: string | Uint8Array): void {
    if (!this.#closeSent) this.#frames.push(typeof message === "string" ? TEXT : BINARY, message);
  }

  ping(payload: Uint8Array): void {
    if (!this.#closeSent) this.#frames.push(PING, payload);
  }

  close(code: number, reason: string, limit: number): void {
    if (this.#closeSent || this.#gone) return;
    this.#sendClose(code, reason, limit);
    this.resume(); // to find the answer behind what is dropped
  }

  abort(reason: string): void {
    this.#end({ code: LOST, reason, error: undefined });
    this.#destroy();
  }

  resume(): void {
    if (this.#reading || this.#gone) return;
    this.#digest();
    this.#readOn();
  }

  watchDrain(): void {
    this.#drainWatched = true;
  }

  keepAlive(alive: boolean): void {
    if (alive) this.#raw.ref();
    else this.#raw.unref();
  }

  // ---- For its reader ----------------------------------------------------------------------------

  get full(): boolean {
    return this.#closeReceived || !this.#closeSent && this.#user.full;
  }

  message(message: string | Uint8Array<ArrayBuffer>): void {
    if (!this.#closeSent) this.#user.message(message);
  }

  control(opcode: number, payload: Uint8Array<ArrayBuffer>): void {
    if (opcode === PING) this.#answerPing(payload);
    else if (opcode === PONG) this.#user.pong(payload);
    else this.#answerClose(payload);
  }

  // ---- For its watch -----------------------------------------------------------------------------

  deaf(): boolean {
    return !this.#reading;
  }

  ask(): void {
    this.ping(EMPTY);
  }

  giveUp(): void {
    const reason = `The peer was silent for ${2 * this.#limits.idleTimeout} ms`;
    if (!this.#closeSent) this.#sendClose(GOING_AWAY, reason, 0);
    this.abort(reason);
  }

  // ---- Reading -----------------------------------------------------------------------------------

  #readOn(): void {
    if (this.#reading || this.#gone || this.full) return;
    this.#reading = true;
    this.#raw.read(this.#buffer!.room()).then(this.#arrived, this.#broke);
  }

  readonly #arrived = (count: number | null): void => {
    this.#outcome = count;
    this.#hub.wakeFromOutside(this.#dealWithRead);
  };

  readonly #broke = (error: Error): void => {
    this.#outcome = error;
    this.#hub.wakeFromOutside(this.#dealWithRead);
  };

  readonly #dealWithRead = (): void => {
    const outcome = this.#outcome;
    this.#reading = false;
    if (this.#gone) return;
    if (typeof outcome !== "number") return this.abort(describeLoss(outcome));
    this.#idle?.heard();
    this.#buffer!.commit(outcome);
    this.#digest();
    this.#readOn();
  };

  /** Reads the frames that have come. */
  #digest(): void {
    const buffer = this.#buffer!;
    if (buffer.size === 0) return;
    if (this.#refused) return buffer.skip(buffer.size);
    try {
      buffer.skip(this.#reader.read(buffer.bytes, this));
    } catch (error) {
      this.#refuse(error instanceof WebSocketError ? error : internal(error));
    }
  }

  #answerPing(payload: Uint8Array): void {
    if (this.#closeSent) return;
    // A peer that asks and does not listen must not fill the memory: the newest ping is answered, later.
    if (this.#frames.size > this.#limits.maxBuffered) this.#owed = payload;
    else this.#frames.push(PONG, payload);
  }

  #answerClose(payload: Uint8Array): void {
    const { code, reason } = decodeClose(payload);
    this.#closeReceived = true;
    this.#end({ code, reason, error: undefined });
    if (!this.#closeSent) this.#sendClose(code, "", this.#limits.closeTimeout);
    else this.#settle();
  }

  /** The peer has broken the protocol or a limit. */
  #refuse(error: WebSocketError): void {
    const { message, code } = error;
    this.#refused = true;
    if (this.#closeSent) return this.abort(message); // nobody cares any more what it sends
    this.#sendClose(code!, message, this.#limits.closeTimeout);
    this.#end({ code: code!, reason: message, error });
  }

  // ---- Writing -----------------------------------------------------------------------------------

  readonly #sent = (): void => {
    if (this.#gone) return;
    if (this.#drainWatched || this.#closeSent || this.#owed !== undefined) {
      this.#hub.wakeFromOutside(this.#dealWithRoom);
    }
  };

  readonly #dealWithRoom = (): void => {
    if (this.#closeSent) return this.#settle();
    if (this.#owed !== undefined && this.#frames.size <= this.#limits.maxBuffered) {
      const payload = this.#owed;
      this.#owed = undefined;
      this.#answerPing(payload);
    }
    this.#drainWatched = false;
    this.#user.drained();
  };

  /** Nothing can be written any more. What the peer has sent before can still be read, for a while. */
  readonly #unwritable = (): void => {
    if (this.#closeReceived || this.#refused) this.#hub.wakeFromOutside(() => this.#destroy());
    else if (!this.#gone) this.#closeWithin(this.#limits.closeTimeout);
  };

  // ---- Ending ------------------------------------------------------------------------------------

  #sendClose(code: number, reason: string, limit: number): void {
    this.#frames.push(CLOSE, encodeClose(code, reason));
    this.#closeSent = true;
    this.#closeWithin(limit);
  }

  #closeWithin(limit: number): void {
    if (this.#closeTimer !== undefined || limit === Infinity) return;
    this.#closeTimer = this.#hub.startTimer(limit, true, giveUpClosing, this as FrameWire);
  }

  /** Our close frame is on its way: is anything left to be done? */
  #settle(): void {
    if (this.#frames.size > 0) return;
    if (this.#closeReceived) this.#destroy();
    else if (this.#refused) this.#raw.closeWrite().catch(() => {}); // then the peer has gone, as the read will tell
  }

  /** For its timer. */
  giveUpClosing(): void {
    this.abort(this.#closeSent ? "The peer did not answer the close frame in time" : "Writing has failed");
  }

  #end(end: End): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#user.ended(end);
  }

  #destroy(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#idle?.stop();
    if (this.#closeTimer !== undefined) this.#hub.cancelTimer(this.#closeTimer);
    this.#frames.drop();
    this.#buffer = undefined;
    closeQuietly(this.#raw);
    this.#user.closed();
  }
}

function begin(wire: FrameWire): void {
  wire.resume();
}

function giveUpClosing(wire: FrameWire): void {
  wire.giveUpClosing();
}

function internal(cause: unknown): WebSocketError {
  return new WebSocketError(`A message cannot be taken: ${cause}`, { code: INTERNAL_ERROR, cause });
}

function describeLoss(outcome: Error | null): string {
  return outcome === null ? "The peer closed the connection without a close frame" : outcome.message;
}
