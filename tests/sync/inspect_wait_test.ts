import { assertEquals } from "@std/assert";
import {
  after,
  AsyncResult,
  Barrier,
  Channel,
  Condition,
  done,
  Event,
  type Greenlet,
  killAll,
  Lock,
  named,
  Queue,
  recv,
  select,
  type SelectCase,
  Semaphore,
  send,
  SimpleQueue,
  sleep,
  spawn,
  spawnWith,
} from "@verdant/green";
import { waitOf } from "../hub/inspect/debugging.ts";

/** What a greenlet that does this waits for, in words. */
async function waitIn(wait: () => Promise<unknown>): Promise<string> {
  const greenlet = spawn(wait);
  await sleep();
  try {
    return waitOf(greenlet);
  } finally {
    await greenlet.kill();
  }
}

Deno.test("Queue.inspectWait() says that it is empty or full, and what was not reported done", async () => {
  const queue = new Queue<string>(2);
  assertEquals(await waitIn(() => queue.get()), "Queue get, it is empty");
  assertEquals(await waitIn(() => queue.peek()), "Queue get, it is empty");
  await queue.put("a");
  assertEquals(await waitIn(() => queue.join()), "Queue join, 1 item not reported done, 1 of them not taken");
  await queue.put("b");
  assertEquals(await waitIn(() => queue.put("c")), "Queue put, it is full (2 items)");
  await queue.get();
  await queue.get();
  assertEquals(await waitIn(() => queue.join()), "Queue join, 2 items not reported done");
  const small = new SimpleQueue<number>(1, [1]);
  assertEquals(await waitIn(() => small.put(1)), "SimpleQueue put, it is full (1 item)");
});

Deno.test("Channel.inspectWait() says which side is missing", async () => {
  const channel = named(new Channel<number>(), "orders");
  assertEquals(await waitIn(() => channel.get()), "Channel(orders) get, nobody puts");
  assertEquals(await waitIn(() => channel.put(1)), "Channel(orders) put, nobody gets");
});

Deno.test("Semaphore.inspectWait() says how many permits are free", async () => {
  const semaphore = new Semaphore(2);
  await semaphore.acquire();
  await semaphore.acquire();
  assertEquals(await waitIn(() => semaphore.acquire()), "Semaphore acquire, 0 of 2 permits free");
  assertEquals(semaphore.inspectWait("acquire").blockers, undefined);
});

Deno.test("Condition.inspectWait() says that it was not notified, and who holds its lock", async () => {
  const changed = new Condition(named(new Lock(), "state"));
  const wait = () => changed.with(() => changed.wait());
  assertEquals(await waitIn(wait), "Condition wait, not notified, Lock(state) is free");
  const waiter = spawn(wait);
  const holder = spawnWith({ name: "holder" }, () => changed.with(() => sleep(60_000)));
  await sleep();
  const text = `Condition wait, not notified, Lock(state) is held by #${holder.id} holder`;
  assertEquals(waitOf(waiter), text);
  await killAll([holder, waiter]);
});

Deno.test("Barrier.inspectWait() says how many are there", async () => {
  const barrier = new Barrier(3);
  const first = spawn(() => barrier.wait());
  await sleep();
  assertEquals(await waitIn(() => barrier.wait()), "Barrier wait, 2 of 3 parties are there, 2 waiting");
  await first.kill();
});

Deno.test("AsyncResult.inspectWait() says that nobody has set it", async () => {
  assertEquals(await waitIn(() => new AsyncResult().get()), "AsyncResult get, nobody has set it");
});

Deno.test("a greenlet in select() is reported with all it waits for", async () => {
  const queue = named(new Queue<number>(), "jobs");
  const full = new Queue<number>(1, [1]);
  const other: Greenlet = spawnWith({ name: "other" }, () => sleep(60_000));
  const own: SelectCase<number> = { attempt: () => undefined, enlist: () => () => {} };
  const cases = [recv(queue), send(full, 2), done(other), done(new Event()), after(1_000), own];
  assertEquals(
    await waitIn(() => select(cases)),
    `select of Queue(jobs) get or Queue put or the end of #${other.id} other or Event ready or a delay or something`,
  );
  await other.kill();
});
