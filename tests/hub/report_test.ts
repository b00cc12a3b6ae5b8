import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import {
  Event,
  getHub,
  type Greenlet,
  Hub,
  Lock,
  LoopExit,
  Queue,
  RLock,
  sleep,
  spawn,
  spawnWith,
  until,
} from "@verdant/green";
import { runAs } from "../../hub/context.ts";
import { describeWait, hubReport, type Waiter } from "../../hub/mod.ts";
import { turn } from "../helpers.ts";

/** Calls `fn` as code outside the greenlets of a hub. */
function runIn<T>(hub: Hub, fn: () => T): T {
  let result: T;
  runAs(hub.root, () => result = fn(), undefined);
  return result!;
}

/** Starts `fn` outside the greenlets of a hub of its own, and lets everybody park. */
async function deadlock(fn: () => Promise<unknown>): Promise<{ hub: Hub; outcome: Promise<unknown> }> {
  const hub = new Hub();
  let outcome: Promise<unknown>;
  runAs(hub.root, () => outcome = fn().then((value) => value, (error) => error), undefined);
  for (let i = 0; i < 5; i++) await turn();
  assertEquals(hub.stats().runnable, 0);
  return { hub, outcome: outcome! };
}

Deno.test("Hub.breakDeadlock() ends the main flow with a LoopExit that says who waits for what", async () => {
  const { hub, outcome } = await deadlock(async () => {
    spawnWith({ name: "listener" }, () => new Event().wait());
    spawnWith({ name: "consumer" }, () => new Queue<number>().get());
    await new Queue<number>(1, [1]).put(2);
  });
  assertEquals(hub.breakDeadlock(), true);
  const error = await outcome;
  assert(error instanceof LoopExit);
  assertEquals(error.message.split("\n"), [
    "All greenlets are blocked and nothing can wake them",
    "  (main flow) waits for Queue put",
    "  #1 listener waits for Event wait",
    "  #2 consumer waits for Queue get",
  ]);
});

Deno.test("Hub.breakDeadlock() names holders, and the cycle of two locks", async () => {
  const { hub, outcome } = await deadlock(async () => {
    const [one, other] = [new Lock(), new RLock()];
    const left = spawnWith({ name: "left" }, () => one.with(() => sleep().then(() => other.acquire())));
    const right = spawnWith({ name: "right" }, () => other.with(() => sleep().then(() => one.acquire())));
    await left.join();
    await right.join();
  });
  assertEquals(hub.breakDeadlock(), true);
  const { message } = await outcome as LoopExit;
  assertEquals(message.split("\n"), [
    "All greenlets are blocked and nothing can wake them",
    "  cycle: #1 left -> #2 right -> #1 left",
    "  (main flow) waits for the end of #1 left",
    "  #1 left waits for RLock acquire held by #2 right",
    "  #2 right waits for Lock acquire held by #1 left",
  ]);
});

Deno.test("Hub.breakDeadlock() sees the cycle of greenlets that join each other", async () => {
  const { hub, outcome } = await deadlock(async () => {
    const first = spawnWith({ name: "first" }, async () => {
      await sleep();
      await second.join();
    });
    const second = spawnWith({ name: "second" }, (): Promise<boolean> => first.join());
    await second.join();
  });
  hub.breakDeadlock();
  const { message } = await outcome as LoopExit;
  assertMatch(message, /cycle: (#1 first -> #2 second -> #1 first|#2 second -> #1 first -> #2 second)/);
  assertStringIncludes(message, "#1 first waits for the end of #2 second");
});

Deno.test("Hub.breakDeadlock() leaves a main greenlet alone that has ended with a wait left behind", async () => {
  const main: Greenlet[] = [];
  const { hub } = await deadlock(async () => {
    getHub().mainTask = main[0] = spawn(() => void new Event().wait());
    await main[0].join();
  });
  assertEquals([main[0]!.ready, main[0]!.waits !== undefined], [true, true]);
  assertEquals(hub.breakDeadlock(), false);
});

Deno.test("Hub.breakDeadlock() does nothing when nobody outside greenlets waits, or somebody can run", async () => {
  assertEquals(new Hub().breakDeadlock(), false);
  const event = new Event();
  const { hub, outcome } = await deadlock(() => event.wait());
  hub.runCallback(() => event.set());
  assertEquals([hub.breakDeadlock(), hub.root.pending], [false, undefined]);
  assertEquals(await outcome, true);
});

Deno.test("Hub.breakDeadlock() ends the main greenlet, and no other", async () => {
  const hub = new Hub();
  const log: string[] = [];
  const wait = async (name: string) => {
    try {
      await new Event().wait();
    } catch (error) {
      log.push(`${name} ${(error as Error).name}`);
    }
  };
  const other = runIn(hub, () => spawnWith({ name: "other" }, wait, "other"));
  hub.mainTask = runIn(hub, () => spawnWith({ name: "main" }, wait, "main"));
  for (let i = 0; i < 3; i++) await turn();
  assertEquals(hub.breakDeadlock(), true);
  for (let i = 0; i < 3; i++) await turn();
  assertEquals([log, other.dead, hub.breakDeadlock()], [["main LoopExit"], false, false]);
});

Deno.test("hubReport() lists several waits of one greenlet, kills that were ignored, and foreign awaits", async () => {
  const hub = new Hub();
  const foreign = Promise.withResolvers<void>();
  const stubborn = runIn(hub, () =>
    spawnWith({ name: "stubborn" }, async () => {
      await sleep(60_000).catch(() => {});
      await Promise.all([new Queue<number>().get(), new Event().wait()]);
    }));
  runIn(hub, () => spawnWith({ name: "abroad" }, () => foreign.promise));
  runIn(hub, () => spawnWith({ name: "polite" }, () => until(foreign.promise, { what: "the tide" })));
  for (let i = 0; i < 3; i++) await turn();
  runIn(hub, () => stubborn.kill(undefined, { block: false }));
  for (let i = 0; i < 3; i++) await turn();
  assertEquals(hubReport(hub, "Right now").split("\n"), [
    "Right now",
    "  #1 stubborn waits for Queue get and for Event wait (kill ignored so far)",
    "  #2 abroad waits for a promise that is not the library's own",
    "  #3 polite waits for the tide",
  ]);
  foreign.resolve();
  await turn();
});

Deno.test("hubReport() lists fifty greenlets and counts the rest", async () => {
  const hub = new Hub();
  for (let i = 0; i < 53; i++) runIn(hub, () => spawn(() => new Event().wait()));
  for (let i = 0; i < 3; i++) await turn();
  const lines = hubReport(hub, "Many").split("\n");
  assertEquals([lines.length, lines.at(-1)], [52, "  and 3 more"]);
});

Deno.test("describeWait() names the object, the action and the holder", async () => {
  const hub = new Hub();
  const lock = runIn(hub, () => new Lock());
  const holder = runIn(hub, () => spawnWith({ name: "holder" }, () => lock.with(() => new Event().wait())));
  const next = runIn(hub, () => spawnWith({ name: "next" }, () => lock.acquire()));
  const joiner = runIn(hub, () => spawnWith({ name: "joiner" }, () => holder.join()));
  for (let i = 0; i < 3; i++) await turn();
  const texts = [holder, next, joiner].map((greenlet) => describeWait(greenlet.waits as Waiter));
  assertEquals(texts, ["Event wait", "Lock acquire held by #1 holder", "the end of #1 holder"]);
});
