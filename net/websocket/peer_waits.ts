import { type Hub, WaitList, type WaitNode } from "../../hub/mod.ts";
import type { Wire } from "./wire.ts";

/** Counts those who wait for the peer of a connection: while there are any, it keeps the process alive. */
export class Attention {
  readonly #hub: Hub;
  readonly #wire: Wire;
  #count = 0;

  constructor(hub: Hub, wire: Wire) {
    this.#hub = hub;
    this.#wire = wire;
  }

  /** One more waits. */
  begin(): void {
    this.#hub.foreignWaits++;
    if (++this.#count === 1) this.#wire.keepAlive(true);
  }

  /** One less waits. */
  end(): void {
    this.#hub.foreignWaits--;
    if (--this.#count === 0) this.#wire.keepAlive(false);
  }
}

/** Those who wait for one thing of the peer. */
export class PeerWaits extends WaitList {
  readonly #attention: Attention;

  constructor(what: string, owner: object, attention: Attention) {
    super(what, owner);
    this.#attention = attention;
  }

  override push(waiter: WaitNode): void {
    super.push(waiter);
    this.#attention.begin();
  }

  override remove(waiter: WaitNode): void {
    super.remove(waiter);
    this.#attention.end();
  }
}
