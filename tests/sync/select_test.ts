import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  after,
  AsyncResult,
  Channel,
  done,
  Event,
  getHub,
  joinAll,
  otherwise,
  Queue,
  recv,
  select,
  type SelectCase,
  Semaphore,
  send,
  ShutDown,
  sleep,
  spawn,
  Timeout,
} from "@verdant/green";
import { assertFair } from "../green/fair.ts";

/** What can be received from and sent to. */
type Line = { readonly getters: { readonly size: number }; readonly putters: { readonly size: number } };

/** How many stand in the two lists of each. */
const waiting = (...lines: Line[]) => lines.map(({ getters, putters }) => getters.size + putters.size);

Deno.test("select() takes the first case in the list that can be done at once", async () => {
  const empty = new Queue<number>();
  const filled = new Queue<number>(Infinity, [1]);
  const room = new Queue<number>(1);
  assertEquals(await select([recv(empty), recv(filled), send(room, 9)]), { index: 1, value: 1 });
  assertEquals(await select([recv(empty), recv(filled), send(room, 9)]), { index: 2, value: undefined });
  assertEquals([room.getNowait(), await select([recv(empty), otherwise()])], [9, {
    index: 1,
    value: undefined,
  }]);
});

Deno.test("select() does exactly one case, and leaves all lists", async () => {
  const queues = [new Queue<number>(), new Queue<number>()];
  const outbox = new Channel<string>();
  const chooser = spawn(() => select([recv(queues[0]!), recv(queues[1]!), send(outbox, "x")]));
  await sleep();
  queues[1]!.putNowait(5);
  queues[0]!.putNowait(6);
  assertEquals(await chooser.get(), { index: 1, value: 5 });
  assertEquals([queues[0]!.size, queues[0]!.getters.size, queues[1]!.getters.size, outbox.putters.size], [
    1,
    0,
    0,
    0,
  ]);
});

Deno.test("select() pairs a send with a recv of another select()", async () => {
  const channel = new Channel<string>();
  const sender = spawn(() => select([send(channel, "hi"), after(60_000)]));
  const receiver = spawn(() => select([after(60_000), recv(channel)]));
  assertEquals(await receiver.get(), { index: 1, value: "hi" });
  assertEquals(await sender.get(), { index: 0, value: undefined });
});

Deno.test("select() with after() and done()", async () => {
  const never = new Channel<number>();
  assertEquals(await select([recv(never), after(1)]), { index: 1, value: undefined });
  const greenlet = spawn(() => sleep());
  const { index, value } = await select([recv(never), done(greenlet)]);
  assert(index === 1 && value === greenlet);
  assertEquals(never.getters.size, 0);
});

Deno.test("select() that is killed leaves all lists and takes nothing", async () => {
  const queue = new Queue<number>();
  const channel = new Channel<number>();
  const victim = spawn(() => select([recv(queue), send(channel, 1), after(60_000)]));
  await sleep();
  assertEquals([queue.getters.size, channel.putters.size], [1, 1]);
  await victim.kill();
  assertEquals([queue.getters.size, channel.putters.size], [0, 0]);
  queue.putNowait(1);
  assertEquals(queue.size, 1);
});

Deno.test("select() over a queue that is shut down throws ShutDown, now and while waiting", async () => {
  const queue = new Queue<number>();
  const other = new Channel<number>();
  const chooser = spawn(() => select([recv(other), recv(queue)]).catch((error) => error.name));
  await sleep();
  queue.shutdown();
  assertEquals(await chooser.get(), "ShutDown");
  await assertRejects(() => select([recv(other), recv(queue)]), ShutDown);
  assertEquals(other.getters.size, 0);
});

Deno.test("select() lets a putter that waits in when it takes an item", async () => {
  const queue = new Queue<number>(1, [1]);
  const putter = spawn(() => queue.put(2));
  await sleep();
  assertEquals(await select([recv(queue)]), { index: 0, value: 1 });
  await putter.join();
  assertEquals(queue.size, 1);
});

Deno.test("select() that can do a case at once does not switch", async () => {
  const queue = new Queue<number>(1);
  const log: string[] = [];
  const other = spawn(() => log.push("other"));
  await select([send(queue, 1)]);
  await select([recv(queue)]);
  log.push("selected twice");
  await other.join();
  assertEquals(log, ["selected twice", "other"]);
});

Deno.test("select() waits in line with get(), first come first served", async () => {
  const queue = new Queue<number>();
  const log: string[] = [];
  const all = [
    spawn(() => queue.get().then((item) => log.push(`first ${item}`))),
    spawn(() => select([recv(queue)]).then(({ value }) => log.push(`select ${value}`))),
    spawn(() => queue.get().then((item) => log.push(`last ${item}`))),
  ];
  await sleep();
  for (let i = 0; i < 3; i++) queue.putNowait(i);
  await joinAll(all);
  assertEquals([log, queue.size, queue.getters.size], [["first 0", "select 1", "last 2"], 0, 0]);
});

Deno.test("select() in a loop prefers the earlier case, and takes the later once that is empty", async () => {
  const [urgent, normal] = [new Queue<string>(Infinity, ["u0", "u1"]), new Queue<string>(Infinity, ["n0"])];
  const got: string[] = [];
  for (let i = 0; i < 3; i++) got.push((await select([recv(urgent), recv(normal)])).value);
  assertEquals(got, ["u0", "u1", "n0"]);
});

Deno.test("select() with the same queue twice takes one item", async () => {
  const queue = new Queue<number>();
  const chooser = spawn(() => select([recv(queue), recv(queue)]));
  await sleep();
  assertEquals(queue.getters.size, 2);
  queue.putNowait(1);
  queue.putNowait(2);
  assertEquals(await chooser.get(), { index: 0, value: 1 });
  assertEquals([queue.size, queue.getters.size], [1, 0]);
});

Deno.test("select() with send() parked in a full queue puts once there is room, in line", async () => {
  const queue = new Queue<string>(1, ["old"]);
  const putter = spawn(() => queue.put("putter's"));
  const chooser = spawn(() => select([send(queue, "chooser's"), after(60_000)]));
  await sleep();
  assertEquals(queue.putters.size, 2);
  assertEquals([await queue.get(), await queue.get(), await queue.get()], ["old", "putter's", "chooser's"]);
  assertEquals((await chooser.get()).index, 0);
  await putter.join();
  assertEquals([queue.unfinishedTasks, queue.putters.size, getHub().stats().timers], [3, 0, 0]);
});

Deno.test("select() never meets itself, but any other over the same channel", async () => {
  const channel = new Channel<string>();
  const both = (word: string) => spawn(() => select([send(channel, word), recv(channel)]));
  const first = both("a");
  await sleep();
  assertEquals([first.ready, channel.getters.size, channel.putters.size], [false, 1, 1]);
  const second = both("b");
  assertEquals(await first.get(), { index: 1, value: "b" });
  assertEquals(await second.get(), { index: 0, value: undefined });
  assertEquals(waiting(channel), [0]);
});

Deno.test("select() with three things coming true in one turn does the first of them only", async () => {
  const queue = new Queue<string>();
  const channel = new Channel<string>();
  const event = new Event();
  const chooser = spawn(() => select([recv(queue), send(channel, "out"), done(event)]));
  const getter = spawn(() => channel.get({ timeout: 1 }).catch((error) => error.name));
  await sleep();
  // The getter has taken what the chooser sends; the rest comes too late.
  queue.putNowait("in");
  event.set();
  assertEquals([await chooser.get(), await getter.get()], [{ index: 1, value: undefined }, "out"]);
  assertEquals([queue.size, ...waiting(channel)], [1, 0]);
});

Deno.test("select() with done() over an event set and another case true in the same turn does one", async () => {
  for (const eventFirst of [true, false]) {
    const queue = new Queue<number>();
    const event = new Event();
    const chooser = spawn(() => select([done(event), recv(queue)]));
    await sleep();
    if (eventFirst) event.set();
    queue.putNowait(1);
    if (!eventFirst) event.set();
    const { index } = await chooser.get();
    assertEquals([queue.size, queue.getters.size], [index === 0 ? 1 : 0, 0]);
    if (!eventFirst) assertEquals(index, 1);
  }
});

Deno.test("select() with done() yields what is ready: greenlet, event, result, semaphore", async () => {
  const greenlet = spawn(() => sleep());
  const event = new Event();
  const result = new AsyncResult<number>();
  const semaphore = new Semaphore(0);
  const never = new Channel<never>();
  const waitables = [greenlet, event, result, semaphore];
  const choosers = waitables.map((object) => spawn(() => select([recv(never), done(object)])));
  await sleep();
  event.set();
  result.set(1);
  semaphore.release();
  await joinAll(choosers);
  for (const [i, chooser] of choosers.entries()) {
    assertStrictEquals((await chooser.get() as { value: unknown }).value, waitables[i]);
  }
  assertEquals([semaphore.counter, never.getters.size], [1, 0]); // the permit was not taken
});

Deno.test("select() that times out or is killed leaves no list, no link and no timer behind", async () => {
  const queue = new Queue<never>();
  const full = new Queue<string>(1, ["full"]);
  const channel = new Channel<never>();
  const greenlet = spawn(() => sleep(60_000));
  const timers = getHub().stats().timers + 1; // the sleeper's, once it runs
  const cases = () => [recv(queue), send(full, "x"), recv(channel), after(60_000), done(greenlet)];
  await assertRejects(() => select(cases(), { timeout: 1 }), Timeout);
  const victim = spawn(() => select(cases()));
  await sleep();
  assertEquals([...waiting(queue, full, channel), greenlet.links?.size], [1, 1, 1, 1]);
  await victim.kill();
  assertEquals([...waiting(queue, full, channel), greenlet.links?.size], [0, 0, 0, 0]);
  assertEquals([getHub().stats().timers, full.unfinishedTasks], [timers, 1]);
  await greenlet.kill();
});

Deno.test("select() granted a case before the kill has done it", async () => {
  const queue = new Queue<number>();
  const chooser = spawn(() => select([recv(queue), after(60_000)]));
  await sleep();
  queue.putNowait(1);
  await chooser.kill();
  assertEquals([chooser.value, queue.size], [{ index: 0, value: 1 }, 0]);
});

Deno.test("select() with a parked send() rejects with ShutDown when its queue is shut down", async () => {
  const full = new Queue<number>(1, [1]);
  const other = new Channel<never>();
  const chooser = spawn(() => select([recv(other), send(full, 2)]).catch((error) => error));
  await sleep();
  full.shutdown();
  assert(await chooser.get() instanceof ShutDown);
  assertEquals([full.size, ...waiting(other, full)], [1, 0, 0]);
  await assertRejects(() => select([send(full, 2)]), ShutDown);
});

Deno.test("select() with recv() from a queue that is shut down takes what is left first", async () => {
  const queue = new Queue<number>(Infinity, [1]);
  queue.shutdown();
  assertEquals(await select([recv(queue)]), { index: 0, value: 1 });
  await assertRejects(() => select([recv(queue)]), ShutDown);
});

Deno.test("select() with a case that fails to begin leaves no list behind: no item is swallowed", async () => {
  const queue = new Queue<number>();
  const broken: SelectCase<never> = {
    attempt: () => undefined,
    enlist() {
      throw new RangeError("cannot begin");
    },
  };
  await assertRejects(() => select([recv(queue), broken, recv(queue)]), RangeError, "cannot begin");
  assertEquals(queue.getters.size, 0);
  queue.putNowait(1);
  assertEquals(queue.size, 1);
});

Deno.test("select() with after(): the shortest wins, Infinity never", async () => {
  const delays = [Infinity, 2, Temporal.Duration.from({ milliseconds: 1 })];
  assertEquals(await select(delays.map((delay) => after(delay))), { index: 2, value: undefined });
  assertEquals(getHub().stats().timers, 0);
});

Deno.test("select() with otherwise() does nothing else unless it can be done at once", async () => {
  const [empty, filled] = [new Channel<number>(), new Queue<number>(Infinity, [1])];
  assertEquals((await select([recv(empty), send(empty, 1), otherwise()])).index, 2);
  assertEquals(await select([recv(empty), recv(filled), otherwise()]), { index: 1, value: 1 });
  assertEquals(waiting(empty), [0]);
});

Deno.test("select() of many over few channels passes every item once", async () => {
  const [left, right] = [new Channel<number>(), new Channel<number>()];
  const got: number[] = [];
  const receivers = [1, 2, 3].map(() =>
    spawn(async () => {
      for (let i = 0; i < 4; i++) got.push((await select([recv(left), recv(right)])).value);
    })
  );
  const senders = [0, 1, 2].map((n) =>
    spawn(async () => {
      for (let i = 0; i < 4; i++) await select([send(right, 4 * n + i), send(left, 4 * n + i)]);
    })
  );
  await joinAll([...receivers, ...senders]);
  assertEquals(got.toSorted((a, b) => a - b), Array.from({ length: 12 }, (_, i) => i));
  assertEquals(waiting(left, right), [0, 0]);
});

Deno.test("select() that need not wait, or fails, in a loop, lets the event loop have its turns", async () => {
  const queue = new Queue<number>();
  queue.shutdown();
  const broken: SelectCase<never> = {
    attempt: () => undefined,
    enlist() {
      throw new Error("cannot wait for this");
    },
  };
  for (const entry of [recv(queue), send(queue, 1), broken, otherwise()]) {
    await assertFair(() => select([entry]));
  }
});
