/** Pools, and the maps of groups and pools, under many schedules. */
import { assert, assertEquals } from "@std/assert";
import {
  Greenlet,
  GreenletExit,
  Group,
  joinAll,
  Pool,
  PoolFull,
  type Results,
  sleep,
  spawn,
  type World,
} from "@verdant/green";
import { allowPlanned, type Body, endure, exploreTest, isInterruption, Planned, Works } from "./explored.ts";

/** Members and free slots are never more than the pool's size. */
function check(pool: Pool, size: number): void {
  assert(pool.size + pool.freeCount <= size);
  assert(pool.full === (pool.freeCount === 0));
}

/** All slots are free again. */
function assertIdle(pool: Pool, size: number): void {
  assert(pool.size === 0 && pool.freeCount === size && !pool.full, `${pool.size} in, ${pool.freeCount} free`);
}

/** Greenlets that spawn into one pool, each several times. */
function crowded(size: number, spawners: number, each: number): Body {
  return async () => {
    const pool = new Pool(size);
    const works = new Works();
    const members: Greenlet[] = [];
    const work = async () => {
      check(pool, size);
      await works.run();
    };
    const spawner = async () => {
      for (let i = 0; i < each; i++) {
        await endure(async () => members.push(await pool.spawn(work)));
        check(pool, size);
      }
    };
    await joinAll(Array.from({ length: spawners }, () => spawn(spawner)));
    await pool.join();
    assert(members.every(({ dead }) => dead));
    assert(works.begun <= members.length);
    assert(works.most <= size, `${works.most} at once`);
    works.assertOver();
    assertIdle(pool, size);
  };
}

/** The same in few steps: one member each. */
function crowdedInShort(size: number, spawners: number): Body {
  return async () => {
    const pool = new Pool(size);
    let running = 0;
    const work = async () => {
      assert(++running <= size);
      try {
        await sleep(1);
      } finally {
        running--;
      }
    };
    const spawner = async () => {
      await pool.spawn(work);
      check(pool, size);
    };
    await joinAll(Array.from({ length: spawners }, () => spawn(spawner)));
    await pool.join();
    assertEquals(running, 0);
    assertIdle(pool, size);
  };
}

exploreTest("Pool of one runs one at a time, and the slot comes back", crowded(1, 3, 2), {
  every: crowdedInShort(1, 3),
});
exploreTest("Pool of two runs two at a time, and both slots come back", crowded(2, 3, 2), {
  every: crowdedInShort(2, 3),
  preemptions: 0,
});

exploreTest("Pool.spawn() serves those who wait in the order in which they came", async () => {
  const pool = new Pool(1);
  const asked: number[] = [];
  const begun: number[] = [];
  const spawner = async (number: number) => {
    for (let i = 0; i < 2; i++) {
      const ticket = number * 10 + i;
      asked.push(ticket);
      await endure(() =>
        pool.spawn(async () => {
          begun.push(ticket);
          await sleep();
        })
      );
    }
  };
  await joinAll([1, 2, 3].map((number) => spawn(spawner, number)));
  await pool.join();
  assertEquals(begun, asked.filter((ticket) => begun.includes(ticket)));
  assertIdle(pool, 1);
});

exploreTest("Pool.spawn() that is interrupted while it waits starts nothing", async () => {
  const pool = new Pool(1);
  const begun = new Set<number>();
  const refused: number[] = [];
  const spawner = async (number: number) => {
    const admitted = await endure(() =>
      pool.spawn(() => {
        begun.add(number);
        return sleep(1);
      })
    );
    if (!admitted) refused.push(number);
  };
  await joinAll([1, 2, 3].map((number) => spawn(spawner, number)));
  await pool.join();
  assert(!refused.some((number) => begun.has(number)));
  assertIdle(pool, 1);
});

/** Greenlets made elsewhere that are added, by two callers at once, with a limit. */
async function adding(world: World) {
  const pool = new Pool(1);
  const works = new Works();
  const shared = new Greenlet(() => works.run());
  const discarded = new Set<Greenlet>();
  const add = async (i: number) => {
    const greenlet = i < 2 ? shared : new Greenlet(() => works.run());
    try {
      await pool.start(greenlet, { timeout: 2 });
      assert(greenlet.started || greenlet.dead);
      if (!greenlet.dead) assert(pool.has(greenlet) || discarded.has(greenlet));
    } catch (error) {
      if (!(error instanceof PoolFull) && !isInterruption(error)) throw error;
      if (greenlet !== shared) assert(!greenlet.started && !pool.has(greenlet));
    }
    check(pool, 1);
    if (world.random() < 0.3 && pool.has(greenlet)) {
      discarded.add(greenlet);
      pool.discard(greenlet);
      assert(!pool.has(greenlet));
    }
  };
  const adders = [0, 1, 2, 3].map((i) => spawn(add, i));
  await joinAll(adders);
  await pool.join();
  if (shared.started) await shared.join();
  await sleep(9);
  works.assertOver();
  assertIdle(pool, 1);
}

exploreTest("Pool.start() takes one slot for one greenlet, and none if it gives up", adding);

exploreTest("Pool.discard() frees the slot once, whatever becomes of the greenlet", async () => {
  const pool = new Pool(1);
  const works = new Works();
  const discarder = async () => {
    await endure(async () => {
      const greenlet = await pool.spawn(() => works.run());
      await sleep();
      pool.discard(greenlet);
      pool.discard(greenlet);
      check(pool, 1);
    });
  };
  await joinAll([spawn(discarder), spawn(discarder), spawn(discarder)]);
  await pool.join();
  assertIdle(pool, 1);
  await sleep(9);
  assertIdle(pool, 1);
  works.assertOver();
});

exploreTest("Pool.waitAvailable() wakes all who look when a slot is free", async () => {
  const pool = new Pool(1);
  await pool.spawn(() => sleep(1));
  const look = async () => {
    assertEquals(await pool.waitAvailable(), 1);
    assert(!pool.full);
  };
  const glance = async () => {
    const free = await pool.waitAvailable({ timeout: 1 });
    if (free > 0) assertEquals([free, pool.freeCount], [1, 1]);
  };
  await joinAll([spawn(look), spawn(look), spawn(glance)]);
  await pool.join();
  assertIdle(pool, 1);
});

/** Somebody kills the pool while others wait for a slot. */
function killedPool(size: number, spawners: number, work: (works: Works) => Promise<unknown>): Body {
  return async () => {
    const pool = new Pool(size);
    const works = new Works();
    const spawner = () => endure(() => pool.spawn(() => work(works)));
    const killer = spawn(async () => {
      await sleep();
      await pool.kill();
      assertEquals(pool.size, 0); // those who were let in meanwhile have been killed as well
    });
    await joinAll([...Array.from({ length: spawners }, () => spawn(spawner)), killer]);
    await pool.join();
    works.assertOver();
    assertIdle(pool, size);
  };
}

exploreTest("Pool.kill() leaves it empty, also if others wait for a slot", killedPool(2, 4, (w) => w.run()), {
  every: killedPool(1, 2, () => sleep(1)),
  preemptions: 0,
});

/** The two kinds of groups that map. */
const KINDS: [string, () => Group | Pool][] = [
  ["Group", () => new Group()],
  ["Pool", () => new Pool(2)],
];

/** What is left of a group when all work is over. */
function assertEmpty(group: Group | Pool): void {
  assertEquals(group.size, 0);
  if (group instanceof Pool) assertEquals(group.freeCount, 2);
}

/** Items that know whether somebody still takes them. */
class Source {
  opened = 0;
  closed = 0;
  taken = 0;

  constructor(readonly length: number = Infinity) {}

  *items(): Generator<number> {
    this.opened++;
    try {
      for (let i = 0; i < this.length; i++) {
        this.taken++;
        yield i;
      }
    } finally {
      this.closed++;
    }
  }

  async *slowItems(): AsyncGenerator<number> {
    this.opened++;
    try {
      for (let i = 0; i < this.length; i++) {
        this.taken++;
        await sleep(i % 2);
        yield i;
      }
    } finally {
      this.closed++;
    }
  }

  assertClosed(): void {
    assertEquals(this.closed, this.opened);
  }
}

for (const [kind, make] of KINDS) {
  exploreTest(`${kind}.apply() has ended the work when it returns or throws`, async () => {
    const group = make();
    const caller = async (i: number) => {
      const works = new Works();
      await endure(async () => assertEquals(await group.apply(() => works.run(() => i)), i));
      works.assertOver();
    };
    await joinAll([spawn(caller, 1), spawn(caller, 2), spawn(caller, 3)]);
    assertEmpty(group);
  }, { faults: 1 }); // a second one may interrupt the wait for the work's clean-up

  exploreTest(
    `${kind}.apply() leaves nothing behind in the end, however often it is interrupted`,
    async () => {
      const group = make();
      const works = new Works();
      const caller = () => endure(() => group.apply(() => works.run()));
      await joinAll([spawn(caller), spawn(caller), spawn(caller)]);
      await group.join();
      works.assertOver();
      assertEmpty(group);
    },
    { faults: 4 },
  );

  exploreTest(
    `${kind}.applyAsync() calls back once after a success or a kill, and never after an error`,
    async () => {
      const group = make();
      const results: unknown[] = [];
      const works = new Works();
      const greenlets = ["a", "b", "c"].map((name) =>
        group.applyAsync(() => works.run(() => name), [], (result) => results.push(result))
      );
      const killer = spawn(async () => {
        await sleep();
        await sleep();
        await greenlets[1]!.kill();
      });
      await joinAll([...greenlets, killer]);
      await sleep(1);
      const expected = greenlets.filter(({ successful }) => successful).map(({ value }) => value);
      assert(results.length === expected.length && expected.every((value) => results.includes(value)));
      works.assertOver();
      assertEmpty(group);
    },
  );

  for (const slow of [false, true]) {
    const items = slow ? "slow items" : "items";
    exploreTest(
      `${kind}.map() of ${items} gives all results in order, or nothing and leaves nothing`,
      async () => {
        const group = make();
        const mapper = async () => {
          const source = new Source(3);
          const works = new Works();
          await endure(async () => {
            const taken = slow ? source.slowItems() : source.items();
            assertEquals(await group.map((n: number) => works.run(() => n * 10), taken), [0, 10, 20]);
          });
          works.assertOver();
          source.assertClosed();
        };
        await joinAll([spawn(mapper), spawn(mapper)]);
        assertEmpty(group);
      },
      { faults: 1 },
    );
  }

  exploreTest(`${kind}.map() throws the first failure by position, and kills the rest`, async (world) => {
    allowPlanned(world);
    const group = make();
    const source = new Source();
    const works = new Works();
    const [first, second] = [1, 2].map((n) => n + Math.floor(world.random() * 2));
    const mapper = spawn(async () => {
      try {
        await group.map((n: number) =>
          works.run(() => {
            if (n === first || n === second) throw new Planned(`${n}`);
            if (n > second!) return sleep(Infinity);
          }), source.slowItems());
        throw new Error("The items have no end");
      } catch (error) {
        if (error instanceof SuppressedError) await sleep(9); // interrupted while it waited for the clean-up
        const cause = error instanceof SuppressedError ? error.suppressed : error;
        if (cause instanceof Planned) assertEquals(cause.message, `${Math.min(first!, second!)}`);
        else if (!isInterruption(cause)) throw error;
      }
      works.assertOver();
      source.assertClosed();
      assertEmpty(group);
    });
    await mapper.join();
  }, { faults: 1 });

  exploreTest(`${kind}.mapAsync() that is killed takes the work with it`, async () => {
    const group = make();
    const source = new Source(4);
    const works = new Works();
    const mapping = group.mapAsync((n: number) => works.run(() => n), source.slowItems());
    const killer = spawn(async () => {
      for (let i = 0; i < 3; i++) await sleep();
      await mapping.kill();
      works.assertOver();
      source.assertClosed();
    });
    killer.name = "killer";
    await joinAll([mapping, killer]);
    assertEmpty(group);
    if (Array.isArray(mapping.value)) assertEquals(mapping.value, [0, 1, 2, 3]);
  }, { victims: ({ name }) => name === "killer" });
}

type MapMethod = "imap" | "imapUnordered";

/** Takes so many results of endless items, and leaves. */
function leftEarly(make: () => Group | Pool, method: MapMethod, wanted: number, slow: boolean): Body {
  return async () => {
    const group = make();
    const reader = async () => {
      const source = new Source();
      const works = new Works();
      const got: unknown[] = [];
      const work = (n: number) => works.run<unknown>(() => n < wanted ? n : sleep(Infinity)); // the rest has no end
      const read = async () => {
        const items = slow ? source.slowItems() : source.items();
        for await (const result of group[method](work, items, { maxSize: 3 })) {
          got.push(result);
          if (got.length === wanted) break;
          await sleep();
        }
      };
      const done = await endure(read);
      if (!done && got.length === wanted) await sleep(9); // interrupted while it waited for the clean-up
      assert(!done || got.length === wanted);
      works.assertOver();
      source.assertClosed();
      assert(source.taken <= got.length + 4); // three on the way, and one that waits for room
      if (method === "imap") assertEquals(got, Array.from(got, (_, i) => i));
      else assertEquals(new Set(got).size, got.length);
    };
    await joinAll([spawn(reader), spawn(reader)]);
    assertEmpty(group);
  };
}

for (const [kind, make] of KINDS) {
  for (const method of ["imap", "imapUnordered"] as const) {
    for (const slow of [false, true]) {
      exploreTest(
        `${kind}.${method}() left early kills the rest and closes its ${slow ? "slow " : ""}source`,
        leftEarly(make, method, 2, slow),
        { faults: 1 },
      );
    }
  }

  exploreTest(`${kind}.imap() throws an error at its position and goes on`, async (world) => {
    allowPlanned(world);
    const group = make();
    const reader = async () => {
      const works = new Works();
      const results: Results<number | undefined> = group.imap((n: number) =>
        works.run(() => {
          if (n === 1) throw new Planned("1");
          return n;
        }), new Source(4).items());
      const got: unknown[] = [];
      await endure(async () => {
        for (;;) {
          try {
            const { done, value } = await results.next();
            if (done) break;
            got.push(value);
          } catch (error) {
            if (!(error instanceof Planned)) throw error;
            got.push(error.message);
          }
        }
        assertEquals(got.length, 4);
      });
      assertEquals(got, [0, "1", 2, 3].slice(0, got.length));
      works.assertOver();
    };
    await joinAll([spawn(reader), spawn(reader)]);
    assertEmpty(group);
  }, { faults: 1 });
}

exploreTest("Pool maps of several callers share the slots", async () => {
  const pool = new Pool(2);
  const works = new Works();
  const mapper = (items: number[]) =>
    endure(async () => {
      assertEquals(await pool.map((n: number) => works.run(() => -n), items), items.map((n) => -n));
    });
  const spawner = () => endure(() => pool.spawn(() => works.run()));
  await joinAll([spawn(mapper, [1, 2]), spawn(mapper, [3, 4]), spawn(spawner)]);
  await pool.join();
  assert(works.most <= 2, `${works.most} at once`);
  works.assertOver();
  assertIdle(pool, 2);
});

exploreTest("Pool.apply() by a member runs in the member's own slot", async () => {
  const pool = new Pool(1);
  const works = new Works();
  const member = () => pool.apply(() => works.run(() => "inner"));
  const caller = () =>
    endure(async () => {
      const result = await (await pool.spawn(member)).get();
      assert(result === "inner" || result as unknown instanceof GreenletExit);
    });
  await joinAll([spawn(caller), spawn(caller)]);
  await pool.join();
  assertEquals(works.most <= 1, true);
  works.assertOver();
  assertIdle(pool, 1);
});
