import { AssertionError, assertStrictEquals } from "@std/assert";
import { Lock, Semaphore, spawn } from "@verdant/green";
import type { Planted } from "./planted.ts";

/** Makes one connection to each host, two at the same time at most. */
class Connections {
  readonly #dialling = new Semaphore(2);
  readonly #open = new Map<string, object>();

  /** Another may have come while this one was waiting for its turn to dial. */
  async to(host: string): Promise<object> {
    if (!this.#open.has(host)) this.#open.set(host, await this.#dialling.with(() => ({ host })));
    return this.#open.get(host)!;
  }
}

/** Nobody else looks until the connection is there. */
class LockedConnections extends Connections {
  readonly #lock = new Lock();

  override to(host: string): Promise<object> {
    return this.#lock.with(() => super.to(host));
  }
}

async function oneConnection(connections: Connections): Promise<void> {
  const client = () => connections.to("example.org");
  const [first, second] = [spawn(client), spawn(client)];
  assertStrictEquals(await first.get(), await second.get());
}

/** What was checked holds no longer when it is acted upon. */
export const checkThenAct: Planted = {
  name: "a check, then an act across a wait",
  broken: () => oneConnection(new Connections()),
  correct: () => oneConnection(new LockedConnections()),
  inject: [],
  fails: { type: AssertionError, message: "Values are not the same" },
  shrunk: { switches: 5, decisions: 1 },
};
