import { assert, assertEquals } from "@std/assert";
import { Channel, sleep, withTimeout } from "@verdant/green";
import { alive, type Body, ended, exploreTest, FAULTS, inTime, LIMIT, start } from "./explored.ts";
import { checkStandstill, Trade } from "./trade.ts";

/** Puts an item: when that is done, somebody has got it. */
async function putMeeting(trade: Trade, item: number, put: () => Promise<void>): Promise<void> {
  await put();
  assert(trade.received(item), "It was put, and nobody has got it");
}

/** A way to use a channel. Says whether it was done. */
type Use = (channel: Channel<number>, trade: Trade) => Promise<unknown>;

const put: Use = (channel, trade) => {
  return trade.put((item) => putMeeting(trade, item, () => channel.put(item, { timeout: LIMIT })));
};
const get: Use = (channel, trade) => trade.get(() => channel.get({ timeout: LIMIT }));

const USES: readonly Use[] = [
  put,
  get,
  (channel, trade) => trade.put((item) => putMeeting(trade, item, () => channel.put(item))),
  (channel, trade) => trade.get(() => channel.get()),
  (channel, trade) =>
    trade.put((item) => putMeeting(trade, item, () => withTimeout(LIMIT, () => channel.put(item)))),
  (channel, trade) => trade.get(() => withTimeout(LIMIT, () => channel.get())),
  (channel, trade) => trade.put((item) => channel.putNowait(item)),
  (channel, trade) => trade.get(() => channel.getNowait()),
  () => sleep(),
];

/** What the `index`-th worker does, one after the other. */
type Plan = (index: number, random: () => number) => readonly Use[];

const ANYTHING: Plan = (_index, random) => {
  return Array.from({ length: 4 }, () => USES[Math.floor(random() * USES.length)]!);
};
const IN_TURN: Plan = (index) => index % 2 === 0 ? [put, get, put] : [get, put, get];

/** As if all calls had been made one after the other; and nobody waits for one who is there. */
function inOrder(workers: number, plan: Plan): Body {
  return async (world) => {
    const channel = new Channel<number>();
    const trade = new Trade();
    const plans = Array.from({ length: workers }, (_, index) => plan(index, world.random));
    const working = start(workers, async function worker(index) {
      for (const use of plans[index]!) await use(channel, trade);
    });
    await world.settle();
    checkStandstill(channel, trade);
    assertEquals(Math.abs(channel.balance), alive(working), "Getters and putters wait for each other");
    channel.shutdown();
    await ended(working);
    assertEquals(trade.check(0), []);
  };
}

exploreTest("Channel.put() ends when the item was got, in order, each item once", inOrder(4, ANYTHING), {
  every: inOrder(3, IN_TURN),
});

/** Putters and getters are interrupted by a shutdown. */
function shutDown(putters: number, getters: number, rounds: number): Body {
  return async () => {
    const channel = new Channel<number>();
    const trade = new Trade();
    let late = 0;
    const working = start(putters + getters, async function worker(index) {
      const use = index < putters ? put : get;
      for (let round = 0; round < rounds; round++) if (!await use(channel, trade) && !channel.closed) late++;
    });
    for (let i = 0; i < rounds; i++) await sleep();
    channel.shutdown();
    const struck = await ended(working);
    assert(struck + late <= FAULTS, `${struck} were struck, ${late} came too late`);
    assertEquals([trade.check(0), channel.balance], [[], 0]);
  };
}

exploreTest("Channel.shutdown() wakes all", shutDown(2, 2, 3), { every: shutDown(2, 1, 1) });

/** Each item is seen by one of those who iterate. */
function iterated(consumers: number, items: number): Body {
  return async () => {
    const channel = new Channel<number>();
    const seen: number[] = [];
    let put = 0;
    const consuming = start(consumers, async function consumer() {
      for await (const item of channel) {
        seen.push(item);
        await sleep();
      }
    });
    const producing = start(1, async function producer() {
      while (put < items) if (await inTime(() => channel.put(put, { timeout: LIMIT }))) put++;
    });
    await ended(producing);
    channel.shutdown();
    await ended(consuming);
    assertEquals(seen.toSorted((a, b) => a - b), Array.from({ length: put }, (_, i) => i));
  };
}

exploreTest("Channel is iterated by several, each item once", iterated(3, 4), {
  every: iterated(2, 1),
});
