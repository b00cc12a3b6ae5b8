import { assert, assertEquals } from "@std/assert";
import {
  Event,
  findDeadlocks,
  getCurrent,
  getHub,
  type Greenlet,
  type GreenletSnapshot,
  Hub,
  killAll,
  Lock,
  named,
  shield,
  simulate,
  sleep,
  type Snapshot,
  snapshot,
  spawn,
  spawnLater,
  spawnWith,
  until,
} from "@verdant/green";
import { runAs } from "../../../hub/context.ts";
import {
  callerTask,
  EXPIRE_FALSE,
  formatSnapshot,
  type Inspectable,
  planWait,
  suspend,
  WaitList,
} from "../../../hub/mod.ts";
import { turn } from "../../helpers.ts";

function of(greenlet: Greenlet, picture: Snapshot = snapshot()): GreenletSnapshot {
  return picture.greenlets.find(({ id }) => id === greenlet.id)!;
}

Deno.test("snapshot() tells running, queued, waiting and delayed greenlets apart", async () => {
  await simulate(async () => {
    const waiting = spawn(() => sleep(1_000));
    await sleep();
    const queued = spawn(() => {});
    const delayed = spawnLater(500, () => {});
    const picture = snapshot();
    const states = [getCurrent()!, waiting, queued, delayed].map((greenlet) => of(greenlet, picture).state);
    assertEquals(states, ["running", "waiting", "queued", "delayed"]);
    assertEquals(of(delayed, picture).startsIn, 500);
    await delayed.join();
    await waiting.join();
  });
});

Deno.test("snapshot() tells who awaits something foreign, before and after the hub takes the token back", async () => {
  const foreign = Promise.withResolvers<void>();
  const abroad = spawnWith({ name: "abroad" }, () => foreign.promise);
  await sleep();
  assertEquals(of(abroad).state, "detached");
  for (let i = 0; i < 3; i++) await turn();
  await sleep();
  const { state, waits } = of(abroad);
  assertEquals([state, waits.map(({ what, description }) => [what, description])], [
    "detached",
    [["await", "a promise that is not the library's own"]],
  ]);
  const seen = Promise.withResolvers<string>();
  void foreign.promise.then(() => {}); // before the greenlet's own continuation
  const back = spawn(async () => {
    await foreign.promise;
    seen.resolve(of(getCurrent() as Greenlet).state);
  });
  await sleep();
  foreign.resolve();
  assertEquals(await seen.promise, "running");
  await back.join();
  await abroad.join();
});

Deno.test("snapshot() says for how long each wait has lasted, to within a tick", async () => {
  await simulate(async () => {
    const event = new Event();
    const early = spawn(() => event.wait());
    await sleep(10_000);
    const late = spawn(() => event.wait({ timeout: 5_000 }));
    await sleep(2_000);
    const [first, second] = [of(early).waits[0]!, of(late).waits[0]!];
    assert(Math.abs(first.since! - 12_000) <= 32, `${first.since}`);
    assert(Math.abs(second.since! - 2_000) <= 32, `${second.since}`);
    assertEquals([first.timeLeft, second.timeLeft], [undefined, 3_000]);
    event.set();
    await early.join();
    await late.join();
  });
});

Deno.test("snapshot() does not call a wait old that began after a long idle time", async () => {
  const event = new Event();
  const sleeper = spawn(() => event.wait());
  const woken = spawn(async () => {
    await until(new Promise((resolve) => setTimeout(resolve, 120))); // meanwhile, nothing moves the hub's clock
    const late = spawn(() => event.wait());
    await sleep();
    const picture = snapshot();
    event.set();
    return [of(sleeper, picture), of(late, picture)].map(({ waits }) => waits[0]!.since!);
  });
  const [old, young] = await woken.get();
  assert(old! >= 100, `${old}`);
  assert(young! <= 64, `${young}`);
  await sleeper.join();
});

Deno.test("snapshot() names who stands in the way, the cycle, and who is behind it", async () => {
  await simulate(async () => {
    const [one, two] = [new Lock(), named(new Lock(), "two")];
    const take = (a: Lock, b: Lock) => a.with(() => sleep().then(() => b.acquire()));
    const left = spawn(take, one, two);
    const right = spawn(take, two, one);
    const behind = spawn(() => left.join());
    const free = spawn(() => sleep(1));
    for (let i = 0; i < 3; i++) await sleep();
    const picture = snapshot();
    assertEquals(picture.cycles, [[left.id, right.id]]);
    assertEquals([left, right, behind, free].map((greenlet) => of(greenlet, picture).stuck), [
      true,
      true,
      true,
      false,
    ]);
    const [wait] = of(left, picture).waits;
    assertEquals([wait!.on, wait!.what, wait!.blockers], ["Lock(two)", "acquire", [right.id]]);
    assertEquals(of(behind, picture).waits[0]!.blockers, [left.id]);
    await killAll([left, right, behind, free]);
  }, { allow: { permits: true } });
});

Deno.test("snapshot() counts kills that were delivered, and sees those that are held back", async () => {
  await simulate(async () => {
    const stubborn = spawn(async () => {
      await sleep(100).catch(() => {});
      await sleep(100);
    });
    const shielded = spawn(() => shield(() => sleep(100)));
    await sleep();
    stubborn.throw("one");
    shielded.throw("two");
    await sleep();
    assertEquals([of(stubborn).kills, of(stubborn).killPending], [1, false]);
    assertEquals([of(shielded).kills, of(shielded).killPending], [0, true]);
    await stubborn.join();
    await shielded.join();
  });
});

Deno.test("snapshot() knows spawners while they live, and shows the main flow only if it waits", async () => {
  const parent = spawn(() => spawn(() => sleep(60_000)));
  const child = await parent.get();
  assertEquals(of(child).spawner, undefined);
  assertEquals(snapshot().greenlets.map(({ id }) => id), [child.id]);
  const joining = child.join();
  const { greenlets: [first] } = snapshot();
  assertEquals([first!.id, first!.state, first!.waits[0]!.blockers], [0, "waiting", [child.id]]);
  await child.kill();
  await joining;
});

Deno.test("snapshot() is plain data that JSON can carry, and makes the same text elsewhere", async () => {
  await simulate(async () => {
    const g = spawnWith({ name: "worker" }, () => sleep(1_000));
    await sleep(2);
    const picture = snapshot();
    const copy = JSON.parse(JSON.stringify(picture)) as Snapshot;
    assertEquals(formatSnapshot(copy, {}), formatSnapshot(picture, {}));
    await g.kill();
  });
});

Deno.test("snapshot() can be taken in a callback of the hub", async () => {
  const seen = Promise.withResolvers<Snapshot>();
  getHub().runCallback(() => seen.resolve(snapshot()));
  assertEquals((await seen.promise).greenlets, []);
});

Deno.test("snapshot() calls a greenlet detached that has the token while other code asks", async () => {
  const gate = Promise.withResolvers<void>();
  const g = spawn(() => gate.promise);
  await sleep();
  let state: string | undefined;
  runAs(getHub().root, () => state = of(g).state, undefined);
  assertEquals(state, "detached");
  gate.resolve();
  await g.join();
});

Deno.test("snapshot() calls those stuck who wait for a lock whose holder has ended", async () => {
  await simulate(async () => {
    const lock = new Lock();
    await spawn(() => lock.acquire()).join();
    const victim = spawn(() => lock.acquire());
    const behind = spawn(() => victim.join());
    await sleep();
    const picture = snapshot();
    assertEquals([victim, behind].map((greenlet) => of(greenlet, picture).stuck), [true, true]);
    await killAll([victim, behind]);
  }, { allow: { permits: true } });
});

Deno.test("snapshot() calls a greenlet running that has another wait under way", async () => {
  const event = new Event();
  const g = spawn(async () => {
    const waiting = event.wait();
    await sleep();
    const { state, waits } = of(getCurrent() as Greenlet);
    event.set();
    await waiting;
    return [state, waits.length];
  });
  assertEquals(await g.get(), ["running", 1]);
});

Deno.test("snapshot() says for how long a greenlet has awaited something foreign", async () => {
  let now = 1_000_000;
  const hub = new Hub({ clock: { now: () => now, arm() {}, disarm() {} } });
  const gate = Promise.withResolvers<void>();
  runAs(hub.root, () => {
    spawnWith({ name: "abroad" }, () => gate.promise);
    hub.runCallback(() => {}); // the hub takes a turn
    spawn(() => {});
  }, undefined);
  for (let i = 0; i < 4; i++) await turn();
  now += 5_000;
  const [abroad] = snapshot(hub).greenlets;
  assertEquals(abroad!.state, "detached");
  assert(Math.abs(abroad!.waits[0]!.since! - 5_000) <= 32, `${abroad!.waits[0]!.since}`);
  gate.resolve();
  for (let i = 0; i < 2; i++) await turn();
});

Deno.test("snapshot() does not call a wait old that a lone greenlet began after a foreign await", async () => {
  const later = () => new Promise((resolve) => setTimeout(resolve, 120));
  const event = new Event();
  const lone = spawn(async () => {
    await later();
    await event.wait();
  });
  await sleep();
  await later();
  while (lone.waits === undefined) await turn();
  const own = event.wait();
  const [main, greenlet] = snapshot().greenlets.map(({ waits }) => waits[0]!.since!);
  assert(main! <= 64 && greenlet! <= 64, `${main} ${greenlet}`);
  event.set();
  await own;
  await lone.join();
});

Deno.test("snapshot() and findDeadlocks() ask an owner once, however many wait on it", async () => {
  const hub = new Hub();
  let asked = 0;
  const owner: Inspectable = {
    inspectWait() {
      asked++;
      return { blockers: [hub.root] };
    },
  };
  const list = new WaitList("turn", owner);
  const wait = () => suspend(callerTask(), list, undefined, planWait(undefined, "wait"), EXPIRE_FALSE);
  for (let i = 0; i < 100; i++) runAs(hub.root, () => void spawn(wait), undefined);
  for (let i = 0; i < 5; i++) await turn();
  assertEquals([list.size, findDeadlocks(hub), asked], [100, [], 1]);
  const { greenlets } = snapshot(hub);
  assertEquals(asked, 3); // once for who is stuck, and once for what is said
  assertEquals(greenlets.map(({ waits }) => waits[0]!.blockers), greenlets.map(() => [0]));
  list.wakeAll(true);
  for (let i = 0; i < 5; i++) await turn();
});
