import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  DAGPool,
  getHub,
  type Greenlet,
  GreenletExit,
  PropagateError,
  sleep,
  spawn,
  Timeout,
} from "@verdant/green";
import { captureErrors } from "../../helpers.ts";
import { passes } from "../trial.ts";
import { BogusError, consume, linger, raise } from "./tasks.ts";

// ---- Tasks that fail or are killed -------------------------------------------------------------------

Deno.test("DAGPool.waitAll() throws the error of a task, with its key", async () => {
  const pool = new DAGPool<string, string>();
  pool.spawn("a", [], raise);
  const error = await assertRejects(() => pool.waitAll(), PropagateError);
  assertEquals([error.name, error.key, error.message], [
    "PropagateError",
    "a",
    "PropagateError(a): BogusError: bogus",
  ]);
  assertInstanceOf(error.cause, BogusError);
  assertStrictEquals(error.root, error.cause);
});

Deno.test("DAGPool propagates an error from task to task", async () => {
  using errors = captureErrors();
  const pool = new DAGPool<string, string>();
  pool.spawn("a", [], raise);
  pool.spawn("b", ["a"], consume);
  pool.spawn("c", ["b"], consume);
  const c = await assertRejects(() => pool.value("c"), PropagateError);
  const b = c.cause as PropagateError;
  const a = b.cause as PropagateError;
  assertEquals([c.key, b.key, a.key], ["c", "b", "a"]);
  assertInstanceOf(a.cause, BogusError);
  assertStrictEquals(c.root, a.cause);
  assertEquals(c.message, "PropagateError(c): PropagateError(b): PropagateError(a): BogusError: bogus");
  assertStrictEquals(await pool.value("a").catch((error) => error), a);
  assertEquals(errors.seen, []);
});

Deno.test("a task of a DAGPool may handle the error of another one, and ask on", async () => {
  const pool = new DAGPool<string, string>([["x", "1"]]);
  pool.spawn("a", [], raise);
  await sleep();
  pool.spawn("b", ["a", "x", "y"], async (_key, results) => {
    const log: string[] = [];
    const error = await results.next().catch((error) => error);
    log.push(error.key);
    for await (const [key] of results) log.push(key);
    return log.join(" ");
  });
  pool.post("y", "2");
  assertEquals(await pool.value("b"), "a x y");
});

for (
  const [how, end] of [
    ["is killed", (task: Greenlet) => void task.kill("enough", { block: false })],
    ["throws GreenletExit", (task: Greenlet) => task.throw(new GreenletExit("enough"))],
    ["is timed out", (task: Greenlet) => task.throw(new Timeout(5, { message: "enough" }))],
  ] as const
) {
  Deno.test(`a task of a DAGPool that ${how} lets nobody wait for it`, async () => {
    using errors = captureErrors();
    const pool = new DAGPool<string, string>();
    const task = pool.spawn("a", [], linger, []);
    pool.spawn("b", ["a"], consume);
    const waiter = spawn(() => assertRejects(() => pool.value("a"), PropagateError, "enough"));
    await sleep();
    end(task);
    const error = await assertRejects(() => pool.value("b"), PropagateError, "enough");
    assertStrictEquals(error.root, task.failed ? task.error : task.value);
    await waiter.get();
    assertEquals([pool.keys(), pool.running, errors.seen], [["a", "b"], 0, []]);
  });
}

Deno.test("a task of a DAGPool that is killed before it begins lets nobody wait for it", async () => {
  const pool = new DAGPool<string, string>();
  const waiter = spawn(() => assertRejects(() => pool.value("a"), PropagateError, "enough"));
  await sleep();
  const task = pool.spawn("a", ["x"], consume);
  await task.kill("enough");
  await waiter.get();
  assertEquals([pool.has("a"), pool.waiting, pool.running], [true, 0, 0]);
  assertStringIncludes(assertThrows(() => pool.get("a"), PropagateError).message, "enough");
});

// ---- Errors that nobody asks for ---------------------------------------------------------------------

Deno.test("DAGPool reports at the end of its block the errors that nobody was told of, each once", async () => {
  using errors = captureErrors();
  const contexts: unknown[] = [];
  const { onError } = getHub();
  getHub().onError = (context, error) => {
    contexts.push(String(context));
    onError(context, error);
  };
  {
    await using pool = new DAGPool<string, string>();
    pool.spawn("a", [], raise, "untold");
    for (const key of "bcd") pool.spawn(key, ["a"], consume);
    pool.spawn("e", [], raise, "told");
    pool.spawn("f", ["e"], consume);
    await assertRejects(() => pool.value("f"), PropagateError);
    assertEquals(errors.seen, []);
  }
  assertEquals(errors.seen.map(String), ["BogusError: untold"]);
  assert(/^Greenlet #\d+ a \(failed\)$/.test(contexts[0] as string), contexts.join());
});

for (
  const [how, ask] of [
    ["value()", (pool) => pool.value("b")],
    ["wait()", (pool) => pool.wait("ab")],
    ["a wait() that waits", (pool) => pool.wait("bcd")],
    ["get()", (pool) => pool.get("b")],
    ["items()", (pool) => pool.items()],
    ["waitEach()", (pool) => Array.fromAsync(pool.waitEach())],
    ["a waitEach() that waits", (pool) => Array.fromAsync(pool.waitEach("b"))],
    ["a waitEachException() that waits", (pool) => pool.waitEachException("b").next()],
    ["waitEachException()", (pool) => Array.fromAsync(pool.waitEachException("b"))],
  ] as [string, (pool: DAGPool<string, string>) => unknown][]
) {
  Deno.test(`DAGPool reports no error that was told by ${how}`, async () => {
    using errors = captureErrors();
    {
      await using pool = new DAGPool<string, string>();
      pool.spawn("a", [], raise);
      pool.spawn("b", ["a"], consume);
      pool.spawn("c", [], linger, []);
      if (!how.includes("that waits")) await passes(4);
      await Promise.try(() => ask(pool)).catch((error) => assertInstanceOf(error, PropagateError));
    }
    assertEquals(errors.seen, []);
  });
}

/** A task that fails when it has waited. */
async function raiseLater(): Promise<never> {
  await sleep();
  return raise("a", undefined);
}

for (const [when, rounds] of [["before", 0], ["after", 2]] as const) {
  Deno.test(`DAGPool reports no error that was told by get() of the greenlet ${when} its end`, async () => {
    using errors = captureErrors();
    {
      await using pool = new DAGPool<string, string>();
      const task = pool.spawn("a", [], raiseLater);
      await passes(rounds);
      await assertRejects(() => task.get(), BogusError);
      pool.spawn("b", ["a"], consume); // what comes of it later is known as well
      await passes(3);
    }
    assertEquals(errors.seen, []);
  });

  Deno.test(`DAGPool reports an error if its greenlet was only joined ${when} its end`, async () => {
    using errors = captureErrors();
    {
      await using pool = new DAGPool<string, string>();
      const task = pool.spawn("a", [], raiseLater);
      await passes(rounds);
      assertEquals(await task.join(), true);
    }
    assertEquals(errors.seen.map(String), ["BogusError: bogus"]);
  });
}

Deno.test("DAGPool reports an error that waitEachSuccess() skips", async () => {
  using errors = captureErrors();
  {
    await using pool = new DAGPool<string, string>();
    pool.spawn("a", [], raise);
    assertEquals(await Array.fromAsync(pool.waitEachSuccess()), []);
  }
  assertEquals(errors.seen.map(String), ["BogusError: bogus"]);
});

Deno.test("DAGPool reports the error that a task makes of another one", async () => {
  using errors = captureErrors();
  {
    await using pool = new DAGPool<string, string>();
    pool.spawn("a", [], raise);
    pool.spawn(
      "b",
      "a",
      (_key, results) => results.next().then(() => "", () => raise("b", results, "other")),
    );
    await passes(3);
  }
  assertEquals(errors.seen.map(String), ["BogusError: other"]);
});

Deno.test("DAGPool reports no error that another task handles, and no kill", async () => {
  using errors = captureErrors();
  {
    await using pool = new DAGPool<string, string>();
    pool.spawn("a", [], raise);
    pool.spawn("b", ["a"], (_key, results) => results.next().then(() => "no", () => "handled"));
    const task = pool.spawn("c", [], linger, []);
    pool.spawn("d", ["c"], consume);
    await sleep();
    await task.kill();
    assertEquals(await pool.value("b"), "handled");
  }
  assertEquals(errors.seen, []);
});

Deno.test("DAGPool reports the error of a task that has posted its value at once", async () => {
  using errors = captureErrors();
  const pool = new DAGPool<string, string>();
  pool.spawn("a", [], () => {
    pool.post("a", "posted");
    return raise("a", undefined);
  });
  await sleep();
  assertEquals([errors.seen.map(String), pool.get("a"), pool.running], [["BogusError: bogus"], "posted", 0]);
});

Deno.test("DAGPool reports no error once more that comes of one it has reported", async () => {
  using errors = captureErrors();
  const pool = new DAGPool<string, string>();
  pool.spawn("a", [], raise);
  await sleep();
  await pool[Symbol.asyncDispose]();
  assertEquals(errors.seen.map(String), ["BogusError: bogus"]);
  pool.spawn("b", ["a"], consume);
  pool.spawn("c", ["b"], consume);
  await passes(3);
  await pool[Symbol.asyncDispose]();
  assertEquals(errors.seen.length, 1);
});

Deno.test("DAGPool leaves an error to the pool whose task it was told to", async () => {
  using errors = captureErrors();
  {
    await using first = new DAGPool<string, string>();
    await using second = new DAGPool<string, string>();
    first.spawn("a", [], raise);
    second.spawn("a", [], () => first.value("a"));
    await passes(3);
    first.spawn("b", ["a"], consume);
    await passes(3);
  }
  assertEquals(errors.seen.map(String), ["BogusError: bogus"]);
});

Deno.test("DAGPool reports no kill that has reached a task which has posted its value", async () => {
  using errors = captureErrors();
  const pool = new DAGPool<string, string>();
  const doomed = pool.spawn("a", [], linger);
  pool.spawn("b", [], () => {
    pool.post("b", "posted");
    return pool.value("a");
  });
  await sleep();
  await doomed.kill();
  await passes(2);
  assertEquals([pool.running, errors.seen], [0, []]);
});
