import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  AsyncResult,
  Event,
  iwait,
  joinAll,
  killAll,
  Semaphore,
  sleep,
  spawn,
  Timeout,
  wait,
} from "@verdant/green";
import { captureErrors } from "../helpers.ts";

const after = (turns: number) => async () => {
  for (let i = 0; i < turns; i++) await sleep();
  return turns;
};

Deno.test("wait() returns what is ready in the order in which it became so, ready ones first", async () => {
  const set = new Event();
  set.set();
  const event = new Event();
  const result = new AsyncResult<number>();
  const semaphore = new Semaphore(0);
  const objects = [event, result, semaphore, set];
  const greenlet = spawn(async () => {
    await sleep();
    semaphore.release();
    await sleep();
    result.set(1);
    await sleep();
    event.set();
  });
  assertEquals(await wait([...objects, greenlet]), [set, semaphore, result, event, greenlet]);
});

Deno.test("wait() returns what there is when count or the time is reached", async () => {
  const never = new Event();
  const greenlets = [3, 1, 2].map((turns) => spawn(after(turns)));
  assertEquals(await wait(greenlets, { count: 2 }), [greenlets[1]!, greenlets[2]!]);
  assertEquals(await wait([never, greenlets[0]!], { timeout: 5 }), [greenlets[0]!]);
  assertEquals(await wait([never], { timeout: 0 }), []);
  assertEquals(await wait([never], { count: 0 }), []);
});

Deno.test("iwait() yields each as it becomes ready, one given twice twice", async () => {
  const slow = spawn(after(4));
  const fast = spawn(after(1));
  const seen: unknown[] = [];
  for await (const ready of iwait([slow, fast, slow])) seen.push(ready === slow ? "slow" : "fast");
  assertEquals(seen, ["fast", "slow", "slow"]);
});

Deno.test("iwait() that is left by break removes its links", async () => {
  const event = new Event();
  const greenlet = spawn(() => sleep());
  for await (const ready of iwait([greenlet, event])) {
    assertStrictEquals(ready, greenlet);
    break;
  }
  const { links } = greenlet;
  assertEquals(links?.size ?? 0, 0);
  event.set(); // calls nobody
  await sleep();
});

Deno.test("joinAll() returns the ended ones; with raiseError it throws the error that came first", async () => {
  using errors = captureErrors();
  const greenlets = [spawn(after(2)), spawn(after(1))];
  assertEquals((await joinAll(greenlets)).map((greenlet) => greenlet.value), [1, 2]);
  const failing = [2, 1].map((turns) =>
    spawn(async () => {
      await after(turns)();
      throw new Error(`after ${turns}`);
    })
  );
  await assertRejects(() => joinAll(failing, { raiseError: true }), Error, "after 1");
  assertEquals((await joinAll(failing)).length, 2);
  assertEquals(errors.seen.length, 2);
});

Deno.test("killAll() kills in order and waits for the clean-up; unstarted ones never begin", async () => {
  const log: string[] = [];
  const tidy = (name: string) => async () => {
    try {
      await sleep(60_000);
    } finally {
      await sleep();
      log.push(name);
    }
  };
  const started = [spawn(tidy("a")), spawn(tidy("b"))];
  await sleep();
  const unstarted = spawn(() => log.push("never"));
  await killAll([...started, unstarted], { reason: "closing" });
  assertEquals(log, ["a", "b"]);
  assert(unstarted.dead);
});

Deno.test("killAll() throws Timeout if some do not end in time, and does not wait with block: false", async () => {
  const gate = Promise.withResolvers<void>();
  const stubborn = spawn(async () => {
    try {
      await sleep(60_000);
    } finally {
      await gate.promise;
    }
  });
  await sleep();
  await assertRejects(() => killAll([stubborn], { timeout: 1 }), Timeout);
  await killAll([stubborn], { block: false });
  assert(!stubborn.dead);
  gate.resolve();
  await stubborn.join();
});
