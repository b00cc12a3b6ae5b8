import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  Event,
  getHub,
  type Greenlet,
  GreenletExit,
  Queue,
  shield,
  sleep,
  spawn,
  Timeout,
  withTimeout,
} from "@verdant/green";
import { captureErrors, turn } from "../helpers.ts";

Deno.test("shield() holds a kill back over several waits, and delivers it at the next one", async () => {
  const log: string[] = [];
  const greenlet = spawn(async () => {
    await shield(async () => {
      log.push("begin");
      await sleep();
      await sleep(1);
      await sleep();
      log.push("end");
    });
    log.push("outside");
    await sleep();
    log.push("never");
  });
  await sleep();
  await greenlet.kill();
  assertEquals(log, ["begin", "end", "outside"]);
  assert(greenlet.value as unknown instanceof GreenletExit);
});

Deno.test("shield() of work that ends before the kill changes nothing", async () => {
  const greenlet = spawn(async () => {
    await shield(() => sleep());
    await sleep(60_000);
  });
  await sleep();
  await sleep();
  await sleep();
  assertEquals([await greenlet.kill(), greenlet.kills], [true, 1]);
});

Deno.test("shield() of a greenlet that does not wait any more leaves it its result", async () => {
  const greenlet = spawn(() =>
    shield(async () => {
      await sleep();
      return "committed";
    })
  );
  await sleep();
  await greenlet.kill();
  assertEquals([greenlet.value as unknown, greenlet.kills], ["committed", 0]);
});

Deno.test("shield() delivers several kills that it held back one by one, in their order", async () => {
  const log: string[] = [];
  const greenlet: Greenlet = spawn(async () => {
    await shield(() => sleep());
    for (let i = 0; i < 2; i++) await sleep().catch((error) => log.push(error.message.split(": ")[1]));
    await sleep();
    log.push("survived");
  });
  await sleep();
  await greenlet.kill("first", { block: false });
  await greenlet.kill("second", { block: false });
  assertEquals(greenlet.kills, 0); // none was delivered yet
  await greenlet.join();
  assertEquals([log, greenlet.kills], [["first", "second", "survived"], 2]);
});

Deno.test("shield() holds back a Timeout started outside, not one started inside", async () => {
  const log: string[] = [];
  const outer = Timeout.start(1);
  try {
    await shield(async () => {
      await sleep(3);
      log.push("outlived the outer limit");
      await withTimeout(1, () => sleep(60_000)).catch((error) => log.push(`inner ${error.name}`));
    });
    await sleep();
  } catch (error) {
    log.push(error === outer ? "outer" : "other");
  }
  assertEquals(log, ["outlived the outer limit", "inner Timeout", "outer"]);
});

Deno.test("shield() forgets a Timeout that is cancelled before it is over", async () => {
  const result = await withTimeout(1, async () => {
    await shield(() => sleep(3));
    return "in the end";
  });
  await sleep();
  assertEquals(result, "in the end");
});

Deno.test("shield() lets the time-out of a call inside end that call", async () => {
  const outcome = await shield(() => new Event().wait({ timeout: 1 }));
  assertEquals(outcome, false);
});

Deno.test("shield() lets a Timeout started outside end a call inside that has it as its limit", async () => {
  const limit = Timeout.start(2);
  const outcomes = await shield(async () => {
    const running = await new Event().wait({ timeout: limit });
    const over = await new Event().wait({ timeout: limit });
    return [running, over, await new Queue().get({ timeout: limit }).catch((error) => error)];
  });
  assertEquals(outcomes, [false, false, limit]);
  // What it limits outside is over, too; but on a busy machine, its timer may still be to come.
  assertStrictEquals(await sleep(60_000).catch((error) => error), limit);
});

Deno.test("shield() in a shield protects until the outer one ends", async () => {
  const log: string[] = [];
  const greenlet = spawn(async () => {
    await shield(async () => {
      await shield(() => sleep());
      await sleep();
      log.push("still protected");
    });
    await sleep();
    log.push("never");
  });
  await sleep();
  await greenlet.kill();
  assertEquals(log, ["still protected"]);
});

Deno.test("shield() in a shield holds back a Timeout started between the two until it ends", async () => {
  const log: string[] = [];
  await shield(async () => {
    const limit = Timeout.start(1);
    await shield(async () => {
      await sleep(3);
      log.push("inner done");
    });
    const caught = await sleep().catch((error) => error);
    log.push(caught === limit ? "limit" : "other");
  });
  assertEquals(log, ["inner done", "limit"]);
});

Deno.test("shield() holds back a Timeout that was started in an earlier shield", async () => {
  const log: string[] = [];
  let limit: Timeout | undefined;
  await shield(() => {
    limit = Timeout.start(1);
  });
  await shield(async () => {
    await sleep(3);
    log.push("done");
  });
  const caught = await sleep().catch((error) => error);
  assertEquals([log, caught === limit], [["done"], true]);
});

Deno.test("shield() in one that lapses still holds back a Timeout started between the two", async () => {
  const log: string[] = [];
  await shield(async () => {
    const limit = Timeout.start(2);
    await shield(async () => {
      await sleep(4); // the outer protection ends before the limit
      log.push("inner done");
    });
    const caught = await sleep().catch((error) => error);
    log.push(caught === limit ? "limit" : "other");
  }, { timeout: 1 });
  assertEquals(log, ["inner done", "limit"]);
});

Deno.test("shield() beside another one that ends first still protects", async () => {
  const log: string[] = [];
  const protect = async (name: string, gate: Event) => {
    await shield(() => gate.wait());
    log.push(name);
  };
  const [first, second] = [new Event(), new Event()];
  const greenlet = spawn(async () => {
    await Promise.all([protect("first", first), protect("second", second)]);
    await sleep();
    log.push("never");
  });
  await sleep();
  await greenlet.kill(undefined, { block: false });
  first.set();
  await sleep();
  assertEquals(log, ["first"]);
  second.set();
  await greenlet.join();
  assertEquals(log, ["first", "second"]);
});

Deno.test("shield() with a timeout ends its protection then, also in the middle of a wait", async () => {
  const log: string[] = [];
  const greenlet = spawn(() =>
    shield(async () => {
      try {
        await new Event().wait(); // for ever
      } finally {
        log.push("let go");
      }
    }, { timeout: 1 })
  );
  await sleep();
  await greenlet.kill();
  assertEquals([log, getHub().stats().timers], [["let go"], 0]);
});

Deno.test("shield() with a timeout lets a kill through at once after that", async () => {
  const unprotected = new Event();
  const greenlet = spawn(() =>
    shield(async () => {
      await sleep(3);
      unprotected.set();
      await sleep(60_000);
    }, { timeout: Temporal.Duration.from({ milliseconds: 1 }) })
  );
  await unprotected.wait();
  assertEquals(await greenlet.kill(), true);
});

Deno.test("shield() with a timeout in another one leaves the outer protection up", async () => {
  const log: string[] = [];
  const greenlet = spawn(() =>
    shield(async () => {
      await shield(() => sleep(3), { timeout: 1 });
      log.push("outer protected");
    })
  );
  await sleep();
  await greenlet.kill();
  assertEquals(log, ["outer protected"]);
});

Deno.test("shield() with a timeout that is not used up leaves no timer", async () => {
  assertEquals(await shield(() => "committed", { timeout: 60_000 }), "committed");
  assertEquals(getHub().stats().timers, 0);
});

Deno.test("shield() passes the result and the error of its function on, and ends with either", async () => {
  using errors = captureErrors();
  const failure = new Error("inside");
  assertEquals(await shield(() => 5), 5);
  assertEquals(await shield(async () => (await sleep(), 6)), 6);
  const failing = [() => Promise.reject(failure), () => {
    throw failure;
  }];
  const greenlet = spawn(async () => {
    for (const fn of failing) assertStrictEquals(await assertRejects(() => shield(fn)), failure);
    await sleep(60_000); // not protected any more
  });
  await sleep();
  await sleep();
  assertEquals([await greenlet.kill(), errors.seen], [true, []]);
});

Deno.test("shield() protects the greenlet that called it, and no other", async () => {
  const gate = new Event();
  const other = spawn(() => sleep(60_000));
  const shielded = spawn(() => shield(() => gate.wait()));
  await sleep();
  assertEquals(await other.kill(undefined), true);
  assertEquals(await shielded.kill(undefined, { timeout: 1 }), false);
  gate.set();
  assertEquals(await shielded.join(), true);
});

Deno.test("shield() does not protect what it spawns", async () => {
  const children: Greenlet[] = [];
  await shield(async () => {
    children.push(spawn(() => sleep(60_000)));
    await sleep();
    assertEquals(await children[0]!.kill(), true);
  });
  assertEquals(children[0]!.dead, true);
});

Deno.test("shield() works outside greenlets, for the time-outs of the main flow", async () => {
  using limit = Timeout.start(1);
  const log: string[] = [];
  await shield(() => sleep(3));
  log.push("shielded");
  assertStrictEquals(await assertRejects(() => sleep()), limit);
  assertEquals(log, ["shielded"]);
});

Deno.test("shield() that nobody awaits rejects quietly", async () => {
  void shield(() => Promise.reject(new Error("nobody looks")));
  await turn(); // an unhandled rejection would have failed the test by now
  assert(!getHub().root.shields);
});

Deno.test("shield() throws at the call for bad input, and raises nothing", () => {
  let ran = false;
  const fn = () => ran = true;
  assertThrows(() => void shield(5 as never), TypeError, "Cannot shield: fn must be a function, received 5");
  assertThrows(
    () => void shield(fn, { timeout: -1 }),
    RangeError,
    "Cannot shield: timeout must be 0 or more",
  );
  assertThrows(() => void shield(fn, { timeout: NaN }), RangeError, "received NaN");
  assertThrows(() => void shield(fn, { timeout: "1" as never }), TypeError, "received 1");
  assert(!ran && !getHub().root.shields);
  assertEquals(getHub().stats().timers, 0);
});
