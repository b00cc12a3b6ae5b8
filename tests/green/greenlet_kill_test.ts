import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import {
  Event,
  getCurrent,
  getHub,
  Greenlet,
  GreenletExit,
  Queue,
  sleep,
  spawn,
  spawnLater,
  spawnWith,
} from "@verdant/green";
import { captureErrors } from "../helpers.ts";

Deno.test("Greenlet.kill() names the victim, what it waited for and the killer", async () => {
  const victim = spawnWith({ name: "victim" }, () => new Queue<number>().get());
  const killer = spawnWith({ name: "killer" }, () => victim.kill());
  await killer.join();
  const { message } = victim.value as unknown as GreenletExit;
  assertStringIncludes(message, "victim was killed by");
  assertStringIncludes(message, "killer");
  const parked = spawnWith({ name: "parked" }, () => new Queue<number>().get());
  await sleep();
  await parked.kill();
  assertStringIncludes(String(parked.value), "while it waited for Queue get");
});

Deno.test("Greenlet.kill() with a reason throws it: message, error or class", async () => {
  using errors = captureErrors();
  const run = async (reason: string | Error | (new () => Error)) => {
    const victim = spawn(() => sleep(60_000));
    await sleep();
    await victim.kill(reason);
    return victim;
  };
  const told = await run("going home");
  assertStringIncludes(String(told.value), "going home");
  const own = new GreenletExit("own");
  assertStrictEquals((await run(own)).value as unknown, own);
  const failure = new RangeError("failure");
  const failed = await run(failure);
  assertStrictEquals(failed.error, failure);
  assert(!failed.successful);
  assertInstanceOf((await run(TypeError)).error, TypeError);
  assertEquals(errors.seen.length, 2);
});

Deno.test("Greenlet.kill() that is caught is delivered once, and shown as ignored", async () => {
  const log: string[] = [];
  const gate = new Event();
  const stubborn = spawn(async () => {
    for (let i = 0; i < 2; i++) {
      try {
        await gate.wait();
        log.push("gate");
      } catch (error) {
        assertInstanceOf(error, GreenletExit);
        log.push("caught");
      }
    }
    return "my own end";
  });
  await sleep();
  assertEquals(await stubborn.kill(undefined, { timeout: 1 }), false);
  assertStringIncludes(String(stubborn), "kill ignored so far");
  gate.set();
  assertEquals(await stubborn.get(), "my own end");
  assertEquals(log, ["caught", "gate"]);
});

Deno.test("Greenlet.kill() of a delayed greenlet ends it at once and drops its timer", async () => {
  const delayed = spawnLater(60_000, () => "never");
  const linked: unknown[] = [];
  delayed.rawlink((greenlet) => linked.push(greenlet === delayed));
  assert(await delayed.kill());
  await sleep();
  assertEquals([delayed.dead, linked, getHub().stats().timers], [true, [true], 0]);
});

Deno.test("Greenlet.kill() of itself arrives at its next wait", async () => {
  const log: string[] = [];
  const suicidal = spawn(async () => {
    void getCurrent()!.kill(undefined, { block: false });
    log.push("still running");
    await sleep();
    log.push("never");
  });
  await suicidal.join();
  assertEquals([log, suicidal.successful], [["still running"], true]);
});

Deno.test("Greenlet.kill() rejects all waits that it has at the same time", async () => {
  const queues = [new Queue<number>(), new Queue<number>()];
  const victim = spawn(async () => {
    const outcomes = await Promise.allSettled(queues.map((queue) => queue.get()));
    return outcomes.map((outcome) => outcome.status);
  });
  await sleep();
  await victim.kill(undefined, { block: false });
  assertEquals(await victim.get(), ["rejected", "rejected"]);
  assertEquals(queues.map((queue) => queue.getters.size), [0, 0]);
});

Deno.test("Greenlet.throw() throws an error into it; nothing happens to an ended one", async () => {
  using errors = captureErrors();
  const failure = new RangeError("thrown in");
  const greenlet = spawn(() => sleep(60_000));
  await sleep();
  greenlet.throw(failure);
  await greenlet.join();
  assertStrictEquals(greenlet.error, failure);
  greenlet.throw(new Error("too late"));
  assert(await greenlet.kill());
  assertEquals([greenlet.error === failure, errors.seen.length], [true, 1]);
});

Deno.test("Greenlet.signal aborts at the kill with its reason, and at the end", async () => {
  const killed = spawn(async () => {
    const { signal } = getCurrent()!;
    await sleep(60_000).catch(() => {});
    return signal.aborted && signal.reason instanceof GreenletExit;
  });
  await sleep();
  await killed.kill(undefined, { block: false });
  assertEquals(await killed.get(), true);
  const finished = spawn(() => 1);
  const { signal } = finished;
  assert(!signal.aborted);
  await finished.join();
  assert(signal.aborted && finished.signal.aborted);
});

Deno.test("Greenlet is killed and waited for at the end of an await using block", async () => {
  const log: string[] = [];
  {
    await using _worker = spawn(async () => {
      try {
        await sleep(60_000);
      } finally {
        await sleep();
        log.push("cleaned up");
      }
    });
    await sleep();
    log.push("end of block");
  }
  assertEquals(log, ["end of block", "cleaned up"]);
});

Deno.test("Greenlet subclasses override run()", async () => {
  class Doubler extends Greenlet<number> {
    constructor(readonly n: number) {
      super();
    }
    protected override async run(): Promise<number> {
      await sleep();
      return this.n * 2;
    }
  }
  const doubler = new Doubler(21);
  doubler.start();
  doubler.start();
  assertEquals([await doubler.get(), doubler.label], [42, `Doubler-${doubler.id}`]);
});

Deno.test("Greenlet.spawner is who spawned it, until that one ends; spawnStack is recorded with hub.debug", async () => {
  const hub = getHub();
  const { debug } = hub;
  hub.debug = true;
  try {
    const parent = spawn(async function parent() {
      const child = spawn(() => sleep(60_000));
      const known = child.spawner === getCurrent();
      await sleep();
      return { child, known };
    });
    const { child, known } = await parent.get();
    assertEquals([known, child.spawner, parent.spawner], [true, undefined, undefined]);
    assertStringIncludes(child.spawnStack!, "greenlet_kill_test.ts");
    await child.kill();
  } finally {
    hub.debug = debug;
  }
});

Deno.test("Greenlet.kill() says in its error where the victim waited, with hub.debug", async () => {
  const hub = getHub();
  const { debug } = hub;
  hub.debug = true;
  try {
    const victim = spawn(async function innocent() {
      await new Queue<number>().get();
    });
    await sleep();
    await victim.kill();
    const { stack } = victim.value as unknown as GreenletExit;
    assertStringIncludes(stack!, "while the victim waited\n    at");
    assertStringIncludes(stack!.split("while the victim waited")[1]!, "innocent");
  } finally {
    hub.debug = debug;
  }
});
