import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import { Lease, Lock, RLock, Semaphore, sleep, spawn } from "@verdant/green";

Deno.test("Lease.release() gives back once, however often it is disposed", async () => {
  const semaphore = new Semaphore(1);
  const lease = await semaphore.lease();
  assert(semaphore.locked && !lease.released);
  lease.release();
  lease[Symbol.dispose]();
  assertEquals([semaphore.counter, lease.released], [1, true]);
});

Deno.test("Lease that was released early is not given back again at the end of the block", async () => {
  const semaphore = new Semaphore(1);
  {
    using lease = await semaphore.lease();
    lease.release();
    assert(semaphore.tryAcquire()); // another has it now
  }
  assertEquals(semaphore.counter, 0);
});

Deno.test("Lease whose release is refused stays in hand", () => {
  let refuse = true;
  let releases = 0;
  const lease = new Lease({
    release() {
      if (refuse) throw new RangeError("not now");
      releases++;
    },
  });
  assertThrows(() => lease.release(), RangeError);
  assertFalse(lease.released);
  refuse = false;
  lease.release();
  lease.release();
  assertEquals([lease.released, releases], [true, 1]);
});

for (const LockClass of [Lock, RLock]) {
  Deno.test(`${LockClass.name}.lease() released by a thief is still its holder's`, async () => {
    const lock = new LockClass();
    const holder = spawn(async () => {
      const lease = await lock.lease();
      const thief = spawn(() => assertThrows(() => lease.release(), Error, "does not hold it"));
      await thief.get();
      assert(lock.owned && !lease.released);
      lease.release();
      return lock.locked;
    });
    assertEquals(await holder.get(), false);
  });
}

Deno.test("Lease of a permit may be released by anybody", async () => {
  const semaphore = new Semaphore(1);
  const lease = await semaphore.lease();
  const other = spawn(() => lease.release());
  await other.join();
  await sleep();
  assertEquals([semaphore.counter, lease.released], [1, true]);
});
