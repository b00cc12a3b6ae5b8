import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  BlockingSwitchOutError,
  eventlet,
  getHub,
  Greenlet,
  GreenletExit,
  simulate,
  sleep,
} from "@verdant/green";
import { captureErrors } from "../../helpers.ts";

Deno.test("eventlet.spawn() starts later, in the order of the spawns, with its arguments", async () => {
  const log: string[] = [];
  const threads = ["a", "b"].map((name) => eventlet.spawn((name: string) => log.push(name), name));
  const after = eventlet.spawnAfter(0, () => log.push("c"));
  const past = eventlet.spawnAfter(-5, () => log.push("d"));
  const local = eventlet.spawnAfterLocal(-5, () => log.push("e"));
  eventlet.spawnN((name: string) => log.push(name), "f");
  assertEquals(log, []);
  await sleep();
  assertEquals(log, ["a", "b", "c", "d", "e", "f"]);
  assert([...threads, after, past, local].every((thread) => thread instanceof eventlet.GreenThread));
});

Deno.test("eventlet.spawn() and its relatives refuse what is not a function", () => {
  assertThrows(() => eventlet.spawn(5 as never), TypeError, "received 5");
  assertThrows(() => eventlet.spawnN(5 as never), TypeError, "received 5");
  assertThrows(() => eventlet.spawnAfter(1, 5 as never), TypeError, "received 5");
  assertThrows(() => eventlet.spawnAfterLocal(1, 5 as never), TypeError, "received 5");
  assertThrows(() => eventlet.spawnAfter(NaN, () => {}), RangeError, "received NaN");
  assertEquals(getHub().stats().greenlets, 0);
});

Deno.test("eventlet.spawnN() gives a plain greenlet whose errors are reported", async () => {
  using errors = captureErrors();
  const failure = new Error("unseen");
  const greenlet = eventlet.spawnN(() => {
    throw failure;
  });
  assert(greenlet instanceof Greenlet && !(greenlet instanceof eventlet.GreenThread));
  await greenlet.join();
  assertEquals([errors.seen, greenlet.dead], [[failure], true]);
});

Deno.test("eventlet.spawnAfter() starts in time, also if its spawner has ended", async () => {
  await simulate(async (world) => {
    const at = () => world.now;
    const spawner = eventlet.spawn(() => [
      eventlet.spawnAfter(10, at),
      eventlet.spawnAfter(Temporal.Duration.from({ milliseconds: 20 }), at),
      eventlet.spawnAfter(Temporal.Duration.from({ milliseconds: -20 }), at),
    ]);
    const threads = await spawner.wait();
    assertEquals(await Promise.all(threads.map((thread) => thread.wait())), [10, 20, 0]);
  });
});

Deno.test("eventlet.spawnAfterLocal() runs while its spawner lives", async () => {
  await simulate(async () => {
    const spawner = eventlet.spawn(() => eventlet.spawnAfterLocal(5, (n: number) => n, 7).wait());
    assertEquals(await spawner.wait(), 7);
  });
  assertEquals(await eventlet.spawnAfterLocal(1, () => "outside").wait(), "outside");
});

Deno.test("eventlet.spawnAfterLocal() is dropped if its spawner has ended, and who waits is told", async () => {
  await simulate(async () => {
    let called = 0;
    const spawner = eventlet.spawn(function caller() {
      return eventlet.spawnAfterLocal(5, () => called++);
    });
    const dropped = await spawner.wait();
    const linked: unknown[] = [];
    dropped.link(({ dead }) => linked.push(dead));
    await assertRejects(() => dropped.wait(), GreenletExit, "caller, which spawned it, has ended");
    assertEquals([called, linked, dropped.successful], [0, [true], true]);
  });
});

Deno.test("eventlet.sleep() takes a negative time for 0", async () => {
  const log: string[] = [];
  const nap = (name: string, ms?: number) =>
    eventlet.spawn(async () => {
      await eventlet.sleep(ms);
      log.push(name);
    });
  const naps = [nap("a", 0), nap("b", -1), nap("c")];
  await Promise.all(naps.map((thread) => thread.wait()));
  assertEquals(log, ["a", "b", "c"]);
  assertThrows(() => eventlet.sleep(NaN), RangeError, "received NaN");
  assertThrows(() => eventlet.sleep(null as never), TypeError, "received null");
});

Deno.test("eventlet.sleep() in a callback of the hub throws", async () => {
  const errors: unknown[] = [];
  getHub().runCallback(() => {
    try {
      void eventlet.sleep();
    } catch (error) {
      errors.push(error);
    }
  });
  await sleep();
  assert(errors[0] instanceof BlockingSwitchOutError);
});

Deno.test("eventlet.getcurrent() is the running greenlet", async () => {
  const thread = eventlet.spawn(() => eventlet.getcurrent());
  assertEquals([await thread.wait() === thread, eventlet.getcurrent()], [true, undefined]);
});
