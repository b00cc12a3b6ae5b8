import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { type Buffer, eventlet, getHub, GreenletExit, simulate, sleep, Timeout } from "@verdant/green";
import { exploreTest, inTime, LIMIT, start } from "../../explored/explored.ts";
import { interruptAnywhere } from "../../interrupt_anywhere.ts";

const { Empty, Full } = eventlet.queue;

const KINDS = [eventlet.LightQueue, eventlet.Queue, eventlet.LifoQueue, eventlet.PriorityQueue];
const state = ({ qsize, empty, full, putting, getting }: eventlet.LightQueue) => [
  qsize,
  empty,
  full,
  putting,
  getting,
];

// ---- Sizes -----------------------------------------------------------------------------------------

Deno.test("Queue without a size, with null or a negative one takes any number of items", () => {
  for (const Kind of KINDS) {
    for (const maxsize of [undefined, null, -5, Infinity]) {
      const queue = new Kind<number>(maxsize);
      for (let i = 0; i < 100; i++) queue.putNowait(i);
      assertEquals([queue.maxsize, queue.full, queue.qsize], [null, false, 100]);
    }
  }
});

Deno.test("Queue refuses a size that is not whole, also when it is resized", () => {
  for (const Kind of KINDS) {
    assertThrows(() => new Kind(0.5), RangeError, "received 0.5");
    assertThrows(() => new Kind(NaN), RangeError, "received NaN");
    const queue = new Kind(2);
    assertThrows(() => queue.resize(0.5), RangeError, "Cannot resize queue: maxsize");
    assertEquals(queue.maxsize, 2);
  }
});

Deno.test("Queue of a size lets that many in, and the others wait in their order", async () => {
  const queue = new eventlet.Queue<number>(2);
  const log: string[] = [];
  for (const n of [1, 2, 3, 4]) {
    eventlet.spawn(async () => {
      await queue.put(n);
      log.push(`put ${n}`);
    });
  }
  await sleep();
  assertEquals([log, state(queue), queue.maxsize], [["put 1", "put 2"], [2, false, true, 2, 0], 2]);
  const got: number[] = [];
  while (!queue.empty) got.push(await queue.get());
  await sleep();
  assertEquals([got, log.slice(2)], [[1, 2, 3, 4], ["put 3", "put 4"]]);
});

Deno.test("Queue.get() serves those who wait in their order", async () => {
  const queue = new eventlet.Queue<string>();
  const log: string[] = [];
  const threads = [1, 2, 3].map((n) => eventlet.spawn(async () => void log.push(n + await queue.get())));
  await sleep();
  assertEquals(queue.getting, 3);
  for (const item of ["a", "b", "c"]) await queue.put(item);
  await Promise.all(threads.map((thread) => thread.wait()));
  assertEquals([log, state(queue)], [["1a", "2b", "3c"], [0, true, false, 0, 0]]);
});

Deno.test("Queue.put() and get() do not switch when they need not wait", async () => {
  const queue = new eventlet.Queue<number>();
  const log: string[] = [];
  eventlet.spawn(() => log.push("other"));
  await queue.put(1);
  await queue.get();
  log.push("done");
  await sleep();
  assertEquals(log, ["done", "other"]);
});

// ---- Limits ----------------------------------------------------------------------------------------

Deno.test("Queue.put() and get() that do not block throw at once if they would have to", async () => {
  for (const maxsize of [0, 1]) {
    const queue = new eventlet.Queue<number>(maxsize);
    await assertRejects(() => queue.get({ block: false, timeout: 60_000 }), Empty);
    assertThrows(() => queue.getNowait(), Empty);
    if (maxsize > 0) await queue.put(1, { block: false });
    await assertRejects(() => queue.put(2, { block: false, timeout: 60_000 }), Full);
    assertThrows(() => queue.putNowait(2), Full);
    assertEquals([queue.qsize, queue.putting, queue.getting], [maxsize, 0, 0]);
  }
});

Deno.test("Queue.put() and get() throw when the time is over, and leave nothing behind", async () => {
  await simulate(async (world) => {
    for (const maxsize of [0, 1]) {
      const queue = new eventlet.Queue<number>(maxsize);
      const begin = world.now;
      await assertRejects(() => queue.get({ timeout: 10 }), Empty);
      if (maxsize > 0) await queue.put(1);
      await assertRejects(() => queue.put(2, { timeout: 10 }), Full);
      const limit = new Timeout(10);
      assertStrictEquals(await queue.put(3, { timeout: limit }).catch((error) => error), limit);
      assertEquals([world.now - begin, state(queue)], [30, [maxsize, maxsize === 0, true, 0, 0]]);
      assertThrows(() => queue.get({ timeout: -1 }), RangeError, "received -1");
      assertThrows(() => queue.put(4, { timeout: -1 }), RangeError, "received -1");
    }
  });
});

Deno.test("Queue.get() with a timeout of null waits as long as it takes", async () => {
  await simulate(async () => {
    const queue = new eventlet.Queue<string>();
    eventlet.spawnAfter(1e9, () => queue.put("late"));
    assertEquals(await queue.get({ timeout: null }), "late");
  });
});

Deno.test("Queue.get() that timed out leaves the item to the other who waits", async () => {
  await simulate(async () => {
    const queue = new eventlet.Queue<string>();
    const died = eventlet.spawn(() => queue.get({ timeout: 1 }).catch((error) => error.name));
    const lives = eventlet.spawn(() => queue.get({ timeout: 100 }));
    await sleep(10);
    await queue.put("item");
    assertEquals([await died.wait(), await lives.wait(), queue.getting], ["Empty", "item", 0]);
  });
});

Deno.test("Queue.get() of two who give up takes nothing from the one who stays", async () => {
  await simulate(async () => {
    const queue = new eventlet.Queue<string>();
    const quit = () =>
      eventlet.spawn(() => eventlet.withTimeout(1, () => queue.get(), { timeoutValue: "quit" }));
    const quitters = [quit(), quit()];
    const stays = eventlet.spawn(() => queue.get());
    await sleep(10);
    assertEquals(queue.getting, 1);
    await queue.put("item");
    assertEquals(await stays.wait(), "item");
    assertEquals(await Promise.all(quitters.map((thread) => thread.wait())), ["quit", "quit"]);
  });
});

// ---- Channels --------------------------------------------------------------------------------------

Deno.test("Queue(0) is empty and full at the same time", async () => {
  for (const Kind of KINDS) {
    const channel = new Kind<number>(0);
    assertEquals([channel.maxsize, state(channel)], [0, [0, true, true, 0, 0]]);
    const putter = eventlet.spawn(() => channel.put(1));
    await sleep();
    assertEquals(state(channel), [0, true, true, 1, 0]);
    assertEquals([await channel.get(), state(channel)], [1, [0, true, true, 0, 0]]);
    await putter.wait();
    const getter = eventlet.spawn(() => channel.get());
    await sleep();
    assertEquals(state(channel), [0, true, true, 0, 1]);
    channel.putNowait(2);
    assertEquals(await getter.wait(), 2);
  }
});

Deno.test("Queue(0).put() goes on behind the getter (test_channel_send)", async () => {
  const channel = new eventlet.Queue<string>(0);
  const events: string[] = [];
  eventlet.spawn(async () => {
    for (let i = 0; i < 2; i++) events.push(await channel.get());
  });
  events.push("sending");
  await channel.put("hello");
  events.push("sent hello");
  await channel.put("world");
  events.push("sent world");
  assertEquals(events, ["sending", "hello", "sent hello", "world", "sent world"]);
});

Deno.test("Queue(0).get() goes on before the putter (test_channel_wait)", async () => {
  const channel = new eventlet.Queue<string>(0);
  const events: string[] = [];
  eventlet.spawn(async () => {
    for (const word of ["hello", "world"]) {
      events.push(`sending ${word}`);
      await channel.put(word);
    }
    events.push("sent world");
  });
  events.push("waiting");
  for (let i = 0; i < 2; i++) events.push(await channel.get());
  const expected = ["waiting", "sending hello", "hello", "sending world", "world"];
  assertEquals(events, expected);
  await sleep();
  assertEquals(events, [...expected, "sent world"]);
});

Deno.test("Queue(0) serves those who wait in their order, on both sides", async () => {
  const channel = new eventlet.Queue<number>(0);
  const log: unknown[] = [];
  const putters = [1, 2, 3].map((n) => eventlet.spawn(() => channel.put(n).then(() => log.push(`put ${n}`))));
  await sleep();
  for (let i = 0; i < 3; i++) log.push(await channel.get());
  await Promise.all(putters.map((thread) => thread.wait()));
  assertEquals(log, [1, 2, 3, "put 1", "put 2", "put 3"]);
  const getters = ["a", "b"].map((name) =>
    eventlet.spawn(async () => void log.push(name + await channel.get()))
  );
  await sleep();
  for (const n of [4, 5]) await channel.put(n);
  await Promise.all(getters.map((thread) => thread.wait()));
  assertEquals(log.slice(6), ["a4", "b5"]);
});

Deno.test("Queue(0).getNowait() and get() without blocking take from a putter that waits", async () => {
  const channel = new eventlet.Queue<string>(0);
  const putters = ["a", "b"].map((item) => eventlet.spawn(() => channel.put(item)));
  await sleep();
  assertEquals([channel.getNowait(), await channel.get({ block: false }), channel.putting], ["a", "b", 0]);
  await Promise.all(putters.map((thread) => thread.wait()));
});

Deno.test("Queue(0).putNowait() and put() without blocking give to a getter that waits", async () => {
  const channel = new eventlet.Queue<string>(0);
  const getters = [1, 2].map(() => eventlet.spawn(() => channel.get()));
  await sleep();
  channel.putNowait("a");
  await channel.put("b", { block: false });
  assertEquals(await Promise.all(getters.map((thread) => thread.wait())), ["a", "b"]);
});

Deno.test("Queue.putNowait() and getNowait() work in a callback of the hub", async () => {
  const inHub = <T>(fn: () => T): Promise<T> => {
    const { promise, resolve } = Promise.withResolvers<T>();
    getHub().runCallback(() => resolve(fn()));
    return promise;
  };
  const channel = new eventlet.Queue<string>(0);
  const putter = eventlet.spawn(() => channel.put("test_get_nowait_unlock"));
  await sleep();
  assertEquals(await inHub(() => channel.getNowait()), "test_get_nowait_unlock");
  await putter.wait();
  const getter = eventlet.spawn(() => channel.get());
  await sleep();
  await inHub(() => channel.putNowait("test_put_nowait_unlock"));
  assertEquals(await getter.wait(), "test_put_nowait_unlock");
});

Deno.test("Queue(0).put() whose getter dies right after it got the item goes on", async () => {
  const channel = new eventlet.Queue<string>(0);
  const getter = eventlet.spawn(async () => {
    await channel.get();
    await sleep(60_000);
  });
  await sleep();
  const putter = eventlet.spawn(async () => {
    await channel.put("item");
    return "put";
  });
  await sleep();
  await getter.kill();
  assertEquals(await putter.wait(), "put");
});

Deno.test("Queue(0).put() and get() that are to be killed neither give nor take", async () => {
  const channel = new eventlet.Queue<string>(0);
  const getter = eventlet.spawn(() => channel.get());
  await sleep();
  const doomed = (act: () => Promise<unknown>) => {
    const thread = eventlet.spawn(async () => {
      thread.throw(new GreenletExit("doomed"));
      await act();
    });
    return thread.wait().catch((error) => error.message);
  };
  assertEquals([await doomed(() => channel.put("never")), channel.getting], ["doomed", 1]);
  channel.putNowait("item");
  assertEquals(await getter.wait(), "item");
  const putter = eventlet.spawn(() => channel.put("another"));
  await sleep();
  assertEquals([await doomed(() => channel.get()), channel.putting, channel.qsize], ["doomed", 1, 0]);
  assertEquals(await channel.get(), "another");
  await putter.wait();
});

Deno.test("Queue(0) hands a refused item back to its putter", async () => {
  /** Takes no zero. */
  class Picky implements Buffer<number> {
    #items: number[] = [];
    get size() {
      return this.#items.length;
    }
    push(item: number) {
      if (item === 0) throw new RangeError("zero");
      this.#items.push(item);
    }
    shift() {
      return this.#items.shift();
    }
    peek() {
      return this.#items[0];
    }
    [Symbol.iterator]() {
      return this.#items.values();
    }
  }
  const channel = new eventlet.LightQueue<number>(0, new Picky());
  const putters = [0, 5, 0].map((n) => eventlet.spawn(() => channel.put(n).catch((error) => error.message)));
  await sleep();
  assertEquals(await channel.get(), 5);
  assertThrows(() => channel.getNowait(), Empty);
  const getter = eventlet.spawn(() => channel.get());
  await sleep();
  channel.putNowait(6);
  assertEquals(await getter.wait(), 6);
  assertEquals(await Promise.all(putters.map((thread) => thread.wait())), ["zero", undefined, "zero"]);
});

// ---- Resizing --------------------------------------------------------------------------------------

Deno.test("Queue.resize() to more lets those in who wait, as many as there is room for", async () => {
  for (const maxsize of [0, 1]) {
    const queue = new eventlet.Queue<number>(maxsize);
    const putters = [1, 2, 3, 4].map((n) => eventlet.spawn(() => queue.put(n)));
    await sleep();
    queue.resize(3);
    await sleep();
    assertEquals([putters.map(({ dead }) => dead), state(queue)], [
      [true, true, true, false],
      [3, false, true, 1, 0],
    ]);
    queue.resize(null);
    await Promise.all(putters.map((thread) => thread.wait()));
    assertEquals([state(queue), queue.maxsize], [[4, false, false, 0, 0], null]);
    assertEquals([1, 2, 3, 4].map(() => queue.getNowait()), [1, 2, 3, 4]);
  }
});

Deno.test("Queue.resize() to fewer keeps the items, and is full until there is room", async () => {
  const queue = new eventlet.Queue<number>(3);
  for (const n of [1, 2, 3]) queue.putNowait(n);
  queue.resize(2);
  assertEquals(state(queue), [3, false, true, 0, 0]);
  const putter = eventlet.spawn(() => queue.put(4));
  await sleep();
  assertEquals(await queue.get(), 1);
  await sleep();
  assertEquals([queue.putting, await queue.get()], [1, 2]);
  await putter.wait();
  assertEquals([await queue.get(), await queue.get()], [3, 4]);
});

Deno.test("Queue.resize() to a channel gives out the items, then meets those who wait", async () => {
  const queue = new eventlet.Queue<number>(2);
  for (const n of [1, 2]) queue.putNowait(n);
  const putter = eventlet.spawn(() => queue.put(3));
  await sleep();
  queue.resize(0);
  assertEquals([queue.maxsize, state(queue)], [0, [2, false, true, 1, 0]]);
  assertThrows(() => queue.putNowait(4), Full);
  assertEquals([await queue.get(), queue.getNowait(), state(queue)], [1, 2, [0, true, true, 1, 0]]);
  await sleep();
  assertEquals([putter.dead, await queue.get()], [false, 3]);
  await putter.wait();
});

Deno.test("Queue.resize() of a channel keeps those who wait to get", async () => {
  for (const maxsize of [2, null]) {
    const queue = new eventlet.Queue<number>(0);
    const getter = eventlet.spawn(() => queue.get());
    await sleep();
    queue.resize(maxsize);
    await queue.put(1);
    assertEquals(await getter.wait(), 1);
  }
});

// ---- Tasks -----------------------------------------------------------------------------------------

Deno.test("Queue.join() waits until all that came in is done, and wakes all who join", async () => {
  const queue = new eventlet.Queue<number>();
  assertEquals(await queue.join(), true);
  for (const n of [1, 2]) await queue.put(n);
  const joiners = [1, 2].map(() => eventlet.spawn(() => queue.join()));
  await queue.get();
  queue.taskDone();
  await sleep();
  assertEquals([queue.unfinishedTasks, joiners.map(({ dead }) => dead)], [1, [false, false]]);
  queue.taskDone();
  assertEquals(await Promise.all(joiners.map((thread) => thread.wait())), [true, true]);
  assertThrows(() => queue.taskDone(), RangeError, "more often than items were put");
  await queue.put(3);
  assertEquals([await queue.join({ timeout: 0 }), queue.unfinishedTasks], [false, 1]);
});

Deno.test("Queue.join() does not count the items of those who still wait to put", async () => {
  for (const maxsize of [0, 1]) {
    const queue = new eventlet.Queue<number>(maxsize);
    const putters = [1, 2].map((n) => eventlet.spawn(() => queue.put(n)));
    await sleep();
    assertEquals(queue.unfinishedTasks, maxsize);
    await queue.get();
    assertEquals(queue.unfinishedTasks, maxsize + 1);
    if (maxsize === 0) {
      queue.taskDone();
      assertEquals(await queue.join({ timeout: 0 }), true);
      const getter = eventlet.spawn(() => queue.get());
      await getter.wait();
      assertEquals(queue.unfinishedTasks, 1);
    }
    await Promise.all(putters.map((thread) => thread.wait()));
  }
});

Deno.test("LightQueue does not count tasks", () => {
  const queue = new eventlet.LightQueue();
  assert(!("taskDone" in queue) && !("join" in queue));
});

// ---- Orders ----------------------------------------------------------------------------------------

Deno.test("PriorityQueue gives the smallest first, equal ones in their order", async () => {
  const queue = new eventlet.PriorityQueue<[number, object]>();
  const items: [number, object][] = [[2, {}], [1, {}], [2, {}], [0, {}]];
  for (const item of items) await queue.put(item);
  const got = items.map(() => queue.getNowait());
  assertEquals(got.map((item) => items.indexOf(item)), [3, 1, 0, 2]);
});

Deno.test("PriorityQueue compares as it is told, also those who waited for room", async () => {
  const queue = new eventlet.PriorityQueue<string>(1, { compare: (a, b) => b.length - a.length });
  const putters = ["a", "bb", "ccc"].map((item) => eventlet.spawn(() => queue.put(item)));
  await sleep();
  queue.resize(2);
  assertEquals(["", "", ""].map(() => queue.getNowait()), ["bb", "ccc", "a"]);
  await Promise.all(putters.map((thread) => thread.wait()));
  assertThrows(() => new eventlet.PriorityQueue(1, { compare: 5 as never }), TypeError, "received 5");
});

Deno.test("LifoQueue gives the newest first", async () => {
  const queue = new eventlet.LifoQueue<number>(2);
  const putters = [1, 2, 3].map((n) => eventlet.spawn(() => queue.put(n)));
  await sleep();
  assertEquals([queue.getNowait(), queue.getNowait(), queue.getNowait()], [2, 3, 1]);
  await Promise.all(putters.map((thread) => thread.wait()));
});

// ---- Whatever happens ------------------------------------------------------------------------------

for (const maxsize of [0, 1]) {
  for (const victimPuts of [true, false]) {
    const name = `eventlet.Queue(${maxsize}).${victimPuts ? "put" : "get"}()`;
    interruptAnywhere(name, () => {
      const queue = new eventlet.Queue<number>(maxsize);
      const sent: number[] = [];
      const got: number[] = [];
      const put = (first: number) => async () => {
        for (let n = first; n < first + 3; n++) {
          await queue.put(n, { timeout: 50 });
          sent.push(n);
        }
      };
      const get = async () => {
        for (let i = 0; i < 3; i++) got.push(await queue.get({ timeout: 50 }));
      };
      const lenient = (work: () => Promise<void>) => () =>
        work().catch((error) => {
          if (!(error instanceof Empty || error instanceof Full)) throw error;
        });
      return {
        victim: victimPuts ? put(10) : get,
        others: [lenient(put(20)), lenient(victimPuts ? get : put(10)), lenient(get)],
        check() {
          while (!queue.empty) got.push(queue.getNowait());
          assertEquals(new Set(got).size, got.length, "an item was doubled");
          assertEquals(sent.filter((n) => !got.includes(n)), [], "an item was lost");
          assert(got.length - sent.length <= 1, "an item came from nowhere");
          assertEquals([queue.putting, queue.getting], [0, 0]);
        },
      };
    });
  }
}

function transfers(workers: number, rounds: number, resizes: (number | null)[]) {
  return async () => {
    const queue = new eventlet.Queue<number>(resizes[0]);
    const sent: number[] = [];
    const got: number[] = [];
    let most = 0;
    const producers = start(workers, async function producer(index) {
      for (let round = 0; round < rounds; round++) {
        const item = index * rounds + round;
        if (await inTime(() => queue.put(item, { timeout: LIMIT }))) sent.push(item);
      }
    });
    const consumers = start(workers, async function consumer() {
      for (let round = 0; round < rounds; round++) {
        most = Math.max(most, queue.qsize);
        await inTime(async () => void got.push(await queue.get({ timeout: LIMIT })));
      }
    });
    for (const maxsize of resizes.slice(1)) {
      await sleep();
      queue.resize(maxsize);
    }
    const open = () => [...producers, ...consumers].some(({ dead }) => !dead);
    while (open()) {
      await sleep(1);
      // Those who were struck have left their partners alone.
      if (producers.every(({ dead }) => dead)) {
        for (let i = queue.getting; i > 0; i--) queue.putNowait(-1);
      }
      if (consumers.every(({ dead }) => dead)) { while (queue.putting > 0) got.push(queue.getNowait()); }
      assert(queue.putting === 0 || queue.getting === 0, "a putter and a getter wait for each other");
    }
    while (!queue.empty) got.push(queue.getNowait());
    const real = got.filter((item) => item >= 0);
    assertEquals(new Set(real).size, real.length);
    assertEquals(sent.filter((item) => !real.includes(item)), []);
    const largest = Math.max(...resizes.map((maxsize) => maxsize ?? Infinity));
    assert(most <= largest, `${most} items were in it, ${largest} may be`);
  };
}

exploreTest("eventlet.Queue(0) loses no item and doubles none", transfers(2, 3, [0]), {
  every: transfers(1, 2, [0]),
});
exploreTest("eventlet.Queue loses no item while it is resized", transfers(2, 3, [0, 2, 0, 1, null, 0]), {
  every: transfers(1, 2, [0, 1, 0]),
  preemptions: 1,
});
