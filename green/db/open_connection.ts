import { Event } from "../../sync/event.ts";

/** A connection of a pool, and what the pool knows about it. Times are those of the hub's clock (ms). */
export class OpenConnection<C extends object> {
  /** Since when it is not in use. */
  idleSince: number;
  /** When it was last used, or its server answered. */
  seenAlive: number;
  /** Whether an operation may still be running on it that nobody waits for. */
  broken = false;
  /** Set once it is clean, after its return, or closed. A new one for every loan. */
  atRest: Event = new Event();

  constructor(readonly connection: C, readonly openedAt: number) {
    this.idleSince = this.seenAlive = openedAt;
  }
}
