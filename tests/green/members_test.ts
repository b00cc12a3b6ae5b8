import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  BlockingSwitchOutError,
  getCurrent,
  getHub,
  type Greenlet,
  GreenletExit,
  Group,
  type KillReason,
  type Members,
  Pool,
  sleep,
  spawn,
} from "@verdant/green";
import { captureErrors } from "../helpers.ts";
import { assertFair } from "./fair.ts";
import { endlessSlice, passes } from "./trial.ts";

/** A group with members that log their clean-up, which waits. They have begun. */
async function groupOf(names: string[], log: string[]): Promise<Group> {
  const group = new Group();
  for (const name of names) {
    group.spawn(async () => {
      try {
        await sleep(60_000);
      } finally {
        await sleep();
        log.push(name);
      }
    });
  }
  await sleep();
  return group;
}

/** A member whose clean-up ends when it is let. */
function gatedMember(group: Group): () => void {
  const gate = Promise.withResolvers<void>();
  group.spawn(async () => {
    try {
      await sleep(60_000);
    } finally {
      await gate.promise;
    }
  });
  return gate.resolve;
}

Deno.test("Members are listed in the order in which they came", async () => {
  const group = new Group();
  const members = [1, 2, 3].map(() => group.spawn(() => sleep(60_000)));
  assertEquals([...group], members);
  assertEquals([group.size, members.every((member) => group.has(member))], [3, true]);
  group.discard(members[0]!);
  group.add(members[0]!);
  assertEquals([...group], [members[1], members[2], members[0]]);
  await group.kill();
  assertEquals([[...group], group.size, group.has(members[0]!)], [[], 0, false]);
});

Deno.test("Members forget a greenlet the very moment it ends", async () => {
  const group = new Group();
  const member = group.spawn(() => {});
  const sizes: number[] = [];
  member.rawlink(() => sizes.push(group.size));
  await member.join();
  sizes.push(group.size);
  assertEquals(sizes, [0, 0]);
});

Deno.test("Members.join() does not switch if they are empty", async () => {
  using _slice = endlessSlice();
  const other = spawn(() => {});
  assertEquals(await new Group().join(), true);
  assertEquals(other.ready, false);
  await other.join();
});

Deno.test("Members.join() waits until they are empty, also of those who come meanwhile", async () => {
  const group = new Group();
  const log: string[] = [];
  group.spawn(async () => {
    await sleep();
    group.spawn(async () => {
      await sleep();
      log.push("late member");
    });
    log.push("first member");
  });
  const joiners = ["a", "b"].map((name) => spawn(() => group.join().then((ok) => log.push(`${name} ${ok}`))));
  assertEquals(await group.join(), true);
  for (const joiner of joiners) await joiner.join();
  assertEquals(log, ["first member", "late member", "a true", "b true"]);
});

Deno.test("Members.join() returns false on time-out and leaves the members alone", async () => {
  const group = await groupOf(["a"], []);
  const [member] = group;
  assertEquals([await group.join({ timeout: 0 }), await group.join({ timeout: 1 })], [false, false]);
  assertEquals([[...group], member!.started, member!.kills], [[member], true, 0]);
  await group.kill();
});

Deno.test("Members.join() ends with the reason of a signal", async () => {
  const group = await groupOf(["a"], []);
  const controller = new AbortController();
  const joining = group.join({ signal: controller.signal });
  controller.abort(new RangeError("not wanted"));
  await assertRejects(() => joining, RangeError, "not wanted");
  await group.kill();
});

Deno.test("Members.join() with raiseError throws the error of the oldest failed member", async () => {
  using errors = captureErrors();
  const group = new Group();
  const killed = group.spawn(() => sleep(60_000));
  const oldest = group.spawn(async () => {
    await sleep();
    throw new Error("oldest");
  });
  group.spawn(() => {
    throw new Error("first to fail");
  });
  const joining = group.join({ raiseError: true });
  await sleep();
  await killed.kill();
  assertStrictEquals(await joining.catch((error) => error), oldest.error);
  assertEquals(errors.seen.map(String), ["Error: first to fail", "Error: oldest"]);
});

Deno.test("Members.join() with raiseError ignores kills and those who came after the call", async () => {
  using errors = captureErrors();
  const group = new Group();
  const killed = group.spawn(() => sleep(60_000));
  const joining = group.join({ raiseError: true });
  group.spawn(() => {
    throw new Error("came later");
  });
  await sleep();
  await killed.kill();
  assertEquals([await joining, errors.seen.length], [true, 1]);
});

Deno.test("Members.join() with raiseError throws on time-out, too, if a member has failed by then", async () => {
  using _errors = captureErrors();
  const group = await groupOf(["a"], []);
  group.spawn(() => {
    throw new Error("failed in time");
  });
  await assertRejects(() => group.join({ raiseError: true, timeout: 1 }), Error, "failed in time");
  assertEquals(await group.join({ raiseError: true, timeout: 0 }), false);
  await group.kill();
});

for (const method of ["join", "kill"] as const) {
  Deno.test(`Members.${method}() refuses a bad time-out at the call`, async () => {
    const group = await groupOf(["a"], []);
    for (const timeout of [-1, NaN]) {
      assertThrows(() => group[method]({ timeout }), RangeError, String(timeout));
      assertThrows(() => new Group()[method]({ timeout }), RangeError, String(timeout));
    }
    const [member] = group;
    assertEquals(member!.kills, 0);
    await group.kill();
  });

  Deno.test(`Members.${method}() throws at once in a callback of the hub`, async () => {
    const group = await groupOf(["a"], []);
    const [member] = group;
    let caught: unknown;
    getHub().runCallback(() => {
      try {
        void group[method]();
      } catch (error) {
        caught = error;
      }
    });
    await sleep();
    assertEquals([caught instanceof BlockingSwitchOutError, member!.kills], [true, 0]);
    await group.kill();
  });
}

Deno.test("Members.kill() kills in the order in which they came and waits for the clean-up", async () => {
  const log: string[] = [];
  const group = await groupOf(["a", "b", "c"], log);
  assertEquals(await group.kill({ reason: "closing" }), true);
  assertEquals([log, group.size], [["a", "b", "c"], 0]);
});

Deno.test("Members.kill() throws its reason into every member", async () => {
  const seen: unknown[] = [];
  const group = new Group();
  for (let i = 0; i < 2; i++) group.spawn(() => sleep(60_000).catch((error) => seen.push(error)));
  await sleep();
  const reason = new RangeError("enough");
  await group.kill({ reason });
  assertEquals([seen[0] === reason, seen[1] === reason, seen.length], [true, true, 2]);
});

Deno.test("Members.kill() is done at once with those that have not begun", async () => {
  using _slice = endlessSlice();
  const group = new Group();
  const log: string[] = [];
  const member = group.spawn(() => log.push("never"));
  member.rawlink(() => log.push("link"));
  assertEquals(await group.kill({ block: false }), true);
  assertEquals([group.size, member.dead], [0, true]);
  await sleep();
  assertEquals(log, ["link"]);
});

Deno.test("Members.kill() kills those, too, who come while it waits, and nobody afterwards", async () => {
  const group = new Group();
  const log: string[] = [];
  const outsider = spawn(() => sleep(60_000));
  group.spawn(async () => {
    try {
      await sleep(60_000);
    } finally {
      group.spawn(() => log.push("never"));
      group.add(outsider);
      await sleep();
      log.push("cleaned up");
    }
  });
  await sleep();
  assertEquals(await group.kill(), true);
  assertEquals([log, outsider.dead], [["cleaned up"], true]);
  await group.spawn(() => log.push("afterwards")).join();
  assertEquals(log, ["cleaned up", "afterwards"]);
});

Deno.test("Members.kill() that times out or is interrupted no longer kills those who come", async () => {
  const group = new Group();
  const open = gatedMember(group);
  await sleep();
  assertEquals(await group.kill({ timeout: 1 }), false);
  const killer = spawn(() => group.kill());
  await sleep();
  await killer.kill();
  const late = group.spawn(() => "ran");
  assertEquals(await late.get(), "ran");
  open();
  assertEquals(await group.join(), true);
});

Deno.test("Members.kill() never kills a member twice", async () => {
  const group = new Group();
  let kills = 0;
  const member = group.spawn(async () => {
    for (let i = 0; i < 6; i++) await sleep().catch(() => kills++);
  });
  await sleep();
  assertEquals(await group.kill({ block: false }), false);
  assertEquals(await group.killOne(member, { block: false }), false);
  assertEquals([await group.kill(), kills, member.dead], [true, 1, true]);
});

Deno.test("Members.kill() by a member kills the others, then itself", async () => {
  const log: string[] = [];
  const group = await groupOf(["other"], log);
  const suicide = group.spawn(async () => {
    await group.kill();
    log.push("never");
  });
  await group.join();
  assertEquals([log, suicide.value instanceof GreenletExit], [["other"], true]);
});

const badReasons = [42, null, {}, () => {}] as unknown as KillReason[];

Deno.test("Members.kill() refuses a bad reason at the call, and can kill afterwards", async () => {
  const log: string[] = [];
  const group = await groupOf(["a"], log);
  for (const reason of badReasons) {
    assertThrows(() => group.kill({ reason }), TypeError, String(reason));
    assertThrows(() => new Group().kill({ reason }), TypeError, String(reason));
  }
  assertEquals(await group.kill({ timeout: 1_000 }), true);
  assertEquals(log, ["a"]);
});

Deno.test("Members.killOne() refuses bad input at the call, and can kill afterwards", async () => {
  const log: string[] = [];
  const group = await groupOf(["a"], log);
  const member = [...group][0]!;
  const stranger = spawn(() => sleep(60_000));
  for (const greenlet of [member, stranger]) {
    for (const reason of badReasons) {
      assertThrows(() => group.killOne(greenlet, { reason }), TypeError, String(reason));
    }
    assertThrows(() => group.killOne(greenlet, { timeout: -1 }), RangeError, "-1");
    assertThrows(() => group.killOne(greenlet, { timeout: NaN, block: false }), RangeError, "NaN");
  }
  assertEquals(await group.killOne(member, { timeout: 1_000 }), true);
  assertEquals([log, stranger.dead], [["a"], false]);
  await stranger.kill();
});

Deno.test("Members.killOne() throws at once in a callback of the hub, and can kill afterwards", async () => {
  const log: string[] = [];
  const group = await groupOf(["a"], log);
  const member = [...group][0]!;
  let caught: unknown;
  getHub().runCallback(() => {
    try {
      void group.killOne(member);
    } catch (error) {
      caught = error;
    }
  });
  await sleep();
  assertEquals([caught instanceof BlockingSwitchOutError, member.kills], [true, 0]);
  assertEquals(await group.killOne(member, { timeout: 1_000 }), true);
  assertEquals(log, ["a"]);
});

Deno.test("Members.killOne() kills a member, nobody else, and waits for its clean-up", async () => {
  const log: string[] = [];
  const group = await groupOf(["one", "other"], log);
  const [one, other] = group;
  assertEquals(await group.killOne(one!), true);
  assertEquals([log, other!.dead, [...group]], [["one"], false, [other]]);
  assertEquals(await group.killOne(one!), true); // it has ended
  await group.kill();
});

Deno.test("Members.killOne() leaves a greenlet alone that is not in it", async () => {
  const stranger = spawn(() => sleep(60_000));
  assertEquals([await new Group().killOne(stranger), stranger.dead], [false, false]);
  await stranger.kill();
});

Deno.test("Members.killOne() returns false on time-out; asked again, it waits for the same kill", async () => {
  const group = new Group();
  const open = gatedMember(group);
  const member = [...group][0]!;
  await sleep();
  assertEquals(await group.killOne(member, { timeout: 1 }), false);
  const again = spawn(() => group.killOne(member));
  await sleep();
  open();
  assertEquals([await again.get(), member.kills], [true, 1]);
});

Deno.test("Members are killed and waited for at the end of an await using block, the inner ones first", async () => {
  const log: string[] = [];
  {
    await using _outer = await groupOf(["outer"], log);
    await using _inner = await groupOf(["inner"], log);
  }
  assertEquals(log, ["inner", "outer"]);
});

Deno.test("Members in an await using block are cleaned up before its error goes on", async () => {
  const log: string[] = [];
  const failing = async () => {
    await using _group = await groupOf(["member"], log);
    throw new Error("block failed");
  };
  await failing().catch((error) => log.push(error.message));
  assertEquals(log, ["member", "block failed"]);
});

Deno.test("Members in an await using block are cleaned up before its killed greenlet ends", async () => {
  const log: string[] = [];
  const holder = spawn(async () => {
    await using _group = await groupOf(["member"], log);
    await sleep(60_000);
  });
  await passes(2);
  await holder.kill();
  assertEquals([log, holder.value as unknown instanceof GreenletExit], [["member"], true]);
});

Deno.test("Members.kill() is one call for every kind of set", async () => {
  const stop = (members: Members) => members.kill();
  const pool = new Pool(2);
  const members: Greenlet[] = [await pool.spawn(() => sleep(60_000)), await pool.spawn(() => sleep(60_000))];
  await sleep();
  assertEquals([await stop(pool), members.map((member) => member.dead)], [true, [true, true]]);
  assertEquals(pool.freeCount, 2);
});

Deno.test("Members.killOne() of the caller throws the kill", async () => {
  const group = new Group();
  const log: string[] = [];
  const member = group.spawn(async () => {
    await group.killOne(getCurrent()!);
    log.push("never");
  });
  await group.join();
  assertEquals([log, member.value instanceof GreenletExit], [[], true]);
});

Deno.test("Members.kill() and killOne() that need not wait, in a loop, let the event loop have its turns", async () => {
  const group = new Group();
  const stranger = spawn(() => sleep(60_000));
  await assertFair(() => group.kill());
  await assertFair(() => group.killOne(stranger));
  await stranger.kill();
  await assertFair(() => group.killOne(stranger));
});

Deno.test("Members.kill() of an empty set kills those, too, who come while it lets others run", async () => {
  const hub = getHub();
  const { switchInterval } = hub;
  const group = new Group();
  let began = 0;
  hub.switchInterval = 0; // a look at the clock, and the others run
  try {
    for (let i = 0; i < 200; i++) {
      const kill = group.kill();
      const late = spawn(() => void group.spawn(() => began++));
      await kill;
      assertEquals(group.size, 0);
      await late.kill();
      await group.kill();
    }
  } finally {
    hub.switchInterval = switchInterval;
  }
  assertEquals(began, 0);
});
