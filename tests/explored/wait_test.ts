/** joinAll(), wait(), iwait(), and the ways to wait for one greenlet, under many schedules. */
import { assert, assertEquals } from "@std/assert";
import {
  AsyncResult,
  Event,
  type Greenlet,
  iwait,
  joinAll,
  type JoinAllOptions,
  sleep,
  spawn,
  wait,
  type Waitable,
} from "@verdant/green";
import { allowPlanned, type Body, endure, exploreTest, isInterruption, Planned } from "./explored.ts";

/** Greenlets that end at any time, and the order in which they do. */
class Race {
  readonly ended: Greenlet[] = [];
  readonly runners: Greenlet[];

  constructor(times: readonly number[], fails: (index: number) => boolean = () => false) {
    this.runners = times.map((ms, index) => spawn(() => this.#run(ms, index, fails(index))));
  }

  async #run(ms: number, index: number, fails: boolean): Promise<number> {
    try {
      await sleep(ms);
      await sleep();
      if (fails) throw new Planned(`runner ${index}`);
      return index;
    } finally {
      this.ended.push(this.runners[index]!);
    }
  }

  /** Waits for the end of all, and nobody watches them any more. */
  async over(): Promise<void> {
    await joinAll(this.runners);
    for (const { links } of this.runners) assertEquals(links?.size ?? 0, 0);
  }
}

/** Those who ended while somebody waited come in the order of their ends, those who had before them. */
function assertOrder(result: readonly Greenlet[], before: readonly Greenlet[], race: Race): void {
  const early = result.filter((greenlet) => before.includes(greenlet));
  assert(early.every((greenlet, i) => greenlet === result[i]));
  const late = result.slice(early.length);
  const ends = late.map((greenlet) => race.ended.indexOf(greenlet));
  assert(ends.every((end, i) => end >= 0 && (i === 0 || end > ends[i - 1]!)));
}

/** Several who join the same greenlets: all of them, some of them, with a limit. */
function joining(times: number[], joins: JoinAllOptions[]): Body {
  return async () => {
    const race = new Race(times);
    const joiner = async (options: JoinAllOptions) => {
      const before = race.runners.filter(({ dead }) => dead);
      const wanted = Math.min(options.count ?? Infinity, times.length);
      const result = await joinAll(race.runners, options);
      assert(result.every(({ dead }) => dead));
      assertEquals(new Set(result).size, result.length);
      assert(result.length <= wanted);
      if (options.timeout === undefined) assertEquals(result.length, wanted);
      assertOrder(result, before, race);
    };
    await joinAll(joins.map((options) => spawn(joiner, options)));
    await race.over();
  };
}

exploreTest(
  "joinAll() returns those that have ended, in the order of their ends",
  joining([1, 0, 2], [{}, { count: 1 }, { count: 2, timeout: 1 }, { timeout: 2 }]),
  { every: joining([1, 1], [{}, { count: 1 }]), preemptions: 1 },
);

/** Of several failures the one that came first is thrown, or the first of those that were there. */
async function firstFailure() {
  const race = new Race([1, 1, 0], (index) => index !== 1);
  const joiner = async () => {
    const before = race.runners.filter(({ dead }) => dead);
    try {
      await joinAll(race.runners, { raiseError: true });
      assert(race.runners.every(({ failed, dead }) => dead && !failed));
    } catch (error) {
      const culprit = race.runners.find((runner) => runner.error === error);
      if (culprit === undefined) assert(isInterruption(error), String(error));
      else {
        const failures = before.some(({ failed }) => failed) ? before : race.ended;
        assert(culprit === failures.find(({ failed }) => failed));
      }
    }
  };
  await joinAll([spawn(joiner), spawn(joiner)]);
  await race.over();
}

exploreTest("joinAll() with raiseError throws the first error, and the others run on", (world) => {
  allowPlanned(world);
  return firstFailure();
});

/** An event, a result and a greenlet that become ready in some order. */
class Objects {
  readonly event: Event = new Event();
  readonly result: AsyncResult<string> = new AsyncResult();
  readonly greenlet: Greenlet = spawn(async () => {
    await endure(() => sleep());
    await endure(() => sleep(1));
  });
  readonly all: Waitable[] = [this.event, this.greenlet, this.result];
  readonly makers: Greenlet[] = [
    spawn(async () => {
      await endure(() => sleep());
      this.event.set();
    }),
    spawn(async () => {
      await endure(() => sleep(1));
      this.result.set("ready");
    }),
  ];

  async over(): Promise<void> {
    await joinAll([...this.makers, this.greenlet]);
    assertEquals(this.greenlet.links?.size ?? 0, 0);
  }
}

/** One who waits for two things. */
async function waitingInShort() {
  const event = new Event();
  const greenlet = spawn(() => sleep(1));
  const setter = spawn(async () => {
    await endure(() => sleep());
    event.set();
  });
  const waiter = async () => {
    const ready = await wait([event, greenlet]);
    assert(event.isSet && greenlet.dead && ready.includes(event) && ready.includes(greenlet));
  };
  await joinAll([spawn(waiter), setter]);
  await greenlet.join();
}

exploreTest("wait() returns what is ready, each object once", async () => {
  const objects = new Objects();
  const waiter = async (options: { count?: number; timeout?: number }) => {
    const ready = await wait(objects.all, options);
    assert(ready.every((object) => object.ready));
    assertEquals(new Set(ready).size, ready.length);
    const wanted = options.count ?? 3;
    assert(ready.length <= wanted);
    if (options.timeout === undefined) assertEquals(ready.length, wanted);
  };
  await joinAll([spawn(waiter, {}), spawn(waiter, { count: 2 }), spawn(waiter, { timeout: 1 })]);
  await objects.over();
}, { every: waitingInShort });

/** Goes through the objects as they become ready, and perhaps leaves early. */
function iterating(wanted: number): Body {
  return async () => {
    const objects = new Objects();
    const iterate = async () => {
      const seen: Waitable[] = [];
      const done = await endure(async () => {
        for await (const object of iwait(objects.all)) {
          assert(object.ready && !seen.includes(object));
          seen.push(object);
          if (seen.length === wanted) break;
          await sleep();
        }
      });
      if (done) assertEquals(seen.length, wanted);
    };
    await joinAll([spawn(iterate), spawn(iterate)]);
    assertEquals(objects.greenlet.links?.size ?? 0, 0); // also if it has not ended
    await objects.over();
  };
}

exploreTest("iwait() yields every object once", iterating(3));
exploreTest("iwait() left early watches nothing any more", iterating(1));

exploreTest("iwait() asked by two at once gives each object to one of them", async () => {
  const objects = new Objects();
  const ready = iwait(objects.all);
  const seen: Waitable[] = [];
  const ask = () =>
    endure(async () => {
      for (;;) {
        const { done, value } = await ready.next();
        if (done) return;
        assert(value.ready && !seen.includes(value));
        seen.push(value);
      }
    });
  await joinAll([spawn(ask), spawn(ask)]);
  await objects.over();
});

/** All who wait for one greenlet learn the same. */
function oneEnd(fails: boolean): Body {
  return async (world) => {
    allowPlanned(world);
    const race = new Race([1], () => fails);
    const runner = race.runners[0]!;
    const learnt: unknown[] = [];
    const get = async (timeout?: number) => {
      try {
        learnt.push(await runner.get({ timeout }));
        assert(runner.successful);
      } catch (error) {
        if (runner.failed && error === runner.error) learnt.push(error);
        else if (!isInterruption(error)) throw error;
      }
    };
    const join = async (timeout?: number) => {
      if (await runner.join({ timeout })) assert(runner.dead);
      else assert(timeout !== undefined);
    };
    await joinAll([spawn(get), spawn(get, 1), spawn(join), spawn(join, 1)]);
    await race.over();
    assert(learnt.every((outcome) => outcome === runner.outcome));
    if (runner.error instanceof Planned) assertEquals(fails, true);
  };
}

exploreTest("Greenlet.get() and join() tell all the same end", oneEnd(false));
exploreTest("Greenlet.get() and join() tell all the same failure", oneEnd(true));

/** Links that are made at any time before or after the end, and some of which are removed. */
async function linked() {
  const log: string[] = [];
  const race = new Race([1]);
  const runner = race.runners[0]!;
  const note = (text: string) => () => void log.push(text);
  const removed = note("removed");
  let removedInTime = false;
  runner.link(note("a"));
  runner.link(removed);
  const disposed = runner.rawlink(note("disposed"));
  runner.linkValue(note("value"));
  runner.linkError(note("error"));
  runner.link(note("b"));
  const remover = spawn(async () => {
    await endure(() => sleep());
    removedInTime = !runner.dead;
    runner.unlink(removed);
    disposed[Symbol.dispose]();
  });
  const late = spawn(async () => {
    await endure(() => sleep(1));
    await endure(() => sleep());
    runner.link(note("late"));
    runner.rawlink(note("late raw"));
  });
  await joinAll([runner, remover, late]);
  await sleep(1);
  const count = (text: string) => log.filter((entry) => entry === text).length;
  for (const text of ["a", "b", "late", "late raw", runner.failed ? "error" : "value"]) {
    assertEquals(count(text), 1);
  }
  assertEquals(count(runner.failed ? "value" : "error"), 0);
  for (const text of ["removed", "disposed"]) assert(count(text) <= (removedInTime ? 0 : 1));
  assert(log.indexOf("a") < log.indexOf("b"), "links start in the order in which they were made");
  await race.over();
}

exploreTest("Greenlet.link() and its kin call back once, unless they are removed before the end", linked);

exploreTest("Greenlet.join() of several at once in one greenlet tells the end of each", async () => {
  const race = new Race([1, 1]);
  const [a, b] = race.runners as [Greenlet, Greenlet];
  const watcher = async () => {
    let told = 0;
    const join = async (greenlet: Greenlet) => {
      if (await greenlet.join({ timeout: 3 })) assert(greenlet.dead);
      told++;
    };
    const results = await Promise.allSettled([join(a), join(b), join(a)]);
    const interrupted = results.filter(({ status }) => status === "rejected");
    assertEquals(told + interrupted.length, 3);
    for (const result of results) assert(result.status === "fulfilled" || isInterruption(result.reason));
  };
  await joinAll([spawn(watcher), spawn(watcher)]);
  await race.over();
}, { slowness: 10 }); // between the ends nobody runs: the hub takes the token back in real turns
