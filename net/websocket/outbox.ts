import {
  failedWith,
  readyWith,
  refusal,
  suspend,
  type Task,
  type Waiter,
  type WaitPlan,
} from "../../hub/mod.ts";
import { expiryOf } from "../expiry.ts";
import { type Attention, PeerWaits } from "./peer_waits.ts";
import type { WebSocketError } from "./web_socket_error.ts";
import type { Wire } from "./wire.ts";

/** What is to be sent: first come first served, a message as a whole or not at all. */
export class Outbox {
  readonly #owner: object;
  readonly #wire: Wire;
  readonly #maxBuffered: number;
  readonly #senders: PeerWaits;
  /** Why nothing can be sent any more. */
  #failure: (() => WebSocketError) | undefined = undefined;

  constructor(owner: object, wire: Wire, maxBuffered: number, attention: Attention) {
    this.#owner = owner;
    this.#wire = wire;
    this.#maxBuffered = maxBuffered;
    this.#senders = new PeerWaits("send", owner, attention);
  }

  /** Hands a message to the wire, once there is room for it and it is its turn. */
  send(message: string | Uint8Array, task: Task, plan: WaitPlan): Promise<void> {
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    if (this.#failure !== undefined) return failedWith(task, this.#senders, this.#failure());
    if (this.#senders.size === 0 && this.#hasRoom()) {
      this.#wire.send(message);
      return readyWith(task, this.#senders, undefined);
    }
    this.#wire.watchDrain();
    return suspend(task, this.#senders, message, plan, expiryOf(plan, "sending to", this.#owner));
  }

  /** Less is unsent than before: lets those in who wait. */
  drained(): void {
    while (this.#senders.size > 0 && this.#hasRoom()) {
      const sender = this.#senders.shift() as Waiter;
      this.#wire.send(sender.value as string | Uint8Array);
      sender.wake(undefined);
    }
    if (this.#senders.size > 0) this.#wire.watchDrain();
  }

  /** Nothing can be sent any more; those who wait are told. */
  fail(makeError: () => WebSocketError): void {
    this.#failure ??= makeError;
    this.#senders.failAll(makeError);
  }

  #hasRoom(): boolean {
    return this.#wire.bufferedAmount <= this.#maxBuffered;
  }
}
