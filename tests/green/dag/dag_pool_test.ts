import { assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import {
  assertNoSwitches,
  BlockingSwitchOutError,
  Collision,
  DAGPool,
  getHub,
  Greenlet,
  GreenletExit,
  PropagateError,
  sleep,
  spawn,
} from "@verdant/green";
import { captureErrors } from "../../helpers.ts";
import { endlessSlice, passes } from "../trial.ts";
import { BogusError, consume, linger, Log, raise } from "./tasks.ts";

const ABC = [["a", 1], ["b", 2], ["c", 3]] as const;

// ---- new DAGPool() -----------------------------------------------------------------------------------

Deno.test("DAGPool() holds what it is preloaded with, from a Map or from pairs", async () => {
  using _slice = endlessSlice();
  await assertNoSwitches(async () => {
    assertEquals(await new DAGPool().waitAll(), new Map());
    assertEquals(await new DAGPool(new Map(ABC)).waitAll(), new Map<string, number>(ABC));
    assertEquals(await new DAGPool([["d", 4], ["e", 5]]).waitAll(), new Map([["d", 4], ["e", 5]]));
  });
});

Deno.test("DAGPool() copies what it is preloaded with", () => {
  const preload = new Map([["a", 1]]);
  const pool = new DAGPool(preload);
  preload.set("a", 2).set("b", 3);
  assertEquals(pool.items(), [["a", 1]]);
});

Deno.test("DAGPool() compares keys as a Map does", () => {
  const key = {};
  const pool = new DAGPool<unknown, number>([[NaN, 1], [0, 2], [key, 3], [undefined, 4]]);
  assertEquals([pool.get(NaN), pool.get(-0), pool.get(key), pool.get({}), pool.get(undefined)], [
    1,
    2,
    3,
    undefined,
    4,
  ]);
});

for (
  const [preload, message] of [
    [5, "Cannot create pool: preload must be a Map or other iterable pairs, received 5"],
    [null, "Cannot create pool: preload must be a Map or other iterable pairs, received null"],
    [{ a: 1 }, "Cannot create pool: preload must be a Map or other iterable pairs, received [object Object]"],
    [["ab"], "Cannot create pool: preload must be pairs, received ab"],
    [[null], "Cannot create pool: preload must be pairs, received null"],
  ] as const
) {
  Deno.test(`DAGPool() refuses ${JSON.stringify(preload)} as preload`, () => {
    // deno-lint-ignore no-explicit-any -- bad input
    const error = assertThrows(() => new DAGPool(preload as any), TypeError);
    assertEquals(error.message, message);
  });
}

// ---- spawn() -----------------------------------------------------------------------------------------

Deno.test("DAGPool.spawn() gives the greenlet, named after its key, and does not start it at once", async () => {
  const pool = new DAGPool<string, string>();
  const task = pool.spawn(
    "a",
    [],
    (key, results, x: number, y: number) => {
      assertEquals(typeof results.next, "function");
      return `${key}${x}${y}`;
    },
    1,
    2,
  );
  assertInstanceOf(task, Greenlet);
  assertEquals([task.started, task.ready, task.name, pool.running], [true, false, "a", 1]);
  assertEquals([await task.get(), pool.get("a"), pool.running], ["a12", "a12", 0]);
});

Deno.test("DAGPool.spawn() collides with a value that was preloaded", () => {
  const pool = new DAGPool([["a", 1]]);
  const error = assertThrows(() => pool.spawn("a", [], () => 2), Collision);
  assertEquals([error.name, error.key, error.message], [
    "Collision",
    "a",
    "Cannot spawn task a: it has a value",
  ]);
});

Deno.test("DAGPool.spawn() collides with a value that was posted", () => {
  const pool = new DAGPool<string, number>();
  pool.post("a", 1);
  assertThrows(() => pool.spawn("a", [], () => 2), Collision);
});

Deno.test("DAGPool.spawn() collides with a task before it starts, and after it has ended", async () => {
  const pool = new DAGPool<string, string>();
  pool.spawn("a", [], () => "aval");
  assertEquals(pool.get("a"), undefined);
  assertThrows(() => pool.spawn("a", [], () => "bad"), Collision, "Cannot spawn task a: its task runs");
  await sleep();
  assertEquals(pool.get("a"), "aval");
  assertThrows(() => pool.spawn("a", [], () => "bad again"), Collision);
});

Deno.test("DAGPool.spawn() that throws changes nothing", async () => {
  const pool = new DAGPool<string, string>([["x", "1"]]);
  const depends = {
    *[Symbol.iterator]() {
      yield "x";
      throw new BogusError("no more");
    },
  };
  assertThrows(() => pool.spawn("a", depends, consume), BogusError);
  assertThrows(
    () => pool.spawn("a", 5 as unknown as string[], consume),
    TypeError,
    "Cannot spawn task: depends must be iterable, received 5",
  );
  assertThrows(() => pool.spawn("a", ["y"], 5 as unknown as typeof consume), TypeError, "received 5");
  assertThrows(() => pool.spawn("x", ["y"], consume), Collision);
  assertEquals([pool.running, pool.waiting, pool.has("a")], [0, 0, false]);
  pool.spawn("a", ["x"], consume);
  assertEquals(await pool.value("a"), "x");
});

Deno.test("DAGPool.spawn() asks for the keys before it looks whether its own is free", () => {
  const pool = new DAGPool<string, string>();
  const depends = {
    *[Symbol.iterator]() {
      pool.post("a", "meanwhile");
      yield "x";
    },
  };
  assertThrows(() => pool.spawn("a", depends, consume), Collision);
  assertEquals([pool.running, pool.waiting], [0, 0]);
});

Deno.test("DAGPool runs tasks as far as they get, and says who waits for what", async () => {
  const pool = new DAGPool<string, string>([["a", "1"], ["b", "2"], ["c", "3"]]);
  const log = new Log();
  const { observe } = log;
  for (const key of "defg") pool.spawn(key, [], observe);
  pool.spawn("h", "bcdefg", observe);
  log.gate("h").set();
  const state = () => [
    pool.keys().join(""),
    pool.items().map(([key]) => key).join(""),
    pool.running,
    pool.runningKeys.join(""),
    pool.waiting,
    [...pool.waitingFor("h")].join(""),
  ];
  assertEquals(state(), ["abc", "abc", 5, "defgh", 1, "defg"]);

  await passes(3);
  assertEquals(log.take(), ["h got b", "h got c"]);
  assertEquals([..."defgh"].map((key) => pool.get(key)), Array(5).fill(undefined));
  assertEquals(state(), ["abc", "abc", 5, "defgh", 1, "defg"]);
  assertEquals(pool.waitingFor(), new Map([["h", new Set("defg")]]));
  assertEquals([pool.waitingFor("d"), pool.waitingFor("c")], [new Set(), new Set()]);
  const error = assertThrows(() => pool.waitingFor("j"), RangeError);
  assertEquals(error.message, "Cannot tell what task j waits for: the pool does not know it");

  log.gate("f").set();
  await passes(3);
  assertEquals(log.take(), ["f returns", "h got f"]);
  assertEquals(state(), ["abcf", "abcf", 4, "degh", 1, "deg"]);

  log.gate("g").set();
  log.gate("e").set();
  await passes(3);
  assertEquals(log.take(), ["g returns", "e returns", "h got g", "h got e"]);
  assertEquals(state(), ["abcfge", "abcfge", 2, "dh", 1, "d"]);

  log.gate("d").set();
  await passes(3);
  assertEquals(log.take(), ["d returns", "h got d", "h returns"]);
  assertEquals(state(), ["abcfgedh", "abcfgedh", 0, "", 0, ""]);
  assertEquals(pool.waitingFor(), new Map());
});

Deno.test("DAGPool.waitingFor() leaves out a value that is posted before the task has run on", async () => {
  const pool = new DAGPool<string, string>();
  pool.spawn("c", "ab", consume);
  await sleep();
  pool.post("a", "1");
  assertEquals(pool.waitingFor("c"), new Set("b"));
  const snapshot = pool.waitingFor();
  pool.post("b", "2");
  assertEquals([pool.waitingFor("c"), pool.waitingFor(), pool.waiting], [new Set(), new Map(), 0]);
  assertEquals([pool.running, snapshot], [1, new Map([["c", new Set("b")]])]);
  assertEquals(await pool.value("c"), "ab");
});

Deno.test("DAGPool.waitingFor() gives copies, takes undefined for a key, and counts no outsiders", async () => {
  const pool = new DAGPool<string | undefined, string>();
  const outsider = spawn(() => pool.value("x"));
  pool.spawn(undefined, ["x"], () => "early");
  await sleep();
  assertThrows(() => pool.waitingFor("x"), RangeError);
  assertEquals([pool.waitingFor(undefined), pool.waiting, pool.running], [new Set(), 0, 0]);
  pool.spawn("b", ["x"], (_key, results) => results.next().then(() => "late"));
  pool.waitingFor("b").clear();
  pool.waitingFor().get("b")!.clear();
  assertEquals([pool.waitingFor("b"), pool.waiting], [new Set(["x"]), 1]);
  pool.post("x", "1");
  assertEquals([await outsider.get(), await pool.value("b")], ["1", "late"]);
});

Deno.test("a task of a DAGPool begins at once, and waits only for results that are not there", async () => {
  using _slice = endlessSlice();
  const pool = new DAGPool<string, string>([["x", "1"]]);
  const log: string[] = [];
  pool.spawn("a", "xy", async (_key, results) => {
    log.push("begins");
    await assertNoSwitches(async () => log.push((await results.next()).value![0]));
    log.push((await results.next()).value![0]);
    await assertNoSwitches(async () => assertEquals(await results.next(), { done: true, value: undefined }));
    return "done";
  });
  await sleep();
  assertEquals(log, ["begins", "x"]);
  pool.post("y", "2");
  assertEquals([await pool.value("a"), log], ["done", ["begins", "x", "y"]]);
});

Deno.test("a task of a DAGPool gets each result once, however often it is named", async () => {
  const pool = new DAGPool<string, string>([["x", "1"]]);
  pool.spawn("a", "xyxy", consume);
  pool.post("y", "2");
  assertEquals(await pool.value("a"), "xy");
});

Deno.test("a task of a DAGPool without dependencies gets no results, and does not switch for that", async () => {
  const pool = new DAGPool<string, string>();
  using _slice = endlessSlice();
  pool.spawn("a", [], async (_key, results) => {
    await assertNoSwitches(async () => assertEquals(await Array.fromAsync(results), []));
    return "a";
  });
  assertEquals(await pool.value("a"), "a");
});

Deno.test("a task of a DAGPool may return undefined, and an error as a value", async () => {
  const pool = new DAGPool<string, unknown>();
  const error = new BogusError("only a value");
  pool.spawn("a", [], () => undefined);
  pool.spawn("b", [], () => error);
  assertEquals(await pool.waitAll(), new Map<string, unknown>([["a", undefined], ["b", error]]));
  assertEquals([pool.has("a"), pool.get("a", "fallback")], [true, undefined]);
});

Deno.test("the results of a task of a DAGPool end with it, also for those who wait for them", async () => {
  const pool = new DAGPool<string, string>();
  let results: AsyncIterableIterator<[string, string]>;
  let waiting: Promise<unknown>;
  pool.spawn("a", ["x", "y"], async (_key, given) => {
    results = given;
    await results.next();
    waiting = spawn(() => results.next()).get();
    await sleep();
    return "gone";
  });
  pool.post("x", "1");
  await pool.value("a");
  assertEquals(await waiting!, { done: true, value: undefined });
  pool.post("y", "2");
  assertEquals(await results!.next(), { done: true, value: undefined });
});

// ---- spawnMany() -------------------------------------------------------------------------------------

for (const kind of ["Map", "pairs"]) {
  Deno.test(`DAGPool.spawnMany() spawns a task for each entry of a ${kind}, in any order`, async () => {
    const depends: [string, string][] = [["e", "cd"], ["d", "bc"], ["c", "a"], ["b", "a"], ["a", ""]];
    const pool = new DAGPool<string, string>();
    const log: string[] = [];
    const task = async (key: string, results: AsyncIterable<[string, string]>, suffix: string) => {
      await Array.fromAsync(results);
      log.push(key + suffix);
      pool.post(key, key); // then what it returns is dropped
      await passes(3);
      return "dropped";
    };
    const waiter = spawn(async () => {
      await sleep();
      await pool.waitAll();
      log.push("all");
    });
    pool.spawnMany(kind === "Map" ? new Map(depends) : depends, task, "!");
    assertEquals([pool.running, pool.waiting], [5, 4]);
    await waiter.join();
    assertEquals(log, ["a!", "c!", "b!", "d!", "e!", "all"]);
    assertEquals(pool.items(), [..."acbde"].map((key) => [key, key]));
    while (pool.running > 0) await sleep();
    assertEquals(pool.get("e"), "e");
  });
}

Deno.test("DAGPool.spawnMany() knows which values are there", async () => {
  const pool = new DAGPool<string, string>([["x", "1"]]);
  pool.spawnMany([["a", "x"], ["b", "xa"]], consume);
  assertEquals(pool.waitingFor(), new Map([["b", new Set("a")]]));
  assertEquals([await pool.value("b"), pool.waiting], ["xa", 0]);
});

Deno.test("DAGPool.spawnMany() spawns nothing if one key collides", () => {
  const pool = new DAGPool<string, string>([["x", "1"]]);
  const two: [string, string][] = [["a", "x"], ["a", ""]];
  assertThrows(() => pool.spawnMany(two, consume), Collision, "Cannot spawn tasks: a is there twice");
  const known: [string, string][] = [["a", "b"], ["x", ""]];
  assertThrows(() => pool.spawnMany(known, consume), Collision, "Cannot spawn tasks x: it has a value");
  assertEquals([pool.running, pool.waiting, pool.keys()], [0, 0, ["x"]]);
});

for (
  const [depends, message] of [
    [5, "Cannot spawn tasks: depends must be a Map or other iterable pairs, received 5"],
    [[5], "Cannot spawn tasks: depends must be pairs, received 5"],
    [[["a", []], ["b", 5]], "Cannot spawn tasks: what b depends on must be iterable, received 5"],
  ] as const
) {
  Deno.test(`DAGPool.spawnMany() refuses ${JSON.stringify(depends)}`, () => {
    const pool = new DAGPool<string, string>();
    // deno-lint-ignore no-explicit-any -- bad input
    assertEquals(assertThrows(() => pool.spawnMany(depends as any, consume), TypeError).message, message);
    assertThrows(() => pool.spawnMany([["a", []]], 5 as unknown as typeof consume), TypeError, "received 5");
    assertEquals(pool.running, 0);
  });
}

// ---- kill() ------------------------------------------------------------------------------------------

Deno.test("DAGPool.kill() ends a task before it begins, and its key is free again", async () => {
  const pool = new DAGPool<string, number>();
  const refusal = assertThrows(() => pool.kill("a"), RangeError);
  assertEquals(refusal.message, "Cannot kill task a: it does not run");
  const task = pool.spawn("a", ["x"], () => 1);
  assertEquals(await pool.kill("a"), true);
  await passes(2);
  assertEquals([task.dead, pool.get("a"), pool.has("a"), pool.running, pool.waiting], [
    true,
    undefined,
    false,
    0,
    0,
  ]);
  assertThrows(() => pool.kill("a"), RangeError);
  pool.spawn("a", [], () => 2);
  await sleep();
  assertThrows(() => pool.kill("a"), RangeError);
  assertEquals(pool.get("a"), 2);
});

Deno.test("DAGPool.kill() ends a task that has begun, and waits for its clean-up", async () => {
  const pool = new DAGPool<string, string>();
  const log: string[] = [];
  pool.spawn("a", [], linger, log);
  await sleep();
  const killing = spawn(() => pool.kill("a"));
  await sleep();
  assertThrows(() => pool.spawn("a", [], () => "early"), Collision);
  assertEquals([await killing.get(), log], [true, ["cleaned up"]]);
  assertEquals([pool.has("a"), pool.running], [false, 0]);
  pool.spawn("a", [], () => "second");
  assertEquals(await pool.value("a"), "second");
});

Deno.test("DAGPool.kill() lets those who wait for the key wait on, for the next task with it", async () => {
  const pool = new DAGPool<string, string>();
  pool.spawn("a", [], linger, []);
  pool.spawn("b", ["a"], consume);
  const waiter = spawn(() => pool.value("b"));
  await sleep();
  await pool.kill("a");
  await passes(3);
  assertEquals([waiter.ready, pool.waitingFor("b")], [false, new Set("a")]);
  pool.spawn("a", [], () => "second");
  assertEquals(await waiter.get(), "a");
});

Deno.test("DAGPool.kill() does not wait with block: false, and not longer than its time-out", async () => {
  const pool = new DAGPool<string, string>();
  const log: string[] = [];
  pool.spawn("a", [], linger, log);
  await sleep();
  using _slice = endlessSlice();
  assertEquals(await assertNoSwitches(() => pool.kill("a", { block: false })), false);
  assertEquals([await pool.kill("a", { timeout: 0 }), pool.running], [false, 1]);
  assertEquals([await pool.kill("a"), log, pool.has("a")], [true, ["cleaned up"], false]);
});

Deno.test("DAGPool.kill() drops what the task returns nevertheless", async () => {
  const pool = new DAGPool<string, string>();
  pool.spawn("a", [], () => sleep(60_000).then(() => "never", () => "caught"));
  await sleep();
  await pool.kill("a");
  assertEquals([pool.has("a"), pool.running], [false, 0]);
});

Deno.test("DAGPool.kill() leaves a value that the task has posted itself", async () => {
  const pool = new DAGPool<string, string>();
  pool.spawn("a", [], async () => {
    pool.post("a", "posted");
    await sleep(60_000);
    return "never";
  });
  await sleep();
  await pool.kill("a");
  assertEquals([pool.get("a"), pool.running], ["posted", 0]);
});

Deno.test("DAGPool.kill() that throws kills nobody and discards nothing", async () => {
  const pool = new DAGPool<string, string>();
  let caught: unknown;
  getHub().runCallback(() => {
    caught = assertThrows(() => pool.kill("a"), BlockingSwitchOutError);
  });
  pool.spawn("a", [], () => "kept");
  assertThrows(() => pool.kill("a", { timeout: -1 }), RangeError);
  // deno-lint-ignore no-explicit-any -- bad input
  assertThrows(() => pool.kill("a", { reason: 5 as any }), TypeError);
  await passes(2);
  assertInstanceOf(caught, BlockingSwitchOutError);
  assertEquals(pool.get("a"), "kept");
});

Deno.test("DAGPool.kill() of its own task throws the kill", async () => {
  const pool = new DAGPool<string, string>();
  const log: string[] = [];
  const task = pool.spawn("a", [], async () => {
    await pool.kill("a").catch((error) => {
      log.push(error.constructor.name);
      throw error;
    });
    return "never";
  });
  await task.join();
  assertEquals([log, pool.has("a"), task.value instanceof GreenletExit], [["GreenletExit"], false, true]);
});

Deno.test("DAGPool.kill() reports what the clean-up of the task throws: nobody can ask for it", async () => {
  using errors = captureErrors();
  const pool = new DAGPool<string, string>();
  pool.spawn("a", [], async () => {
    try {
      await sleep(60_000);
    } catch {
      throw new BogusError("in clean-up");
    }
    return "never";
  });
  await sleep();
  await pool.kill("a");
  assertEquals([errors.seen.map(String), pool.has("a")], [["BogusError: in clean-up"], false]);
});

// ---- [Symbol.asyncDispose]() -------------------------------------------------------------------------

Deno.test("DAGPool[Symbol.asyncDispose]() kills the tasks and waits for their clean-up", async () => {
  using errors = captureErrors();
  const log: string[] = [];
  const pool = new DAGPool<string, string>();
  pool.spawn("a", [], linger, log);
  pool.spawn("b", ["a"], consume);
  pool.spawn("c", ["nobody"], async (_key, results) => {
    try {
      return await consume("c", results);
    } finally {
      await passes(2);
      pool.spawn("late", [], linger, log);
    }
  });
  const waiters = [..."abc"].map((key) => spawn(() => pool.value(key).catch((error) => error)));
  await sleep();
  pool.spawn("d", ["c"], linger, log);
  await pool[Symbol.asyncDispose]();
  assertEquals([log, pool.running, pool.waiting], [["cleaned up"], 0, 0]);
  for (const waiter of waiters) {
    const error = await waiter.get();
    assertInstanceOf(error, PropagateError);
    assertInstanceOf(error.root, GreenletExit);
  }
  assertEquals([pool.keys().toSorted(), errors.seen], [["a", "b", "c", "d", "late"], []]);
});

Deno.test("DAGPool[Symbol.asyncDispose]() reports what clean-ups throw, and later errors if nobody waits", async () => {
  using errors = captureErrors();
  const pool = new DAGPool<string, string>();
  const dirty = async () => {
    try {
      await sleep(60_000);
    } catch {
      throw new BogusError("dirty");
    }
    return "never";
  };
  pool.spawn("a", [], dirty);
  await sleep();
  await pool[Symbol.asyncDispose]();
  assertEquals(errors.seen.splice(0).map(String), ["BogusError: dirty"]);
  pool.spawn("b", [], raise, "later");
  await sleep();
  assertEquals(errors.seen.splice(0).map(String), ["BogusError: later"]);
  pool.spawn("c", [], raise, "awaited");
  await assertRejects(() => pool.value("c"), PropagateError);
  await pool[Symbol.asyncDispose]();
  assertEquals(errors.seen, []);
});

Deno.test("DAGPool[Symbol.asyncDispose]() that is interrupted reports all the same", async () => {
  using errors = captureErrors();
  const pool = new DAGPool<string, string>();
  const gate = Promise.withResolvers<void>();
  pool.spawn("a", [], raise, "untold");
  pool.spawn("b", [], async () => {
    try {
      await sleep(60_000);
    } finally {
      await gate.promise;
    }
    return "never";
  });
  const disposing = spawn(async () => {
    await sleep();
    await pool[Symbol.asyncDispose]();
  });
  await passes(2);
  await disposing.kill();
  assertEquals([errors.seen.map(String), pool.running], [["BogusError: untold"], 1]);
  gate.resolve();
  await pool[Symbol.asyncDispose]();
  assertEquals(pool.running, 0);
});
