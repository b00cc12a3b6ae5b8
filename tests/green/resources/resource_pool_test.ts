import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  BlockingSwitchOutError,
  getHub,
  joinAll,
  Queue,
  ResourcePool,
  type ResourcePoolOptions,
  ShutDown,
  simulate,
  SimulationError,
  sleep,
  spawn,
  Timeout,
} from "@verdant/green";
import { captureErrors, turn } from "../../helpers.ts";
import { assertFair } from "../fair.ts";
import { endlessSlice, passes } from "../trial.ts";

/** A pool of the numbers 1, 2, 3 … */
class IntPool extends ResourcePool<number> {
  made = 0;

  protected override create(): number | Promise<number> {
    return ++this.made;
  }
}

/** Numbers, and what became of them. */
function counted(options: Partial<ResourcePoolOptions<number>> = {}) {
  let made = 0;
  const destroyed: number[] = [];
  const pool = new ResourcePool<number>({
    create: () => ++made,
    destroy: (item) => void destroyed.push(item),
    ...options,
  });
  return { pool, destroyed, made: () => made };
}

const account = <T>({ size, idle, lent, free, waiting }: ResourcePool<T>) => ({
  size,
  idle,
  lent,
  free,
  waiting,
});

// ---- What eventlet's own tests say -----------------------------------------------------------------

Deno.test("ResourcePool.get() lends items in the order in which they came back", async () => {
  const pool = new IntPool();
  const [one, two] = [await pool.get(), await pool.get()];
  pool.put(one);
  pool.put(two);
  assertEquals([await pool.get(), await pool.get()], [one, two]);
  pool.put(two);
  pool.put(one);
  assertEquals([await pool.get(), await pool.get()], [two, one]);
});

Deno.test("ResourcePool with orderAsStack lends the item that came back last", async () => {
  const pool = new IntPool({ orderAsStack: true });
  const [one, two] = [await pool.get(), await pool.get()];
  pool.put(one);
  pool.put(two);
  assertEquals([await pool.get(), await pool.get()], [two, one]);
});

Deno.test("ResourcePool.get() makes no more than maxSize items, however many contend", async () => {
  let creates = 0;
  const pool = new ResourcePool({
    maxSize: 4,
    async create() {
      creates++;
      await sleep();
      return "slept";
    },
  });
  const user = async () => {
    const item = await pool.get();
    assertEquals(item, "slept");
    await sleep();
    pool.put(item);
  };
  const users = Array.from({ length: 100 }, () => spawn(user));
  await joinAll(users, { raiseError: true });
  assertEquals([creates, account(pool)], [4, { size: 4, idle: 4, lent: 0, free: 4, waiting: 0 }]);
});

Deno.test("ResourcePool.get() waits when all is lent, and gets what comes back", async () => {
  const pool = new IntPool();
  const results = new Queue<number>();
  spawn(async () => results.put(await pool.get()));
  await sleep();
  const items = [await pool.get(), await pool.get(), await pool.get()];
  assertEquals([await results.get(), items, pool.free], [1, [2, 3, 4], 0]);
  spawn(async () => results.put(await pool.get()));
  await sleep();
  assertEquals([pool.waiting, results.size], [1, 0]);
  pool.put(items[0]!);
  assertEquals([await results.get(), pool.waiting], [2, 0]);
});

Deno.test("ResourcePool.get() blocks on an exhausted pool only", async () => {
  const pool = new IntPool();
  const log: string[] = [];
  const greedy = spawn(async () => {
    for (let i = 0; i < 4; i++) await pool.get();
    log.push(`had 4, ${pool.waiting} waiting`);
    await pool.get();
    log.push("never");
  });
  await passes(15);
  assertEquals([log, pool.waiting], [["had 4, 0 waiting"], 1]);
  await greedy.kill();
  assertEquals([log.length, pool.waiting], [1, 0]);
});

Deno.test("ResourcePool.put() works while nobody waits any more: those who did have timed out", async () => {
  const pool = new IntPool({ maxSize: 1 });
  const item = await pool.get();
  const getters = [1, 2].map(() => spawn(() => assertRejects(() => pool.get({ timeout: 1 }), Timeout)));
  await joinAll(getters, { raiseError: true });
  pool.put(item);
  assertEquals(account(pool), { size: 1, idle: 1, lent: 0, free: 1, waiting: 0 });
  assertEquals(await pool.get(), item);
});

Deno.test("ResourcePool.put() while the getters are being killed gives the item to none of them", async () => {
  const pool = new IntPool({ maxSize: 1 });
  const item = await pool.get();
  const getters = [1, 2].map(() => spawn(() => pool.get()));
  await sleep();
  for (const getter of getters) void getter.kill("timed out", { block: false });
  pool.put(item);
  await joinAll(getters);
  assertEquals(account(pool), { size: 1, idle: 1, lent: 0, free: 1, waiting: 0 });
});

Deno.test("ResourcePool.put() by other greenlets lets more be lent than there are items", async () => {
  const size = 2;
  const pool = new IntPool({ maxSize: size });
  const queue = new Queue<number>();
  for (let index = 0; index <= size; index++) {
    const item = await pool.get();
    spawn(() => {
      pool.put(item);
      queue.putNowait(index);
    });
  }
  const results: number[] = [];
  for (let i = 0; i <= size; i++) results.push(await queue.get());
  assertEquals(results.sort(), [0, 1, 2]);
});

Deno.test("ResourcePool.get() throws what create() throws, and the slot is free", async () => {
  using errors = captureErrors();
  const failure = new RangeError("no");
  let fails = true;
  const { pool } = counted({
    maxSize: 1,
    create: () => {
      if (fails) throw failure;
      return 7;
    },
  });
  for (let i = 0; i < 3; i++) assertStrictEquals(await pool.get().catch((error) => error), failure);
  assertEquals(account(pool), { size: 0, idle: 0, lent: 0, free: 1, waiting: 0 });
  fails = false;
  assertEquals([await pool.get(), errors.seen], [7, []]);
});

Deno.test("ResourcePool makes minSize items in advance", async () => {
  const pool = new IntPool({ minSize: 3, maxSize: 5 });
  assertEquals([pool.made, pool.size, pool.idle, pool.free], [0, 3, 0, 2]);
  await sleep();
  assertEquals([pool.made, pool.size, pool.idle, pool.free], [3, 3, 3, 5]);
  const items: number[] = [];
  for (let i = 0; i < 5; i++) items.push(await pool.get());
  assertEquals([items, pool.free], [[1, 2, 3, 4, 5], 0]);
});

// ---- Lending ---------------------------------------------------------------------------------------

Deno.test("ResourcePool without create() says so", async () => {
  const error = await assertRejects(() => new ResourcePool().get(), TypeError);
  assertEquals(
    error.message,
    "Cannot create item: the pool was given no create function, and create() is not overridden",
  );
});

Deno.test("ResourcePool refuses bad options", () => {
  const refused = (options: object, type: typeof Error, message: string) =>
    assertThrows(() => new ResourcePool(options), type, message);
  refused(
    { maxSize: -1 },
    RangeError,
    "Cannot create pool: maxSize must be a non-negative integer or Infinity, received -1",
  );
  refused({ maxSize: 1.5 }, RangeError, "received 1.5");
  refused(
    { minSize: NaN },
    RangeError,
    "Cannot create pool: minSize must be a non-negative integer, received NaN",
  );
  refused({ minSize: Infinity, maxSize: Infinity }, RangeError, "minSize");
  refused({ minSize: 5 }, RangeError, "minSize must not be above maxSize, received 5, 4");
  for (const name of ["create", "destroy", "validate"]) {
    refused({ [name]: 5 }, TypeError, `Cannot create pool: ${name} must be a function, received 5`);
  }
  const pool = new IntPool();
  assertThrows(() => pool.resize(-1), RangeError, "Cannot resize pool: maxSize must be");
  assertThrows(() => pool.get({ timeout: -1 }), RangeError, "Cannot get from pool");
  assertThrows(() => pool.lease({ timeout: NaN }), RangeError, "Cannot get from pool");
  assertThrows(() => void pool.close({ timeout: -1 }), RangeError, "Cannot close pool");
  assertThrows(() => pool.evict(5 as never), TypeError, "Cannot evict items: predicate must be a function");
  assertEquals([pool.maxSize, pool.minSize, pool.closed, pool.size], [4, 0, false, 0]);
});

Deno.test("ResourcePool.get() does not switch if an item is idle", async () => {
  using _slice = endlessSlice();
  const pool = new IntPool();
  pool.put(await pool.get());
  const log: string[] = [];
  const other = spawn(() => log.push("other"));
  await pool.get();
  log.push("got");
  await other.join();
  assertEquals(log, ["got", "other"]);
});

Deno.test("ResourcePool.get() in a loop is fair", async () => {
  const pool = new IntPool();
  await assertFair(async () => pool.put(await pool.get()));
  await assertFair(() => pool.get({ signal: AbortSignal.abort() }));
  await pool.close();
  await assertFair(() => pool.get());
});

Deno.test("ResourcePool.put() does not switch and hands over: nobody overtakes", async () => {
  const pool = new IntPool({ maxSize: 1 });
  const item = await pool.get();
  const log: string[] = [];
  const getters = ["a", "b"].map((name) =>
    spawn(async () => {
      const item = await pool.get();
      log.push(name);
      await sleep();
      pool.put(item);
    })
  );
  await sleep();
  pool.put(item);
  assertEquals([pool.lent, pool.idle, log], [1, 0, []]); // a has it already
  const late = spawn(async () => {
    await pool.get();
    log.push("late");
  });
  await joinAll([...getters, late], { raiseError: true });
  assertEquals(log, ["a", "b", "late"]);
});

Deno.test("ResourcePool.get() cannot overtake those for whom an item is on the way", async () => {
  const log: string[] = [];
  const pool = new ResourcePool({ create: () => sleep().then(() => ({})), maxSize: 2 });
  const getter = async (name: string) => {
    await pool.get();
    log.push(name);
  };
  const first = await pool.get();
  const a = spawn(getter, "a");
  await sleep(); // its item is being made
  pool.put(first); // goes to a
  const b = spawn(getter, "b");
  await joinAll([a, b], { raiseError: true });
  assertEquals([log, pool.size], [["a", "b"], 2]);
});

Deno.test("ResourcePool.get() in a callback of the hub throws at once, put() works there", async () => {
  using errors = captureErrors();
  const pool = new IntPool();
  const item = await pool.get();
  getHub().runCallback(() => pool.put(item));
  getHub().runCallback(() => void pool.get());
  getHub().runCallback(() => void pool.close());
  await turn();
  assertEquals(errors.seen.map((error) => error instanceof BlockingSwitchOutError), [true, true]);
  assertEquals([pool.idle, pool.closed], [1, false]);
});

Deno.test("ResourcePool.get() with timeout 0 takes what is idle and nothing else", async () => {
  const pool = new IntPool({ maxSize: 1 });
  await assertRejects(() => pool.get({ timeout: 0 }), Timeout);
  assertEquals(pool.size, 0);
  pool.put(await pool.get());
  assertEquals(await pool.get({ timeout: 0 }), 1);
  await assertRejects(() => pool.get({ timeout: 0 }), Timeout, "ResourcePool.get()");
});

Deno.test("ResourcePool.get() ends with its signal, or with the Timeout given", async () => {
  const pool = new IntPool({ maxSize: 1 });
  const item = await pool.get();
  const controller = new AbortController();
  const getter = spawn(() => assertRejects(() => pool.get({ signal: controller.signal }), Error, "enough"));
  await sleep();
  controller.abort(new Error("enough"));
  assertEquals([await getter.join(), pool.waiting], [true, 0]);
  const timeout = new Timeout(1);
  assertStrictEquals(await pool.get({ timeout }).catch((error) => error), timeout);
  pool.put(item);
  assertEquals(pool.idle, 1);
});

Deno.test("ResourcePool.get() limits the wait and the making together", async () => {
  await simulate(async (world) => {
    let cleaned = 0;
    const pool = new ResourcePool({
      maxSize: 1,
      async create() {
        try {
          await sleep(100);
        } finally {
          cleaned++;
        }
        return {};
      },
    });
    await assertRejects(() => pool.get({ timeout: 40 }), Timeout);
    assertEquals(world.now, 40);
    await world.settle();
    assertEquals([cleaned, pool.size], [1, 0]);
    const item = await pool.get({ timeout: 100.5 });
    const waiter = spawn(() => assertRejects(() => pool.get({ timeout: 50 }), Timeout));
    await waiter.get();
    pool.put(item);
  });
});

Deno.test("ResourcePool.get() at the top level: its time-out ends no other wait there", async () => {
  const pool = new ResourcePool({ create: () => sleep(60_000) });
  const queue = new Queue<number>();
  const other = queue.get();
  await assertRejects(() => pool.get({ timeout: 1 }), Timeout);
  queue.putNowait(5);
  assertEquals([await other, pool.lent], [5, 0]);
  await pool.close();
});

// ---- Putting ---------------------------------------------------------------------------------------

Deno.test("ResourcePool.put() of another item replaces the one that was lent first", async () => {
  const pool = new IntPool({ maxSize: 2 });
  const [one, two] = [await pool.get(), await pool.get()];
  pool.put(77);
  assertEquals(account(pool), { size: 2, idle: 1, lent: 1, free: 1, waiting: 0 });
  pool.put(two);
  assertEquals(account(pool), { size: 2, idle: 2, lent: 0, free: 2, waiting: 0 });
  assertThrows(() => pool.put(one), TypeError, "Cannot put to pool: nothing is lent");
  assertThrows(() => pool.put(two), TypeError, "Cannot put to pool: the item was given back already");
  await pool.get();
  assertThrows(() => pool.put(two), TypeError, "given back already");
  assertEquals(account(pool), { size: 2, idle: 1, lent: 1, free: 1, waiting: 0 });
});

Deno.test("ResourcePool counts equal items", async () => {
  const pool = new ResourcePool({ create: () => "same", maxSize: 3 });
  for (let i = 0; i < 3; i++) await pool.get();
  for (let lent = 3; lent > 0; lent--) {
    assertEquals([pool.lent, pool.idle], [lent, 3 - lent]);
    pool.put("same");
  }
  assertEquals(account(pool), { size: 3, idle: 3, lent: 0, free: 3, waiting: 0 });
  assertThrows(() => pool.put("same"), TypeError);
  await pool.get();
  pool.discard("same");
  assertEquals([pool.size, pool.lent], [2, 0]);
});

Deno.test("ResourcePool.discard() destroys the item first: then the slot is free", async () => {
  const gate = Promise.withResolvers<void>();
  const { pool, made } = counted({ maxSize: 1, destroy: () => gate.promise });
  const item = await pool.get();
  assertThrows(() => pool.discard(99), TypeError, "Cannot discard item: it is not lent by this pool");
  pool.discard(item);
  assertThrows(() => pool.discard(item), TypeError);
  const next = spawn(() => pool.get());
  await passes(3);
  assertEquals([made(), account(pool)], [1, { size: 1, idle: 0, lent: 0, free: 0, waiting: 1 }]);
  gate.resolve();
  assertEquals([await next.get(), pool.size], [2, 1]);
});

Deno.test("ResourcePool without destroy() frees the slot of a discarded item at once", async () => {
  const pool = new IntPool({ maxSize: 1 });
  const item = await pool.get();
  const next = spawn(() => pool.get());
  await sleep();
  pool.discard(item);
  assertEquals([pool.waiting, pool.size], [1, 1]); // being made
  assertEquals(await next.get(), 2);
});

Deno.test("ResourcePool reports an error of destroy(), and the slot is free", async () => {
  using errors = captureErrors();
  const failure = new Error("stuck");
  const { pool } = counted({
    maxSize: 1,
    destroy: () => {
      throw failure;
    },
  });
  pool.discard(await pool.get());
  assertEquals([await pool.get(), errors.seen], [2, [failure]]);
});

// ---- Leases ----------------------------------------------------------------------------------------

Deno.test("ResourcePool.lease() gives the item back once", async () => {
  const pool = new IntPool({ maxSize: 1 });
  const lease = await pool.lease();
  assertEquals([lease.value, lease.released, pool.lent], [1, false, 1]);
  {
    using same = lease;
    assertStrictEquals(same, lease);
  }
  lease.release();
  lease.discard();
  assertEquals([lease.released, pool.idle, pool.lent], [true, 1, 0]);
  assertThrows(() => lease.value, Error, "Cannot use item: it was given back to the pool");
});

Deno.test("ResourceLease.discard() destroys the item, once", async () => {
  const { pool, destroyed } = counted();
  {
    using lease = await pool.lease();
    lease.discard();
    assertEquals(lease.released, true);
  }
  await sleep();
  assertEquals([destroyed, pool.size], [[1], 0]);
});

Deno.test("ResourceLease.release() that is refused can be tried again", async () => {
  const pool = new IntPool();
  const lease = await pool.lease();
  pool.put(lease.value);
  assertThrows(() => lease.release(), TypeError);
  assertEquals(lease.released, false);
});

Deno.test("ResourcePool: an item that is still lent is left behind in a simulation", async () => {
  const forget = async () => void await new IntPool().get();
  const error = await assertRejects(() => simulate(forget), SimulationError);
  assert(error.message.includes("IntPool: 1 item lent"), error.message);
});

// ---- Sizes -----------------------------------------------------------------------------------------

Deno.test("ResourcePool.resize() up makes items for those who wait", async () => {
  const pool = new IntPool({ maxSize: 1 });
  const getters = [1, 2, 3].map(() => spawn(() => pool.get()));
  await passes(3);
  assertEquals(getters.map(({ ready }) => ready), [true, false, false]);
  pool.resize(2);
  await passes(3);
  assertEquals(getters.map(({ ready }) => ready), [true, true, false]);
  pool.resize(Infinity);
  await joinAll(getters);
  assertEquals([pool.lent, pool.maxSize], [3, Infinity]);
});

Deno.test("ResourcePool.resize() down destroys idle items now, others as they come back", async () => {
  const { pool, destroyed } = counted({ maxSize: 4 });
  const items: number[] = [];
  for (let i = 0; i < 4; i++) items.push(await pool.get());
  pool.put(1);
  pool.put(2);
  pool.resize(3);
  assertEquals([pool.idle, pool.lent], [1, 2]);
  await sleep();
  assertEquals([destroyed, pool.size], [[1], 3]); // the one that was idle longest
  pool.resize(1);
  pool.put(3);
  pool.put(4);
  assertEquals(account(pool), { size: 3, idle: 1, lent: 0, free: 1, waiting: 0 });
  await sleep();
  assertEquals([destroyed, account(pool)], [[1, 2, 3], { size: 1, idle: 1, lent: 0, free: 1, waiting: 0 }]);
});

Deno.test("ResourcePool of size 0 lets everybody wait until there is room", async () => {
  const pool = new IntPool({ maxSize: 0 });
  const getter = spawn(() => pool.get());
  await passes(2);
  assertEquals([pool.waiting, pool.size], [1, 0]);
  pool.resize(1);
  assertEquals(await getter.get(), 1);
});

Deno.test("ResourcePool replaces what was destroyed, up to minSize", async () => {
  const { pool, destroyed } = counted({ minSize: 2 });
  await passes(2);
  pool.clear();
  assertEquals([pool.idle, pool.size], [0, 2]);
  await passes(3);
  assertEquals([destroyed, pool.idle], [[1, 2], 2]);
  pool.discard(await pool.get());
  await passes(3);
  assertEquals([destroyed, pool.idle], [[1, 2, 3], 2]);
  pool.resize(1);
  await passes(3);
  assertEquals([destroyed.length, pool.idle], [4, 1]);
  pool.resize(4);
  await passes(3);
  assertEquals(pool.idle, 2);
  const plain = new IntPool({ minSize: 1 }); // without destroy()
  await sleep();
  plain.clear();
  await sleep();
  assertEquals([plain.idle, await plain.get(), plain.size], [1, 2, 1]);
});

Deno.test("ResourcePool.evict() destroys the idle items that are named, oldest first", async () => {
  const { pool, destroyed } = counted();
  for (let i = 0; i < 4; i++) await pool.get();
  for (const item of [3, 1, 2]) pool.put(item);
  const asked: [number, number][] = [];
  const count = pool.evict((item, evicted) => {
    asked.push([item, evicted]);
    return item !== 1;
  });
  await sleep();
  assertEquals([count, asked], [2, [[3, 0], [1, 1], [2, 1]]]);
  assertEquals([destroyed, pool.idle, pool.lent], [[3, 2], 1, 1]);
  assertThrows(() =>
    pool.evict(() => {
      throw new Error("no idea");
    })
  );
  pool.clear();
  assertEquals([pool.idle, pool.lent], [0, 1]);
});

Deno.test("ResourcePool.get() skips idle items that are no good any more", async () => {
  const bad = new Set<number>();
  const { pool, destroyed } = counted({
    maxSize: 3,
    validate: (item) => {
      if (item === 2) throw new Error("of no account");
      return !bad.has(item);
    },
  });
  for (let i = 0; i < 3; i++) await pool.get();
  for (let i = 1; i <= 3; i++) pool.put(i);
  bad.add(1);
  assertEquals(await pool.get(), 3);
  await sleep();
  assertEquals([destroyed, pool.size], [[1, 2], 1]);
  pool.put(3);
  bad.add(3);
  assertEquals(await pool.get(), 4);
});

Deno.test("ResourcePool lends no item of which validate() says anything but true", async () => {
  for (const answer of [false, undefined, 1, Promise.resolve(true)]) {
    const { pool } = counted({ validate: () => answer as boolean });
    pool.put(await pool.get());
    assertEquals(await pool.get(), 2);
  }
});

Deno.test("ResourcePool without destroy() and with nothing good left makes a new item", async () => {
  const pool = new ResourcePool({ create: () => ({}), validate: () => false, maxSize: 2 });
  const [one, two] = [await pool.get(), await pool.get()];
  pool.put(one);
  pool.put(two);
  const getters = [1, 2, 3].map(() => spawn(() => pool.get()));
  await passes(3);
  assertEquals(getters.map(({ ready }) => ready), [true, true, false]);
  pool.put(getters[0]!.value as object); // handed over, not asked about
  assertStrictEquals(await getters[2]!.get(), getters[0]!.value);
});

/** Asks about the items that are named, for as long as the gate is closed. */
class AskingPool extends IntPool {
  readonly suspects = new Set<number>();
  readonly gate = Promise.withResolvers<boolean>();

  protected override inquiry(item: number): (() => Promise<boolean>) | undefined {
    return this.suspects.has(item) ? () => this.gate.promise : undefined;
  }
}

async function askingPool(): Promise<AskingPool> {
  const pool = new AskingPool({ maxSize: 2 });
  const items = [await pool.get(), await pool.get()];
  for (const item of items) pool.put(item);
  pool.suspects.add(1);
  return pool;
}

Deno.test("ResourcePool.get() overtakes nobody whose item is being asked about", async () => {
  const pool = await askingPool();
  const first = spawn(() => pool.get());
  await sleep();
  assertEquals([pool.idle, pool.size, pool.waiting], [1, 2, 1]);
  const second = spawn(() => pool.get());
  await passes(2);
  assertEquals([first.value, second.ready], [2, false]);
  pool.gate.resolve(true);
  assertEquals([await second.get(), pool.lent], [1, 2]);
});

Deno.test("ResourcePool destroys an item if the answer is no, and whoever waited gets another one", async () => {
  const pool = await askingPool();
  pool.suspects.add(2);
  const getters = [1, 2].map(() => spawn(() => pool.get()));
  await sleep();
  assertEquals([pool.size, pool.made, pool.waiting], [2, 2, 2]);
  pool.gate.resolve(false);
  await joinAll(getters);
  assertEquals([getters.map(({ value }) => value), pool.size], [[3, 4], 2]);
});

Deno.test("ResourcePool.close() waits for the answer about an item", async () => {
  const pool = await askingPool();
  const getter = spawn(() => assertRejects(() => pool.get(), ShutDown));
  await sleep();
  const closing = spawn(() => pool.close());
  await getter.get();
  assertEquals([closing.ready, pool.size], [false, 1]);
  pool.gate.resolve(true);
  assertEquals([await closing.get(), pool.size], [true, 0]);
});

// ---- The end ---------------------------------------------------------------------------------------

Deno.test("ResourcePool.close() fails those who wait and those who come later", async () => {
  const { pool, destroyed } = counted({ maxSize: 2 });
  const [one, two] = [await pool.get(), await pool.get()];
  const waiter = spawn(() => assertRejects(() => pool.get(), ShutDown, "Cannot get from pool: it is closed"));
  await sleep();
  const closing = spawn(() => pool.close());
  await sleep();
  await waiter.get();
  assertEquals(pool.closed, true);
  await assertRejects(() => pool.get(), ShutDown);
  await assertRejects(() => pool.lease({ timeout: 0 }), ShutDown);
  pool.put(one);
  await passes(2);
  assertEquals([destroyed, closing.ready], [[1], false]);
  pool.discard(two);
  assertEquals([await closing.get(), destroyed, pool.size], [true, [1, 2], 0]);
  assertEquals(await pool.close(), true);
});

Deno.test("ResourcePool.close() without destroy() ends with the last return", async () => {
  const pool = new IntPool();
  const [one, two] = [await pool.get(), await pool.get()];
  const closing = spawn(() => pool.close());
  await sleep();
  pool.put(one);
  await sleep();
  assertEquals(closing.ready, false);
  pool.put(two);
  assertEquals(await closing.get({ timeout: 5_000 }), true);
});

Deno.test("ResourcePool.close() with a limit does not hang on a lost item", async () => {
  const { pool, destroyed } = counted();
  const lost = await pool.get();
  const other = await pool.get();
  pool.put(other);
  assertEquals([await pool.close({ timeout: 0 }), pool.idle], [false, 0]);
  assertEquals([await pool.close({ timeout: 1 }), destroyed], [false, [2]]);
  pool.put(lost);
  assertEquals(await pool.close(), true);
  assertEquals(destroyed, [2, 1]);
});

Deno.test("ResourcePool.close() closes it also if the caller is killed", async () => {
  const pool = new IntPool();
  await pool.get();
  const controller = new AbortController();
  controller.abort(new Error("enough"));
  await assertRejects(() => pool.close({ signal: controller.signal }), Error, "enough");
  assertEquals(pool.closed, true);
});

Deno.test("ResourcePool.close() ends what is being made; what is made nevertheless is destroyed", async () => {
  const gate = Promise.withResolvers<number>();
  const log: string[] = [];
  let creates = 0;
  const { pool, destroyed } = counted({
    async create() {
      if (++creates === 2) return await gate.promise; // deaf to the kill
      try {
        await sleep(60_000);
      } finally {
        log.push("cleaned up");
      }
      return 1;
    },
  });
  const getters = [1, 2].map(() => spawn(() => assertRejects(() => pool.get(), ShutDown)));
  await passes(2);
  assertEquals(creates, 2);
  const closing = spawn(() => pool.close());
  await joinAll(getters, { raiseError: true });
  await passes(3);
  assertEquals([log, closing.ready, pool.size], [["cleaned up"], false, 1]);
  gate.resolve(8);
  assertEquals([await closing.get(), destroyed, pool.size], [true, [8], 0]);
});

Deno.test("ResourcePool closed before its first items were made makes none", async () => {
  const { pool, made } = counted({ minSize: 2 });
  assertEquals([await pool.close(), made(), pool.size], [true, 0, 0]);
});

Deno.test("ResourcePool is closed by await using", async () => {
  const { pool, destroyed } = counted();
  {
    await using same = pool;
    using lease = await same.lease();
    assertEquals(lease.value, 1);
  }
  assertEquals([pool.closed, destroyed], [true, [1]]);
});
