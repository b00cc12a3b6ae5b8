import {
  enterWait,
  type Expiry,
  failedWith,
  immediately,
  park,
  refusal,
  Waiter,
  WaitList,
  type WaitPlan,
  type WaitSource,
} from "../hub/mod.ts";
import { formatHostPort } from "./address.ts";
import { endedByClosing, refusedAsClosed } from "./closing.ts";
import { sendError } from "./datagram_errors.ts";
import { expiryOf } from "./expiry.ts";

/** Where datagrams go: the platform's socket. */
export interface DatagramSink {
  send(
    data: Uint8Array,
    port: number,
    address: string,
    done: (error: Error | null, bytes: number) => void,
  ): void;
}

/** A datagram that is to go out. */
export interface Parcel {
  readonly data: Uint8Array;
  readonly address: string;
  readonly port: number;
}

/**
 * The sending half of a datagram socket.
 *
 * One datagram at a time is handed to the platform, first come first served: given several, `node:dgram` sends
 * them last come first served. One that has been handed over goes out even if its sender leaves.
 */
export class DatagramOutbox implements WaitSource {
  readonly what = "send";
  readonly #sink: DatagramSink;
  /** Those whose datagrams are still here. Empty unless one is under way. */
  readonly #waiters: WaitList = new WaitList("send", this);
  /** Whose datagram is with the platform, unless they have left. */
  #sender: Waiter | undefined = undefined;
  #underWay = false;
  /** Why nothing is sent any more: "it was closed by …". */
  #closed: string | undefined = undefined;

  constructor(sink: DatagramSink, readonly owner: object) {
    this.#sink = sink;
  }

  /** How many wait for their datagrams to go out. */
  get waiting(): number {
    return this.#waiters.size + (this.#sender === undefined ? 0 : 1);
  }

  /** Sends a datagram; yields its size in bytes. */
  send(parcel: Parcel, plan: WaitPlan): Promise<number> {
    const task = enterWait("send datagram");
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    if (this.#closed !== undefined) {
      return failedWith(task, this, refusedAsClosed("send from", this.owner, this.#closed));
    }
    if (plan.timeout === 0) return immediately(plan, sendExpiry(parcel, plan));
    const waiter = new Waiter(task, this, parcel);
    task.hub.foreignWaits++;
    if (this.#underWay) this.#waiters.push(waiter);
    else this.#handOver(waiter);
    return park(waiter, plan, sendExpiry(parcel, plan));
  }

  /** Nothing will be sent any more; all who wait are told why. */
  close(why: string): void {
    this.#closed = why;
    const ended = () => endedByClosing("Sending from", this.owner, why);
    this.#takeSender()?.fail(ended());
    for (let waiter = this.#nextWaiter(); waiter !== undefined; waiter = this.#nextWaiter()) {
      waiter.fail(ended());
    }
  }

  /** For the hub: a sender was interrupted. */
  remove(waiter: Waiter): void {
    if (this.#sender === waiter) this.#sender = undefined;
    else this.#waiters.remove(waiter);
    waiter.task.hub.foreignWaits--;
  }

  #handOver(waiter: Waiter): void {
    const { data, port, address } = waiter.value as Parcel;
    this.#sender = waiter;
    this.#underWay = true;
    try {
      this.#sink.send(data, port, address, this.#sent);
    } catch (error) {
      queueMicrotask(() => this.#sent(error as Error, 0));
    }
  }

  readonly #sent = (cause: Error | null, bytes: number): void => {
    const sender = this.#takeSender();
    this.#underWay = false;
    this.#sendNext();
    if (sender === undefined) return; // it has left, or was told that the socket is closed
    const { hub } = sender.task;
    if (cause === null) return hub.wakeFromOutside(() => sender.wake(bytes));
    const error = sendError(sender.value as Parcel, cause);
    hub.wakeFromOutside(() => sender.fail(error));
  };

  #sendNext(): void {
    const next = this.#waiters.shift() as Waiter | undefined;
    if (next !== undefined) this.#handOver(next);
  }

  #takeSender(): Waiter | undefined {
    const sender = this.#sender;
    this.#sender = undefined;
    if (sender !== undefined) sender.task.hub.foreignWaits--;
    return sender;
  }

  #nextWaiter(): Waiter | undefined {
    const waiter = this.#waiters.shift() as Waiter | undefined;
    if (waiter !== undefined) waiter.task.hub.foreignWaits--;
    return waiter;
  }
}

function sendExpiry({ address, port }: Parcel, plan: WaitPlan): Expiry {
  return expiryOf(plan, "sending to", { toString: () => formatHostPort(address, port) });
}
