import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import {
  getCurrent,
  getHub,
  Greenlet,
  joinAll,
  simulate,
  sleep,
  spawn,
  spawnLater,
  spawnWith,
} from "@verdant/green";
import { captureErrors } from "../helpers.ts";

Deno.test("spawn() starts bodies in spawn order, at the caller's next wait", async () => {
  const order: number[] = [];
  for (let i = 0; i < 3; i++) {
    spawn(() => {
      order.push(i);
      spawn(() => order.push(10 + i));
    });
  }
  assertEquals(order, []);
  await sleep();
  await sleep();
  assertEquals(order, [0, 1, 2, 10, 11, 12]);
});

Deno.test("spawn() starts nobody at a plain await of its caller", async () => {
  const log: string[] = [];
  const parent = spawn(async () => {
    const child = spawn(() => log.push("child"));
    for (let i = 0; i < 10; i++) await null;
    log.push("parent");
    await child.join();
  });
  await parent.join();
  assertEquals(log, ["parent", "child"]);
});

Deno.test("spawn() hands the arguments over and gives a greenlet, not its result", async () => {
  const greenlet = spawn((...words: string[]) => words.join(" "), "a", "b", "c");
  assertInstanceOf(greenlet, Greenlet);
  assert(!("then" in greenlet));
  assertEquals(await greenlet.get(), "a b c");
});

Deno.test("spawn() takes async functions, and functions that return a promise or a thenable", async () => {
  const thenable: PromiseLike<number> = { then: (resolve) => Promise.resolve(3).then(resolve) };
  const greenlets = [spawn(async () => await 1), spawn(() => Promise.resolve(2)), spawn(() => thenable)];
  await joinAll(greenlets);
  assertEquals(greenlets.map((greenlet) => greenlet.value), [1, 2, 3]);
});

Deno.test("spawn() keeps a body that throws at once from harming its spawner", async () => {
  using errors = captureErrors();
  const failure = new Error("at once");
  const greenlet = spawn(() => {
    throw failure;
  });
  assertEquals(errors.seen, []);
  assert(await greenlet.join());
  assertEquals([greenlet.error, errors.seen], [failure, [failure]]);
});

Deno.test("spawn() throws TypeError with the value for a non-function, and spawns nothing", () => {
  const { greenlets } = getHub().stats();
  assertThrows(() => spawn(42 as never), TypeError, "received 42");
  assertEquals(getHub().stats().greenlets, greenlets);
});

Deno.test("spawnLater() starts by delay, and 0 after what is spawned already", async () => {
  const log: string[] = [];
  const push = (word: string) => void log.push(word);
  await simulate(async () => {
    await joinAll([
      spawnLater(60_000, push, "late"),
      spawnLater(Temporal.Duration.from({ seconds: 1 }), push, "early"),
      spawnLater(0, push, "now"),
      spawn(push, "spawned"),
    ]);
  });
  assertEquals(log, ["spawned", "now", "early", "late"]);
});

Deno.test("spawnLater() makes a greenlet that counts as started and hands over its arguments", async () => {
  const greenlet = spawnLater(1, (a: number, b: number) => a + b, 2, 3);
  assertEquals([greenlet.started, greenlet.ready], [true, false]);
  assertEquals(await greenlet.get(), 5);
});

Deno.test("spawnLater() of a greenlet that is killed before never runs it", async () => {
  const log: string[] = [];
  const never = spawnLater(1, () => void log.push("never"));
  const late = spawnLater(2, () => void log.push("late"));
  await never.kill();
  await late.join();
  assertEquals(log, ["late"]);
});

Deno.test("spawnLater() throws with the value for a bad delay or function, and spawns nothing", () => {
  const { greenlets, timers } = getHub().stats();
  assertThrows(
    () => spawnLater(-1, () => {}),
    RangeError,
    "delay must be 0 or more milliseconds, received -1",
  );
  assertThrows(() => spawnLater(NaN, () => {}), RangeError, "received NaN");
  assertThrows(() => spawnLater("soon" as never, () => {}), TypeError, "received soon");
  assertThrows(() => spawnLater(1, "text" as never), TypeError, "received text");
  assertEquals([getHub().stats().greenlets, getHub().stats().timers], [greenlets, timers]);
});

Deno.test("spawnWith() names the greenlet, inside and outside", async () => {
  const greenlet = spawnWith({ name: "mailer" }, (n: number) => [getCurrent()!.name, n], 7);
  assertEquals([greenlet.name, greenlet.label], ["mailer", "mailer"]);
  assertEquals(await greenlet.get(), ["mailer", 7]);
});

Deno.test("spawnWith() without a name is spawn()", async () => {
  const greenlet = spawnWith({}, () => 1);
  assertEquals(greenlet.name, `Greenlet-${greenlet.id}`);
  assertEquals(await greenlet.get(), 1);
});
