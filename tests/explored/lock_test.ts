import { assert, assertEquals } from "@std/assert";
import { getCurrent, type Greenlet, Lock, type OwnedLock, RLock, sleep } from "@verdant/green";
import { type Body, crew, exploreTest, FAULTS, LIMIT } from "./explored.ts";
import { contention, type Guard, type Scene } from "./guard.ts";

/** Whoever is inside is its holder, and nobody is at the end. */
function heldByOne(Kind: new () => OwnedLock, scene: Scene): Body {
  const check = (guard: Guard) => {
    const lock = guard as OwnedLock;
    assert(lock.owned && lock.holder === getCurrent(), "It is held by another than the one inside");
  };
  return contention(() => new Kind(), { ...scene, check });
}

for (const Kind of [Lock, RLock]) {
  exploreTest(
    `${Kind.name} lets one in at a time, in the order in which they came`,
    heldByOne(Kind, { workers: 4, rounds: 4 }),
    { every: heldByOne(Kind, { workers: 3, rounds: 2, stay: () => {} }) },
  );
}

/** Others get in only once it was released as often as it was acquired. */
function depthCounted(
  workers: number,
  rounds: number,
  depth: number,
  stay: () => Promise<void> | void,
): Body {
  return async () => {
    const lock = new RLock();
    let inside: Greenlet | undefined;
    let late = 0;
    const nest = async (left: number): Promise<void> => {
      const outer = left < depth ? getCurrent() : undefined;
      if (!await lock.acquire({ timeout: LIMIT })) return void late++;
      assert(inside === outer, "Another has got in");
      inside = getCurrent();
      try {
        if (left > 1) await nest(left - 1);
        else await stay();
      } finally {
        assert(lock.owned && inside === getCurrent(), "It was released too early");
        inside = outer;
        lock.release();
        assertEquals(lock.owned, outer !== undefined);
      }
    };
    const struck = await crew(workers, async function worker() {
      for (let round = 0; round < rounds; round++) await nest(depth);
    });
    assert(struck + late <= FAULTS, `${struck} were struck, ${late} came too late`);
    assert(!lock.locked, "Nobody is inside, and it is not free");
  };
}

exploreTest("RLock.release() lets others in after as many calls as acquire()", depthCounted(3, 2, 3, sleep), {
  every: depthCounted(2, 1, 3, () => {}),
});

/** Moves between two accounts take both locks; what is on both is the same at any moment. */
function transfers(workers: number, rounds: number): Body {
  return async () => {
    const locks = [new Lock(), new RLock()] as const;
    const balances = [10, 10] as [number, number];
    await crew(workers, async function transfer(index) {
      const amount = index + 1;
      for (let round = 0; round < rounds; round++) {
        await locks[0].with(async () => {
          const from = balances[0];
          await sleep();
          using _second = await locks[1].lease();
          const to = balances[1];
          await sleep();
          assertEquals(from + to, 20);
          balances[0] = from - amount;
          balances[1] = to + amount;
        });
      }
    });
    assertEquals(balances[0] + balances[1], 20);
    assert(locks.every(({ locked }) => !locked));
  };
}

exploreTest("Lock and RLock held together make a transfer atomic", transfers(3, 2), {
  every: transfers(2, 1),
});
