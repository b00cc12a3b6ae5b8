import { assertEquals } from "@std/assert";
import { getHub, idle, joinAll, sleep, spawn, spawnLater } from "@verdant/green";

Deno.test("sleep(0) lets everybody run who is ready, once", async () => {
  const log: string[] = [];
  const body = async (name: string) => {
    for (let i = 0; i < 2; i++) {
      log.push(`${name}${i}`);
      await sleep(0);
    }
  };
  await joinAll([spawn(body, "a"), spawn(body, "b"), spawn(body, "c")]);
  assertEquals(log, ["a0", "b0", "c0", "a1", "b1", "c1"]);
});

Deno.test("sleep() wakes by duration, equal ones in the order in which they began", async () => {
  const log: string[] = [];
  const nap = (name: string, ms: number) =>
    spawn(async () => {
      await sleep(ms);
      log.push(name);
    });
  await joinAll([nap("slow", 12), nap("fast", 2), nap("medium", 6)]);
  assertEquals(log, ["fast", "medium", "slow"]);
});

Deno.test("sleep(Infinity) needs no timer and ends with a kill", async () => {
  const sleeper = spawn(() => sleep(Infinity));
  await sleep();
  assertEquals(getHub().stats().timers, 0);
  await sleeper.kill();
});

Deno.test("idle() waits for a turn of the event loop, after all that is ready", async () => {
  const log: string[] = [];
  const worker = spawn(async () => {
    for (let i = 0; i < 3; i++) {
      log.push(`work${i}`);
      await sleep();
    }
  });
  await idle();
  log.push("idle");
  await worker.join();
  assertEquals(log, ["work0", "work1", "work2", "idle"]);
});

Deno.test("spawnLater() starts by delay", async () => {
  const log: string[] = [];
  await joinAll([
    spawnLater(6, () => void log.push("late")),
    spawnLater(1, () => void log.push("early")),
    spawnLater(0, () => void log.push("now")),
  ]);
  assertEquals(log, ["now", "early", "late"]);
});
