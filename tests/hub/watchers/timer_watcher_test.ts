import { assertEquals, assertThrows } from "@std/assert";
import { getHub, Hub, simulate, sleep, type TimerWatcher, type World } from "@verdant/green";
import { HandClock } from "./hand_clock.ts";

/** Runs `body` in virtual time, with a list of the times at which `tick` was called. */
function timed(body: (world: World, ticks: number[], tick: () => void) => Promise<void>): Promise<void> {
  return simulate((world) => {
    const ticks: number[] = [];
    return body(world, ticks, () => ticks.push(world.now));
  });
}

Deno.test("TimerWatcher calls once, when the time has passed, and is not active then", () =>
  timed(async (_world, ticks, tick) => {
    using timer = getHub().timer(100);
    timer.start(tick);
    await sleep(99);
    assertEquals([ticks, timer.active, timer.pending], [[], true, false]);
    await sleep(1_000);
    assertEquals([ticks, timer.active, timer.callback], [[100], false, undefined]);
  }));

Deno.test("TimerWatcher that has called may be started again", () =>
  timed(async (_world, ticks, tick) => {
    using timer = getHub().timer(100);
    timer.start(tick);
    await sleep(150);
    timer.start(tick);
    await sleep(150);
    assertEquals(ticks, [100, 250]);
  }));

Deno.test("TimerWatcher may be started again by its own function", () =>
  timed(async (world, ticks) => {
    using timer = getHub().timer(100);
    const again = () => {
      ticks.push(world.now);
      if (ticks.length < 3) timer.start(again);
    };
    timer.start(again);
    await sleep(1_000);
    assertEquals([ticks, timer.active], [[100, 200, 300], false]);
  }));

Deno.test("TimerWatcher with repeat calls until it is stopped, first after its own time", () =>
  timed(async (_world, ticks, tick) => {
    using timer = getHub().timer(5, { repeat: 100 });
    timer.start(tick);
    await sleep(250);
    assertEquals([timer.active, timer.callback], [true, tick]);
    timer.stop();
    await sleep(1_000);
    assertEquals(ticks, [5, 105, 205]);
  }));

Deno.test("TimerWatcher that is late keeps its rhythm and leaves out what it has missed", () => {
  const clock = new HandClock();
  const ticks: number[] = [];
  using timer = new Hub({ clock }).timer(100, { repeat: 100 });
  timer.start(() => ticks.push(clock.time));
  for (const time of [99, 130, 199, 200, 450, 499, 500, 599, 600]) clock.reach(time);
  assertEquals(ticks, [130, 200, 450, 500, 600]);
});

Deno.test("TimerWatcher that is always late does not keep the hub from getting on", () => {
  const clock = new HandClock();
  const hub = new Hub({ clock });
  let calls = 0;
  using timer = hub.timer(0, { repeat: 0.001 });
  timer.start(() => {
    clock.time += 1;
    calls++;
  });
  clock.reach(1);
  clock.reach(100);
  assertEquals(calls, 2);
});

Deno.test("TimerWatcher.start() of one that is active does not move its time", () =>
  timed(async (_world, ticks, tick) => {
    using timer = getHub().timer(100);
    timer.start(() => {});
    await sleep(60);
    timer.start(tick);
    await sleep(100);
    assertEquals(ticks, [100]);
  }));

Deno.test("TimerWatcher.again() starts the time between two calls anew", () =>
  timed(async (_world, ticks, tick) => {
    using timer = getHub().timer(10, { repeat: 100 });
    timer.start(tick);
    await sleep(60); // next at 110
    timer.again();
    await sleep(201);
    assertEquals(ticks, [10, 160, 260]);
  }));

Deno.test("TimerWatcher.again() starts one that is not active, with its function", () =>
  timed(async (_world, ticks, tick) => {
    using timer = getHub().timer(10, { repeat: 100 });
    timer.again((step: () => void) => step(), tick);
    assertEquals(timer.args, [tick]);
    await sleep(250);
    assertEquals(ticks, [100, 200]);
  }));

Deno.test("TimerWatcher.again() with a function calls that from then on", () =>
  timed(async (_world, ticks, tick) => {
    using timer = getHub().timer(10, { repeat: 100 });
    timer.start(() => ticks.push(-1));
    await sleep(20);
    timer.again(tick);
    await sleep(150);
    assertEquals(ticks, [-1, 120]);
  }));

Deno.test("TimerWatcher.again() in its own function counts from there", () =>
  timed(async (world, ticks) => {
    const timer = getHub().timer(10, { repeat: 100 });
    timer.start(() => {
      ticks.push(world.now);
      timer.again();
    });
    await sleep(220);
    timer.close();
    await sleep(200);
    assertEquals([ticks, getHub().stats().timers], [[10, 110, 210], 0]);
  }));

/** Runs `act` while the call of a timer, due at 100, is pending. */
function whilePending(timer: TimerWatcher, act: () => void): Disposable {
  // Both are due: the one that was started first is called first.
  const before = getHub().timer(100);
  before.start(() => {
    assertEquals(timer.pending, true);
    act();
  });
  return before;
}

Deno.test("TimerWatcher.again() withdraws the call that is pending", () =>
  timed(async (_world, ticks, tick) => {
    using timer = getHub().timer(100, { repeat: 50 });
    using _before = whilePending(timer, () => {
      timer.again();
      assertEquals([timer.pending, timer.active], [false, true]);
    });
    timer.start(tick);
    await sleep(170);
    assertEquals(ticks, [150]);
  }));

Deno.test("TimerWatcher.start() of one whose call is pending waits for its whole time, if it is not active", () =>
  timed(async (_world, ticks, tick) => {
    using timer = getHub().timer(100);
    using _before = whilePending(timer, () => {
      assertEquals(timer.active, false);
      timer.start(tick);
      assertEquals([timer.pending, timer.active], [false, true]);
    });
    timer.start(() => ticks.push(-1));
    await sleep(300);
    assertEquals(ticks, [200]);
  }));

Deno.test("TimerWatcher.again() without repeat stops it", () =>
  timed(async (_world, ticks, tick) => {
    using timer = getHub().timer(10);
    timer.start(tick);
    timer.again();
    assertEquals([timer.active, timer.callback, getHub().stats().timers], [false, undefined, 0]);
    timer.again(tick);
    assertEquals([timer.active, timer.callback], [false, undefined]);
    await sleep(100);
    assertEquals(ticks, []);
  }));

Deno.test("TimerWatcher.again() refuses what start() refuses", () => {
  using timer = getHub().timer(10, { repeat: 10 });
  assertThrows(() => timer.again(), TypeError, "callback must be a function, received undefined");
  assertThrows(() => timer.again(5 as never), TypeError, "callback must be a function, received 5");
  assertEquals(timer.active, false);
  timer.close();
  assertThrows(() => timer.again(() => {}), Error, "Cannot start timer watcher: it is closed");
});

Deno.test("TimerWatcher.ref may change while it is active: its time stays", () =>
  timed(async (_world, ticks, tick) => {
    const hub = getHub();
    using timer = hub.timer(100, { repeat: 50, ref: false });
    timer.start(tick);
    assertEquals(hub.timers.refs, 0);
    await sleep(60);
    timer.ref = true;
    assertEquals([hub.timers.refs, hub.timers.size], [1, 1]);
    await sleep(100);
    timer.ref = false;
    assertEquals([hub.timers.refs, hub.timers.size], [0, 1]);
    await sleep(100);
    assertEquals(ticks, [100, 150, 200, 250]);
  }));

Deno.test("TimerWatcher.ref may change while its call is pending", () =>
  timed(async (_world, ticks, tick) => {
    const hub = getHub();
    using timer = hub.timer(100, { repeat: 50 });
    using _before = whilePending(timer, () => timer.ref = false);
    timer.start(tick);
    await sleep(120);
    assertEquals([ticks, hub.timers.refs, timer.ref], [[100], 0, false]);
  }));

Deno.test("TimerWatcher of equal times call in the order of their starts", () =>
  timed(async () => {
    const hub = getHub();
    const seen: string[] = [];
    using a = hub.timer(100);
    using b = hub.timer(100);
    b.start(() => seen.push("b"));
    a.start(() => seen.push("a"));
    await sleep(100);
    assertEquals(seen, ["b", "a"]);
  }));

Deno.test("TimerWatcher takes a Temporal.Duration, and refuses times that are none", () => {
  const hub = getHub();
  const second = Temporal.Duration.from({ seconds: 1 });
  const timer = hub.timer(second, { repeat: second });
  assertEquals([timer.after, timer.repeat], [1_000, 1_000]);
  for (const bad of [-1, NaN]) {
    assertThrows(() => hub.timer(bad), RangeError, `after must be 0 or more milliseconds, received ${bad}`);
    const repeat = `repeat must be 0 or more milliseconds, received ${bad}`;
    assertThrows(() => hub.timer(1, { repeat: bad }), RangeError, repeat);
  }
  assertThrows(() => hub.timer(Infinity), RangeError, "after must be finite");
  assertThrows(() => hub.timer(1, { repeat: Infinity }), RangeError, "repeat must be finite");
  assertThrows(() => hub.timer("1" as never), TypeError, "received 1");
});

Deno.test("TimerWatcher of 0 ms is called in real time, too, again and again", async () => {
  let calls = 0;
  using timer = getHub().timer(0, { repeat: 1 });
  const third = Promise.withResolvers<void>();
  timer.start(() => {
    if (++calls === 3) third.resolve();
  });
  await third.promise;
  assertEquals(timer.active, true);
});
