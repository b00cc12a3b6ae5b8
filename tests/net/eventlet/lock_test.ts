import { assertEquals, assertThrows } from "@std/assert";
import { eventlet, sleep } from "@verdant/green";

const { Lock } = eventlet.lock;

Deno.test("Lock lets one in at a time, in the order in which they came", async () => {
  const lock = new Lock();
  const log: string[] = [];
  const threads = ["a", "b", "c"].map((name) =>
    eventlet.spawn(() =>
      lock.with(async () => {
        log.push(`${name} in`);
        await sleep();
        log.push(`${name} out`);
      })
    )
  );
  await Promise.all(threads.map((thread) => thread.wait()));
  assertEquals(log, ["a in", "a out", "b in", "b out", "c in", "c out"]);
  assertEquals([lock.locked, lock.counter], [false, 1]);
});

Deno.test("Lock.release() of an unlocked lock throws and leaves it unlocked", async () => {
  const lock = new Lock();
  assertThrows(() => lock.release(), Error, "Cannot release lock: it is not locked");
  assertEquals([lock.counter, await lock.acquire(), lock.locked], [1, true, true]);
});

Deno.test("Lock.release() may be called by anybody", async () => {
  const lock = new Lock();
  await eventlet.spawn(() => lock.acquire()).wait();
  assertEquals([lock.release(), lock.locked], [true, false]);
});
