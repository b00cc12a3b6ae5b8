/** Nothing is left in a pool of waits that are over. */
import { assertEquals, assertRejects } from "@std/assert";
import { PropagateError, sleep, spawn, Timeout, withTimeout } from "@verdant/green";
import { DAGGathering } from "../../../green/dag/dag_gathering.ts";
import { DAGResults, EVERYTHING } from "../../../green/dag/dag_results.ts";
import { DAGValues } from "../../../green/dag/dag_values.ts";
import { Untold } from "../../../green/dag/untold.ts";
import { callerTask, planWait } from "../../../hub/mod.ts";

type Values = DAGValues<string, number>;

function makeValues(): Values {
  return new DAGValues(() => undefined, new Untold(() => false));
}

/** Ways to wait for a, b and c. */
const WAYS: [string, (values: Values) => Promise<unknown>][] = [
  ["value()", (values) => Promise.all([..."abc"].map((key) => values.value(key)))],
  ["wait()", (values) => {
    return new DAGGathering(values, new Set("abc")).wait(callerTask(), planWait(undefined, "wait"));
  }],
  ["waitEach()", async (values) => {
    const each = new DAGResults(values, new Set("abc"), EVERYTHING);
    while (!(await each.next()).done);
  }],
];

for (const [way, wait] of WAYS) {
  for (const posted of ["", "b", "cb"]) {
    Deno.test(`DAGPool.${way} leaves no trace when it is killed or timed out after [${posted}]`, async () => {
      const values = makeValues();
      for (const kill of [true, false]) {
        const fresh = kill ? values : makeValues();
        const waiter = spawn(async () => {
          if (kill) return await wait(fresh);
          await assertRejects(() => withTimeout(1, () => wait(fresh)), Timeout);
        });
        await sleep();
        for (const key of posted) fresh.post(key, 1);
        assertEquals(fresh.awaited, 3 - posted.length);
        await sleep();
        if (kill) await waiter.kill();
        else await waiter.get();
        assertEquals([fresh.awaited, waiter.failed], [0, false]);
      }
    });
  }

  Deno.test(`DAGPool.${way} leaves no trace when it has ended`, async () => {
    const values = makeValues();
    const waiter = spawn(() => wait(values));
    await sleep();
    assertEquals(values.awaited, 3);
    for (const key of "abc") values.post(key, 1);
    assertEquals(values.awaited, 0);
    await waiter.get();
  });
}

Deno.test("DAGPool.wait() leaves no trace when it fails early", async () => {
  const values = makeValues();
  const waiter = spawn(() => assertRejects(() => WAYS[1]![1](values), PropagateError));
  await sleep();
  values.post("b", new PropagateError("b", "no"));
  assertEquals(values.awaited, 0);
  values.post("a", new PropagateError("a", "no"));
  await waiter.get();
});

for (const [way, options] of [["at once", { timeout: 0 }], ["later", { timeout: 1 }]] as const) {
  Deno.test(`DAGPool.value() and wait() leave no trace when their time is over ${way}`, async () => {
    const values = makeValues();
    await assertRejects(() => values.value("a", options), Timeout);
    const gathering = new DAGGathering(values, new Set("ab"));
    await assertRejects(() => gathering.wait(callerTask(), planWait(options, "wait")), Timeout);
    assertEquals(values.awaited, 0);
  });
}

Deno.test("DAGPool.waitEach() leaves no trace when it is left, or not asked yet", async () => {
  const values = makeValues();
  values.post("a", 1);
  const each = new DAGResults(values, new Set("abc"), EVERYTHING);
  assertEquals(values.awaited, 0);
  assertEquals((await each.next()).value, ["a", 1]);
  const next = spawn(() => each.next());
  await sleep();
  for (const key of "bc") values.post(key, 1);
  await each.return();
  assertEquals([await each.next(), values.awaited], [{ done: true, value: undefined }, 0]);
  assertEquals((await next.get()).value, ["b", 1]);
  const other = new DAGResults(values, new Set("xyz"), EVERYTHING);
  const waiting = spawn(() => other.next());
  await sleep();
  await other.return();
  assertEquals([await waiting.get(), values.awaited], [{ done: true, value: undefined }, 0]);
});

Deno.test("DAGPool.waitEach() goes on watching while another one waits", async () => {
  const values = makeValues();
  const each = new DAGResults(values, new Set("abc"), EVERYTHING);
  const [first, second] = [spawn(() => each.next()), spawn(() => each.next())];
  await sleep();
  await first.kill();
  assertEquals(values.awaited, 3);
  values.post("b", 1);
  assertEquals((await second.get()).value, ["b", 1]);
});
