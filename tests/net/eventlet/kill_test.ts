import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  Event,
  eventlet,
  getHub,
  GreenletExit,
  joinAll,
  Queue,
  Semaphore,
  shield,
  simulate,
  sleep,
  spawn,
} from "@verdant/green";
import { exploreTest } from "../../explored/explored.ts";
import { captureErrors } from "../../helpers.ts";

Deno.test("eventlet.kill() lets the victim run first, then who could run before, then the killer", async () => {
  const log: string[] = [];
  const victim = eventlet.spawn(async () => {
    try {
      await sleep(60_000);
    } finally {
      log.push("in-f");
    }
  });
  await sleep();
  eventlet.spawn(() => log.push("spawned-before-kill"));
  assertEquals(await eventlet.kill(victim), true);
  log.push("after-kill");
  assertEquals(log, ["in-f", "spawned-before-kill", "after-kill"]);
});

Deno.test("eventlet.kill() keeps that order for a killer in a greenlet that was just begun", async () => {
  const log: string[] = [];
  const victim = eventlet.spawn(async () => {
    try {
      await sleep(60_000);
    } finally {
      log.push("victim");
    }
  });
  await sleep();
  const killer = eventlet.spawn(async () => {
    await eventlet.kill(victim);
    log.push("killer");
  });
  eventlet.spawn(async () => {
    log.push("other");
    await sleep();
    log.push("other again");
  });
  await killer.wait();
  await sleep();
  assertEquals(log, ["victim", "other", "killer", "other again"]);
});

Deno.test("eventlet.kill() switches to the victim once", async () => {
  const victim = eventlet.spawn(async () => {
    await sleep(60_000).catch(() => {});
    await sleep(1);
  });
  await sleep();
  const hub = getHub();
  let switches = 0;
  hub.tracer = {
    spawned() {},
    parked() {},
    ended() {},
    switched: (task) => void (task === victim && switches++),
  };
  try {
    await eventlet.kill(victim);
    for (let i = 0; i < 3; i++) await sleep();
    assertEquals(switches, 1);
  } finally {
    hub.tracer = undefined;
  }
  await victim.join();
});

Deno.test("eventlet.kill() does not wait for the death", async () => {
  const log: string[] = [];
  const victim = eventlet.spawn(async () => {
    try {
      await sleep(60_000);
    } finally {
      log.push("fin1");
      await sleep(1);
      log.push("fin2");
    }
  });
  await sleep();
  log.push(`kill returned dead=${await eventlet.kill(victim)}`);
  await victim.join();
  log.push("exit");
  assertEquals(log, ["fin1", "kill returned dead=false", "fin2", "exit"]);
});

Deno.test("eventlet.kill() of one that has not begun calls its links at once, and its body never", async () => {
  const log: unknown[] = [];
  const victim = eventlet.spawn(() => log.push("never"));
  victim.link(() => log.push("link"));
  eventlet.spawn(() => log.push("other"));
  assertEquals(await eventlet.kill(victim), true);
  log.push("after-kill");
  await victim.wait().catch((error) => log.push(error.name));
  assertEquals(log, ["link", "other", "after-kill", "GreenletExit"]);
});

Deno.test("eventlet.kill() delivers the instance it is given, also before the start", async () => {
  using errors = captureErrors();
  const reason = new RangeError("out of the way");
  for (const begun of [true, false]) {
    const victim = eventlet.spawn(() => sleep(60_000));
    if (begun) await sleep();
    await eventlet.kill(victim, reason);
    assertStrictEquals(await victim.wait().catch((error) => error), reason);
  }
  assertEquals(errors.seen, [reason, reason]);
});

Deno.test("eventlet.kill() of a greenlet that has ended does nothing, and does not switch", async () => {
  const log: string[] = [];
  const ended = eventlet.spawn(() => 5);
  await ended.wait();
  eventlet.spawn(() => log.push("other"));
  assertEquals(await eventlet.kill(ended), true);
  log.push("killer");
  assertEquals([log, await ended.wait()], [["killer"], 5]);
  await sleep();
  assertEquals(log, ["killer", "other"]);
});

Deno.test("eventlet.kill() of itself throws at the call", async () => {
  const log: unknown[] = [];
  const thread = eventlet.spawn(async () => {
    try {
      await eventlet.kill(eventlet.getcurrent()!);
    } catch (error) {
      log.push((error as Error).name);
    }
    return await new eventlet.Event().wait(1); // no spurious wake-up
  });
  assertEquals([await thread.wait(), log], [undefined, ["GreenletExit"]]);
});

Deno.test("eventlet.kill() of one that catches it and returns leaves a success", async () => {
  const victim = eventlet.spawn(() => sleep(60_000).catch(() => "survived"));
  await sleep();
  await eventlet.kill(victim);
  assertEquals([await victim.wait(), victim.dead, victim.successful], ["survived", true, true]);
});

Deno.test("eventlet.kill() of one that was granted something comes at its next wait, before the killer goes on", async () => {
  const queue = new Queue<string>();
  const log: unknown[] = [];
  const victim = eventlet.spawn(async () => {
    log.push(await queue.get());
    await sleep(60_000);
  });
  await sleep();
  queue.putNowait("item");
  assertEquals(await eventlet.kill(victim), true);
  assertEquals([log, queue.size], [["item"], 0]);
});

Deno.test("eventlet.kill() of one behind a shield comes when the shield is gone", async () => {
  const log: string[] = [];
  const gate = new Event();
  const victim = eventlet.spawn(async () => {
    await shield(() => gate.wait());
    log.push("shield is gone");
    await sleep();
  });
  await sleep();
  assertEquals(await eventlet.kill(victim), false);
  log.push("killed");
  gate.set();
  await assertRejects(() => victim.wait(), GreenletExit);
  assertEquals(log[0], "killed");
});

Deno.test("eventlet.kill() of one with several waits ends all of them", async () => {
  const ends: string[] = [];
  const victim = eventlet.spawn(async () => {
    const waits = [sleep(60_000), new Event().wait(), new Queue().get()];
    for (const end of await Promise.allSettled(waits)) ends.push(end.status);
    await sleep();
    ends.push("went on");
  });
  await sleep();
  await eventlet.kill(victim);
  await victim.wait();
  assertEquals(ends, ["rejected", "rejected", "rejected", "went on"]);
  assertEquals(getHub().stats().runnable, 0);
});

Deno.test("eventlet.kill() of several by killers of which each is next", async () => {
  const log: string[] = [];
  const victims = ["a", "b", "c"].map((name) =>
    eventlet.spawn(async () => {
      try {
        await sleep(60_000);
      } finally {
        log.push(name);
      }
    })
  );
  await sleep();
  await Promise.all(victims.map((victim) => eventlet.kill(victim)));
  assertEquals(log, ["a", "b", "c"]);
  assert(victims.every((victim) => victim.dead));
});

Deno.test("eventlet.kill() by one that is killed itself throws that, and the victim dies all the same", async () => {
  const victim = eventlet.spawn(() => sleep(60_000));
  const killer = eventlet.spawn(async () => {
    killer.throw("enough");
    await eventlet.kill(victim);
  });
  await assertRejects(() => killer.wait(), GreenletExit, "enough");
  await assertRejects(() => victim.wait(), GreenletExit);
});

Deno.test("eventlet.kill() in a callback of the hub kills without switching", async () => {
  const victim = eventlet.spawn(() => sleep(60_000));
  await sleep();
  const killed: Promise<boolean>[] = [];
  getHub().runCallback(() => killed.push(eventlet.kill(victim)));
  await assertRejects(() => victim.wait(), GreenletExit);
  assertEquals(await killed[0], false);
});

Deno.test("eventlet.kill() reaches into another hub", async () => {
  const victim = eventlet.spawn(() => sleep(60_000));
  await sleep();
  await simulate(async ({ hub }) => {
    void eventlet.kill(victim);
    assert(hub.holder?.hub !== victim.hub);
    await sleep();
  });
  await assertRejects(() => victim.wait(), GreenletExit);
});

Deno.test("eventlet.kill() from outside does not take the turn of the one who has it", async () => {
  const gate = new Event();
  const victim = eventlet.spawn(() => gate.wait());
  const { promise, resolve } = Promise.withResolvers<void>();
  const holder = eventlet.spawn(() => promise);
  await new Promise((done) => setTimeout(done));
  const hub = getHub();
  assertStrictEquals(hub.holder, holder);
  const killed = eventlet.kill(victim);
  assertStrictEquals(hub.holder, holder);
  resolve();
  assertEquals(await killed, true);
});

Deno.test("eventlet.kill() refuses a reason that is no error", async () => {
  const thread = eventlet.spawn(() => 1);
  assertThrows(() => eventlet.kill(thread, 5 as never), TypeError, "received 5");
  assertEquals(await thread.wait(), 1);
});

Deno.test("eventlet.cancel() kills one that has not begun, and no other", async () => {
  const fresh = eventlet.spawn(() => "never");
  assertEquals(await eventlet.cancel(fresh), true);
  await assertRejects(() => fresh.wait(), GreenletExit);

  const begun = eventlet.spawn(() => sleep(1).then(() => "done"));
  await sleep();
  assertEquals([await begun.cancel(), await begun.wait(), await begun.cancel()], [false, "done", false]);

  const later = eventlet.spawnAfter(60_000, () => "never");
  assertEquals([await later.cancel("no need"), later.dead], [true, true]);
  await assertRejects(() => later.wait(), GreenletExit, "no need");
  assertEquals(getHub().stats().timers, 0);
});

Deno.test("eventlet.kill() of one that waits loses neither item nor permit", async () => {
  const queue = new eventlet.Queue<string>();
  const semaphore = new eventlet.Semaphore(0);
  for (const wait of [() => queue.get(), () => semaphore.acquire()]) {
    const victim = eventlet.spawn(async () => void await wait());
    await sleep();
    await eventlet.kill(victim);
  }
  await queue.put("item");
  semaphore.release();
  assertEquals([queue.qsize, queue.getting, semaphore.counter, semaphore.balance], [1, 0, 1, 1]);
});

exploreTest("eventlet.kill() kills once whoever is struck meanwhile, and nobody is lost", async () => {
  const semaphore = new Semaphore(1);
  let cleaned = 0;
  const victims = [1, 2].map(() =>
    spawn(async () => {
      try {
        await semaphore.with(() => sleep());
      } finally {
        cleaned++;
        await sleep();
      }
    })
  );
  const begun = new Set<unknown>();
  await sleep();
  for (const victim of victims) if (victim.waits !== undefined) begun.add(victim);
  const killers = victims.map((victim) => spawn(async () => void await eventlet.kill(victim)));
  await joinAll([...victims, ...killers]);
  assert(cleaned >= begun.size, `${begun.size} had begun, ${cleaned} are cleaned up`);
  assertEquals(semaphore.counter, 1);
});
