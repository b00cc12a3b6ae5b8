import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import {
  explore,
  getHub,
  type Greenlet,
  joinAll,
  ResourcePool,
  sleep,
  spawn,
  Timeout,
  until,
} from "@verdant/green";
import { captureErrors } from "../../helpers.ts";
import { passes, strikeEveryWait } from "../trial.ts";

/** A workshop in which making and destroying take time, and which watches how many there are. */
class Workshop {
  alive = 0;
  most = 0;
  made = 0;
  /** Creations that were interrupted. */
  interrupted = 0;

  readonly create = async (): Promise<number> => {
    this.most = Math.max(this.most, ++this.alive);
    try {
      await sleep();
      await sleep(1);
      return ++this.made;
    } catch (error) {
      this.alive--;
      this.interrupted++;
      throw error;
    }
  };

  readonly destroy = async (): Promise<void> => {
    await sleep();
    this.alive--;
  };
}

for (const [name, strike] of Object.entries({ killed, timedOut })) {
  Deno.test(`ResourcePool: a user who is ${name} at any wait loses nothing`, async () => {
    for (const contention of [0, 1, 2]) {
      const waits = await strikeEveryWait(() => {
        const workshop = new Workshop();
        const pool = new ResourcePool({ ...workshop, maxSize: 1 });
        const others = Array.from({ length: contention }, () => spawn(use, pool));
        return {
          victim: () => use(pool),
          check: async () => {
            await joinAll(others, { raiseError: true });
            const last = spawn(use, pool);
            assert(await last.join({ timeout: 5_000 }), "a slot is lost");
            assertEquals([last.failed, pool.lent, pool.waiting, pool.size], [false, 0, 0, 1]);
            assert(await pool.close({ timeout: 5_000 }));
            assertEquals([workshop.alive, workshop.most], [0, 1]);
          },
        };
      }, strike);
      assert(waits >= 2);
    }
  });
}

async function use<T>(pool: ResourcePool<T>): Promise<void> {
  using _item = await pool.lease();
  await sleep(1);
}

function killed(victim: Greenlet): void {
  void victim.kill("struck", { block: false });
}

function timedOut(victim: Greenlet): void {
  victim.throw(new Timeout(5));
}

Deno.test("ResourcePool.get() that is killed while its item is made calls that off", async () => {
  const workshop = new Workshop();
  const pool = new ResourcePool({ ...workshop, maxSize: 1 });
  const getter = spawn(() => pool.get());
  await passes(2);
  assertEquals([workshop.alive, pool.size], [1, 1]);
  await getter.kill();
  await passes(1);
  assertEquals([workshop.alive, workshop.interrupted, pool.size, pool.waiting], [0, 1, 0, 0]);
  assertEquals(await pool.get(), 1);
});

Deno.test("ResourcePool: what is being made for one who was killed goes to the one who waits", async () => {
  const workshop = new Workshop();
  const pool = new ResourcePool({ ...workshop, maxSize: 1 });
  const victim = spawn(() => pool.get());
  const next = spawn(() => pool.get());
  await passes(2);
  await victim.kill();
  assertEquals([await next.get(), workshop.made, workshop.interrupted], [1, 1, 0]);
});

Deno.test("ResourcePool: when create() fails, the one who has waited longest makes the next", async () => {
  const failure = new Error("no luck");
  let creates = 0;
  const pool = new ResourcePool({
    maxSize: 1,
    async create() {
      await sleep();
      if (++creates === 1) throw failure;
      return creates;
    },
  });
  const [unlucky, next, last] = [1, 2, 3].map(() => spawn(() => pool.get().catch((error) => error)));
  assertStrictEquals(await unlucky!.get(), failure);
  assertEquals([await next!.get(), last!.ready, pool.waiting], [2, false, 1]);
  pool.put(2);
  assertEquals(await last!.get(), 2);
});

Deno.test("ResourcePool: a failure is told to the one it was made for, if others were served first", async () => {
  const gates = [
    Promise.withResolvers<string>(),
    Promise.withResolvers<string>(),
    Promise.withResolvers<string>(),
  ];
  let creates = 0;
  const pool = new ResourcePool<string>({ create: () => gates[creates++]!.promise, maxSize: 2 });
  const [a, b] = [1, 2].map(() => spawn(() => pool.get()));
  await passes(2);
  gates[1]!.resolve("second");
  assertEquals([await a!.get(), b!.ready], ["second", false]);
  // The first was made for a, who has one: b makes the next.
  gates[0]!.reject(new Error("no luck"));
  await passes(3);
  assertEquals([creates, b!.ready, pool.size], [3, false, 2]);
  using errors = captureErrors();
  const failure = new Error("no luck again");
  gates[2]!.reject(failure);
  await b!.join();
  assertStrictEquals(b!.error, failure);
  assertEquals([errors.seen, pool.size], [[failure], 1]); // as the end of b, not of the creation
});

Deno.test("ResourcePool: of several failures and kills each concerns the one it was made for", async () => {
  const gates: PromiseWithResolvers<string>[] = [];
  const log: string[] = [];
  const pool = new ResourcePool<string>({
    async create() {
      const name = "abcd"[gates.length]!;
      gates.push(Promise.withResolvers());
      try {
        return await until(gates.at(-1)!.promise);
      } catch (error) {
        log.push(name);
        throw error;
      }
    },
  });
  const getters = [..."abcd"].map(() => spawn(() => pool.get().catch((error) => error)));
  await passes(2);
  const failure = new Error("no luck");
  gates[1]!.reject(failure);
  assertStrictEquals(await getters[1]!.get(), failure);
  await getters[0]!.kill();
  await passes(2);
  assertEquals([log, pool.size, pool.waiting], [["b", "a"], 2, 2]);
  gates[3]!.resolve("d");
  gates[2]!.resolve("c");
  assertEquals([await getters[2]!.get(), await getters[3]!.get()], ["d", "c"]);
});

Deno.test("ResourcePool: an item that arrives though nobody waits any more is kept", async () => {
  const gate = Promise.withResolvers<string>();
  const pool = new ResourcePool<string>({ create: () => gate.promise, maxSize: 1 }); // deaf to kills
  const getter = spawn(() => pool.get());
  await passes(2);
  await getter.kill();
  assertEquals([pool.size, pool.idle, pool.free], [1, 0, 0]);
  const next = spawn(() => pool.get());
  await passes(2);
  assertEquals([next.ready, pool.waiting], [false, 1]);
  gate.resolve("late");
  assertEquals([await next.get(), pool.size], ["late", 1]);
});

Deno.test("ResourcePool.put() serves the one for whom an item is being made; that is kept, too", async () => {
  const workshop = new Workshop();
  const pool = new ResourcePool({ ...workshop, maxSize: 2 });
  const first = await pool.get();
  const getter = spawn(() => pool.get());
  await passes(2);
  pool.put(first);
  assertEquals(await getter.get(), first);
  assertEquals([await pool.get(), workshop.made, pool.size], [2, 2, 2]);
});

Deno.test("ResourcePool: one who waits for an item begun for another can be killed as well", async () => {
  const workshop = new Workshop();
  const pool = new ResourcePool({ ...workshop, maxSize: 2 });
  const first = await pool.get();
  const getter = spawn(() => pool.get());
  await sleep();
  pool.put(first);
  const adopter = spawn(() => pool.get());
  await passes(2);
  assertEquals([pool.waiting, pool.size, workshop.alive], [1, 2, 2]);
  await adopter.kill();
  await passes(2);
  assertEquals([getter.value, workshop.interrupted, pool.size], [first, 1, 1]);
});

Deno.test("ResourcePool: the first items are made whether wanted or not; get() waits for one of them", async () => {
  const workshop = new Workshop();
  const pool = new ResourcePool({ ...workshop, minSize: 1, maxSize: 3 });
  const getter = spawn(() => pool.get());
  const victim = spawn(() => pool.get());
  await passes(2);
  assertEquals(pool.size, 2);
  await victim.kill();
  assertEquals([await getter.get(), workshop.made, workshop.interrupted, pool.size], [1, 1, 1, 1]);
  const spare = new ResourcePool({ ...workshop, minSize: 1 });
  const impatient = spawn(() => spare.get());
  await sleep();
  await impatient.kill();
  assertEquals([await spare.get(), workshop.interrupted], [2, 1]);
});

Deno.test("ResourcePool reports a first item that could not be made, unless somebody takes over", async () => {
  using errors = captureErrors();
  const failure = new Error("no luck");
  let creates = 0;
  const create = () => {
    if (++creates < 3) throw failure;
    return creates;
  };
  const idle = new ResourcePool({ create, minSize: 1 });
  await passes(3);
  assertEquals([errors.seen, idle.size, creates], [[failure], 0, 1]); // not tried again and again
  const wanted = new ResourcePool({ create, minSize: 1 });
  assertEquals([await wanted.get(), errors.seen.length, creates], [3, 1, 3]);
});

Deno.test("ResourcePool makes up for first items that failed once it can", async () => {
  using errors = captureErrors();
  let down = true;
  const pool = new ResourcePool({
    create: () => {
      if (down) throw new Error("down");
      return {};
    },
    minSize: 2,
  });
  await passes(2);
  assertEquals([errors.seen.length, pool.size], [2, 0]);
  down = false;
  const item = await pool.get();
  await passes(2);
  assertEquals([pool.size, pool.idle], [2, 1]);
  pool.put(item);
});

Deno.test("ResourcePool: an error of a creation that was called off is not reported", async () => {
  using errors = captureErrors();
  const pool = new ResourcePool({
    create: () =>
      sleep(60_000).catch((error) => {
        throw new Error("closed", { cause: error });
      }),
  });
  const getter = spawn(() => pool.get());
  await passes(2);
  await getter.kill();
  await passes(2);
  assertEquals([errors.seen, pool.size], [[], 0]);
});

Deno.test("ResourcePool begins anew for who waits if the greenlet that makes the item is killed", async () => {
  const workshop = new Workshop();
  const pool = new ResourcePool({ ...workshop, maxSize: 1 });
  const getter = spawn(() => pool.get());
  await sleep();
  for (const task of getHub().tasks()) {
    if (task !== getter) void (task as Greenlet).kill("out", { block: false });
  }
  assertEquals([await getter.get(), pool.size], [1, 1]);
});

Deno.test("ResourcePool: under any schedule and any kill there are never too many, and nothing is lost", async () => {
  const users = new WeakSet<Greenlet>();
  await explore(async () => {
    const workshop = new Workshop();
    const pool = new ResourcePool({ ...workshop, maxSize: 2 });
    const user = async () => {
      using item = await pool.lease();
      await sleep();
      if (item.value === 1) item.discard();
    };
    const all = [1, 2, 3].map(() => spawn(user));
    for (const greenlet of all) users.add(greenlet);
    await joinAll(all);
    assertEquals([pool.lent, pool.waiting], [0, 0]);
    const items = [await pool.get(), await pool.get()]; // both slots are there
    for (const item of items) pool.put(item);
    await pool.close();
    assert(workshop.most <= 2);
    assertEquals(workshop.alive, 0);
  }, { runs: 500, inject: ["kill", "timeout"], victims: (greenlet) => users.has(greenlet) });
});

Deno.test("ResourcePool: whatever is done with it at once, its books are right", async () => {
  const users = new WeakSet<Greenlet>();
  await explore(async ({ random, hub }) => {
    const workshop = new Workshop();
    const pool = new ResourcePool({
      ...workshop,
      create: () => {
        if (random() < 0.2) throw new RangeError("no luck");
        return workshop.create();
      },
      validate: () => random() < 0.7,
      minSize: random() < 0.5 ? 1 : 0,
      maxSize: 3,
    });
    const user = async () => {
      for (let i = 0; i < 3; i++) {
        try {
          using lease = await pool.lease(random() < 0.3 ? { timeout: 1 } : {});
          assert(pool.lent >= 1 && pool.size >= pool.lent + pool.idle);
          if (random() < 0.5) await sleep(random() < 0.5 ? 0 : 1);
          if (random() < 0.3) lease.discard();
        } catch (error) {
          if (!(error instanceof RangeError || error instanceof Timeout)) throw error;
        }
      }
    };
    const keeper = async () => {
      for (let i = 0; i < 4; i++) {
        await sleep();
        pool.resize(1 + Math.floor(random() * 3));
        if (random() < 0.3) pool.clear();
      }
    };
    hub.onError = () => {}; // first items that could not be made
    const all = [user, user, user, user, keeper].map((work) => spawn(work));
    for (const greenlet of all) users.add(greenlet);
    await joinAll(all);
    assertEquals([pool.lent, pool.waiting], [0, 0]);
    assert(workshop.most <= 3, `${workshop.most} at once`);
    await pool.close();
    assertEquals([workshop.alive, pool.size], [0, 0]);
  }, { runs: 500, inject: ["kill", "timeout"], victims: (greenlet) => users.has(greenlet) });
});
