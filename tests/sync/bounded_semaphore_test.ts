import { assertEquals, assertThrows } from "@std/assert";
import { BoundedSemaphore, joinAll, sleep, spawn } from "@verdant/green";

Deno.test("BoundedSemaphore.release() throws RangeError beyond its limit", async () => {
  const semaphore = new BoundedSemaphore(2);
  await semaphore.acquire();
  assertEquals(semaphore.release(), 2);
  assertThrows(() => semaphore.release(), RangeError, "limit 2");
  assertEquals(semaphore.counter, 2);
});

Deno.test("BoundedSemaphore.release() hands over to those who wait, up to the limit", async () => {
  const semaphore = new BoundedSemaphore(1);
  await semaphore.acquire();
  const log: string[] = [];
  const users = ["a", "b"].map((name) => spawn(() => semaphore.with(() => void log.push(name))));
  await sleep();
  assertEquals(semaphore.release(), 0); // a has it
  await joinAll(users);
  assertEquals([log, semaphore.counter], [["a", "b"], 1]);
  assertThrows(() => semaphore.release(), RangeError);
});

Deno.test("BoundedSemaphore(0) can never be released", () => {
  const semaphore = new BoundedSemaphore(0);
  assertThrows(() => semaphore.release(), RangeError, "limit 0");
  assertEquals([semaphore.counter, semaphore.tryAcquire()], [0, false]);
});

Deno.test("BoundedSemaphore.lease() disposed twice is no release too many", async () => {
  const semaphore = new BoundedSemaphore(1);
  const lease = await semaphore.lease();
  lease.release();
  lease.release();
  assertEquals(semaphore.counter, 1);
});
