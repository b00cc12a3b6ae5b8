import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import { BoundedSemaphore, DummySemaphore, joinAll, Semaphore, sleep, spawn } from "@verdant/green";

Deno.test("Semaphore.release() hands the permit to the one who has waited longest: nobody overtakes", async () => {
  const semaphore = new Semaphore(1);
  const log: string[] = [];
  const use = (name: string) =>
    spawn(async () => {
      await semaphore.acquire();
      log.push(name);
      await sleep();
      semaphore.release();
    });
  const users = [use("a"), use("b")];
  await sleep();
  users.push(use("c"));
  await users[0]!.join();
  assertEquals([semaphore.counter, semaphore.tryAcquire()], [0, false]); // b has it already
  await joinAll(users);
  assertEquals([log, semaphore.counter], [["a", "b", "c"], 1]);
});

Deno.test("Semaphore.acquire() takes a free permit without waiting", async () => {
  const semaphore = new Semaphore(2);
  const log: string[] = [];
  const other = spawn(() => log.push("other"));
  assertEquals([await semaphore.acquire(), semaphore.counter, semaphore.locked], [true, 1, false]);
  log.push("acquired");
  await other.join();
  assertEquals(log, ["acquired", "other"]);
});

Deno.test("Semaphore.lease() disposed twice gives one permit", async () => {
  const semaphore = new Semaphore(1);
  const lease = await semaphore.lease();
  assert(semaphore.locked && !lease.released);
  lease.release();
  lease[Symbol.dispose]();
  assertEquals([semaphore.counter, lease.released], [1, true]);
});

Deno.test("Semaphore.with() gives the permit back after an error", async () => {
  const semaphore = new Semaphore(1);
  const failure = new Error("inside");
  const caught = await semaphore.with(() => {
    throw failure;
  }).catch((error) => error);
  assertEquals([caught === failure, semaphore.counter], [true, 1]);
  assertEquals(await semaphore.with(() => 5), 5);
});

Deno.test("Semaphore.wait() returns the counter and takes nothing", async () => {
  const semaphore = new Semaphore(0);
  const watcher = spawn(() => semaphore.wait());
  const taker = spawn(() => semaphore.acquire());
  await sleep();
  semaphore.release();
  await taker.join();
  assertEquals([await watcher.get(), semaphore.counter], [0, 0]); // the taker had it
  semaphore.release();
  assertEquals(await semaphore.wait(), 1);
});

Deno.test("Semaphore.rawlink() calls back when a permit is given, without taking it", async () => {
  const semaphore = new Semaphore(0);
  const seen: number[] = [];
  semaphore.rawlink((source) => seen.push(source.counter));
  await sleep();
  semaphore.release();
  await sleep();
  assertEquals([seen, semaphore.counter], [[1], 1]);
});

Deno.test("BoundedSemaphore.release() throws RangeError beyond its limit", async () => {
  const semaphore = new BoundedSemaphore(2);
  await semaphore.acquire();
  assertEquals(semaphore.release(), 2);
  assertThrows(() => semaphore.release(), RangeError, "limit 2");
  assertEquals(semaphore.counter, 2);
});

Deno.test("DummySemaphore never blocks and never counts", async () => {
  const semaphore = new DummySemaphore();
  for (let i = 0; i < 3; i++) assert(await semaphore.acquire());
  assertFalse(semaphore.locked);
  assert(semaphore.tryAcquire());
  assertEquals([semaphore.release(), await semaphore.wait()], [1, 1]);
  using _lease = await semaphore.lease();
  assertEquals(await semaphore.with(() => "ran"), "ran");
});
