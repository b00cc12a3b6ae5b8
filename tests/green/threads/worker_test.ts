import { assert, assertEquals, assertInstanceOf, assertRejects, assertStringIncludes } from "@std/assert";
import {
  getHub,
  joinAll,
  sleep,
  spawn,
  task,
  tasks,
  ThreadError,
  ThreadPool,
  Timeout,
  transfer,
} from "@verdant/green";
import { captureErrors } from "../../helpers.ts";
import { account } from "./fake_worker.ts";

const MODULE = new URL("./work.ts", import.meta.url);
const work = tasks<typeof import("./work.ts")>(MODULE);
/** Long enough for anything that happens, short enough not to wait for when it does not. */
const LONG = 20_000;

Deno.test("ThreadPool runs functions of modules and self-contained functions", async () => {
  await using pool = new ThreadPool(2);
  const fib = task<typeof import("./work.ts"), "fib">(MODULE, "fib");
  const result: number = await pool.apply(fib, [15]);
  const text: string = await pool.apply(work.join, ["a", "b"]);
  assertEquals([result, text, await pool.apply(work.later, [1])], [610, "ab", "later"]);
  assertEquals(await pool.apply((a: number, b: number) => a ** b, [2, 10]), 1024);
  const object = {
    method(n: number) {
      return n + 1;
    },
  };
  assertEquals(await pool.apply(object.method, [1]), 2);
  assertEquals(await pool.apply(async (n: number) => await n, [5]), 5);
  const values = [null, undefined, true, 1n, "text", 0, [], { a: [1] }, new Map([[1, new Set([2])]])];
  for (const value of values) assertEquals(await pool.apply((value: unknown) => value, [value]), value);
});

Deno.test("ThreadPool loads a module once in each thread", async () => {
  await using pool = new ThreadPool(1);
  assertEquals(await pool.map(() => "other", [1]), ["other"]);
  assertEquals([await pool.apply(work.count), await pool.apply(work.count)], [1, 2]);
  assertEquals([pool.threads, account(pool).running], [1, 0]);
});

Deno.test("ThreadPool fails a task whose module or function is not there, each time", async () => {
  await using pool = new ThreadPool(1);
  for (let round = 0; round < 2; round++) {
    const missing = task(new URL("./missing.ts", import.meta.url), "fib");
    await assertRejects(() => pool.apply(missing), TypeError, "missing.ts");
    await assertRejects(
      () => pool.apply(task(MODULE, "nothing")),
      TypeError,
      'exports no function "nothing"',
    );
    await assertRejects(
      () => pool.apply(task(MODULE, "version")),
      TypeError,
      'exports no function "version"',
    );
    const broken = task("data:text/javascript,export const f = ;", "f");
    await assertRejects(() => pool.apply(broken), Error);
  }
  assertEquals(account(pool), { running: 0, queued: 0, free: 1, threads: 1 });
});

Deno.test("ThreadPool says what a function lacks that is not self-contained", async () => {
  await using pool = new ThreadPool(1);
  const outside = 5;
  const error = await pool.apply(() => outside).catch((error) => error);
  assertInstanceOf(error, ReferenceError);
  assertStringIncludes(error.message, "outside is not defined (a task function must be self-contained");
  assertStringIncludes(error.stack!, "a task function must be self-contained");
});

Deno.test("ThreadPool hands over errors with class, name, message, stack, cause and properties", async () => {
  await using pool = new ThreadPool(1);
  const error = await pool.apply(work.refuse, ["no"]).catch((error) => error);
  assertInstanceOf(error, RangeError);
  assertEquals([error.name, error.message, (error as { code?: unknown }).code], ["Refusal", "no", 42]);
  assertStringIncludes(error.stack!, "work.ts");
  assertInstanceOf(error.cause, TypeError);
  assertInstanceOf((error as { detail?: unknown }).detail, SyntaxError);
  const aggregate = await pool.apply(work.loopOfCauses).catch((error) => error);
  assertInstanceOf(aggregate, AggregateError);
  const [first, second, third] = aggregate.errors;
  assertEquals([first.message, first.cause.message, first.cause.cause === first], ["outer", "inner", true]);
  assertEquals([second, third.name, third instanceof DOMException], ["a string", "NotFoundError", true]);
  await assertRejects(() => pool.apply(work.throwNotFound), Deno.errors.NotFound, "no such file");
  assertEquals(await pool.apply(() => Promise.reject(5)).catch((error) => error), 5);
  assertStringIncludes(await pool.apply(work.thrownFunction).catch((error) => error), "unsendable");
});

Deno.test("ThreadPool fails a task whose result cannot be cloned", async () => {
  await using pool = new ThreadPool(1);
  for (const bad of [work.notCloneable, () => () => {}, () => Symbol("s")]) {
    const error = await pool.apply(bad).catch((error) => error);
    assertInstanceOf(error, DOMException);
    assertEquals(error.name, "DataCloneError");
  }
  assertEquals(await pool.apply(() => "alive"), "alive");
});

Deno.test("transfer() moves a buffer to a thread and back; a SharedArrayBuffer is shared", async () => {
  await using pool = new ThreadPool(2);
  const bytes = new Uint8Array(1_000);
  const filled = await pool.apply(work.fill, [transfer(bytes), 7]);
  assertEquals([bytes.length, filled.length, filled[999]], [0, 1_000, 7]);
  const copy = await pool.apply(work.fill, [filled, 8]);
  assertEquals([filled[0], copy[0]], [7, 8]);
  const shared = new Int32Array(new SharedArrayBuffer(4));
  await joinAll([1, 2].map(() => spawn(() => pool.apply(work.add, [shared, 1_000]))), { raiseError: true });
  assertEquals(shared[0], 2_000);
});

for (const how of ["close", "exit", "process"] as const) {
  Deno.test(`ThreadPool fails only the task of a thread that ends itself (${how})`, async () => {
    await using pool = new ThreadPool(2);
    const other = spawn(() => pool.apply(work.later, [20]));
    await assertRejects(
      () => pool.apply(work.leave, [how], { timeout: LONG }),
      ThreadError,
      "The task leave did not end: its thread closed itself",
    );
    assertEquals([await other.get(), await pool.apply(work.fib, [10])], ["later", 55]);
  });
}

for (const how of ["timer", "rejection"] as const) {
  Deno.test(`ThreadPool fails only the task during which something throws uncaught (${how})`, async () => {
    await using pool = new ThreadPool(2);
    const other = spawn(() => pool.apply(work.later, [20]));
    const error = await pool.apply(work.stray, [how], { timeout: LONG }).catch((error) => error);
    assertInstanceOf(error, ThreadError);
    assertStringIncludes(error.message, "The task stray did not end: its thread crashed");
    assertInstanceOf(error.cause, RangeError);
    assertStringIncludes(error.cause.stack!, "work.ts");
    assertEquals([await other.get(), await pool.apply(work.fib, [10])], ["later", 55]);
  });
}

Deno.test("ThreadPool reports what throws in an idle thread, and replaces that", async () => {
  using errors = captureErrors();
  await using pool = new ThreadPool(1);
  assertEquals(await pool.apply(work.strayBehind), "returned");
  while (errors.seen.length === 0) await sleep(1);
  assertEquals([errors.seen.map(String), pool.threads], [["RangeError: stray"], 0]);
  assertEquals(await pool.apply(work.fib, [10]), 55);
});

Deno.test("ThreadPool lets a thread finish what it got before something threw that an earlier task left", async () => {
  using errors = captureErrors();
  await using pool = new ThreadPool(1);
  const first = spawn(() => pool.apply(work.rejectionBehind));
  const [second, third] = [1, 2].map(() => spawn(() => pool.apply(work.count)));
  assertEquals([await first.get(), await second!.get()], ["returned", 1]);
  assertEquals(await third!.get(), 1, "in another thread");
  assertEquals(errors.seen.map(String), ["RangeError: stray"]);
});

Deno.test("ThreadPool.apply() ends in time though its task never does, and the thread with terminate", async () => {
  await using pool = new ThreadPool(1);
  const state = new Int32Array(new SharedArrayBuffer(4));
  const victim = spawn(() => pool.apply(work.spin, [state], { terminate: true }));
  while (state[0] === 0) await sleep(1);
  await victim.kill();
  assertEquals(account(pool), { running: 0, queued: 0, free: 1, threads: 0 });
  assertEquals(await pool.apply(work.fib, [10]), 55);
  await assertRejects(() => pool.apply(work.spin, [state], { timeout: 1, terminate: true }), Timeout);
  state[0] = 2;
});

Deno.test("ThreadPool runs 10,000 tasks over 2 threads", async () => {
  await using pool = new ThreadPool(2);
  const numbers = Array.from({ length: 10_000 }, (_, i) => i);
  const results = await pool.map((n: number) => n + 1, numbers);
  assertEquals(results, numbers.map((n) => n + 1));
  assertEquals(account(pool), { running: 0, queued: 0, free: 2, threads: 2 });
});

Deno.test("ThreadPool inside a task has threads of its own", async () => {
  await using pool = new ThreadPool(1);
  assertEquals(await pool.apply(work.nested, [5], { timeout: LONG }), [0, 1, 4, 9, 16]);
});

Deno.test("ThreadPool lets the other greenlets run while a thread computes", async () => {
  await using pool = new ThreadPool(1);
  const computing = spawn(() => pool.apply(work.fib, [25]));
  let turns = 0;
  while (!computing.ready) {
    await sleep();
    turns++;
  }
  assert(turns > 10, `only ${turns} turns`);
  assertEquals(await computing.get(), 75025);
});

Deno.test("ThreadPool counts running tasks among what the hub waits for", async () => {
  const hub = getHub();
  const { foreignWaits } = hub.stats();
  await using pool = new ThreadPool(1);
  const calls = [1, 2].map((n) => pool.applyAsync(work.later, [n]));
  assertEquals(hub.stats().foreignWaits, foreignWaits + 1);
  assertEquals(await hub.join({ timeout: LONG }), true);
  assertEquals([calls.map(({ value }) => value), hub.stats().foreignWaits], [
    ["later", "later"],
    foreignWaits,
  ]);
  const last = pool.applyAsync(work.later, [LONG]);
  assertEquals([last.terminate(), hub.stats().foreignWaits], [true, foreignWaits]);
});

Deno.test("ThreadPool puts up with a thread that cannot start", async () => {
  class Broken extends ThreadPool {
    protected override createWorker(): Worker {
      return new Worker("data:text/javascript,import 'data:text/javascript,!'", { type: "module" });
    }
  }
  await using pool = new Broken(1);
  const calls = [1, 2].map(() => spawn(() => pool.apply(work.fib, [1], { timeout: LONG }).catch((e) => e)));
  for (const call of calls) {
    const error = await call.get();
    assertInstanceOf(error, ThreadError);
    assertStringIncludes(error.message, "The task fib did not end: its thread crashed: ");
  }
  assertEquals(account(pool), { running: 0, queued: 0, free: 1, threads: 0 });
});

Deno.test("ThreadPool ends idle threads at once where they would keep the process alive", async () => {
  const prototype = Worker.prototype as unknown as Record<symbol, unknown>;
  const key = Object.getOwnPropertySymbols(prototype).find((symbol) => !symbol.description)!;
  const method = prototype[key];
  assertEquals(typeof method, "function", "Deno has another way now: thread.ts should use it");
  delete prototype[key];
  try {
    await using pool = new ThreadPool(2, { idleTimeout: Infinity });
    const calls = [1, 2, 3].map((n) => pool.applyAsync((n: number) => n, [n]));
    for (const call of calls) await call.get();
    assertEquals(account(pool), { running: 0, queued: 0, free: 2, threads: 0 });
  } finally {
    prototype[key] = method;
  }
});

/** Keeps an eye on the workers that it makes; the sanitizers of tests do not. */
class WatchedPool extends ThreadPool {
  readonly made: Worker[] = [];
  readonly ended = new Set<Worker>();

  protected override createWorker(name: string): Worker {
    const worker = super.createWorker(name);
    const terminate = worker.terminate.bind(worker);
    worker.terminate = () => {
      this.ended.add(worker);
      terminate();
    };
    this.made.push(worker);
    return worker;
  }
}

Deno.test("ThreadPool leaves no worker behind, whatever happens to the tasks", async () => {
  using _errors = captureErrors();
  const pool = new WatchedPool(2);
  const ways: (() => Promise<unknown>)[] = [
    () => pool.apply(work.fib, [5]),
    () => pool.apply(work.leave, ["close"]),
    () => pool.apply(work.stray, ["rejection"]),
    () => pool.apply(work.later, [LONG], { timeout: 30, terminate: true }),
    () => pool.apply(work.refuse, ["no"]),
    () => pool.map(work.fib, [1, 2, 3, 4]),
    async () => (await pool.spawn(work.later, LONG)).terminate(),
    () => pool.apply(task(MODULE, "nothing")),
  ];
  await joinAll([...ways, ...ways].map((way) => spawn(() => way().catch(() => {}))));
  assertEquals(await pool.join({ timeout: LONG }), true);
  assertEquals(pool.made.length - pool.ended.size, pool.threads);
  pool.resize(1);
  assertEquals(pool.threads, 1);
  pool.kill();
  assertEquals([pool.threads, pool.made.every((worker) => pool.ended.has(worker))], [0, true]);
});
