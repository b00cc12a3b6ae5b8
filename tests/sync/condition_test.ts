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

Deno.test("Condition.notify() with nobody waiting is forgotten, notify(0) wakes nobody", async () => {
  const condition = new Condition();
  await condition.with(() => condition.notify());
  const waiter = spawn(() => condition.with(() => condition.wait()));
  await sleep();
  await condition.with(() => condition.notify(0));
  await sleep();
  assertEquals(waiter.ready, false);
  await condition.with(() => condition.notifyAll());
  assertEquals(await waiter.get(), true);
});

Deno.test("Condition.notify() does not let go of the lock: those woken wait for it", async () => {
  const condition = new Condition();
  const log: string[] = [];
  const waiter = spawn(() => condition.with(() => condition.wait().then(() => log.push("woken"))));
  await sleep();
  await condition.with(async () => {
    condition.notify();
    await sleep();
    await sleep();
    log.push("notifier is done");
  });
  await waiter.join();
  assertEquals(log, ["notifier is done", "woken"]);
});

Deno.test("Condition.wait() that is killed is not notified: the next is", async () => {
  const condition = new Condition();
  const [victim, next] = [1, 2].map(() => spawn(() => condition.with(() => condition.wait())));
  await sleep();
  await victim!.kill();
  await condition.with(() => condition.notify());
  assertEquals([await next!.get(), condition.lock.locked], [true, false]);
});

Deno.test("Condition.wait() that times out returns false and has the lock again", async () => {
  const condition = new Condition();
  await condition.with(async () => {
    assertEquals(await condition.wait({ timeout: 1 }), false);
    assert(condition.lock.owned);
    assertEquals(await condition.wait({ timeout: 0 }), false);
    assert(condition.lock.owned);
  });
  assertEquals(condition.lock.locked, false);
});

Deno.test("Condition.wait() killed while it waits for its lock gets the lock first", async () => {
  const condition = new Condition();
  const log: string[] = [];
  const waiter = spawn(async () => {
    await condition.acquire();
    try {
      log.push(`notified: ${await condition.wait()}`);
      await sleep();
      log.push("never");
    } finally {
      log.push(`owned: ${condition.lock.owned}`);
      condition.release();
    }
  });
  await sleep();
  await condition.with(async () => {
    condition.notify();
    await sleep(); // now it waits for the lock
    void waiter.kill(undefined, { block: false });
    await sleep();
    assertEquals([log, waiter.ready], [[], false]);
  });
  await waiter.join();
  assertEquals([log, condition.lock.locked], [["notified: true", "owned: true"], false]);
});

Deno.test("Condition.waitFor() looks again after each notification, and says false on time-out", async () => {
  const condition = new Condition();
  let looks = 0;
  const waiter = spawn(() => condition.with(() => condition.waitFor(() => ++looks === 3)));
  for (let i = 1; i <= 2; i++) {
    await sleep();
    assertEquals(looks, i);
    await condition.with(() => condition.notify());
  }
  assertEquals([await waiter.get(), looks], [true, 3]);
  await condition.with(async () => {
    assertEquals(await condition.waitFor(() => false, { timeout: 1 }), false);
    assertEquals(await condition.waitFor(() => false, { timeout: 0 }), false);
  });
});

Deno.test("Condition.waitFor() whose predicate throws rejects with that and holds the lock", async () => {
  const condition = new Condition();
  const failure = new RangeError("predicate");
  await condition.with(async () => {
    const caught = await condition.waitFor(() => {
      throw failure;
    }).catch((error) => error);
    assertEquals([caught === failure, condition.lock.owned], [true, true]);
  });
  assertEquals(condition.lock.locked, false);
});

Deno.test("Condition works over the lock it was given, together with others", async () => {
  const lock = new Lock();
  const [notEmpty, notFull] = [new Condition(lock), new Condition(lock)];
  const buffer: number[] = [];
  const got: number[] = [];
  const producer = spawn(async () => {
    for (let i = 0; i < 4; i++) {
      await lock.with(async () => {
        await notFull.waitFor(() => buffer.length < 1);
        buffer.push(i);
        notEmpty.notify();
      });
    }
  });
  const consumer = spawn(async () => {
    for (let i = 0; i < 4; i++) {
      await lock.with(async () => {
        await notEmpty.waitFor(() => buffer.length > 0);
        got.push(buffer.shift()!);
        notFull.notify();
      });
    }
  });
  await joinAll([producer, consumer]);
  assertEquals([got, lock.locked], [[0, 1, 2, 3], false]);
});
