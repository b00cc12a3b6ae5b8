import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import {
  Event,
  getHub,
  joinAll,
  Lock,
  RLock,
  shield,
  sleep,
  spawn,
  spawnWith,
  Timeout,
} from "@verdant/green";

Deno.test("Lock.acquire() is served first come first served", async () => {
  const lock = new Lock();
  const log: string[] = [];
  const users = ["a", "b", "c"].map((name) =>
    spawn(() =>
      lock.with(async () => {
        log.push(`${name} in`);
        await sleep();
        log.push(`${name} out`);
      })
    )
  );
  await joinAll(users);
  assertEquals(log, ["a in", "a out", "b in", "b out", "c in", "c out"]);
});

Deno.test("Lock.tryAcquire() by its holder is refused; RLock.tryAcquire() is not", () => {
  const lock = new Lock();
  assert(lock.tryAcquire());
  assertFalse(lock.tryAcquire());
  lock.release();
  const rlock = new RLock();
  assert(rlock.tryAcquire() && rlock.tryAcquire());
  rlock.release();
  assert(rlock.locked && rlock.owned);
  rlock.release();
  assertFalse(rlock.locked);
});

Deno.test("RLock.release() lets the next in only at the last of its holder's", async () => {
  const lock = new RLock();
  const log: string[] = [];
  const holder = spawn(async () => {
    await lock.acquire();
    await lock.acquire();
    await sleep();
    lock.release();
    log.push("first release");
    await sleep();
    lock.release();
    log.push("last release");
  });
  const next = spawn(async () => {
    await lock.acquire();
    log.push("next");
    lock.release();
  });
  await joinAll([holder, next]);
  assertEquals(log, ["first release", "last release", "next"]);
});

Deno.test("Lock.holder is the greenlet that has it, also right after a hand-over", async () => {
  const lock = new Lock();
  const first = spawn(() => lock.with(() => sleep()));
  const second = spawn(() => lock.with(() => sleep()));
  await sleep();
  assert(lock.holder === first && !lock.owned);
  await first.join();
  assert(lock.holder === second);
  await second.join();
  assert(lock.holder === undefined);
});

Deno.test("Lock.lease() is given back at the end of the block, once", async () => {
  const lock = new Lock();
  {
    using lease = await lock.lease();
    assert(lock.owned);
    lease.release();
    assertFalse(lock.locked);
  }
  assertFalse(lock.locked);
  assertThrows(() => lock.release(), Error, "nobody holds it");
});

for (const LockClass of [Lock, RLock]) {
  const { name } = LockClass;

  Deno.test(`${name}.acquire() of a free one does not switch`, async () => {
    const lock = new LockClass();
    const log: string[] = [];
    const other = spawn(() => log.push("other"));
    assertEquals(await lock.acquire(), true);
    log.push("acquired");
    lock.release();
    await other.join();
    assertEquals(log, ["acquired", "other"]);
  });

  Deno.test(`${name}.acquire() that is killed or timed out leaves its place to the next`, async () => {
    const lock = new LockClass();
    const holder = spawn(() => lock.with(() => sleep(60_000)));
    await sleep();
    const victim = spawn(() => lock.acquire());
    const late = spawn(() => lock.acquire({ timeout: 1 }));
    const next = spawn(() => lock.with(() => lock.holder));
    assertEquals(await late.get(), false);
    await victim.kill();
    assert(lock.holder === holder);
    await holder.kill();
    assert(await next.get() === next && !lock.locked);
  });

  Deno.test(`${name}.acquire() granted before the kill holds the lock, and with() gives it back`, async () => {
    const lock = new LockClass();
    const log: string[] = [];
    await lock.acquire();
    const victim = spawn(() =>
      lock.with(async () => {
        log.push("inside");
        await sleep();
        log.push("never");
      })
    );
    await sleep();
    lock.release();
    assert(lock.holder === victim);
    await victim.kill();
    assertEquals([log, lock.locked], [["inside"], false]);
  });

  Deno.test(`${name}.release() does not switch: the next runs once its releaser waits`, async () => {
    const lock = new LockClass();
    const log: string[] = [];
    await lock.acquire();
    const next = spawn(() => lock.with(() => void log.push("next")));
    await sleep();
    lock.release();
    log.push("released");
    assert(lock.holder === next && !lock.tryAcquire()); // nobody can overtake
    await next.join();
    assertEquals(log, ["released", "next"]);
  });

  Deno.test(`${name}.release() by another changes nothing and says who holds it`, async () => {
    const lock = new LockClass();
    const holder = spawnWith({ name: "holder" }, () => lock.with(() => sleep(60_000)));
    await sleep();
    assertThrows(() => lock.release(), Error, "it is held by holder");
    assertThrows(() => lock.releaseAll(), Error, "it is held by holder");
    assert(lock.holder === holder);
    await holder.kill();
    assertEquals(lock.locked, false);
  });

  Deno.test(`${name}.with() that nobody awaited gives the lock back though its greenlet has ended`, async () => {
    const lock = new LockClass();
    const gate = new Event();
    const careless = spawn(() => {
      void lock.with(() => gate.wait());
    });
    await careless.join();
    assert(lock.holder === careless);
    const next = spawn(() => lock.with(() => "next"));
    await sleep();
    gate.set();
    assertEquals([await next.get(), lock.locked], ["next", false]);
  });

  Deno.test(`${name}.owned tells apart its holder, other greenlets and the main flow`, async () => {
    const lock = new LockClass();
    const seen: boolean[] = [lock.owned];
    await lock.acquire();
    seen.push(lock.owned, await spawn(() => lock.owned).get());
    lock.release();
    await spawn(() => lock.with(() => seen.push(lock.owned))).join();
    seen.push(lock.owned);
    assertEquals(seen, [false, true, false, true, false]);
  });
}

Deno.test("Lock.acquire() by its holder waits until the time is over", async () => {
  const lock = new Lock();
  await lock.acquire();
  assertEquals(await lock.acquire({ timeout: 1 }), false);
  assert(lock.owned);
  lock.release();
  assertFalse(lock.locked);
});

Deno.test("RLock.lease() twice is given back from the inside out", async () => {
  const lock = new RLock();
  {
    using _outer = await lock.lease();
    {
      using _inner = await lock.lease();
    }
    assert(lock.owned);
  }
  assertFalse(lock.locked);
});

Deno.test("RLock.acquire() by its holder needs no turn though others wait in line", async () => {
  const lock = new RLock();
  const log: string[] = [];
  await lock.acquire();
  const next = spawn(() => lock.with(() => void log.push("next")));
  await sleep();
  assertEquals(await lock.acquire(), true);
  lock.release();
  await sleep();
  log.push("holder");
  lock.release();
  await next.join();
  assertEquals(log, ["holder", "next"]);
});

Deno.test("RLock.releaseAll() and restore() keep the depth", async () => {
  const lock = new RLock();
  for (let i = 0; i < 3; i++) await lock.acquire();
  const depth = lock.releaseAll();
  assertEquals([depth, lock.locked], [3, false]);
  await lock.restore(depth);
  for (let i = 0; i < 3; i++) {
    assert(lock.owned);
    lock.release();
  }
  assertFalse(lock.locked);
});

Deno.test("RLock.restore() cannot be killed: the kill arrives at the next wait", async () => {
  const lock = new RLock();
  const log: string[] = [];
  const victim = spawn(async () => {
    await lock.acquire();
    const depth = lock.releaseAll();
    await sleep();
    await lock.restore(depth);
    log.push(`owned: ${lock.owned}`);
    try {
      await sleep();
      log.push("never");
    } finally {
      lock.release();
    }
  });
  await sleep();
  await lock.acquire();
  await sleep();
  void victim.kill(undefined, { block: false });
  await sleep();
  assertEquals([log, victim.ready], [[], false]);
  lock.release();
  await victim.join();
  assertEquals([log, lock.locked], [["owned: true"], false]);
});

Deno.test("RLock.restore() takes away its own shield, not a later one of the same greenlet", async () => {
  const lock = new RLock();
  const gate = new Event();
  const log: string[] = [];
  await lock.acquire();
  const greenlet = spawn(async () => {
    const restoring = lock.restore(1);
    const limit = Timeout.start(60_000);
    const working = shield(async () => {
      await gate.wait();
      log.push("done in the shield");
    });
    await restoring;
    lock.release();
    getHub().timers.fireDue(getHub().now() + 60_000);
    await working;
    await sleep().catch((error) => log.push(error === limit ? "timed out" : String(error)));
  });
  await sleep();
  lock.release();
  await sleep();
  gate.set();
  await greenlet.get();
  assertEquals(log, ["done in the shield", "timed out"]);
});
