import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  assertNoSwitches,
  assertSwitches,
  assertWaits,
  getHub,
  joinAll,
  Lock,
  Queue,
  Semaphore,
  Sequencer,
  simulate,
  sleep,
  spawn,
  VirtualClock,
} from "@verdant/green";

Deno.test("assertWaits() knows what a greenlet waits for", async () => {
  const lock = new Lock();
  const holder = spawn(() => lock.with(() => sleep(60_000)));
  const waiters = [spawn(() => new Queue().get()), spawn(() => lock.acquire()), holder];
  await sleep();
  assertWaits(waiters[0]!, "Queue.get");
  assertWaits(waiters[1]!, "Lock.acquire");
  assertWaits(waiters[2]!, "sleep");
  assertThrows(() => assertWaits(waiters[0]!, "Queue.put"), Error, "but it waits for Queue get");
  const idle = spawn(() => 1);
  assertThrows(() => assertWaits(idle, "Queue.get"), Error, "but it does not wait");
  for (const greenlet of [...waiters, idle]) await greenlet.kill();
});

Deno.test("assertSwitches() and assertNoSwitches() tell what is atomic", async () => {
  const semaphore = new Semaphore(1);
  assertEquals(await assertNoSwitches(() => semaphore.acquire()), true);
  assertEquals(await assertSwitches(() => sleep().then(() => 5)), 5);
  await assertRejects(() => assertSwitches(() => semaphore.tryAcquire()), Error, "it never did");
  await assertRejects(() => assertNoSwitches(() => sleep()), Error, "1 times");
  const inGreenlet = spawn(async () => {
    const other = spawn(() => sleep());
    await assertNoSwitches(async () => await Promise.resolve());
    await assertSwitches(() => other.join());
  });
  await inGreenlet.get();
  assertEquals(getHub().tracer, undefined);
  assertThrows(() => void getHub().runCallback(5 as never), TypeError);
});

Deno.test("Sequencer.at() lets the turns begin in their order, each when the one before is over", async () => {
  const order = new Sequencer();
  const log: string[] = [];
  const take = async (turn: number) => {
    using _turn = await order.at(turn);
    log.push(`${turn} begins`);
    await sleep();
    log.push(`${turn} ends`);
  };
  await joinAll([2, 0, 1].map((turn) => spawn(take, turn)));
  assertEquals(log, [0, 1, 2].flatMap((turn) => [`${turn} begins`, `${turn} ends`]));
  assertThrows(() => order.at(1), Error, "1 was taken before");
  assertThrows(() => order.at(-1), RangeError, "-1");
});

Deno.test("VirtualClock wakes at every deadline on its way, and refuses to go back", () => {
  const clock = new VirtualClock(100);
  const woken: number[] = [];
  const wakeAgain = () => {
    woken.push(clock.now());
    if (woken.length < 3) clock.arm(clock.now() + 10, true, wakeAgain);
  };
  clock.arm(110, true, wakeAgain);
  assertEquals(clock.deadline, 110);
  clock.advance(25);
  assertEquals([woken, clock.now()], [[110, 120], 125]);
  clock.disarm();
  clock.advance(100);
  assertEquals([woken.length, clock.deadline], [2, Infinity]);
  for (const bad of [-1, NaN, Infinity]) assertThrows(() => clock.advance(bad), RangeError, String(bad));
  assertThrows(() => new VirtualClock(NaN), RangeError, "NaN");
  assert(clock.now() === 225);
});

Deno.test("assertSwitches({ maxBlocking }) fails if the caller keeps the token for too long at a time", async () => {
  await simulate(async (world) => {
    await assertSwitches(() => sleep(60_000), { maxBlocking: 1 });
    const others = async () => {
      await sleep();
      await spawn(() => sleep(5)).join();
    };
    await assertSwitches(others, { maxBlocking: Temporal.Duration.from({ milliseconds: 1 }) });
    assertEquals(world.now, 60_005);
  });
  const compute = (ms: number) => {
    const end = getHub().now() + ms;
    while (getHub().now() < end);
  };
  const before = async () => {
    compute(30);
    await sleep();
  };
  const between = async () => {
    await sleep();
    compute(30);
    await sleep(1);
  };
  const after = async () => {
    await sleep();
    compute(30);
  };
  for (const blocks of [before, between, after]) {
    await assertRejects(
      () => assertSwitches(blocks, { maxBlocking: 20 }),
      Error,
      "let others run every 20 ms, but it kept them waiting for ",
    );
  }
  await assertSwitches(before);
});

Deno.test("assertSwitches({ hubOnly }) fails if only other greenlets got to run", async () => {
  await simulate(async () => {
    const other = spawn(() => {});
    const join = () => other.join();
    await assertRejects(() => assertSwitches(join, { hubOnly: true }), Error, "the event loop run");
    assertEquals(await assertSwitches(() => sleep(1).then(() => 5), { hubOnly: true }), 5);
  });
  await assertRejects(() => assertSwitches(() => {}, { hubOnly: true }), Error, "it never did");
});

Deno.test("assertSwitches() refuses a maxBlocking that is no duration, and passes errors on", async () => {
  const fn = () => sleep();
  await assertRejects(() => assertSwitches(fn, { maxBlocking: -1 }), RangeError, "maxBlocking");
  await assertRejects(() => assertSwitches(fn, { maxBlocking: "1" as never }), TypeError, "maxBlocking");
  const error = new Error("its own");
  const thrown = await assertRejects(() =>
    assertSwitches(() => {
      throw error;
    }, { maxBlocking: 0 })
  );
  assertEquals([thrown === error, getHub().tracer], [true, undefined]);
});
