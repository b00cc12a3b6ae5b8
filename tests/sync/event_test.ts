import { assertEquals } from "@std/assert";
import { Event, joinAll, sleep, spawn } from "@verdant/green";

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
