import {
  expireWith,
  failedWith,
  type Hub,
  immediately,
  park,
  readyWith,
  refusal,
  shortName,
  suspend,
  type Task,
  Waiter,
  type WaitPlan,
  type WaitSource,
} from "../../hub/mod.ts";
import { expiryOf } from "../expiry.ts";
import { Inbox } from "./inbox.ts";
import type { Limits } from "./limits.ts";
import { Outbox } from "./outbox.ts";
import { Attention, PeerWaits } from "./peer_waits.ts";
import { WebSocketError } from "./web_socket_error.ts";
import type { End, Wire, WireUser } from "./wire.ts";

const UNTIL_CLOSED = expireWith(undefined);

/** Errors that tell that a connection has ended, and which. */
const tellers = new WeakMap<Error, Session>();

/** What goes on behind a `WebSocketConn`: who waits for what of its wire, and how it ends. */
export class Session implements WireUser {
  readonly wire: Wire;
  readonly limits: Limits;
  /** How it has ended: nothing more will come. What came before can still be received. */
  end: End | undefined = undefined;
  /** Whether nothing can be sent any more. */
  closing = false;
  readonly #owner: object;
  readonly #attention: Attention;
  readonly #inbox: Inbox;
  readonly #outbox: Outbox;
  /** Those who wait for an answer to a ping, which they bring. Made on first use. */
  #pings: PeerWaits | undefined = undefined;
  /** Those who wait for the connection to be closed. Made on first use. */
  #closers: PeerWaits | undefined = undefined;
  #closed = false;

  constructor(owner: object, hub: Hub, wire: Wire, limits: Limits) {
    this.#owner = owner;
    this.wire = wire;
    this.limits = limits;
    this.#attention = new Attention(hub, wire);
    this.#inbox = new Inbox(owner, wire, limits, this.#attention);
    this.#outbox = new Outbox(owner, wire, limits.maxBuffered, this.#attention);
  }

  // ---- What its wire tells -----------------------------------------------------------------------

  get full(): boolean {
    return this.#inbox.full;
  }

  message(message: string | Uint8Array<ArrayBuffer>): void {
    this.#inbox.put(message);
  }

  pong(payload: Uint8Array): void {
    const text = keyOf(payload);
    const pings = this.#pings;
    if (pings === undefined) return;
    const sent = [...pings];
    const index = sent.findIndex(({ value }) => value === text);
    // A peer need not answer a ping if another one has come since (RFC 6455, section 5.5.3).
    for (const ping of sent.slice(0, index + 1)) {
      pings.remove(ping);
      ping.wake(undefined);
    }
  }

  drained(): void {
    this.#outbox.drained();
  }

  ended(end: End): void {
    this.end = end;
    this.#stopSending(() => `it has ended with code ${end.code}${end.reason && ` (${end.reason})`}`);
    this.#inbox.end(end.error && this.#tell(end.error));
  }

  closed(): void {
    this.#closed = true;
    this.#closers?.wakeAll(undefined);
  }

  // ---- What its user asks for --------------------------------------------------------------------

  receive(task: Task, plan: WaitPlan): Promise<string | Uint8Array<ArrayBuffer> | undefined> {
    return this.#inbox.receive(task, plan);
  }

  send(message: string | Uint8Array, task: Task, plan: WaitPlan): Promise<void> {
    return this.#outbox.send(message, task, plan);
  }

  ping(payload: Uint8Array, task: Task, plan: WaitPlan): Promise<void> {
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    const pings = this.#pings ??= new PeerWaits("ping", this.#owner, this.#attention);
    if (this.closing) return failedWith(task, pings, this.#noPong());
    this.wire.ping(payload);
    return suspend(task, pings, keyOf(payload), plan, expiryOf(plan, "waiting for a pong of", this.#owner));
  }

  /** Begins to close. Does not wait. */
  beginClose(code: number, reason: string, by: Task, limit: number = this.limits.closeTimeout): void {
    if (this.end === undefined) this.#stopSending(() => `it was closed by ${shortName(by)}`);
    this.wire.close(code, reason, limit);
  }

  /** Closes, and waits until it is closed. If the wait is interrupted it is closed without an answer. */
  close(code: number, reason: string, task: Task, plan: WaitPlan): Promise<void> {
    this.beginClose(code, reason, task, plan.timeout === Infinity ? undefined : plan.timeout);
    const closers = this.#closers ??= new PeerWaits("close", this.#owner, this.#attention);
    const refused = refusal(task, plan);
    if (refused !== undefined || plan.timeout === 0) this.wire.abort("It was closed without waiting");
    if (refused !== undefined) return refused;
    if (plan.timeout === 0) return immediately(plan, UNTIL_CLOSED);
    if (this.#closed) return readyWith(task, closers, undefined);
    const waiter = new Waiter(task, new Closing(this.#owner, closers, this.wire), undefined);
    closers.push(waiter);
    return park(waiter, plan, UNTIL_CLOSED);
  }

  /** Whether an error only tells that this has ended. */
  tells(error: unknown): boolean {
    return error instanceof Error && tellers.get(error) === this;
  }

  #stopSending(why: () => string): void {
    if (this.closing) return;
    this.closing = true;
    this.#outbox.fail(() => this.#failure("send to", why()));
    this.#pings?.failAll(() => this.#noPong());
  }

  #noPong(): WebSocketError {
    return this.#failure("ping", "it is closed");
  }

  #failure(action: string, why: string): WebSocketError {
    const { end } = this;
    return this.#tell(new WebSocketError(`Cannot ${action} ${this.#owner}: ${why}`, { code: end?.code }));
  }

  #tell<E extends Error>(error: E): E {
    tellers.set(error, this);
    return error;
  }
}

/** The wait for a connection to be closed. Who cannot wait any longer does not get an answer. */
class Closing implements WaitSource {
  readonly what = "close";

  constructor(readonly owner: object, readonly closers: PeerWaits, readonly wire: Wire) {}

  remove(waiter: Waiter): void {
    this.closers.remove(waiter);
    this.wire.abort("The peer did not answer the close frame in time");
  }
}

/** Payloads of pings, comparable. */
function keyOf(payload: Uint8Array): string {
  return String.fromCharCode(...payload);
}
