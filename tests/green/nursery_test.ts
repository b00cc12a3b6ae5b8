import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  Event,
  getHub,
  GreenletExit,
  type Nursery,
  nursery,
  shield,
  sleep,
  spawn,
  Timeout,
  withTimeout,
} from "@verdant/green";
import { captureErrors, turn } from "../helpers.ts";

function tidy(log: string[], name: string) {
  return async () => {
    try {
      await sleep(60_000);
    } finally {
      await sleep();
      log.push(`${name} cleaned up`);
    }
  };
}

Deno.test("nursery() returns what its body returns, after all greenlets have ended", async () => {
  const log: string[] = [];
  const result = await nursery((n) => {
    n.spawn(async () => {
      await sleep();
      n.spawn(async () => {
        await sleep();
        log.push("grandchild");
      });
      log.push("child");
    });
    return "body";
  });
  assertEquals([result, log], ["body", ["child", "grandchild"]]);
});

Deno.test("nursery() kills the siblings and interrupts the body at the first failure", async () => {
  using errors = captureErrors();
  const log: string[] = [];
  const failure = new Error("disk full");
  const caught = await nursery(async (n) => {
    n.spawn(tidy(log, "sibling"));
    n.spawn(async () => {
      await sleep();
      throw failure;
    });
    try {
      await sleep(60_000);
    } finally {
      log.push("body interrupted");
    }
  }).catch((error) => error);
  assertStrictEquals(caught, failure);
  assertEquals([log, errors.seen], [["body interrupted", "sibling cleaned up"], []]);
});

Deno.test("nursery() keeps the body's error first, several become one AggregateError", async () => {
  const caught = await nursery(async (n) => {
    n.spawn(async () => {
      try {
        await sleep(60_000);
      } finally {
        await Promise.reject(new Error("clean-up"));
      }
    });
    await sleep();
    throw new Error("body");
  }, { name: "orders" }).catch((error) => error);
  assert(caught instanceof AggregateError);
  assertEquals(caught.errors.map((error) => error.message), ["body", "clean-up"]);
  assertEquals(caught.message, "orders: 2 errors");
});

Deno.test("nursery() throws an error once that the body passed on from a greenlet", async () => {
  const failure = new Error("once");
  const caught = await nursery(async (n) => {
    const child = n.spawn(() => {
      throw failure;
    });
    await child.get();
  }).catch((error) => error);
  assertStrictEquals(caught, failure);
});

Deno.test("nursery() whose caller is killed kills its greenlets and waits for their clean-up", async () => {
  const log: string[] = [];
  const caller = spawn(() => nursery((n) => void n.spawn(tidy(log, "child"))));
  await sleep();
  await sleep();
  await caller.kill();
  assert(caller.value as unknown instanceof GreenletExit);
  assertEquals(log, ["child cleaned up"]);
});

Deno.test("nursery() waits for the clean-up also when the caller is killed once more meanwhile", async () => {
  const log: string[] = [];
  const caller = spawn(async () => {
    await nursery(async (n) => {
      n.spawn(tidy(log, "child"));
      await sleep();
      throw new Error("body");
    }).catch(() => log.push("nursery over"));
    await sleep();
    log.push("never");
  });
  for (let i = 0; i < 3; i++) await sleep();
  await caller.kill();
  assertEquals(log, ["child cleaned up", "nursery over"]);
});

Deno.test("nursery() with a deadline throws its Timeout and stops the work; a silent one only stops it", async () => {
  const log: string[] = [];
  await assertRejects(
    () => nursery((n) => void n.spawn(tidy(log, "child")), { deadline: 1 }),
    Timeout,
  );
  const silent = new Timeout(1, { silent: true });
  assertEquals(await nursery((n) => void n.spawn(tidy(log, "silent")), { deadline: silent }), undefined);
  assertEquals(log, ["child cleaned up", "silent cleaned up"]);
});

Deno.test("Nursery.spawn() throws after the end, and begins nothing while it is cancelled", async () => {
  let leaked: Nursery | undefined;
  const log: string[] = [];
  await assertRejects(() =>
    nursery(async (n) => {
      leaked = n;
      n.spawn(() => {
        throw new Error("cancel");
      });
      try {
        await sleep(60_000);
      } finally {
        n.spawn(() => log.push("never"));
      }
    })
  );
  assertEquals(log, []);
  assertThrows(() => leaked!.spawn(() => {}), Error, "it has ended");
});

Deno.test("nursery() inside another: the inner failure reaches the outer one", async () => {
  const log: string[] = [];
  await assertRejects(
    () =>
      nursery((outer) => {
        outer.spawn(tidy(log, "outer child"));
        outer.spawn(() =>
          nursery(async (inner) => {
            inner.spawn(tidy(log, "inner child"));
            await sleep();
            throw new Error("inner");
          })
        );
      }),
    Error,
    "inner",
  );
  assertEquals(log, ["inner child cleaned up", "outer child cleaned up"]);
});

Deno.test("nursery() does not interrupt a shielded part of its body", async () => {
  const log: string[] = [];
  await assertRejects(
    () =>
      nursery(async (n) => {
        n.spawn(() => {
          throw new Error("early");
        });
        await shield(async () => {
          for (let i = 0; i < 3; i++) await sleep();
          log.push("committed");
        });
        await sleep();
        log.push("never");
      }),
    Error,
    "early",
  );
  assertEquals(log, ["committed"]);
});

Deno.test("nursery() outside greenlets: two at once do not disturb each other", async () => {
  const failing = nursery(async (n) => {
    n.spawn(() => {
      throw new Error("one");
    });
    await sleep(60_000);
  }).catch((error) => error.message);
  const working = nursery(async () => {
    for (let i = 0; i < 5; i++) await sleep();
    return "two";
  });
  assertEquals([await failing, await working], ["one", "two"]);
});

Deno.test("nursery() outside greenlets that is interrupted leaves nobody behind", async () => {
  const log: string[] = [];
  const limit = new Timeout(1);
  const running = withTimeout(limit, () =>
    nursery(async (n) => {
      n.spawn(tidy(log, "child"));
      await sleep(60_000).catch((error) => {
        log.push(error === limit ? "limit" : "other");
        throw error;
      });
    }));
  assertStrictEquals(await assertRejects(() => running), limit);
  assertEquals(log, ["limit", "child cleaned up"]);
});

Deno.test("nursery() outside greenlets holds a second time-out back until all have ended", async () => {
  const log: string[] = [];
  using outer = Timeout.start(3);
  const slow = async () => {
    try {
      await sleep(60_000);
    } finally {
      await sleep(6);
      log.push("cleaned up");
    }
  };
  await withTimeout(1, () => nursery((n) => void n.spawn(slow)), { value: "too slow" });
  assertEquals(log, ["cleaned up"]);
  assertStrictEquals(await assertRejects(() => sleep()), outer);
});

Deno.test("nursery() outside greenlets whose body fails after the interruption reports that", async () => {
  using errors = captureErrors();
  const gate = new Event();
  const limit = Timeout.start(60_000);
  const running = nursery(async () => {
    await gate.wait();
    throw new Error("too late to be told");
  });
  await turn();
  gate.set();
  getHub().timers.fireDue(getHub().now() + 60_001); // the body goes on before the code outside does
  assertStrictEquals(await assertRejects(() => running), limit);
  assertEquals(errors.seen.map(String), ["Error: too late to be told"]);
});

Deno.test("nursery() is not cancelled by a greenlet that is killed on its own", async () => {
  const result = await nursery(async (n) => {
    const child = n.spawn(() => sleep(60_000));
    await sleep();
    await child.kill();
    await sleep();
    return "went on";
  });
  assertEquals(result, "went on");
});
