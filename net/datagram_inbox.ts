import {
  enterWait,
  failedWith,
  immediately,
  park,
  readyWith,
  refusal,
  Ring,
  Waiter,
  WaitList,
  type WaitPlan,
  type WaitSource,
} from "../hub/mod.ts";
import { endedByClosing, refusedAsClosed } from "./closing.ts";
import { expiryOf } from "./expiry.ts";
import { KeepAlive } from "./keep_alive.ts";

/**
 * A datagram, and whom it is from.
 *
 * @example Answer it
 * ```ts
 * import type { Datagram, DatagramConn } from "@verdant/green";
 *
 * const answer = (conn: DatagramConn, [data, from]: Datagram) => conn.send(data, from);
 * ```
 */
export type Datagram = [data: Uint8Array<ArrayBuffer>, from: Deno.NetAddr];

/**
 * The receiving half of a datagram socket.
 *
 * The platform receives all the time, so there is nothing to begin and nothing to cancel: a receiver that is
 * killed or timed out just leaves the line, and what arrives goes to the next one or into the queue.
 *
 * Invariants: the queue is empty while anybody waits; the process is kept alive exactly then.
 */
export class DatagramInbox implements WaitSource {
  readonly what = "receive";
  /** How many datagrams were thrown away because the queue was full. */
  dropped = 0;
  readonly #queue: Ring<Datagram> = new Ring();
  readonly #waiters: WaitList = new WaitList("receive", this);
  readonly #keepAlive = new KeepAlive();
  /** Why nothing arrives any more: "it was closed by …". */
  #closed: string | undefined = undefined;

  constructor(readonly owner: object, readonly maxQueue: number) {}

  /** How many wait for a datagram. */
  get waiting(): number {
    return this.#waiters.size;
  }

  /** Takes the datagram that arrived first, waiting for one. */
  receive(plan: WaitPlan): Promise<Datagram> {
    const task = enterWait("receive datagram");
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    if (this.#closed !== undefined) {
      return failedWith(task, this, refusedAsClosed("receive on", this.owner, this.#closed));
    }
    const datagram = this.#queue.shift();
    if (datagram !== undefined) return readyWith(task, this, datagram);
    if (plan.timeout === 0) return immediately(plan, expiryOf(plan, "receiving on", this.owner));
    const waiter = new Waiter(task, this, undefined);
    if (this.#waiters.size === 0) this.#keepAlive.hold();
    this.#waiters.push(waiter);
    task.hub.foreignWaits++;
    return park(waiter, plan, expiryOf(plan, "receiving on", this.owner));
  }

  /** A datagram has arrived. */
  deliver(datagram: Datagram): void {
    const waiter = this.#nextWaiter();
    if (waiter !== undefined) waiter.task.hub.wakeFromOutside(() => waiter.wake(datagram));
    else if (this.#queue.size < this.maxQueue) this.#queue.push(datagram);
    else this.dropped++;
  }

  /** The system could not receive: the one who has waited longest is told; the others wait on. */
  fail(error: Error): void {
    const waiter = this.#nextWaiter();
    waiter?.task.hub.wakeFromOutside(() => waiter.fail(error));
  }

  /** Nothing will arrive any more, and what has arrived is forgotten; all who wait are told why. */
  close(why: string): void {
    this.#closed = why;
    while (this.#queue.size > 0) this.#queue.shift();
    for (let waiter = this.#nextWaiter(); waiter !== undefined; waiter = this.#nextWaiter()) {
      waiter.fail(endedByClosing("Receiving on", this.owner, why));
    }
    this.#keepAlive.end();
  }

  /** For the hub: a receiver was interrupted. */
  remove(waiter: Waiter): void {
    this.#waiters.remove(waiter);
    this.#left(waiter);
  }

  #nextWaiter(): Waiter | undefined {
    const waiter = this.#waiters.shift() as Waiter | undefined;
    if (waiter !== undefined) this.#left(waiter);
    return waiter;
  }

  #left(waiter: Waiter): void {
    waiter.task.hub.foreignWaits--;
    if (this.#waiters.size === 0) this.#keepAlive.release();
  }
}
