import type { Hub } from "./hub.ts";
import { STARTED, Task } from "./task.ts";

/** Stands for all code outside greenlets: it never starts, never ends and cannot be killed. */
export class RootTask extends Task {
  /** How reports call it. */
  readonly label = "outside any greenlet";

  /**
   * Made by the hub.
   *
   * @param hub Whose root it is.
   */
  constructor(hub: Hub) {
    super(hub, undefined);
    this.state = STARTED;
  }

  /** Never called: it is never scheduled. */
  override begin(): never {
    throw new TypeError("Cannot start the root of a hub");
  }

  /** Never called: it does not end. */
  override ended(): void {}
}
