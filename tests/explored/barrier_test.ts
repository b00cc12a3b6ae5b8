import { assert, assertEquals } from "@std/assert";
import { Barrier, BrokenBarrierError, sleep } from "@verdant/green";
import { alive, type Body, crew, ended, exploreTest, LIMIT, start } from "./explored.ts";

/** What came of the calls of `wait()`. */
class Tally {
  /** How often each number was given. */
  readonly passed: number[];
  broken = 0;

  constructor(parties: number) {
    this.passed = Array(parties).fill(0);
  }

  /** Waits; says whether the barrier was passed. `absent` is called if a fault strikes before it has arrived. */
  async wait(barrier: Barrier, limit?: number, absent: () => void = () => {}): Promise<boolean> {
    const before = barrier.waiting;
    const waiting = barrier.wait({ timeout: limit });
    const arrived = barrier.waiting > before;
    try {
      this.passed[await waiting]!++;
      return true;
    } catch (error) {
      if (error instanceof BrokenBarrierError) this.broken++;
      else if (!arrived) absent();
      if (!(error instanceof BrokenBarrierError)) throw error;
      return false;
    }
  }

  /** Every time all have passed, each with a number of its own. */
  check(times: number): void {
    assertEquals(this.passed, this.passed.map(() => times));
  }
}

/** Round after round all pass, until one is struck: then nobody does any more. */
function together(parties: number, rounds: number, pauses = true): Body {
  return async () => {
    let actions = 0;
    const barrier = new Barrier(parties, { action: () => actions++ });
    const tallies = Array.from({ length: rounds }, () => new Tally(parties));
    const struck = await crew(parties, async function party() {
      for (const [round, tally] of tallies.entries()) {
        if (pauses) {
          await sleep().catch((error) => {
            barrier.abort();
            throw error;
          });
        }
        if (!await tally.wait(barrier, LIMIT, () => barrier.abort())) return;
        assert(actions > round, "It was passed before its action");
      }
    });
    for (const [round, tally] of tallies.entries()) tally.check(round < actions ? 1 : 0);
    assert(barrier.waiting === 0);
    if (actions === rounds) assert(tallies.every(({ broken }) => broken === 0));
    else assert(barrier.broken && struck + tallies[actions]!.broken > 0);
  };
}

exploreTest("Barrier.wait() lets all of a round pass or none", together(3, 3), {
  every: together(3, 3, false),
});

/** More come than pass at a time, and whoever finds it broken mends it. */
function mended(parties: number, workers: number, rounds: number): Body {
  return async (world) => {
    let actions = 0;
    const barrier = new Barrier(parties, { action: () => actions++ });
    const tally = new Tally(parties);
    const working = start(workers, async function worker() {
      for (let round = 0; round < rounds; round++) {
        if (!await tally.wait(barrier, LIMIT) && barrier.broken) barrier.reset();
        await sleep();
      }
    });
    for (;;) {
      await world.settle();
      assertEquals(barrier.waiting, alive(working), "Somebody waits for something else");
      if (barrier.waiting === 0) break;
      assert(barrier.waiting < parties, "Enough are there, and do not pass");
      barrier.abort();
    }
    await ended(working);
    tally.check(actions);
  };
}

exploreTest("Barrier.reset() starts anew, whoever comes or goes meanwhile", mended(2, 4, 3), {
  every: mended(2, 3, 1),
  preemptions: 1,
});

/** Whether a wait ended because of a fault, not because another has broken the barrier. */
function wasStruckWith(error: unknown): boolean {
  return !(error instanceof BrokenBarrierError) || error.message.startsWith("Timed out");
}

/** Whoever is struck breaks what it waited for, not what the others have begun since. */
function stragglers(parties: number, workers: number, rounds: number): Body {
  return async (world) => {
    let generation = 0;
    const barrier = new Barrier(parties, { action: () => generation++ });
    const reset = () => {
      generation++;
      barrier.reset();
      assertEquals([barrier.waiting, barrier.broken], [0, false]);
    };
    const working = start(workers, async function worker() {
      for (let round = 0; round < rounds; round++) {
        const before = generation;
        try {
          await barrier.wait({ timeout: LIMIT });
        } catch (error) {
          if (wasStruckWith(error) && generation > before) assert(!barrier.broken, "It broke a later round");
          if (!(error instanceof BrokenBarrierError)) throw error;
          if (barrier.broken) reset();
        }
      }
    });
    for (let i = 0; i < rounds; i++) {
      await sleep();
      reset();
    }
    for (; alive(working) > 0; reset()) await world.settle();
    await ended(working);
  };
}

exploreTest("Barrier.wait() that is struck breaks no later round", stragglers(2, 4, 3), {
  every: stragglers(2, 3, 1),
  faults: 1,
});

/** Nobody stays behind when it is broken, and nobody passes any more. */
function aborted(parties: number, workers: number, rounds: number): Body {
  return async () => {
    let actions = 0;
    const barrier = new Barrier(parties, { action: () => actions++ });
    const tally = new Tally(parties);
    const working = start(workers, async function worker() {
      for (let round = 0; round < rounds; round++) {
        const whole = !barrier.broken;
        if (await tally.wait(barrier)) assert(whole, "A broken barrier was passed");
        else assert(barrier.broken);
      }
    });
    for (let i = 0; i < rounds; i++) await sleep();
    barrier.abort();
    assertEquals(barrier.waiting, 0);
    const passed = actions;
    await ended(working);
    tally.check(passed);
    assert(barrier.broken && barrier.waiting === 0);
  };
}

exploreTest("Barrier.abort() wakes all who wait, and stops all who come", aborted(3, 5, 3), {
  every: aborted(2, 4, 1),
});
