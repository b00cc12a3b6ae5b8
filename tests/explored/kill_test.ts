/** Kills of greenlets, and shields against them, under many schedules. */
import { assert, assertEquals } from "@std/assert";
import {
  Event,
  getCurrent,
  Greenlet,
  GreenletExit,
  Group,
  iwait,
  joinAll,
  kill,
  killAll,
  nursery,
  Pool,
  Semaphore,
  shield,
  sleep,
  spawn,
  Timeout,
  wait,
  withTimeout,
  type World,
} from "@verdant/green";
import { endure, exploreTest, isInterruption, Works } from "./explored.ts";

/** Whoever is not the one under observation, whose kills are counted. */
const notTheVictim = ({ name }: Greenlet) => name !== "victim";

async function endsOnce() {
  const works = new Works();
  const victim = spawn(() => works.run(() => "done"));
  const seen: unknown[] = [];
  const links: string[] = [];
  victim.rawlink(() => links.push("rawlink"));
  victim.rawlink(({ outcome }) => seen.push(outcome));
  victim.link(() => links.push("link"));
  const killers = [spawn(() => victim.kill("one")), spawn(() => victim.kill("two"))];
  const joiners = [
    spawn(async () => {
      assert(await victim.join());
      assert(victim.ready);
    }),
    spawn(() => endure(async () => seen.push(await victim.get()))),
  ];
  await joinAll([...killers, ...joiners]);
  await victim.join();
  await sleep(1);
  assertEquals(links.sort(), ["link", "rawlink"]);
  assert(seen.every((outcome) => outcome === victim.outcome));
  assertEquals(victim.links?.size ?? 0, 0);
  works.assertOver();
}

async function endsOnceInShort() {
  const works = new Works();
  let links = 0;
  const victim = spawn(() => works.run());
  victim.rawlink(() => links++);
  const killer = spawn(async () => assert(await victim.kill()));
  const joiner = spawn(async () => assert(await victim.join()));
  await joinAll([killer, joiner, victim]);
  await sleep(1);
  assertEquals(links, 1);
  works.assertOver();
}

exploreTest(
  "Greenlet.kill() ends it once: one outcome, one clean-up, links run once, joiners wake",
  endsOnce,
  {
    every: endsOnceInShort,
  },
);

/** Kills a greenlet and knows which kills it has to see. */
class Kills {
  /** Those that it must get, one each, in this order. */
  readonly issued: Error[] = [];
  readonly delivered: unknown[] = [];
  /** Whether the body has begun: one that has not never will. */
  begun = false;

  /** How many are on their way. */
  get due(): number {
    return this.issued.length - this.delivered.length;
  }

  issue(victim: Greenlet): void {
    const error = new GreenletExit(`kill ${this.issued.length}`);
    if (this.begun && !victim.ready) this.issued.push(error);
    void victim.kill(error, { block: false });
  }

  /** One wait of the victim: it is refused if a kill is due, and gets the oldest. */
  async wait(act: () => Promise<unknown>): Promise<void> {
    const { due } = this;
    try {
      await act();
    } catch (error) {
      if (!isInterruption(error)) throw error;
      if (error instanceof GreenletExit) {
        assert(error === this.issued[this.delivered.length], `${error} came instead`);
        this.delivered.push(error);
        return;
      }
    }
    assertEquals(due, 0);
  }

  /** A stretch in which nothing may arrive. */
  async quiet(act: () => Promise<unknown>): Promise<void> {
    const before = this.delivered.length;
    await act();
    assertEquals(this.delivered.length, before);
  }
}

/** A victim that catches every kill, and two who kill it. */
async function tormented(act: (kills: Kills) => Promise<void>, killsEach = 2): Promise<void> {
  const kills = new Kills();
  const victim = spawn(async () => {
    kills.begun = true;
    await act(kills);
    return "survived";
  });
  victim.name = "victim";
  const torment = async () => {
    for (let i = 0; i < killsEach; i++) {
      await sleep(i);
      kills.issue(victim);
    }
  };
  await joinAll([spawn(torment), spawn(torment), victim]);
  if (victim.failed) throw victim.error;
  await sleep(9); // others it has waited for may still run
  if (kills.begun) assertEquals([victim.kills, victim.value], [kills.delivered.length, "survived"]);
  else assert(victim.value instanceof GreenletExit);
}

/** Somebody to wait for. */
const sleeper = () => spawn(() => sleep(1));

/** Ways to wait, each of them once; those that need not wait deliver what is due as well. */
const WAITS: readonly (() => Promise<unknown>)[] = [
  () => sleep(),
  () => sleep(1),
  () => new Semaphore(1).lease(),
  () => new Event().wait({ timeout: 1 }),
  () => sleeper().join(),
  () => sleeper().get({ timeout: 1 }),
  () => sleeper().kill(),
  () => joinAll([sleeper(), sleeper()]),
  () => killAll([sleeper(), sleeper()]),
  () => new Group([sleeper()]).join({ timeout: 1 }),
  () => new Pool(1).spawn(() => sleep(1)),
  () => new Pool(1).waitAvailable(),
  () => wait([sleeper(), sleeper()], { count: 1 }),
  () => iwait([sleeper()]).next(),
  () => withTimeout(5, () => sleep(1)),
  () => nursery((n) => void n.spawn(() => sleep(1))),
];

async function someWaits(kills: Kills, { random }: World): Promise<void> {
  for (let i = 0; i < 4; i++) await kills.wait(WAITS[Math.floor(random() * WAITS.length)]!);
}

async function threeWaits(kills: Kills): Promise<void> {
  for (let i = 0; i < 3; i++) await kills.wait(() => sleep(1));
}

exploreTest(
  "Greenlet.kill() is delivered once, in order, and not lost: who catches it goes on",
  (world) => tormented((kills) => someWaits(kills, world)),
  { victims: notTheVictim, every: () => tormented(threeWaits, 1), allow: { permits: true } },
);

/** Three waits at once: those that are over are over, all others are ended by a kill. */
async function killedInSeveralWaits(world: World) {
  const error = new GreenletExit("all of them");
  let killedAt = Infinity;
  const victim = spawn(async () => {
    const waits = await Promise.allSettled([1, 2, 3].map((ms) => sleep(ms)));
    const interrupted = waits.map((wait) => wait.status === "rejected" && wait.reason === error);
    for (const [i, rejected] of interrupted.entries()) {
      if (i + 1 !== killedAt) assertEquals(rejected, i + 1 > killedAt); // at the very moment either may be first
    }
    const due = killedAt < Infinity && !interrupted.includes(true);
    const later = !await endure(() => sleep(1));
    assert(later ? !interrupted.includes(true) : !due);
  });
  victim.name = "victim";
  const killer = spawn(async () => {
    await sleep();
    await sleep(Math.floor(world.random() * 4));
    await sleep();
    killedAt = world.now;
    void victim.kill(error, { block: false });
  });
  await joinAll([victim, killer]);
}

exploreTest(
  "Greenlet.kill() reaches all open waits of the greenlet, and is delivered once",
  killedInSeveralWaits,
  {
    victims: notTheVictim,
    slowness: 10, // between its waits nobody runs: the hub takes the token back in real turns
  },
);

exploreTest("Greenlet.kill() waits for the end also of one who catches it", async () => {
  let caught = 0;
  let begun = false;
  const survivor = spawn(async () => {
    begun = true;
    for (let i = 0; i < 3; i++) if (!await endure(() => sleep(2))) caught++;
    return "survived";
  });
  const killers = [
    spawn(() => endure(async () => assert(await kill(survivor) && survivor.ready))),
    spawn(() => endure(async () => assertEquals(await survivor.kill("b"), survivor.ready))),
    spawn(() => endure(() => survivor.kill("c", { timeout: 1 }))),
  ];
  await joinAll([...killers, survivor]);
  if (begun) assertEquals([survivor.value, survivor.kills >= caught], ["survived", true]);
  else assertEquals(caught, 0);
});

/** Every one of a chain kills the next; whoever dies at that leaves its victim killed. */
async function killersKilled() {
  let cleaned = true;
  const worker = spawn(async () => {
    cleaned = false;
    try {
      await sleep(1);
    } finally {
      await endure(() => sleep(1));
      cleaned = true;
    }
  });
  const middle = spawn(async () => {
    await worker.kill("by the middle");
    assert(worker.ready);
  });
  const top = spawn(async () => {
    await sleep();
    await middle.kill("by the top");
    assert(middle.ready);
  });
  await joinAll([top, middle, worker]);
  assert(cleaned);
}

exploreTest("Greenlet.kill() of a killer leaves nobody half killed", killersKilled, { every: killersKilled });

/** Both kill the other, and themselves if nobody else does. */
async function mutual(world: World) {
  const works = new Works();
  const pair: Greenlet[] = [];
  const attack = (other: number) => async () => {
    await works.run(async () => {
      await pair[other]!.kill();
    });
    if (world.random() < 0.5) await getCurrent()!.kill();
  };
  pair.push(spawn(attack(1)), spawn(attack(0)));
  await joinAll(pair);
  works.assertOver();
  assert(pair.every(({ ready }) => ready));
}

exploreTest("Greenlet.kill() of each other ends both", mutual, { every: mutual });

exploreTest("Greenlet.kill() during the clean-up: the shielded part of it is done all the same", async () => {
  let begun = 0;
  let committed = 0;
  const works = new Works();
  const worker = spawn(async () => {
    begun++;
    try {
      await works.run();
    } finally {
      await shield(async () => {
        await sleep();
        await sleep(1);
        committed++;
      });
    }
  });
  const killTwice = async () => {
    for (let i = 0; i < 2; i++) {
      await sleep();
      await worker.kill(undefined, { timeout: i });
    }
  };
  await joinAll([worker, spawn(killTwice), spawn(killTwice)]);
  assertEquals(committed, begun);
  works.assertOver();
});

exploreTest("Greenlet.kill() before the start: the body never runs, the links do", async (world) => {
  const log: string[] = [];
  const late = Greenlet.spawnLater(3, () => void log.push("body"));
  const idle = new Greenlet(() => void log.push("body"));
  for (const greenlet of [late, idle]) greenlet.rawlink(() => log.push("link"));
  const killer = spawn(async () => {
    await sleep(1);
    await sleep();
    assert(await late.kill());
  });
  const starter = spawn(async () => {
    await sleep(1);
    await sleep();
    idle.start();
    late.start();
  });
  await joinAll([killer, starter]);
  await killAll([late, idle]);
  assertEquals(world.hub.stats().timers, 0);
  for (const greenlet of [late, idle]) greenlet.start();
  await sleep(9);
  const ran = [late, idle].filter(({ value }) => !(value instanceof GreenletExit)).length;
  assertEquals(log.filter((entry) => entry === "link").length, 2);
  assertEquals(log.filter((entry) => entry === "body").length, ran);
});

/** Three, one of which has not begun, one cleans up, one goes on for a while. */
async function everybody(options: { timeout?: number }) {
  const works = new Works();
  const order: string[] = [];
  const stubborn = async () => {
    if (!await endure(() => sleep(3))) order.push("stubborn");
    await endure(() => sleep(3));
  };
  const all = [spawn(() => works.run()), spawn(stubborn), new Greenlet(() => works.run())];
  const killer = spawn(async () => {
    await sleep();
    try {
      await killAll(all, options);
      assert(all.every(({ dead }) => dead));
    } catch (error) {
      if (!isInterruption(error)) throw error;
      if (error instanceof Timeout && error.message.includes("killAll")) {
        assert(all.some(({ dead }) => !dead));
      }
    }
    assert(all[2]!.dead); // also if the killer was interrupted: the kills were there before the wait
  });
  await killer.join();
  await killAll(all);
  assert(all.every(({ dead }) => dead));
  works.assertOver();
}

exploreTest("killAll() returns when all are dead", () => everybody({}));
exploreTest("killAll() throws its time-out only if some are alive", () => everybody({ timeout: 2 }), {
  inject: ["timeout"],
});

exploreTest("Greenlet[Symbol.asyncDispose]() has ended the greenlet when the block is left", async () => {
  const works = new Works();
  const host = async () => {
    let child: Greenlet | undefined;
    let leaving = false;
    let excused = false;
    try {
      await using greenlet = child = spawn(() => works.run());
      await sleep();
      await endure(() => greenlet.join({ timeout: 1 }));
      leaving = true;
    } catch (error) {
      if (!isInterruption(error)) throw error;
      excused = leaving || error instanceof SuppressedError; // interrupted while it waited for the end
    }
    if (child !== undefined && !excused) assert(child.dead);
  };
  await joinAll([spawn(host), spawn(host)]);
  await sleep(5);
  works.assertOver();
});

exploreTest(
  "shield() holds kills back, and they arrive right after it, once each",
  () =>
    tormented(async (kills) => {
      await kills.wait(() => sleep());
      await shield(() =>
        kills.quiet(async () => {
          await sleep();
          await shield(() => sleep(1));
          await sleep();
        })
      );
      await kills.wait(() => sleep());
      await shield(() => kills.quiet(() => sleep()));
      for (let i = 0; i < 3; i++) await kills.wait(() => sleep(1));
    }),
  { victims: notTheVictim },
);

exploreTest(
  "shield() with a timeout holds kills back for that long and no longer",
  (world) =>
    tormented(async (kills) => {
      const end = world.now + 2;
      await shield(async () => {
        await kills.quiet(() => sleep(1));
        await kills.wait(() => sleep(10));
        assert(world.now >= end);
        for (let i = 0; i < 2; i++) await kills.wait(() => sleep(1));
      }, { timeout: 2 });
      await kills.wait(() => sleep(1));
    }),
  { victims: notTheVictim },
);

exploreTest("Greenlet.kill() of oneself arrives at once, behind a shield right after it", async () => {
  const log: string[] = [];
  const worker = spawn(async () => {
    const self = getCurrent()!;
    try {
      await self.kill("first");
      log.push("survived");
    } catch (error) {
      if (!isInterruption(error)) throw error;
    }
    await endure(() => sleep(1)); // an injected one that was due may arrive here
    await endure(() => sleep(1));
    const killed = shield(async () => {
      assertEquals(await self.kill("second"), false);
      await sleep(1);
      log.push("finished");
    });
    await killed;
    await sleep(1);
    log.push("survived");
  });
  await worker.join();
  assertEquals(log, worker.value instanceof GreenletExit && worker.kills === 0 ? [] : ["finished"]);
});
