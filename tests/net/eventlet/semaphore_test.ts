import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { eventlet, simulate, sleep, Timeout } from "@verdant/green";
import { interruptAnywhere } from "../../interrupt_anywhere.ts";

Deno.test("Semaphore counts permits and those who wait", async () => {
  const semaphore = new eventlet.Semaphore(2);
  const seen = () => [semaphore.counter, semaphore.balance, semaphore.locked, semaphore.bounded];
  assertEquals(seen(), [2, 2, false, false]);
  assertEquals([await semaphore.acquire(), await semaphore.acquire()], [true, true]);
  const waiters = [1, 2].map(() => eventlet.spawn(() => semaphore.acquire()));
  await sleep();
  assertEquals(seen(), [0, -2, true, false]);
  assertEquals([semaphore.release(), semaphore.release(), semaphore.release()], [true, true, true]);
  assertEquals(await Promise.all(waiters.map((thread) => thread.wait())), [true, true]);
  assertEquals(seen(), [1, 1, false, false]);
});

Deno.test("Semaphore.release() hands over first come first served, and nobody hogs", async () => {
  const semaphore = new eventlet.Semaphore(1);
  const log: string[] = [];
  await semaphore.acquire();
  const waiter = eventlet.spawn(async () => {
    await semaphore.acquire();
    log.push("w");
    semaphore.release();
  });
  await sleep();
  semaphore.release();
  assertEquals(await semaphore.acquire({ blocking: false }), false); // it is the waiter's
  await semaphore.acquire({ timeout: 60_000 });
  log.push("main");
  await waiter.wait();
  assertEquals(log, ["w", "main"]);
});

Deno.test("Semaphore gives everybody the same share (test_semaphore_contention)", async () => {
  const semaphore = new eventlet.Semaphore(2);
  const shares = [0, 0, 0];
  const threads = shares.map((_, index) =>
    eventlet.spawn(async () => {
      while (Math.max(...shares) < 100) {
        await semaphore.with(() => sleep());
        shares[index]!++;
      }
    })
  );
  await Promise.all(threads.map((thread) => thread.wait()));
  assertEquals(Math.max(...shares) - Math.min(...shares) <= 10, true, String(shares));
});

Deno.test("Semaphore.acquire() says whether it was in time", async () => {
  await simulate(async (world) => {
    const semaphore = new eventlet.Semaphore(0);
    assertEquals(await semaphore.acquire({ blocking: false }), false);
    assertEquals(await semaphore.acquire({ timeout: 0 }), false);
    assertEquals([await semaphore.acquire({ timeout: 5 }), world.now], [false, 5]);
    assertEquals([await semaphore.acquire({ timeout: new Timeout(5) }), world.now], [false, 10]);
    for (const timeout of [-1, null, undefined, 1e9 + 1]) {
      eventlet.spawnAfter(1e9, () => semaphore.release());
      assertEquals(await semaphore.acquire({ timeout }), true);
    }
    assertEquals([semaphore.counter, semaphore.balance], [0, 0]);
  });
});

Deno.test("Semaphore.acquire() refuses limits that make no sense", () => {
  const semaphore = new eventlet.Semaphore(1);
  assertThrows(() => semaphore.acquire({ timeout: -2 }), RangeError, "received -2");
  assertThrows(
    () => semaphore.acquire({ blocking: false, timeout: 5 }),
    TypeError,
    "Cannot acquire semaphore: without blocking there is no timeout, received 5",
  );
  void semaphore.acquire({ blocking: false, timeout: -1 }); // that is none
  assertEquals(semaphore.counter, 0);
});

Deno.test("Semaphore.acquire() ends with its signal", async () => {
  const semaphore = new eventlet.Semaphore(0);
  for (const blocking of [true, false]) {
    const signal = AbortSignal.abort(new Error("stop"));
    await assertRejects(() => semaphore.acquire({ blocking, signal }), Error, "stop");
  }
});

Deno.test("Semaphore refuses what is no number of permits", () => {
  for (const Kind of [eventlet.Semaphore, eventlet.BoundedSemaphore]) {
    for (const value of [-1, 0.5, NaN, null, "1"]) {
      assertThrows(() => new Kind(value as number), RangeError, `received ${value}`);
    }
    assertEquals([new Kind().counter, new Kind(1e2).counter], [1, 100]);
  }
});

Deno.test("Semaphore.with() and lease() give the permit back, once", async () => {
  const semaphore = new eventlet.Semaphore(1);
  assertEquals([await semaphore.with(() => semaphore.counter), semaphore.counter], [0, 1]);
  {
    using permit = await semaphore.lease();
    await assertRejects(() => semaphore.lease({ timeout: 0 }), Timeout);
    permit[Symbol.dispose]();
  }
  assertEquals(semaphore.counter, 1);
});

Deno.test("BoundedSemaphore.release() throws if all permits are free", async () => {
  const semaphore = new eventlet.BoundedSemaphore(2);
  assertThrows(() => semaphore.release(), RangeError, "released more often than acquired");
  await semaphore.acquire();
  assertEquals([semaphore.release(), semaphore.counter, semaphore.bounded], [true, 2, false]);
});

interruptAnywhere("eventlet.Semaphore.acquire()", () => {
  const semaphore = new eventlet.Semaphore(1);
  const work = async () => {
    for (let i = 0; i < 2; i++) {
      await semaphore.acquire();
      try {
        await sleep();
      } finally {
        semaphore.release();
      }
    }
  };
  return {
    victim: work,
    others: [work, work],
    check: () => assertEquals([semaphore.counter, semaphore.balance], [1, 1]),
  };
});
