/** What semaphores and locks have in common: ways to get in and out, and a crowd that wants to. */
import { assert } from "@std/assert";
import { type OwnedLock, type Semaphore, sleep, type World } from "@verdant/green";
import { crew, FAULTS, inTime, LIMIT, Tickets } from "./explored.ts";

/** What lets in so many at a time. */
export type Guard = Semaphore | OwnedLock;

/** Ways to get in and out again. `use` is called inside; returns whether it was. */
export const WAYS_IN: readonly ((guard: Guard, use: () => Promise<unknown>) => Promise<boolean>)[] = [
  async function acquire(guard, use) {
    if (!await guard.acquire({ timeout: LIMIT })) return false;
    try {
      await use();
    } finally {
      guard.release();
    }
    return true;
  },
  async function lease(guard, use) {
    using _lease = await guard.lease({ timeout: LIMIT });
    await use();
    return true;
  },
  async function within(guard, use) {
    await guard.with(use);
    return true;
  },
  async function tryAcquire(guard, use) {
    if (guard.tryAcquire()) {
      try {
        await use();
      } finally {
        guard.release();
      }
    } else {
      await sleep();
    }
    return true;
  },
];

/** Who wants to get in, and what happens inside. */
export interface Scene {
  readonly places?: number;
  readonly workers: number;
  /** How often each wants to get in. */
  readonly rounds: number;
  /** How they stay inside. */
  readonly stay?: () => Promise<unknown> | void;
  /** Called inside. */
  readonly check?: (guard: Guard) => void;
}

/** Greenlets that go in and out of a guard, each time in another way. */
export function contention(
  makeGuard: () => Guard,
  { places = 1, workers, rounds, stay = sleep, check = () => {} }: Scene,
): (world: World) => Promise<Guard> {
  return async () => {
    const guard = makeGuard();
    const tickets = new Tickets();
    let inside = 0;
    let late = 0;
    const use = async (ticket: number) => {
      assert(++inside <= places, `${inside} are inside`);
      if (places === 1) tickets.serve(ticket); // several at once may resume in any order
      try {
        check(guard);
        await stay();
      } finally {
        inside--;
      }
    };
    const struck = await crew(workers, async function worker(index) {
      for (let round = 0; round < rounds; round++) {
        const ticket = tickets.draw();
        if (!await inTime(() => WAYS_IN[(index + round) % WAYS_IN.length]!(guard, () => use(ticket)))) late++;
      }
    });
    assert(struck + late <= FAULTS, `${struck} were struck, ${late} came too late`);
    assert(!guard.locked && inside === 0, "Nobody is inside, and it is not free");
    return guard;
  };
}
