import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { getHub, GreenletExit, sleep, spawn, Timeout, until } from "@verdant/green";
import { captureErrors, turn } from "../helpers.ts";

Deno.test("until() returns the value and rethrows the very error", async () => {
  assertEquals(await until(Promise.resolve(5)), 5);
  const failure = new Error("foreign");
  const caught = await until(Promise.reject(failure)).catch((error) => error);
  assertStrictEquals(caught, failure);
});

Deno.test("until() lets other greenlets run meanwhile", async () => {
  const log: string[] = [];
  const other = spawn(() => log.push("other"));
  await until(turn());
  log.push("foreign");
  await other.join();
  assertEquals(log, ["other", "foreign"]);
});

Deno.test("until() aborts its signal with the kill, and the late value goes to abandon, once", async () => {
  const foreign = Promise.withResolvers<string>();
  const abandoned: string[] = [];
  let reason: unknown;
  const greenlet = spawn(() =>
    until((signal) => {
      signal.addEventListener("abort", () => reason = signal.reason);
      return foreign.promise;
    }, { abandon: (value) => abandoned.push(value) })
  );
  await sleep();
  await greenlet.kill("enough");
  assert(greenlet.value as unknown instanceof GreenletExit);
  assertStrictEquals(reason, greenlet.value);
  assertEquals(abandoned, []);
  foreign.resolve("late");
  await turn();
  assertEquals([abandoned, getHub().stats().foreignWaits], [["late"], 0]);
});

Deno.test("until() that was killed ignores a late rejection", async () => {
  const foreign = Promise.withResolvers<string>();
  const greenlet = spawn(() => until(foreign.promise));
  await sleep();
  await greenlet.kill();
  foreign.reject(new Error("nobody cares"));
  await turn();
  assert(greenlet.successful);
});

Deno.test("until() reports an error of abandon", async () => {
  using errors = captureErrors();
  const foreign = Promise.withResolvers<string>();
  const failure = new Error("cannot close");
  const greenlet = spawn(() =>
    until(foreign.promise, {
      abandon: () => {
        throw failure;
      },
    })
  );
  await sleep();
  await greenlet.kill();
  foreign.resolve("late");
  await turn();
  assertEquals(errors.seen, [failure]);
});

Deno.test("until() throws a Timeout that names what was waited for", async () => {
  const never = new Promise<void>(() => {});
  await assertRejects(() => until(never, { timeout: 1, what: "the tide" }), Timeout, "waiting for the tide");
  await assertRejects(() => until(never, { timeout: 0 }), Timeout);
  const own = new Timeout(1);
  const caught = await until(never, { timeout: own }).catch((error) => error);
  assertStrictEquals(caught, own);
});

Deno.test("until() ends with the reason of its signal, and gives the late value to abandon", async () => {
  const abandoned: number[] = [];
  const controller = new AbortController();
  const foreign = Promise.withResolvers<number>();
  const options = { signal: controller.signal, abandon: (n: number) => abandoned.push(n) };
  const waiting = until(foreign.promise, options);
  controller.abort("changed my mind");
  assertEquals(await waiting.catch((reason) => reason), "changed my mind");
  const refused = until(foreign.promise, options);
  assertEquals(await refused.catch((reason) => reason), "changed my mind");
  foreign.resolve(7);
  await turn();
  assertEquals(abandoned, [7, 7]);
});

Deno.test("until() rejects with what its function throws, and counts no wait", async () => {
  const failure = new Error("cannot even begin");
  const caught = await until(() => {
    throw failure;
  }).catch((error) => error);
  assertStrictEquals(caught, failure);
  assertEquals(getHub().stats().foreignWaits, 0);
});

Deno.test("until() throws RangeError at the call for a bad time-out", () => {
  assertThrows(() => until(Promise.resolve(), { timeout: -1 }), RangeError, "-1");
});
