import {
  failedWith,
  readyWith,
  refusal,
  Ring,
  suspend,
  type Task,
  type Waiter,
  type WaitPlan,
} from "../../hub/mod.ts";
import { checkFree } from "../concurrency.ts";
import { expiryOf } from "../expiry.ts";
import type { Limits } from "./limits.ts";
import { type Attention, PeerWaits } from "./peer_waits.ts";
import type { WebSocketError } from "./web_socket_error.ts";
import type { Wire } from "./wire.ts";

type Message = string | Uint8Array<ArrayBuffer>;

/** A character of a string counts as so many bytes: it takes one or two. */
const BYTES_PER_CHARACTER = 2;

/** The messages that have come and that nobody has received. What came before the end can still be received. */
export class Inbox {
  readonly #limits: Limits;
  readonly #owner: object;
  readonly #wire: Wire;
  /** Who receives: one at most. */
  readonly #receivers: PeerWaits;
  /** Made on first use: most messages find somebody who waits for them. */
  #messages: Ring<Message> | undefined = undefined;
  #bytes = 0;
  #end: { readonly error: WebSocketError | undefined } | undefined = undefined;

  constructor(owner: object, wire: Wire, limits: Limits, attention: Attention) {
    this.#owner = owner;
    this.#wire = wire;
    this.#limits = limits;
    this.#receivers = new PeerWaits("receive", owner, attention);
  }

  /** Whether no more messages may come. */
  get full(): boolean {
    const messages = this.#messages;
    if (messages === undefined || messages.size === 0) return false;
    return messages.size >= this.#limits.maxQueued || this.#bytes >= this.#limits.maxQueuedBytes;
  }

  /** A message has come. */
  put(message: Message): void {
    const receiver = this.#receivers.shift();
    if (receiver !== undefined) return receiver.wake(message);
    (this.#messages ??= new Ring()).push(message);
    this.#bytes += sizeOf(message);
  }

  /** No more messages will come. */
  end(error: WebSocketError | undefined): void {
    this.#end = { error };
    const receiver = this.#receivers.shift();
    if (error === undefined) receiver?.wake(undefined);
    else receiver?.fail(error);
  }

  /** Takes the next message; `undefined` at the end. */
  receive(task: Task, plan: WaitPlan): Promise<Message | undefined> {
    checkFree(this.#receivers.first as Waiter | undefined, "receive from", this.#owner, task);
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    const message = this.#messages?.shift();
    if (message !== undefined) {
      this.#bytes -= sizeOf(message);
      this.#wire.resume();
      return readyWith(task, this.#receivers, message);
    }
    if (this.#end === undefined) {
      return suspend(task, this.#receivers, undefined, plan, expiryOf(plan, "receiving from", this.#owner));
    }
    const { error } = this.#end;
    return error === undefined
      ? readyWith(task, this.#receivers, undefined)
      : failedWith(task, this.#receivers, error);
  }
}

function sizeOf(message: Message): number {
  return typeof message === "string" ? BYTES_PER_CHARACTER * message.length : message.length;
}
