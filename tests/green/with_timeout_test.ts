import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  Event,
  getHub,
  GreenletExit,
  Queue,
  Semaphore,
  sleep,
  spawn,
  Timeout,
  withTimeout,
} from "@verdant/green";
import { captureErrors, turn } from "../helpers.ts";

Deno.test("withTimeout() stops the work at its wait and throws the Timeout", async () => {
  const log: string[] = [];
  const limit = new Timeout(1);
  const caught = await withTimeout(limit, async () => {
    try {
      await sleep(60_000);
      log.push("never");
    } finally {
      await sleep(); // a clean-up may wait
      log.push("cleaned up");
    }
  }).catch((error) => error);
  assertStrictEquals(caught, limit);
  assertEquals([log, limit.pending, getHub().stats().timers], [["cleaned up"], false, 0]);
});

Deno.test("withTimeout() takes what the work waits for away from it, and gives it back", async () => {
  const queue = new Queue<number>();
  const semaphore = new Semaphore(0);
  await assertRejects(() => withTimeout(1, () => queue.get()), Timeout);
  await assertRejects(() => withTimeout(1, () => semaphore.acquire()), Timeout);
  queue.putNowait(1);
  semaphore.release();
  assertEquals([await queue.get(), await semaphore.acquire()], [1, true]);
});

Deno.test("withTimeout() returns what the work does, and throws its error, without a timer left", async () => {
  const failure = new Error("own");
  assertEquals(await withTimeout(60_000, () => "value"), "value");
  assertEquals(await withTimeout(60_000, async () => (await sleep(), "later")), "later");
  const failing = [() => Promise.reject(failure), () => {
    throw failure;
  }];
  for (const fn of failing) assertStrictEquals(await assertRejects(() => withTimeout(60_000, fn)), failure);
  assertEquals(getHub().stats().timers, 0);
});

Deno.test("withTimeout() returns its value, or undefined for a silent Timeout", async () => {
  const forever = () => new Event().wait();
  assertEquals(await withTimeout(1, forever, { value: "default" }), "default");
  assertEquals(await withTimeout(1, forever, { value: undefined }), undefined);
  assertEquals(await withTimeout(new Timeout(1, { silent: true }), forever), undefined);
  assertEquals(await withTimeout(new Timeout(1, { silent: true }), forever, { value: 0 }), 0);
});

Deno.test("withTimeout() throws the error of its Timeout, or its value instead", async () => {
  const error = new RangeError("too late");
  const forever = () => new Event().wait();
  assertStrictEquals(await assertRejects(() => withTimeout(new Timeout(1, { error }), forever)), error);
  assertEquals(await withTimeout(new Timeout(1, { error }), forever, { value: "default" }), "default");
});

Deno.test("withTimeout() takes a Temporal.Duration", async () => {
  const limit = Temporal.Duration.from({ milliseconds: 1 });
  await assertRejects(() => withTimeout(limit, () => sleep(60_000)), Timeout, "Timed out after 1 ms");
});

Deno.test("withTimeout() with a value lets a foreign Timeout, a kill and other errors pass", async () => {
  const outer = Timeout.start(1);
  const caught = await withTimeout(60_000, () => sleep(60_000), { value: "no" }).catch((error) => error);
  assertStrictEquals(caught, outer);
  await assertRejects(
    () => withTimeout(60_000, () => Promise.reject(new Error("own")), { value: "no" }),
    Error,
    "own",
  );
  const killed = spawn(() => withTimeout(60_000, () => sleep(60_000), { value: "no" }));
  await sleep();
  await killed.kill();
  assertInstanceOf(killed.value as unknown, GreenletExit);
  assertEquals(getHub().stats().timers, 0);
});

Deno.test("withTimeout() silent swallows only itself", async () => {
  using outer = Timeout.start(1);
  const silent = new Timeout(60_000, { silent: true });
  assertStrictEquals(await assertRejects(() => withTimeout(silent, () => sleep(60_000))), outer);
});

Deno.test("withTimeout() inside another: the outer limit passes through the inner one", async () => {
  const log: string[] = [];
  const result = await withTimeout(1, async () => {
    await withTimeout(60_000, () => sleep(60_000), { value: "inner" });
    log.push("never");
  }, { value: "outer" });
  assertEquals([result, log, getHub().stats().timers], ["outer", [], 0]);
});

Deno.test("withTimeout() inside another: the inner limit stops the inner work only", async () => {
  const result = await withTimeout(60_000, async () => {
    const inner = await withTimeout(1, () => sleep(60_000), { value: "inner" });
    await sleep();
    return [inner, "goes on"];
  }, { value: "outer" });
  assertEquals(result, ["inner", "goes on"]);
});

Deno.test("withTimeout() inside another with an equal deadline: the one started first fires first", async () => {
  const log: string[] = [];
  const limits = [new Timeout(1), new Timeout(1)];
  const caught = await withTimeout(limits[0]!, async () => {
    try {
      await withTimeout(limits[1]!, () => sleep(60_000), { value: "inner" });
      log.push("never");
    } finally {
      log.push("left");
    }
  }).catch((error) => error);
  assertStrictEquals(caught, limits[0]);
  assertEquals(log, ["left"]);
});

Deno.test("withTimeout() of null or Infinity is no limit and needs no timer", async () => {
  for (const limit of [null, Infinity]) {
    const greenlet = spawn(() => withTimeout(limit, () => new Event().wait()));
    await sleep();
    assertEquals(getHub().stats().timers, 0);
    await greenlet.kill();
    assertEquals(await withTimeout(limit, () => "done"), "done");
  }
});

Deno.test("withTimeout() of 0 ends at the first wait that lasts", async () => {
  assertEquals(await withTimeout(0, () => "at once"), "at once");
  assertEquals(await withTimeout(0, async () => (await sleep(), "a pass")), "a pass");
  assertEquals(await withTimeout(0, () => sleep(60_000), { value: "over" }), "over");
});

Deno.test("withTimeout() that fires after the grant of the last wait is withdrawn", async () => {
  const event = new Event();
  const greenlet = spawn(async () => {
    const result = await withTimeout(60_000, () => event.wait());
    await sleep(); // the time-out would arrive here
    return result;
  });
  await sleep();
  event.set();
  getHub().timers.fireDue(getHub().now() + 60_000);
  assertEquals(greenlet.pending?.length, 1);
  assertEquals([await greenlet.get(), greenlet.pending], [true, undefined]);
});

Deno.test("withTimeout() stops the greenlet that called it, and no other", async () => {
  const bystander = spawn(async () => {
    await sleep(3);
    return "unharmed";
  });
  const limited = spawn(() => withTimeout(1, () => bystander.join(), { value: "late" }));
  assertEquals([await limited.get(), await bystander.get()], ["late", "unharmed"]);
});

Deno.test("withTimeout() of a Timeout can be used again", async () => {
  const limit = new Timeout(1);
  for (let i = 0; i < 2; i++) {
    assertEquals(await withTimeout(limit, () => sleep(60_000), { value: "over" }), "over");
  }
  assertEquals(await withTimeout(limit, () => "in time"), "in time");
});

Deno.test("withTimeout() that is caught by the work itself is over once", async () => {
  const result = await withTimeout(1, async () => {
    const caught = await sleep(60_000).catch((error) => error);
    await sleep();
    return caught instanceof Timeout;
  });
  assertEquals(result, true);
});

Deno.test("withTimeout() that nobody awaits rejects quietly, and fails nobody", async () => {
  using errors = captureErrors();
  const greenlet = spawn(async () => {
    void withTimeout(1, () => new Event().wait());
    void withTimeout(60_000, () => Promise.reject(new Error("own")));
    await sleep(60_000).catch(() => {});
    return "unharmed";
  });
  assertEquals([await greenlet.get(), errors.seen], ["unharmed", []]);
  await turn(); // an unhandled rejection would have failed the test by now
});

Deno.test("withTimeout() throws at the call for a pending Timeout, which goes on", () => {
  using pending = Timeout.start(60_000);
  let ran = false;
  assertThrows(
    () => void withTimeout(pending, () => ran = true),
    Error,
    "it is pending (Timed out after 60000 ms)",
  );
  assertEquals([pending.pending, ran], [true, false]);
});

Deno.test("withTimeout() throws at the call for bad input, and starts nothing", () => {
  let ran = false;
  const limit = new Timeout(60_000);
  const fn = () => ran = true;
  assertThrows(() => void withTimeout(-1, fn), RangeError, "received -1");
  assertThrows(() => void withTimeout(NaN, fn), RangeError, "received NaN");
  assertThrows(() => void withTimeout("1" as never, fn), TypeError, "received 1");
  assertThrows(
    () => void withTimeout(limit, 5 as never),
    TypeError,
    "Cannot run with timeout: fn must be a function, received 5",
  );
  assert(!limit.pending && !ran);
  assertEquals(getHub().stats().timers, 0);
});
