import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import { joinAll, Lock, RLock, sleep, spawn } from "@verdant/green";

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
