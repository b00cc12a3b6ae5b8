/** Time-outs under many schedules: natural ones in virtual time, and injected ones at every wait. */
import { assert, assertEquals } from "@std/assert";
import {
  Event,
  GreenletExit,
  joinAll,
  shield,
  sleep,
  spawn,
  Timeout,
  withTimeout,
  type World,
} from "@verdant/green";
import { endure, exploreTest, isInterruption, Works } from "./explored.ts";

/** Calls `act` and returns what it threw; `undefined` if it did not. */
async function thrownBy(act: () => unknown): Promise<unknown> {
  try {
    await act();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** A wait in which no time-out may arrive, since none is pending, unless it is an injected one. */
async function undisturbed(timeouts: Timeout[], ms = 3): Promise<void> {
  const error = await thrownBy(() => sleep(ms));
  if (error === undefined) return;
  assert(!timeouts.includes(error as Timeout), "a time-out that is over was thrown");
  throw error;
}

/** Limited work, in two greenlets; some of it takes too long. */
async function limited(options: { value?: string }) {
  const work = (ms: number) => async () => {
    const works = new Works();
    const limit = new Timeout(3);
    let finished = false;
    const error = await thrownBy(async () => {
      const result = await withTimeout(limit, () =>
        works.run(async () => {
          await sleep(ms);
          finished = true;
          return "done";
        }), options);
      assert(result === "done" ? finished : result === options.value);
    });
    works.assertOver();
    assert(!limit.pending);
    assert(error === undefined || isInterruption(error));
    if (options.value !== undefined) assert(error !== limit);
    await endure(() => undisturbed([limit]));
    await endure(() => undisturbed([limit]));
  };
  await joinAll([spawn(work(1)), spawn(work(5))]);
}

async function limitedInShort() {
  const worker = async (ms: number) => {
    let running = 0;
    const limit = new Timeout(2);
    await endure(() =>
      withTimeout(limit, async () => {
        running++;
        try {
          await sleep();
          await sleep(ms);
        } finally {
          running--;
        }
      })
    );
    assertEquals([running, limit.pending], [0, false]);
    await endure(() => undisturbed([limit]));
  };
  await joinAll([spawn(worker, 1), spawn(worker, 2), spawn(worker, 3)]);
}

exploreTest("withTimeout() leaves nothing running, whether it returns or throws", () => limited({}), {
  every: limitedInShort,
});
exploreTest("withTimeout() with a value does not throw its own time-out", () => limited({ value: "late" }));

exploreTest("withTimeout() around many waits is what ends them, or its time is not over", async (world) => {
  const worker = async () => {
    const begin = world.now;
    const limit = new Timeout(4);
    const error = await thrownBy(() =>
      withTimeout(limit, async () => {
        for (let i = 0; i < 3; i++) await sleep(1);
        await new Event().wait();
      })
    );
    assert(isInterruption(error)); // the last wait does not end by itself
    assert(world.now <= begin + 4);
  };
  await joinAll([spawn(worker), spawn(worker)]);
});

/** A `Timeout` by hand, again and again: started, waited under, cancelled. */
async function byHand() {
  const limit = new Timeout(2);
  const others: Timeout[] = [];
  for (let round = 0; round < 3; round++) {
    let fired = 0;
    limit.start();
    for (let i = 0; i < 3; i++) {
      const error = await thrownBy(() => sleep(1));
      if (error === limit) fired++;
      else if (error !== undefined) others.push(error as Timeout);
    }
    limit.cancel();
    assert(fired <= 1);
    for (let i = 0; i < 2; i++) {
      const error = await thrownBy(() => undisturbed([limit], i));
      if (error !== undefined) others.push(error as Timeout);
    }
  }
  assertEquals(new Set(others).size, others.length);
  assert(others.every(isInterruption));
}

async function byHandInShort() {
  const event = new Event();
  const limited = async () => {
    const limit = Timeout.start(1);
    const fired = [await thrownBy(() => event.wait()), await thrownBy(() => sleep())];
    limit.cancel();
    assert(fired.filter((error) => error === limit).length <= 1);
    await endure(() => undisturbed([limit]));
  };
  const setter = spawn(async () => {
    await endure(() => sleep(1));
    await endure(() => sleep());
    event.set();
  });
  await joinAll([setter, spawn(limited), spawn(limited)]);
}

exploreTest(
  "Timeout fires once per start at most, and never after cancel()",
  () => joinAll([spawn(byHand), spawn(byHand)]),
  { every: byHandInShort },
);

exploreTest("Timeout that fires as its wait is granted arrives at the next one", async () => {
  const event = new Event();
  const worker = spawn(async () => {
    const limit = Timeout.start(2);
    const errors = [await thrownBy(() => sleep(1)), await thrownBy(() => event.wait())];
    for (const ms of [0, 0, 1, 1]) errors.push(await thrownBy(() => sleep(ms)));
    limit.cancel();
    const thrown = errors.filter((error) => error !== undefined);
    assert(thrown.length === 1 && thrown[0] === limit);
  });
  worker.name = "worker";
  const setter = spawn(async () => {
    await endure(() => sleep(2));
    await endure(() => sleep());
    event.set();
  });
  await joinAll([worker, setter]);
}, { victims: ({ name }) => name !== "worker" });

/** Nested limits; the outer one is over in any case, since the work never ends by itself. */
async function nested(outerMs: number, innerMs: number, innermostMs: number) {
  const outer = new Timeout(outerMs);
  const inner = new Timeout(innerMs, { silent: true });
  const innermost = new Timeout(innermostMs);
  const inside = async () => {
    const value = await withTimeout(innermost, () => sleep(Infinity).then(() => "slept"), { value: "late" });
    assertEquals(value, "late"); // only its own time-out may be swallowed
    await sleep();
    await sleep(Infinity);
  };
  const error = await thrownBy(() =>
    withTimeout(outer, async () => {
      assertEquals(await withTimeout(inner, inside), undefined);
      await sleep(Infinity);
    })
  );
  assert(error === outer || error instanceof GreenletExit, String(error));
  await endure(() => undisturbed([outer, inner, innermost], 9));
}

exploreTest("withTimeout() does not swallow the time-out of an outer one", (world) => {
  const ms = () => 1 + Math.floor(world.random() * 3);
  return joinAll([spawn(nested, ms(), ms(), ms()), spawn(nested, 2, 2, 2)]);
}, { every: () => joinAll([spawn(nested, 2, 2, 2), spawn(nested, 3, 2, 1)]) });

/** Equal deadlines in one greenlet. */
async function equalDeadlines(cancelled: number) {
  const limits = [0, 1, 2].map(() => Timeout.start(2));
  limits[cancelled]?.cancel();
  const seen: number[] = [];
  for (let i = 0; i < 6; i++) {
    const error = await thrownBy(() => sleep(1));
    if (error instanceof Timeout) seen.push(limits.indexOf(error));
  }
  assertEquals(seen.filter((index) => index >= 0), [0, 1, 2].filter((index) => index !== cancelled));
}

exploreTest("Timeout that was started first fires first, if the deadlines are equal", async () => {
  await joinAll([spawn(equalDeadlines, 3), spawn(equalDeadlines, 1)]);
});

/** A kill and a time-out at the same moment: neither is lost. */
async function killedInTime(world: World) {
  let begun = false;
  let limitSeen = false;
  let killSeen = false;
  const kill = new GreenletExit("just then");
  const worker = spawn(async () => {
    begun = true;
    const note = (error: unknown) => {
      if (error === kill) killSeen = true;
      else if (error instanceof Timeout) limitSeen = true;
    };
    const limit = Timeout.start(2);
    for (const ms of [1, 1, 0, 0, 1, 1]) note(await thrownBy(() => sleep(ms)));
    assert(limitSeen && !limit.pending);
  });
  const killer = spawn(async () => {
    await sleep(world.random() < 0.5 ? 1 : 2);
    await sleep();
    void worker.kill(kill, { block: false });
  });
  await joinAll([worker, killer]);
  assert(begun && killSeen);
}

exploreTest("Timeout and kill() at the same moment both arrive", killedInTime, { inject: [] });

/** A kill that comes at any time during two limited stretches. */
async function killedUnderLimits() {
  const kill = new GreenletExit("not yours");
  let killed = false;
  const worker = spawn(async () => {
    for (let i = 0; i < 2; i++) {
      await withTimeout(2, () => sleep(9), { value: "late" });
      await sleep();
    }
    const due = killed;
    await sleep(1);
    assert(!due);
  });
  const killer = spawn(async () => {
    await endure(() => sleep(2));
    await endure(() => sleep());
    killed = true;
    void worker.kill(kill, { block: false });
  });
  killer.name = "killer";
  await joinAll([worker, killer]);
}

exploreTest("withTimeout() with a value does not swallow a kill", killedUnderLimits, {
  inject: ["timeout"],
  every: killedUnderLimits,
});

exploreTest("A Timeout given to a wait is that wait's time-out, and is over with it", async () => {
  const event = new Event();
  const worker = async (ms: number) => {
    const limit = new Timeout(2);
    const running = Timeout.start(3);
    const ended = spawn(() => sleep(ms));
    const inTime = await thrownBy(async () => {
      const set = await event.wait({ timeout: limit });
      if (!set) assert(!limit.pending);
      const joined = await ended.join({ timeout: running });
      if (joined) assert(ended.ready);
      else assert(!running.pending);
    });
    const got = await thrownBy(() =>
      ended.get({ timeout: new Timeout(1, { error: new RangeError("mine") }) })
    );
    running.cancel();
    assert(inTime === undefined || isInterruption(inTime));
    assert(got === undefined || isInterruption(got) || (got as Error).message === "mine");
    await endure(() => undisturbed([limit, running]));
    await ended.kill();
  };
  const setter = spawn(async () => {
    await endure(() => sleep(2));
    event.set();
  });
  await joinAll([setter, spawn(worker, 2), spawn(worker, 4)]);
});

exploreTest("shield() holds back the time-outs of outside, and they arrive right after it", async () => {
  const worker = async () => {
    const outer = Timeout.start(2);
    const errors = [await thrownBy(() => sleep(1))];
    let inside = 0;
    await shield(async () => {
      const inner = new Timeout(1);
      assert(await thrownBy(() => withTimeout(inner, () => sleep(9))) === inner);
      await sleep(2);
      inside++;
    });
    assertEquals(inside, 1);
    const after = await thrownBy(() => sleep(1));
    if (errors[0] !== outer) assert(after !== undefined);
    errors.push(after, await thrownBy(() => sleep(1)));
    assertEquals(errors.filter((thrown) => thrown === outer).length, 1);
    outer.cancel();
    await endure(() => undisturbed([outer]));
  };
  await joinAll([spawn(worker), spawn(worker)]);
}, { faults: 1 });

exploreTest("Greenlet.join() that times out leaves no trace", async () => {
  const worker = spawn(() => sleep(3));
  const joiner = async () => {
    const joined = await worker.join({ timeout: 1 });
    if (joined) assert(worker.ready);
    const error = await thrownBy(() => worker.get({ timeout: 1 }));
    assert(error === undefined || isInterruption(error));
    if (error === undefined) assert(worker.ready);
  };
  await joinAll([spawn(joiner), spawn(joiner)]);
  await worker.join();
  assertEquals(worker.links?.size ?? 0, 0);
});
