import { assert, assertEquals } from "@std/assert";
import { Condition, joinAll, Lock, RLock, sleep, spawn } from "@verdant/green";

Deno.test("Condition.notify() wakes that many, in the order in which they came", async () => {
  const condition = new Condition();
  const log: string[] = [];
  const waiters = ["a", "b", "c"].map((name) =>
    spawn(() =>
      condition.with(async () => {
        await condition.wait();
        log.push(name);
      })
    )
  );
  await sleep();
  await condition.with(() => condition.notify(2));
  await joinAll(waiters.slice(0, 2));
  assertEquals(log, ["a", "b"]);
  await condition.with(() => condition.notifyAll());
  await joinAll(waiters);
  assertEquals(log, ["a", "b", "c"]);
});

Deno.test("Condition.wait() gives the lock back to the depth at which it was held", async () => {
  const condition = new Condition(new RLock());
  const waiter = spawn(async () => {
    await condition.acquire();
    await condition.acquire();
    await condition.wait();
    condition.release();
    assert(condition.lock.owned);
    condition.release();
    return condition.lock.owned;
  });
  await sleep();
  assert(!condition.lock.locked);
  await condition.with(() => condition.notify());
  assertEquals(await waiter.get(), false);
});

Deno.test("Condition.wait() that is killed has the lock again in finally", async () => {
  const condition = new Condition(new Lock());
  const owned: boolean[] = [];
  const waiter = spawn(async () => {
    await condition.acquire();
    try {
      await condition.wait();
    } finally {
      owned.push(condition.lock.owned);
      condition.release();
    }
  });
  await sleep();
  const holder = spawn(() => condition.with(() => sleep()));
  await sleep();
  await waiter.kill();
  assertEquals([owned, holder.ready, condition.lock.locked], [[true], true, false]);
});

Deno.test("Condition.waitFor() returns once its predicate holds, at once if it does", async () => {
  const condition = new Condition();
  let n = 0;
  const waiter = spawn(() => condition.with(() => condition.waitFor(() => n === 3)));
  for (let i = 0; i < 3; i++) {
    await sleep();
    await condition.with(() => {
      n++;
      condition.notifyAll();
    });
  }
  assertEquals(await waiter.get(), true);
  assertEquals(await condition.with(() => condition.waitFor(() => true)), true);
});
