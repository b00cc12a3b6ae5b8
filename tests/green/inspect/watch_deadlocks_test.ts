import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  type Deadlock,
  getHub,
  type Greenlet,
  killAll,
  Lock,
  simulate,
  sleep,
  spawn,
  watchDeadlocks,
  type WatchDeadlocksOptions,
} from "@verdant/green";

function cross(): Greenlet[] {
  const [one, two] = [new Lock(), new Lock()];
  const take = (a: Lock, b: Lock) => a.with(() => sleep().then(() => b.acquire()));
  return [spawn(take, one, two), spawn(take, two, one)];
}

const ALLOW = { allow: { permits: true } };

Deno.test("watchDeadlocks() tells of each deadlock once, as long as it lasts", async () => {
  await simulate(async () => {
    const seen: number[][] = [];
    using _watch = watchDeadlocks({ period: 100, onDeadlock: ({ greenlets }) => seen.push([...greenlets]) });
    await sleep(250);
    assertEquals(seen, []);
    const first = cross();
    await sleep(350);
    assertEquals(seen, [first.map(({ id }) => id)]);
    const second = cross();
    await sleep(350);
    assertEquals(seen, [first, second].map((pair) => pair.map(({ id }) => id)));
    await killAll([...first, ...second]);
  }, ALLOW);
});

Deno.test("watchDeadlocks() ends when it is disposed, also in the very moment of a check", async () => {
  await simulate(async () => {
    let seen = 0;
    const watch = watchDeadlocks({ period: 100, onDeadlock: () => seen++ });
    const pair = cross();
    await sleep(50);
    const timer = getHub().startTimer(50, true, () => watch[Symbol.dispose](), undefined);
    await sleep(1_000);
    assertEquals([seen, timer.active, getHub().timers.size], [0, false, 0]);
    await killAll(pair);
  }, ALLOW);
});

Deno.test("watchDeadlocks() keeps no program alive", async () => {
  const hub = getHub();
  using _watch = watchDeadlocks({ period: 10 });
  assertEquals(hub.timers.refs, 0);
  assertEquals(await hub.join({ timeout: 1_000 }), true);
});

Deno.test("watchDeadlocks() reports what its callback throws, and goes on", async () => {
  await simulate(async () => {
    const hub = getHub();
    const errors: unknown[] = [];
    hub.onError = (_context, error) => errors.push(error);
    let calls = 0;
    using _watch = watchDeadlocks({
      period: 100,
      onDeadlock() {
        throw `failure ${++calls}`;
      },
    });
    const pairs = [...cross()];
    await sleep(150);
    pairs.push(...cross());
    await sleep(150);
    assertEquals(errors, ["failure 1", "failure 2"]);
    await killAll(pairs);
  }, ALLOW);
});

Deno.test("watchDeadlocks() lets its callback break the deadlock", async () => {
  await simulate(async () => {
    const reports: string[] = [];
    const pair = cross();
    const alive = spawn(() => sleep(60_000)); // otherwise all is over, and LoopExit says so
    using _watch = watchDeadlocks({
      period: 100,
      onDeadlock({ greenlets: [victim], report }: Deadlock) {
        reports.push(report);
        pair.find(({ id }) => id === victim)!.throw("deadlock");
      },
    });
    await pair[1]!.join();
    assertEquals([pair[1]!.successful, reports.length], [true, 1]);
    assertStringIncludes(reports[0]!, "waits for Lock acquire, held by");
    await alive.kill();
  }, ALLOW);
});

Deno.test("watchDeadlocks() refuses bad options", () => {
  const bad: [WatchDeadlocksOptions, typeof RangeError | typeof TypeError, string][] = [
    [{ period: 0 }, RangeError, "Cannot watch deadlocks: period must be positive and finite, received 0"],
    [{ period: Infinity }, RangeError, "period must be positive and finite, received Infinity"],
    [{ period: -1 }, RangeError, "received -1"],
    [
      { onDeadlock: 5 as never },
      TypeError,
      "Cannot watch deadlocks: onDeadlock must be a function, received 5",
    ],
  ];
  for (const [options, type, message] of bad) assertThrows(() => watchDeadlocks(options), type, message);
  assertEquals(getHub().timers.size, 0);
});
