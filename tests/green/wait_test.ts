import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  AsyncResult,
  BlockingSwitchOutError,
  Event,
  getHub,
  Greenlet,
  GreenletExit,
  iwait,
  Semaphore,
  simulate,
  sleep,
  spawn,
  spawnLater,
  Timeout,
  wait,
} from "@verdant/green";
import { turn } from "../helpers.ts";
import { assertFair } from "./fair.ts";

const after = (turns: number) => async () => {
  for (let i = 0; i < turns; i++) await sleep();
  return turns;
};

/** A greenlet that ends only when it is killed. */
const forever = () => spawn(() => new Event().wait());

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
  assertEquals(semaphore.counter, 1); // waiting for it is not taking it
});

Deno.test("wait() lists those that are ready at the call in the order given", async () => {
  const greenlets = [3, 2, 1].map((turns) => spawn(after(turns)));
  await wait(greenlets);
  assertEquals(await wait(greenlets), greenlets);
  assertEquals(await wait(new Set(greenlets.toReversed())), greenlets.toReversed());
});

Deno.test("wait() returns what there is when count or the time is reached", async () => {
  const never = new Event();
  const greenlets = [3, 1, 2].map((turns) => spawn(after(turns)));
  assertEquals(await wait(greenlets, { count: 2 }), [greenlets[1]!, greenlets[2]!]);
  await greenlets[0]!.join();
  for (const timeout of [5, Temporal.Duration.from({ milliseconds: 5 }), new Timeout(5)]) {
    assertEquals(await wait([never, greenlets[0]!], { timeout }), [greenlets[0]!]);
  }
  using limit = Timeout.start(5);
  assertEquals(await wait([never, greenlets[0]!], { timeout: limit }), [greenlets[0]!]);
  assertEquals(await wait([never, greenlets[0]!], { timeout: 0 }), [greenlets[0]!]);
  assertEquals(await wait([never], { count: 0 }), []);
  assertEquals(await wait([]), []);
});

Deno.test("wait() counts failed and killed greenlets as ready, and returns one given twice twice", async () => {
  const killed = forever();
  const other = spawn(after(3));
  await sleep();
  killed.throw(new GreenletExit());
  assertEquals(await wait([other, killed, killed]), [killed, killed, other]);
});

Deno.test("wait() that is killed, or whose signal aborts, removes its links", async () => {
  const greenlet = forever();
  const waiting = spawn(() => wait([greenlet]));
  await sleep();
  assertEquals(greenlet.joiners.size, 1);
  await waiting.kill();
  assertInstanceOf(waiting.value as unknown, GreenletExit);
  assertEquals(greenlet.joiners.size, 0);
  const controller = new AbortController();
  const aborted = wait([greenlet], { signal: controller.signal }).catch((reason) => reason);
  await sleep();
  controller.abort("changed my mind");
  assertEquals([await aborted, greenlet.joiners.size], ["changed my mind", 0]);
  await greenlet.kill();
});

Deno.test("wait() that nobody awaits rejects quietly", async () => {
  const greenlet = spawn(async () => {
    void wait([new Event()]);
    void iwait([new Event()]).next();
    await new Event().wait();
  });
  await sleep();
  await greenlet.kill();
  await turn(); // an unhandled rejection would have failed the test by now
  assertEquals(greenlet.dead, true);
});

Deno.test("wait() without objects waits until nothing is left to do", async () => {
  const log: string[] = [];
  spawn(async () => {
    await sleep(1);
    log.push("slept");
    spawn(() => log.push("spawned"));
  });
  assertEquals([await wait(), log], [true, ["slept", "spawned"]]);
});

Deno.test("wait() without objects returns false on time-out", async () => {
  const sleeper = spawn(() => sleep(60_000));
  assertEquals(await wait(undefined, { timeout: 1 }), false);
  await sleeper.kill();
  assertEquals(await wait(undefined, { timeout: 1 }), true);
});

Deno.test("wait() and iwait() throw at the call for bad limits, and link nothing", () => {
  const greenlet = new Greenlet(() => {});
  for (const call of [wait<Greenlet>, iwait<Greenlet>]) {
    assertThrows(
      () => void call([greenlet], { timeout: -1 }),
      RangeError,
      "Cannot wait for objects: timeout must",
    );
    assertThrows(() => void call([greenlet], { timeout: "1" as never }), TypeError, "received 1");
    assertThrows(
      () => void call([greenlet], { count: -1 }),
      RangeError,
      "count must be 0 or more, received -1",
    );
    assertThrows(() => void call([greenlet], { count: NaN }), RangeError, "received NaN");
  }
  assertEquals(greenlet.links, undefined);
});

Deno.test("wait() throws at the call in a callback of the hub", async () => {
  const names: string[] = [];
  getHub().runCallback(() => {
    for (const call of [() => wait(), () => wait([new Event()])]) {
      names.push(assertThrows(() => void call(), BlockingSwitchOutError).name);
    }
  });
  await sleep();
  assertEquals(names.length, 2);
});

Deno.test("iwait() yields each as it becomes ready, one given twice twice", async () => {
  const slow = spawn(after(4));
  const fast = spawn(after(1));
  const seen: unknown[] = [];
  for await (const ready of iwait([slow, fast, slow])) seen.push(ready === slow ? "slow" : "fast");
  assertEquals(seen, ["fast", "slow", "slow"]);
});

Deno.test("iwait() keeps the order of readiness for a loop that is slower than the objects", async () => {
  const greenlets = [4, 1, 3, 2].map((turns) => spawn(after(turns)));
  const seen: unknown[] = [];
  for await (const greenlet of iwait(greenlets)) {
    seen.push(greenlet.value);
    for (let i = 0; i < 6; i++) await sleep();
  }
  assertEquals(seen, [1, 2, 3, 4]);
});

Deno.test("iwait() ends after count, and silently when its time is over", async () => {
  const greenlets = [2, 1].map((turns) => spawn(after(turns)));
  const never = new Event();
  const seen: unknown[] = [];
  for await (const greenlet of iwait(greenlets, { count: 1 })) seen.push(greenlet.value);
  await wait(greenlets);
  for await (const ready of iwait([never, ...greenlets], { timeout: 5 })) {
    seen.push((ready as Greenlet).value);
  }
  for await (const ready of iwait([never, ...greenlets], { timeout: 0 })) {
    seen.push((ready as Greenlet).value);
  }
  assertEquals(seen, [1, 2, 1, 2, 1]);
});

Deno.test("iwait() has one time-out for all, also if that is a Timeout", async () => {
  for (const makeLimit of [() => 40, () => new Timeout(40), () => Timeout.start(40)]) {
    await simulate(async () => {
      const events = [20, 39, 41].map((ms) => {
        const event = new Event();
        spawnLater(ms, () => event.set());
        return event;
      });
      const seen: number[] = [];
      for await (const event of iwait(events, { timeout: makeLimit() })) seen.push(events.indexOf(event));
      assertEquals(seen, [0, 1]);
      await events[2]!.wait();
    });
  }
});

Deno.test("iwait() that is left by break removes its links", async () => {
  const event = new Event();
  const greenlet = forever();
  const fast = spawn(() => sleep());
  for await (const ready of iwait([greenlet, fast, event])) {
    assertStrictEquals(ready, fast);
    assertEquals(greenlet.joiners.size, 1);
    break;
  }
  assertEquals(greenlet.joiners.size, 0);
  event.set(); // calls nobody
  await greenlet.kill();
});

Deno.test("iwait() that ends by itself, by count or by time-out removes its links", async () => {
  const greenlet = forever();
  await sleep();
  for await (const _ of iwait([greenlet, spawn(() => 1)], { count: 1 }));
  assertEquals(greenlet.joiners.size, 0);
  for await (const _ of iwait([greenlet], { timeout: 1 }));
  assertEquals(greenlet.joiners.size, 0);
  await greenlet.kill();
});

Deno.test("iwait() links nothing before the first next(), and nothing after await using", async () => {
  const greenlet = forever();
  {
    await using ready = iwait([greenlet, spawn(() => 1)]);
    assertEquals(greenlet.joiners.size, 0);
    await ready.next();
    assertEquals(greenlet.joiners.size, 1);
  }
  assertEquals(greenlet.joiners.size, 0);
  await greenlet.kill();
});

Deno.test("iwait() is over once it was: next() goes on saying so", async () => {
  const event = new Event();
  event.set();
  const ready = iwait([event, new Event()]);
  assertEquals(await ready.next(), { done: false, value: event });
  assertEquals(await ready.return!(), { done: true, value: undefined });
  assertEquals(await ready.next(), { done: true, value: undefined });
});

Deno.test("iwait() asked twice at the same time gives each an object of its own, or the end", async () => {
  const events = [new Event(), new Event()];
  const ready = iwait(events);
  const answers = [spawn(() => ready.next()), spawn(() => ready.next()), spawn(() => ready.next())];
  await sleep();
  for (const event of events) event.set();
  const seen = [];
  for (const answer of answers) seen.push(await answer.get());
  assertEquals(seen.map(({ value }) => events.indexOf(value as Event)), [0, 1, -1]);
  assertEquals(seen.map(({ done }) => done), [false, false, true]);
});

Deno.test("iwait() can be killed in the middle, and iteration ends with the kill", async () => {
  const greenlet = forever();
  const seen: unknown[] = [];
  const looping = spawn(async () => {
    for await (const ready of iwait([spawn(() => 1), greenlet])) seen.push(ready);
  });
  await sleep();
  await sleep();
  await sleep();
  await looping.kill();
  assertEquals([seen.length, greenlet.joiners.size], [1, 0]);
  assertInstanceOf(looping.value as unknown, GreenletExit);
  await greenlet.kill();
});

Deno.test("iwait() throws the reason of its signal, and is over then", async () => {
  const ready = iwait([new Event()], { signal: AbortSignal.abort(new Error("no")) });
  await assertRejects(() => ready.next(), Error, "no");
  const { done } = await ready.next();
  assert(done);
});

Deno.test("wait() and iwait() that need not wait, in a loop, let the event loop have its turns", async () => {
  const set = new Event();
  set.set();
  const over = iwait([set]);
  await over.next();
  await assertFair(() => wait([set]));
  await assertFair(() => wait([]));
  await assertFair(() => wait([new Event()], { timeout: 0 }));
  await assertFair(() => over.next());
});

Deno.test("wait() for what is ready, in a loop, can be killed", async () => {
  const set = new Event();
  set.set();
  let rounds = 0;
  const greenlet = spawn(async () => {
    while (rounds++ < 100_000) await wait([set]);
  });
  await sleep();
  await greenlet.kill();
  assert(rounds < 100_000, "the kill was never delivered");
});

Deno.test("wait() under a Timeout that fired before returns what there is, as if it fired in time", async () => {
  const set = new Event();
  set.set();
  const greenlet = spawn(async () => {
    const limit = Timeout.start(0);
    getHub().timers.fireDue(getHub().now() + 1);
    const ready = await wait([set, new Event()], { timeout: limit });
    await sleep(); // nothing is left to be thrown
    return ready;
  });
  assertEquals(await greenlet.get(), [set]);
});

Deno.test("iwait() throws at the call of next() in a callback of the hub", async () => {
  const names: string[] = [];
  getHub().runCallback(() => {
    const ready = iwait([new Event()]);
    names.push(assertThrows(() => void ready.next(), BlockingSwitchOutError).name);
  });
  await sleep();
  assertEquals(names.length, 1);
});
