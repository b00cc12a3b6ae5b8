import { assert, assertEquals, assertRejects } from "@std/assert";
import { Barrier, BrokenBarrierError, joinAll, sleep, spawn } from "@verdant/green";
import { assertFair } from "../green/fair.ts";

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

Deno.test("Barrier(1) lets everybody pass without waiting", async () => {
  const barrier = new Barrier(1);
  const log: string[] = [];
  const other = spawn(() => log.push("other"));
  assertEquals([await barrier.wait(), await barrier.wait({ timeout: 0 })], [0, 0]);
  log.push("passed twice");
  await other.join();
  assertEquals(log, ["passed twice", "other"]);
});

Deno.test("Barrier.reset() ends the waits of those who are there, and is whole at once", async () => {
  const barrier = new Barrier(2);
  const waiter = spawn(() => barrier.wait().catch((error) => error));
  await sleep();
  barrier.reset();
  assertEquals([barrier.waiting, barrier.broken], [0, false]);
  assert(await waiter.get() instanceof BrokenBarrierError);
  const pair = [spawn(() => barrier.wait()), spawn(() => barrier.wait())];
  await joinAll(pair);
  assertEquals(pair.map((greenlet) => greenlet.value), [0, 1]);
});

Deno.test("Barrier.reset() holds though one who was killed before runs after it", async () => {
  const barrier = new Barrier(2);
  const victim = spawn(() => barrier.wait());
  await sleep();
  void victim.kill(undefined, { block: false });
  barrier.reset();
  await victim.join();
  assertEquals(barrier.broken, false);
});

Deno.test("Barrier.wait() of others passes though one that was killed has not run yet", async () => {
  const barrier = new Barrier(2);
  const victim = spawn(() => barrier.wait());
  await sleep();
  const pair = [spawn(() => barrier.wait()), spawn(() => barrier.wait())];
  void victim.kill(undefined, { block: false }); // behind the two in the run queue
  await joinAll([victim, ...pair]);
  assertEquals(pair.map((greenlet) => greenlet.value), [0, 1]);
  assertEquals([barrier.broken, barrier.waiting], [false, 0]);
});

Deno.test("Barrier.wait() with timeout: 0 breaks it unless it is the last to come", async () => {
  const barrier = new Barrier(2);
  const first = spawn(() => barrier.wait());
  await sleep();
  assertEquals([await barrier.wait({ timeout: 0 }), await first.get()], [1, 0]);
  await assertRejects(() => barrier.wait({ timeout: 0 }), BrokenBarrierError);
  assert(barrier.broken);
});

Deno.test("Barrier.wait() killed after the barrier was passed does not break it", async () => {
  const barrier = new Barrier(2);
  const first = spawn(() => barrier.wait());
  await sleep();
  await barrier.wait();
  await first.kill();
  assertEquals([first.value, barrier.broken, barrier.waiting], [0, false, 0]);
});

Deno.test("Barrier.wait() can be told to wait for longer than the barrier itself", async () => {
  const barrier = new Barrier(2, { timeout: 1 });
  const patient = spawn(() => barrier.wait({ timeout: 60_000 }));
  await sleep(2);
  assertEquals([barrier.waiting, patient.ready], [1, false]);
  assertEquals([await barrier.wait(), await patient.get()], [1, 0]);
});

Deno.test("Barrier.parties and waiting say how many are wanted and there", async () => {
  const barrier = new Barrier(3);
  assertEquals([barrier.parties, barrier.waiting], [3, 0]);
  const waiters = [1, 2].map(() => spawn(() => barrier.wait().catch((error) => error.name)));
  await sleep();
  assertEquals([barrier.parties, barrier.waiting], [3, 2]);
  barrier.abort();
  assertEquals(barrier.waiting, 0);
  await joinAll(waiters);
  assertEquals(waiters.map((waiter) => waiter.value), ["BrokenBarrierError", "BrokenBarrierError"]);
});

Deno.test("Barrier.wait() that need not wait, or fails, in a loop, lets the event loop have its turns", async () => {
  const open = new Barrier(1);
  const broken = new Barrier(2);
  broken.abort();
  const failing = new Barrier(1, {
    action: () => {
      throw new RangeError("action");
    },
  });
  await assertFair(() => open.wait());
  await assertFair(() => broken.wait());
  await assertFair(() => {
    failing.reset(); // or it would fail because it is broken
    return failing.wait();
  });
});
