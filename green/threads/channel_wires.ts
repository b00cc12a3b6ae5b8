import { Waiter, WaitList, type WaitNode } from "../../hub/mod.ts";
import type { Alarm, PostBox } from "./parcel.ts";

/** An item. */
export const ITEM = 0;
/** So many items have been taken. */
export const TAKEN = 1;
/** No items will follow. */
export const END = 2;
/** The other end was closed. */
export const CLOSE = 3;
/** The other end cannot go on. */
export const BREAK = 4;

/** What the ends of a channel tell each other. */
export type Message =
  | readonly [typeof ITEM, body: unknown, wired: boolean]
  | readonly [typeof TAKEN, count: number]
  | readonly [typeof END]
  | readonly [typeof CLOSE]
  | readonly [typeof BREAK, why: string];

/** What a channel needs of a `MessagePort`. */
export interface Port extends PostBox {
  onmessage: ((event: MessageEvent) => void) | null;
  close(): void;
}

/** Of what an end is made. */
export interface ChannelWires {
  /** How many items may be under way, in each direction. */
  readonly capacity: number;
  /** To the other end. */
  readonly data: Port;
  /** Where the death of the other end's thread is told. */
  readonly watch: Port;
  /** Where that of this end's thread is to be told, once it has moved. */
  readonly alarm?: Port | undefined;
}

/** Waits that something outside this thread will end: the hub counts them. */
export class OutsideWaits extends WaitList {
  readonly #foreign: boolean;

  /**
   * @param what What they wait for.
   * @param owner The object they wait on.
   * @param port Through which it comes: those of tests are not outside.
   */
  constructor(what: string, owner: object, port: Port) {
    super(what, owner);
    this.#foreign = port instanceof MessagePort;
  }

  override push(waiter: WaitNode): void {
    super.push(waiter);
    this.#count(waiter, 1);
  }

  override remove(waiter: WaitNode): void {
    super.remove(waiter);
    this.#count(waiter, -1);
  }

  #count(waiter: WaitNode, delta: number): void {
    if (this.#foreign && waiter instanceof Waiter) waiter.task.hub.foreignWaits += delta;
  }
}

/** Tells the other end of a channel that the thread of this one has died. */
export class DeathAlarm implements Alarm {
  readonly #port: Port;

  constructor(port: Port) {
    this.#port = port;
  }

  ring(why: string): void {
    this.#port.postMessage(`the thread at its other end has gone: ${why}`);
    this.#port.close();
  }

  close(): void {
    this.#port.close();
  }
}
