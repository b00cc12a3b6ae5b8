import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { eventlet, simulate, sleep, Timeout } from "@verdant/green";
import { alive, exploreTest, inTime, LIMIT, start } from "../../explored/explored.ts";
import { captureErrors } from "../../helpers.ts";
import { interruptAnywhere } from "../../interrupt_anywhere.ts";

const { CappedSemaphore } = eventlet;

Deno.test("CappedSemaphore waits at both ends (test_bounded)", async () => {
  const semaphore = new CappedSemaphore(2, 3);
  assertEquals([await semaphore.acquire(), await semaphore.acquire()], [true, true]);
  const releaser = eventlet.spawn(() => semaphore.release());
  assertEquals(await semaphore.acquire(), true);
  assertEquals(semaphore.balance, -3);
  for (let i = 0; i < 3; i++) await semaphore.release();
  const acquirer = eventlet.spawn(() => semaphore.acquire());
  await semaphore.release();
  assertEquals(semaphore.balance, 3);
  assertEquals([await releaser.wait(), await acquirer.wait()], [true, true]);
});

Deno.test("CappedSemaphore with a limit of 0 lets the two sides meet (test_bounded_with_zero_limit)", async () => {
  const semaphore = new CappedSemaphore(0, 0);
  assertEquals([semaphore.locked, semaphore.bounded, semaphore.balance], [true, true, 0]);
  const acquirer = eventlet.spawn(() => semaphore.acquire());
  assertEquals([await semaphore.release(), await acquirer.wait()], [true, true]);
  const releaser = eventlet.spawn(() => semaphore.release());
  await sleep();
  assertEquals([semaphore.locked, semaphore.bounded, semaphore.balance], [false, true, 2]);
  assertEquals([await semaphore.acquire(), await releaser.wait(), semaphore.balance], [true, true, 0]);
});

Deno.test("CappedSemaphore says who would have to wait", async () => {
  const semaphore = new CappedSemaphore(1, 1);
  const seen = () => [semaphore.locked, semaphore.bounded, semaphore.balance];
  assertEquals([seen(), await semaphore.release({ blocking: false })], [[false, true, 1], false]);
  const releasers = [1, 2].map(() => eventlet.spawn(() => semaphore.release()));
  await sleep();
  assertEquals(seen(), [false, true, 5]);
  for (let i = 0; i < 3; i++) assert(await semaphore.acquire({ blocking: false }));
  assertEquals([seen(), await semaphore.acquire({ blocking: false })], [[true, false, -1], false]);
  await Promise.all(releasers.map((thread) => thread.wait()));
  const acquirers = [1, 2].map(() => eventlet.spawn(() => semaphore.acquire()));
  await sleep();
  assertEquals(seen(), [true, false, -5]);
  for (let i = 0; i < 3; i++) assert(await semaphore.release({ blocking: false }));
  assertEquals(seen(), [false, true, 1]);
  await Promise.all(acquirers.map((thread) => thread.wait()));
});

Deno.test("CappedSemaphore serves those who wait in their order", async () => {
  const semaphore = new CappedSemaphore(1, 1);
  const log: string[] = [];
  const act = (name: string, what: "acquire" | "release") =>
    eventlet.spawn(async () => {
      await semaphore[what]();
      log.push(name);
    });
  const releasers = ["a", "b", "c"].map((name) => act(name, "release"));
  await sleep();
  for (let i = 0; i < 4; i++) await semaphore.acquire();
  await Promise.all(releasers.map((thread) => thread.wait()));
  const acquirers = ["d", "e", "f"].map((name) => act(name, "acquire"));
  await sleep();
  for (let i = 0; i < 3; i++) await semaphore.release();
  await Promise.all(acquirers.map((thread) => thread.wait()));
  assertEquals(log, ["a", "b", "c", "d", "e", "f"]);
});

Deno.test("CappedSemaphore says whether it was in time, and leaves nothing behind", async () => {
  await simulate(async (world) => {
    const full = new CappedSemaphore(1, 1);
    const none = new CappedSemaphore(0, 1);
    for (const timeout of [10, new Timeout(10), Temporal.Duration.from({ milliseconds: 10 })]) {
      const begin = world.now;
      assertEquals([await full.release({ timeout }), await none.acquire({ timeout })], [false, false]);
      assertEquals([world.now - begin, full.balance, none.balance], [20, 1, -1]);
    }
    eventlet.spawnAfter(5, () => none.release());
    assertEquals(await none.acquire({ timeout: -1 }), true);
  });
});

Deno.test("CappedSemaphore passes on what is not its own time-out", async () => {
  using errors = captureErrors();
  const semaphore = new CappedSemaphore(0, 1);
  const stop = new Error("stop");
  await assertRejects(() => semaphore.acquire({ signal: AbortSignal.abort(stop) }), Error, "stop");
  await assertRejects(() => eventlet.withTimeout(1, () => semaphore.acquire()), eventlet.Timeout);
  const other = new Timeout(60_000);
  const thread = eventlet.spawn(() => semaphore.acquire({ timeout: other }));
  await sleep();
  thread.throw(new eventlet.queue.Empty("of another queue"));
  await assertRejects(() => thread.wait(), eventlet.queue.Empty);
  assertEquals([semaphore.balance, errors.seen.length], [-1, 1]);
});

Deno.test("CappedSemaphore refuses bad counts and limits", () => {
  for (const bad of [-1, 0.5, NaN, null]) {
    assertThrows(
      () => new CappedSemaphore(bad as number, 3),
      RangeError,
      `count must be a non-negative integer, received ${bad}`,
    );
    assertThrows(
      () => new CappedSemaphore(0, bad as number),
      RangeError,
      `limit must be a non-negative integer, received ${bad}`,
    );
  }
  assertThrows(() => new CappedSemaphore(4, 3), RangeError, "count must be at most limit 3, received 4");
  const semaphore = new CappedSemaphore(1, 1);
  assertThrows(() => semaphore.acquire({ timeout: -2 }), RangeError, "received -2");
  const both = { blocking: false, timeout: 5 };
  assertThrows(() => semaphore.release(both), TypeError, "Cannot release semaphore: without blocking");
  assertThrows(() => semaphore.acquire(both), TypeError, "Cannot acquire semaphore: without blocking");
  assertEquals(semaphore.balance, 1);
});

for (const victimActs of ["acquire", "release"] as const) {
  interruptAnywhere(`CappedSemaphore.${victimActs}()`, () => {
    const semaphore = new CappedSemaphore(0, 1);
    let net = 0;
    const act = (what: "acquire" | "release") => async () => {
      for (let i = 0; i < 3; i++) {
        if (await semaphore[what]({ timeout: 50 })) net += what === "release" ? 1 : -1;
      }
    };
    return {
      victim: act(victimActs),
      others: [act(victimActs === "acquire" ? "release" : "acquire"), act("release"), act("acquire")],
      check(interrupted) {
        const permits = (semaphore.balance + 1) / 2;
        // A victim that was granted something does not come to count it.
        assert(Math.abs(permits - net) <= (interrupted ? 1 : 0), `${permits} are free, ${net} should be`);
        assert(permits === 0 || permits === 1);
      },
    };
  });
}

function exchange(limit: number, workers: number, rounds: number) {
  return async () => {
    const semaphore = new CappedSemaphore(0, limit);
    const act = (what: "acquire" | "release") =>
      start(workers, async function actor() {
        for (let i = 0; i < rounds; i++) await inTime(() => semaphore[what]({ timeout: LIMIT }));
      });
    const releasers = act("release");
    const acquirers = act("acquire");
    while (alive(releasers) + alive(acquirers) > 0) {
      await sleep(1);
      const permits = (semaphore.balance + limit) / 2;
      assert(permits >= -workers && permits <= limit + workers, `${permits} permits`);
      if (alive(releasers) === 0 && permits < 0) await semaphore.release();
      if (alive(acquirers) === 0 && permits > limit) await semaphore.acquire();
    }
    const permits = (semaphore.balance + limit) / 2;
    assert(permits >= 0 && permits <= limit, `${permits} permits are left`);
  };
}

exploreTest("CappedSemaphore strands nobody", exchange(1, 2, 3), { every: exchange(0, 1, 2) });
