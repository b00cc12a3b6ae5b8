import { assert, assertEquals } from "@std/assert";
import { LifoQueue, PriorityQueue, Queue, SimpleQueue, sleep, withTimeout } from "@verdant/green";
import { alive, type Body, ended, exploreTest, FAULTS, inTime, LIMIT, start } from "./explored.ts";
import {
  checkStandstill,
  FIRST_IN_FIRST_OUT,
  type Insert,
  LAST_IN_FIRST_OUT,
  SMALLEST_FIRST,
  Trade,
} from "./trade.ts";

type QueueClass = new (maxSize: number) => SimpleQueue<number>;
type JoinableClass = new (maxSize: number) => Queue<number>;

const INSERT = new Map<QueueClass, Insert>([
  [SimpleQueue, FIRST_IN_FIRST_OUT],
  [Queue, FIRST_IN_FIRST_OUT],
  [LifoQueue, LAST_IN_FIRST_OUT],
  [PriorityQueue, SMALLEST_FIRST],
]);

/** A way to use a queue. Says whether it was done. */
type Use = (queue: SimpleQueue<number>, trade: Trade) => Promise<unknown>;

const put: Use = (queue, trade) => trade.put((item) => queue.put(item, { timeout: LIMIT }));
const get: Use = (queue, trade) => trade.get(() => queue.get({ timeout: LIMIT }));

const USES: readonly Use[] = [
  put,
  get,
  (queue, trade) => trade.put((item) => queue.put(item)),
  (queue, trade) => trade.get(() => queue.get()),
  (queue, trade) => trade.put((item) => withTimeout(LIMIT, () => queue.put(item))),
  (queue, trade) => trade.get(() => withTimeout(LIMIT, () => queue.get())),
  (queue, trade) => trade.put((item) => queue.putNowait(item)),
  (queue, trade) => trade.get(() => queue.getNowait()),
  (queue, trade) => trade.get(() => queue.peek({ timeout: LIMIT }), "peek"),
  () => sleep(),
];

/** What is left in a queue. */
function drain(queue: SimpleQueue<number>): number[] {
  return Array.from({ length: queue.size }, () => queue.getNowait());
}

/** What the `index`-th worker does, one after the other. */
type Plan = (index: number, random: () => number) => readonly Use[];

const ANYTHING: Plan = (_index, random) => {
  return Array.from({ length: 4 }, () => USES[Math.floor(random() * USES.length)]!);
};
const IN_TURN: Plan = (index) => index % 2 === 0 ? [put, get, put] : [get, put, get];

/** As if all calls had been made one after the other; and nobody waits without a reason. */
function inOrder(Kind: QueueClass, maxSize: number, workers: number, plan: Plan): Body {
  return async (world) => {
    const queue = new Kind(maxSize);
    const trade = new Trade();
    const plans = Array.from({ length: workers }, (_, index) => plan(index, world.random));
    const working = start(workers, async function worker(index) {
      for (const use of plans[index]!) await use(queue, trade);
    });
    await world.settle();
    checkStandstill(queue, trade);
    assertEquals(trade.open, alive(working), "Somebody waits elsewhere");
    queue.shutdown();
    await ended(working);
    assertEquals(drain(queue), trade.check(maxSize, INSERT.get(Kind)));
  };
}

const SIZES: readonly (readonly [QueueClass, number])[] = [
  [SimpleQueue, 1],
  [SimpleQueue, Infinity],
  [Queue, 2],
  [LifoQueue, 2],
  [PriorityQueue, 2],
  [PriorityQueue, Infinity],
];

for (const [Kind, maxSize] of SIZES) {
  exploreTest(
    `${Kind.name}(${maxSize}) serves those who wait in order, loses no item and doubles none`,
    inOrder(Kind, maxSize, 4, ANYTHING),
    { every: inOrder(Kind, maxSize, 3, IN_TURN), preemptions: 1 },
  );
}

/** Who is interrupted by a shutdown, and when. */
interface Interrupted {
  readonly producers: number;
  readonly consumers: number;
  readonly rounds: number;
  /** How often the one who shuts down lets the others run before. */
  readonly pauses: number;
}

/** Nobody waits after a shutdown, and what it does not drop can still be got. */
function shutDown(Kind: QueueClass, { producers, consumers, rounds, pauses }: Interrupted): Body {
  return async (world) => {
    const queue = new Kind(1);
    const trade = new Trade();
    const immediate = world.random() < 0.5;
    let late = 0;
    const working = start(producers + consumers, async function worker(index) {
      const use = index < producers ? put : get;
      for (let round = 0; round < rounds; round++) if (!await use(queue, trade) && !queue.closed) late++;
    });
    for (let i = 0; i < pauses; i++) await sleep();
    if (immediate) trade.drop();
    queue.shutdown({ immediate });
    const struck = await ended(working);
    assert(struck + late <= FAULTS, `${struck} were struck, ${late} came too late`);
    assertEquals(queue.getters.size + queue.putters.size, 0);
    assertEquals(drain(queue), trade.check(1, INSERT.get(Kind)));
  };
}

for (const Kind of [SimpleQueue, Queue, LifoQueue, PriorityQueue]) {
  exploreTest(
    `${Kind.name}.shutdown() wakes all, and loses only what it drops`,
    shutDown(Kind, { producers: 2, consumers: 2, rounds: 3, pauses: 4 }),
    { every: shutDown(Kind, { producers: 1, consumers: 2, rounds: 1, pauses: 1 }) },
  );
}

/** Everything that was put is dealt with when `join()` returns. */
function allDone(
  Kind: JoinableClass,
  producers: number,
  consumers: number,
  items: number,
  stay: () => unknown = sleep,
): Body {
  return async () => {
    const queue = new Kind(2);
    let put = 0;
    let processed = 0;
    /** How often there was nothing to deal with any more. */
    let idle = 0;
    const consuming = start(consumers, async function consumer() {
      for await (const _item of queue) {
        try {
          await stay();
        } finally {
          processed++;
          queue.taskDone();
          if (queue.unfinishedTasks === 0) idle++;
        }
      }
    });
    const producing = start(producers, async function producer() {
      for (let i = 0; i < items; i++) if (await inTime(() => queue.put(i, { timeout: LIMIT }))) put++;
    });
    const joining = start(1, async function joiner() {
      const before = queue.unfinishedTasks === 0 ? -1 : idle;
      if (await queue.join({ timeout: LIMIT })) {
        assert(idle > before, "There was something to do all the time");
      }
    });
    await ended(producing);
    assert(await queue.join());
    assertEquals([processed, queue.unfinishedTasks], [put, 0]);
    queue.shutdown();
    await ended([...consuming, ...joining]);
  };
}

for (const Kind of [Queue, LifoQueue, PriorityQueue]) {
  const name = `${Kind.name}.join() waits until everything is dealt with`;
  const every = allDone(Kind, 1, 2, 1, () => {});
  exploreTest(name, allDone(Kind, 2, 3, 3), Kind === Queue ? { every, preemptions: 0 } : {});
}

/** Each item is seen by one of those who iterate. */
function iterated(consumers: number, items: number): Body {
  return async () => {
    const queue = new SimpleQueue<number>(1);
    const seen: number[] = [];
    let put = 0;
    const consuming = start(consumers, async function consumer() {
      for await (const item of queue) {
        seen.push(item);
        await sleep();
      }
    });
    const producing = start(1, async function producer() {
      while (put < items) if (await inTime(() => queue.put(put, { timeout: LIMIT }))) put++;
    });
    await ended(producing);
    queue.shutdown();
    await ended(consuming);
    assertEquals(seen.toSorted((a, b) => a - b), Array.from({ length: put }, (_, i) => i));
  };
}

exploreTest("SimpleQueue is iterated by several, each item once", iterated(3, 5), {
  every: iterated(2, 2),
  preemptions: 0,
});

/** More room lets those in who wait, in order. */
function resized(producers: number, rounds: number): Body {
  return async (world) => {
    const queue = new SimpleQueue<number>(1);
    const trade = new Trade();
    const producing = start(producers, async function producer() {
      for (let round = 0; round < rounds; round++) {
        await trade.put((item) => queue.put(item, { timeout: LIMIT }));
      }
    });
    for (const maxSize of [2, 1, 4]) {
      await sleep();
      trade.resize(maxSize);
      queue.maxSize = maxSize;
    }
    await world.settle();
    checkStandstill(queue, trade);
    queue.shutdown();
    await ended(producing);
    assertEquals(drain(queue), trade.check(1));
  };
}

exploreTest("SimpleQueue.maxSize lets those in who wait", resized(4, 2), { every: resized(2, 2) });
