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
  Event,
  getCurrent,
  getHub,
  Greenlet,
  GreenletExit,
  kill,
  killAll,
  sleep,
  spawn,
  spawnLater,
  spawnRaw,
  Timeout,
} from "@verdant/green";
import { captureErrors, turn } from "../helpers.ts";

/** A greenlet that ends only when the gate opens, whoever kills it. */
function startStubborn(): { greenlet: Greenlet; gate: Event } {
  const gate = new Event();
  const greenlet = spawn(async () => {
    try {
      await sleep(60_000);
    } finally {
      await gate.wait();
    }
  });
  return { greenlet, gate };
}

Deno.test("kill() kills like the method, with reason and options", async () => {
  const greenlet = spawn(() => sleep(60_000));
  await sleep();
  const reason = new GreenletExit("own");
  assertEquals(await kill(greenlet, reason, { block: false }), false);
  assert(await greenlet.join());
  assertStrictEquals(greenlet.value as unknown, reason);
  assertEquals(await kill(greenlet), true);
});

Deno.test("kill() returns false when the greenlet does not end in time", async () => {
  const { greenlet, gate } = startStubborn();
  await sleep();
  assertEquals(await kill(greenlet, undefined, { timeout: 1 }), false);
  gate.set();
  assert(await greenlet.join());
});

Deno.test("killAll() kills in the order given, and waits for the clean-up of all", async () => {
  const log: string[] = [];
  const tidy = (name: string) =>
    spawn(async () => {
      try {
        await sleep(60_000);
      } finally {
        log.push(`${name} dies`);
        await sleep();
        log.push(`${name} ends`);
      }
    });
  const greenlets = [tidy("a"), tidy("b"), tidy("c")];
  await sleep();
  await killAll(greenlets.toReversed());
  assertEquals(log, ["c dies", "b dies", "a dies", "c ends", "b ends", "a ends"]);
});

Deno.test("killAll() ends at once those that have not begun, which never will", async () => {
  const log: string[] = [];
  const push = () => void log.push("never");
  const killer = spawn(() => {
    const greenlets = [new Greenlet(push), spawn(push), spawnLater(60_000, push)];
    void killAll(greenlets, { block: false });
    return greenlets.map((greenlet) => greenlet.dead);
  });
  assertEquals(await killer.get(), [true, true, true]);
  await sleep();
  assertEquals([log, getHub().stats().timers], [[], 0]);
});

Deno.test("killAll() outside greenlets ends those that have not begun before any of them begins", async () => {
  await turn(); // nobody has the token
  const log: string[] = [];
  await killAll([spawn(() => log.push("first")), spawn(() => log.push("second"))]);
  assertEquals(log, []);
});

Deno.test("killAll() takes any iterable, ended greenlets and the same one twice", async () => {
  const ended = spawn(() => "value");
  const alive = spawn(() => sleep(60_000));
  await ended.join();
  await killAll(new Set([ended, alive]));
  await killAll([alive, alive, ended]);
  await killAll([]);
  assertEquals([ended.value, alive.dead], ["value", true]);
});

Deno.test("killAll() gives each the reason", async () => {
  using errors = captureErrors();
  const greenlets = [spawn(() => sleep(60_000)), spawn(() => sleep(60_000))];
  await sleep();
  await killAll(greenlets, { reason: "closing" });
  for (const greenlet of greenlets) {
    assertInstanceOf(greenlet.value as unknown, GreenletExit);
    assert(String(greenlet.value).endsWith(": closing"));
  }
  const failure = new RangeError("failure");
  const failing = spawn(() => sleep(60_000));
  await sleep();
  await killAll([failing], { reason: failure });
  assertEquals([failing.error, errors.seen], [failure, [failure]]);
});

Deno.test("killAll() throws Timeout if some do not end in time", async () => {
  const limit = new Timeout(1);
  for (const timeout of [1, limit]) {
    const { greenlet, gate } = startStubborn();
    await sleep();
    const error = await assertRejects(
      () => killAll([greenlet], { timeout }),
      Timeout,
      "Timed out after 1 ms",
    );
    assertEquals([error === limit, greenlet.dead], [timeout === limit, false]);
    gate.set();
    assert(await greenlet.join());
  }
  assertEquals(getHub().stats().timers, 0);
});

Deno.test("killAll() of unstarted greenlets is done in no time", async () => {
  const greenlets = [spawn(() => 1), spawnLater(60_000, () => 1)];
  assertEquals(await killAll(greenlets, { timeout: 0 }), undefined);
});

Deno.test("killAll() does not wait with block: false", async () => {
  const { greenlet, gate } = startStubborn();
  await sleep();
  assertEquals(await killAll([greenlet], { block: false }), undefined);
  assertEquals(greenlet.dead, false);
  gate.set();
  assert(await greenlet.join());
});

Deno.test("killAll() that is itself killed leaves the victims dying", async () => {
  const { greenlet, gate } = startStubborn();
  const killer = spawn(() => killAll([greenlet]));
  await sleep();
  await sleep();
  await killer.kill();
  assertEquals([killer.dead, greenlet.dead], [true, false]);
  gate.set();
  assert(await greenlet.join());
});

Deno.test("killAll() of a list with the caller throws the kill into the caller", async () => {
  const other = spawn(() => sleep(60_000));
  const caller: Greenlet<string> = spawn(async () => {
    await assertRejects(() => killAll([other, getCurrent()!]), GreenletExit);
    return "caught";
  });
  assertEquals(await caller.get(), "caught");
  assert(await other.join());
});

Deno.test("killAll() throws at the call for bad input, and kills nobody", async () => {
  const greenlet = spawn(() => "alive");
  assertThrows(() => void killAll([greenlet], { timeout: -1 }), RangeError, "received -1");
  assertThrows(() => void killAll([greenlet], { timeout: "soon" as never }), TypeError, "received soon");
  assertThrows(() => void killAll([greenlet], { reason: 42 as never }), TypeError, "received 42");
  assertEquals(await greenlet.get(), "alive");
});

Deno.test("killAll() throws at the call in a callback of the hub unless block is false", async () => {
  const greenlets = [spawn(() => sleep(60_000)), spawn(() => sleep(60_000))];
  const log: string[] = [];
  await sleep();
  getHub().runCallback(() => {
    log.push(assertThrows(() => void killAll(greenlets), BlockingSwitchOutError).name);
    void killAll(greenlets, { block: false });
  });
  spawnRaw(() => void log.push(greenlets.some((greenlet) => greenlet.dead) ? "dead" : "alive"));
  await sleep();
  assertEquals(log, ["BlockingSwitchOutError", "alive"]);
  for (const greenlet of greenlets) assert(await greenlet.join());
});
