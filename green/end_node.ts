import type { WaitNode } from "../hub/mod.ts";
import type { Greenlet } from "./greenlet.ts";

/** Stands in a greenlet's list of joiners and learns of its end the moment it happens. */
export class EndNode<G extends Greenlet = Greenlet> implements WaitNode {
  /** Neighbours in the list. Owned by the list. */
  prev: WaitNode | undefined = undefined;
  /** The one behind it. */
  next: WaitNode | undefined = undefined;
  /** It brings nothing. */
  readonly value: undefined = undefined;
  readonly #onEnd: (node: EndNode<G>) => void;

  /** Starts watching. */
  constructor(readonly greenlet: G, onEnd: (node: EndNode<G>) => void) {
    this.#onEnd = onEnd;
    greenlet.joiners.push(this);
  }

  /** The greenlet has ended. */
  wake(): void {
    this.#onEnd(this);
  }

  /** The same: an error of the greenlet is its own affair. */
  fail(): void {
    this.#onEnd(this);
  }

  /** Stops watching; harmless after the end. */
  stop(): void {
    if (this.next !== undefined) this.greenlet.joiners.remove(this);
  }
}
