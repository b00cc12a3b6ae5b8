import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { AsyncResult, GreenletExit, joinAll, sleep, spawn, Timeout } from "@verdant/green";
import { assertFair } from "../green/fair.ts";
import { captureErrors } from "../helpers.ts";

Deno.test("AsyncResult.get() returns the value to all who wait, and to those who come later", async () => {
  const result = new AsyncResult<number>();
  const readers = [spawn(() => result.get()), spawn(() => result.get())];
  await sleep();
  assertEquals([result.ready, result.successful, result.value], [false, false, undefined]);
  result.set(7);
  assertEquals([await readers[0]!.get(), await readers[1]!.get(), await result.get()], [7, 7, 7]);
  assertEquals([result.ready, result.successful, result.value, result.error], [true, true, 7, undefined]);
});

Deno.test("AsyncResult.setError() makes get() throw that error, and wait() return undefined", async () => {
  const result = new AsyncResult<number>();
  const failure = new Error("no luck");
  const getter = spawn(() => result.get().catch((error) => error));
  const waiter = spawn(() => result.wait());
  await sleep();
  result.setError(failure);
  assertStrictEquals(await getter.get(), failure);
  assertEquals(await waiter.get(), undefined);
  assertStrictEquals(await result.get().catch((error) => error), failure);
  assertThrows(() => result.getNowait(), Error, "no luck");
  assertEquals([result.ready, result.successful, result.value], [true, false, undefined]);
  assertStrictEquals(result.error, failure);
});

Deno.test("AsyncResult.set() again replaces the result for those who look later", async () => {
  const result = new AsyncResult<string>();
  const early = spawn(() => result.get());
  await sleep();
  result.set("first");
  result.set("second");
  assertEquals([await early.get(), await result.get()], ["first", "second"]);
});

Deno.test("AsyncResult.getNowait() throws Timeout while there is no result", () => {
  const result = new AsyncResult<number>();
  assertThrows(() => result.getNowait(), Timeout);
  result.set(1);
  assertEquals(result.getNowait(), 1);
});

Deno.test("AsyncResult.copy() takes over how a greenlet ended", async () => {
  const result = new AsyncResult<unknown>();
  spawn(() => "done").rawlink((greenlet) => result.copy(greenlet));
  assertEquals(await result.get(), "done");
});

Deno.test("AsyncResult.get() by several, one timed out, leaves the others waiting", async () => {
  const result = new AsyncResult<number>();
  const patient = spawn(() => result.get());
  await assertRejects(() => result.get({ timeout: 1 }), Timeout);
  assert(!patient.ready);
  result.set(1);
  assertEquals(await patient.get(), 1);
});

Deno.test("AsyncResult.rawlink() calls back once there is a result", async () => {
  const result = new AsyncResult<number>();
  const seen: unknown[] = [];
  result.rawlink((source) => seen.push(source.value));
  await sleep();
  result.set(3);
  await sleep();
  assertEquals(seen, [3]);
});

Deno.test("AsyncResult.get() and wait() of a result that is there do not switch", async () => {
  const result = new AsyncResult<number>();
  result.set(1);
  const log: unknown[] = [];
  const other = spawn(() => log.push("other"));
  log.push(await result.get(), await result.wait(), result.getNowait());
  await other.join();
  assertEquals(log, [1, 1, 1, "other"]);
});

Deno.test("AsyncResult.set(undefined) is a result like any other", async () => {
  const result = new AsyncResult<undefined>();
  const waiter = spawn(() => result.get());
  await sleep();
  result.set(undefined);
  assertEquals([await waiter.get(), result.ready, result.successful], [undefined, true, true]);
  assertEquals(result.getNowait(), undefined);
});

Deno.test("AsyncResult.setError(undefined) is an error like any other", async () => {
  const result = new AsyncResult<number>();
  const getter = spawn(() => result.get().then(() => "returned", (error) => ["threw", error]));
  await sleep();
  result.setError(undefined);
  assertEquals(await getter.get(), ["threw", undefined]);
  assertEquals([result.ready, result.successful], [true, false]);
});

Deno.test("AsyncResult.set() after setError() replaces the error", async () => {
  const result = new AsyncResult<string>();
  result.setError(new Error("first"));
  result.set("second");
  assertEquals([await result.get(), result.successful, result.error], ["second", true, undefined]);
  result.setError("third");
  assertEquals([result.value, result.error], [undefined, "third"]);
});

Deno.test("AsyncResult.copy() takes over an error, and the end of a killed greenlet as its value", async () => {
  using _errors = captureErrors();
  const failure = new RangeError("body");
  const failed = new AsyncResult<unknown>();
  spawn(() => {
    throw failure;
  }).rawlink((greenlet) => failed.copy(greenlet));
  assertStrictEquals(await failed.get().catch((error) => error), failure);
  const killed = new AsyncResult<unknown>();
  const victim = spawn(() => sleep(60_000));
  victim.rawlink((greenlet) => killed.copy(greenlet));
  await victim.kill();
  assert(await killed.get() instanceof GreenletExit);
});

Deno.test("AsyncResult.get() that is killed leaves the others waiting", async () => {
  const result = new AsyncResult<number>();
  const [victim, patient] = [spawn(() => result.get()), spawn(() => result.get())];
  await sleep();
  await victim.kill();
  result.set(5);
  assertEquals([victim.value as unknown instanceof GreenletExit, await patient.get()], [true, 5]);
});

Deno.test("AsyncResult.get() and wait() go on in the order in which they came", async () => {
  const result = new AsyncResult<number>();
  const log: string[] = [];
  const all = [
    spawn(() => result.get().then(() => log.push("get"))),
    spawn(() => result.wait().then(() => log.push("wait"))),
    spawn(() => result.get().then(() => log.push("get again"))),
  ];
  await sleep();
  result.rawlink(() => log.push("linked"));
  result.set(1);
  assertEquals(log, []); // set() does not switch
  await joinAll(all);
  await sleep();
  assertEquals(log, ["get", "wait", "get again", "linked"]);
});

Deno.test("AsyncResult.rawlink() that was disposed is not called", async () => {
  const result = new AsyncResult<number>();
  const log: string[] = [];
  result.rawlink(() => log.push("never"))[Symbol.dispose]();
  result.set(1);
  result.rawlink(() => log.push("nor this"))[Symbol.dispose]();
  result.rawlink(() => log.push("soon"));
  await sleep();
  assertEquals(log, ["soon"]);
});

Deno.test("AsyncResult.get() and wait() of a result that is there, in a loop, let the event loop have its turns", async () => {
  const [failed, set] = [new AsyncResult<number>(), new AsyncResult<number>()];
  failed.setError(new Error("no luck"));
  set.set(1);
  for (const result of [failed, set]) {
    await assertFair(() => result.get());
    await assertFair(() => result.wait());
  }
});
