import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  Event,
  findDeadlocks,
  getHub,
  type Greenlet,
  Group,
  Hub,
  joinAll,
  killAll,
  Lock,
  named,
  Queue,
  ResourcePool,
  type RLock,
  Semaphore,
  shield,
  simulate,
  sleep,
  spawn,
  spawnWith,
  Timeout,
} from "@verdant/green";

/** Takes one lock, and then the other. */
function take(one: Lock | RLock, other: Lock | RLock, options = {}): Promise<unknown> {
  return one.with(async () => {
    await sleep();
    await other.acquire(options);
  });
}

/** Two greenlets of which each holds what the other wants. */
function cross(options = {}): { locks: Lock[]; left: Greenlet; right: Greenlet } {
  const locks = [named(new Lock(), "one"), named(new Lock(), "two")];
  const [one, two] = locks as [Lock, Lock];
  const left = spawnWith({ name: "left" }, take, one, two, options);
  const right = spawnWith({ name: "right" }, take, two, one);
  return { locks, left, right };
}

async function settle(): Promise<void> {
  for (let i = 0; i < 4; i++) await sleep();
}

Deno.test("findDeadlocks() finds two locks taken in different order while others live on", async () => {
  await simulate(async () => {
    const { locks, left, right } = cross();
    const third = spawnWith({ name: "third" }, () => locks[0]!.acquire());
    const fourth = spawnWith({ name: "fourth" }, () => third.join());
    const alive = spawn(() => sleep(60_000));
    await settle();
    const found = findDeadlocks();
    assertEquals(found.map(({ kind, greenlets, behind }) => ({ kind, greenlets, behind })), [
      { kind: "cycle", greenlets: [left.id, right.id], behind: [third.id, fourth.id] },
    ]);
    assertEquals(found[0]!.report.split("\n"), [
      `#${left.id} left -> #${right.id} right -> #${left.id} left`,
      `  #${left.id} left waits for Lock(two) acquire, held by #${right.id} right`,
      `  #${right.id} right waits for Lock(one) acquire, held by #${left.id} left, 2 waiting`,
      `  behind them: #${third.id} third, #${fourth.id} fourth`,
    ]);
    await killAll([left, right, third, fourth, alive]);
  });
});

Deno.test("findDeadlocks() sees a greenlet that joins itself, and one that takes its lock again", async () => {
  await simulate(async () => {
    const lock = new Lock();
    const again = spawnWith({ name: "again" }, () => lock.with(() => lock.acquire()));
    const self: Greenlet = spawnWith({ name: "self" }, () => self.join());
    await settle();
    assertEquals(findDeadlocks().map(({ greenlets }) => greenlets), [[again.id], [self.id]]);
    await killAll([again, self]);
  });
});

Deno.test("findDeadlocks() finds every one of several cycles, each once", async () => {
  await simulate(async () => {
    const [a, b] = [cross(), cross()];
    await settle();
    assertEquals(findDeadlocks().map(({ greenlets }) => greenlets), [
      [a.left.id, a.right.id],
      [b.left.id, b.right.id],
    ]);
    await a.right.kill();
    assertEquals(findDeadlocks().map(({ greenlets }) => greenlets), [[b.left.id, b.right.id]]);
    await killAll([a.left, b.left, b.right]);
  }, { allow: { permits: true } });
});

Deno.test("findDeadlocks() leaves out who has a limit, is under a Timeout, or is being killed", async () => {
  await simulate(async () => {
    const limited = cross({ timeout: 60_000 });
    await settle();
    assertEquals(findDeadlocks(), []);
    await killAll([limited.left, limited.right]);

    const [one, two] = [new Lock(), new Lock()];
    const hasty = spawn(async () => {
      using _limit = Timeout.start(60_000);
      await take(one, two);
    });
    const patient = spawn(take, two, one);
    await settle();
    assertEquals(findDeadlocks(), []);
    await killAll([hasty, patient]);

    const dying = cross();
    await settle();
    assertEquals(findDeadlocks().length, 1);
    dying.left.throw("enough");
    assertEquals(findDeadlocks(), []);
    await killAll([dying.left, dying.right]);
  }, { allow: { permits: true } });
});

Deno.test("findDeadlocks() leaves out who waits with a signal", async () => {
  await simulate(async () => {
    const { left, right } = cross({ signal: new AbortController().signal });
    await settle();
    assertEquals(findDeadlocks(), []);
    await killAll([left, right]);
  }, { allow: { permits: true } });
});

Deno.test("findDeadlocks() leaves out who waits for what anybody may end", async () => {
  await simulate(async () => {
    getHub().debug = true; // so that it is known who has taken it
    const jobs = new Queue<number>(Infinity, [1, 2]);
    const dispatcher = spawn(async () => {
      while (!jobs.empty) {
        await jobs.get();
        spawn(() => sleep(50).then(() => jobs.taskDone()));
      }
      await jobs.join();
    });
    const rate = new Semaphore(1);
    const refill = spawn(() => sleep(50).then(() => rate.release()));
    const limited = spawn(async () => {
      await rate.acquire();
      await rate.acquire();
    });
    const pool = new ResourcePool({ create: () => ({}), maxSize: 1 });
    const lent: object[] = [];
    const borrower = spawn(async () => {
      lent.push(await pool.get());
      lent.push(await pool.get());
    });
    const giver = spawn(() => sleep(50).then(() => pool.put(lent[0]!)));
    await settle();
    assertEquals(findDeadlocks(), []);
    await joinAll([dispatcher, refill, limited, borrower, giver]);
    await pool.put(lent[1]!);
  }, { allow: { permits: true, items: true } });
});

Deno.test("findDeadlocks() leaves out who runs, whatever waits it has begun", async () => {
  await simulate(async () => {
    const gate = new Event();
    const a: Greenlet = spawn(async () => {
      await Promise.race([b.join(), gate.wait()]);
      return findDeadlocks();
    });
    const b = spawn(() => a.join());
    await settle();
    assertEquals(findDeadlocks(), []);
    gate.set();
    assertEquals(await a.get(), []);
    await b.join();
  });
});

Deno.test("findDeadlocks() does not count on a kill that a shield holds back from the wait", async () => {
  await simulate(async () => {
    const [one, two] = [new Lock(), new Lock()];
    const left = spawn(() => shield(() => take(one, two)));
    const right = spawn(take, two, one);
    await settle();
    left.throw("in vain");
    assertEquals(findDeadlocks().map(({ greenlets }) => greenlets), [[left.id, right.id]]);
    await killAll([right, left]);
  }, { allow: { permits: true } });
});

Deno.test("findDeadlocks() leaves out who also waits for something else, or for somebody who does", async () => {
  await simulate(async () => {
    const [one, two] = [new Lock(), new Lock()];
    const event = new Event();
    const either = spawn(() =>
      one.with(() => sleep().then(() => Promise.race([two.acquire(), event.wait()])))
    );
    const other = spawn(take, two, one);
    const joiner = spawn(() => other.join());
    await settle();
    assertEquals(findDeadlocks(), []);
    await killAll([joiner, either, other]);
  }, { allow: { permits: true } });
});

Deno.test("findDeadlocks() names a lock whose holder has ended", async () => {
  await simulate(async () => {
    const lock = named(new Lock(), "accounts");
    const careless = spawnWith({ name: "careless" }, () => lock.acquire());
    await careless.join();
    const first = spawnWith({ name: "first" }, () => lock.acquire());
    const second = spawnWith({ name: "second" }, () => lock.acquire());
    await settle();
    const [found, ...others] = findDeadlocks();
    assertEquals([found!.kind, found!.greenlets, others], ["orphan", [first.id, second.id], []]);
    const [headline, line] = found!.report.split("\n");
    assertEquals(headline, `#${careless.id} careless has ended, and others wait for it`);
    assertMatch(line!, /first waits for Lock\(accounts\) acquire, .*held by #\d+ careless/);
    await killAll([first, second]);
  }, { allow: { permits: true } });
});

Deno.test("findDeadlocks() follows a chain of ten thousand to its cycle", async () => {
  const hub = new Hub();
  await simulate(async () => {
    const { left, right } = cross();
    let last: Greenlet = left;
    const chain: Greenlet[] = [];
    for (let i = 0; i < 10_000; i++) {
      const before = last;
      chain.push(last = spawn(() => before.join()));
    }
    await settle();
    const [found] = findDeadlocks();
    assertEquals([found!.greenlets, found!.behind.length], [[left.id, right.id], 10_000]);
    await killAll([...chain, left, right]);
  }, { allow: { permits: true } });
  assertEquals(findDeadlocks(hub), []);
});

Deno.test("findDeadlocks() finds nothing among those who wait for what nobody holds", async () => {
  await simulate(async () => {
    const getter = spawn(() => new Queue().get());
    const waiter = spawn(() => new Event().wait());
    await settle();
    assertEquals(findDeadlocks(), []);
    assert(getter.started);
    await killAll([getter, waiter]);
  });
});

Deno.test("findDeadlocks() knows whom one of several stuck greenlets is enough to stop, and whom not", async () => {
  await simulate(async () => {
    const { left, right } = cross();
    const alive = spawn(() => sleep(60_000));
    const all = spawnWith({ name: "all" }, () => joinAll([left, alive]));
    const first = spawnWith({ name: "first" }, () => joinAll([left, alive], { count: 1 }));
    const group = new Group();
    group.add(alive);
    group.add(right);
    const member = spawnWith({ name: "member" }, () => group.join());
    await settle();
    assertEquals(findDeadlocks()[0]!.behind, [all.id, member.id]);
    assertEquals(first.ready, false);
    group.discard(right);
    group.discard(alive);
    await killAll([all, first, member, alive, left, right]);
  }, { allow: { permits: true } });
});
