import { assert, assertEquals, assertRejects } from "@std/assert";
import { joinAll, Semaphore, sleep, spawn, Timeout } from "@verdant/green";

Deno.test("Semaphore.release() hands the permit to the one who has waited longest: nobody overtakes", async () => {
  const semaphore = new Semaphore(1);
  const log: string[] = [];
  const use = (name: string) =>
    spawn(async () => {
      await semaphore.acquire();
      log.push(name);
      await sleep();
      semaphore.release();
    });
  const users = [use("a"), use("b")];
  await sleep();
  users.push(use("c"));
  await users[0]!.join();
  assertEquals([semaphore.counter, semaphore.tryAcquire()], [0, false]); // b has it already
  await joinAll(users);
  assertEquals([log, semaphore.counter], [["a", "b", "c"], 1]);
});

Deno.test("Semaphore.acquire() takes a free permit without waiting", async () => {
  const semaphore = new Semaphore(2);
  const log: string[] = [];
  const other = spawn(() => log.push("other"));
  assertEquals([await semaphore.acquire(), semaphore.counter, semaphore.locked], [true, 1, false]);
  log.push("acquired");
  await other.join();
  assertEquals(log, ["acquired", "other"]);
});

Deno.test("Semaphore.with() gives the permit back after an error", async () => {
  const semaphore = new Semaphore(1);
  const failure = new Error("inside");
  const caught = await semaphore.with(() => {
    throw failure;
  }).catch((error) => error);
  assertEquals([caught === failure, semaphore.counter], [true, 1]);
  assertEquals(await semaphore.with(() => 5), 5);
});

Deno.test("Semaphore.wait() returns the counter and takes nothing", async () => {
  const semaphore = new Semaphore(0);
  const watcher = spawn(() => semaphore.wait());
  const taker = spawn(() => semaphore.acquire());
  await sleep();
  semaphore.release();
  await taker.join();
  assertEquals([await watcher.get(), semaphore.counter], [0, 0]); // the taker had it
  semaphore.release();
  assertEquals(await semaphore.wait(), 1);
});

Deno.test("Semaphore.rawlink() calls back when a permit is given, without taking it", async () => {
  const semaphore = new Semaphore(0);
  const seen: number[] = [];
  semaphore.rawlink((source) => seen.push(source.counter));
  await sleep();
  semaphore.release();
  await sleep();
  assertEquals([seen, semaphore.counter], [[1], 1]);
});

Deno.test("Semaphore.acquire() that times out or is killed leaves its place to the next", async () => {
  const semaphore = new Semaphore(0);
  const log: string[] = [];
  const acquire = (name: string, timeout?: number) =>
    spawn(async () => {
      if (await semaphore.acquire({ timeout: timeout ?? Infinity })) log.push(name);
    });
  const late = acquire("late", 1);
  const victim = acquire("victim");
  const patient = acquire("patient");
  await late.join();
  await victim.kill();
  assertEquals(semaphore.release(), 0);
  await patient.join();
  assertEquals([log, semaphore.counter], [["patient"], 0]);
});

Deno.test("Semaphore.acquire() that was granted before the kill keeps the permit", async () => {
  const semaphore = new Semaphore(0);
  const granted = spawn(() => semaphore.acquire());
  const next = spawn(() => semaphore.acquire());
  await sleep();
  semaphore.release();
  await granted.kill();
  assertEquals([granted.value, next.ready, semaphore.counter], [true, false, 0]);
  semaphore.release();
  assertEquals(await next.get(), true);
});

Deno.test("Semaphore.release() hands out as many permits as it is called, in one turn", async () => {
  const semaphore = new Semaphore(0);
  const takers = [1, 2, 3].map(() => spawn(() => semaphore.acquire()));
  await sleep();
  assertEquals([semaphore.release(), semaphore.release()], [0, 0]);
  await sleep();
  assertEquals(takers.map((taker) => taker.ready), [true, true, false]);
  assertEquals([semaphore.release(), semaphore.release()], [0, 1]);
  assertEquals((await joinAll(takers)).length, 3);
});

Deno.test("Semaphore.acquire() again and again by one leaves nobody else without", async () => {
  const semaphore = new Semaphore(1);
  const log: string[] = [];
  const users = ["a", "b"].map((name) =>
    spawn(async () => {
      for (let i = 0; i < 3; i++) {
        await semaphore.acquire();
        log.push(name);
        await sleep();
        semaphore.release();
      }
    })
  );
  await joinAll(users);
  assertEquals(log.join(""), "ababab");
});

Deno.test("Semaphore.wait() behind a taker goes on with the next release, and returns 0 on time-out", async () => {
  const semaphore = new Semaphore(0);
  const log: string[] = [];
  const taker = spawn(() => semaphore.acquire().then(() => log.push("taker")));
  const watcher = spawn(() => semaphore.wait().then((counter) => log.push(`watcher saw ${counter}`)));
  await sleep();
  assertEquals(await semaphore.wait({ timeout: 1 }), 0);
  semaphore.release();
  await taker.join();
  assertEquals([log, watcher.ready], [["taker"], false]);
  semaphore.release();
  await watcher.join();
  assertEquals([log, semaphore.counter], [["taker", "watcher saw 1"], 1]);
});

Deno.test("Semaphore.rawlink() of a free one calls back soon; disposed, never", async () => {
  const semaphore = new Semaphore(1);
  const log: string[] = [];
  semaphore.rawlink(() => log.push("linked"));
  semaphore.rawlink(() => log.push("never"))[Symbol.dispose]();
  assertEquals(log, []);
  await sleep();
  semaphore.release();
  await sleep();
  assertEquals(log, ["linked"]);
});

Deno.test("Semaphore.with() calls nothing while no permit is free, and serves in line", async () => {
  const semaphore = new Semaphore(0);
  const log: string[] = [];
  const users = ["a", "b"].map((name) => spawn(() => semaphore.with(() => void log.push(name))));
  await sleep();
  assertEquals(log, []);
  semaphore.release();
  await joinAll(users);
  assertEquals([log, semaphore.counter], [["a", "b"], 1]);
});

Deno.test("Semaphore.lease() throws Timeout when no permit is free in time", async () => {
  const semaphore = new Semaphore(0);
  await assertRejects(() => semaphore.lease({ timeout: 1 }), Timeout, "lease");
  semaphore.release();
  using lease = await semaphore.lease();
  assert(!lease.released && semaphore.locked);
});

Deno.test("Semaphore.waiting tells how many wait", async () => {
  const semaphore = new Semaphore(0);
  const waiters = [1, 2, 3].map(() => spawn(() => semaphore.acquire()));
  await sleep();
  assertEquals([semaphore.waiting, semaphore.locked], [3, true]);
  await waiters[1]!.kill();
  assertEquals(semaphore.waiting, 2);
  semaphore.release();
  semaphore.release();
  assertEquals([semaphore.waiting, semaphore.counter], [0, 0]);
});
