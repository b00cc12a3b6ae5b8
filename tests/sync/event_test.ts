import { assertEquals } from "@std/assert";
import { Event, type Greenlet, joinAll, sleep, spawn } from "@verdant/green";
import { captureErrors } from "../helpers.ts";

Deno.test("Event.set() wakes all who wait, in the order in which they came", async () => {
  const event = new Event();
  const log: string[] = [];
  const waiters = ["a", "b", "c"].map((name) =>
    spawn(async () => {
      log.push(`${name}:${await event.wait()}`);
    })
  );
  await sleep();
  event.set();
  assertEquals(log, []); // set() does not switch
  await joinAll(waiters);
  assertEquals(log, ["a:true", "b:true", "c:true"]);
});

Deno.test("Event.set() followed by clear() still wakes all who waited", async () => {
  const event = new Event();
  const waiters = [spawn(() => event.wait()), spawn(() => event.wait())];
  await sleep();
  event.set();
  event.clear();
  assertEquals((await joinAll(waiters)).map((waiter) => waiter.value), [true, true]);
  assertEquals(event.isSet, false);
});

Deno.test("Event.wait() again, in its own wake-up, is not woken by the same set()", async () => {
  const event = new Event();
  let wakeUps = 0;
  const waiter = spawn(async () => {
    for (;;) {
      await event.wait();
      wakeUps++;
      event.clear();
    }
  });
  await sleep();
  event.set();
  await sleep();
  await sleep();
  assertEquals(wakeUps, 1);
  await waiter.kill();
});

Deno.test("Event.wait() of a set event returns true without waiting", async () => {
  const event = new Event();
  event.set();
  const log: string[] = [];
  const other = spawn(() => log.push("other"));
  assertEquals(await event.wait(), true);
  log.push("waited");
  await other.join();
  assertEquals(log, ["waited", "other"]);
});

Deno.test("Event.rawlink() calls back once, soon if it is set, and not after dispose", async () => {
  const event = new Event();
  const log: string[] = [];
  event.rawlink((source) => log.push(`linked:${source === event}`));
  const removed = event.rawlink(() => log.push("never"));
  removed[Symbol.dispose]();
  event.set();
  event.set();
  event.rawlink(() => log.push("late"));
  assertEquals(log, []);
  await sleep();
  assertEquals(log, ["linked:true", "late"]);
});

Deno.test("Event.set() twice wakes nobody twice, clear() of a clear event changes nothing", async () => {
  const event = new Event();
  event.clear();
  let wakeUps = 0;
  const waiter = spawn(async () => {
    await event.wait();
    wakeUps++;
  });
  await sleep();
  event.set();
  event.set();
  await waiter.join();
  assertEquals([wakeUps, event.isSet, event.ready], [1, true, true]);
});

Deno.test("Event.wait() by those who come between set() and clear() returns before those woken run", async () => {
  const event = new Event();
  const log: string[] = [];
  const early = spawn(() => event.wait().then(() => log.push("early")));
  await sleep();
  const late = spawn(async () => {
    event.set();
    await event.wait();
    event.clear();
    log.push("late");
    log.push(`clear: ${await event.wait({ timeout: 0 })}`);
  });
  await joinAll([early, late]);
  assertEquals(log, ["late", "clear: false", "early"]);
});

Deno.test("Event.wait() that times out or is killed leaves the others waiting", async () => {
  const event = new Event();
  const patient = spawn(() => event.wait());
  const victim = spawn(() => event.wait());
  assertEquals(await event.wait({ timeout: 1 }), false);
  await victim.kill();
  assertEquals(patient.ready, false);
  event.set();
  assertEquals(await patient.get(), true);
});

Deno.test("Event.set() and a kill in the same turn: what came first is the outcome", async () => {
  const event = new Event();
  const outcome = (greenlet: Greenlet<boolean>) =>
    greenlet.value instanceof Error ? "killed" : greenlet.value;
  const [setFirst, killedFirst] = [spawn(() => event.wait()), spawn(() => event.wait())];
  await sleep();
  void killedFirst.kill(undefined, { block: false });
  event.set();
  void setFirst.kill(undefined, { block: false });
  await joinAll([setFirst, killedFirst]);
  assertEquals([outcome(setFirst), outcome(killedFirst)], [true, "killed"]);
});

Deno.test("Event.rawlink() callbacks and waiters are served in the order in which they came", async () => {
  const event = new Event();
  const log: string[] = [];
  const first = spawn(() => event.wait().then(() => log.push("first")));
  await sleep();
  event.rawlink(() => log.push("linked"));
  const last = spawn(() => event.wait().then(() => log.push("last")));
  await sleep();
  event.set();
  await joinAll([first, last]);
  assertEquals(log, ["first", "linked", "last"]);
});

Deno.test("Event.rawlink() callback that throws is reported and does not stop the others", async () => {
  using errors = captureErrors();
  const event = new Event();
  const failure = new Error("in a link");
  event.rawlink(() => {
    throw failure;
  });
  const waiter = spawn(() => event.wait());
  await sleep();
  event.set();
  assertEquals([await waiter.get(), errors.seen], [true, [failure]]);
});
