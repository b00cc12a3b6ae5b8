/** Every waiting call, one table: how it takes its limits, and how it tells that the time is over. */
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  Barrier,
  BlockingSwitchOutError,
  BrokenBarrierError,
  Condition,
  getCurrent,
  getHub,
  sleep,
  spawn,
  Timeout,
  type WaitOptions,
} from "@verdant/green";
import { type Case, cases, type Expected } from "./waiting_calls.ts";

async function expectTimeout(expected: Expected, outcome: Promise<unknown>): Promise<void> {
  if ("returns" in expected) assertEquals(await outcome, expected.returns);
  else await assertRejects(() => outcome, expected.throws);
}

function contract(name: string, what: string, check: (entry: Case) => unknown): void {
  Deno.test(`${name} ${what}`, async () => {
    const entry = await cases[name]!();
    const before = entry.state();
    try {
      await check(entry);
      assertEquals(entry.state(), before);
    } finally {
      await entry.release?.();
    }
  });
}

for (const name of Object.keys(cases)) {
  contract(name, "tells a time-out the way of its kind", async ({ call, expected }) => {
    await expectTimeout(expected, call({ timeout: 1 }));
    await expectTimeout(expected, call({ timeout: Temporal.Duration.from({ milliseconds: 1 }) }));
  });

  contract(name, "does not wait with timeout: 0", async ({ call, expected }) => {
    if (name === "Condition.wait()") return; // lets go of its lock even then, and must get it back
    let othersRan = false;
    const outcome = call({ timeout: 0 });
    outcome.catch(() => {});
    getHub().runCallback(() => othersRan = true);
    await expectTimeout(expected, outcome);
    assertEquals(othersRan, false);
    await sleep();
  });

  contract(name, "throws RangeError or TypeError for a bad time-out at the call", ({ call }) => {
    for (const bad of [-1, NaN]) assertThrows(() => void call({ timeout: bad }), RangeError, String(bad));
    assertThrows(() => void call({ timeout: "soon" as unknown as number }), TypeError, "soon");
  });

  contract(name, "takes a Timeout as its limit, pending or not", async ({ call, expected }) => {
    for (const make of [() => new Timeout(1), () => Timeout.start(1)]) {
      const limit = make();
      const outcome = call({ timeout: limit });
      if ("returns" in expected) assertEquals(await outcome, expected.returns);
      else assertStrictEquals(await outcome.catch((error) => error), limit);
    }
  });

  contract(name, "passes a foreign Timeout on", async ({ call }) => {
    const foreign = Timeout.start(1);
    const caught = await call({ timeout: 60_000 }).catch((error) => error);
    assertStrictEquals(caught, foreign);
  });

  contract(name, "ends with the reason of its signal", async ({ call }) => {
    const controller = new AbortController();
    const waiting = call({ signal: controller.signal }).catch((reason) => reason);
    controller.abort("later");
    assertEquals(await waiting, "later");
    assertEquals(await call({ signal: AbortSignal.abort("before") }).catch((reason) => reason), "before");
  });

  contract(name, "throws the error of a Timeout that brings one", async ({ call, expected }) => {
    const error = new RangeError("instead of the Timeout");
    const outcome = call({ timeout: new Timeout(1, { error }) });
    if ("returns" in expected) assertEquals(await outcome, expected.returns);
    else assertStrictEquals(await outcome.catch((caught) => caught), error);
  });

  contract(name, "leaves no listener on its signal", async ({ call, expected }) => {
    const { signal } = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners++;
      addEventListener.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners--;
      removeEventListener.apply(signal, args);
    };
    await expectTimeout(expected, call({ timeout: 1, signal }));
    await sleep();
    assertEquals(listeners, 0);
  });

  contract(name, "throws an interruption that came before it, without waiting", async ({ call }) => {
    if (name.startsWith("Condition.wait")) return; // belongs to the holder of its lock
    const error = new RangeError("came before");
    const victim = spawn(async () => {
      getCurrent()!.throw(error);
      return await call({}).catch((caught) => caught);
    });
    assertStrictEquals(await victim.get(), error);
  });

  contract(name, "throws BlockingSwitchOutError in a callback of the hub", async ({ call }) => {
    const seen: unknown[] = [];
    getHub().runCallback(() => {
      try {
        void call({ timeout: 1 });
      } catch (error) {
        seen.push(error);
      }
    });
    await sleep();
    assert(seen[0] instanceof BlockingSwitchOutError, String(seen[0]));
  });

  contract(name, "that nobody awaits is safe to kill", async ({ call }) => {
    if (name.startsWith("Condition")) return; // belongs to the holder of its lock
    const careless = spawn(async () => {
      call({}).then(() => {}, () => {}); // one that is looked at
      void call({}); // and one that is not: it must not become an unhandled rejection
      await sleep(60_000);
    });
    await sleep();
    await careless.kill();
    await sleep();
  });
}

Deno.test("Condition.wait() with timeout: 0 returns false, lets others at its lock, and has it again", async () => {
  const condition = new Condition();
  const log: string[] = [];
  await condition.acquire();
  const other = spawn(() => condition.with(() => void log.push("other")));
  await sleep();
  assertEquals(await condition.wait({ timeout: 0 }), false);
  log.push("again");
  assert(condition.lock.owned);
  condition.release();
  await other.join();
  assertEquals(log, ["other", "again"]);
});

Deno.test("Barrier.wait() that times out breaks the barrier for all, whatever its limit", async () => {
  const limits: (() => WaitOptions["timeout"])[] = [
    () => 1,
    () => 0,
    () => Temporal.Duration.from({ milliseconds: 1 }),
    () => new Timeout(1),
    () => Timeout.start(1),
  ];
  for (const limit of limits) {
    const barrier = new Barrier(3);
    const other = spawn(() => barrier.wait().catch((error) => error));
    await sleep();
    await assertRejects(() => barrier.wait({ timeout: limit() }), BrokenBarrierError, "Timed out");
    assert(barrier.broken && await other.get() instanceof BrokenBarrierError);
    await assertRejects(() => barrier.wait(), BrokenBarrierError);
  }
});

Deno.test("Barrier.wait() passes a foreign Timeout and the reason of its signal on, and is broken", async () => {
  const barrier = new Barrier(2);
  const foreign = Timeout.start(1);
  assertStrictEquals(await barrier.wait({ timeout: 60_000 }).catch((error) => error), foreign);
  assert(barrier.broken);
  barrier.reset();
  const controller = new AbortController();
  const waiting = barrier.wait({ signal: controller.signal }).catch((reason) => reason);
  controller.abort("later");
  assertEquals([await waiting, barrier.broken], ["later", true]);
  barrier.reset();
  const refused = barrier.wait({ signal: AbortSignal.abort("before") }).catch((reason) => reason);
  assertEquals([await refused, barrier.broken], ["before", false]); // it never stood at the barrier
});

Deno.test("Barrier.wait() throws RangeError or TypeError for a bad time-out at the call", () => {
  const barrier = new Barrier(2);
  for (const bad of [-1, NaN]) {
    assertThrows(() => void barrier.wait({ timeout: bad }), RangeError, String(bad));
  }
  assertThrows(() => void barrier.wait({ timeout: "soon" as unknown as number }), TypeError, "soon");
  assertEquals([barrier.waiting, barrier.broken], [0, false]);
});
