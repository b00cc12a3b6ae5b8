import { assert, assertEquals, assertRejects } from "@std/assert";
import { Greenlet, Group, sleep, spawn } from "@verdant/green";
import { captureErrors } from "../helpers.ts";

Deno.test("Group forgets a member the moment it ends", async () => {
  const group = new Group();
  const short = group.spawn(() => sleep());
  const long = group.spawn(() => sleep(60_000));
  assertEquals([[...group], group.size, group.has(short), group.full], [[short, long], 2, true, false]);
  await short.join();
  assertEquals([[...group], group.has(short)], [[long], false]);
  await group.kill();
  assertEquals(group.size, 0);
});

Deno.test("Group.join() waits until it is empty, also of those who come meanwhile", async () => {
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
  assertEquals(await group.join(), true);
  assertEquals(log, ["first member", "late member"]);
  assertEquals(await group.join(), true); // empty: at once
});

Deno.test("Group.join() with raiseError throws the error of the oldest failed member", async () => {
  using errors = captureErrors();
  const group = new Group();
  group.spawn(async () => {
    await sleep();
    throw new Error("oldest");
  });
  group.spawn(() => {
    throw new Error("first to fail");
  });
  await assertRejects(() => group.join({ raiseError: true }), Error, "oldest");
  assertEquals(errors.seen.length, 2);
});

Deno.test("Group.kill() kills all once, also those who come meanwhile, and waits for the clean-up", async () => {
  const group = new Group();
  const log: string[] = [];
  for (const name of ["a", "b"]) {
    group.spawn(async () => {
      try {
        await sleep(60_000);
      } finally {
        group.spawn(() => log.push("never"));
        await sleep();
        log.push(`${name} cleaned up`);
      }
    });
  }
  await sleep();
  assertEquals(await group.kill({ reason: "closing" }), true);
  assertEquals([log, group.size], [["a cleaned up", "b cleaned up"], 0]);
});

Deno.test("Group.kill() returns false when a member does not end in time", async () => {
  const group = new Group();
  const gate = Promise.withResolvers<void>();
  group.spawn(async () => {
    try {
      await sleep(60_000);
    } finally {
      await gate.promise;
    }
  });
  await sleep();
  assertEquals(await group.kill({ timeout: 1 }), false);
  assertEquals(await group.kill({ block: false }), false);
  gate.resolve();
  assertEquals(await group.join(), true);
});

Deno.test("Group.killOne() kills a member, nobody else", async () => {
  const group = new Group();
  const [one, other] = [group.spawn(() => sleep(60_000)), group.spawn(() => sleep(60_000))];
  await sleep();
  assertEquals(await group.killOne(one), true);
  assertEquals([one.dead, other.dead, [...group]], [true, false, [other]]);
  const stranger = spawn(() => sleep());
  assertEquals(await group.killOne(stranger), false);
  await stranger.join();
  await group.kill();
});

Deno.test("Group.add() takes started and unstarted greenlets once, ended ones not; discard() lets them run", async () => {
  const running = spawn(() => sleep(60_000));
  const ended = spawn(() => {});
  await ended.join();
  const group = new Group([running, ended, running]);
  assertEquals([...group], [running]);
  const later = new Greenlet(() => "ran");
  group.add(later);
  assertEquals([group.size, later.started], [2, false]);
  group.discard(running);
  group.discard(ended);
  assertEquals([...group], [later]);
  group.start(later);
  await group.join();
  assertEquals(later.value, "ran");
  assert(running.started);
  await running.kill();
});

Deno.test("Group is killed and waited for at the end of an await using block", async () => {
  const log: string[] = [];
  {
    await using group = new Group();
    group.spawn(async () => {
      try {
        await sleep(60_000);
      } finally {
        await sleep();
        log.push("cleaned up");
      }
    });
    await sleep();
  }
  assertEquals(log, ["cleaned up"]);
});
