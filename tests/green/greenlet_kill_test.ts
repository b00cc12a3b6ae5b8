import { assert, assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import {
  Event,
  getCurrent,
  getHub,
  Greenlet,
  GreenletExit,
  Queue,
  shield,
  sleep,
  spawn,
  spawnLater,
} from "@verdant/green";
import { captureErrors, turn } from "../helpers.ts";
import { loopUntilTurn } from "./fair.ts";

Deno.test("Greenlet.kill() before the start is complete at once: the body never runs, links do", async () => {
  const log: string[] = [];
  const body = () => log.push("never");
  for (const make of [() => new Greenlet(body), () => spawn(body)]) {
    const greenlet = make();
    greenlet.rawlink(() => log.push("raw"));
    greenlet.link(() => log.push("link"));
    const killing = greenlet.kill();
    assertEquals([greenlet.dead, greenlet.successful], [true, true]);
    assertEquals(await killing, true);
    await sleep();
    await sleep();
    assertEquals(log.splice(0), ["raw", "link"]);
  }
});

Deno.test("Greenlet.kill() before the start with an error is a failure, which is reported", async () => {
  using errors = captureErrors();
  const failure = new RangeError("never mind");
  const greenlet = spawnLater(60_000, () => "never");
  const waiting = greenlet.get().catch((error) => error);
  await greenlet.kill(failure);
  assertEquals([greenlet.error, greenlet.failed, await waiting], [failure, true, failure]);
  assertEquals(errors.seen, [failure]);
});

Deno.test("Greenlet.kill() of a delayed greenlet ends it at once and drops its timer", async () => {
  const delayed = spawnLater(60_000, () => "never");
  const linked: unknown[] = [];
  delayed.rawlink((greenlet) => linked.push(greenlet === delayed));
  const killing = delayed.kill();
  assertEquals([delayed.dead, getHub().stats().timers], [true, 0]);
  assertEquals(await killing, true);
  await sleep();
  assertEquals(linked, [true]);
});

Deno.test("Greenlet.kill() runs finally blocks and disposals, innermost first, and returns after them", async () => {
  const log: string[] = [];
  const resource = (name: string) => ({
    async [Symbol.asyncDispose]() {
      await sleep();
      log.push(name);
    },
  });
  const greenlet = spawn(async () => {
    try {
      await using _outer = resource("outer");
      await using _inner = resource("inner");
      await sleep(60_000);
      log.push("never");
    } finally {
      await sleep(1);
      log.push("finally");
    }
  });
  await sleep();
  assertEquals(await greenlet.kill(), true);
  assertEquals(log, ["inner", "outer", "finally"]);
  assertInstanceOf(await greenlet.get() as unknown, GreenletExit);
});

Deno.test("Greenlet.kill() of a greenlet whose resumption is queued arrives at its next wait", async () => {
  const log: string[] = [];
  const event = new Event();
  const greenlet = spawn(async () => {
    await event.wait();
    log.push("resumed");
    await sleep();
    log.push("never");
  });
  await sleep();
  event.set();
  await greenlet.kill();
  assertEquals(log, ["resumed"]);
});

Deno.test("Greenlet.kill() of a greenlet that awaits a foreign promise arrives at its next wait", async () => {
  const log: string[] = [];
  const foreign = Promise.withResolvers<void>();
  const greenlet = spawn(async () => {
    await foreign.promise;
    log.push("resumed");
    await sleep();
    log.push("never");
  });
  await sleep();
  assertEquals(await greenlet.kill(undefined, { timeout: 1 }), false);
  assertEquals(getHub().stats().detached, 1);
  foreign.resolve();
  await greenlet.join();
  assertEquals([log, greenlet.successful, getHub().stats().detached], [["resumed"], true, 0]);
});

Deno.test("Greenlet.kill() of a greenlet that waits no more leaves it its result", async () => {
  const foreign = Promise.withResolvers<string>();
  const greenlet = spawn(() => foreign.promise);
  await sleep();
  assertEquals(await greenlet.kill(undefined, { block: false }), false);
  foreign.resolve("done");
  assertEquals([await greenlet.get(), greenlet.kills], ["done", 0]);
});

Deno.test("Greenlet.kill() of an ended greenlet does nothing", async () => {
  using errors = captureErrors();
  const greenlet = spawn(() => "value");
  await greenlet.join();
  assertEquals(await greenlet.kill(new RangeError("too late")), true);
  assertEquals(await greenlet.kill("again", { block: false }), true);
  assertEquals([greenlet.value, greenlet.error, errors.seen], ["value", undefined, []]);
});

Deno.test("Greenlet.kill() that is caught is delivered once, and shown as ignored", async () => {
  const log: string[] = [];
  const gate = new Event();
  const stubborn: Greenlet<string> = spawn(async () => {
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
  assertEquals(String(stubborn), `Greenlet #${stubborn.id} ${stubborn.label} (running, kill ignored so far)`);
  const killer = spawn(() => stubborn.join());
  gate.set();
  assertEquals(await stubborn.get(), "my own end");
  assertEquals([log, await killer.get()], [["caught", "gate"], true]);
});

Deno.test("Greenlet.kill() with block: false does not wait, and does not switch", async () => {
  const log: string[] = [];
  const victim = spawn(async () => {
    try {
      await sleep(60_000);
    } finally {
      log.push("victim");
    }
  });
  await sleep();
  const killer = spawn(async () => {
    assertEquals(await victim.kill(undefined, { block: false }), false);
    log.push("killer");
  });
  await killer.join();
  assertEquals([log, await victim.join()], [["killer", "victim"], true]);
});

Deno.test("Greenlet.kill() returns false when the greenlet does not end in time", async () => {
  const gate = new Event();
  const greenlet = spawn(async () => {
    await sleep(60_000).catch(() => gate.wait());
    return "carried on";
  });
  await sleep();
  assertEquals(await greenlet.kill(undefined, { timeout: 1 }), false);
  assertEquals([greenlet.dead, greenlet.joiners.size], [false, 0]);
  gate.set();
  assertEquals(await greenlet.get(), "carried on");
});

Deno.test("Greenlet.kill() with timeout: 0 kills and does not wait", async () => {
  const greenlet = spawn(() => sleep(60_000));
  await sleep();
  assertEquals(await greenlet.kill(undefined, { timeout: 0 }), false);
  assertEquals(await greenlet.join(), true);
});

Deno.test("Greenlet.kill() whose signal is aborted kills all the same", async () => {
  const greenlet = spawn(() => sleep(60_000));
  await sleep();
  const reason = new Error("changed my mind");
  const caught = await assertRejects(() => greenlet.kill(undefined, { signal: AbortSignal.abort(reason) }));
  assertStrictEquals(caught, reason);
  assertEquals(await greenlet.join(), true);
});

Deno.test("Greenlet.kill() whose killer is killed itself still kills", async () => {
  const gate = new Event();
  const victim = spawn(() => sleep(60_000).finally(() => gate.wait()));
  await sleep();
  const killer = spawn(() => victim.kill());
  await sleep();
  await killer.kill();
  assertEquals([killer.dead, victim.dead, victim.joiners.size], [true, false, 0]);
  gate.set();
  assertEquals(await victim.join(), true);
  assertInstanceOf(victim.value as unknown, GreenletExit);
});

Deno.test("Greenlet.kill() of itself throws the kill in place", async () => {
  const log: string[] = [];
  const suicidal = spawn(async () => {
    try {
      await getCurrent()!.kill("enough");
      log.push("never");
    } catch (error) {
      log.push((error as Error).name);
      throw error;
    } finally {
      await sleep();
      log.push("cleaned up");
    }
  });
  await suicidal.join();
  assertEquals([log, suicidal.successful], [["GreenletExit", "cleaned up"], true]);
});

Deno.test("Greenlet.kill() of itself with block: false arrives at its next wait", async () => {
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

Deno.test("Greenlet.kill() of itself does not wait for its own end, whatever else it waits for", async () => {
  const queue = new Queue<number>();
  const suicidal = spawn(async () => {
    const getting = queue.get().catch((error) => error);
    const killed = await getCurrent()!.kill().catch((error) => error);
    return killed instanceof GreenletExit && killed === await getting;
  });
  assertEquals([await suicidal.get(), queue.getters.size], [true, 0]);
});

Deno.test("Greenlet.kill() of itself in a shield is held back like any other", async () => {
  const log: unknown[] = [];
  const suicidal = spawn(async () => {
    await shield(async () => {
      log.push(await getCurrent()!.kill());
      await sleep();
      log.push("protected");
    });
    await sleep();
    log.push("never");
  });
  await suicidal.join();
  assertEquals([log, suicidal.successful], [[false, "protected"], true]);
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

Deno.test("Greenlet.kill() during a finally block interrupts the clean-up", async () => {
  const log: string[] = [];
  const greenlet = spawn(async () => {
    try {
      await sleep(60_000);
    } finally {
      log.push("clean-up begins");
      await sleep(60_000);
      log.push("never");
    }
  });
  await sleep();
  await greenlet.kill("first", { block: false });
  await sleep();
  await greenlet.kill("second");
  assertEquals([log, greenlet.kills], [["clean-up begins"], 2]);
  assert(String(greenlet.value).endsWith(": second"));
});

Deno.test("Greenlet.kill() twice before it ran again: one arrives now, the other at the next wait", async () => {
  const log: string[] = [];
  const greenlet = spawn(async () => {
    for (let i = 0; i < 2; i++) await sleep(60_000).catch((error) => log.push(error.message.split(": ")[1]));
    await sleep();
    return "survived";
  });
  await sleep();
  await greenlet.kill("first", { block: false });
  await greenlet.kill("second", { block: false });
  assertEquals(await greenlet.get(), "survived");
  assertEquals(log, ["first", "second"]);
});

Deno.test("Greenlet.throw() throws into the wait, without waiting for the effect", async () => {
  using errors = captureErrors();
  const failure = new RangeError("thrown in");
  const greenlet = spawn(() => sleep(60_000));
  await sleep();
  assertEquals([greenlet.throw(failure), greenlet.ready], [undefined, false]);
  await greenlet.join();
  assertStrictEquals(greenlet.error, failure);
  greenlet.throw(new Error("too late"));
  assertEquals([greenlet.error, errors.seen], [failure, [failure]]);
});

Deno.test("Greenlet.throw() of an error that is caught lets the greenlet go on", async () => {
  const failure = new RangeError("thrown in");
  const greenlet = spawn(async () => {
    const caught = await sleep(60_000).catch((error) => error);
    await sleep();
    return caught;
  });
  await sleep();
  greenlet.throw(failure);
  assertStrictEquals(await greenlet.get(), failure);
});

Deno.test("Greenlet.throw() before the start ends it, in a callback of the hub as well", async () => {
  let ran = false;
  const greenlet = spawn(() => ran = true);
  const hub = getHub();
  const killer = spawn(() => {
    const late = spawn(() => ran = true);
    late.throw("not today");
    return late.dead;
  });
  greenlet.throw(GreenletExit);
  assertEquals([greenlet.dead, greenlet.successful], [true, true]);
  assertEquals(await killer.get(), true);
  const parked = spawn(() => sleep(60_000));
  await sleep();
  hub.runCallback(() => parked.throw("from the hub"));
  assertEquals([await parked.join(), ran], [true, false]);
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

Deno.test("Greenlet is killed when an await using block fails, and one that has ended is left alone", async () => {
  const ended = spawn(() => "value");
  let worker: Greenlet | undefined;
  await assertRejects(
    async () => {
      await ended.join();
      await using _ended = ended;
      await using running = worker = spawn(() => sleep(60_000));
      await running.join({ timeout: 0 });
      throw new RangeError("block");
    },
    RangeError,
    "block",
  );
  assertEquals([worker!.dead, worker!.successful, ended.value], [true, true, "value"]);
});

Deno.test("Greenlet.throw() before the start does not switch, outside greenlets neither", async () => {
  await turn(); // nobody has the token
  const log: string[] = [];
  const other = spawn(() => log.push("other"));
  spawn(() => log.push("never")).throw("not today");
  await new Greenlet(() => {}).kill(undefined, { block: false });
  log.push("killer");
  await other.join();
  assertEquals(log, ["killer", "other"]);
});

Deno.test("Greenlet.kill() of itself in a shield counts: a loop of it lets the event loop have its turns", async () => {
  const greenlet: Greenlet<boolean> = spawn(() => shield(() => loopUntilTurn(() => greenlet.kill())));
  assertEquals([await greenlet.get(), greenlet.kills], [true, 0]);
});
