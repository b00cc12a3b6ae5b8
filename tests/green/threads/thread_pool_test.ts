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
  explore,
  getHub,
  joinAll,
  PoolFull,
  simulate,
  sleep,
  spawn,
  ThreadError,
  ThreadPool,
  ThreadResult,
  Timeout,
  transfer,
  wait,
} from "@verdant/green";
import { captureErrors } from "../../helpers.ts";
import { endlessSlice, passes } from "../trial.ts";
import { account, FakePool, job } from "./fake_worker.ts";

Deno.test("ThreadPool starts no thread before it is needed, and then as few as possible", async () => {
  const pool = new FakePool(2);
  assertEquals(account(pool), { running: 0, queued: 0, free: 2, threads: 0 });
  const first = await pool.spawn(job, 1);
  assertEquals(account(pool), { running: 1, queued: 0, free: 1, threads: 1 });
  pool.workers[0]!.done();
  await first.get();
  await pool.spawn(job, 2);
  assertEquals(account(pool), { running: 1, queued: 0, free: 1, threads: 1 });
  await pool.spawn(job, 3);
  assertEquals(account(pool), { running: 2, queued: 0, free: 0, threads: 2 });
  assertEquals(pool.workers.map(({ orders }) => orders), [[[1], [2]], [[3]]]);
  assertEquals(pool.workers.map(({ name }) => name), ["ThreadPool 1", "ThreadPool 2"]);
  pool.kill();
});

Deno.test("ThreadPool sends each thread a task only once", async () => {
  const pool = new FakePool(2);
  const calls = [1, 2].map((n) => pool.applyAsync(job, [n]));
  for (const worker of pool.workers) worker.done();
  await wait(calls);
  for (const task of [job, () => "other", job]) {
    const call = pool.applyAsync(task as typeof job);
    pool.workers[1]!.done();
    await call.get();
  }
  assertEquals(pool.workers.map(({ introduced }) => introduced), [[true], [true, false, true, false]]);
  pool.kill();
});

Deno.test("ThreadPool.spawn() gives something to wait for and does not wait for the end", async () => {
  using _slice = endlessSlice();
  const pool = new FakePool(1);
  const other = spawn(() => {});
  const result = await pool.spawn(job, 1);
  assertEquals(other.ready, false);
  assertInstanceOf(result, ThreadResult);
  assertEquals([result.ready, result.running, result.successful, result.value], [
    false,
    true,
    false,
    undefined,
  ]);
  const told: unknown[] = [];
  result.rawlink((r) => told.push(r));
  const waiter = spawn(() => wait([result]));
  await sleep();
  pool.workers[0]!.done("yes");
  assertEquals([result.ready, result.running, result.successful, result.value], [true, false, true, "yes"]);
  assertEquals([await result.get(), await result.wait(), await waiter.get()], ["yes", "yes", [result]]);
  assertEquals(told, [result]);
  assertThrows(() => result.rawlink(5 as never), TypeError, "5");
  pool.kill();
});

Deno.test("ThreadPool.spawn() waits for a thread, first come first served", async () => {
  const pool = new FakePool(1);
  const spawners = [1, 2, 3].map((n) => spawn(() => pool.spawn(job, n)));
  await passes(2);
  assertEquals(spawners.map(({ ready }) => ready), [true, false, false]);
  assertEquals(account(pool), { running: 1, queued: 2, free: 0, threads: 1 });
  const [worker] = pool.workers;
  for (const n of [1, 2, 3]) {
    assertEquals(worker!.last, [n]);
    worker!.done();
  }
  await joinAll(spawners);
  assertEquals(worker!.orders, [[1], [2], [3]]);
  assertEquals(account(pool), { running: 0, queued: 0, free: 1, threads: 1 });
  pool.kill();
});

Deno.test("ThreadPool.spawn() that is killed while it waits runs nothing and lets the next one in", async () => {
  const pool = new FakePool(1);
  await pool.spawn(job, "busy");
  const [victim, next] = ["never", "next"].map((name) => spawn(() => pool.spawn(job, name)));
  await sleep();
  await victim!.kill();
  assertEquals(account(pool), { running: 1, queued: 1, free: 0, threads: 1 });
  pool.workers[0]!.done();
  await next!.join();
  assertEquals(pool.workers[0]!.orders, [["busy"], ["next"]]);
  pool.kill();
});

Deno.test("ThreadPool.start() throws PoolFull when no thread is free in time", async () => {
  const pool = new FakePool(1);
  await pool.spawn(job);
  for (const timeout of [0, 1]) {
    await assertRejects(() => pool.start(job, ["never"], { timeout }), PoolFull);
  }
  const limit = new Timeout(1);
  assertStrictEquals(await pool.start(job, ["never"], { timeout: limit }).catch((error) => error), limit);
  const controller = new AbortController();
  const waiting = pool.start(job, ["never"], { signal: controller.signal });
  controller.abort(new RangeError("not wanted"));
  await assertRejects(() => waiting, RangeError, "not wanted");
  assertEquals(account(pool), { running: 1, queued: 0, free: 0, threads: 1 });
  pool.workers[0]!.done();
  await pool.start(job, ["now"], { timeout: 0 });
  assertEquals(pool.workers[0]!.orders, [[], ["now"]]);
  pool.kill();
});

Deno.test("ThreadPool.spawn() reports the error of a task, apply() does not", async () => {
  using errors = captureErrors();
  const pool = new FakePool(1);
  const result = await pool.spawn(job);
  pool.workers[0]!.fail(new RangeError("spawned"));
  await assertRejects(() => result.get(), RangeError, "spawned");
  assertEquals([result.ready, result.successful, await result.wait()], [true, false, undefined]);
  assertStrictEquals(result.error, errors.seen[0]);
  const applied = pool.apply(job);
  pool.workers[0]!.fail(new RangeError("applied"));
  await assertRejects(() => applied, RangeError, "applied");
  assertEquals(errors.seen.length, 1);
  pool.kill();
});

Deno.test("ThreadPool.apply() that is killed takes its task out of the queue", async () => {
  const pool = new FakePool(1);
  const busy = spawn(() => pool.apply(job, ["busy"]));
  const victim = spawn(() => pool.apply(job, ["never"]));
  await sleep();
  assertEquals(account(pool), { running: 1, queued: 1, free: 0, threads: 1 });
  await victim.kill();
  assertEquals(account(pool), { running: 1, queued: 0, free: 0, threads: 1 });
  pool.workers[0]!.done("result");
  assertEquals([await busy.get(), pool.workers[0]!.orders], ["result", [["busy"]]]);
  pool.kill();
});

Deno.test("ThreadPool.apply() that is killed leaves a running task alone and drops its result", async () => {
  using errors = captureErrors();
  const pool = new FakePool(1);
  const victim = spawn(() => pool.apply(job, ["running"]));
  await sleep();
  await victim.kill();
  assertEquals(account(pool), { running: 1, queued: 0, free: 0, threads: 1 });
  const next = spawn(() => pool.apply(job, ["next"]));
  await sleep();
  pool.workers[0]!.done("dropped");
  await sleep();
  pool.workers[0]!.done("mine");
  assertEquals(await next.get(), "mine");
  // An error that nobody is left to be told of is reported.
  await spawn(() => pool.apply(job, [], { timeout: 1 }).catch(() => {})).join();
  pool.workers[0]!.fail(new Error("nobody hears"));
  await pool.join();
  assertEquals(errors.seen.map(String), ["Error: nobody hears"]);
  assertEquals(account(pool), { running: 0, queued: 0, free: 1, threads: 1 });
  pool.kill();
});

Deno.test("ThreadPool.apply() with terminate ends the thread of a running task, and only that", async () => {
  const pool = new FakePool(2);
  const other = spawn(() => pool.apply(job, ["other"]));
  const victim = spawn(() => pool.apply(job, ["running"], { terminate: true }));
  const queued = spawn(() => pool.apply(job, ["queued"]));
  await sleep();
  await victim.kill();
  assertEquals(pool.workers.map(({ terminated }) => terminated), [false, true, false]);
  assertEquals(pool.workers[2]!.last, ["queued"]);
  assertEquals(account(pool), { running: 2, queued: 0, free: 0, threads: 2 });
  pool.workers[0]!.done(1);
  pool.workers[2]!.done(2);
  assertEquals([await other.get(), await queued.get()], [1, 2]);
  pool.kill();
});

Deno.test("ThreadPool.apply() ends with a Timeout, its own or the one that is its limit", async () => {
  const pool = new FakePool(1);
  await assertRejects(() => pool.apply(job, [], { timeout: 1, terminate: true }), Timeout);
  assertEquals(account(pool), { running: 0, queued: 0, free: 1, threads: 0 });
  const limit = new Timeout(1);
  assertStrictEquals(await pool.apply(job, [], { timeout: limit, terminate: true }).catch((e) => e), limit);
  const signal = AbortSignal.abort(new RangeError("not wanted"));
  await assertRejects(() => pool.apply(job, [], { signal }), RangeError);
  assertEquals(pool.workers.length, 2, "what must not even begin has begun");
  pool.kill();
});

Deno.test("ThreadPool.applyAsync() queues without waiting, and calls back after a success only", async () => {
  using errors = captureErrors();
  const pool = new FakePool(1);
  const seen: unknown[] = [];
  const results = [1, 2, 3].map((n) => pool.applyAsync(job, [n], (value) => seen.push(value)));
  assertEquals(account(pool), { running: 1, queued: 2, free: 0, threads: 1 });
  pool.workers[0]!.done("one");
  pool.workers[0]!.fail(new Error("two"));
  pool.workers[0]!.done("three");
  await wait(results);
  await sleep();
  assertEquals(seen, ["one", "three"]);
  assertEquals(errors.seen.map(String), ["Error: two"]);
  pool.kill();
});

Deno.test("ThreadResult.cancel() works only before the task begins", async () => {
  const pool = new FakePool(1);
  const [first, second] = [1, 2].map((n) => pool.applyAsync(job, [n]));
  assertEquals([first!.cancel(), second!.cancel(), second!.cancel()], [false, true, false]);
  const caught = await second!.get().catch((error) => error);
  assertEquals([caught.name, caught.message], ["CancelledError", "The task job was cancelled"]);
  pool.workers[0]!.done();
  await first!.get();
  assertEquals(pool.workers[0]!.orders, [[1]]);
  assertEquals(first!.cancel(), false);
  pool.kill();
});

Deno.test("ThreadResult.terminate() ends a running task with its thread", async () => {
  using errors = captureErrors();
  const pool = new FakePool(1);
  const [first, second] = [1, 2].map((n) => pool.applyAsync(job, [n]));
  assertEquals([second!.terminate(), first!.terminate(), first!.terminate()], [false, true, false]);
  await assertRejects(() => first!.get(), ThreadError, "The task job did not end: it was terminated");
  assertEquals(pool.workers.map(({ terminated }) => terminated), [true, false]);
  pool.workers[0]!.done("too late");
  pool.workers[1]!.done("second");
  assertEquals([await second!.get(), errors.seen], ["second", []]);
  pool.kill();
});

Deno.test("ThreadPool fails only the task of a thread that crashes or closes itself, and replaces it", async () => {
  using errors = captureErrors();
  const pool = new FakePool(2);
  const calls = ["a", "b", "c", "d"].map((name) => spawn(() => pool.apply(job, [name]).catch((e) => e)));
  await sleep();
  pool.workers[0]!.crash(new SyntaxError("stray"));
  pool.workers[1]!.close();
  assertEquals(pool.workers.map(({ last }) => last), [["a"], ["b"], ["c"], ["d"]]);
  assertEquals(pool.workers.map(({ terminated }) => terminated), [true, true, false, false]);
  pool.workers[2]!.done("c");
  pool.workers[3]!.onerror!(new ErrorEvent("error", { message: "out of order", cancelable: true }));
  const ends: unknown[] = [];
  for (const call of calls) ends.push(await call.get());
  assertEquals(ends.map(String), [
    "ThreadError: The task job did not end: its thread crashed",
    "ThreadError: The task job did not end: its thread closed itself",
    "c",
    "ThreadError: The task job did not end: its thread crashed: out of order",
  ]);
  assertInstanceOf((ends[0] as Error).cause, SyntaxError);
  assertEquals([account(pool), errors.seen], [{ running: 0, queued: 0, free: 2, threads: 1 }, []]);
  pool.kill();
});

Deno.test("ThreadPool.spawn() reports that its task's thread crashed, as it would an error", async () => {
  using errors = captureErrors();
  const pool = new FakePool(1);
  const result = await pool.spawn(job);
  pool.workers[0]!.crash(new Error("stray"));
  assertStrictEquals(errors.seen[0], result.error);
  assertInstanceOf(result.error, ThreadError);
  pool.kill();
});

Deno.test("ThreadPool does not blame a task for a crash before it began", async () => {
  using errors = captureErrors();
  const pool = new FakePool(1);
  const first = spawn(() => pool.apply(job, [1]));
  const second = spawn(() => pool.apply(job, [2]));
  const third = spawn(() => pool.apply(job, [3]));
  await sleep();
  const [worker] = pool.workers;
  worker!.done("first");
  worker!.crash(new Error("left behind by the first"), 1); // the second order is under way
  assertEquals([worker!.terminated, errors.seen.map(String)], [false, ["Error: left behind by the first"]]);
  worker!.done("second");
  assertEquals([worker!.terminated, pool.workers[1]!.last], [true, [3]]);
  pool.workers[1]!.done("third");
  assertEquals([await first.get(), await second.get(), await third.get()], ["first", "second", "third"]);
  pool.workers[1]!.crash(new Error("while idle"));
  assertEquals([pool.workers[1]!.terminated, pool.threads, errors.seen.length], [true, 0, 2]);
  pool.kill();
});

Deno.test("ThreadPool fails a task whose result cannot be read", async () => {
  const pool = new FakePool(1);
  const call = pool.apply(job);
  pool.workers[0]!.onmessageerror!(new MessageEvent("messageerror"));
  await assertRejects(() => call, ThreadError, "cannot be read");
  assertEquals(account(pool), { running: 0, queued: 0, free: 1, threads: 0 });
});

Deno.test("ThreadPool.kill() ends all threads and fails what is running or waits", async () => {
  const pool = new FakePool(1, { name: "images" });
  const calls = [
    spawn(() => pool.apply(job)),
    spawn(() => pool.apply(job)),
    spawn(() => pool.spawn(job)),
    spawn(() => pool.map(job, [1, 2])),
  ].map((greenlet) => spawn(() => greenlet.get().catch((error) => error)));
  using errors = captureErrors();
  const joiner = spawn(() => pool.join());
  await passes(3);
  pool.kill();
  for (const call of calls) {
    const error = await call.get();
    assertInstanceOf(error, ThreadError);
    assertEquals(error.message, "The task job did not end: its thread pool images was killed");
  }
  assertEquals(await joiner.get(), true);
  assertEquals(errors.seen.every((error) => error instanceof ThreadError), true); // of the greenlets and the map
  assertEquals(account(pool), { running: 0, queued: 0, free: 1, threads: 0 });
  await passes(3);
  assertEquals([pool.workers.length, pool.alive], [1, []]);
  const again = pool.apply(job, ["again"]);
  pool.workers[1]!.done("works");
  assertEquals(await again, "works");
  pool.kill();
});

Deno.test("ThreadPool at the end of its block ends its threads", async () => {
  let workers;
  {
    await using pool = new FakePool(2);
    await pool.spawn(job);
    workers = pool.workers;
  }
  assertEquals(workers.map(({ terminated }) => terminated), [true]);
});

Deno.test("ThreadPool.join() waits for what is running and queued", async () => {
  const pool = new FakePool(1);
  assertEquals(await pool.join(), true);
  const calls = [1, 2].map((n) => pool.applyAsync(job, [n]));
  assertEquals(await pool.join({ timeout: 1 }), false);
  const joiner = spawn(() => pool.join());
  await sleep();
  pool.workers[0]!.done();
  await passes(2);
  assertEquals(joiner.ready, false);
  pool.workers[0]!.done();
  assertEquals([await joiner.get(), calls.every(({ ready }) => ready)], [true, true]);
  pool.kill();
});

Deno.test("ThreadPool.join() of a pool without threads ends when the last waiting task is withdrawn", async () => {
  const pool = new FakePool(0);
  const victim = spawn(() => pool.spawn(job));
  const call = pool.applyAsync(job);
  const joiner = spawn(() => pool.join());
  await sleep();
  await victim.kill();
  assertEquals([joiner.ready, pool.queued], [false, 1]);
  call.cancel();
  assertEquals(await joiner.get(), true);
});

Deno.test("ThreadPool.resize() starts queued tasks, or ends threads as they become idle", async () => {
  const pool = new FakePool(0);
  const calls = [1, 2, 3].map((n) => pool.applyAsync(job, [n]));
  assertEquals(account(pool), { running: 0, queued: 3, free: 0, threads: 0 });
  pool.resize(2);
  assertEquals(account(pool), { running: 2, queued: 1, free: 0, threads: 2 });
  pool.size = 1;
  assertEquals(account(pool), { running: 2, queued: 1, free: -1, threads: 2 });
  pool.workers[0]!.done();
  assertEquals([pool.workers[0]!.terminated, account(pool)], [
    true,
    { running: 1, queued: 1, free: 0, threads: 1 },
  ]);
  pool.workers[1]!.done();
  assertEquals(pool.workers[1]!.last, [3]);
  pool.workers[1]!.done();
  await calls[2]!.get();
  pool.resize(0);
  assertEquals([pool.workers[1]!.terminated, pool.threads, pool.size], [true, 0, 0]);
  for (const size of [-1, 1.5, NaN, Infinity]) {
    assertThrows(() => pool.resize(size), RangeError, `received ${size}`);
    assertThrows(() => pool.size = size, RangeError, `received ${size}`);
    assertThrows(() => new ThreadPool(size), RangeError, `received ${size}`);
  }
  assertEquals(pool.size, 0);
  pool.kill();
});

Deno.test("ThreadPool ends threads that were idle for idleTimeout, the last used one last", () =>
  simulate(async () => {
    const pool = new FakePool(2, { idleTimeout: 100 });
    const calls = [1, 2].map((n) => pool.applyAsync(job, [n]));
    pool.workers[0]!.done();
    await sleep(60);
    pool.workers[1]!.done();
    await calls[1]!.get();
    await sleep(39);
    assertEquals(pool.threads, 2);
    await sleep(1);
    assertEquals([pool.threads, pool.workers[0]!.terminated], [1, true]);
    await sleep(59);
    assertEquals(pool.threads, 1);
    await sleep(1);
    assertEquals([pool.threads, pool.workers[1]!.terminated], [0, true]);
    pool.applyAsync(job, [3]);
    await sleep(1_000);
    assertEquals(pool.threads, 1, "one that works is not idle");
    pool.workers[2]!.done();
    await sleep(99);
    const again = pool.applyAsync(job, [4]);
    await sleep(50);
    pool.workers[2]!.done();
    await again.get();
    await sleep(99);
    assertEquals(pool.threads, 1, "used again, it is young again");
    await sleep(1);
    assertEquals(pool.threads, 0);
  }));

Deno.test("ThreadPool with idleTimeout Infinity keeps its threads; without, its timer dies with it", () =>
  simulate(async () => {
    const pool = new FakePool(1, { idleTimeout: Infinity });
    const call = pool.applyAsync(job);
    pool.workers[0]!.done();
    await call.get();
    assertEquals(getHub().stats().timers, 0);
    await sleep(1e9);
    assertEquals(pool.threads, 1);
    pool.kill();
    const other = new FakePool(1);
    other.applyAsync(job);
    other.workers[0]!.done();
    assertEquals(getHub().stats().timers, 1);
    other.kill();
    assertEquals(getHub().stats().timers, 0);
    assertThrows(() => new ThreadPool(1, { idleTimeout: -1 }), RangeError, "-1");
  }));

Deno.test("ThreadPool throws a DataCloneError at the call, also if it would have to wait", async () => {
  const pool = new FakePool(1);
  const bad = () => {};
  for (let round = 0; round < 2; round++) { // first with a free thread, then with none
    assertThrows(() => pool.applyAsync(job, [bad]), DOMException, "could not be cloned");
    assertThrows(() => pool.spawn(job, bad), DOMException, "could not be cloned");
    assertThrows(() => pool.apply(job, [bad]), DOMException, "could not be cloned");
    assertEquals(pool.queued, 0);
    if (round === 0) pool.applyAsync(job, ["busy"]);
  }
  assertEquals(account(pool), { running: 1, queued: 0, free: 0, threads: 1 });
  pool.kill();
  await sleep();
});

Deno.test("ThreadPool takes the arguments of a queued task at the call", async () => {
  const pool = new FakePool(1);
  pool.applyAsync(job, ["busy"]);
  const list = [1];
  const call = pool.applyAsync(job, [list]);
  list.push(2);
  pool.workers[0]!.done();
  assertEquals(pool.workers[0]!.last, [[1]]);
  pool.workers[0]!.done();
  await call.get();
  pool.kill();
});

Deno.test("ThreadPool moves marked arguments of a queued task only when it begins", async () => {
  const pool = new FakePool(1);
  pool.applyAsync(job, ["busy"]);
  const bytes = transfer(new Uint8Array(4));
  const victim = spawn(() => pool.apply(job, [bytes]));
  await sleep();
  await victim.kill();
  assertEquals(bytes.length, 4);
  pool.kill();
});

Deno.test("ThreadPool fails a queued task that cannot be sent any more, and goes on", async () => {
  const pool = new FakePool(1);
  pool.applyAsync(job, ["busy"]);
  const buffer = transfer(new ArrayBuffer(4));
  const spawned = spawn(() => pool.spawn(job, buffer).catch((error) => error));
  await sleep();
  const queued = pool.applyAsync(job, [buffer]);
  const last = pool.applyAsync(job, ["last"]);
  structuredClone(buffer, { transfer: [buffer] }); // now it is gone
  pool.workers[0]!.done();
  assertInstanceOf(await spawned.get(), DOMException);
  assertInstanceOf(await queued.get().catch((error) => error), DOMException);
  assertEquals(pool.workers[0]!.last, ["last"]);
  pool.workers[0]!.done();
  await last.get();
  assertEquals(account(pool), { running: 0, queued: 0, free: 1, threads: 1 });
  pool.kill();
});

Deno.test("ThreadPool.map() gives the results in order, as many at once as there are threads", () =>
  simulate(async () => {
    const pool = FakePool.answering(3, () => Math.random() * 10);
    const items = Array.from({ length: 20 }, (_, i) => i);
    assertEquals(await pool.map(job, items), items);
    assertEquals([pool.workers.length, account(pool)], [3, { running: 0, queued: 0, free: 3, threads: 3 }]);
    const seen = await Array.fromAsync(pool.imapUnordered(job, items));
    assertEquals(seen.sort((a, b) => a - b), items);
    assertEquals(await Array.fromAsync(pool.imap(job, items, { maxSize: 2 })), items);
    pool.kill();
  }));

Deno.test("ThreadPool.map() throws the first error by position and ends the rest", () =>
  simulate(async () => {
    const pool = FakePool.answering(2, () => 1);
    const items = [1, new RangeError("second"), 3, 4, 5, 6, 7, 8];
    await assertRejects(() => pool.map(job, items), RangeError, "second");
    await pool.join();
    const orders = pool.workers.reduce((sum, { orders }) => sum + orders.length, 0);
    assert(orders < 8, `${orders} of 8 items were begun`);
    assertEquals(account(pool), { running: 0, queued: 0, free: 2, threads: 2 });
    pool.kill();
  }));

Deno.test("ThreadPool.imap() throws an error at its position and goes on behind it", () =>
  simulate(async () => {
    const pool = FakePool.answering(2, () => 1);
    const results = pool.imap(job, [1, new RangeError("second"), 3]);
    assertEquals((await results.next()).value, 1);
    await assertRejects(() => results.next(), RangeError, "second");
    assertEquals([(await results.next()).value, (await results.next()).done], [3, true]);
    const bad = pool.imap(job, [() => {}, 2] as unknown[]);
    await assertRejects(() => bad.next(), DOMException, "could not be cloned");
    assertEquals((await bad.next()).value, 2);
    pool.kill();
  }));

Deno.test("ThreadPool.imap() takes items only as there is room for results", async () => {
  const pool = new FakePool(2);
  let taken = 0;
  function* items() {
    for (;;) yield taken++;
  }
  const results = pool.imap(job, items(), { maxSize: 3 });
  await passes(3);
  assertEquals([taken, account(pool)], [3, { running: 2, queued: 0, free: 0, threads: 2 }]);
  pool.workers[0]!.done("a");
  await passes(3);
  assertEquals([taken, (await results.next()).value], [4, "a"]);
  await results.return!();
  pool.kill();
});

Deno.test("ThreadPool.map() uses the threads that the pool gets meanwhile", async () => {
  const pool = new FakePool(1);
  const mapping = pool.map(job, [1, 2, 3]);
  await passes(3);
  assertEquals(account(pool), { running: 1, queued: 0, free: 0, threads: 1 });
  pool.resize(3);
  await passes(3);
  assertEquals(account(pool), { running: 3, queued: 0, free: 0, threads: 3 });
  for (const worker of pool.workers) worker.done(worker.last[0]);
  assertEquals(await mapping, [1, 2, 3]);
  pool.kill();
});

Deno.test("ThreadPool.imap() left early begins nothing more; with terminate it also ends what is running", async () => {
  for (const terminate of [false, true]) {
    const pool = new FakePool(2);
    const results = pool.imap(job, [1, 2, 3, 4, 5], { terminate });
    await passes(3);
    pool.workers[0]!.done("one");
    for await (const result of results) {
      assertEquals(result, "one");
      break;
    }
    await passes(3);
    assertEquals(account(pool).running, terminate ? 0 : 2);
    assertEquals(pool.alive.length, terminate ? 0 : 2);
    if (!terminate) { for (const worker of pool.workers) worker.done(); }
    assertEquals(pool.workers.reduce((sum, { orders }) => sum + orders.length, 0), 3);
    assertEquals(await pool.join(), true);
    pool.kill();
  }
});

Deno.test("ThreadPool.kill() ends maps: they start no new threads", async () => {
  const pool = new FakePool(2);
  const results = pool.imap(job, [1, 2, 3, 4, 5]);
  await passes(3);
  pool.kill();
  const errors: unknown[] = [];
  for (;;) {
    const next = await results.next().catch((error) => error);
    if (next.done) break;
    errors.push(next);
  }
  assertEquals(errors.map((error) => error instanceof ThreadError), errors.map(() => true));
  assertEquals([pool.workers.length, account(pool)], [2, { running: 0, queued: 0, free: 2, threads: 0 }]);
});

Deno.test("ThreadPool refuses bad input at the call and stays as it was", () => {
  const pool = new FakePool(1);
  for (const task of [5, null, undefined, {}, "fib"] as never[]) {
    for (const call of [pool.spawn, pool.start, pool.apply, pool.applyAsync] as ((task: never) => void)[]) {
      assertThrows(() => call.call(pool, task), TypeError, String(task));
    }
    assertThrows(() => pool.map(task, []), TypeError, String(task));
    assertThrows(() => pool.imap(task, []), TypeError, String(task));
  }
  assertThrows(() => pool.map(job, 5 as never), TypeError, "received 5");
  assertThrows(() => pool.imap(job, [], { maxSize: 0 }), RangeError, "received 0");
  assertThrows(() => pool.applyAsync(job, [], 5 as never), TypeError, "received 5");
  for (const timeout of [-1, NaN]) {
    assertThrows(() => pool.apply(job, [], { timeout }), RangeError, String(timeout));
    assertThrows(() => pool.start(job, [], { timeout }), RangeError, String(timeout));
    assertThrows(() => pool.join({ timeout }), RangeError, String(timeout));
  }
  assertEquals([pool.workers.length, account(pool)], [0, { running: 0, queued: 0, free: 1, threads: 0 }]);
});

Deno.test("ThreadPool throws at once in a callback of the hub where it might wait", async () => {
  const pool = new FakePool(1);
  const caught: unknown[] = [];
  for (
    const call of [() => pool.spawn(job), () => pool.apply(job), () => pool.map(job, [1]), () => pool.join()]
  ) {
    getHub().runCallback(() => {
      try {
        void call();
      } catch (error) {
        caught.push(error);
      }
    });
  }
  await sleep();
  assertEquals(caught.map((error) => error instanceof BlockingSwitchOutError), [true, true, true, true]);
  assertEquals(pool.workers.length, 0);
});

Deno.test("ThreadPool loses and leaks nothing, whoever is killed, under every schedule", async () => {
  await explore(async (world) => {
    const pool = FakePool.answering(2, () => world.random() * 3);
    const workers = [1, 2, 3, 4].map((n) =>
      spawn(async () => {
        const terminate = n % 2 === 0;
        if (n === 4) return await (await pool.spawn(job, n)).get();
        return await pool.apply(job, [n], { terminate });
      })
    );
    const mapper = spawn(() => pool.map(job, [5, 6, 7]).catch(() => {})); // it may be hit twice: then in a new error
    await joinAll([...workers, mapper]);
    await pool.join();
    assertEquals([pool.running, pool.queued, pool.free], [0, 0, 2]);
    assertEquals(pool.alive.length, pool.threads);
    const ends = workers.map((worker, i) =>
      worker.value === i + 1 || (worker.error ?? worker.value) instanceof Error
    );
    assertEquals(ends, [true, true, true, true]);
    assertEquals(await pool.apply(job, ["still works"]), "still works");
    pool.kill();
    assertEquals(pool.alive, []);
  }, { runs: 300, inject: ["kill", "timeout"] });
});
