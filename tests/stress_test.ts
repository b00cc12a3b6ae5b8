/**
 * Thousands of kills and time-outs at random moments, seeded; at the end everything must add up. A failure
 * names the seed that shows it again.
 */
import { assert, assertEquals } from "@std/assert";
import {
  Channel,
  Condition,
  getCurrent,
  getHub,
  type Greenlet,
  nursery,
  Pool,
  Queue,
  recv,
  RLock,
  seededRandom,
  select,
  Semaphore,
  send,
  sleep,
  spawn,
  Timeout,
} from "@verdant/green";

/** `deno task stress` runs many more of them. */
const SEEDS = Array.from({ length: Number(Deno.env.get("GREEN_STRESS_SEEDS") ?? 3) }, (_, i) => i + 1);
const ROUNDS = 2_000;
const WORKERS = 8;

/** What one seeded run has at hand. */
interface World {
  /** A whole number from 0 to n - 1. */
  readonly below: (n: number) => number;
  /** Passes the token on between none and three times. */
  readonly pause: () => Promise<void>;
}

/** Makes a worker's step; each worker repeats its step until the run is over. */
type Step = (world: World) => Promise<unknown>;

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

function stress(name: string, prepare: () => { steps: Step[]; check: () => void | Promise<void> }): void {
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
class Ledger {
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

stress("Queue", () => {
  const queue = new Queue<number>(2);
  const ledger = new Ledger();
  return {
    steps: [
      () => ledger.put((item) => queue.put(item)),
      async () => ledger.see(await queue.get()),
    ],
    check() {
      while (!queue.empty) ledger.see(queue.getNowait());
      ledger.check();
      assertEquals([queue.getters.size, queue.putters.size], [0, 0]);
    },
  };
});

stress("Channel", () => {
  const channel = new Channel<number>();
  const ledger = new Ledger();
  return {
    steps: [
      () => ledger.put((item) => channel.put(item)),
      async () => ledger.see(await channel.get()),
    ],
    check() {
      ledger.check();
      assertEquals([channel.getters.size, channel.putters.size], [0, 0]);
    },
  };
});

stress("select()", () => {
  const inbox = new Queue<number>(1);
  const line = new Channel<number>();
  const ledger = new Ledger();
  return {
    steps: [
      () => ledger.put((item) => inbox.put(item)),
      // Whichever case came true: the item of a send that lost was not sent.
      async () => {
        let received: number | undefined;
        await ledger.put(async (item) => {
          const { index, value } = await select([send(line, item), recv(inbox)]);
          if (index === 1) received = value as number;
          if (index === 1) ledger.see(item); // it stays with us
        });
        if (received !== undefined) ledger.see(received);
      },
      async () => {
        const { value } = await select([recv(line), recv(inbox)]);
        ledger.see(value);
      },
    ],
    check() {
      while (!inbox.empty) ledger.see(inbox.getNowait());
      ledger.check();
      assertEquals([inbox.getters.size, inbox.putters.size, line.getters.size, line.putters.size], [
        0,
        0,
        0,
        0,
      ]);
    },
  };
});

stress("Semaphore", () => {
  const semaphore = new Semaphore(3);
  let holders = 0;
  let uses = 0;
  return {
    steps: [async ({ pause }) => {
      using _lease = await semaphore.lease();
      assert(++holders <= 3, "too many holders");
      uses++;
      try {
        await pause();
      } finally {
        holders--;
      }
    }],
    check() {
      assertEquals([semaphore.counter, holders], [3, 0]);
      assert(uses > 100);
    },
  };
});

stress("RLock", () => {
  const lock = new RLock();
  let holders = 0;
  let uses = 0;
  return {
    steps: [({ pause }) =>
      lock.with(async () => {
        assertEquals(++holders, 1);
        uses++;
        try {
          await pause();
          await lock.with(pause);
        } finally {
          holders--;
        }
      })],
    check() {
      assertEquals([lock.locked, holders], [false, 0]);
      assert(uses > 100);
    },
  };
});

stress("Condition", () => {
  const condition = new Condition();
  const items: number[] = [];
  const ledger = new Ledger();
  let inside = 0;
  const exclusive = (fn: () => unknown) => {
    assertEquals([++inside, condition.lock.owned], [1, true]);
    fn();
    inside--;
  };
  return {
    steps: [
      () =>
        ledger.put((item) =>
          condition.with(() =>
            exclusive(() => {
              items.push(item);
              condition.notify();
            })
          )
        ),
      () =>
        condition.with(async () => {
          while (items.length === 0) await condition.wait();
          exclusive(() => ledger.see(items.shift()!));
        }),
    ],
    check() {
      for (const item of items) ledger.see(item);
      ledger.check();
      assertEquals([condition.lock.locked, inside], [false, 0]);
    },
  };
});

stress("Pool", () => {
  const pool = new Pool(3);
  let running = 0;
  let begun = 0;
  let cleaned = 0;
  const task = async (pause: () => Promise<void>) => {
    begun++;
    assert(++running <= 3, "too many at once");
    try {
      await pause();
    } finally {
      try {
        await sleep();
      } finally {
        running--;
        cleaned++;
      }
    }
  };
  return {
    steps: [
      ({ pause }) => pool.spawn(task, pause),
      ({ pause }) => pool.apply(task, [pause]),
      ({ pause }) => pool.map(() => task(pause), [1, 2, 3]),
      async ({ pause, below }) => {
        let left = below(4);
        for await (const _ of pool.imapUnordered(() => task(pause), [1, 2, 3, 4, 5], { maxSize: 2 })) {
          if (left-- === 0) break;
        }
      },
      async ({ below }) => {
        const members = [...pool];
        const victim = members[below(members.length)];
        if (victim !== undefined) await pool.killOne(victim);
      },
    ],
    async check() {
      await pool.join();
      assertEquals([pool.size, pool.freeCount, running, cleaned], [0, 3, 0, begun]);
      assert(begun > 100);
    },
  };
});

stress("nursery()", () => {
  let begun = 0;
  let cleaned = 0;
  const child = async (pause: () => Promise<void>) => {
    begun++;
    try {
      await pause();
    } finally {
      cleaned++;
    }
  };
  return {
    steps: [({ pause, below }) =>
      nursery(async (n) => {
        const before = begun - cleaned;
        for (let i = below(4); i > 0; i--) n.spawn(child, pause);
        await pause();
        assert(begun - cleaned >= 0 && before >= 0);
      })],
    check() {
      assertEquals(cleaned, begun);
      assert(begun > 100);
    },
  };
});
