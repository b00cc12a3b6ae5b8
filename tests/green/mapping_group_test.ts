import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  BlockingSwitchOutError,
  Event,
  getCurrent,
  getHub,
  type Greenlet,
  GreenletExit,
  Group,
  type Items,
  Pool,
  sleep,
  spawn,
  Timeout,
  withTimeout,
} from "@verdant/green";
import { captureErrors } from "../helpers.ts";
import { passes, strikeEveryWait, Tally } from "./trial.ts";

/** Throws an error of its own for each call. */
function failing(message: string): () => never {
  return () => {
    throw new Error(message);
  };
}

const sets = {
  "a group": () => new Group(),
  "a pool of 1": () => new Pool(1),
  "a pool of 2": () => new Pool(2),
};

/** Nobody is left, and every slot is back. */
function assertEmpty(set: Group | Pool, size: number): void {
  assertEquals(set.size, 0);
  if (set instanceof Pool) assertEquals(set.freeCount, size);
}

for (const [kind, make] of Object.entries(sets)) {
  const size = new Map([["a pool of 1", 1], ["a pool of 2", 2]]).get(kind) ?? 0;

  Deno.test(`MappingGroup.apply() of ${kind} runs in a member, returns the result and rethrows the error`, async () => {
    using errors = captureErrors();
    const set = make();
    const sum = await set.apply((a: number, b: number) => {
      assert(set.has(getCurrent()!));
      return a + b;
    }, [1, 2]);
    assertEquals(sum, 3);
    const failure = new Error("from the task");
    assertStrictEquals(await set.apply(() => Promise.reject(failure)).catch((error) => error), failure);
    assertEquals(errors.seen, []); // the caller was told
    assertEmpty(set, size);
  });

  Deno.test(`MappingGroup.apply() of ${kind} by a member runs inline, at any depth`, async () => {
    using _errors = captureErrors();
    const set = make();
    const nested = await set.apply(async () => {
      const outer = getCurrent();
      return await set.apply(() => set.apply(() => [getCurrent() === outer, set.size]));
    });
    assertEquals(nested, [true, 1]);
    await assertRejects(() => set.apply(() => set.apply(failing("inline"))), Error, "inline");
    assertEmpty(set, size);
  });

  Deno.test(`MappingGroup.map() of ${kind} gives the results in the order of the items`, async () => {
    const set = make();
    const log: number[] = [];
    const doubled = await set.map(async (n) => {
      await passes(n);
      log.push(n);
      return n * 2;
    }, [5, 1, 3]);
    assertEquals([doubled, log.toSorted()], [[10, 2, 6], [1, 3, 5]]);
    assertEquals(await set.map((n: number) => n, []), []);
    assertEquals(await set.map((word: string) => word.length, new Set(["a", "bb"])), [1, 2]);
    assertEmpty(set, size);
  });

  Deno.test(`MappingGroup.map() of ${kind} throws the first failure by position and kills the rest`, async () => {
    using _errors = captureErrors();
    const set = make();
    const log: string[] = [];
    const task = async (name: string) => {
      try {
        if (name === "late failure") await passes(6);
        if (name === "sleeper") await sleep(60_000);
        throw new Error(name);
      } finally {
        await sleep();
        log.push(name);
      }
    };
    const items = ["late failure", "early failure", "sleeper", "sleeper"];
    const mapping = set.map(task, items).catch((error) => log.push(error.message));
    await mapping;
    assertEquals([log.at(-1), log.filter((name) => name === "late failure").length], ["late failure", 2]);
    assertEmpty(set, size);
    const ended = log.length;
    await passes(3);
    assertEquals(log.length, ended); // nothing goes on behind the caller's back
  });

  for (const asynchronous of [false, true]) {
    const items = asynchronous ? "async items" : "items";
    Deno.test(`MappingGroup.map() of ${kind} throws the error of its ${items} after the tasks'`, async () => {
      const set = make();
      const done: number[] = [];
      function* source() {
        yield 1;
        yield 2;
        throw new Error("source broke");
      }
      async function* slowSource() {
        for (const n of source()) {
          await sleep();
          yield n;
        }
      }
      await assertRejects(
        () => set.map<number, unknown>((n) => done.push(n), asynchronous ? slowSource() : source()),
        Error,
        "source broke",
      );
      assertEquals(done, [1, 2]);
      assertEmpty(set, size);
    });
  }

  const interruptions = {
    "a kill": (victim: Greenlet) => void victim.kill(undefined, { block: false }),
    "a time-out": (victim: Greenlet) => victim.throw(new Timeout(0)),
  };
  const calls: Record<string, (set: Group | Pool, task: Tally["body"]) => unknown> = {
    apply: (set, task) => set.apply(task, [1]),
    map: (set, task) => set.map(task, [1, 2, 3, 4]),
    mapAsync: async (set, task) => {
      const mapping = set.mapAsync(task, [1, 2, 3]);
      try {
        await mapping.get();
      } finally {
        await mapping.kill();
      }
    },
  };
  for (const [method, call] of Object.entries(calls)) {
    for (const [what, strike] of Object.entries(interruptions)) {
      Deno.test(`MappingGroup.${method}() of ${kind} leaves no work behind after ${what} at any wait`, async () => {
        const waits = await strikeEveryWait(() => {
          const set = make();
          const tally = new Tally();
          return {
            victim: () => call(set, tally.body),
            check() {
              assertEmpty(set, size);
              assertEquals([tally.cleaned, tally.running], [tally.begun, 0]);
              if (size > 0) assert(tally.most <= size);
            },
          };
        }, strike);
        assert(waits >= 1);
      });
    }
  }
}

Deno.test("MappingGroup.apply() waits for a slot behind those who came before", async () => {
  const pool = new Pool(1);
  const log: string[] = [];
  await pool.spawn(async () => {
    await sleep();
    log.push("member");
  });
  const spawner = spawn(() => pool.spawn(() => log.push("spawned")));
  await sleep();
  await pool.apply(() => log.push("applied"));
  await spawner.join();
  assertEquals(log, ["member", "spawned", "applied"]);
});

Deno.test("MappingGroup.apply() that waits for a slot and is killed never begins", async () => {
  const pool = new Pool(1);
  const gate = await pool.spawn(() => sleep(60_000));
  const log: string[] = [];
  const caller = spawn(() => pool.apply(() => log.push("never")));
  await sleep();
  await caller.kill();
  await gate.kill();
  await passes(2);
  assertEquals([log, pool.size, pool.freeCount], [[], 0, 1]);
});

Deno.test("MappingGroup.apply() under a time-out throws it when the work has stopped", async () => {
  const pool = new Pool(1);
  const log: string[] = [];
  await withTimeout(1, () =>
    pool.apply(async () => {
      try {
        await sleep(60_000);
      } finally {
        await sleep();
        log.push("cleaned up");
      }
    })).catch((error) => log.push(error.name));
  assertEquals([log, pool.freeCount], [["cleaned up", "Timeout"], 1]);
});

Deno.test("MappingGroup.apply() gives the GreenletExit of work that somebody else killed", async () => {
  const pool = new Pool(1);
  const result = spawn(() => pool.apply(() => sleep(60_000)));
  await passes(2);
  await pool.kill();
  assert(await result.get() as unknown instanceof GreenletExit);
});

Deno.test("MappingGroup.apply() whose work fails in its clean-up reports that", async () => {
  using errors = captureErrors();
  const group = new Group();
  const caller = spawn(() =>
    group.apply(async () => {
      try {
        await sleep(60_000);
      } finally {
        await Promise.reject(new Error("clean-up failed"));
      }
    })
  );
  await passes(2);
  await caller.kill();
  assertEquals([errors.seen.map(String), caller.successful], [["Error: clean-up failed"], true]);
});

Deno.test("MappingGroup.apply() whose work fails after the call was killed reports that", async () => {
  using errors = captureErrors();
  const gate = new Event();
  const caller = spawn(() =>
    new Group().apply(async () => {
      await gate.wait();
      throw new Error("too late to be told");
    })
  );
  await passes(2);
  gate.set();
  await caller.kill(); // the work goes on before the caller does
  assertEquals([errors.seen.map(String), caller.successful], [["Error: too late to be told"], true]);
});

Deno.test("MappingGroup.applyAsync() never waits: a full pool starts the work later, in order", async () => {
  const pool = new Pool(1);
  const log: string[] = [];
  const greenlets = ["a", "b", "c"].map((name) =>
    pool.applyAsync(async (name: string) => {
      log.push(name);
      await sleep();
      return name;
    }, [name])
  );
  assertEquals([pool.size, greenlets.map((greenlet) => greenlet.ready)], [0, [false, false, false]]);
  assertEquals(await Promise.all(greenlets.map((greenlet) => greenlet.get())), ["a", "b", "c"]);
  assertEquals([log, pool.freeCount], [["a", "b", "c"], 1]);
});

Deno.test("MappingGroup.applyAsync() calls back with the result, in a greenlet that is no member", async () => {
  const pool = new Pool(1);
  const seen: unknown[] = [];
  const greenlet = pool.applyAsync((n: number) => n * 2, [21], async (result) => {
    await sleep(); // it may wait
    seen.push(result, pool.size, getCurrent() === greenlet);
  });
  await greenlet.join();
  await passes(3);
  assertEquals(seen, [42, 0, false]);
});

Deno.test("MappingGroup.applyAsync() does not call back after an error, which is reported", async () => {
  using errors = captureErrors();
  const seen: unknown[] = [];
  const failed = new Group().applyAsync(failing("no result"), [], (result) => seen.push(result));
  await assertRejects(() => failed.get(), Error, "no result");
  await passes(3);
  assertEquals([seen, errors.seen], [[], [failed.error]]);
});

Deno.test("MappingGroup.applyAsync() killed while it waits for a slot takes none and never begins", async () => {
  const pool = new Pool(1);
  const busy = await pool.spawn(() => sleep(60_000));
  const log: string[] = [];
  const waiting = pool.applyAsync(() => log.push("never"));
  await sleep();
  assertEquals(await waiting.kill(), true);
  await busy.kill();
  await passes(2);
  assertEquals([log, pool.size, pool.freeCount], [[], 0, 1]);
});

Deno.test("MappingGroup.mapAsync() is a greenlet, no member, that calls back with the results", async () => {
  const group = new Group();
  const seen: number[][] = [];
  const mapping = group.mapAsync((n: number) => n + 1, [1, 2], (results) => seen.push(results));
  assertEquals([group.has(mapping), await mapping.get()], [false, [2, 3]]);
  await passes(2);
  assertEquals(seen, [[2, 3]]);
});

Deno.test("MappingGroup.mapAsync() does not call back after an error, which is reported once", async () => {
  using errors = captureErrors();
  const seen: unknown[] = [];
  const mapping = new Group().mapAsync(failing("task failed"), [1], (results) => seen.push(results));
  await assertRejects(() => mapping.get(), Error, "task failed");
  await passes(3);
  assertEquals([seen, errors.seen], [[], [mapping.error]]);
});

Deno.test("MappingGroup.mapAsync() that is killed kills the work and waits for its clean-up", async () => {
  const pool = new Pool(2);
  const tally = new Tally();
  const mapping = pool.mapAsync(tally.body, [1, 2, 3, 4]);
  await passes(3);
  assert(tally.begun > 0 && tally.begun < 4);
  await mapping.kill();
  assertEquals([tally.cleaned, pool.size, pool.freeCount], [tally.begun, 0, 2]);
});

Deno.test("MappingGroup.starmap() spreads tuples, in their order, with errors at their position", async () => {
  const results = new Group().starmap((a: string, b: number) => {
    if (b < 0) throw new RangeError(a);
    return a.repeat(b);
  }, [["x", 2], ["y", -1], ["z", 3]]);
  assertEquals(await results.next(), { done: false, value: "xx" });
  await assertRejects(() => results.next(), RangeError, "y");
  assertEquals(await results.next(), { done: false, value: "zzz" });
  assertEquals((await results.next()).done, true);
});

Deno.test("MappingGroup.starmap() bounds how far it runs ahead", async () => {
  let begun = 0;
  const tuples = Array.from({ length: 5 }, (_, i): [number] => [i]);
  const results = new Pool(5).starmap((_n: number) => ++begun, tuples, { maxSize: 2 });
  await passes(10);
  assertEquals(begun, 2);
  assertEquals((await Array.fromAsync(results)).length, 5);
});

Deno.test("MappingGroup refuses bad input at the call and starts nothing", async () => {
  const pool = new Pool(1);
  const fn = () => {};
  for (const value of [5, null, undefined, {}]) {
    const notFn = value as unknown as () => void;
    const notItems = value as unknown as Items<unknown>;
    const calls = [
      () => pool.apply(notFn),
      () => pool.applyAsync(notFn),
      ...value === undefined ? [] : [
        () => pool.applyAsync(fn, [], notFn),
        () => pool.mapAsync(fn, [], notFn),
      ],
      () => pool.map(notFn, []),
      () => pool.map(fn, notItems),
      () => pool.mapAsync(notFn, []),
      () => pool.mapAsync(fn, notItems),
      () => pool.imap(notFn, []),
      () => pool.imap(fn, notItems),
      () => pool.imapUnordered(notFn, []),
      () => pool.imapUnordered(fn, notItems),
      () => pool.starmap(notFn, []),
      () => pool.starmap(fn, notItems as Items<[]>),
    ];
    for (const call of calls) assertThrows(call, TypeError, `received ${value}`);
  }
  for (const maxSize of [0, -1, 1.5, NaN]) {
    const calls = [
      () => pool.imap(fn, [], { maxSize }),
      () => pool.imapUnordered(fn, [], { maxSize }),
      () => pool.starmap(fn, [], { maxSize }),
    ];
    for (const call of calls) assertThrows(call, RangeError, `received ${maxSize}`);
  }
  assertEquals([pool.size, getHub().stats().greenlets], [0, 0]);
  await sleep();
});

Deno.test("MappingGroup throws at once in a callback of the hub where it would wait", async () => {
  const group = new Group();
  const begun: string[] = [];
  const caught: unknown[] = [];
  const calls = [
    () => group.apply(() => begun.push("apply")),
    () => group.map(() => begun.push("map"), [1]),
  ];
  for (const call of calls) {
    getHub().runCallback(() => {
      try {
        void call();
      } catch (error) {
        caught.push(error);
      }
    });
  }
  await passes(3);
  assertEquals([caught.map((error) => error instanceof BlockingSwitchOutError), begun], [[true, true], []]);
});

Deno.test("MappingGroup.applyAsync() and mapAsync() work in a callback of the hub", async () => {
  const group = new Group();
  const seen: unknown[] = [];
  getHub().runCallback(() => {
    group.applyAsync(() => 1, [], (result) => seen.push(result));
    group.mapAsync((n: number) => n, [2, 3], (results) => seen.push(...results));
  });
  await passes(8);
  assertEquals(seen, [1, 2, 3]);
});
