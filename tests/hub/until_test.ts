import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { getHub, type Greenlet, GreenletExit, sleep, spawn, Timeout, until } from "@verdant/green";
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

Deno.test("until() does not call its function when it is refused, or has no time", async () => {
  let calls = 0;
  const source = () => {
    calls++;
    return Promise.resolve();
  };
  await assertRejects(() => until(source, { timeout: 0 }), Timeout);
  assertEquals(await until(source, { signal: AbortSignal.abort("no") }).catch((reason) => reason), "no");
  const killed = spawn(async () => {
    void killed.kill(undefined, { block: false });
    await until(source);
  });
  await killed.join();
  assertEquals([calls, getHub().stats().foreignWaits], [0, 0]);
});

Deno.test("until() aborts the signal of its function with what ended the wait, once", async () => {
  const reasons: unknown[] = [];
  const source = (signal: AbortSignal) => {
    signal.addEventListener("abort", () => reasons.push(signal.reason));
    return new Promise<void>(() => {});
  };
  const limit = new Timeout(1);
  await until(source, { timeout: limit }).catch(() => {});
  const running = Timeout.start(1);
  await until(source).catch(() => {});
  const controller = new AbortController();
  const waiting = until(source, { signal: controller.signal });
  controller.abort("from outside");
  await waiting.catch(() => {});
  await sleep();
  assertEquals(reasons.length, 3);
  assertStrictEquals(reasons[0], limit);
  assertStrictEquals(reasons[1], running);
  assertEquals(reasons[2], "from outside");
  assertEquals([getHub().stats().foreignWaits, getHub().stats().timers], [0, 0]);
});

Deno.test("until() does not abort the signal of its function when the value came", async () => {
  let given: AbortSignal | undefined;
  const value = await until((signal) => {
    given = signal;
    return turn().then(() => "value");
  });
  assertEquals([value, given!.aborted], ["value", false]);
});

Deno.test("until() delivers a value that came before the kill, and does not abandon it", async () => {
  const foreign = Promise.withResolvers<string>();
  const abandoned: string[] = [];
  const log: string[] = [];
  const greenlet = spawn(async () => {
    log.push(await until(foreign.promise, { abandon: (value) => abandoned.push(value) }));
    try {
      await sleep();
      log.push("never");
    } finally {
      log.push("killed");
    }
  });
  await sleep();
  const killer = spawn(async () => {
    foreign.resolve("in time");
    await Promise.resolve().then(() => {}); // the value has arrived, its greenlet has not run
    void greenlet.kill(undefined, { block: false });
  });
  await killer.join();
  await greenlet.join();
  assertEquals([log, abandoned], [["in time", "killed"], []]);
});

Deno.test("until() abandons the late value of a promise it never waited for", async () => {
  const abandoned: string[] = [];
  const options = { timeout: 0, abandon: (value: string) => abandoned.push(value) };
  await assertRejects(() => until(Promise.resolve("late"), options), Timeout);
  await assertRejects(() => until(Promise.reject<string>(new Error("nobody cares")), options), Timeout);
  await turn();
  assertEquals(abandoned, ["late"]);
});

Deno.test("until() takes a thenable that is no native promise", async () => {
  const later = (settle: () => void) => void turn().then(settle);
  const good: PromiseLike<number> = Object.create({ then: (f: (n: number) => void) => later(() => f(5)) });
  const failure = new Error("thenable");
  const bad: PromiseLike<number> = Object.create({
    then: (_: unknown, reject: (error: unknown) => void) => later(() => reject(failure)),
  });
  assertEquals(await until(good), 5);
  assertStrictEquals(await until(bad).catch((error) => error), failure);
  assertEquals(getHub().stats().foreignWaits, 0);
});

Deno.test("until() rejects, and counts no wait, when its function returns no promise", async () => {
  await assertRejects(() => until((() => undefined) as unknown as () => Promise<void>), TypeError);
  assertEquals(getHub().stats().foreignWaits, 0);
});

Deno.test("until() of several promises at once resumes in the order in which they settle", async () => {
  const [a, b] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  const log: string[] = [];
  const note = (value: string) => log.push(value);
  const both = spawn(() => Promise.all([until(a.promise).then(note), until(b.promise).then(note)]));
  await sleep();
  assertEquals(getHub().stats().foreignWaits, 2);
  b.resolve("b");
  await turn();
  a.resolve("a");
  await both.join();
  assertEquals(log, ["b", "a"]);
});

Deno.test("until() of a thenable that settles on the spot leaves no wait behind", async () => {
  const settling = (value: number): PromiseLike<number> => ({
    then(resolve) {
      resolve?.(value);
      return undefined as never;
    },
  });
  const greenlet: Greenlet<unknown[]> = spawn(
    async () => [await until(settling(1)), await until(() => settling(2)), greenlet.waits],
  );
  assertEquals(await greenlet.get(), [1, 2, undefined]);
  assertEquals(getHub().stats().foreignWaits, 0);
});
