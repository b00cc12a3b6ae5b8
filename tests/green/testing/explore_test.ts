import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  Event,
  Exploration,
  ExplorationError,
  explore,
  type ExploreOptions,
  getHub,
  type Greenlet,
  GreenletExit,
  joinAll,
  Lock,
  LoopExit,
  Queue,
  seededRandom,
  Semaphore,
  SimulationError,
  sleep,
  spawn,
  spawnWith,
  Timeout,
  withTimeout,
  type World,
} from "@verdant/green";
import { captureErrors } from "../../helpers.ts";

const STRATEGIES = ["random", "pct", "exhaustive"] as const;

/** Loses an update if the slice of the first ends between its two operations, neither of which need wait. */
async function lostUpdate() {
  const lock = new Semaphore(1);
  let balance = 100;
  const read = () => lock.with(() => balance);
  const write = (value: number) => lock.with(() => void (balance = value));
  const withdraw = async (amount: number) => write(await read() - amount);
  await joinAll([spawn(withdraw, 10), spawn(withdraw, 20)]);
  assertEquals(balance, 70);
}

/** Three greenlets, three operations each, nothing wrong. */
async function threeByThree() {
  const lock = new Lock();
  const work = async () => {
    for (let i = 0; i < 3; i++) await lock.with(() => {});
  };
  await joinAll([spawn(work), spawn(work), spawn(work)]);
}

function failureOf(body: (world: World) => unknown, options?: ExploreOptions): Promise<ExplorationError> {
  return assertRejects(() => explore(body, options), ExplorationError);
}

for (const strategy of STRATEGIES) {
  Deno.test(`explore() by ${strategy} finds a lost update, shrinks it and replays it`, async () => {
    const error = await failureOf(lostUpdate, { strategy });
    assertInstanceOf(error.cause, Error);
    assertEquals(error.cause.name, "AssertionError");
    assertEquals([error.replay, error.switches], ["0:1", 8]); // one preemption is all it takes
    assertEquals(
      error.schedule,
      "#1 body: joinAll() → #2 withdraw: Semaphore.acquire(), preempted → #3 withdraw: Semaphore.acquire() → " +
        "#2 withdraw: Semaphore.acquire() → #3 withdraw: Semaphore.acquire() → #2 withdraw ends → " +
        "#3 withdraw ends → #1 body ends",
    );
    assertStringIncludes(error.message, `explore(body, { seed: ${error.seed}, replay: "0:1" })`);
    const again = await failureOf(lostUpdate, { seed: error.seed, replay: error.replay });
    assertEquals([again.schedule, again.replay], [error.schedule, error.replay]);
  });

  Deno.test(`explore() by ${strategy} is the same for the same seed`, async () => {
    const run = async () => {
      const log: string[] = [];
      await explore(async (world) => {
        const queue = new Queue<string>(1);
        const say = async (name: string) => {
          await queue.put(name);
          log.push(await queue.get(), world.random().toFixed(6));
        };
        await joinAll([spawn(say, "a"), spawn(say, "b"), spawn(say, "c")]);
      }, { strategy, runs: 20, seed: 7 });
      return log;
    };
    assertEquals(await run(), await run());
  });
}

Deno.test("explore() by exhaustive runs every schedule within the bounds once, and says so", async () => {
  const orders = new Map<string, number>();
  const report = await explore(async () => {
    const log: string[] = [];
    const step = async (name: string) => {
      await sleep();
      log.push(name);
      await sleep();
      log.push(name);
    };
    await joinAll([spawn(step, "a"), spawn(step, "b")]);
    const order = log.join("");
    orders.set(order, (orders.get(order) ?? 0) + 1);
  }, { strategy: "exhaustive" });
  assertEquals([...orders.keys()].sort(), ["aabb", "abab", "abba", "baab", "baba", "bbaa"]);
  assertEquals([report.exhausted, report.distinct], [true, report.runs]);
});

Deno.test("explore() by exhaustive knows preemptions 0, 1 and 2 of three greenlets with three operations", async () => {
  const runs: number[] = [];
  for (const preemptions of [0, 1, 2]) {
    const report = await explore(threeByThree, { strategy: "exhaustive", preemptions });
    assert(report.exhausted);
    runs.push(report.distinct);
  }
  assertEquals(runs, [1, 28, 113]);
});

Deno.test("explore() shrinks runs without progress only for a while", async () => {
  const started = performance.now();
  const error = await failureOf(async () => {
    for (let i = 0; i < 100; i++) await sleep();
    await new Promise(() => {});
  }, { limit: 100 });
  assertInstanceOf(error.cause, SimulationError);
  assert(performance.now() - started < 10_000);
});

Deno.test("explore() that reaches its number of runs first is not exhausted", async () => {
  const report = await explore(threeByThree, { strategy: "exhaustive", runs: 10 });
  assertEquals([report.runs, report.exhausted], [10, false]);
  const exact = await explore(threeByThree, { strategy: "exhaustive", runs: 113 });
  assertEquals([exact.runs, exact.exhausted], [113, true]);
});

Deno.test("Exploration.toString() tells the figures", () => {
  assertEquals(
    String(new Exploration(1, 1, 0, true)),
    "1 run, 1 distinct schedule, all there are within the bounds",
  );
  assertEquals(
    String(new Exploration(30, 20, 10, false)),
    "30 runs, 20 distinct schedules, 10 equivalent ones skipped",
  );
});

Deno.test("explore() counts the distinct schedules of a random search", async () => {
  const report = await explore(() => spawn(() => {}).join(), { runs: 20 });
  assertEquals([report.runs, report.distinct, report.exhausted], [20, 1, false]);
});

Deno.test("explore() that is tracked skips schedules that differ in the order of independent steps only", async () => {
  const finals = { full: new Set<string>(), tracked: new Set<string>() };
  const body = (seen: Set<string>) => async (world: World) => {
    const [left, right] = [world.shared({ log: "" }), world.shared({ log: "" })];
    const step = async (cell: { log: string }, name: string) => {
      for (let i = 0; i < 2; i++) {
        cell.log += name;
        await sleep();
      }
    };
    await joinAll([
      spawn(step, left, "a"),
      spawn(step, left, "b"),
      spawn(step, right, "c"),
      spawn(step, right, "d"),
    ]);
    seen.add(`${left.log} ${right.log}`);
  };
  const full = await explore(body(finals.full), { strategy: "exhaustive" });
  const tracked = await explore(body(finals.tracked), { strategy: "exhaustive", tracked: true });
  assert(full.exhausted && tracked.exhausted);
  assertEquals(finals.tracked, finals.full); // whatever can come out still does
  assert(tracked.runs < full.runs / 2, `${tracked} of ${full}`);
});

Deno.test("explore() that is tracked does not skip what a bound has cut off elsewhere", async () => {
  const outcomes = async (tracked: boolean) => {
    const seen = new Set<string>();
    for (const preemptions of [0, 1, 2]) {
      await explore(async (world) => {
        const cells = [world.shared(new Semaphore(1)), world.shared(new Semaphore(1))];
        const log = world.shared({ text: "" });
        const work = async (first: number, name: string) => {
          await cells[first]!.acquire();
          log.text += name;
          await sleep();
          cells[first]!.release();
          await cells[1 - first]!.acquire();
          log.text += name;
          cells[1 - first]!.release();
        };
        await joinAll([spawn(work, 0, "a"), spawn(work, 1, "b"), spawn(work, 0, "c")]);
        seen.add(`${preemptions} ${log.text}`);
      }, { strategy: "exhaustive", preemptions, tracked });
    }
    return seen;
  };
  assertEquals(await outcomes(true), await outcomes(false));
});

/** Three greenlets with random steps on shared objects; resolves with all that they have seen. */
function randomProgram(seed: number): (world: World) => Promise<string> {
  const random = seededRandom(seed);
  const below = (n: number) => Math.floor(random() * n);
  const steps = Array.from(
    { length: 3 },
    () => Array.from({ length: 2 }, () => [below(7), below(2)] as const),
  );
  return async (world) => {
    const cells = [world.shared({ text: "" }), world.shared({ text: "" })];
    const locks = [world.shared(new Semaphore(1)), world.shared(new Semaphore(1))];
    const queues = [world.shared(new Queue<string>()), world.shared(new Queue<string>())];
    const seen = ["", "", ""];
    const act: ((me: number, which: number) => Promise<unknown> | void)[] = [
      () => sleep(),
      (me, which) => void (cells[which]!.text += me),
      (me, which) => void (seen[me] += cells[which]!.text || "-"),
      (me, which) =>
        locks[which]!.with(async () => {
          cells[which]!.text += me;
          await sleep();
        }),
      (me, which) => queues[which]!.put(`${me}`),
      async (me, which) => void (seen[me] += await queues[which]!.get({ timeout: 1 }).catch(() => "none")),
      (me, which) => void (seen[me] += locks[which]!.locked ? "L" : "F"),
    ];
    await joinAll(steps.map((own, me) =>
      spawn(async () => {
        for (const [what, which] of own) {
          await act[what]!(me, which);
          if (what === 1 || what === 2 || what === 6) await sleep();
        }
      })
    ));
    return [...cells.map(({ text }) => text), ...seen].join(" ");
  };
}

Deno.test("explore() that is tracked sees all outcomes of random programs", async () => {
  let [full, tracked] = [0, 0];
  for (let seed = 1; seed <= 25; seed++) {
    const outcomes: Set<string>[] = [];
    for (const option of [false, true]) {
      const seen = new Set<string>();
      const program = randomProgram(seed);
      const report = await explore(async (world) => void seen.add(await program(world)), {
        strategy: "exhaustive",
        preemptions: 1,
        tracked: option,
        allow: { items: true },
      });
      assert(report.exhausted);
      outcomes.push(seen);
      if (option) tracked += report.runs;
      else full += report.runs;
    }
    assertEquals([...outcomes[1]!].sort(), [...outcomes[0]!].sort(), `seed ${seed}`);
  }
  assert(tracked < full, `${tracked} of ${full}`);
});

for (
  const [what, use] of Object.entries({
    "with()": (lock: Semaphore) => lock.with(() => sleep()),
    "lease()": async (lock: Semaphore) => {
      using _lease = await lock.lease();
      await sleep();
    },
    "for await": async (_lock: Semaphore, queue: Queue<number>) => {
      for await (const _ of queue) await sleep();
    },
  })
) {
  Deno.test(`explore() that is tracked sees what ${what} does after a wait of its own`, async () => {
    const outcomes = async (tracked: boolean) => {
      const seen = new Set<string>();
      await explore(async (world) => {
        const log = world.shared({ text: "" });
        const lock = world.shared(new Semaphore(1));
        const queue = world.shared(new Queue<number>(Infinity, [1, 2]));
        queue.shutdown();
        const user = async () => {
          await sleep();
          await use(lock, queue);
        };
        const watcher = async () => {
          for (let i = 0; i < 3; i++) {
            await sleep();
            log.text += `${lock.locked ? "L" : "F"}${queue.size} `;
          }
        };
        await joinAll([spawn(user), spawn(watcher)]);
        seen.add(log.text);
      }, { strategy: "exhaustive", tracked });
      return [...seen].sort();
    };
    const all = await outcomes(false);
    assert(all.length > 3);
    assertEquals(await outcomes(true), all);
  });
}

Deno.test("World.shared() is the object itself unless the exploration is tracked", async () => {
  const object = {};
  await explore((world) => assert(world.shared(object) === object), { runs: 1 });
  await explore((world) => {
    const queue = world.shared(new Queue<number>());
    assertInstanceOf(queue, Queue);
    queue.putNowait(1);
    assertEquals([queue.size, queue.getNowait()], [1, 1]);
  }, { strategy: "exhaustive", tracked: true });
});

Deno.test("explore() calls a deadlock, a leftover and an error that nobody sees a failure", async () => {
  const stuck = await failureOf(async () => {
    const [a, b] = [new Lock(), new Lock()];
    const both = (first: Lock, second: Lock) => first.with(() => second.with(() => {}));
    await joinAll([spawn(both, a, b), spawn(both, b, a)]);
  });
  assertInstanceOf(stuck.cause, LoopExit);
  const left = await failureOf(() => void spawn(() => sleep(1000)));
  assertInstanceOf(left.cause, SimulationError);
  using errors = captureErrors();
  const unseen = await failureOf(async () => {
    spawn(() => Promise.reject(new RangeError("nobody sees me")));
    await sleep();
  });
  assertEquals([(unseen.cause as Error).message, errors.seen], ["nobody sees me", []]);
});

Deno.test("explore() ends a run that does not end by itself, switching or not", async () => {
  for (const pause of [() => sleep(), () => new Semaphore(1).acquire()]) {
    const error = await failureOf(async () => {
      for (;;) await pause();
    }, { steps: 100, allow: { permits: true } });
    assertStringIncludes((error.cause as Error).message, "did not end within 100 steps");
  }
});

Deno.test("explore() is not stopped by a greenlet that survives its kills", async () => {
  const error = await failureOf(async () => {
    spawn(async () => {
      for (;;) await sleep().catch(() => {});
    });
    await sleep();
    throw new Error("found");
  }, { steps: 100 });
  assertEquals((error.cause as Error).message, "found");
});

Deno.test("explore() injects a kill at every wait, before its end and after", async () => {
  const fates = new Set<string>();
  const report = await explore(async () => {
    const queue = new Queue<number>();
    let fate = "";
    const victim = spawn(async () => {
      try {
        fate += `got ${await queue.get()}, `;
        await sleep(1);
        fate += "ended";
      } finally {
        fate += ".";
      }
    });
    await sleep();
    queue.putNowait(1);
    await victim.join();
    fates.add(fate);
  }, { strategy: "exhaustive", inject: ["kill"] });
  assert(report.exhausted);
  assertEquals([...fates].sort(), [".", "got 1, .", "got 1, ended."]);
});

Deno.test("explore() injects time-outs: the limit of the wait, the one around it, or one from outside", async () => {
  const fates = new Set<string>();
  await explore(async () => {
    const fate = async (act: () => Promise<unknown>) => {
      try {
        return String(await act());
      } catch (error) {
        if (!(error instanceof Timeout)) throw error;
        return `${error.name}: ${error.message}`;
      }
    };
    const event = new Event();
    const victims = [
      spawn(() => fate(() => event.wait({ timeout: 10 }))),
      spawn(() => fate(() => withTimeout(20, () => event.wait()))),
      spawn(() => fate(() => event.wait())),
    ];
    await sleep();
    event.set();
    for (const victim of victims) fates.add(await victim.get() as string);
  }, { strategy: "exhaustive", inject: ["timeout"] });
  assertEquals([...fates].sort(), [
    "Timeout: Timed out after 20 ms",
    "Timeout: Timed out: injected",
    "false",
    "true",
  ]);
});

Deno.test("explore() does not take an injected time-out that ends a greenlet for an error", async () => {
  let hit = 0;
  await explore(async () => {
    const greenlet = spawn(() => sleep(1));
    await greenlet.join();
    if (greenlet.failed) hit++;
  }, { strategy: "exhaustive", inject: ["timeout"] });
  assert(hit > 0);
});

Deno.test("explore() injects at most `faults` faults, into nobody but `victims`, never into the body", async () => {
  const ends = new Set<string>();
  const run = (options: ExploreOptions) =>
    explore(async () => {
      const wait = () => sleep(1);
      const [a, b] = [spawn(wait), spawn(wait)];
      a.name = "a";
      b.name = "b";
      await sleep();
      await joinAll([a, b]);
      const killed = (g: Greenlet) => g.value instanceof Error;
      ends.add([a, b].filter(killed).map(({ name }) => name).join(""));
    }, { strategy: "exhaustive", inject: ["kill"], ...options });
  await run({});
  assertEquals([...ends].sort(), ["", "a", "b"]);
  await run({ faults: 2 });
  assertEquals([...ends].sort(), ["", "a", "ab", "b"]);
  ends.clear();
  await run({ faults: 2, victims: ({ name }) => name === "b" });
  assertEquals([...ends].sort(), ["", "b"]);
});

/** Fails if a kill has ended anybody. */
async function mortal() {
  const work = async () => {
    for (let i = 0; i < 3; i++) await sleep(i % 2);
  };
  const greenlets = [spawn(work), spawn(work), spawn(work)];
  await joinAll(greenlets);
  assert(!greenlets.some(({ value }) => value instanceof GreenletExit), "killed");
}

/** Fails if the first is overtaken: it takes few switches if it loses its turn, and many if it is killed. */
async function overtaken() {
  const open = new Event();
  open.set();
  const order: number[] = [];
  const work = async (index: number) => {
    await open.wait();
    try {
      await sleep(1);
    } catch {
      for (let i = 0; i < 3; i++) await sleep(1);
    }
    order.push(index);
  };
  const greenlets = [spawn(work, 0), spawn(work, 1)];
  while (!greenlets.every(({ ready }) => ready)) await sleep(1);
  assertEquals(order, [0, 1]);
}

/** How often something happens in the schedules that explorations with some seeds end with, at most. */
async function most(what: string, body: () => Promise<void>, options: ExploreOptions): Promise<number> {
  let most = 0;
  for (let seed = 3000; seed < 3030; seed++) {
    const { schedule } = await failureOf(body, { ...options, seed, inject: ["kill"] });
    most = Math.max(most, schedule.split(what).length - 1);
  }
  return most;
}

for (const strategy of ["random", "pct"] as const) {
  Deno.test(`explore() by ${strategy} shrinks to no more faults than it may inject`, async () => {
    assertEquals(await most("kill #", mortal, { strategy, faults: 1 }), 1);
  });
}

for (const strategy of ["random", "exhaustive"] as const) {
  Deno.test(`explore() by ${strategy} shrinks to no more preemptions than it may make`, async () => {
    assertEquals(await most(", preempted", overtaken, { strategy, preemptions: 0, faults: 1 }), 0);
    assertEquals(await most(", preempted", overtaken, { strategy, preemptions: 1, faults: 1 }), 1);
  });
}

Deno.test("explore() by pct shrinks to preemptions that need no change of priorities", async () => {
  assertEquals(await most(", preempted", overtaken, { strategy: "pct", preemptions: 0, faults: 1 }), 1);
});

Deno.test("explore() replays what it is told to, whatever the bounds", async () => {
  const bounds = { preemptions: 0, faults: 0 };
  for (const body of [mortal, overtaken]) {
    const { seed, schedule, replay } = await failureOf(body, { inject: ["kill"] });
    const again = await failureOf(body, { inject: ["kill"], ...bounds, seed, replay });
    assertEquals(again.schedule, schedule);
  }
});

Deno.test("explore() replays a kill, and its schedule says where", async () => {
  const forgetful = async () => {
    const semaphore = new Semaphore(1);
    const work = async () => {
      await semaphore.acquire();
      await sleep(1);
      semaphore.release(); // a kill in the sleep forgets it
    };
    await joinAll([spawn(work), spawn(work)]);
  };
  const error = await failureOf(forgetful, { inject: ["kill"] });
  assertStringIncludes(error.schedule, "#2 work: sleep() → ");
  assertStringIncludes(error.schedule, "kill #");
  assertStringIncludes(error.message, 'explore(body, { inject: ["kill"], seed: ');
  const again = await failureOf(forgetful, { inject: ["kill"], seed: error.seed, replay: error.replay });
  assertEquals(again.schedule, error.schedule);
});

Deno.test("explore() says that a replay needs the options that it cannot print", async () => {
  const body = async () => {
    const lock = new Lock();
    const other = spawn(() => sleep(1));
    const victim = spawn(async () => {
      await lock.acquire();
      await sleep(1);
      lock.release();
    });
    await joinAll([other, victim]);
  };
  const victims = ({ label }: Greenlet) => label !== "other";
  const options: ExploreOptions = { inject: ["kill"], victims };
  const error = await failureOf(body, options);
  assertStringIncludes(error.message, `explore(body, { ...options, seed: ${error.seed}, replay: `);
  const again = await failureOf(body, { ...options, seed: error.seed, replay: error.replay });
  assertEquals(again.schedule, error.schedule);
});

Deno.test("explore() shows how time passes in the schedule", async () => {
  const error = await failureOf(async () => {
    await sleep(5);
    throw new Error("late");
  });
  assertEquals(error.schedule, "#1 body: sleep() → (5 ms later) → #1 body ends");
});

/** What greenlet #2, named `both`, does in the plain order while two queues get their items. */
async function stepsOfBoth(
  both: (a: Queue<number>, b: Queue<number>) => Promise<unknown>,
): Promise<string[]> {
  const { schedule } = await failureOf(async () => {
    const [a, b] = [new Queue<number>(), new Queue<number>()];
    const waiting = spawnWith({ name: "both" }, both, a, b);
    await sleep(1);
    a.putNowait(1);
    await sleep(1);
    b.putNowait(2);
    await waiting.join();
    throw new Error("to see the schedule");
  }, { replay: "" });
  return schedule.split(" → ").filter((part) => part.startsWith("#2"));
}

Deno.test("explore() shows in the schedule what a greenlet still waits for when one of several waits is over", async () => {
  const all = await stepsOfBoth((a, b) => Promise.all([a.get(), b.get()]));
  assertEquals(all, ["#2 both: Queue.get()", "#2 both: Queue.get()", "#2 both ends"]);
  const first = await stepsOfBoth((a, b) => Promise.race([a.get(), b.get()]));
  assertEquals(first, ["#2 both: Queue.get()", "#2 both ends"]);
  const atOnce = await stepsOfBoth((a) => Promise.all([a.get(), sleep(1)]));
  assertEquals(atOnce, ["#2 both: sleep()", "#2 both awaits a promise", "#2 both ends"]);
});

Deno.test("explore() notices a body that depends on something outside", async () => {
  let runs = 0;
  const moody = () => {
    if (runs++ === 3) throw new Error("only once");
  };
  const error = await failureOf(moody);
  assertStringIncludes(error.message, "cannot be repeated: the body depends on something outside");
  runs = 0;
  const other = await failureOf(async () => {
    const steps = runs++;
    const step = () => sleep();
    await joinAll(Array.from({ length: 1 + steps % 2 }, () => spawn(step)));
  }, { strategy: "exhaustive" }).catch((error) => error);
  if (other instanceof ExplorationError) assertStringIncludes(String(other.cause), "did something else");
});

Deno.test("explore() leaves the hub outside alone, runs in a greenlet, and is stopped by a kill", async () => {
  const hub = getHub();
  const before = hub.stats();
  const explorer = spawn(() => explore(threeByThree, { runs: 1_000_000 }));
  await sleep(1);
  assertEquals(explorer.ready, false);
  await explorer.kill();
  assertEquals([explorer.ready, hub.stats().greenlets], [true, before.greenlets]);
  assertEquals(String(await spawn(() => explore(threeByThree, { runs: 2 })).get()).slice(0, 6), "2 runs");
});

Deno.test("explore() refuses bad options with their value", () => {
  const bad: [ExploreOptions, string][] = [
    [{ runs: 0 }, "runs must be a positive integer or Infinity, received 0"],
    [{ preemptions: -1 }, "preemptions must be a non-negative integer or Infinity, received -1"],
    [{ faults: 0.5 }, "faults must be a non-negative integer or Infinity, received 0.5"],
    [{ steps: NaN }, "steps must be a positive integer or Infinity, received NaN"],
    [{ limit: -1 }, "limit must be 0 or more ms, received -1"],
    [{ strategy: "luck" as "random" }, 'strategy must be "random", "pct" or "exhaustive", received luck'],
    [{ inject: ["fire" as "kill"] }, 'inject must hold "kill" or "timeout", received fire'],
    [{ victims: 5 as unknown as () => boolean }, "victims must be a function, received 5"],
    [{ replay: "3-1" }, 'replay must look like "3:1 17:2", received "3-1"'],
    [{ seed: NaN }, "seed must be a finite number, received NaN"],
  ];
  for (const [options, message] of bad) assertThrows(() => explore(threeByThree, options), Error, message);
  assertThrows(() => explore(5 as unknown as () => void), TypeError, "body must be a function, received 5");
});
