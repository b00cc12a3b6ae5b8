import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { eventlet, simulate, sleep, Timeout } from "@verdant/green";
import { interruptAnywhere } from "../../interrupt_anywhere.ts";

const state = ({ ready, hasResult, hasException }: eventlet.Event) => [ready, hasResult, hasException];

Deno.test("Event.send() gives the result to those who wait, in their order, and to those who come later", async () => {
  const event = new eventlet.Event<string>();
  const log: string[] = [];
  const waiters = ["a", "b", "c"].map((name) =>
    eventlet.spawn(async () => void log.push(name + await event.wait()))
  );
  await sleep();
  event.send("!");
  assertEquals(log, []);
  await Promise.all(waiters.map((waiter) => waiter.wait()));
  assertEquals([log, await event.wait()], [["a!", "b!", "c!"], "!"]);
});

Deno.test("Event.send() and sendException() throw if something was sent", async () => {
  const again = "already triggered; reset() it first";
  const event = new eventlet.Event<number>();
  event.send(1);
  assertThrows(() => event.send(2), Error, again);
  assertThrows(() => event.sendException(new Error()), Error, again);
  assertEquals(await event.wait(), 1);
  event.reset();
  const failure = new Error("no");
  event.sendException(failure);
  assertThrows(() => event.send(2), Error, again);
  assertStrictEquals(await event.wait().catch((error) => error), failure);
});

Deno.test("Event.send() with an error, and sendException(), throw the same instance at everybody", async () => {
  const failure = new RangeError("no");
  for (const how of ["send", "sendException"] as const) {
    const event = new eventlet.Event();
    const waiters = [1, 2].map(() => eventlet.spawn(() => event.wait().catch((error) => error)));
    await sleep();
    if (how === "send") event.send(undefined, failure);
    else event.sendException(failure);
    for (const waiter of waiters) assertStrictEquals(await waiter.wait(), failure);
    await assertRejects(() => event.wait(), RangeError);
  }
  const empty = new eventlet.Event();
  empty.sendException(undefined); // whatever it is
  assertEquals([state(empty), await empty.wait().catch((error) => [error])], [[true, false, true], [
    undefined,
  ]]);
});

Deno.test("Event knows whether it has a result or an error", () => {
  const event = new eventlet.Event();
  assertEquals(state(event), [false, false, false]);
  event.send(undefined, null);
  assertEquals(state(event), [true, true, false]);
  event.reset();
  assertEquals(state(event), [false, false, false]);
  event.send(1, new Error("no"));
  assertEquals(state(event), [true, false, true]);
});

Deno.test("Event.poll() and its relatives do not wait", () => {
  const event = new eventlet.Event<number>();
  assertEquals([event.poll(), event.poll(5), event.pollResult(5), event.pollException(5)], [
    undefined,
    5,
    5,
    5,
  ]);
  event.send(1);
  assertEquals([event.poll(5), event.pollResult(5), event.pollException(5)], [1, 1, 5]);
  event.reset();
  event.sendException(new RangeError("no"));
  assertThrows(() => event.poll(5), RangeError);
  assertThrows(() => event.pollException(5), RangeError);
  assertEquals(event.pollResult(5), 5);
});

Deno.test("Event.reset() leaves to those who wait what was sent, and refuses a fresh event", async () => {
  const event = new eventlet.Event<string>();
  assertThrows(() => event.reset(), Error, "nothing was sent");
  const waiter = eventlet.spawn(() => event.wait());
  await sleep();
  event.send("first");
  event.reset();
  assertThrows(() => event.reset(), Error, "nothing was sent");
  assertEquals(await waiter.wait(), "first");
  const next = eventlet.spawn(() => event.wait());
  await sleep();
  assertEquals(next.dead, false);
  event.send("second");
  assertEquals(await next.wait(), "second");
});

Deno.test("Event.wait() with a limit returns the result in time, undefined otherwise", async () => {
  await simulate(async (world) => {
    const inTime = new eventlet.Event<string>();
    eventlet.spawnAfter(5, () => inTime.send("in time"));
    assertEquals([await inTime.wait(10), world.now], ["in time", 5]);

    const limits = [10, Temporal.Duration.from({ milliseconds: 10 }), { timeout: 10 }, new Timeout(10)];
    for (const limit of limits) {
      const start = world.now;
      assertEquals([await new eventlet.Event().wait(limit), world.now - start], [undefined, 10]);
    }
    assertEquals([await new eventlet.Event().wait(0), world.now], [undefined, 45]);
  });
});

Deno.test("Event.wait() without a limit waits for ever", async () => {
  await simulate(async (world) => {
    for (const limit of [undefined, null] as const) {
      const event = new eventlet.Event<string>();
      const waiter = eventlet.spawn(() => event.wait(limit as null));
      await world.advance(1e9);
      event.send("late");
      assertEquals(await waiter.wait(), "late");
    }
  });
});

Deno.test("Event.wait() that timed out is not served by a later send()", async () => {
  await simulate(async () => {
    const event = new eventlet.Event<string>();
    const results: unknown[] = [];
    const waiters = [5, 60].map((ms) => eventlet.spawn(async () => void results.push(await event.wait(ms))));
    await sleep(10);
    event.send("here");
    await Promise.all(waiters.map((waiter) => waiter.wait()));
    assertEquals(results, [undefined, "here"]);
  });
});

Deno.test("Event.wait() ends with its signal, and refuses bad limits", async () => {
  const event = new eventlet.Event();
  const stop = new Error("stop");
  await assertRejects(() => event.wait({ signal: AbortSignal.abort(stop) }), Error, "stop");
  assertThrows(() => event.wait(-1), RangeError, "received -1");
  assertThrows(() => event.wait("5" as never), TypeError, "received 5");
});

interruptAnywhere("eventlet.Event.wait()", () => {
  const event = new eventlet.Event<string>();
  const seen: string[] = [];
  const wait = async () => void seen.push(await event.wait());
  const sender = async () => {
    await sleep();
    event.send("sent");
  };
  return {
    victim: wait,
    others: [wait, sender, wait],
    check: (interrupted) => assertEquals(seen.length >= (interrupted ? 2 : 3), true),
  };
});
