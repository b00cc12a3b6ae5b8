import { assertEquals, assertStrictEquals } from "@std/assert";
import { getHub, type Greenlet, GreenletExit, seededRandom, sleep, spawn } from "@verdant/green";
import { callerTask, KILL, Task, Waiter, WaitList, WANTS_OUTCOME } from "../../hub/mod.ts";
import { captureErrors, turn } from "../helpers.ts";

/** A task that nobody runs. */
class BareTask extends Task {
  constructor() {
    super(getHub(), undefined);
  }
  override get label(): string {
    return "bare";
  }
  override begin(): void {}
  override ended(): void {}
}

function parkedOn(list: WaitList, task: Task): Waiter {
  const waiter = new Waiter(task, list, undefined);
  task.addWait(waiter);
  list.push(waiter);
  return waiter;
}

Deno.test("Task.removeWait() takes a wait from any place, and one that was never registered does no harm", () => {
  for (const victim of [0, 1, 2]) {
    const task = new BareTask();
    const list = new WaitList("news", {});
    const waits = [0, 1, 2].map(() => parkedOn(list, task));
    assertEquals(task.allWaits(), waits);
    task.removeWait(new Waiter(task, list, undefined));
    assertEquals(task.allWaits(), waits);
    const [removed] = waits.splice(victim, 1);
    task.removeWait(removed!);
    assertEquals(task.allWaits(), waits);
    assertStrictEquals(task.waits, waits[1]);
    for (const waiter of waits) task.removeWait(waiter);
    assertEquals(task.waits, undefined);
  }
});

Deno.test("Task.interrupt() without a wait is kept, and delivered at the next waits, one each, in order", async () => {
  const errors = [new Error("a"), new Error("b")];
  const seen: unknown[] = [];
  const greenlet = spawn(async () => {
    const self = callerTask();
    for (const error of errors) self.interrupt({ error, origin: "test", depth: 0 });
    for (let i = 0; i < 3; i++) seen.push(await sleep().catch((error) => error));
  });
  await greenlet.get();
  assertEquals(seen, [...errors, undefined]);
});

Deno.test("Task.interrupt() ends every wait that is registered, and counts as one kill", async () => {
  const list = new WaitList("news", {});
  const error = new GreenletExit();
  const greenlet: Greenlet<unknown[]> = spawn(async () => {
    const waits = [parkedOn(list, callerTask()), parkedOn(list, callerTask())];
    callerTask().hub.release(callerTask());
    return await Promise.all(waits.map(({ promise }) => promise.catch((error) => error)));
  });
  await sleep();
  greenlet.interrupt({ error, origin: KILL, depth: 0 });
  assertEquals([greenlet.waits, greenlet.pending, greenlet.kills, list.size], [undefined, undefined, 1, 0]);
  assertEquals(await greenlet.get(), [error, error]);
});

Deno.test("Task.interrupt() of an ended task does nothing", async () => {
  const greenlet = spawn(() => 1);
  await greenlet.join();
  greenlet.interrupt({ error: new Error("too late"), origin: KILL, depth: 0 });
  assertEquals([greenlet.pending, greenlet.kills, greenlet.value], [undefined, 0, 1]);
});

Deno.test("Task.withdraw() takes back what an origin sent and was not delivered, and nothing else", () => {
  const task = new BareTask();
  for (const origin of ["a", "b", "a"]) {
    task.interrupt({ error: new Error(origin), origin, depth: 0 });
  }
  task.withdraw("a");
  assertEquals(task.pending!.map(({ origin }) => origin), ["b"]);
  task.withdraw("unknown");
  assertEquals(task.pending!.length, 1);
  task.withdraw("b");
  assertEquals(task.pending, undefined);
});

Deno.test("Task.raiseShield() holds back what began before it; what began inside passes", async () => {
  const list = new WaitList("news", {});
  const task = new BareTask();
  const depth = task.raiseShield();
  const waiter = parkedOn(list, task);
  const [outside, inside] = [new Error("outside"), new Error("inside")];
  task.interrupt({ error: outside, origin: KILL, depth: 0 });
  assertEquals([waiter.waiting, task.kills], [true, 0]);
  task.interrupt({ error: inside, origin: "limit", depth });
  assertEquals([waiter.waiting, task.pending!.length], [false, 1]);
  assertStrictEquals(await waiter.promise.catch((error) => error), inside);
});

Deno.test("Task.lowerShield() delivers what was held back to a wait that goes on, the oldest first", async () => {
  const list = new WaitList("news", {});
  const task = new BareTask();
  const errors = [new Error("first"), new Error("second")];
  const outer = task.raiseShield();
  const inner = task.raiseShield();
  const waiter = parkedOn(list, task);
  for (const error of errors) task.interrupt({ error, origin: KILL, depth: 0 });
  task.lowerShield(inner);
  assertEquals(waiter.waiting, true); // one shield is left
  task.lowerShield(outer);
  assertStrictEquals(await waiter.promise.catch((error) => error), errors[0]);
  assertEquals([task.pending!.length, task.kills], [1, 1]);
});

Deno.test("Task.lowerShield() of any shield leaves up what holds back all that is older than a later one", () => {
  const random = seededRandom(1);
  const pick = (count: number) => Math.floor(random() * count);
  for (let run = 0; run < 200; run++) {
    const task = new BareTask();
    let clock = 0;
    const up: { shield: number; since: number }[] = [];
    for (let step = 0; step < 20; step++) {
      clock++;
      if (random() < 0.4) {
        up.push({ shield: task.raiseShield(), since: clock });
      } else if (random() < 0.5 && up.length > 0) {
        task.lowerShield(up.splice(pick(up.length), 1)[0]!.shield);
      } else {
        const { depth } = task;
        task.interrupt({ error: { began: clock, depth }, origin: clock, depth });
      }
      const newest = Math.max(0, ...up.map(({ since }) => since));
      const due = task.pending?.find(({ origin }) => origin as number > newest);
      const { pending } = task;
      assertEquals(pending && task.takePending(), due);
    }
    for (const { shield } of up) task.lowerShield(shield);
    assertEquals([task.depth, task.shields], [0, undefined]);
  }
});

Deno.test("Task.lowerShield() of a shield that has gone takes the newest", () => {
  const task = new BareTask();
  const outer = task.raiseShield();
  const inner = task.raiseShield();
  assertEquals([task.depth === inner, inner > outer], [true, true]);
  task.lowerShield(inner);
  assertEquals(task.depth, outer);
  task.lowerShield(inner); // it has gone by mistake: another one goes for it, none is left up for ever
  assertEquals(task.shields, undefined);
});

Deno.test("Task.takePending() takes only what is wanted", () => {
  const task = new BareTask();
  for (const origin of ["limit", "other"]) task.interrupt({ error: origin, origin, depth: 0 });
  assertEquals(task.takePending(({ origin }) => origin === "other")!.error, "other");
  assertEquals([task.takePending(() => false), task.takePending()!.error], [undefined, "limit"]);
});

Deno.test("Task that ends before it began lets nobody run, wherever it is ended", async () => {
  await turn(); // nobody has the token
  let ran = false;
  const other = spawn(() => void (ran = true));
  const victim = spawn(() => {});
  victim.fail(new GreenletExit());
  assertEquals([ran, victim.ready], [false, true]);
  await other.join();
  // Neither a greenlet that came back from a foreign promise: it has no token either.
  const foreign = Promise.withResolvers<void>();
  const log: string[] = [];
  const detached = spawn(async () => {
    await foreign.promise;
    spawn(() => log.push("began"));
    spawn(() => {}).fail(new GreenletExit());
    log.push("went on");
  });
  await turn();
  await sleep();
  foreign.resolve();
  await detached.join();
  await sleep();
  assertEquals(log, ["went on", "began"]);
});

Deno.test("Task end grants true or the outcome to those in its links, first come first served", async () => {
  using errors = captureErrors();
  for (const failure of [undefined, new Error("boom")]) {
    const greenlet = spawn(() => {
      if (failure !== undefined) throw failure;
      return "result";
    });
    const log: unknown[] = [];
    for (const value of [undefined, WANTS_OUTCOME, undefined]) {
      const waiter = new Waiter(callerTask(), greenlet.joiners, value);
      callerTask().addWait(waiter);
      greenlet.joiners.push(waiter);
      waiter.promise.then((value) => log.push(value), (error) => log.push(error));
    }
    await sleep();
    await sleep();
    assertEquals(log, [true, failure ?? "result", true]);
    assertEquals(greenlet.joiners.size, 0);
  }
  assertEquals(errors.seen.length, 1);
});

Deno.test("Task ends once, and forgets what it no longer needs", async () => {
  const greenlet = spawn(async () => {
    callerTask().interrupt({ error: new Error("never delivered"), origin: "test", depth: 0 });
    await null;
    return 5;
  });
  await greenlet.join();
  assertEquals([greenlet.pending, greenlet.locals, greenlet.waits, greenlet.outcome], [
    undefined,
    undefined,
    undefined,
    5,
  ]);
});

Deno.test("Hub.tasks() lists scheduled and running tasks, oldest first, and forgets those that end", async () => {
  const hub = getHub();
  const own = () => [...hub.tasks()].map((task) => task.label).filter((label) => label.startsWith("t"));
  const sleeper = () => sleep(60_000);
  const greenlets = ["t1", "t2", "t3"].map((name) => {
    const greenlet = spawn(sleeper);
    greenlet.name = name;
    return greenlet;
  });
  assertEquals(own(), ["t1", "t2", "t3"]);
  await greenlets[1]!.kill();
  assertEquals(own(), ["t1", "t3"]);
  await greenlets[2]!.kill();
  const last = spawn(sleeper);
  last.name = "t4";
  assertEquals(own(), ["t1", "t4"]);
  for (const greenlet of [greenlets[0]!, last]) await greenlet.kill();
  assertEquals(own(), []);
});

Deno.test("callerTask() is the root of the hub outside greenlets, and after the end of the greenlet", async () => {
  const { root } = getHub();
  assertStrictEquals(callerTask(), root);
  const seen: Task[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const greenlet = spawn(async () => {
    seen.push(callerTask());
    turn().then(() => {
      seen.push(callerTask());
      resolve();
    });
    await null;
    seen.push(callerTask());
  });
  await greenlet.join();
  await promise;
  assertStrictEquals(seen[0], greenlet);
  assertStrictEquals(seen[1], greenlet);
  assertStrictEquals(seen[2], root);
});
