import { type Hub, WaitList, type WaitNode } from "../../hub/mod.ts";

/** Waiters for something that happens outside: while there is one, nobody can say that all are stuck. */
export class ForeignWaitList extends WaitList {
  readonly #hub: Hub;

  constructor(what: string, owner: object, hub: Hub) {
    super(what, owner);
    this.#hub = hub;
  }

  override push(waiter: WaitNode): void {
    super.push(waiter);
    this.#hub.foreignWaits++;
  }

  /** Every way out leads through here. */
  override remove(waiter: WaitNode): void {
    super.remove(waiter);
    this.#hub.foreignWaits--;
  }
}
