import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  Event,
  getCurrent,
  getHub,
  Greenlet,
  GreenletExit,
  joinAll,
  LoopExit,
  sleep,
  spawn,
  spawnLater,
  spawnRaw,
  spawnWith,
  Timeout,
  until,
} from "@verdant/green";
import { captureErrors } from "../helpers.ts";

Deno.test("spawn() starts bodies in spawn order, at the caller's next wait", async () => {
  const order: number[] = [];
  for (let i = 0; i < 3; i++) {
    spawn(() => {
      order.push(i);
      spawn(() => order.push(10 + i));
    });
  }
  assertEquals(order, []);
  await sleep();
  await sleep();
  assertEquals(order, [0, 1, 2, 10, 11, 12]);
});

Deno.test("spawn() throws TypeError with the value for a non-function", () => {
  assertThrows(() => spawn(42 as never), TypeError, "received 42");
});

Deno.test("Greenlet keeps the token across plain awaits", async () => {
  const order: string[] = [];
  async function body(name: string) {
    for (let i = 0; i < 2; i++) {
      order.push(`${name} in`);
      for (let k = 0; k < 5; k++) await null;
      order.push(`${name} out`);
      await sleep();
    }
  }
  const a = spawn(body, "a");
  const b = spawn(body, "b");
  await a.join();
  await b.join();
  assertEquals(order, ["a in", "a out", "b in", "b out", "a in", "a out", "b in", "b out"]);
});

Deno.test("Greenlet reports its state from creation to the end", async () => {
  const g = new Greenlet(() => 5);
  const states = () => [g.started, g.dead, g.ready, g.successful, g.value, g.error];
  assertEquals(states(), [false, false, false, false, undefined, undefined]);
  g.start();
  assertEquals(states(), [true, false, false, false, undefined, undefined]);
  await g.join();
  assertEquals(states(), [false, true, true, true, 5, undefined]);
  g.start();
  assertEquals(states(), [false, true, true, true, 5, undefined]);
});

Deno.test("Greenlet.get() rethrows the error and the hub reports it", async () => {
  using errors = captureErrors();
  const failure = new Error("boom");
  const g = spawn(() => Promise.reject(failure));
  assertStrictEquals(await assertRejects(() => g.get()), failure);
  assertEquals(errors.seen, [failure]);
  assertEquals(g.successful, false);
  assertStrictEquals(g.error, failure);
  assertEquals(await g.join(), true);
});

Deno.test("Greenlet.kill() before the start is complete at once: the body never runs, links do", async () => {
  let ran = false;
  let linked = false;
  const g = spawn(() => {
    ran = true;
  });
  g.rawlink(() => linked = true);
  const killed = g.kill();
  assert(g.dead && g.successful);
  assertInstanceOf(g.value, GreenletExit);
  await killed;
  await sleep();
  assertEquals([ran, linked], [false, true]);
});

Deno.test("Greenlet.kill() runs finally blocks, which may wait, and returns after them", async () => {
  const log: string[] = [];
  const g = spawn(async () => {
    try {
      await sleep(60_000);
    } finally {
      await sleep();
      log.push("finally");
    }
  });
  await sleep();
  assertEquals(await g.kill(), true);
  assertEquals(log, ["finally"]);
  assertInstanceOf(await g.get(), GreenletExit);
});

Deno.test("Greenlet.kill() of a greenlet whose resumption is queued arrives at its next wait", async () => {
  const log: string[] = [];
  const event = new Event();
  const g = spawn(async () => {
    await event.wait();
    log.push("resumed");
    await sleep();
    log.push("not reached");
  });
  await sleep();
  event.set();
  await g.kill();
  assertEquals(log, ["resumed"]);
});

Deno.test("Greenlet.kill() returns false when the greenlet does not end in time", async () => {
  const event = new Event();
  const g = spawn(async () => {
    try {
      await sleep(60_000);
    } catch {
      await event.wait();
    }
    return "carried on";
  });
  await sleep();
  assertEquals(await g.kill(undefined, { timeout: 1 }), false);
  event.set();
  assertEquals(await g.get(), "carried on");
});

Deno.test("Greenlet.get() throws Timeout and leaves the greenlet running", async () => {
  const event = new Event();
  const g = spawn(() => event.wait());
  await assertRejects(() => g.get({ timeout: 1 }), Timeout);
  await assertRejects(() => g.get({ timeout: 0 }), Timeout);
  event.set();
  assertEquals(await g.get(), true);
});

Deno.test("Greenlet.rawlink() callbacks and joiners fire in the order they came", async () => {
  const order: string[] = [];
  const go = new Event();
  const g = spawn(async () => {
    await go.wait();
    order.push("run");
  });
  const joiners = [0, 1].map((i) =>
    spawn(async () => {
      await g.join();
      order.push(`join${i}`);
    })
  );
  await sleep();
  g.rawlink(() => order.push("raw"));
  go.set();
  await joinAll([g, ...joiners] as Greenlet[]);
  assertEquals(order, ["run", "join0", "join1", "raw"]);
});

Deno.test("Greenlet.rawlink() callback must not wait: BlockingSwitchOutError, others still fire", async () => {
  using errors = captureErrors();
  let fired = false;
  const g = spawn(() => {});
  g.rawlink(() => void sleep(1));
  g.rawlink(() => fired = true);
  await g.join();
  await sleep();
  assertEquals(errors.seen.map((error) => (error as Error).name), ["BlockingSwitchOutError"]);
  assert(fired);
});

Deno.test("Greenlet.unlink() keeps a later link from firing", async () => {
  const g = spawn(() => {});
  const log: string[] = [];
  const second = () => log.push("second");
  g.rawlink(() => g.unlink(second));
  g.rawlink(second);
  await g.join();
  await sleep();
  assertEquals(log, []);
});

Deno.test("getCurrent() is exact after a foreign await, in a timer callback and in a then", async () => {
  const g: Greenlet<unknown[]> = spawn(async () => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    const afterForeign = getCurrent();
    const inTimer = await until(new Promise((resolve) => setTimeout(() => resolve(getCurrent()), 1)));
    const inThen = await Promise.resolve().then(() => getCurrent());
    return [afterForeign, inTimer, inThen];
  });
  const other = spawn(async () => {
    while (!g.ready) await sleep();
  });
  const seen = await g.get();
  assertEquals(seen.map((who) => who === g), [true, true, true]);
  await other.join();
  assertEquals(getCurrent(), undefined);
});

Deno.test("spawnLater() starts after its delay and can be killed before", async () => {
  const log: string[] = [];
  const late = spawnLater(2, () => log.push("late"));
  const never = spawnLater(1, () => log.push("never"));
  await never.kill();
  await late.join();
  assertEquals(log, ["late"]);
});

Deno.test("Timeout.start() throws at the current wait; cancel() withdraws", async () => {
  await spawn(async () => {
    await assertRejects(async () => {
      using _limit = Timeout.start(1);
      await sleep(60_000);
    }, Timeout);
    {
      using _limit = Timeout.start(60_000);
    }
    await sleep();
  }).get();
  assertEquals(getHub().stats().timers, 0);
});

Deno.test("spawnRaw() runs the body and reports its error", async () => {
  using errors = captureErrors();
  spawnRaw(() => {
    throw new Error("raw");
  });
  await sleep();
  assertEquals(errors.seen.length, 1);
});

Deno.test("LoopExit names the error class", () => {
  assertEquals(new LoopExit("x").name, "LoopExit");
});

Deno.test("Greenlet is shown by console.log() as its number, name and state", async () => {
  const greenlet = spawnWith({ name: "mailer" }, () => sleep(60_000));
  assertEquals(Deno.inspect({ greenlet }), `{ greenlet: Greenlet #${greenlet.id} mailer (scheduled) }`);
  await greenlet.kill();
  assertEquals(Deno.inspect(greenlet), `Greenlet #${greenlet.id} mailer (ended)`);
});
