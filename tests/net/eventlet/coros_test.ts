import { assertEquals, assertThrows } from "@std/assert";
import { eventlet, simulate, sleep } from "@verdant/green";

const { Metaphore } = eventlet.coros;

Deno.test("Metaphore.wait() goes on at zero", async () => {
  const metaphore = new Metaphore();
  const log: string[] = [];
  assertEquals(await metaphore.wait({ timeout: 0 }), true);
  metaphore.inc(3);
  const waiters = ["a", "b"].map((name) =>
    eventlet.spawn(async () => void log.push(`${name} ${await metaphore.wait()}`))
  );
  await sleep();
  metaphore.dec(2);
  await sleep();
  assertEquals([log, metaphore.counter], [[], 1]);
  metaphore.dec();
  metaphore.inc(); // too late to hold them back
  await Promise.all(waiters.map((waiter) => waiter.wait()));
  assertEquals([log, await metaphore.wait({ timeout: 0 })], [["a true", "b true"], false]);
});

Deno.test("Metaphore.wait() says whether it was in time", async () => {
  await simulate(async () => {
    const metaphore = new Metaphore();
    metaphore.inc();
    eventlet.spawnAfter(10, () => metaphore.dec());
    assertEquals([await metaphore.wait({ timeout: 5 }), await metaphore.wait({ timeout: null })], [
      false,
      true,
    ]);
  });
});

Deno.test("Metaphore refuses to go below zero, or by nothing", () => {
  const metaphore = new Metaphore();
  metaphore.inc(2);
  for (const by of [0, -1, 0.5]) {
    assertThrows(() => metaphore.inc(by), RangeError, `received ${by}`);
    assertThrows(() => metaphore.dec(by), RangeError, `received ${by}`);
  }
  assertThrows(() => metaphore.dec(3), RangeError, "at most 2, received 3");
  assertEquals(metaphore.counter, 2);
});
