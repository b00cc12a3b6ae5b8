import {
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  BlockingSwitchOutError,
  Empty,
  explore,
  Full,
  getHub,
  joinAll,
  ShutDown,
  sleep,
  spawn,
  spawnWith,
  tasks,
  ThreadError,
  ThreadPool,
  transfer,
  WorkerChannel,
  workerChannel,
} from "@verdant/green";
import type { Port } from "../../../green/threads/channel_wires.ts";

const work = tasks<typeof import("./work.ts")>(new URL("./work.ts", import.meta.url));
const LONG = 20_000;

/** Waits for what comes by way of the event loop. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(1);
}

Deno.test("WorkerChannel carries items both ways in order", async () => {
  const [a, b] = workerChannel<number, string>(10);
  for (const word of ["x", "y", "z"]) await a.put(word);
  for (const n of [1, 2, 3]) b.putNowait(n);
  assertEquals([await b.get(), await b.get(), await b.get()], ["x", "y", "z"]);
  await until(() => a.size === 3);
  assertEquals([a.getNowait(), await a.get(), await a.get({ timeout: 0 })], [1, 2, 3]);
  a.close();
  await assertRejects(() => b.get(), ShutDown);
  b.close();
});

Deno.test("WorkerChannel.put() waits while the other end has not taken capacity items", async () => {
  const [a, b] = workerChannel<number>(2);
  await a.put(1);
  await a.put(2);
  assertEquals(a.room, 0);
  assertThrows(() => a.putNowait(3), Full);
  await assertRejects(() => a.put(3, { timeout: 0 }), Full);
  await assertRejects(() => a.put(3, { timeout: 1 }), Full);
  const putters = [3, 4].map((n) => spawn(() => a.put(n)));
  await sleep();
  assertEquals(await b.get(), 1);
  await putters[0]!.join();
  assertEquals([putters[1]!.ready, a.room], [false, 0]);
  assertEquals([await b.get(), await b.get()], [2, 3]);
  await putters[1]!.join();
  await until(() => a.room === 1);
  assertEquals([await b.get(), b.size], [4, 0]);
  await until(() => a.room === 2);
  a.close();
  b.close();
});

Deno.test("WorkerChannel.get() that is killed or too late loses nothing", async () => {
  const [a, b] = workerChannel<number>(2);
  assertThrows(() => b.getNowait(), Empty);
  await assertRejects(() => b.get({ timeout: 0 }), Empty);
  await assertRejects(() => b.get({ timeout: 1 }), Empty);
  const getters = [1, 2].map(() => spawn(() => b.get()));
  await sleep();
  await getters[0]!.kill();
  await a.put(5);
  assertEquals(await getters[1]!.get(), 5);
  a.close();
  b.close();
});

Deno.test("WorkerChannel.put() that is killed sends nothing and lets the next one go", async () => {
  const [a, b] = workerChannel<number>(1);
  await a.put(1);
  const putters = [2, 3].map((n) => spawn(() => a.put(n)));
  await sleep();
  await putters[0]!.kill();
  assertEquals([await b.get(), await b.get()], [1, 3]);
  a.closeWrite();
  assertEquals(await Array.fromAsync(b), []);
  a.close();
  b.close();
});

Deno.test("WorkerChannel.closeWrite() ends one direction behind what was put", async () => {
  const [a, b] = workerChannel<number>(1);
  await a.put(1);
  const putter = spawn(() => a.put(2).catch((error) => error));
  await sleep();
  a.closeWrite();
  a.closeWrite();
  assertInstanceOf(await putter.get(), ShutDown);
  await assertRejects(() => a.put(3), ShutDown, "it is closed");
  assertEquals(await Array.fromAsync(b), [1]);
  await assertRejects(() => b.get(), ShutDown, "the other end puts nothing any more");
  await b.put(4);
  assertEquals([await a.get(), a.closed], [4, false]);
  b.close();
  await assertRejects(() => a.get(), ShutDown);
  a.close();
});

Deno.test("WorkerChannel.close() ends both directions, and wakes who waits at either end", async () => {
  const [a, b] = workerChannel<number>(1);
  const getters = [a, b].map((end) => spawn(() => end.get().catch((error) => error)));
  await sleep();
  a.close();
  a.close();
  for (const getter of getters) assertInstanceOf(await getter.get(), ShutDown);
  for (const end of [a, b]) {
    await assertRejects(() => end.put(1), ShutDown);
    assertThrows(() => end.putNowait(1), ShutDown);
    await assertRejects(() => end.get(), ShutDown);
    assertThrows(() => end.getNowait(), ShutDown);
  }
  assertEquals([a.closed, b.closed, a.room, b.room], [true, false, 0, 0]);
  b.close();
  const [c, d] = workerChannel<number>(1);
  await c.put(1);
  const putter = spawn(() => c.put(2).catch((error) => error));
  await sleep();
  d.close();
  assertStringIncludes((await putter.get()).message, "the other end is closed");
  c.close();
});

Deno.test("WorkerChannel at the end of its block is closed; what was put arrives", async () => {
  const [a, b] = workerChannel<number>(3);
  {
    await using _end = a;
    for (const n of [1, 2, 3]) await a.put(n);
  }
  assertEquals(await Array.fromAsync(b), [1, 2, 3]);
  b.close();
});

Deno.test("WorkerChannel.abort() lets the other end see that it was not all", async () => {
  const [a, b] = workerChannel<number>(3);
  await a.put(1);
  a.abort("no more paper");
  assertEquals(await b.get(), 1);
  await assertRejects(() => b.get(), ThreadError, "Cannot get from worker channel: no more paper");
  await assertRejects(() => b.put(1), ThreadError, "no more paper");
  await assertRejects(() => Array.fromAsync(b), ThreadError);
  b.close();
});

Deno.test("WorkerChannel refuses bad input at the call and stays as it was", async () => {
  for (const capacity of [0, -1, 1.5, NaN] as number[]) {
    assertThrows(() => workerChannel(capacity), RangeError, `received ${capacity}`);
  }
  const [a, b] = workerChannel<unknown>(1);
  for (let round = 0; round < 2; round++) { // with room, and without
    assertThrows(() => a.put(() => {}), DOMException, "could not be cloned");
    assertThrows(() => a.put(1, { timeout: -1 }), RangeError, "-1");
    assertThrows(() => a.get({ timeout: NaN }), RangeError, "NaN");
    if (round === 0) await a.put(1);
  }
  const caught: unknown[] = [];
  getHub().runCallback(() => {
    for (const call of [() => a.get(), () => a.put(1)]) {
      try {
        void call();
      } catch (error) {
        caught.push(error);
      }
    }
  });
  await sleep();
  assertEquals(caught.map((error) => error instanceof BlockingSwitchOutError), [true, true]);
  assertEquals(await b.get(), 1);
  a.close();
  b.close();
});

Deno.test("WorkerChannel moves what is marked when it is sent", async () => {
  const [a, b] = workerChannel<Uint8Array>(1);
  await a.put(transfer(new Uint8Array([1])));
  const bytes = transfer(new Uint8Array([2]));
  const putter = spawn(() => a.put(bytes));
  await sleep();
  assertEquals(bytes.length, 1);
  assertEquals([(await b.get())[0], (await b.get())[0]], [1, 2]);
  await putter.join();
  assertEquals(bytes.length, 0);
  a.close();
  b.close();
});

Deno.test("WorkerChannel.put() of what cannot be sent any more fails, and lets the next one go", async () => {
  const [a, b] = workerChannel<unknown>(1);
  await a.put(1);
  const buffer = transfer(new ArrayBuffer(4));
  const putters = [buffer, 2].map((item) => spawn(() => a.put(item).catch((error) => error.name)));
  await sleep();
  structuredClone(buffer, { transfer: [buffer] }); // now it is gone
  assertEquals([await b.get(), await b.get()], [1, 2]);
  assertEquals([await putters[0]!.get(), await putters[1]!.get()], ["DataCloneError", undefined]);
  a.close();
  b.close();
});

Deno.test("WorkerChannel tells the other end of all that was taken in a row at once", async () => {
  const [a, b] = workerChannel<number>(3);
  for (const n of [1, 2, 3]) a.putNowait(n);
  assertEquals(await b.get(), 1);
  await until(() => b.size === 2 && a.room === 1);
  assertEquals([b.getNowait(), b.getNowait()], [2, 3]);
  await until(() => a.room > 1);
  assertEquals(a.room, 3);
  a.close();
  b.close();
});

Deno.test("WorkerChannel gives what was put before the thread at the other end died, though told later", async () => {
  const underWay = [1, 2, 3].map((n) => [0, n, false]);
  const watch: Port = { onmessage: null, postMessage() {}, close() {} };
  const data: Port = {
    onmessage: null,
    postMessage() {},
    close() { // as Deno does
      for (const message of underWay.splice(0)) this.onmessage!({ data: message } as MessageEvent);
    },
  };
  const end = new WorkerChannel<number>({ capacity: 5, data, watch });
  const getter = spawn(() => end.get());
  await sleep();
  watch.onmessage!({ data: "it died" } as MessageEvent);
  assertEquals([await getter.get(), await end.get(), await end.get()], [1, 2, 3]);
  await assertRejects(() => end.get(), ThreadError, "Cannot get from worker channel: it died");
  end.close();
});

Deno.test("WorkerChannel end cannot be sent once it was used, sent or closed", async () => {
  const [carrier, other] = workerChannel<unknown>(5);
  const [used, peer] = workerChannel<number>(1);
  used.putNowait(1);
  assertThrows(() => carrier.putNowait(used), DOMException, "it has been used here");
  peer.close();
  assertThrows(() => carrier.putNowait([{ peer }]), DOMException, "it is closed");
  const [here, there] = workerChannel<number>(1);
  carrier.putNowait(there);
  assertThrows(() => carrier.putNowait(there), DOMException, "it was sent before");
  assertThrows(() => there.putNowait(1), ShutDown, "sent to another thread");
  assertThrows(() => there.getNowait(), ShutDown, "sent to another thread");
  there.closeWrite();
  there.close();
  const arrived = await other.get() as WorkerChannel<number>;
  for (const end of [here, arrived, used, carrier, other]) end.close();
});

Deno.test("WorkerChannel keeps count of the waits that something outside will end", async () => {
  const hub = getHub();
  const { foreignWaits } = hub.stats();
  const [a, b] = workerChannel<number>(1);
  await a.put(0);
  const waiting = [spawn(() => a.get()), spawn(() => a.put(1)), spawn(() => b.get())];
  await waiting[2]!.join();
  await waiting[1]!.join();
  assertEquals(hub.stats().foreignWaits, foreignWaits + 1);
  await waiting[0]!.kill();
  assertEquals(hub.stats().foreignWaits, foreignWaits);
  a.close();
  b.close();
});

// ---- With threads --------------------------------------------------------------------------------

Deno.test("WorkerChannel connects greenlets of different threads", async () => {
  await using pool = new ThreadPool(1);
  const [here, there] = workerChannel<number>(3);
  const task = spawn(() => pool.apply(work.double, [there]));
  const numbers = Array.from({ length: 500 }, (_, i) => i);
  const feeder = spawn(async () => {
    for (const n of numbers) await here.put(n);
    here.closeWrite();
  });
  const results = await Array.fromAsync(here);
  assertEquals(results, numbers.map((n) => 2 * n));
  assertEquals([await task.get(), feeder.ready], ["done", true]);
  here.close();
});

Deno.test("WorkerChannel serves several greenlets on each of several threads, and loses nothing", async () => {
  await using pool = new ThreadPool(2);
  const ends = [0, 1].map(() => workerChannel<[number, number], number>(4));
  const tasks = ends.map(([, there]) => spawn(() => pool.apply(work.share, [there, 3])));
  let next = 0;
  const feeders = ends.flatMap(([here]) =>
    [1, 2].map(() =>
      spawn(async () => {
        while (next < 400) await here.put(next++);
      })
    )
  );
  const closer = spawn(async () => {
    await joinAll(feeders);
    for (const [here] of ends) here.closeWrite();
  });
  const seen: number[] = [];
  const greenlets = new Set<string>();
  await joinAll(ends.map(([here], thread) =>
    spawn(async () => {
      for await (const [greenlet, n] of here) {
        greenlets.add(`${thread}.${greenlet}`);
        seen.push(n);
      }
    })
  ));
  await joinAll([closer, ...tasks], { raiseError: true });
  assertEquals(seen.sort((a, b) => a - b), Array.from({ length: 400 }, (_, i) => i));
  assertEquals(greenlets.size, 6);
});

Deno.test("WorkerChannel whose task fails gives what was put, and then says so", async () => {
  await using pool = new ThreadPool(1);
  const [here, there] = workerChannel<number, never>(2);
  const task = spawn(() => pool.apply(work.putAndFail, [there]).catch((error) => error));
  assertEquals([await here.get(), await here.get(), await here.get()], [1, 2, 3]);
  await assertRejects(
    () => here.get({ timeout: LONG }),
    ThreadError,
    "its task failed: RangeError: half way",
  );
  assertInstanceOf(await task.get(), RangeError);
  here.close();
});

for (const how of ["closes itself", "is terminated"] as const) {
  Deno.test(`WorkerChannel whose thread ${how} gives what was put, and then says so`, async () => {
    await using pool = new ThreadPool(1);
    const [here, there] = workerChannel<number, never>(5);
    const options = { terminate: true };
    const putter = how === "is terminated" ? work.putAndHang : work.putAndLeave;
    const task = spawn(() => pool.apply(putter, [there], options).catch((error) => error));
    const first = await here.get();
    if (how === "is terminated") {
      await until(() => here.size === 2);
      await task.kill();
    }
    assertEquals([first, await here.get(), await here.get()], [1, 2, 3]);
    await assertRejects(
      () => here.get({ timeout: LONG }),
      ThreadError,
      "the thread at its other end has gone",
    );
    await assertRejects(() => here.put(1 as never), ThreadError);
    await task.join();
    here.close();
  });
}

Deno.test("WorkerChannel tells a thread that the thread at the other end has gone", async () => {
  await using pool = new ThreadPool(2);
  const [a, b] = workerChannel<number>(2);
  const listener = spawn(() => pool.apply(work.double, [a]).catch((error) => error));
  const victim = spawn(() => pool.apply(work.putAndHang, [b as never], { terminate: true }));
  await sleep(1);
  await victim.kill();
  const error = await listener.get();
  assertInstanceOf(error, Error);
  assertEquals(error.name, "ThreadError");
});

Deno.test("WorkerChannel ends can be results of tasks, and items", async () => {
  await using pool = new ThreadPool(1);
  const [here, there] = workerChannel<string>(1);
  const back = await pool.apply(work.giveBack, [there]);
  await here.put("through the thread and back");
  assertEquals(await back.get(), "through the thread and back");
  const [out, into] = workerChannel<WorkerChannel<string>, never>(1);
  const [left, right] = workerChannel<string>(1);
  const task = spawn(() => pool.apply(work.passOn, [into, right]));
  const passed = await out.get();
  await passed.put("hello");
  assertEquals(await left.get(), "hello");
  await task.get();
  for (const end of [here, back, out, left, passed]) end.close();
});

// ---- Under every schedule --------------------------------------------------------------------------

/** Two ports in memory, whose messages take a while. */
function fakePorts(delay: () => number): [Port, Port] {
  const hub = getHub();
  const ports = [0, 1].map((side): Port & { queue: unknown[]; closed: boolean } => ({
    onmessage: null,
    queue: [],
    closed: false,
    postMessage(message) {
      const other = ports[1 - side]!;
      if (this.closed || other.closed) return;
      other.queue.push(structuredClone(message));
      hub.startTimer(delay(), true, () => {
        if (other.onmessage !== null && other.queue.length > 0) {
          other.onmessage({ data: other.queue.shift() } as MessageEvent);
        }
      }, undefined);
    },
    close() {
      this.closed = true;
    },
  }));
  return [ports[0]!, ports[1]!];
}

Deno.test("WorkerChannel loses nothing and doubles nothing, whoever is killed, under every schedule", async () => {
  await explore(async (world) => {
    const delay = () => world.random() * 2;
    const [data1, data2] = fakePorts(delay);
    const [watch1, watch2] = fakePorts(delay);
    const a = new WorkerChannel<number>({ capacity: 2, data: data1, watch: watch1 });
    const b = new WorkerChannel<number>({ capacity: 2, data: data2, watch: watch2 });
    const sent: number[] = [];
    const got: number[] = [];
    const putters = [0, 10].map((base) =>
      spawn(async () => {
        for (const n of [1, 2, 3]) {
          await a.put(base + n);
          sent.push(base + n); // granted: between that and here nobody else runs
        }
      })
    );
    const getters = ["first", "second", "steady"].map((name) =>
      spawnWith({ name }, async () => {
        for await (const n of b) got.push(n);
      })
    );
    for (const putter of putters) await putter.join();
    a.closeWrite();
    for (const getter of getters) await getter.join();
    const sorted = (list: number[]) => list.toSorted((x, y) => x - y);
    assertEquals(sorted(got), sorted(sent));
    a.close();
    b.close();
  }, { runs: 300, inject: ["kill"], victims: ({ name }) => name !== "steady" });
});
