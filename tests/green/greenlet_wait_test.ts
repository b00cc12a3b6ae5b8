import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  BlockingSwitchOutError,
  Event,
  getCurrent,
  getHub,
  Greenlet,
  GreenletExit,
  joinAll,
  sleep,
  spawn,
  Timeout,
  type WaitOptions,
} from "@verdant/green";
import { captureErrors, turn } from "../helpers.ts";
import { assertFair } from "./fair.ts";

Deno.test("Greenlet.get() gives the value to all who wait, and to whoever asks later", async () => {
  const value = { n: 1 };
  const greenlet = spawn(async () => {
    await sleep();
    return value;
  });
  const seen = await Promise.all([greenlet.get(), spawn(() => greenlet.get()).get(), greenlet.get()]);
  assertEquals(seen.every((one) => one === value), true);
  assertStrictEquals(await greenlet.get(), value);
  assertStrictEquals(await greenlet.get({ timeout: 0 }), value);
});

Deno.test("Greenlet.get() rethrows the very error, and join() never does", async () => {
  using errors = captureErrors();
  const failure = new Error("boom");
  const greenlet = spawn(async () => {
    await sleep();
    throw failure;
  });
  const waiting = [greenlet.get().catch((error) => error), greenlet.join()];
  assertEquals(await Promise.all(waiting), [failure, true]);
  assertStrictEquals(await assertRejects(() => greenlet.get({ timeout: 0 })), failure);
  assertEquals(await greenlet.join({ timeout: 0 }), true);
  assertEquals(errors.seen, [failure]);
});

Deno.test("Greenlet.get() throws Timeout and leaves the greenlet running", async () => {
  const gate = new Event();
  const greenlet = spawn(() => gate.wait());
  const limit = new Timeout(1);
  await assertRejects(() => greenlet.get({ timeout: 1 }), Timeout, "Greenlet.get()");
  await assertRejects(() => greenlet.get({ timeout: 0 }), Timeout, "Greenlet.get()");
  await assertRejects(() => greenlet.get({ timeout: Temporal.Duration.from({ milliseconds: 1 }) }), Timeout);
  assertStrictEquals(await assertRejects(() => greenlet.get({ timeout: limit })), limit);
  assertEquals([greenlet.ready, greenlet.joiners.size, getHub().stats().timers], [false, 0, 0]);
  gate.set();
  assertEquals(await greenlet.get(), true);
});

Deno.test("Greenlet.join() returns false when it takes too long, with any kind of limit", async () => {
  const gate = new Event();
  const greenlet = spawn(() => gate.wait());
  for (const timeout of [0, 1, Temporal.Duration.from({ milliseconds: 1 }), new Timeout(1)]) {
    assertEquals(await greenlet.join({ timeout }), false);
  }
  using running = Timeout.start(1);
  assertEquals(await greenlet.join({ timeout: running }), false);
  assertEquals([greenlet.ready, greenlet.joiners.size], [false, 0]);
  gate.set();
  assertEquals(await greenlet.join(), true);
});

Deno.test("Greenlet.join() and get() end with the reason of their signal", async () => {
  const gate = new Event();
  const greenlet = spawn(() => gate.wait());
  const reason = new Error("changed my mind");
  const aborted = AbortSignal.abort(reason);
  for (
    const wait of [
      (o: { signal: AbortSignal }) => greenlet.join(o),
      (o: { signal: AbortSignal }) => greenlet.get(o),
    ]
  ) {
    const controller = new AbortController();
    const waiting = wait({ signal: controller.signal }).catch((error) => error);
    controller.abort(reason);
    assertStrictEquals(await waiting, reason);
    assertStrictEquals(await assertRejects(() => wait({ signal: aborted })), reason);
  }
  assertEquals(greenlet.joiners.size, 0);
  gate.set();
  await greenlet.join();
});

Deno.test("Greenlet.join() of an unstarted greenlet waits for its end", async () => {
  const greenlet = new Greenlet(() => "ran");
  const joiner = spawn(() => greenlet.get());
  await sleep();
  assertEquals(joiner.ready, false);
  greenlet.start();
  assertEquals(await joiner.get(), "ran");
});

Deno.test("Greenlet.join() of itself ends with its time-out", async () => {
  const greenlet: Greenlet<unknown> = spawn(async () => await getCurrent()!.join({ timeout: 1 }));
  assertEquals(await greenlet.get(), false);
});

Deno.test("Greenlet.join() wakes the joiners in the order in which they came", async () => {
  const order: string[] = [];
  const gate = new Event();
  const greenlet = spawn(async () => {
    await gate.wait();
    order.push("run");
  });
  const joiners = [0, 1, 2].map((i) =>
    spawn(async () => {
      if (i === 1) await greenlet.get();
      else await greenlet.join();
      order.push(`joiner ${i}`);
    })
  );
  await sleep();
  greenlet.rawlink(() => order.push("raw"));
  gate.set();
  await joinAll(joiners);
  await sleep();
  assertEquals(order, ["run", "joiner 0", "joiner 1", "joiner 2", "raw"]);
});

Deno.test("Greenlet.join() whose greenlet is killed does not touch the one it waits for", async () => {
  const gate = new Event();
  const greenlet = spawn(() => gate.wait());
  const joiners = [spawn(() => greenlet.join()), spawn(() => greenlet.get())];
  await sleep();
  for (const joiner of joiners) {
    await joiner.kill();
    assert(joiner.value as unknown instanceof GreenletExit);
  }
  assertEquals([greenlet.ready, greenlet.joiners.size], [false, 0]);
  gate.set();
  assertEquals(await greenlet.get(), true);
});

Deno.test("Greenlet.join() and get() that nobody awaits reject quietly", async () => {
  using errors = captureErrors();
  const failing = spawn(async () => {
    await sleep();
    throw new Error("boom");
  });
  const greenlet = spawn(async () => {
    void failing.get();
    void failing.get({ timeout: 0 });
    void failing.join();
    await failing.join();
    void failing.get();
  });
  await greenlet.join();
  await turn(); // an unhandled rejection would have failed the test by now
  assertEquals([greenlet.successful, errors.seen.length], [true, 1]);
});

Deno.test("Greenlet.join(), get() and kill() throw for bad limits, and register nothing", async () => {
  const greenlet = spawn(async () => {
    await sleep();
    return "alive";
  });
  const calls: Record<string, (options: WaitOptions) => Promise<unknown>> = {
    "join greenlet": (options) => greenlet.join(options),
    "get result of greenlet": (options) => greenlet.get(options),
  };
  for (const [action, call] of Object.entries(calls)) {
    assertThrows(
      () => void call({ timeout: -1 }),
      RangeError,
      `Cannot ${action}: timeout must`,
    );
    assertThrows(() => void call({ timeout: NaN }), RangeError, "received NaN");
    assertThrows(() => void call({ timeout: "1" as never }), TypeError, "received 1");
  }
  assertThrows(
    () => void greenlet.kill(undefined, { timeout: -1 }),
    RangeError,
    "Cannot kill greenlet: timeout",
  );
  assertThrows(
    () => void greenlet.kill(undefined, { timeout: NaN, block: false }),
    RangeError,
    "received NaN",
  );
  assertEquals(greenlet.links, undefined);
  assertEquals(await greenlet.get(), "alive");
});

Deno.test("Greenlet.join(), get() and kill() throw at the call in a callback of the hub", async () => {
  const greenlet = spawn(() => sleep(60_000));
  await sleep();
  const names: string[] = [];
  getHub().runCallback(() => {
    for (const call of [() => greenlet.join(), () => greenlet.get(), () => greenlet.kill()]) {
      names.push(assertThrows(() => void call(), BlockingSwitchOutError).name);
    }
  });
  await sleep();
  assertEquals([names.length, greenlet.dead, greenlet.kills], [3, false, 0]);
  await greenlet.kill();
});

Deno.test("Greenlet.get() of an ended greenlet, in a loop, lets the event loop have its turns", async () => {
  using _errors = captureErrors();
  for (const greenlet of [spawn(() => Promise.reject(new Error("boom"))), spawn(() => 1)]) {
    await greenlet.join();
    await assertFair(() => greenlet.get());
  }
});
