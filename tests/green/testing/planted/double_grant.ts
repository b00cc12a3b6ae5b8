import { assertEquals, AssertionError } from "@std/assert";
import { joinAll, Semaphore, sleep, spawn } from "@verdant/green";
import { WaitList } from "@verdant/green/hub";
import { type Planted, waitIn } from "./planted.ts";

interface Permits {
  acquire(): Promise<unknown>;
  release(): void;
}

/** A permit that is given to a waiter is still counted as free, until the waiter runs. */
class LoosePermit implements Permits {
  readonly #waiters = new WaitList("acquire", this);
  #free = 1;

  async acquire(): Promise<void> {
    if (this.#free === 0) await waitIn(this.#waiters);
    this.#free--;
  }

  release(): void {
    this.#free++;
    this.#waiters.shift()?.wake(true);
  }
}

async function oneAtATime(permits: Permits): Promise<void> {
  let inside = 0;
  const visitor = async (stay: number) => {
    await permits.acquire();
    assertEquals(++inside, 1, "inside at once");
    await sleep(stay);
    inside--;
    permits.release();
  };
  await joinAll([spawn(visitor, 0), spawn(visitor, 1), spawn(visitor, 1)], { raiseError: true });
}

/** What was handed to one can still be taken by another. */
export const doubleGrant: Planted = {
  name: "a double grant",
  broken: () => oneAtATime(new LoosePermit()),
  correct: () => oneAtATime(new Semaphore(1)),
  inject: [],
  fails: { type: AssertionError, message: "inside at once" },
  shrunk: { switches: 7, decisions: 1 },
};
