import { assert, assertEquals, assertRejects } from "@std/assert";
import { Barrier, BrokenBarrierError, joinAll, sleep, spawn } from "@verdant/green";

Deno.test("Barrier.wait() lets all pass once the last has come, numbered as they came", async () => {
  const log: string[] = [];
  const barrier = new Barrier(3, { action: () => log.push("action") });
  const parties = [0, 1, 2].map((i) =>
    spawn(async () => {
      for (let round = 0; round < 2; round++) {
        const index = await barrier.wait();
        log.push(`${round}:${i}:${index}`);
      }
    })
  );
  await joinAll(parties);
  const rounds = [
    log.filter((entry) => entry.startsWith("0:")),
    log.filter((entry) => entry.startsWith("1:")),
  ];
  assertEquals(rounds.map((round) => round.map((entry) => entry.at(-1)).toSorted().join("")), ["012", "012"]);
  assertEquals(log[0], "action");
  assertEquals(log.filter((entry) => entry === "action").length, 2);
});

Deno.test("Barrier.wait() that is killed breaks the barrier for the others; reset() mends it", async () => {
  const barrier = new Barrier(3);
  const victim = spawn(() => barrier.wait());
  const other = spawn(() => barrier.wait().catch((error) => error));
  await sleep();
  assertEquals(barrier.waiting, 2);
  await victim.kill();
  assert(await other.get() instanceof BrokenBarrierError && barrier.broken);
  await assertRejects(() => barrier.wait(), BrokenBarrierError);
  barrier.reset();
  assert(!barrier.broken);
  const all = [1, 2, 3].map(() => spawn(() => barrier.wait()));
  await joinAll(all);
  assertEquals(all.map((greenlet) => greenlet.value), [0, 1, 2]);
});

Deno.test("Barrier whose action throws is broken for all, and the last to come gets the error", async () => {
  const barrier = new Barrier(2, {
    action: () => {
      throw new RangeError("action");
    },
  });
  const first = spawn(() => barrier.wait().catch((error) => error));
  await sleep();
  await assertRejects(() => barrier.wait(), RangeError, "action");
  assert(await first.get() instanceof BrokenBarrierError);
});

Deno.test("Barrier.abort() ends the waits with BrokenBarrierError", async () => {
  const barrier = new Barrier(2);
  const waiter = spawn(() => barrier.wait().catch((error) => error));
  await sleep();
  barrier.abort();
  assert(await waiter.get() instanceof BrokenBarrierError);
});

Deno.test("Barrier takes the time-out of its constructor for waits that have none", async () => {
  const barrier = new Barrier(2, { timeout: 1 });
  await assertRejects(() => barrier.wait(), BrokenBarrierError, "Timed out");
});
