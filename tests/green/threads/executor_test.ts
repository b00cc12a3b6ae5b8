import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { CancelledError, Executor, Future, getHub, sleep, spawn, Timeout, wait } from "@verdant/green";
import { captureErrors } from "../../helpers.ts";

const square = (n: number) => n * n;
const fail = (message: string) => {
  throw new RangeError(message);
};
/** Ends when the flag is set. */
const untilSet = async (flag: Int32Array) => {
  const { value } = Atomics.waitAsync(flag, 0, 0);
  await value;
  return "set";
};
const makeFlag = () => new Int32Array(new SharedArrayBuffer(4));
function set(flag: Int32Array): void {
  Atomics.store(flag, 0, 1);
  Atomics.notify(flag, 0);
}

Deno.test("Executor.submit() never waits and gives a future", async () => {
  await using executor = new Executor(1);
  const flag = makeFlag();
  const first = executor.submit(untilSet, flag);
  const second = executor.submit(square, 3);
  assertInstanceOf(first, Future);
  assertEquals([first.running, first.done, second.running, second.done], [true, false, false, false]);
  await assertRejects(() => second.result({ timeout: 0 }), Timeout);
  await assertRejects(() => second.exception({ timeout: 1 }), Timeout);
  set(flag);
  assertEquals(await wait([first, second]), [first, second]);
  assertEquals([await first.result(), await second.result(), await second.exception()], [
    "set",
    9,
    undefined,
  ]);
});

Deno.test("Future keeps the error of its task, which is not reported", async () => {
  using errors = captureErrors();
  await using executor = new Executor(1);
  const future = executor.submit(fail, "no");
  const error = await future.exception();
  assertInstanceOf(error, RangeError);
  await assertRejects(() => future.result(), RangeError, "no");
  assertEquals([future.done, future.cancelled, errors.seen], [true, false, []]);
});

Deno.test("Future.cancel() works only before the task begins", async () => {
  await using executor = new Executor(1);
  const flag = makeFlag();
  const first = executor.submit(untilSet, flag);
  const second = executor.submit(square, 3);
  assertEquals([first.cancel(), second.cancel(), second.cancel()], [false, true, true]);
  assertEquals([first.cancelled, second.cancelled, second.done], [false, true, true]);
  await assertRejects(() => second.result(), CancelledError, "was cancelled");
  await assertRejects(() => second.exception(), CancelledError);
  set(flag);
  assertEquals(await first.result(), "set");
  assertEquals(first.cancel(), false);
});

Deno.test("Future.addDoneCallback() calls in order, also after the end; errors are reported", async () => {
  using errors = captureErrors();
  await using executor = new Executor(1);
  const future = executor.submit(square, 4);
  const seen: unknown[] = [];
  future.addDoneCallback((f) => seen.push(f === future));
  future.addDoneCallback(() => {
    throw new Error("callback");
  });
  future.addDoneCallback(() => seen.push("third"));
  future.addDoneCallback(() => seen.push("never"))[Symbol.dispose]();
  assertThrows(() => future.addDoneCallback(5 as never), TypeError, "received 5");
  await future.result();
  await sleep();
  assertEquals([seen, errors.seen.map(String)], [[true, "third"], ["Error: callback"]]);
  future.addDoneCallback(() => seen.push("late"));
  await sleep();
  assertEquals(seen, [true, "third", "late"]);
});

Deno.test("Executor.map() yields results in order", async () => {
  await using executor = new Executor(2);
  assertEquals(await Array.fromAsync(executor.map(square, [1, 2, 3], { maxSize: 2 })), [1, 4, 9]);
});

Deno.test("Executor.shutdown() waits for all tasks, ends the threads and takes no more", async () => {
  const executor = new Executor(1);
  const flag = makeFlag();
  const futures = [executor.submit(untilSet, flag), executor.submit(square, 3)];
  assertEquals(await executor.shutdown({ timeout: 1 }), false);
  assertThrows(() => executor.submit(square, 1), Error, "Cannot submit task: the executor was shut down");
  assertThrows(() => executor.map(square, [1]), Error, "Cannot map: the executor was shut down");
  assertEquals(await executor.shutdown({ wait: false }), false);
  const waiting = spawn(() => executor.shutdown());
  await sleep();
  set(flag);
  assertEquals(await waiting.get(), true);
  assertEquals(futures.map(({ done }) => done), [true, true]);
  assertEquals(await executor.shutdown({ wait: false }), true);
  assertThrows(() => executor.shutdown({ timeout: -1 }), RangeError, "-1");
});

Deno.test("Executor.shutdown() that is killed still ends the threads", async () => {
  const executor = new Executor(1);
  const flag = makeFlag();
  const future = executor.submit(untilSet, flag);
  const victim = spawn(() => executor.shutdown());
  await sleep();
  await victim.kill();
  assertEquals(future.done, false);
  set(flag);
  assertEquals(await executor.shutdown(), true);
  assertEquals(await future.result(), "set");
});

Deno.test("Executor.shutdown() with cancelFutures leaves undone what has not begun", async () => {
  const executor = new Executor(1);
  const flag = makeFlag();
  const futures = [executor.submit(untilSet, flag), executor.submit(square, 1), executor.submit(square, 2)];
  const shutdown = executor.shutdown({ cancelFutures: true });
  assertEquals(futures.map(({ cancelled }) => cancelled), [false, true, true]);
  set(flag);
  assertEquals([await shutdown, await futures[0]!.result()], [true, "set"]);
  assert(getHub().stats().greenlets === 0);
});
