import { assert, AssertionError } from "@std/assert";
import { joinAll, Lock, sleep, spawn } from "@verdant/green";
import { WaitList } from "@verdant/green/hub";
import { type Planted, waitIn } from "./planted.ts";

/** How often those who came later may be served first. */
const BOUND = 2;
/** More than enough to break the bound. */
const ROUNDS = 4;

interface Mutex {
  acquire(): Promise<unknown>;
  release(): void;
}

/** Wakes the first in the line, but takes whoever runs first; who comes too late goes to the end of the line. */
class BargingLock implements Mutex {
  readonly #waiters = new WaitList("acquire", this);
  #held = false;

  async acquire(): Promise<void> {
    while (this.#held) await waitIn(this.#waiters);
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    this.#waiters.shift()?.wake(true);
  }
}

/** Counts how often those who wait are overtaken. */
class Watched {
  readonly #waiting: { overtaken: number }[] = [];
  readonly #lock: Mutex;

  constructor(lock: Mutex) {
    this.#lock = lock;
  }

  async acquire(): Promise<void> {
    const self = { overtaken: 0 };
    this.#waiting.push(self);
    await this.#lock.acquire();
    const place = this.#waiting.indexOf(self);
    this.#waiting.splice(place, 1);
    for (const earlier of this.#waiting.slice(0, place)) {
      assert(++earlier.overtaken <= BOUND, `overtaken ${earlier.overtaken} times`);
    }
  }

  release(): void {
    this.#lock.release();
  }
}

async function nobodyStarves(lock: Mutex): Promise<void> {
  const watched = new Watched(lock);
  const regular = async () => {
    for (let round = 0; round < ROUNDS; round++) {
      await watched.acquire();
      await sleep();
      watched.release();
      await sleep();
    }
  };
  const patient = async () => {
    await watched.acquire();
    watched.release();
  };
  await joinAll([spawn(regular), spawn(regular), spawn(patient)], { raiseError: true });
}

/** One waits for ever while the others help themselves. */
export const starvation: Planted = {
  name: "starvation",
  broken: () => nobodyStarves(new BargingLock()),
  correct: () => nobodyStarves(new Lock()),
  inject: [],
  fails: { type: AssertionError, message: `overtaken ${BOUND + 1} times` },
  shrunk: { switches: 19, decisions: 10 },
};
