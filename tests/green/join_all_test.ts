import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  BlockingSwitchOutError,
  Event,
  getHub,
  Greenlet,
  GreenletExit,
  joinAll,
  killAll,
  sleep,
  spawn,
  spawnWith,
  Timeout,
} from "@verdant/green";
import { describeWait } from "../../hub/mod.ts";
import { captureErrors } from "../helpers.ts";
import { assertFair } from "./fair.ts";

const after = (turns: number) => async () => {
  for (let i = 0; i < turns; i++) await sleep();
  return turns;
};

const failAfter = (turns: number) => async () => {
  await after(turns)();
  throw new Error(`after ${turns}`);
};

/** A greenlet that ends only when it is killed. */
const forever = () => spawn(() => new Event().wait());

Deno.test("joinAll() returns all in the order of their ends, whatever these were like", async () => {
  using errors = captureErrors();
  const greenlets: Greenlet[] = [spawn(after(4)), spawn(failAfter(3)), forever(), spawn(after(2))];
  spawn(() => greenlets[2]!.throw(new GreenletExit()));
  const ended = await joinAll(greenlets);
  assertEquals(ended.map((greenlet) => greenlets.indexOf(greenlet)), [2, 3, 1, 0]);
  assertEquals(errors.seen.length, 1);
});

Deno.test("joinAll() of ended ones returns them in the order given, at once", async () => {
  const greenlets = [spawn(after(2)), spawn(after(1))];
  await joinAll(greenlets);
  assertEquals(await joinAll(greenlets, { timeout: 0 }), greenlets);
  assertEquals(await joinAll(new Set(greenlets)), greenlets);
  assertEquals(await joinAll([]), []);
});

Deno.test("joinAll() with count returns as soon as so many have ended", async () => {
  const greenlets = [spawn(after(9)), spawn(after(1)), spawn(after(2))];
  assertEquals(await joinAll(greenlets, { count: 2 }), [greenlets[1]!, greenlets[2]!]);
  assertEquals(await joinAll(greenlets, { count: 1 }), [greenlets[1]!]);
  assertEquals(await joinAll(greenlets, { count: 0 }), []);
  assertEquals(greenlets[0]!.joiners.size, 0);
  assertEquals((await joinAll(greenlets, { count: 99 })).length, 3);
});

Deno.test("joinAll() counts one given twice twice", async () => {
  const greenlet = spawn(after(1));
  assertEquals(await joinAll([greenlet, greenlet]), [greenlet, greenlet]);
  assertEquals(await joinAll([greenlet, greenlet]), [greenlet, greenlet]);
});

Deno.test("joinAll() returns those that ended in time, with any kind of limit", async () => {
  const slow = forever();
  const greenlets = [slow, spawn(after(1))];
  await greenlets[1]!.join();
  for (const timeout of [2, Temporal.Duration.from({ milliseconds: 2 }), new Timeout(2), 0]) {
    assertEquals(await joinAll(greenlets, { timeout }), [greenlets[1]!]);
  }
  using limit = Timeout.start(1);
  assertEquals(await joinAll(greenlets, { timeout: limit }), [greenlets[1]!]);
  assertEquals([slow.joiners.size, getHub().stats().timers], [0, 0]);
  await slow.kill();
});

Deno.test("joinAll() with raiseError throws the error that came first, and the others run on", async () => {
  using errors = captureErrors();
  const greenlets = [spawn(failAfter(5)), spawn(failAfter(2)), spawn(after(1)), spawn(after(9))];
  const caught = await assertRejects(() => joinAll(greenlets, { raiseError: true }), Error, "after 2");
  assertStrictEquals(caught, greenlets[1]!.error);
  assertEquals(greenlets.map((greenlet) => greenlet.ready), [false, true, true, false]);
  assertEquals(greenlets.map((greenlet) => greenlet.joiners.size), [0, 0, 0, 0]);
  assertEquals((await joinAll(greenlets)).length, 4);
  assertEquals([greenlets[3]!.value, errors.seen.length], [9, 2]);
});

Deno.test("joinAll() with raiseError throws the error of one that has failed before", async () => {
  using _errors = captureErrors();
  const failed = spawn(failAfter(0));
  await failed.join();
  const running = forever();
  for (const timeout of [0, 60_000]) {
    await assertRejects(() => joinAll([running, failed], { raiseError: true, timeout }), Error, "after 0");
  }
  assertEquals(running.joiners.size, 0);
  await running.kill();
});

Deno.test("joinAll() with raiseError and count throws only what came before count was reached", async () => {
  using errors = captureErrors();
  const greenlets = [spawn(after(1)), spawn(failAfter(3))];
  assertEquals(await joinAll(greenlets, { raiseError: true, count: 1 }), [greenlets[0]!]);
  await assertRejects(() => joinAll(greenlets, { raiseError: true }), Error, "after 3");
  assertEquals(errors.seen.length, 1);
});

Deno.test("joinAll() takes a kill for no error", async () => {
  const greenlet = forever();
  spawn(() => greenlet.throw(new GreenletExit()));
  assertEquals(await joinAll([greenlet], { raiseError: true }), [greenlet]);
});

Deno.test("joinAll() that is killed, or whose signal aborts, leaves the greenlets alone", async () => {
  const greenlets = [forever(), forever()];
  const joining = spawn(() => joinAll(greenlets));
  await sleep();
  assertEquals(greenlets.map((greenlet) => greenlet.joiners.size), [1, 1]);
  await joining.kill();
  assertInstanceOf(joining.value as unknown, GreenletExit);
  const reason = new Error("changed my mind");
  const controller = new AbortController();
  const aborted = joinAll(greenlets, { signal: controller.signal }).catch((error) => error);
  controller.abort(reason);
  assertStrictEquals(await aborted, reason);
  assertEquals(greenlets.map((greenlet) => [greenlet.ready, greenlet.joiners.size]), [[false, 0], [
    false,
    0,
  ]]);
  for (const greenlet of greenlets) await greenlet.kill();
});

Deno.test("joinAll() throws at the call for bad limits and in a callback of the hub, and watches nobody", async () => {
  const greenlet = new Greenlet(() => {});
  assertThrows(
    () => void joinAll([greenlet], { timeout: -1 }),
    RangeError,
    "Cannot join greenlets: timeout must",
  );
  assertThrows(() => void joinAll([greenlet], { timeout: "1" as never }), TypeError, "received 1");
  assertThrows(() => void joinAll([greenlet], { count: NaN }), RangeError, "received NaN");
  const names: string[] = [];
  getHub().runCallback(() => {
    names.push(assertThrows(() => void joinAll([greenlet]), BlockingSwitchOutError).name);
  });
  await sleep();
  assertEquals([names.length, greenlet.links], [1, undefined]);
});

Deno.test("joinAll() that need not wait, in a loop, lets the event loop have its turns", async () => {
  using _errors = captureErrors();
  const failed = spawn(failAfter(0));
  const parked = forever();
  await failed.join();
  await assertFair(() => joinAll([failed], { raiseError: true }));
  await assertFair(() => joinAll([failed]));
  await assertFair(() => joinAll([parked], { timeout: 0 }));
  await parked.kill();
});

Deno.test("joinAll() with raiseError of many that have ended takes a time in proportion", async () => {
  const ended = spawn(() => 1);
  await ended.join();
  const many = new Array<Greenlet>(200_000).fill(ended);
  const start = performance.now();
  assertEquals((await joinAll(many, { raiseError: true })).length, many.length);
  assert(performance.now() - start < 2_000); // in proportion to their square it would be a minute
});

Deno.test("joinAll() is reported with those that are left", async () => {
  const [quick, slow] = [
    spawnWith({ name: "quick" }, () => {}),
    spawnWith({ name: "slow" }, () => sleep(60_000)),
  ];
  const joiner = spawn(() => joinAll([quick, slow]));
  await sleep();
  await sleep();
  assertEquals(describeWait(joiner.waits!), `joinAll, 1 of 2 ended, left: #${slow.id} slow`);
  await killAll([joiner, slow]);
});
