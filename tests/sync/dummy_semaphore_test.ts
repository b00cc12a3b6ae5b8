import { assert, assertEquals, assertFalse, assertRejects } from "@std/assert";
import { DummySemaphore, spawn } from "@verdant/green";
import { assertFair } from "../green/fair.ts";

Deno.test("DummySemaphore never blocks and never counts", async () => {
  const semaphore = new DummySemaphore();
  for (let i = 0; i < 3; i++) assert(await semaphore.acquire());
  assertFalse(semaphore.locked);
  assert(semaphore.tryAcquire() && semaphore.ready);
  assertEquals([semaphore.release(), await semaphore.wait(), semaphore.counter], [1, 1, 1]);
});

Deno.test("DummySemaphore.acquire() and wait() do not switch", async () => {
  const semaphore = new DummySemaphore();
  const log: string[] = [];
  const other = spawn(() => log.push("other"));
  await semaphore.acquire();
  await semaphore.wait();
  log.push("acquired");
  await other.join();
  assertEquals(log, ["acquired", "other"]);
});

Deno.test("DummySemaphore.lease() can be released any number of times", async () => {
  const semaphore = new DummySemaphore();
  using lease = await semaphore.lease();
  assertFalse(lease.released);
  lease.release();
  lease.release();
  assert(lease.released);
});

Deno.test("DummySemaphore.with() returns what fn returns, and rejects with what it throws", async () => {
  const semaphore = new DummySemaphore();
  assertEquals(await semaphore.with(() => "ran"), "ran");
  assertEquals(await semaphore.with(() => Promise.resolve("ran later")), "ran later");
  await assertRejects(
    () =>
      semaphore.with(() => {
        throw new RangeError("inside");
      }),
    RangeError,
    "inside",
  );
});

Deno.test("DummySemaphore used in a loop lets the event loop have its turns", async () => {
  const semaphore = new DummySemaphore();
  const failing = () => {
    throw new Error("inside");
  };
  await assertFair(() => semaphore.acquire());
  await assertFair(() => semaphore.wait());
  await assertFair(() => semaphore.lease());
  await assertFair(() => semaphore.with(() => {}));
  await assertFair(() => semaphore.with(failing));
});
