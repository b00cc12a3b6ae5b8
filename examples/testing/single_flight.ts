/**
 * A cache in which all who want the same key at the same time share one load.
 *
 *     deno run examples/testing/single_flight.ts
 */
import { AsyncResult, getHub, isKill, joinAll, main, sleep, spawn, spawnWith } from "@verdant/green";

interface Kept<V> {
  readonly value: V;
  /** By the hub's clock. */
  readonly until: number;
}

/**
 * Keeps what `load(key)` gives for `ttl` ms. Failures are told to all who wait, and are not kept.
 *
 * Invariant: a key has a flight exactly as long as its load has not ended.
 */
export class SingleFlight<K, V> {
  readonly #load: (key: K) => V | PromiseLike<V>;
  readonly #ttl: number;
  readonly #kept = new Map<K, Kept<V>>();
  readonly #flights = new Map<K, AsyncResult<V>>();

  constructor(load: (key: K) => V | PromiseLike<V>, ttl: number) {
    this.#load = load;
    this.#ttl = ttl;
  }

  /** The value of `key`: the kept one, that of the load on its way, or that of a new load. */
  async get(key: K): Promise<V> {
    const kept = this.#kept.get(key);
    if (kept !== undefined && getHub().now() < kept.until) return kept.value;
    const flight = this.#flights.get(key) ?? this.#start(key);
    return await flight.get();
  }

  /** In a greenlet of its own: a caller that is killed or timed out does not take the load with it. */
  #start(key: K): AsyncResult<V> {
    const flight = new AsyncResult<V>();
    this.#flights.set(key, flight);
    spawnWith({ name: `load ${key}` }, () => this.#fly(key, flight));
    return flight;
  }

  async #fly(key: K, flight: AsyncResult<V>): Promise<void> {
    try {
      const value = await this.#load(key);
      this.#kept.set(key, { value, until: getHub().now() + this.#ttl });
      flight.set(value);
    } catch (error) {
      // A kill is meant for this greenlet: passed on as it is, it would end the callers as if they were killed.
      flight.setError(isKill(error) ? new Error(`The load of ${key} was killed`) : error);
    } finally {
      this.#flights.delete(key);
    }
  }
}

/** Three ask for the same page; the first gives up. */
export async function demo(say: (line: string) => void = console.log): Promise<void> {
  const pages = new SingleFlight(async (url: string) => {
    say(`loading ${url}`);
    await sleep(20);
    return `the page ${url}`;
  }, 60_000);
  const read = async (name: string) => say(`${name} got ${await pages.get("/news")}`);
  const [ann, ...others] = ["Ann", "Bob", "Cy"].map((name) => spawn(read, name));
  await sleep(10);
  await ann!.kill();
  await joinAll(others);
  await read("Dora");
}

if (import.meta.main) main(() => demo());
