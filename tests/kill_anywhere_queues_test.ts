/** As kill_anywhere_test.ts, for queues, channels and select(). */
import { assert, assertEquals } from "@std/assert";
import {
  after,
  AsyncResult,
  Channel,
  done,
  Event,
  getHub,
  PriorityQueue,
  Queue,
  recv,
  select,
  send,
  ShutDown,
  sleep,
  spawn,
} from "@verdant/green";
import { interruptAnywhere, type Trial } from "./interrupt_anywhere.ts";

type Line = Queue<string> | Channel<string>;

/** How items get in and out. */
interface Transfer {
  readonly put: (line: Line, item: string) => Promise<unknown>;
  readonly get: (line: Line) => Promise<string>;
}

const directly: Transfer = { put: (line, item) => line.put(item), get: (line) => line.get() };

const bySelect: Transfer = {
  put: (line, item) => select([after(60_000), send(line, item)]),
  get: async (line) => (await select([recv(line), recv(line), after(Infinity)])).value as string,
};

/** Every item that was put must be seen once, by a getter or in the queue at the end. */
function transferTrial(line: Line, victimPuts: boolean, { put, get }: Transfer): Trial {
  const sent: string[] = [];
  const seen: string[] = [];
  const producer = (name: string) => async () => {
    for (let i = 0; i < 3; i++) {
      await put(line, `${name}${i}`);
      sent.push(`${name}${i}`);
    }
  };
  const consumer = (count: number) => async () => {
    for (let i = 0; i < count; i++) seen.push(await get(line));
  };
  const closeAtLast = async () => {
    await getHub().join({ timeout: 1 }); // all the others have ended or wait for ever
    line.shutdown();
  };
  const untilClosed = (work: () => Promise<void>) => async () => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof ShutDown)) throw error;
    }
  };
  return {
    victim: victimPuts ? producer("v") : consumer(3),
    others: [
      untilClosed(producer("a")),
      untilClosed(victimPuts ? consumer(6) : producer("b")),
      ...victimPuts ? [] : [untilClosed(consumer(3))],
      closeAtLast,
    ],
    async check(interrupted) {
      while (line.size > 0) seen.push(await line.get());
      assertEquals(seen.length, new Set(seen).size, "an item was doubled");
      // A put that was interrupted did not happen; one that was granted did, though its caller was killed.
      const lost = sent.filter((item) => !seen.includes(item));
      assertEquals(lost, [], "an item was lost");
      assert(seen.length - sent.length <= (interrupted ? 1 : 0), "an item came from nowhere");
      assertEquals([line.getters.size, line.putters.size], [0, 0]);
      // What one producer sends arrives in its order.
      for (const name of ["a", "b", "v"]) {
        const own = sent.filter((item) => item.startsWith(name));
        assertEquals(own, own.toSorted());
      }
    },
  };
}

for (
  const make of [() => new Queue<string>(1), () => new PriorityQueue<string>(1), () => new Channel<string>()]
) {
  const { name } = make().constructor;
  interruptAnywhere(`${name}.put()`, () => transferTrial(make(), true, directly));
  // What a getter was given before it was interrupted is its own: it has it in hand.
  interruptAnywhere(`${name}.get()`, () => transferTrial(make(), false, directly));
  interruptAnywhere(`select() with send() to a ${name}`, () => transferTrial(make(), true, bySelect));
  interruptAnywhere(`select() with recv() from a ${name}`, () => transferTrial(make(), false, bySelect));
}

for (const make of [() => new Queue<number>(), () => new Channel<number>()]) {
  interruptAnywhere(`${make().constructor.name} iteration`, () => {
    const line = make();
    const seen: number[] = [];
    const iterate = async () => {
      for await (const item of line) seen.push(item);
    };
    return {
      victim: iterate,
      others: [iterate, async () => {
        for (let i = 0; i < 4; i++) {
          await line.put(i);
          await sleep();
        }
        line.shutdown();
      }],
      check() {
        assertEquals(seen.toSorted(), [0, 1, 2, 3]);
        assertEquals([line.size, line.getters.size], [0, 0]);
      },
    };
  });
}

interruptAnywhere("Queue.peek()", () => {
  const queue = new Queue<number>();
  const seen: number[] = [];
  return {
    victim: () => queue.peek(),
    others: [
      async () => void seen.push(await queue.get()),
      () => queue.put(1),
    ],
    check: () => assertEquals([seen, queue.size, queue.getters.size], [[1], 0, 0]),
  };
});

interruptAnywhere("Queue.join()", () => {
  const queue = new Queue<number>(Infinity, [1]);
  return {
    victim: () => queue.join(),
    others: [async () => {
      await queue.get();
      await sleep();
      queue.taskDone();
    }],
    check: () => assertEquals(queue.unfinishedTasks, 0),
  };
});

interruptAnywhere("select() with done()", () => {
  const event = new Event();
  const result = new AsyncResult<number>();
  const worker = spawn(() => sleep());
  const other = new Channel<never>();
  let woken = 0;
  const choose = async () => {
    for (const object of [worker, event, result]) {
      const { index, value } = await select([recv(other), done(object), after(60_000)]);
      assertEquals([index, value === object], [1, true]);
      woken++;
    }
  };
  return {
    victim: choose,
    others: [choose, async () => {
      await worker.join();
      await sleep();
      event.set();
      await sleep();
      result.set(1);
    }],
    check(interrupted) {
      assert(woken >= 3 && (interrupted || woken === 6));
      assertEquals([other.getters.size, worker.links?.size], [0, 0]);
    },
  };
});

interruptAnywhere("select() with after()", () => {
  const other = new Channel<never>();
  return {
    victim: async () => {
      for (let i = 0; i < 2; i++) assertEquals((await select([recv(other), after(1)])).index, 1);
    },
    check: () => assertEquals(other.getters.size, 0),
  };
});

interruptAnywhere("select() over all kinds of cases", () => {
  const inbox = new Queue<string>();
  const outbox = new Channel<string>();
  const stop = new Event();
  const received: string[] = [];
  const sent: string[] = [];
  const choose = async () => {
    for (;;) {
      const cases = [recv(inbox), send(outbox, "out"), after(60_000), done(stop)];
      const { index, value } = await select(cases);
      if (index === 0) received.push(value as string);
      if (index === 1) sent.push("out");
      if (index === 3) return;
    }
  };
  const got: string[] = [];
  return {
    victim: choose,
    others: [choose, async () => {
      for (let i = 0; i < 2; i++) {
        await inbox.put(`in${i}`);
        await sleep();
        got.push(await outbox.get());
      }
      stop.set();
    }],
    check(interrupted) {
      const { size } = inbox;
      assertEquals([...received, ...Array.from({ length: size }, () => inbox.getNowait())].toSorted(), [
        "in0",
        "in1",
      ]);
      assert(got.length === 2 && got.length - sent.length <= (interrupted ? 1 : 0));
      const lists = [inbox.getters, inbox.putters, outbox.getters, outbox.putters];
      assertEquals(lists.map((list) => list.size), [0, 0, 0, 0]);
    },
  };
});
