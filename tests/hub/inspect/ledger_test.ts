import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  explore,
  getHub,
  Lock,
  named,
  Queue,
  recv,
  ResourcePool,
  select,
  Semaphore,
  simulate,
  sleep,
  spawn,
  spawnWith,
} from "@verdant/green";
import {
  callerTask,
  describePuts,
  describeTaken,
  holdersOf,
  noteReturned,
  noteTaken,
  takenFrom,
  whereTaken,
} from "../../../hub/mod.ts";
import { run } from "../../green/inspect/leaks/leak_run.ts";
import { debugging, waitOf, withoutPlaces } from "./debugging.ts";

/** The labels of those who have something. */
function takers(owner: object): string[] {
  return takenFrom(owner).map(({ task }) => task!.label);
}

Deno.test("noteTaken() and noteReturned() remember who has something, and where it was taken", () => {
  const [tap, task] = [{}, callerTask()];
  noteTaken(tap, task);
  const [entry] = takenFrom(tap);
  assert(entry!.task === task && entry!.at <= task.hub.now());
  assertStringIncludes(entry!.stack, "ledger_test.ts");
  noteReturned(tap, task);
  assertEquals([takenFrom(tap), takenFrom({})], [[], []]);
  noteReturned(tap, task); // nothing is left: nothing happens
});

Deno.test("noteReturned() crosses out the very item, else what the task took last, else the oldest", () => {
  const tap = {};
  const [a, b] = [spawn(() => {}), spawn(() => {})];
  const items = () => takenFrom(tap).map(({ item }) => item);
  for (const [task, item] of [[a, 1], [b, 2], [a, 3], [b, 4]] as const) noteTaken(tap, task, item);
  noteReturned(tap, b, 0, 3); // another's
  assertEquals(items(), [1, 2, 4]);
  noteReturned(tap, b);
  assertEquals(items(), [1, 2]);
  noteReturned(tap, callerTask(), 2); // one that was never recorded: two are out all the same
  assertEquals(items(), [1, 2]);
  noteReturned(tap, callerTask(), 1);
  assertEquals(items(), [2]);
});

Deno.test("noteTaken() remembers a thousand of an owner and forgets the oldest", () => {
  const tap = {};
  for (let i = 0; i < 1_003; i++) noteTaken(tap, callerTask(), i, "");
  assertEquals([takenFrom(tap).length, takenFrom(tap)[0]!.item], [1_000, 3]);
});

Deno.test("holdersOf() knows nothing unless every one that is out has a taker that lives", async () => {
  const tap = {};
  const [alive, dying] = [spawn(() => sleep(60_000)), spawn(() => sleep(60_000))];
  await sleep();
  noteTaken(tap, alive);
  noteTaken(tap, dying);
  noteTaken(tap, alive);
  assertEquals([holdersOf(tap, 3), holdersOf(tap, 2), holdersOf(tap, 4)], [
    [alive, dying],
    undefined,
    undefined,
  ]);
  await dying.kill();
  assertEquals([holdersOf(tap, 3), holdersOf({}, 0)], [undefined, undefined]);
  await alive.kill();
});

Deno.test("describeTaken() names three takers and counts the rest, and says who has ended", async () => {
  const tap = {};
  const gone = spawnWith({ name: "gone" }, () => {});
  await gone.join();
  for (const task of [gone, callerTask(), gone, gone, gone]) noteTaken(tap, task, undefined, "");
  assertEquals(
    describeTaken(tap, 5),
    `taken by #${gone.id} gone, which has ended, and by the main flow, ` +
      `and by #${gone.id} gone, which has ended, and by 2 more`,
  );
  assertEquals([describeTaken(tap, 4), describeTaken({}, 4), whereTaken(tap)], [
    undefined,
    undefined,
    undefined,
  ]);
});

// ---- Semaphores --------------------------------------------------------------------------------------

Deno.test("Semaphore records nothing while hub.debug is off", async () => {
  const semaphore = new Semaphore(1);
  using _permit = await semaphore.lease();
  assert(!semaphore.tryAcquire());
  assertEquals(takenFrom(semaphore), []);
});

Deno.test("Semaphore with hub.debug knows who has taken its permits, whichever way", async () => {
  using _debug = debugging();
  const semaphore = new Semaphore(4);
  const take = (name: string, how: () => unknown) =>
    spawnWith({ name }, async () => {
      await how();
      await sleep(60_000);
    });
  const greenlets = [
    take("acquire", () => semaphore.acquire()),
    take("try", () => semaphore.tryAcquire()),
    take("lease", () => semaphore.lease()),
    spawnWith({ name: "with" }, () => semaphore.with(() => sleep(60_000))),
    spawnWith({ name: "next" }, () => semaphore.with(() => sleep(60_000))),
    take("last", () => semaphore.acquire()),
  ];
  await sleep();
  await sleep();
  assertEquals(takers(semaphore), ["acquire", "try", "lease", "with"]);
  await greenlets[3]!.kill();
  assertEquals(takers(semaphore), ["acquire", "try", "lease", "next"]);
  await greenlets[4]!.kill();
  assertEquals(takers(semaphore), ["acquire", "try", "lease", "last"]);
  for (const { stack } of takenFrom(semaphore)) assertStringIncludes(stack, "ledger_test.ts");
  for (const greenlet of greenlets) await greenlet.kill();
});

Deno.test("Semaphore.acquire() waiting says who has taken the permits and where, also if they have ended", async () => {
  using _debug = debugging();
  const semaphore = named(new Semaphore(2), "requests");
  const leaky = spawnWith({ name: "handler" }, async () => {
    try {
      await semaphore.acquire();
      throw new Error("forgotten");
    } catch {
      // swallowed, and the permit with it
    }
  });
  await leaky.join();
  const busy = spawnWith({ name: "busy" }, () => semaphore.with(() => sleep(60_000)));
  const next = spawn(() => semaphore.acquire());
  await sleep();
  assertEquals(
    waitOf(next),
    `Semaphore(requests) acquire, 0 of 2 permits free, taken by #${leaky.id} handler, which has ended, @, ` +
      `and by #${busy.id} busy @`,
  );
  assertEquals(semaphore.inspectWait("acquire").blockers, undefined); // whoever released it is not known
  await busy.kill();
  await next.join();
});

Deno.test("Semaphore.inspectWait() names its takers as those who stand in the way if all are known and live", async () => {
  const semaphore = new Semaphore(2);
  await semaphore.acquire(); // before hub.debug: by nobody knows whom
  using _debug = debugging();
  const busy = spawn(() => semaphore.with(() => sleep(60_000)));
  const next = spawn(() => semaphore.acquire());
  await sleep();
  assertEquals(semaphore.inspectWait("acquire").blockers, undefined);
  semaphore.release(); // the one that was never recorded: the entry of `busy` stays
  await next.join();
  assertEquals([takers(semaphore).length, takenFrom(semaphore)[0]!.task === busy], [2, true]);
  semaphore.release(); // by the main flow: the oldest entry goes, for nobody knows better
  const other = spawn(() => semaphore.acquire().then(() => sleep(60_000)));
  await sleep();
  assertEquals(takenFrom(semaphore).map(({ task }) => task), [next, other]);
  await busy.kill();
  await other.kill();
});

Deno.test("Semaphore.lease() disposed by another crosses out its taker, and nobody else", async () => {
  using _debug = debugging();
  const semaphore = new Semaphore(3);
  const oldest = spawnWith({ name: "oldest" }, () => semaphore.acquire().then(() => sleep(60_000)));
  const tosser = spawnWith({ name: "tosser" }, async () => {
    const lease = await semaphore.lease();
    const other = spawnWith({ name: "other" }, () => semaphore.acquire().then(() => lease.release()));
    await other.join();
  });
  await tosser.join();
  assertEquals([takers(semaphore), semaphore.counter], [["oldest", "other"], 1]);
  await oldest.kill();
});

Deno.test("Semaphore with hub.debug that signals, and is released by others, names no culprits", async () => {
  using _debug = debugging();
  const signal = new Semaphore(0);
  const consumer = spawn(async () => {
    for (let i = 0; i < 5; i++) await signal.acquire();
  });
  for (let i = 0; i < 4; i++) {
    signal.release();
    await sleep();
  }
  assert(takenFrom(signal).length <= 1);
  assertEquals(waitOf(consumer), "Semaphore acquire, no permit is free");
  signal.release();
  await consumer.join();
});

Deno.test("Semaphore crosses out what was recorded also when hub.debug is off again", async () => {
  const semaphore = new Semaphore(1);
  {
    using _debug = debugging();
    await semaphore.acquire();
  }
  assertEquals(takers(semaphore).length, 1);
  semaphore.release();
  assertEquals(takers(semaphore), []);
});

Deno.test("a cycle through a semaphore and a lock is a deadlock whose members are known with hub.debug", async () => {
  const report = await simulate(async () => {
    getHub().debug = true;
    const [semaphore, lock] = [new Semaphore(1), new Lock()];
    const left = spawnWith({ name: "left" }, () => semaphore.with(() => sleep(1).then(() => lock.acquire())));
    spawnWith({ name: "right" }, () => lock.with(() => sleep(1).then(() => semaphore.acquire())));
    await left.join();
  }).then(() => "", String);
  assertStringIncludes(report, "cycle: #2 left -> #3 right -> #2 left");
});

Deno.test("the ledger of a semaphore has an entry for each permit that is out, whatever is killed", async () => {
  await explore(async () => {
    getHub().debug = true;
    const semaphore = new Semaphore(2);
    const users = Array.from({ length: 4 }, (_, i) =>
      spawn(async () => {
        using _permit = i % 2 ? await semaphore.lease() : undefined;
        if (_permit !== undefined) return await sleep(1);
        await semaphore.acquire();
        try {
          await sleep(1);
        } finally {
          semaphore.release();
        }
      }));
    await sleep(0.5);
    const [entries, out] = [takenFrom(semaphore), 2 - semaphore.counter];
    assertEquals(entries.length, out);
    assert(entries.every(({ task }) => users.some((user) => user as unknown === task && !user.dead)));
    for (const user of users) await user.join();
    assertEquals([takenFrom(semaphore).length, semaphore.counter], [0, 2]);
  }, { runs: 60 });
});

// ---- Locks -------------------------------------------------------------------------------------------

Deno.test("Lock.acquire() waiting says who holds it, where that was acquired, and whether he has ended", async () => {
  const lock = named(new Lock(), "accounts");
  const holder = spawnWith({ name: "transfer" }, () => lock.acquire());
  const next = spawn(() => lock.acquire());
  await holder.join();
  const held = `held by #${holder.id} transfer`;
  assertEquals(waitOf(next), `Lock(accounts) acquire, its holder has ended, ${held}`);
  lock.release();
  await next.join();
  lock.release();

  using _debug = debugging();
  const owner = spawnWith({ name: "owner" }, () => lock.with(() => sleep(60_000)));
  const heir = spawnWith({ name: "heir" }, () => lock.with(() => sleep(60_000)));
  const last = spawnWith({ name: "last" }, () => lock.acquire());
  await sleep();
  assertEquals(waitOf(heir), `Lock(accounts) acquire, acquired @, held by #${owner.id} owner, 2 waiting`);
  await owner.kill();
  assertEquals(waitOf(last), `Lock(accounts) acquire, acquired @, held by #${heir.id} heir`);
  await heir.kill();
  await last.join();
  lock.release();
  assertEquals(takenFrom(lock), []);
});

// ---- Queues ------------------------------------------------------------------------------------------

Deno.test("Queue.join() waiting names those who have taken items and not reported them done", async () => {
  using _debug = debugging();
  const jobs = named(new Queue<number>(Infinity, [1, 2, 3]), "jobs");
  const forgetful = spawnWith({ name: "forgetful" }, () => jobs.get());
  await forgetful.join();
  const joiner = spawn(() => jobs.join());
  const worker = spawnWith({ name: "worker" }, async () => {
    jobs.getNowait();
    await sleep(60_000);
  });
  await sleep();
  const culprit = `taken by #${forgetful.id} forgetful, which has ended, @`;
  assertEquals(
    waitOf(joiner),
    `Queue(jobs) join, 3 items not reported done, 1 of them not taken, ${culprit}, and by #${worker.id} worker @`,
  );
  assertEquals(
    withoutPlaces(jobs.leftover!.text),
    `3 items unprocessed, ${culprit}, and by #${worker.id} worker @`,
  );
  await worker.kill();
  const patient = spawn(async () => {
    await jobs.get();
    jobs.taskDone();
  });
  await patient.join();
  assertEquals(takers(jobs), ["forgetful", "worker"]);
  jobs.taskDone(); // by somebody else
  assertEquals(takers(jobs), ["worker"]);
  jobs.taskDone();
  assertEquals([await joiner.get(), takers(jobs)], [true, []]);
});

Deno.test("Queue.get() with hub.debug notes who is handed an item, by select and as a stream as well", async () => {
  using _debug = debugging();
  const queue = new Queue<number>();
  const getter = spawnWith({ name: "getter" }, () => queue.get());
  const peeker = spawnWith({ name: "peeker" }, () => queue.peek());
  const selector = spawnWith({ name: "selector" }, () => select([recv(queue)]));
  await sleep();
  for (let i = 0; i < 3; i++) await queue.put(i);
  for (const greenlet of [getter, peeker, selector]) await greenlet.join();
  assertEquals(takers(queue), ["getter", "selector"]); // to look is not to take
  const reader = queue.toReadableStream().getReader();
  await reader.read();
  await queue.put(4);
  await reader.read();
  await reader.cancel();
  assertEquals(takers(queue).length, 4);
});

Deno.test("Queue.join() waits for its takers if all are known", async () => {
  using _debug = debugging();
  const queue = new Queue<number>(Infinity, [1, 2]);
  const worker = spawn(() => queue.get().then(() => sleep(60_000)));
  await sleep();
  assertEquals(queue.inspectWait("join")!.blockers, undefined); // one is in the queue still
  const other = spawn(() => queue.get().then(() => sleep(60_000)));
  await sleep();
  assertEquals(queue.inspectWait("join")!.blockers, [worker, other]);
  await worker.kill();
  await other.kill();
});

Deno.test("Queue.get() waiting says who put last, or that nobody has", async () => {
  const [before, seen] = [new Queue<number>(), new Queue<number>()];
  const greenlets = [before, seen].map((queue) => spawn(() => queue.get()));
  await sleep();
  using _debug = debugging();
  const [fresh, filled] = [new Queue<number>(), new Queue<number>(1, [1])];
  await filled.get();
  greenlets.push(...[fresh, filled].map((queue) => spawn(() => queue.get())));
  await sleep();
  await seen.put(1);
  greenlets.push(spawn(() => seen.get()));
  await sleep();
  assertEquals([0, 2, 3, 4].map((index) => waitOf(greenlets[index]!)), [
    "Queue get, it is empty",
    "Queue get, it is empty, nobody has put anything",
    "Queue get, it is empty, last put by the main flow @",
    "Queue get, it is empty, last put by the main flow @",
  ]);
  for (const greenlet of greenlets) await greenlet.kill();
});

Deno.test("Queue.put() that had to wait, and putNowait(), count as the last put", async () => {
  using _debug = debugging();
  const queue = new Queue<number>(1);
  assertEquals(describePuts(queue), "nobody has put anything");
  queue.putNowait(1);
  const putter = spawnWith({ name: "putter" }, () => queue.put(2));
  await sleep();
  assertEquals(withoutPlaces(describePuts(queue)!), "last put by the main flow @");
  await queue.get();
  await putter.join();
  assertEquals(withoutPlaces(describePuts(queue)!), `last put by #${putter.id} putter, which has ended, @`);
});

// ---- Pools of resources ------------------------------------------------------------------------------

Deno.test("ResourcePool.get() waiting says who has which item, whoever gives it back", async () => {
  using _debug = debugging();
  let made = 0;
  const pool = named(new ResourcePool({ create: () => `tool ${++made}`, maxSize: 2 }), "tools");
  const [first, second] = ["first", "second"].map((name) =>
    spawnWith({ name }, async () => {
      await pool.get();
      await sleep(60_000);
    })
  );
  await sleep();
  await sleep();
  const next = spawnWith({ name: "next" }, () => pool.get().then((tool) => pool.put(tool)));
  await sleep();
  assertEquals(
    waitOf(next),
    `ResourcePool(tools) get, all 2 in use, taken by #${first!.id} first @, and by #${
      second!.id
    } second @, ` +
      `held by #${first!.id} first and #${second!.id} second`,
  );
  pool.put("tool 2"); // the second's, by the main flow
  await next.join();
  assertEquals(takers(pool), ["first"]);
  await second!.kill();
  await first!.kill();
  assertEquals(
    withoutPlaces(pool.leftover!.text),
    `1 item lent, taken by #${first!.id} first, which has ended, @`,
  );
  pool.discard("tool 1");
  assertEquals([takers(pool), pool.leftover], [[], undefined]);
});

Deno.test("hub.debug remembers who took an item, but does not keep what that greenlet returned", async () => {
  const { code, out, err } = await run(
    "dump, getHub, named, Queue, spawn",
    `getHub().debug = true;
     const queue = named(new Queue(Infinity, [1]), "jobs");
     const taker = () => {
       const greenlet = spawn(async function taker() { await queue.get(); return new Uint8Array(1); });
       return greenlet.get().then((bytes) => [new WeakRef(greenlet), new WeakRef(bytes)]);
     };
     const gone = await taker();
     await collect(20);
     console.log(gone.every((ref) => ref.deref() === undefined));
     spawn(() => queue.join());
     await sleep();
     console.log(/taken by #\\d+ taker, which has ended/.test(dump()));
     Deno.exit();`,
  );
  assertEquals({ code, out, err }, { code: 0, out: "true\ntrue\n", err: "" });
});
