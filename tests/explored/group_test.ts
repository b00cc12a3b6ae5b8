/** Groups under many schedules, while their members and those who wait for them are killed and timed out. */
import { assert, assertEquals } from "@std/assert";
import { type Greenlet, Group, joinAll, killAll, sleep, spawn, type World } from "@verdant/green";
import { allowPlanned, type Body, endure, exploreTest, isInterruption, Planned, Works } from "./explored.ts";

/** A group and whoever ought to be in it. */
class Audit {
  readonly group: Group = new Group();
  readonly all: Greenlet[] = [];
  readonly discarded: Set<Greenlet> = new Set();

  spawn(body: () => unknown): Greenlet {
    const member = this.group.spawn(body);
    this.all.push(member);
    return member;
  }

  discard(member: Greenlet): void {
    this.discarded.add(member);
    this.group.discard(member);
  }

  /** Its members are those who live, in the order in which they came. */
  check(): void {
    const living = this.all.filter((member) => !member.dead && !this.discarded.has(member));
    const members = [...this.group];
    assert(members.length === living.length && members.every((member, i) => member === living[i]));
    assert(this.group.size === living.length);
    for (const member of this.all) assert(this.group.has(member) === living.includes(member));
  }
}

/** Members that come, end, are discarded and added again, and somebody who looks on. */
function membership(members: number, waits: number): Body {
  return async (world) => {
    const audit = new Audit();
    const work = async () => {
      audit.check();
      try {
        for (let i = 1; i < waits; i++) {
          await sleep();
          audit.check();
        }
        await sleep(1);
      } finally {
        audit.check();
      }
    };
    for (let i = 0; i < members; i++) audit.spawn(work);
    const discarder = spawn(async () => {
      await sleep();
      const index = Math.floor(world.random() * members);
      audit.discard(audit.all[index]!);
      audit.check();
    });
    const newcomer = spawn(async () => {
      await sleep();
      audit.spawn(work);
      audit.check();
    });
    for (let i = 0; i < waits; i++) {
      await sleep();
      audit.check();
    }
    await joinAll([...audit.all, discarder, newcomer]);
    await audit.group.join();
    audit.check();
  };
}

exploreTest("Group holds exactly its living greenlets", membership(3, 3), { every: membership(1, 1) });

/** Joiners, of whom some have a limit, and members of whom one spawns another. */
function joining(members: number, joiners: number): Body {
  return async () => {
    const works = new Works();
    const group = new Group();
    group.spawn(() => works.run(() => void group.spawn(() => works.run())));
    for (let i = 1; i < members; i++) group.spawn(() => works.run());
    const join = async (i: number) => {
      const empty = await group.join(i === 0 ? {} : { timeout: 2 });
      if (!empty) return;
      assertEquals(group.size, 0);
      works.assertOver();
    };
    await joinAll(Array.from({ length: joiners }, (_, i) => spawn(join, i)));
    assertEquals(await group.join(), true);
    works.assertOver();
  };
}

exploreTest("Group.join() returns true only when it is empty", joining(3, 3));

exploreTest("Group.join() wakes all joiners when the last member ends", async () => {
  const group = new Group([spawn(() => sleep(1)), spawn(() => sleep())]);
  const join = async () => assertEquals([await group.join(), group.size], [true, 0]);
  await joinAll([spawn(join), spawn(join), spawn(join)]);
}, {
  every: async () => {
    const group = new Group([spawn(() => sleep(1)), spawn(() => sleep())]);
    const join = async () => assertEquals([await group.join(), group.size], [true, 0]);
    await joinAll([spawn(join), spawn(join)]);
  },
});

exploreTest("Group.join() with raiseError throws the error of the oldest failed member", async (world) => {
  const group = new Group();
  const failing = (ms: number) => async () => {
    await sleep(ms);
    await sleep();
    throw new Planned(`member ${ms}`);
  };
  allowPlanned(world);
  const members = [group.spawn(() => sleep(1)), group.spawn(failing(2)), group.spawn(failing(1))];
  const joiner = spawn(async () => {
    const present = [...group];
    const isTheirs = (error: unknown) => members.some((member) => member.error === error);
    try {
      await group.join({ raiseError: true });
      assert(present.every(({ failed }) => !failed));
    } catch (error) {
      if (isInterruption(error) && !isTheirs(error)) return;
      assert(group.size === 0 && error === present.find(({ failed }) => failed)?.error);
    }
  });
  await joinAll([joiner, ...members]);
});

/** Two who kill the group, while members come, clean up, and bring others as they do. */
function killing(members: number, killers: number): Body {
  return async () => {
    const works = new Works();
    const group = new Group();
    const bringsAnother = async () => {
      try {
        await works.run();
      } finally {
        group.spawn(() => works.run());
      }
    };
    group.spawn(bringsAnother);
    for (let i = 1; i < members; i++) group.spawn(() => works.run());
    const kill = async (i: number) => {
      await sleep();
      const empty = await group.kill({ reason: `killer ${i}` });
      assertEquals([empty, group.size], [true, 0]);
      works.assertOver();
    };
    const all = Array.from({ length: killers }, (_, i) => spawn(kill, i));
    await joinAll(all);
    await group.kill();
    assertEquals(group.size, 0);
    works.assertOver();
  };
}

exploreTest("Group.kill() leaves it empty, and all have cleaned up once", killing(3, 2), {
  every: killing(1, 1),
});

exploreTest("Group.kill() kills nobody twice, and everybody who comes while it waits", async () => {
  const group = new Group();
  const killed = new Map<string, number>();
  const note = (who: string) => async (act: () => Promise<unknown>) => {
    try {
      await act();
    } catch (error) {
      if (!isInterruption(error)) throw error;
      if (String(error).includes("the group's")) killed.set(who, (killed.get(who) ?? 0) + 1);
    }
  };
  const stubborn = (who: string) => async () => {
    for (let i = 0; i < 4; i++) await note(who)(() => sleep(1));
  };
  group.spawn(stubborn("a"));
  group.spawn(stubborn("b"));
  let waiting = 0;
  const killer = () =>
    endure(async () => {
      await sleep();
      waiting++;
      try {
        await group.kill({ reason: "the group's" });
      } finally {
        waiting--;
      }
    });
  const late = spawn(async () => {
    await endure(() => sleep(1));
    await endure(() => sleep());
    const doomed = waiting > 0 && group.size > 0;
    let begun = false;
    const newcomer = group.spawn(() => {
      begun = true;
    });
    await newcomer.join();
    assertEquals(begun, !doomed);
  });
  late.name = "late";
  await joinAll([spawn(killer), spawn(killer), late]);
  await group.join();
  for (const times of killed.values()) assertEquals(times, 1);
}, { victims: ({ name }) => name !== "late" });

/** Several who want to end one member, while another ends all of them. */
function killingOne(killers: number, makeWork: () => () => Promise<unknown>): Body {
  return async () => {
    const group = new Group();
    const one = group.spawn(makeWork());
    const killOne = async (i: number) => {
      await sleep();
      const ended = await group.killOne(one, i === 0 ? {} : { timeout: 1 });
      if (ended || i === 0) assert(one.dead);
      assertEquals(group.has(one), !one.dead);
    };
    const all = Array.from({ length: killers }, (_, i) => spawn(killOne, i));
    const killAll = spawn(() => group.kill());
    await joinAll([...all, killAll, one]);
    assertEquals(group.size, 0);
  };
}

exploreTest("Group.killOne() says whether the member has ended", async (world) => {
  const works = new Works();
  await killingOne(3, () => () => works.run())(world);
  works.assertOver();
}, { every: killingOne(1, () => () => sleep(1)) });

exploreTest("Group[Symbol.asyncDispose]() leaves nobody behind", async () => {
  const works = new Works();
  const host = async () => {
    let leaving = false;
    let left: Group | undefined;
    let excused = false;
    try {
      await using group = left = new Group();
      for (let i = 0; i < 2; i++) group.spawn(() => works.run());
      await sleep();
      leaving = true;
    } catch (error) {
      if (!isInterruption(error)) throw error;
      excused = leaving || error instanceof SuppressedError; // interrupted while it waited for the end
    }
    if (!excused) assertEquals(left?.size ?? 0, 0);
  };
  await joinAll([spawn(host), spawn(host)]);
  await sleep(5);
  works.assertOver();
});

/** Members of two groups leave both, whoever kills them. */
function twoGroups(): Body {
  return async (world: World) => {
    const works = new Works();
    const [a, b] = [new Group(), new Group()];
    const members = Array.from({ length: 3 }, () => a.spawn(() => works.run()));
    for (const member of members.slice(1)) b.add(member);
    b.spawn(() => works.run());
    const check = () => {
      assertEquals(a.size, members.filter(({ dead }) => !dead).length);
      for (const member of members) assertEquals(a.has(member), !member.dead);
    };
    const killers = [spawn(() => b.kill()), spawn(() => killAll([members[world.random() < 0.5 ? 0 : 2]!]))];
    for (let i = 0; i < 4; i++) {
      await sleep();
      check();
    }
    await joinAll(killers);
    await Promise.all([a.join(), b.join()]);
    check();
    works.assertOver();
  };
}

exploreTest("Group members that are in two groups leave both when they end", twoGroups());
