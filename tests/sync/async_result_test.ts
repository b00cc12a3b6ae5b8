import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { AsyncResult, sleep, spawn, Timeout } from "@verdant/green";

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
