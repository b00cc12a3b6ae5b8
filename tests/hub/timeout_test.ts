import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { Event, getHub, Queue, sleep, spawn, Timeout } from "@verdant/green";
import { turn } from "../helpers.ts";

const never = () => new Event().wait();

Deno.test("Timeout throws itself at the wait of the greenlet that started it, nowhere else", async () => {
  const other = spawn(never);
  const limit = Timeout.start(1);
  const caught = await never().catch((error) => error);
  assertStrictEquals(caught, limit);
  assert(!limit.pending && !other.dead);
  await other.kill();
});

Deno.test("Timeout passes through an inner one: told apart by identity", async () => {
  const outer = Timeout.start(1);
  const log: string[] = [];
  try {
    const inner = Timeout.start(60_000);
    try {
      await never();
    } catch (error) {
      log.push(error === inner ? "inner" : "foreign");
      throw error;
    } finally {
      inner.cancel();
    }
  } catch (error) {
    log.push(error === outer ? "outer" : "foreign");
  }
  assertEquals(log, ["foreign", "outer"]);
});

Deno.test("Timeout that was started first fires first at equal deadlines", async () => {
  const fired: string[] = [];
  const hub = getHub();
  const { now } = hub;
  hub.now = () => 1e6; // the same moment for both
  let first: Timeout, second: Timeout;
  try {
    first = Timeout.start(0);
    second = Timeout.start(0);
  } finally {
    hub.now = now;
  }
  const timers = hub.timers;
  assertEquals(timers.size, 2);
  timers.fireDue(1e6);
  for (let i = 0; i < 2; i++) {
    await sleep().catch((error) => fired.push(error === first ? "first" : error === second ? "second" : "?"));
  }
  assertEquals(fired, ["first", "second"]);
  await sleep(); // the hub goes idle and disarms its clock
});

Deno.test("Timeout.cancel() withdraws one that fired and was not delivered", async () => {
  const limit = Timeout.start(0);
  getHub().timers.fireDue(getHub().now() + 1); // the caller does not wait: kept for its next wait
  assert(!limit.pending);
  limit.cancel();
  await sleep();
  await sleep(); // the hub goes idle and disarms its clock
});

Deno.test("Timeout.start() throws Error while pending, and works again afterwards", async () => {
  const limit = new Timeout(60_000);
  limit.start();
  assertThrows(() => limit.start(), Error, "Cannot start timeout: it is pending");
  limit.cancel();
  assert(!limit.pending);
  const short = new Timeout(1);
  for (let i = 0; i < 2; i++) {
    short.start();
    assertStrictEquals(await never().catch((error) => error), short);
  }
});

Deno.test("Timeout.start() withdraws what it fired before, if that was not delivered", async () => {
  const limit = Timeout.start(0);
  getHub().timers.fireDue(getHub().now() + 1);
  limit.start();
  assertEquals([limit.pending, getHub().root.pending], [true, undefined]);
  limit.cancel();
  await sleep();
});

Deno.test("Timeout with an error throws that error", async () => {
  const error = new RangeError("too late");
  using _limit = Timeout.start(1, { error });
  assertStrictEquals(await never().catch((caught) => caught), error);
});

Deno.test("Timeout of null or Infinity never fires and needs no timer", () => {
  for (const duration of [null, Infinity]) {
    using limit = Timeout.start(duration);
    assertEquals([limit.pending, getHub().stats().timers], [false, 0]);
  }
});

Deno.test("Timeout is cancelled at the end of a using block, also by an error", async () => {
  await assertRejects(
    async () => {
      using _limit = Timeout.start(60_000);
      await sleep();
      throw new Error("from the block");
    },
    Error,
    "from the block",
  );
  assertEquals(getHub().stats().timers, 0);
});

Deno.test("Timeout constructor throws RangeError and TypeError with the value", () => {
  for (const bad of [-1, NaN]) assertThrows(() => new Timeout(bad), RangeError, String(bad));
  assertThrows(() => new Timeout("5" as unknown as number), TypeError, "5");
  assertThrows(() => new Timeout(5, { error: "x" as unknown as Error }), TypeError, "received x");
});

Deno.test("Timeout says how long it was, and what for", () => {
  assertEquals(new Timeout(5, { message: "login" }).message, "Timed out after 5 ms: login");
  assertEquals([new Timeout(5).ms, new Timeout(null).ms, new Timeout(5).name], [5, null, "Timeout"]);
});

Deno.test("Timeout.cancel() from outside keeps it from firing in the greenlet that started it", async () => {
  let limit: Timeout;
  const event = new Event();
  const greenlet = spawn(async () => {
    limit = Timeout.start(60_000);
    return await event.wait();
  });
  await sleep();
  limit!.cancel();
  limit!.cancel();
  assertEquals([limit!.pending, getHub().stats().timers], [false, 0]);
  event.set();
  assertEquals(await greenlet.get(), true);
});

Deno.test("Timeout that fires after the end of its greenlet harms nobody", async () => {
  let limit: Timeout;
  const greenlet = spawn(() => {
    limit = Timeout.start(1);
  });
  await greenlet.join();
  await sleep(2);
  assertEquals([limit!.pending, greenlet.successful, greenlet.pending], [false, true, undefined]);
});

Deno.test("Timeout belongs to who started it, not to who made it", async () => {
  const limit = new Timeout(1);
  const greenlet = spawn(async () => {
    limit.start();
    return await never().catch((error) => error);
  });
  await sleep(2);
  assertStrictEquals(await greenlet.get(), limit);
});

Deno.test("Timeout of an outer block interrupts a wait in an inner one, and the inner one is still to come", async () => {
  const log: string[] = [];
  const greenlet = spawn(async () => {
    const inner = Timeout.start(60_000);
    const outer = Timeout.start(1);
    await never().catch((error) => log.push(error === outer ? "outer" : "?"));
    log.push(inner.pending ? "inner is pending" : "inner is gone");
    inner.cancel();
    await sleep(1);
  });
  await greenlet.get();
  assertEquals(log, ["outer", "inner is pending"]);
});

Deno.test("Timeout that is silent still ends the wait: only blocks under it swallow it", async () => {
  const limit = Timeout.start(1, { silent: true });
  assertStrictEquals(await never().catch((error) => error), limit);
  assert(limit.silent);
});

Deno.test("Timeout with ref: false does not count among the timers that keep the process alive", () => {
  const { timers } = getHub();
  using _unreferenced = Timeout.start(60_000, { ref: false });
  assertEquals([timers.size, timers.refs], [1, 0]);
  using _referenced = Timeout.start(60_000);
  assertEquals([timers.size, timers.refs], [2, 1]);
});

Deno.test("Timeout fires between two waits: the next wait throws it, and no other does", async () => {
  const limit = Timeout.start(0);
  getHub().timers.fireDue(getHub().now() + 1);
  assertStrictEquals(await sleep().catch((error) => error), limit);
  await sleep();
  limit.cancel();
});

Deno.test("Timeout takes a Temporal.Duration", () => {
  assertEquals(new Timeout(Temporal.Duration.from({ seconds: 2 })).ms, 2000);
});

Deno.test("Timeout that is running limits the waits of others to which it is given", async () => {
  const limit = Timeout.start(5);
  const waiting = spawn(() => new Event().wait({ timeout: limit }));
  const getting = spawn(() => new Queue().get({ timeout: limit }).catch((error) => error));
  await turn();
  assertStrictEquals(await never().catch((error) => error), limit);
  assertEquals([await waiting.get(), await getting.get()], [false, limit]);
});

Deno.test("Timeout.limit is what is left, unless it will interrupt the caller by itself", async () => {
  const limit = new Timeout(60_000);
  assertEquals([limit.limit, new Timeout(null).limit], [60_000, Infinity]);
  limit.start();
  assertEquals(limit.limit, Infinity);
  const left = await spawn(() => limit.limit).get();
  assert(left > 50_000 && left <= 60_000);
  getHub().timers.fireDue(getHub().now() + 60_001);
  assertEquals(limit.limit, 0);
  limit.cancel();
  assertEquals(limit.limit, 60_000);
  await sleep();
  await sleep(); // the hub goes idle and disarms its clock
});
