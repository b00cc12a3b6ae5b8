import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  BlockingSwitchOutError,
  Event,
  getCurrent,
  getHub,
  type Greenlet,
  GreenletExit,
  Hub,
  idle,
  joinAll,
  simulate,
  sleep,
  spawn,
  spawnRaw,
  VirtualClock,
} from "@verdant/green";
import { runAs } from "../../hub/context.ts";
import { turn } from "../helpers.ts";

/** Says which requests kept the process alive. */
class RecordingClock extends VirtualClock {
  readonly refs: boolean[] = [];

  override arm(deadline: number, ref: boolean, wake: () => void): void {
    this.refs.push(ref);
    super.arm(deadline, ref, wake);
  }
}

Deno.test("sleep() without a duration lets everybody run who is ready, once", async () => {
  const log: string[] = [];
  const body = async (name: string) => {
    for (let i = 0; i < 2; i++) {
      log.push(`${name}${i}`);
      await sleep();
    }
  };
  await joinAll([spawn(body, "a"), spawn(body, "b"), spawn(body, "c")]);
  assertEquals(log, ["a0", "b0", "c0", "a1", "b1", "c1"]);
});

Deno.test("sleep(0) and a Temporal.Duration of nothing need no timer", async () => {
  const { timers } = getHub().stats();
  const naps = [sleep(0), sleep(-0), sleep(new Temporal.Duration()), sleep(0, { ref: false })];
  assertEquals(getHub().stats().timers, timers);
  assertEquals(await Promise.all(naps), [undefined, undefined, undefined, undefined]);
});

Deno.test("sleep() wakes by duration, equal ones in the order in which they began", async () => {
  const log: string[] = [];
  await simulate(async (world) => {
    const nap = (name: string, ms: number | Temporal.Duration) =>
      spawn(async () => {
        await sleep(ms);
        log.push(`${name} at ${world.now}`);
      });
    await joinAll([
      nap("slow", 3_600_000),
      nap("fast", 0.5),
      nap("medium 1", 60_000),
      nap("medium 2", Temporal.Duration.from({ minutes: 1 })),
    ]);
  });
  assertEquals(log, ["fast at 0.5", "medium 1 at 60000", "medium 2 at 60000", "slow at 3600000"]);
});

Deno.test("sleep() keeps the process alive unless ref is false", async () => {
  const clock = new RecordingClock();
  const hub = new Hub({ clock });
  const greenlets: Greenlet[] = [];
  runAs(hub.root, () => {
    greenlets.push(spawn(async () => {
      await sleep(1, { ref: false });
      await sleep(1, { ref: true });
      await sleep(1);
      await joinAll([spawn(() => sleep(2, { ref: false })), spawn(() => sleep(3))]);
    }));
  }, undefined);
  while (!greenlets[0]!.ready) {
    await turn();
    if (hub.stats().runnable === 0) clock.jump();
  }
  assertEquals(clock.refs.slice(0, 3), [false, true, true]);
  // The one that counts outlives the other, so the process must not end before.
  assertEquals(clock.refs.slice(3).every((ref) => ref), true);
});

Deno.test("sleep(Infinity) needs no timer and ends with a kill", async () => {
  const { timers } = getHub().stats();
  const sleeper = spawn(() => sleep(Infinity));
  await sleep();
  assertEquals(getHub().stats().timers, timers);
  await sleeper.kill();
  assert(sleeper.value as unknown instanceof GreenletExit);
});

Deno.test("sleep() that is killed leaves no timer behind", async () => {
  const { timers } = getHub().stats();
  const sleeper = spawn(() => sleep(60_000));
  await sleep();
  assertEquals(getHub().stats().timers, timers + 1);
  await sleeper.kill();
  assertEquals(getHub().stats().timers, timers);
});

Deno.test("sleep() throws with the value for a bad duration, at the call", () => {
  const { timers, runnable } = getHub().stats();
  assertThrows(
    () => sleep(-1),
    RangeError,
    "Cannot sleep: duration must be 0 or more milliseconds, received -1",
  );
  assertThrows(() => sleep(NaN), RangeError, "received NaN");
  assertThrows(() => sleep(Temporal.Duration.from({ seconds: -2 })), RangeError, "received -2000");
  assertThrows(() => sleep("5" as never), TypeError, "received 5");
  assertEquals([getHub().stats().timers, getHub().stats().runnable], [timers, runnable]);
});

Deno.test("sleep() and idle() throw at the call in a callback of the hub", async () => {
  const names: string[] = [];
  getHub().runCallback(() => {
    for (const call of [() => sleep(), () => sleep(1), () => idle()]) {
      names.push(assertThrows(call, BlockingSwitchOutError).name);
    }
  });
  await sleep();
  assertEquals(names.length, 3);
});

Deno.test("sleep() and idle() do not begin while a kill is due", async () => {
  for (const wait of [() => sleep(), () => sleep(60_000), () => idle()]) {
    const log: string[] = [];
    const greenlet = spawn(async () => {
      await getCurrent()!.kill("enough", { block: false });
      spawnRaw(() => void log.push("somebody else"));
      await assertRejects(wait, GreenletExit, "enough");
      log.push("refused at once");
    });
    await greenlet.get();
    await sleep();
    assertEquals(log, ["refused at once", "somebody else"]);
  }
});

Deno.test("sleep() that is not awaited is harmless, also when it is killed", async () => {
  const greenlet = spawn(async () => {
    void sleep(60_000);
    await new Event().wait();
  });
  await sleep();
  await greenlet.kill();
  await turn(); // an unhandled rejection would have failed the test by now
  assert(greenlet.successful);
});

Deno.test("idle() waits for a turn of the event loop, after all that is ready", async () => {
  const log: string[] = [];
  const worker = spawn(async () => {
    for (let i = 0; i < 3; i++) {
      log.push(`work${i}`);
      await sleep();
    }
  });
  setImmediate(() => log.push("event loop"));
  await idle();
  log.push("idle");
  await worker.join();
  assertEquals(log, ["work0", "work1", "work2", "event loop", "idle"]);
});

Deno.test("idle() ends with a kill, and its turn passes unnoticed", async () => {
  const greenlet = spawn(() => idle());
  await sleep();
  await greenlet.kill();
  await turn();
  assert(greenlet.value as unknown instanceof GreenletExit);
  assertEquals(getHub().stats().foreignWaits, 0);
});

Deno.test("idle() is something that Hub.join() waits for", async () => {
  const log: string[] = [];
  spawn(async () => {
    await idle();
    log.push("idle");
  });
  await getHub().join();
  assertEquals([log, getHub().stats().foreignWaits], [["idle"], 0]);
});
