import {
  assert,
  assertEquals,
  assertFalse,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { Event, eventlet, getHub, simulate, sleep, Timeout as GreenTimeout } from "@verdant/green";
import { interruptAnywhere } from "../../interrupt_anywhere.ts";

const { isTimeout, Timeout, withTimeout, wrapIsTimeout } = eventlet;

Deno.test("Timeout starts when it is made, and throws itself", async () => {
  await simulate(async (world) => {
    const timeout = new Timeout(10);
    assertEquals([timeout.pending, timeout.ms, timeout.isTimeout], [true, 10, true]);
    assertStrictEquals(await sleep(60_000).catch((error) => error), timeout);
    assertEquals([world.now, timeout.pending], [10, false]);
  });
});

Deno.test("Timeout throws the error or the class that it is given", async () => {
  await simulate(async () => {
    const error = new RangeError("too late");
    for (const exception of [error, RangeError]) {
      using _timeout = new Timeout(1, exception);
      await assertRejects(() => sleep(60_000), RangeError);
    }
    for (const exception of [undefined, null, true, false]) {
      using timeout = new Timeout(1, exception);
      assertStrictEquals(await sleep(60_000).catch((error) => error), timeout);
    }
  });
  assertThrows(() => new Timeout(1, 5 as never), TypeError, "received 5");
  assertThrows(() => new Timeout(NaN), RangeError, "received NaN");
  assertEquals(getHub().stats().timers, 0);
});

Deno.test("Timeout without a time never fires", async () => {
  await simulate(async (world) => {
    for (const none of [undefined, null]) {
      using timeout = new Timeout(none);
      await world.advance(1e9);
      assertEquals([timeout.pending, timeout.ms], [false, null]);
      assertEquals(await timeout.run(() => sleep(1).then(() => "done")), "done");
    }
  });
});

Deno.test("Timeout of 0 or less fires at the next wait, not without one", async () => {
  for (const ms of [0, -1]) {
    let steps = 0;
    const thread = eventlet.spawn(async () => {
      using timeout = new Timeout(ms);
      steps++;
      await Promise.resolve(); // not the library's
      steps++;
      assertStrictEquals(await sleep().catch((error) => error), timeout);
      await sleep();
      steps++;
    });
    await thread.wait();
    assertEquals(steps, 3);
  }
});

Deno.test("Timeout of 0 that is cancelled does not fire", async () => {
  const timeout = new Timeout(0);
  timeout.cancel();
  await sleep();
  assertEquals(await timeout.run(() => "no wait"), "no wait");
  await sleep();
  assertStrictEquals(await timeout.run(() => sleep()).catch((error) => error), timeout);
});

Deno.test("Timeout that was made before a sleep of the same length wins", async () => {
  await simulate(async () => {
    using timeout = new Timeout(10);
    assertStrictEquals(await sleep(10).catch((error) => error), timeout);
  });
});

Deno.test("Timeout.cancel() is harmless twice, start() while pending is not", async () => {
  await simulate(async (world) => {
    const timeout = new Timeout(10);
    assertThrows(() => timeout.start(), Error, "it is pending");
    for (let i = 0; i < 2; i++) timeout.cancel();
    assertEquals(timeout.pending, false);
    await world.advance(20);
    timeout.start();
    assertStrictEquals(await sleep(60_000).catch((error) => error), timeout);
    assertEquals(world.now, 30);
  });
});

Deno.test("Timeout is for the greenlet that made it, whoever runs under it", async () => {
  await simulate(async () => {
    const timeout = new Timeout(10);
    const runner = eventlet.spawn(() => timeout.run(() => sleep(20).then(() => "undisturbed")));
    assertStrictEquals(await sleep(60_000).catch((error) => error), timeout);
    assertEquals(await runner.wait(), "undisturbed");
  });
});

Deno.test("Timeout.run() cancels it at the end, and may be called again", async () => {
  await simulate(async (world) => {
    const timeout = new Timeout(10);
    assertEquals(await timeout.run((a: number, b: number) => sleep(5).then(() => a + b), 2, 3), 5);
    assertEquals(timeout.pending, false);
    await world.advance(60);
    const begin = world.now;
    assertStrictEquals(await timeout.run(() => sleep(60_000)).catch((error) => error), timeout);
    assertEquals(world.now - begin, 10); // started anew
    await assertRejects(() => timeout.run(() => Promise.reject(new RangeError("own"))), RangeError);
    assertEquals(timeout.pending, false);
    assertThrows(() => timeout.run(5 as never), TypeError, "received 5");
  });
});

Deno.test("Timeout.run() does not start it again while it is pending", async () => {
  await simulate(async (world) => {
    const timeout = new Timeout(10);
    await sleep(6);
    await assertRejects(() => timeout.run(() => sleep(60_000)), Timeout);
    assertEquals(world.now, 10);
  });
});

Deno.test("Timeout.run() does not start it again if it has fired and was not delivered yet", async () => {
  await simulate(async ({ hub }) => {
    const gate = new Event();
    hub.startTimer(10, true, () => gate.set(), undefined);
    const timeout = new Timeout(10);
    await gate.wait(); // granted at the same moment, just before
    assertEquals([timeout.pending, hub.now()], [false, 10]);
    assertStrictEquals(await timeout.run(() => sleep(60_000)).catch((error) => error), timeout);
    assertEquals(hub.now(), 10);
  });
});

Deno.test("Timeout.run() swallows a silent one only, and only itself", async () => {
  await simulate(async () => {
    assertEquals(await new Timeout(1, false).run(() => sleep(60_000)), undefined);
    const other = new Timeout(1, false);
    const silent = new Timeout(60_000, false);
    assertStrictEquals(await silent.run(() => sleep(60_000)).catch((error) => error), other);
    const own = new RangeError("own");
    const caught = await new Timeout(60_000, false).run(() => Promise.reject(own)).catch((error) => error);
    assertStrictEquals(caught, own);
    const loud = await new Timeout(1, RangeError).run(() => sleep(60_000)).catch((error) => error);
    assert(loud instanceof RangeError);
  });
});

Deno.test("Timeout in a Timeout: each ends its own block (test_nested_timeout)", async () => {
  await simulate(async (world) => {
    const log: string[] = [];
    await new Timeout(5, false).run(async () => {
      await new Timeout(10, false).run(() => sleep(60_000));
      log.push("never");
    });
    assertEquals([log, world.now], [[], 5]);
    await new Timeout(60, false).run(async () => {
      await new Timeout(10, false).run(() => sleep(60_000));
      log.push("after the inner one");
      await sleep(60_000);
    });
    assertEquals([log, world.now], [["after the inner one"], 65]);
  });
});

Deno.test("Timeout limits any wait of the library", async () => {
  await simulate(async () => {
    using limit = new Timeout(5);
    assertEquals(await new Event().wait({ timeout: limit }), false);
    const queue = new eventlet.Queue();
    using again = new Timeout(5);
    assertStrictEquals(await queue.get({ timeout: again }).catch((error) => error), again);
  });
});

Deno.test("withTimeout() returns the result, throws, or returns timeoutValue", async () => {
  await simulate(async () => {
    const nap = (ms: number, result: string) => sleep(ms).then(() => result);
    assertEquals(await withTimeout(10, nap, { args: [5, "in time"] }), "in time");
    await assertRejects(() => withTimeout(5, nap, { args: [10, "late"] }), Timeout);
    assertEquals(await withTimeout(5, nap, { args: [10, "late"], timeoutValue: null }), null);
    assertEquals(await withTimeout(5, () => sleep(10), { timeoutValue: undefined }), undefined);
    assertEquals(await withTimeout(null, nap, { args: [1e9, "some day"] }), "some day");
    for (const ms of [0, -5]) {
      assertEquals(await withTimeout(ms, () => sleep(0), { timeoutValue: "over" }), "over");
    }
    assertEquals(await withTimeout(0, () => "no wait"), "no wait");
  });
  assertThrows(() => withTimeout(1, 5 as never), TypeError, "received 5");
  assertEquals(getHub().stats().timers, 0);
});

Deno.test("withTimeout() passes a foreign time-out on (test_with_outer_timer)", async () => {
  await simulate(async () => {
    using outer = new Timeout(5);
    const inner = withTimeout(60_000, () => sleep(60_000), { timeoutValue: "inner" });
    assertStrictEquals(await inner.catch((error) => error), outer);
    const swallowed = withTimeout(5, () => sleep(60_000).catch(() => "swallowed"), { timeoutValue: "value" });
    assertEquals(await swallowed, "swallowed");
  });
});

Deno.test("isTimeout() knows time-outs of all kinds", () => {
  const yes = [
    new GreenTimeout(1),
    new DOMException("", "TimeoutError"),
    new Deno.errors.TimedOut(),
    { isTimeout: true },
  ];
  assertEquals(yes.map(isTimeout), yes.map(() => true));
  using timeout = new Timeout(60_000);
  assert(isTimeout(timeout));
  const no = [
    new Error(),
    new DOMException("", "AbortError"),
    { isTimeout: 1 },
    null,
    undefined,
    5,
    "timeout",
  ];
  assertEquals(no.map(isTimeout), no.map(() => false));
});

Deno.test("wrapIsTimeout() marks the instances of a class", () => {
  class TooLate extends Error {}
  const before = new TooLate();
  assertStrictEquals(wrapIsTimeout(TooLate), TooLate);
  wrapIsTimeout(TooLate); // twice is once
  assert(isTimeout(new TooLate()) && isTimeout(before));
  assertFalse(isTimeout(new Error()));
  assertEquals(Object.keys(new TooLate()), []);
});

Deno.test("wrapIsTimeout() marks what a function returns, now or later", async () => {
  const make = wrapIsTimeout((message: string) => new Error(message));
  const error = make("too late");
  assertEquals([isTimeout(error), error.message], [true, "too late"]);
  const makeLater = wrapIsTimeout(async (message: string) => {
    await sleep();
    return new Error(message);
  });
  assert(isTimeout(await makeLater("too late")));
  const maker = {
    message: "its own",
    make: wrapIsTimeout(function (this: { message: string }) {
      return new Error(this.message);
    }),
  };
  assertEquals(maker.make().message, "its own");
});

Deno.test("wrapIsTimeout() refuses what is no function, and what belongs to everybody", () => {
  assertThrows(() => wrapIsTimeout(5), TypeError, "received 5");
  assertThrows(() => wrapIsTimeout(RangeError), TypeError, "Cannot wrap RangeError");
  assertFalse(isTimeout(new RangeError()));
});

interruptAnywhere("eventlet.withTimeout()", () => {
  let cleaned = 0;
  const work = () =>
    withTimeout(50, async () => {
      try {
        await sleep();
        await sleep(1);
      } finally {
        cleaned++;
      }
    });
  return { victim: work, others: [work], check: () => assert(cleaned >= 1 && cleaned <= 2) };
});
