import { assert, assertEquals } from "@std/assert";
import {
  Condition,
  getHub,
  type Greenlet,
  GreenletExit,
  joinAll,
  Lock,
  RLock,
  sleep,
  spawn,
  Timeout,
} from "@verdant/green";
import { loopUntilTurn } from "../green/fair.ts";

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

Deno.test("Condition.waitFor() that need not wait, or fails, in a loop, lets the event loop have its turns", async () => {
  const condition = new Condition();
  const failing = () => {
    throw new Error("predicate");
  };
  const calls = [
    () => condition.waitFor(() => true),
    () => condition.waitFor(failing),
    () => condition.waitFor(() => false, { timeout: 0 }),
  ];
  for (const call of calls) {
    assert(await condition.with(() => loopUntilTurn(call)));
    assert(await spawn(() => condition.with(() => loopUntilTurn(call))).get());
  }
});

Deno.test("Condition.waitFor() returns false if its running Timeout fires between two rounds", async () => {
  const condition = new Condition();
  const limit = new Timeout(60_000);
  const waiter = spawn(() =>
    condition.with(async () => {
      limit.start();
      const held = await condition.waitFor(() => false, { timeout: limit });
      await sleep(); // it was delivered: not a second time here
      return [held, condition.lock.owned];
    })
  );
  await sleep();
  await condition.with(async () => {
    condition.notify();
    await sleep(); // now it waits for the lock
    getHub().timers.fireDue(getHub().now() + 60_000);
    assertEquals([limit.pending, waiter.pending?.length], [false, 1]);
  });
  assertEquals([await waiter.get(), condition.lock.locked], [[false, true], false]);
});

Deno.test("Condition.waitFor() whose predicate holds when its Timeout has fired between two rounds says so", async () => {
  const condition = new Condition();
  const limit = new Timeout(60_000);
  let ready = false;
  const waiter = spawn(() =>
    condition.with(async () => {
      using _running = (limit.start(), limit);
      return await condition.waitFor(() => ready, { timeout: limit });
    })
  );
  await sleep();
  await condition.with(async () => {
    condition.notify();
    await sleep(); // now it waits for the lock
    getHub().timers.fireDue(getHub().now() + 60_000);
    ready = true;
  });
  assertEquals(await waiter.get(), true);
});

Deno.test("Condition.waitFor() returns false if its Timeout was over before, once", async () => {
  const condition = new Condition();
  const waiter = spawn(() =>
    condition.with(async () => {
      const limit = Timeout.start(60_000);
      getHub().timers.fireDue(getHub().now() + 60_000);
      const held = await condition.waitFor(() => false, { timeout: limit });
      await sleep();
      return held;
    })
  );
  assertEquals(await waiter.get(), false);
});

Deno.test("Condition.waitFor() throws a kill and a foreign Timeout that come between two rounds", async () => {
  const foreign = new Timeout(60_000);
  const strikes = {
    kill: (waiter: Greenlet) => void waiter.kill(undefined, { block: false }),
    Timeout: () => getHub().timers.fireDue(getHub().now() + 60_000),
  };
  for (const [name, strike] of Object.entries(strikes)) {
    const condition = new Condition();
    const limit = new Timeout(120_000);
    const waiter: Greenlet = spawn(() =>
      condition.with(async () => {
        using _limits = (limit.start(), limit);
        using _foreign = (foreign.start(), foreign);
        try {
          return await condition.waitFor(() => false, { timeout: limit });
        } catch (error) {
          return [error instanceof GreenletExit ? "kill" : (error as Error).name, condition.lock.owned];
        }
      })
    );
    await sleep();
    await condition.with(async () => {
      condition.notify();
      await sleep(); // now it waits for the lock
      strike(waiter);
    });
    assertEquals([await waiter.get(), condition.lock.locked], [[name, true], false]);
  }
});
