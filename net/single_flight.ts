import { type Expiry, GreenletExit, suspend, type Task, type WaitPlan, WANTS_OUTCOME } from "../hub/mod.ts";
import { Job } from "../green/job.ts";
import { shield } from "../green/shield.ts";

/** Who waits, and how long. */
export interface Passenger {
  readonly task: Task;
  readonly plan: WaitPlan;
  readonly expiry: Expiry;
}

/** The greenlet that does the work of all who want it now. */
class Flight<T> extends Job<T> {
  passengers = 0;
}

/**
 * Does the same work once for all who want it at the same time.
 *
 * It is done in a greenlet of its own, so that each of those who wait can be killed or timed out alone; when the
 * last one leaves, the work is killed.
 */
export class SingleFlight<T> {
  /** The newest of each key, until the last of its passengers has left. */
  readonly #flights = new Map<string, Flight<T>>();

  /** How many pieces of work are under way, or done but not yet delivered. */
  get size(): number {
    return this.#flights.size;
  }

  /** Waits for the work called `key`, beginning it if nobody has. Switches. */
  async join(key: string, work: () => Promise<T>, { task, plan, expiry }: Passenger): Promise<T> {
    const flight = this.#underWay(key) ?? this.#begin(key, work);
    flight.passengers++;
    try {
      const outcome = await suspend<T | GreenletExit>(task, flight.joiners, WANTS_OUTCOME, plan, expiry);
      if (!(outcome instanceof GreenletExit)) return outcome;
      throw new Error(`Cannot ${key}: the greenlet that did it was killed (${outcome.message})`);
    } finally {
      if (--flight.passengers === 0) await this.#end(key, flight);
    }
  }

  #underWay(key: string): Flight<T> | undefined {
    const flight = this.#flights.get(key);
    return flight?.ready ? undefined : flight;
  }

  #begin(key: string, work: () => Promise<T>): Flight<T> {
    const flight = new Flight<T>(work);
    flight.name = key;
    this.#flights.set(key, flight);
    flight.start();
    return flight;
  }

  /** Nobody waits for it any more: whoever comes next begins anew. */
  async #end(key: string, flight: Flight<T>): Promise<void> {
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
    if (!flight.ready) await shield(() => flight.kill("nobody waits for it any more"));
  }
}
