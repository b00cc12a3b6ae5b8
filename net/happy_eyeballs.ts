import { Event } from "../sync/event.ts";
import { Job } from "../green/job.ts";
import { GreenletExit } from "../hub/mod.ts";
import type { HostAddress } from "./lookup.ts";

/** How long (ms) an attempt has before the next one begins beside it (RFC 8305, section 8). */
export const ATTEMPT_DELAY_MS = 250;

/** What a race is about. */
export interface Race<T extends object> {
  /** In order of preference. At least one. */
  readonly addresses: readonly HostAddress[];
  /** Runs in a greenlet of its own, which is killed if another address wins. */
  readonly attempt: (address: HostAddress) => Promise<T>;
  /** Gets what was won too late. */
  readonly discard: (late: T) => void;
  /** Ends the race. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Happy Eyeballs (RFC 8305): tries the addresses in turn, families alternating; each attempt gets a while
 * before the next one begins beside it, and a failed one is followed at once. The first success wins.
 */
export async function raceAddresses<T extends object>(race: Race<T>): Promise<T> {
  const addresses = alternateFamilies(race.addresses);
  return await new Runners(race, addresses).run();
}

/** IPv6 and IPv4 in turn, beginning with the family of the first. */
export function alternateFamilies(addresses: readonly HostAddress[]): HostAddress[] {
  const preferred = addresses.filter(({ family }) => family === addresses[0]!.family);
  const others = addresses.filter(({ family }) => family !== addresses[0]!.family);
  return preferred.flatMap((address, index) => index < others.length ? [address, others[index]!] : [address])
    .concat(others.slice(preferred.length));
}

/** The attempts of one race. */
class Runners<T extends object> {
  readonly #race: Race<T>;
  readonly #waiting: HostAddress[];
  readonly #running = new Set<Job<T>>();
  readonly #failures: unknown[] = [];
  readonly #changed = new Event();
  #winner: { readonly value: T } | undefined = undefined;
  #over = false;

  constructor(race: Race<T>, addresses: HostAddress[]) {
    this.#race = race;
    this.#waiting = addresses;
  }

  async run(): Promise<T> {
    try {
      while (this.#winner === undefined && this.#waiting.length + this.#running.size > 0) {
        this.#startNext();
        this.#changed.clear();
        const timeout = this.#waiting.length > 0 ? ATTEMPT_DELAY_MS : undefined;
        await this.#changed.wait({ timeout, signal: this.#race.signal });
      }
      if (this.#winner === undefined) throw this.#failure();
      const { value } = this.#winner;
      this.#winner = undefined; // it is the caller's now
      return value;
    } finally {
      this.#stop();
    }
  }

  #startNext(): void {
    const address = this.#waiting.shift();
    if (address === undefined) return;
    const job = new Job<T>(this.#race.attempt, address);
    job.name = `connect to ${address.address}`;
    this.#running.add(job);
    job.rawlink(() => this.#ended(job));
    job.start();
  }

  #ended(job: Job<T>): void {
    this.#running.delete(job);
    if (job.failed) this.#failures.push(job.error);
    else if (job.value instanceof GreenletExit) this.#failures.push(job.value); // killed, maybe by somebody else
    else this.#won(job.value as T);
    this.#changed.set();
  }

  #won(value: T): void {
    if (this.#over || this.#winner !== undefined) this.#race.discard(value);
    else this.#winner = { value };
  }

  /** Nobody else is needed. Whoever is killed too late finds that it is over. */
  #stop(): void {
    this.#over = true;
    for (const job of this.#running) void job.kill(undefined, { block: false });
    if (this.#winner !== undefined) this.#race.discard(this.#winner.value); // the caller was interrupted
  }

  /** The error of the first address, which tells of the others. */
  #failure(): unknown {
    const [first, ...others] = this.#failures;
    if (others.length === 0 || !(first instanceof Error)) return first;
    const messages = this.#failures.map((failure) => (failure as Error).message);
    const Class = first.constructor as new (message: string, options: ErrorOptions) => Error;
    return new Class(messages.join("; "), {
      cause: new AggregateError(this.#failures, "All addresses failed"),
    });
  }
}
