/** Workers that are killed and timed out at random moments, seeded: the moments are the same for the same seed. */
import { assert, assertEquals } from "@std/assert";
import { getCurrent, getHub, type Greenlet, seededRandom, sleep, spawn, Timeout } from "@verdant/green";

/** `deno task stress` runs many more of them. */
const SEEDS = Array.from({ length: Number(Deno.env.get("GREEN_STRESS_SEEDS") ?? 3) }, (_, i) => i + 1);
const ROUNDS = 2_000;
const WORKERS = 8;

/** What one seeded run has at hand. */
export interface World {
  /** A whole number from 0 to n - 1. */
  readonly below: (n: number) => number;
  /** Passes the token on between none and three times. */
  readonly pause: () => Promise<void>;
}

/** Makes a worker's step; each worker repeats its step until the run is over. */
export type Step = (world: World) => Promise<unknown>;

/** A limit that strikes at a random moment of the run queue instead of at a time. */
function limit(victim: Greenlet): void {
  victim.throw(new Timeout(0));
}

/** The errors in an error: a second interruption, during the clean-up of the first, makes one of two. */
function leaves(error: unknown): unknown[] {
  if (!(error instanceof SuppressedError)) return [error];
  return [...leaves(error.error), ...leaves(error.suppressed)];
}

/** Runs steps in workers that are killed and timed out at random and replaced. Returns how often. */
async function torment(seed: number, steps: Step[]): Promise<number> {
  const random = seededRandom(seed);
  const below = (n: number) => Math.floor(random() * n);
  const world: World = {
    below,
    async pause() {
      for (let i = below(4); i > 0; i--) await sleep();
    },
  };
  let over = false;
  let strikes = 0;
  const begun = new WeakSet<Greenlet>();
  const startWorker = (i: number): Greenlet =>
    spawn(async () => {
      begun.add(getCurrent()!);
      while (!over) {
        try {
          await steps[i % steps.length]!(world);
          await world.pause();
        } catch (error) {
          for (const leaf of leaves(error)) if (!(leaf instanceof Timeout)) throw leaf;
        }
      }
    });
  const workers = Array.from({ length: WORKERS }, (_, i) => startWorker(i));
  for (let round = 0; round < ROUNDS; round++) {
    await world.pause();
    for (let i = below(4); i > 0; i--) {
      const index = below(WORKERS);
      const victim = workers[index]!;
      strikes++;
      if (random() < 0.5) {
        if (begun.has(victim)) limit(victim);
      } else {
        void victim.kill(undefined, { block: false });
        if (random() < 0.5) await victim.join({ timeout: 1_000 });
        workers[index] = startWorker(index);
      }
    }
  }
  over = true;
  for (const worker of workers) await worker.kill();
  await getHub().join();
  for (const worker of workers) assertEquals(worker.error, undefined);
  return strikes;
}

export function stress(
  name: string,
  prepare: () => { steps: Step[]; check: () => void | Promise<void> },
): void {
  for (const seed of SEEDS) {
    Deno.test(`${name} adds up after random kills and time-outs (seed ${seed})`, async () => {
      const { steps, check } = prepare();
      const strikes = await torment(seed, steps);
      assert(strikes > ROUNDS, `only ${strikes} strikes`);
      await check();
      const { greenlets, timers, foreignWaits } = getHub().stats();
      assertEquals({ greenlets, timers, foreignWaits }, { greenlets: 0, timers: 0, foreignWaits: 0 });
    });
  }
}

/** Numbers every item; each must be seen at most once, and at least once if its put() returned. */
export class Ledger {
  #next = 0;
  readonly #begun = new Set<number>();
  readonly #put = new Set<number>();
  readonly #seen = new Set<number>();

  async put(put: (item: number) => Promise<unknown>): Promise<void> {
    const item = this.#next++;
    this.#begun.add(item);
    await put(item);
    this.#put.add(item);
  }

  see(item: number): void {
    assert(this.#begun.has(item), `item ${item} came from nowhere`);
    assert(!this.#seen.has(item), `item ${item} was seen twice`);
    this.#seen.add(item);
  }

  check(): void {
    const lost = [...this.#put].filter((item) => !this.#seen.has(item));
    assertEquals(lost, [], "items were lost");
    assert(this.#seen.size > 100, `only ${this.#seen.size} items went through`);
  }
}
