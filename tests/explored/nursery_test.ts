/** Nurseries under many schedules, while their hosts and children are killed and timed out. */
import { assert, assertEquals } from "@std/assert";
import {
  type Greenlet,
  GreenletExit,
  joinAll,
  type Nursery,
  nursery,
  type NurseryOptions,
  sleep,
  spawn,
  Timeout,
  type World,
} from "@verdant/green";
import { allowPlanned, type Body, endure, exploreTest, isInterruption, Planned, Works } from "./explored.ts";

/** All that an error is made of. */
function parts(error: unknown): unknown[] {
  return error instanceof AggregateError ? error.errors.flatMap(parts) : [error];
}

/** Somebody who kills one of the children, if there are any yet. */
function killer(children: Greenlet[], index: number): Greenlet {
  return spawn(async () => {
    await sleep();
    await sleep();
    await children[index]?.kill();
  });
}

/** A nursery whose children work; some spawn others. Whatever happens, it leaves nobody behind. */
function noneOutlives(host: (open: (n: Nursery) => unknown) => Promise<unknown>): Body {
  return async () => {
    const children: Greenlet[] = [];
    const works = new Works();
    let opened: Nursery | undefined;
    const family = async () => {
      await endure(() =>
        host(async (n) => {
          opened = n;
          children.push(n.spawn(() => works.run(() => void children.push(n.spawn(() => works.run())))));
          children.push(n.spawn(() => works.run()));
          await sleep();
          await sleep(1);
        })
      );
      assert(children.every(({ dead }) => dead));
      works.assertOver();
      assertEquals(opened?.size ?? 0, 0);
    };
    await joinAll([spawn(family), killer(children, 0), killer(children, 1)]);
  };
}

exploreTest("nursery() never leaves before its children have ended", noneOutlives((open) => nursery(open)), {
  every: () => oneChildEach({}),
});

exploreTest(
  "nursery() with a deadline never leaves before its children have ended",
  noneOutlives((open) => nursery(open, { deadline: 1 })),
  { every: () => oneChildEach({ deadline: 1 }) },
);

exploreTest(
  "nursery() in a nursery never leaves before the children of both have ended",
  noneOutlives((open) =>
    nursery(async (outer) => {
      const works = new Works();
      await endure(() =>
        nursery((inner) => {
          outer.spawn(() => works.run());
          inner.spawn(() => works.run());
          return open(inner);
        }, { deadline: 2 })
      );
      await outer.join();
      works.assertOver();
    })
  ),
);

/** Two nurseries with a child each. */
async function oneChildEach(options: NurseryOptions) {
  const family = async () => {
    let running = 0;
    await endure(() =>
      nursery((n) => {
        n.spawn(async () => {
          running++;
          try {
            await sleep(2);
          } finally {
            await endure(() => sleep(1));
            running--;
          }
        });
      }, options)
    );
    assertEquals(running, 0);
  };
  await joinAll([spawn(family), spawn(family)]);
}

/** Errors thrown on purpose, all of which a nursery has to pass on. */
class Failures {
  readonly #thrown: unknown[] = [];

  fail(name: string): never {
    const error = new Planned(name);
    this.#thrown.push(error);
    throw error;
  }

  /** What a nursery threw: all of them and nothing else but interruptions, the body's first. */
  check(error: unknown): void {
    const seen = parts(error);
    assert(this.#thrown.every((each) => seen.includes(each)), "an error was lost");
    assert(seen.every((each) => this.#thrown.includes(each) || isInterruption(each)), String(error));
    assertEquals(new Set(seen).size, seen.length);
    assert(seen.findIndex((each) => (each as Error).message === "the body") <= 0);
  }
}

/** Children that fail, others that wait for ever, and a body that does one or the other. */
function failing(bodyFails: boolean, failers: number, waiters: number): Body {
  return async (world) => {
    allowPlanned(world);
    const failures = new Failures();
    const fail = async (name: string) => {
      await sleep();
      await sleep(1);
      failures.fail(name);
    };
    const host = async () => {
      const waiting: Greenlet[] = [];
      const error = await nursery(async (n) => {
        for (let i = 0; i < waiters; i++) {
          waiting.push(n.spawn(() => nursery((m) => void m.spawn(sleep, Infinity))));
        }
        for (let i = 0; i < failers; i++) n.spawn(fail, `child ${i}`);
        await sleep();
        if (bodyFails) await fail("the body");
        await sleep(Infinity);
      }).catch((error) => error);
      failures.check(error);
      assert(waiting.every(({ dead, value }) => dead && value instanceof GreenletExit));
    };
    await spawn(host).join();
  };
}

exploreTest("nursery() throws all errors, and the first of them cancels the others", failing(false, 2, 2));
exploreTest("nursery() throws the error of its body first", failing(true, 2, 2), {
  every: failing(true, 1, 0),
});

exploreTest("nursery() without errors returns what its body returns", async () => {
  const works = new Works();
  const host = async (i: number) => {
    let result: number | undefined;
    const done = await endure(async () => {
      result = await nursery(async (n) => {
        const first = n.spawn(() => works.run(() => i));
        n.spawn(() => works.run());
        return await first.get();
      });
    });
    if (done) assertEquals(result, i);
  };
  await joinAll([spawn(host, 1), spawn(host, 2)]);
  works.assertOver();
});

exploreTest(
  "Nursery.spawn() in a nursery that is cancelled begins nothing, after its end it throws",
  async (world) => {
    allowPlanned(world);
    let opened: Nursery | undefined;
    let begun = false;
    let cancelled = false;
    const host = spawn(async () => {
      const error = await nursery(async (n) => {
        opened = n;
        n.spawn(async () => {
          try {
            await sleep(Infinity);
          } finally {
            await sleep();
            n.spawn(() => void (begun = true));
          }
        });
        n.spawn(async () => {
          await sleep();
          cancelled = true;
          throw new Planned("no");
        });
        await sleep(Infinity);
      }).catch((error) => error);
      assert(parts(error).every((part) => part instanceof Planned || isInterruption(part)));
      assert(!begun);
      try {
        opened?.spawn(() => void (begun = true));
        assertEquals(opened, undefined);
      } catch (refusal) {
        assert((refusal as Error).message.includes("has ended"));
      }
      await endure(() => sleep(1));
      assert(!begun);
    });
    const other = spawn(async () => {
      for (let i = 0; i < 3; i++) await sleep();
      let late = false;
      if (opened === undefined || !cancelled || host.dead || opened.size === 0) return;
      const child = opened.spawn(() => void (late = true));
      await child.join();
      assert(!late);
    });
    await joinAll([host, other]);
  },
);

exploreTest("nursery() whose deadline passes throws it, unless it was killed before", async (world) => {
  const works = new Works();
  const host = async (deadline: number) => {
    const limit = new Timeout(deadline);
    const begin = world.now;
    const error = await nursery(async (n) => {
      n.spawn(() => works.run(() => sleep(Infinity)));
      await sleep();
      n.spawn(() => works.run(() => sleep(Infinity)));
    }, { deadline: limit }).catch((error) => error);
    const seen = parts(error);
    assert(seen.every(isInterruption));
    assert(world.now <= begin + deadline);
    assert(seen.includes(limit) || seen.some((part) => part instanceof GreenletExit), String(error));
    assert(!limit.pending);
    works.assertOver();
  };
  await spawn(host, 2).join();
});

/** The only child fails while the body comes to its end: perhaps the cancellation finds no wait to end. */
async function cancelledAtTheEnd(world: World, hosts: number) {
  allowPlanned(world);
  const host = async () => {
    let fails = false;
    const error = await nursery(async (n) => {
      n.spawn(async () => {
        await sleep();
        fails = true;
        throw new Planned("no");
      });
      await sleep();
    }).catch((error) => error);
    const seen = parts(error);
    if (fails) assert(seen.some((part) => part instanceof Planned));
    assert(seen.every((part) => part instanceof Planned || isInterruption(part)));
    const late = await sleep(1).catch((error) => error);
    assert(!/was cancelled/.test(late?.message), "the cancellation came after the end");
  };
  await joinAll(Array.from({ length: hosts }, () => spawn(host)));
}

exploreTest("nursery() leaves no cancellation behind", (world) => cancelledAtTheEnd(world, 2), {
  every: (world) => cancelledAtTheEnd(world, 1),
});
