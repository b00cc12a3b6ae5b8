import {
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  assertNoSwitches,
  BlockingSwitchOutError,
  Collision,
  DAGPool,
  getCurrent,
  getHub,
  GreenletExit,
  killAll,
  PropagateError,
  simulate,
  sleep,
  spawn,
  Timeout,
  withTimeout,
} from "@verdant/green";
import { describeWait } from "../../../hub/mod.ts";
import { endlessSlice, passes } from "../trial.ts";
import { BogusError, consume, Log, raise } from "./tasks.ts";

const ABC = [["a", 1], ["b", 2], ["c", 3]] as const;

Deno.test("DAGPool.post() collides with a value that was preloaded or posted", () => {
  const pool = new DAGPool([["a", 1]]);
  const error = assertThrows(() => pool.post("a", 2), Collision);
  assertEquals([error.key, error.message], ["a", "Cannot post a: it has a value"]);
  pool.post("b", 1);
  assertThrows(() => pool.post("b", 2), Collision);
  assertEquals(pool.items(), [["a", 1], ["b", 1]]);
});

Deno.test("DAGPool.post() collides with a task, until it is killed", async () => {
  const pool = new DAGPool<string, number>();
  pool.spawn("a", [], () => 1);
  assertThrows(() => pool.post("a", 2), Collision, "Cannot post a: its task runs");
  assertThrows(() => pool.post("a", 2, { replace: true }), Collision);
  await pool.kill("a");
  pool.post("a", 3);
  assertEquals(pool.get("a"), 3);
});

Deno.test("DAGPool.post() collides with the value of a task that has ended", async () => {
  const pool = new DAGPool<string, number>();
  pool.spawn("a", [], () => 4);
  await sleep();
  assertThrows(() => pool.post("a", 5), Collision);
  assertThrows(() => pool.kill("a"), RangeError);
  assertThrows(() => pool.post("a", 6), Collision);
  assertEquals(pool.get("a"), 4);
});

Deno.test("DAGPool.post() replaces a value for those who ask later, in its place", async () => {
  const pool = new DAGPool<string, number>();
  pool.post("a", 1);
  pool.post("b", 1);
  pool.post("a", 2, { replace: true });
  assertEquals(pool.get("a"), 2);
  assertEquals(await Array.fromAsync(pool.waitEach("a")), [["a", 2]]);
  assertEquals(await pool.wait("a"), new Map([["a", 2]]));
  assertEquals([await pool.value("a"), pool.keys()], [2, ["a", "b"]]);
});

Deno.test("DAGPool.post() of its own key by a task wakes those who wait, once, and the task runs on", async () => {
  const pool = new DAGPool<string, string>();
  const task = pool.spawn("a", [], async () => {
    assertStrictEquals(getCurrent(), task);
    pool.post("a", "posted");
    assertThrows(() => pool.post("a", "again"), Collision);
    await passes(3);
    pool.post("a", "replaced", { replace: true });
    return "dropped";
  });
  assertEquals([await pool.value("a"), pool.running], ["posted", 1]);
  assertEquals(await task.get(), "dropped");
  assertEquals([pool.get("a"), pool.running], ["replaced", 0]);
});

Deno.test("DAGPool.post() with replace: next() that has not taken the old value gets the new one", async () => {
  const pool = new DAGPool<string, number>();
  const each = pool.waitEach("ab");
  const first = spawn(() => each.next());
  await sleep();
  pool.post("a", 1);
  pool.post("b", 1);
  pool.post("b", 2, { replace: true });
  assertEquals((await first.get()).value, ["a", 1]);
  assertEquals((await each.next()).value, ["b", 2]);
});

Deno.test("DAGPool.post() takes errors for values, and throws PropagateErrors to those who ask", async () => {
  const pool = new DAGPool<string, unknown>();
  const bogua = new BogusError("bogua");
  pool.post("a", bogua);
  assertStrictEquals(pool.get("a"), bogua);
  const bogub = new PropagateError("b", new BogusError("bogub"));
  pool.post("b", bogub);
  assertStrictEquals(assertThrows(() => pool.get("b")), bogub);
  assertStrictEquals(assertThrows(() => pool.items()), bogub);
  for (
    const ask of [
      () => pool.waitAll(),
      () => pool.wait(),
      () => pool.wait("b"),
      () => pool.wait("ab"),
      () => pool.value("b"),
      () => Array.fromAsync(pool.waitEach()),
    ]
  ) {
    assertStrictEquals(await assertRejects(ask), bogub);
  }
  assertEquals(await pool.wait("a"), new Map([["a", bogua]]));
  const pairs = (each: AsyncIterable<[string, unknown]>) => Array.fromAsync(each);
  for (const keys of [undefined, "ab", "a"]) {
    assertEquals(await pairs(pool.waitEachSuccess(keys)), [["a", bogua]]);
  }
  assertEquals(await pairs(pool.waitEachSuccess("b")), []);
  for (const keys of [undefined, "ab", "b"]) {
    assertEquals(await pairs(pool.waitEachException(keys)), [["b", bogub]]);
  }
  assertEquals(await pairs(pool.waitEachException("a")), []);
});

// ---- value() -----------------------------------------------------------------------------------------

Deno.test("DAGPool.value() waits for a key that nobody knows yet", async () => {
  const pool = new DAGPool<string, number>();
  const log: number[] = [];
  const waiters = [1, 2].map((n) => spawn(async () => log.push(n, await pool.value("a"))));
  pool.spawn("a", [], () => 5);
  assertEquals(log, []);
  for (const waiter of waiters) await waiter.join();
  assertEquals(log, [1, 5, 2, 5]);
});

Deno.test("DAGPool.value() does not switch if the value, or its error, is there", async () => {
  using _slice = endlessSlice();
  const pool = new DAGPool<string, number>([["a", 1]]);
  pool.post("b", new PropagateError("b", "no"));
  await assertNoSwitches(async () => {
    assertEquals(await pool.value("a", { timeout: 0 }), 1);
    await assertRejects(() => pool.value("b"), PropagateError);
  });
});

Deno.test("DAGPool.value() throws Timeout, or the Timeout given", async () => {
  const pool = new DAGPool<string, number>();
  for (const timeout of [0, 1]) {
    const error = await assertRejects(() => pool.value("a", { timeout }), Timeout);
    assertStringIncludes(error.message, "DAGPool.value(a)");
  }
  const limit = new Timeout(1);
  assertStrictEquals(await pool.value("a", { timeout: limit }).catch((error) => error), limit);
  const signal = AbortSignal.abort(new BogusError("aborted"));
  await assertRejects(() => pool.value("a", { signal }), BogusError);
  assertThrows(() => pool.value("a", { timeout: -1 }), RangeError, "Cannot wait for value");
  assertEquals(pool.has("a"), false);
  pool.post("a", 1);
  assertEquals(await pool.value("a"), 1);
});

// ---- get(), has() ------------------------------------------------------------------------------------

Deno.test("DAGPool.get() gives the fallback only while there is no value", () => {
  const pool = new DAGPool<string, number | undefined>([["a", undefined]]);
  assertEquals([pool.get("a", 5), pool.get("b", 5), pool.get("b")], [undefined, 5, undefined]);
  assertEquals([pool.has("a"), pool.has("b")], [true, false]);
});

// ---- wait(), waitAll() -------------------------------------------------------------------------------

/** Posts two by two. */
async function postEach(pool: DAGPool<string, unknown>, log: string[]): Promise<void> {
  for (const pair of ["gf", "ed"]) {
    await sleep();
    log.push("posting");
    for (const key of pair) pool.post(key, `${key}val`);
  }
}

Deno.test("DAGPool.wait() waits for the keys asked for, and gives them in their order", async () => {
  const pool = new DAGPool<string, unknown>(ABC);
  const log: string[] = [];
  spawn(postEach, pool, log);
  const values = await pool.wait("bcdefg");
  log.push("got all");
  assertEquals([...values], [
    ["b", 2],
    ["c", 3],
    ["d", "dval"],
    ["e", "eval"],
    ["f", "fval"],
    ["g", "gval"],
  ]);
  assertEquals(log, ["posting", "posting", "got all"]);
});

Deno.test("DAGPool.wait() switches once, or not at all", async () => {
  using _slice = endlessSlice();
  const pool = new DAGPool<string, unknown>(ABC);
  await assertNoSwitches(async () => {
    assertEquals(await pool.wait("bc"), new Map([["b", 2], ["c", 3]]));
    assertEquals(await pool.wait([]), new Map());
  });
  let switches = 0;
  const waiter = spawn(() => pool.wait("de"));
  await sleep();
  const hub = getHub();
  hub.tracer = {
    spawned() {},
    parked() {},
    ended() {},
    switched: (task) => void (task === waiter && switches++),
  };
  spawn(postEach, pool, []);
  await waiter.join();
  hub.tracer = undefined;
  assertEquals(switches, 1);
});

Deno.test("DAGPool.waitAll() waits for what the pool knows at the call, not for what comes later", async () => {
  const pool = new DAGPool<string, string>();
  const log = new Log();
  pool.spawn("a", [], () => {
    pool.spawn("z", [], log.observe);
    return "aval";
  });
  assertEquals([...await pool.waitAll()], [["a", "aval"]]);
  assertEquals(pool.runningKeys, ["z"]);
  log.gate("z").set();
  assertEquals([...await pool.waitAll()], [["a", "aval"], ["z", "zval"]]);
});

Deno.test("DAGPool.wait() throws the error of a task as soon as it has failed, or if it has", async () => {
  const pool = new DAGPool<string, string>();
  const waiter = spawn(() => assertRejects(() => pool.wait("abx"), PropagateError, "PropagateError(b)"));
  await sleep();
  pool.post("a", "1");
  pool.spawn("b", [], raise);
  await waiter.get();
  await assertRejects(() => pool.wait("xb"), PropagateError);
  pool.post("x", "2");
  await assertRejects(() => pool.wait("xb"), PropagateError);
});

Deno.test("DAGPool.wait() throws Timeout, which names what is missing", async () => {
  const pool = new DAGPool<string, string>([["a", "1"]]);
  for (const timeout of [0, 1]) {
    const error = await assertRejects(() => pool.wait("abcdefghij", { timeout }), Timeout);
    assertStringIncludes(error.message, "DAGPool.wait() of b, c, d, e, f and 4 more");
  }
  assertThrows(() => pool.wait("b", { timeout: -1 }), RangeError, "Cannot wait for values");
  assertThrows(() => pool.waitAll({ timeout: NaN }), RangeError);
  // deno-lint-ignore no-explicit-any -- bad input
  const error = assertThrows(() => pool.wait(5 as any), TypeError);
  assertEquals(error.message, "Cannot wait for values: keys must be iterable, received 5");
  pool.spawn("b", ["x"], consume);
  await assertRejects(() => pool.waitAll({ timeout: 0 }), Timeout, "of b");
  const limit = new Timeout(1);
  assertStrictEquals(await pool.waitAll({ timeout: limit }).catch((error) => error), limit);
  pool.post("x", "1");
  assertEquals([...await pool.waitAll()], [["a", "1"], ["x", "1"], ["b", "x"]]);
});

// ---- waitEach() --------------------------------------------------------------------------------------

Deno.test("DAGPool.waitEach() without keys yields nothing, and does not switch", async () => {
  using _slice = endlessSlice();
  const pool = new DAGPool<string, number>(ABC);
  await assertNoSwitches(async () => assertEquals(await Array.fromAsync(pool.waitEach([])), []));
  await assertNoSwitches(async () => {
    assertEquals(await Array.fromAsync(pool.waitEach("cab")), [["c", 3], ["a", 1], ["b", 2]]);
  });
});

Deno.test("DAGPool.waitEach() yields values in the order in which they come", async () => {
  const pool = new DAGPool<string, unknown>(ABC);
  const log: string[] = [];
  spawn(postEach, pool, log);
  for await (const [key, value] of pool.waitEach("bcdefg")) log.push(`got ${key} ${value}`);
  assertEquals(log, [
    "got b 2",
    "got c 3",
    "posting",
    "got g gval",
    "got f fval",
    "posting",
    "got e eval",
    "got d dval",
  ]);
});

Deno.test("DAGPool.waitEach() keeps that order also while nobody asks", async () => {
  const pool = new DAGPool<string, number>(ABC);
  const each = pool.waitEach("fdeba");
  pool.post("e", 1);
  pool.post("d", 2);
  pool.post("e", 3, { replace: true });
  assertEquals((await each.next()).value, ["b", 2]);
  pool.post("f", 4);
  assertEquals(await Array.fromAsync(each), [["a", 1], ["e", 3], ["d", 2], ["f", 4]]);
  assertEquals(await each.next(), { done: true, value: undefined });
});

Deno.test("DAGPool.waitEach() yields each value of a chain as soon as it is made", async () => {
  const pool = new DAGPool<string, string>([["a", "a"]]);
  const log = new Log();
  for (const [key, depends] of ["ba", "cb", "dc", "ed"]) pool.spawn(key!, depends!, log.observe);
  const each = pool.waitEach();
  for (const [index, expected] of [..."abcde"].entries()) {
    assertEquals((await each.next()).value![0], expected);
    await passes(3);
    assertEquals(pool.keys().length, index + 1);
    if (index < 4) log.gate("abcde"[index + 1]!).set();
  }
  assertEquals((await each.next()).done, true);
});

Deno.test("DAGPool.waitEach() throws the error of a task at its place, and goes on behind it", async () => {
  const pool = new DAGPool<string, string>([["x", "1"]]);
  pool.spawn("a", [], raise);
  await assertRejects(() => Array.fromAsync(pool.waitEach("a")), PropagateError);
  await assertRejects(() => Array.fromAsync(pool.waitEach()), PropagateError);
  const each = pool.waitEach(["x", "b", "a"]);
  assertEquals((await each.next()).value, ["x", "1"]);
  await assertRejects(() => each.next(), PropagateError, "bogus");
  const next = spawn(() => assertRejects(() => each.next(), PropagateError, "other"));
  await sleep();
  pool.spawn("b", [], raise, "other");
  await next.get();
  assertEquals(await each.next(), { done: true, value: undefined });
});

for (const method of ["waitEachSuccess", "waitEachException"] as const) {
  Deno.test(`DAGPool.${method}() ends when all are decided, also if it yields nothing more`, async () => {
    const pool = new DAGPool<string, unknown>();
    const wanted = method === "waitEachSuccess" ? "b" : "a";
    const post = (key: string) => pool.post(key, key === "a" ? new PropagateError(key, "no") : key);
    for (const order of ["ab", "ba"]) {
      const fresh = new DAGPool<string, unknown>();
      const got = spawn(() => Array.fromAsync(fresh[method]("ab"), ([key]) => key));
      await sleep();
      for (const key of order) {
        assertEquals(got.ready, false);
        fresh.post(key, key === "a" ? new PropagateError(key, "no") : key);
        await passes(2);
      }
      assertEquals(await got.get(), [wanted]);
    }
    post("a");
    post("b");
    assertEquals(await Array.fromAsync(pool[method](), ([key]) => key), [wanted]);
  });
}

Deno.test("DAGPool.waitEach() serves several who ask it, first come first served, and ends for all", async () => {
  const pool = new DAGPool<string, number>();
  const each = pool.waitEach("ab");
  const takers = [1, 2, 3, 4].map(() => spawn(() => each.next()));
  await sleep();
  pool.post("b", 1);
  pool.post("a", 2);
  const results = await Promise.all(takers.map((taker) => taker.get()));
  assertEquals(results.map(({ value }) => value), [["b", 1], ["a", 2], undefined, undefined]);
  assertEquals(results.map(({ done }) => done), [false, false, true, true]);
});

Deno.test("DAGPool.waitEach() that is left is over, also for others who ask it", async () => {
  const pool = new DAGPool<string, number>([["a", 1]]);
  const each = pool.waitEach("axyz");
  for await (const [key] of each) {
    assertEquals(key, "a");
    break;
  }
  assertEquals(await each.next(), { done: true, value: undefined });
  const other = pool.waitEach("xy");
  const taker = spawn(() => other.next());
  await sleep();
  assertEquals(await other.return!(), { done: true, value: undefined });
  assertEquals(await taker.get(), { done: true, value: undefined });
});

Deno.test("DAGPool.waitEach() loses nothing by a time-out or a kill", async () => {
  const pool = new DAGPool<string, number>();
  const each = pool.waitEach("abc");
  await assertRejects(() => withTimeout(1, () => each.next()), Timeout);
  pool.post("b", 1);
  const victim = spawn(() => each.next());
  const doomed = spawn(() => each.next());
  await sleep();
  assertEquals((await victim.get()).value, ["b", 1]);
  await doomed.kill();
  pool.post("c", 2);
  pool.post("a", 3);
  assertEquals(await Array.fromAsync(each), [["c", 2], ["a", 3]]);
});

Deno.test("DAGPool.waitEach() gives what was assigned before a kill to the one who is killed", async () => {
  const pool = new DAGPool<string, number>();
  const each = pool.waitEach("ab");
  let got: unknown;
  const victim = spawn(async () => {
    got = (await each.next()).value;
    await sleep();
  });
  await sleep();
  pool.post("a", 1);
  void victim.kill(undefined, { block: false });
  pool.post("b", 2);
  await victim.join();
  assertEquals([got, (await each.next()).value], [["a", 1], ["b", 2]]);
});

Deno.test("waiting calls of DAGPool throw in a callback of the hub", async () => {
  const pool = new DAGPool<string, number>([["a", 1]]);
  const each = pool.waitEach();
  let tried = 0;
  getHub().runCallback(() => {
    for (const call of [() => pool.value("a"), () => pool.wait(), () => each.next()]) {
      assertThrows(call, BlockingSwitchOutError);
      tried++;
    }
  });
  await sleep();
  assertEquals([tried, (await each.next()).value], [3, ["a", 1]]);
});

Deno.test("waiting calls of DAGPool do not switch with timeout: 0", async () => {
  using _slice = endlessSlice();
  const pool = new DAGPool<string, number>();
  for (const call of [() => pool.value("a", { timeout: 0 }), () => pool.wait("a", { timeout: 0 })]) {
    await assertNoSwitches(() => assertRejects(call, Timeout));
  }
});

Deno.test("waiting calls of DAGPool throw a kill that is due, and take nothing", async () => {
  const pool = new DAGPool<string, number>([["a", 1]]);
  const each = pool.waitEach();
  for (const call of [() => pool.value("a"), () => pool.wait(), () => each.next()]) {
    const log: unknown[] = [];
    const victim = spawn(async () => {
      void victim.kill("enough", { block: false });
      await assertRejects(call, GreenletExit, "enough");
      log.push("killed");
    });
    await victim.join();
    assertEquals(log, ["killed"]);
  }
  assertEquals((await each.next()).value, ["a", 1]);
});

Deno.test("waiting calls of DAGPool that are not awaited are no unhandled rejections", async () => {
  const pool = new DAGPool<string, number>();
  const each = pool.waitEach("ab");
  const victim = spawn(async () => {
    void pool.value("a");
    void pool.wait("ab");
    void each.next();
    await sleep(60_000);
  });
  await sleep();
  await victim.kill();
  await new Promise((resolve) => setTimeout(resolve));
  pool.post("a", 1);
  assertEquals((await each.next()).value, ["a", 1]);
});

// ---- Reports -----------------------------------------------------------------------------------------

Deno.test("reports say which keys of a DAGPool are waited for, and who makes them", async () => {
  const pool = new DAGPool<unknown, unknown>();
  const wait = async (_key: unknown, results: AsyncIterable<unknown>) => void await Array.fromAsync(results);
  const tasks = [
    pool.spawn("a", ["b", "c"], wait),
    pool.spawn("b", ["x"], wait),
    spawn(() => pool.value("a")),
    spawn(() => pool.value(Object.create(null))),
    spawn(() => pool.wait(["x", "b", Symbol("s")])),
  ];
  await sleep();
  const b = `#${tasks[1]!.id} b`;
  assertEquals(tasks.map((task) => describeWait(task.waits!)), [
    `DAGResults next of b, c, some of it made by ${b}`,
    "DAGResults next of x",
    `DAGValue a, held by #${tasks[0]!.id} a`,
    "DAGValue [object Object]",
    `DAGGathering of x, b, Symbol(s), held by ${b}`,
  ]);
  pool.post("c", 1);
  await sleep();
  assertEquals(describeWait(tasks[0]!.waits!), `DAGResults next of b, held by ${b}`);
  await killAll(tasks);
});

Deno.test("a deadlock of tasks that ask the DAGPool for more than they declare is explained", async () => {
  const error = await assertRejects(() =>
    simulate(async () => {
      const pool = new DAGPool<string, string>();
      pool.spawn("a", ["b"], consume);
      pool.spawn("b", [], () => pool.value("a"));
      await pool.waitAll();
    })
  );
  assertStringIncludes(String(error.message), " a -> #");
  assertStringIncludes(String(error.message), " b waits for DAGValue a, held by #");
});
