import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  BlockingSwitchOutError,
  Event,
  getHub,
  type Greenlet,
  GreenletExit,
  Group,
  Pool,
  sleep,
  spawn,
  Timeout,
  withTimeout,
} from "@verdant/green";
import { captureErrors } from "../helpers.ts";
import { passes, strikeEveryWait, Tally } from "./trial.ts";

const METHODS = ["imap", "imapUnordered"] as const;

/** Waits so many passes, then returns the number. */
const waitFor = async (turns: number) => {
  await passes(turns);
  return turns;
};

/** All whole numbers; logs when it is closed. */
function* naturals(log: string[] = []): Generator<number> {
  try {
    for (let n = 0;; n++) yield n;
  } finally {
    log.push("source closed");
  }
}

/** The same, one by one, with a close that waits. */
async function* slowNaturals(log: string[] = []): AsyncGenerator<number> {
  try {
    for (let n = 0;; n++) {
      await sleep();
      yield n;
    }
  } finally {
    await sleep();
    log.push("source closed");
  }
}

/** Yields numbers and breaks. */
function* broken(count: number, error: Error): Generator<number> {
  for (let n = 1; n <= count; n++) yield n;
  throw error;
}

/** The first is done at once, the others log their clean-up, which waits. */
const firstOnly = (log: string[]) => async (n: number) => {
  if (n === 1) return n;
  try {
    await sleep(60_000);
  } finally {
    await sleep();
    log.push(`cleaned up ${n}`);
  }
  return n;
};

Deno.test("Group.imap() yields in the order of the items, imapUnordered() as they are done", async () => {
  const group = new Group();
  assertEquals(await Array.fromAsync(group.imap(waitFor, [9, 1, 5])), [9, 1, 5]);
  assertEquals(await Array.fromAsync(group.imapUnordered(waitFor, [9, 1, 5])), [1, 5, 9]);
});

for (const method of METHODS) {
  Deno.test(`Group.${method}() of nothing ends at once, and stays so`, async () => {
    const results = new Group()[method](waitFor, []);
    for (let i = 0; i < 3; i++) assertEquals(await results.next(), { done: true, value: undefined });
  });

  Deno.test(`Group.${method}() calls the function with the item alone`, async () => {
    const results = new Group()[method]((...args: string[]) => args, ["a", "b"]);
    assertEquals(await Array.fromAsync(results), [["a"], ["b"]]);
  });

  Deno.test(`Group.${method}() gives one iterator, which is iterable itself`, async () => {
    const results = new Group()[method](waitFor, [1, 2]);
    assertStrictEquals(results[Symbol.asyncIterator](), results);
    assertEquals(await Array.fromAsync(results), [1, 2]);
  });

  Deno.test(`Group.${method}() begins at once, without being asked`, async () => {
    let begun = 0;
    const results = new Group()[method](() => ++begun, [1, 2, 3]);
    await passes(5);
    assertEquals(begun, 3);
    assertEquals(await Array.fromAsync(results), [1, 2, 3]);
  });

  Deno.test(`Group.${method}() takes items that come one by one, also awaited ones`, async () => {
    async function* source() {
      for (let n = 1; n <= 3; n++) {
        await sleep();
        yield n;
      }
    }
    assertEquals(await Array.fromAsync(new Pool(1)[method]((n: number) => n * 10, source())), [10, 20, 30]);
  });

  Deno.test(`Pool.${method}() takes an item only when there is a slot for it`, async () => {
    const taken: number[] = [];
    function* source() {
      for (let n = 1; n <= 4; n++) {
        taken.push(n);
        yield n;
      }
    }
    const pool = new Pool(1);
    await using _results = pool[method](() => sleep(60_000), source());
    await passes(6);
    assertEquals([taken, pool.size], [[1, 2], 1]); // the second waits for the slot
  });

  Deno.test(`Group.${method}() throws a task's error at its position and goes on`, async () => {
    using errors = captureErrors();
    const results = new Group()[method]((n: number) => {
      if (n === 2) throw new Error("second");
      return n;
    }, [1, 2, 3]);
    assertEquals(await results.next(), { done: false, value: 1 });
    await assertRejects(() => results.next(), Error, "second");
    assertEquals(await results.next(), { done: false, value: 3 });
    for (let i = 0; i < 2; i++) assertEquals(await results.next(), { done: true, value: undefined });
    assertEquals(errors.seen, []);
  });

  Deno.test(`Group.${method}() frees the room of a failed task, too`, async () => {
    const results = new Group()[method]((n: number) => Promise.reject(new Error(`task ${n}`)), [1, 2, 3], {
      maxSize: 1,
    });
    for (const n of [1, 2, 3]) await assertRejects(() => results.next(), Error, `task ${n}`);
    assertEquals((await results.next()).done, true);
  });

  Deno.test(`Group.${method}() gives the GreenletExit of a task that somebody killed, and goes on`, async () => {
    const group = new Group();
    const results = group[method]<number, unknown>((n) => n === 1 ? sleep(60_000) : n, [1, 2]);
    await passes(3);
    assertEquals(await group.killOne([...group][0]!), true);
    const all: unknown[] = await Array.fromAsync(results);
    assertEquals([all.length, all.some((result) => result instanceof GreenletExit), all.includes(2)], [
      2,
      true,
      true,
    ]);
  });

  for (const maxSize of [1, 3]) {
    Deno.test(`Group.${method}() with maxSize ${maxSize} runs that far ahead of its reader, no further`, async () => {
      let begun = 0;
      const results = new Group()[method](() => ++begun, Array.from({ length: 10 }, (_, i) => i), {
        maxSize,
      });
      for (let taken = 0; taken < 4; taken++) {
        await passes(12);
        assertEquals(begun, taken + maxSize);
        await results.next();
      }
      assertEquals((await Array.fromAsync(results)).length, 6);
    });
  }

  Deno.test(`Group.${method}() hands results to those who ask in their order`, async () => {
    const results = new Group()[method](waitFor, [1, 2, 3]);
    const asked = await Promise.all([results.next(), results.next(), results.next(), results.next()]);
    assertEquals(asked.map(({ value }) => value as number | undefined), [1, 2, 3, undefined]);
  });

  const leave: Record<string, (results: AsyncIterable<number>) => Promise<void>> = {
    "break": async (results) => {
      for await (const _ of results) {
        await passes(4); // the others begin
        break;
      }
    },
    "an error in the loop": async (results) => {
      const loop = async () => {
        for await (const _ of results) {
          await passes(4);
          throw new Error("loop failed");
        }
      };
      await assertRejects(loop, Error, "loop failed");
    },
    "a kill in the loop": async (results) => {
      const reader = spawn(async () => {
        for await (const _ of results) await sleep(60_000);
      });
      await passes(6);
      await reader.kill();
    },
    "a kill at next()": async (results) => {
      const reader = spawn(() => Array.fromAsync(results));
      await passes(6);
      await reader.kill();
    },
    "a time-out at next()": async (results) => {
      const reading = withTimeout(1, async () => {
        for await (const _ of results) await sleep();
      });
      await assertRejects(() => reading, Timeout);
    },
  };
  for (const [how, act] of Object.entries(leave)) {
    Deno.test(`Group.${method}() that is left by ${how} kills the rest and waits for its clean-up`, async () => {
      const group = new Group();
      const log: string[] = [];
      const results = group[method](firstOnly(log), [1, 2, 3]);
      await act(results);
      assertEquals([log, group.size], [["cleaned up 2", "cleaned up 3"], 0]);
      assertEquals(await results.next(), { done: true, value: undefined });
    });
  }

  Deno.test(`Pool.${method}() that is left gives the slots back and begins nothing more`, async () => {
    const pool = new Pool(2);
    const tally = new Tally();
    for await (const _ of pool[method](tally.body, [1, 2, 3, 4, 5, 6])) break;
    const { begun } = tally;
    assertEquals([pool.size, pool.freeCount, tally.cleaned, tally.most], [0, 2, begun, 2]);
    await passes(4);
    assertEquals([tally.begun, pool.freeCount], [begun, 2]);
  });

  Deno.test(`Group.${method}() that is closed before it began runs nothing`, async () => {
    const log: string[] = [];
    const results = new Group()[method](() => log.push("never"), naturals(log));
    assertEquals(await results.return!(), { done: true, value: undefined });
    assertEquals(await results.return!(), { done: true, value: undefined });
    await results[Symbol.asyncDispose]();
    await passes(3);
    assertEquals(log, []); // not even the source began
  });

  for (const [kind, source] of Object.entries({ items: naturals, "async items": slowNaturals })) {
    Deno.test(`Pool.${method}() of endless ${kind} ends with its block, which closes them`, async () => {
      const log: string[] = [];
      const pool = new Pool(2);
      {
        await using squares = pool[method]((n: number) => n * n, source(log), { maxSize: 4 });
        const taken: number[] = [];
        for (let i = 0; i < 5; i++) taken.push((await squares.next()).value!);
        assertEquals(taken, [0, 1, 4, 9, 16]);
      }
      assertEquals([log, pool.size, pool.freeCount], [["source closed"], 0, 2]);
    });

    Deno.test(`Pool.${method}() closes its ${kind} also if it waits for a slot`, async () => {
      const log: string[] = [];
      const pool = new Pool(1);
      const results = pool[method](() => sleep(60_000), source(log));
      await passes(6);
      await results.return!();
      assertEquals([log, pool.size, pool.freeCount], [["source closed"], 0, 1]);
    });

    Deno.test(`Group.${method}() of endless ${kind} without a limit lets its reader leave`, async () => {
      const log: string[] = [];
      const group = new Group();
      const taken: number[] = [];
      for await (const n of group[method]((n: number) => n, source(log))) {
        if (taken.push(n) === 3) break;
      }
      assertEquals([taken, log, group.size], [[0, 1, 2], ["source closed"], 0]);
    });
  }

  for (const asynchronous of [false, true]) {
    const kind = asynchronous ? "async items" : "items";
    Deno.test(`Group.${method}() throws an error of its ${kind} after all results, once`, async () => {
      using errors = captureErrors();
      const failure = new Error("source broke");
      async function* slow() {
        await sleep();
        yield* broken(2, failure);
      }
      const results = new Group()[method](
        (n: number) => waitFor(4 - n),
        asynchronous ? slow() : broken(2, failure),
      );
      const seen = [(await results.next()).value, (await results.next()).value] as number[];
      assertEquals(seen.toSorted(), [2, 3]);
      assertStrictEquals(await results.next().catch((error) => error), failure);
      for (let i = 0; i < 2; i++) assertEquals(await results.next(), { done: true, value: undefined });
      assertEquals(errors.seen, []);
    });
  }

  Deno.test(`Group.${method}() reports an error of its items that its reader left behind`, async () => {
    using errors = captureErrors();
    const failure = new Error("source broke");
    const results = new Group()[method]((n: number) => n, broken(2, failure));
    await results.next();
    await passes(6);
    await results.return!();
    assertEquals(errors.seen, [failure]);
    assertEquals(await results.next(), { done: true, value: undefined });
  });

  Deno.test(`Group.${method}() reports an error in the close of its items`, async () => {
    using errors = captureErrors();
    const failure = new Error("close failed");
    async function* source() {
      try {
        yield 1;
        await sleep(60_000);
      } finally {
        await Promise.reject(failure);
      }
    }
    for await (const _ of new Group()[method]((n: number) => n, source())) break;
    assertEquals(errors.seen, [failure]);
  });

  Deno.test(`Group.${method}() reports the errors of tasks that its reader left behind`, async () => {
    using errors = captureErrors();
    const results = new Group()[method]((n: number) => {
      if (n > 1) throw new Error(`task ${n}`);
      return n;
    }, [1, 2, 3]);
    await results.next();
    await passes(6);
    await results.return!();
    assertEquals(errors.seen.map((error) => (error as Error).message), ["task 2", "task 3"]);
  });

  Deno.test(`Group.${method}() reports an error of a task in the clean-up of its kill`, async () => {
    using errors = captureErrors();
    const results = new Group()[method](async () => {
      try {
        await sleep(60_000);
      } finally {
        await Promise.reject(new Error("clean-up failed"));
      }
    }, [1]);
    await passes(3);
    await results.return!();
    assertEquals(errors.seen.map(String), ["Error: clean-up failed"]);
  });

  Deno.test(`Group.${method}() reports the failure whose reader was killed before it could see it`, async () => {
    using errors = captureErrors();
    const failure = new Error("unseen");
    const results = new Group()[method](async () => {
      await sleep();
      throw failure;
    }, [1]);
    const reader = spawn(async () => {
      await passes(4); // the task has failed
      void reader.kill(undefined, { block: false }); // arrives at the next wait
      await results.next();
    });
    await reader.join();
    assertEquals([errors.seen, reader.successful], [[failure], true]);
  });

  Deno.test(`Group.${method}() reports the failure of a task after its reader was killed`, async () => {
    using errors = captureErrors();
    const gate = new Event();
    const results = new Group()[method](async () => {
      await gate.wait();
      throw new Error("too late to be told");
    }, [1]);
    const reader = spawn(() => results.next());
    await passes(4);
    gate.set();
    await reader.kill(); // the task goes on before the reader does
    assertEquals([errors.seen.map(String), reader.successful], [["Error: too late to be told"], true]);
  });

  Deno.test(`Results.next() of ${method}() throws at once in a callback of the hub`, async () => {
    const results = new Group()[method]((n: number) => n, [1]);
    const caught: unknown[] = [];
    for (
      const call of [() => results.next(), () => results.return!(), () => results[Symbol.asyncDispose]()]
    ) {
      getHub().runCallback(() => {
        try {
          void call();
        } catch (error) {
          caught.push(error);
        }
      });
    }
    await passes(3);
    assertEquals(caught.map((error) => error instanceof BlockingSwitchOutError), [true, true, true]);
    assertEquals(await Array.fromAsync(results), [1]);
  });

  Deno.test(`Results of ${method}() that nobody awaits are safe to interrupt`, async () => {
    const group = new Group();
    const log: string[] = [];
    const slow = async () => {
      try {
        await sleep(60_000);
      } finally {
        await passes(4);
        log.push("cleaned up");
      }
    };
    const results = group[method](slow, [1, 2]);
    const reader = spawn(async () => {
      await passes(3);
      void results.return!();
      void results[Symbol.asyncDispose]();
      await sleep(60_000);
    });
    await passes(5);
    await reader.kill();
    await group.join();
    assertEquals(log, ["cleaned up", "cleaned up"]);
  });

  for (const [kind, make] of Object.entries({ Group: () => new Group(), Pool: () => new Pool(2) })) {
    const interruptions = {
      "a kill": (victim: Greenlet) => void victim.kill(undefined, { block: false }),
      "a time-out": (victim: Greenlet) => victim.throw(new Timeout(0)),
    };
    for (const [what, strike] of Object.entries(interruptions)) {
      Deno.test(`${kind}.${method}() leaves nothing behind after ${what} of its reader at any wait`, async () => {
        await strikeEveryWait(() => {
          const set = make();
          const tally = new Tally();
          const log: string[] = [];
          let finished = false;
          return {
            victim: async () => {
              let left = 4;
              for await (const _ of set[method](tally.body, naturals(log), { maxSize: 3 })) {
                if (--left === 0) break;
                await sleep();
              }
              finished = true;
            },
            async check() {
              // A blow during the final clean-up ends the wait for it, not the clean-up itself.
              await set.join();
              await passes(3);
              assertEquals([tally.cleaned, tally.running, set.size], [tally.begun, 0, 0]);
              assertEquals(log, tally.begun > 0 || finished ? ["source closed"] : log);
              if (set instanceof Pool) {
                assertEquals([set.freeCount, tally.most], [2, Math.min(tally.begun, 2)]);
              }
            },
          };
        }, strike);
      });
    }
  }
}

Deno.test("Group.imapUnordered() reports a failure that comes at the moment its reader leaves", async () => {
  using errors = captureErrors();
  const failure = new Error("too late");
  const gate = Promise.withResolvers<void>();
  const group = new Group();
  const results = group.imapUnordered(async (n: number) => {
    if (n === 1) return n;
    await gate.promise;
    throw failure;
  }, [1, 2]);
  await results.next();
  await passes(4);
  const [task] = group;
  gate.resolve();
  // Ended, but its result is not delivered yet: that comes a pass later.
  task!.rawlink(() => {});
  while (!task!.dead) await Promise.resolve();
  await results.return!();
  await passes(2);
  assertEquals(errors.seen, [failure]);
});

Deno.test("Group.imapUnordered() gives the results of running tasks before an error of its items", async () => {
  const results = new Group().imapUnordered(waitFor, broken(3, new Error("source broke")));
  const seen: unknown[] = [];
  for (let i = 0; i < 4; i++) {
    seen.push(await results.next().then(({ value }) => value, (error) => error.message));
  }
  assertEquals(seen, [1, 2, 3, "source broke"]);
});

Deno.test("Pool.imap() of two readers shares the slots and mixes up nothing", async () => {
  const pool = new Pool(2);
  const tally = new Tally();
  const read = (from: number) =>
    spawn(() => Array.fromAsync(pool.imap(tally.body, [from, from + 1, from + 2])));
  const readers = [read(10), read(20)];
  assertEquals(await Promise.all(readers.map((reader) => reader.get())), [[10, 11, 12], [20, 21, 22]]);
  assertEquals([tally.most, pool.freeCount], [2, 2]);
  assert(tally.cleaned === 6);
});
