import type { Hub, Timer } from "../../hub/mod.ts";
import { Event } from "../../sync/event.ts";
import { GOING_AWAY, INVALID_TEXT, LOST, POLICY_VIOLATION, PROTOCOL_ERROR, TOO_BIG } from "./close_code.ts";
import type { Limits } from "./limits.ts";
import { WebSocketError } from "./web_socket_error.ts";
import type { End, Wire, WireUser } from "./wire.ts";

/** The platform does not tell when something has been sent, so that is asked: soon first, then less often (ms). */
const FIRST_LOOK_MS = 1;
const LAST_LOOK_MS = 16;

/**
 * What the platform says when the peer has broken the protocol, and the code that would be the right one. It sends
 * none.
 */
const VIOLATIONS: Record<string, number> = {
  "Invalid value": PROTOCOL_ERROR,
  "Reserved bits are not zero": PROTOCOL_ERROR,
  "Invalid UTF-8": INVALID_TEXT,
  "Frame too large": TOO_BIG,
  "Ping frame too large": PROTOCOL_ERROR,
  "Control frame must not be fragmented": PROTOCOL_ERROR,
  "Invalid continuation frame": PROTOCOL_ERROR,
  "Invalid fragment": PROTOCOL_ERROR,
  "Invalid close frame": PROTOCOL_ERROR,
  "Invalid close code": PROTOCOL_ERROR,
};

/** The WebSocket of the platform, also while it is being opened. */
export class PlatformWire implements Wire {
  readonly #hub: Hub;
  readonly #socket: WebSocket;
  readonly #limits: Limits;
  /** Set once it is open, or will not be any more. */
  readonly settled: Event = new Event();
  #user!: WireUser;
  /** The code of our own close frame. */
  #closedWith: number | undefined = undefined;
  #closeReason = "";
  /** What the platform has said of its end. */
  #complaint: string | undefined = undefined;
  #ended = false;
  #gone = false;
  #closeTimer: Timer | undefined = undefined;
  #drainTimer: Timer | undefined = undefined;
  #drainDelay = FIRST_LOOK_MS;

  constructor(hub: Hub, socket: WebSocket, limits: Limits) {
    this.#hub = hub;
    this.#socket = socket;
    this.#limits = limits;
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }

  start(user: WireUser): void {
    this.#user = user;
    const socket = this.#socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#hub.wakeFromOutside(() => this.#open());
    socket.onmessage = ({ data }) => this.#hub.wakeFromOutside(() => this.#receive(data));
    socket.onerror = (event) => this.#complaint = (event as ErrorEvent).message ?? "";
    socket.onclose = (event) => this.#hub.wakeFromOutside(() => this.#hasClosed(event));
  }

  send(message: string | Uint8Array): void {
    if (this.#closedWith === undefined) this.#socket.send(message as string | Uint8Array<ArrayBuffer>);
  }

  ping(): never {
    throw new Deno.errors.NotSupported("Cannot ping: the platform's WebSocket has no way to do that");
  }

  close(code: number, reason: string, limit: number): void {
    if (this.#closedWith !== undefined || this.#gone) return;
    this.#closedWith = code;
    this.#closeReason = reason;
    if (this.#socket.readyState !== WebSocket.CONNECTING) this.#socket.close(code, reason);
    if (limit === Infinity) return;
    this.#closeTimer = this.#hub.startTimer(limit, true, giveUpClosing, this as PlatformWire);
  }

  abort(reason: string): void {
    if (this.#gone) return;
    this.#socket.close(); // there is nothing harder
    this.#end({ code: LOST, reason, error: undefined });
    this.#leave();
  }

  resume(): void {} // it reads without being asked

  watchDrain(): void {
    this.#drainTimer ??= this.#hub.startTimer(this.#drainDelay, true, lookForRoom, this as PlatformWire);
  }

  /** For its timer: is there room now? */
  lookForRoom(): void {
    this.#drainTimer = undefined;
    const full = this.bufferedAmount > this.#limits.maxBuffered;
    this.#drainDelay = full ? Math.min(2 * this.#drainDelay, LAST_LOOK_MS) : FIRST_LOOK_MS;
    if (full) this.watchDrain();
    else this.#user.drained();
  }

  /** For its timer. */
  giveUpClosing(): void {
    this.abort("The peer did not answer the close frame in time");
  }

  keepAlive(): void {} // it does so by itself

  #open(): void {
    if (this.#closedWith !== undefined) this.#socket.close(this.#closedWith, this.#closeReason);
    this.settled.set();
  }

  #receive(data: string | ArrayBuffer): void {
    if (this.#ended || this.#closedWith !== undefined) return;
    const { maxMessageBytes } = this.#limits;
    if (isLonger(data, maxMessageBytes)) {
      this.#refuse(TOO_BIG, `A message is longer than ${maxMessageBytes} bytes`);
    } else if (this.#user.full) this.#refuse(POLICY_VIOLATION, "Too many messages wait to be received");
    else this.#user.message(typeof data === "string" ? data : new Uint8Array(data));
  }

  #refuse(code: number, reason: string): void {
    this.close(code, reason, this.#limits.closeTimeout);
    this.#end({ code, reason, error: new WebSocketError(reason, { code }) });
  }

  #hasClosed({ code, reason, wasClean }: CloseEvent): void {
    if (this.#gone) return;
    const violation = VIOLATIONS[this.#complaint ?? ""];
    if (wasClean) this.#end({ code, reason, error: undefined });
    else if (violation !== undefined) {
      const message = this.#complaint!;
      const error = new WebSocketError(message, { code: violation });
      this.#end({ code: violation, reason: message, error });
    } else if (this.#closedWith !== undefined && this.#complaint === undefined) {
      // Something of the peer was under way: the platform does not wait for its answer then.
      this.#end({ code: this.#closedWith, reason: "", error: undefined });
    } else {
      const what = this.#complaint || "The connection was closed without a close frame";
      this.#end({ code: LOST, reason: what, error: undefined });
    }
    this.#leave();
  }

  #end(end: End): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#user.ended(end);
  }

  /** Nothing of the platform's WebSocket is of interest any more. */
  #leave(): void {
    this.#gone = true;
    if (this.#closeTimer !== undefined) this.#hub.cancelTimer(this.#closeTimer);
    if (this.#drainTimer !== undefined) this.#hub.cancelTimer(this.#drainTimer);
    const socket = this.#socket;
    socket.onmessage = socket.onerror = socket.onclose = null;
    socket.onopen = () => socket.close(this.#closedWith ?? GOING_AWAY, this.#closeReason); // it comes too late
    this.settled.set();
    this.#user.closed();
  }
}

function giveUpClosing(wire: PlatformWire): void {
  wire.giveUpClosing();
}

function lookForRoom(wire: PlatformWire): void {
  wire.lookForRoom();
}

const encoder = new TextEncoder();
/** A character of a string takes as many bytes of UTF-8 at most. */
const BYTES_PER_CHARACTER = 3;

/** Bytes are counted only where it is in doubt. */
function isLonger(data: string | ArrayBuffer, limit: number): boolean {
  if (typeof data !== "string") return data.byteLength > limit;
  if (BYTES_PER_CHARACTER * data.length <= limit) return false;
  return data.length > limit || encoder.encode(data).length > limit;
}
