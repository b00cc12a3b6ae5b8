import { assert, assertEquals } from "@std/assert";
import { BoundedSemaphore, Event, getCurrent, type Greenlet, Semaphore, sleep } from "@verdant/green";
import {
  alive,
  type Body,
  crew,
  ended,
  exploreTest,
  FAULTS,
  inTime,
  LIMIT,
  Link,
  start,
} from "./explored.ts";
import { contention, type Guard, type Scene, WAYS_IN } from "./guard.ts";

type MakeSemaphore = new (permits: number) => Semaphore;

/** All permits are free again at the end, and no more than there were. */
function permitsKept(Kind: MakeSemaphore, scene: Scene): Body {
  const { places = 1 } = scene;
  const check = (guard: Guard) => assert((guard as Semaphore).counter < places);
  const compete = contention(() => new Kind(places), { ...scene, check });
  return async (world) => {
    const semaphore = await compete(world) as Semaphore;
    assertEquals(semaphore.counter, places);
  };
}

for (const Kind of [Semaphore, BoundedSemaphore]) {
  const brief = { workers: 3, rounds: Kind === Semaphore ? 3 : 2, stay: () => {} };
  exploreTest(
    `${Kind.name} with one permit lets one in at a time, in the order in which they came`,
    permitsKept(Kind, { workers: 4, rounds: 4 }),
    { every: permitsKept(Kind, brief), preemptions: 1 },
  );
  exploreTest(
    `${Kind.name} with two permits lets two in at a time, and loses none`,
    permitsKept(Kind, { places: 2, workers: 4, rounds: 3 }),
    { every: permitsKept(Kind, { ...brief, places: 2, rounds: 2 }) },
  );
}

/** Who looks on sees that free and held permits are as many as ever, and that nobody waits for a free one. */
function permitsAccounted(permits: number, workers: number, rounds: number): Body {
  return async (world) => {
    const semaphore = new Semaphore(permits);
    let held = 0;
    const hold = async () => {
      held++;
      try {
        await sleep(1);
      } finally {
        held--;
      }
    };
    const greenlets = start(workers, async function worker(index) {
      for (let round = 0; round < rounds; round++) {
        await inTime(() => WAYS_IN[(index + round) % WAYS_IN.length]!(semaphore, hold));
      }
    });
    while (alive(greenlets) > 0) {
      await world.advance(1);
      assertEquals(semaphore.counter + held, permits);
      assert(alive(greenlets) === held || semaphore.locked, "Somebody waits although a permit is free");
    }
    await ended(greenlets);
  };
}

exploreTest(
  "Semaphore has as many permits, free and held, as ever, and nobody waits for a free one",
  permitsAccounted(2, 4, 3),
  { every: permitsAccounted(1, 2, 2) },
);

/** What is released by others than those who acquire. */
function signals(takers: number, rounds: number): Body {
  return async () => {
    const semaphore = new Semaphore(0);
    let taken = 0;
    let given = 0;
    const greenlets = start(takers, async function taker() {
      for (let round = 0; round < rounds; round++) {
        if (await semaphore.acquire({ timeout: LIMIT })) taken++;
        assert(taken + semaphore.counter <= given, "Somebody got in without a permit");
      }
    });
    while (given < takers * rounds) {
      given++;
      semaphore.release();
      await sleep();
    }
    await ended(greenlets);
    assertEquals(semaphore.counter, given - taken);
  };
}

exploreTest("Semaphore.release() gives one permit to one taker, or keeps it", signals(4, 3), {
  every: signals(2, 2),
});

/** Those who only look take nothing and are not forgotten. */
function watching(takers: number, watchers: number, rounds: number): Body {
  return async (world) => {
    const semaphore = new Semaphore(1);
    const links: Link[] = [];
    let late = 0;
    const take = async () => {
      for (let round = 0; round < rounds; round++) {
        if (!await inTime(() => semaphore.with(() => sleep()))) late++;
      }
    };
    const watch = async () => {
      for (let round = 0; round < rounds; round++) {
        const link = new Link(semaphore);
        links.push(link);
        const free = await semaphore.wait({ timeout: LIMIT });
        assert(free === 0 || free === 1, `${free} permits are free`);
        if (round % 2 === 1) link.cancel();
      }
    };
    const struck = await crew(takers + watchers, (index) => index < takers ? take() : watch());
    await world.settle();
    assertEquals(semaphore.counter, 1);
    assert(struck + late <= FAULTS, `${struck} were struck, ${late} came too late`);
    for (const link of links) link.check();
  };
}

exploreTest("Semaphore.wait() and rawlink() take no permit and are not forgotten", watching(2, 2, 3), {
  every: watching(1, 2, 1),
  preemptions: 1,
});

/** Whose signal is aborted gets in before or not at all. */
function aborted(workers: number, rounds: number): Body {
  return async () => {
    const semaphore = new Semaphore(1);
    const controllers = Array.from({ length: workers }, () => new AbortController());
    let inside = 0;
    const greenlets = start(workers, async function worker(index) {
      const { signal } = controllers[index]!;
      for (let round = 0; round < rounds; round++) {
        try {
          if (!await semaphore.acquire({ timeout: LIMIT, signal })) continue;
        } catch (error) {
          if (error === signal.reason) return;
          throw error;
        }
        assertEquals(++inside, 1);
        try {
          await sleep();
        } finally {
          inside--;
          semaphore.release();
        }
      }
    });
    for (const controller of controllers) {
      await sleep();
      controller.abort(new Error("aborted"));
    }
    await ended(greenlets);
    assertEquals(semaphore.counter, 1);
  };
}

exploreTest("Semaphore.acquire() that is aborted takes no permit", aborted(3, 3), {
  every: aborted(2, 1),
  preemptions: 1,
});

/** Waits for two things at once: a fault ends both waits, but takes away nothing that was granted. */
async function twoAtOnce() {
  const semaphore = new Semaphore(1);
  const stop = new Event();
  const struckBefore = new Set<Greenlet>();
  const working = start(3, async function worker() {
    const [permit, stopped] = await Promise.allSettled([semaphore.acquire(), stop.wait()]);
    if (permit.status === "fulfilled") semaphore.release();
    assert(stopped.status === "rejected" || !struckBefore.has(getCurrent()!), "One of two waits went on");
  });
  for (let i = 0; i < 3; i++) await sleep();
  for (const greenlet of working) if (greenlet.kills > 0) struckBefore.add(greenlet);
  stop.set();
  await ended(working);
  assertEquals(semaphore.counter, 1);
}

exploreTest("Semaphore.acquire() beside another wait keeps what was granted if both are struck", twoAtOnce, {
  slowness: 10,
});
