import { assert, assertEquals } from "@std/assert";
import {
  after,
  Channel,
  done,
  Event,
  type Greenlet,
  otherwise,
  Queue,
  recv,
  select,
  type SelectCase,
  send,
  sleep,
  withTimeout,
} from "@verdant/green";
import { type Body, ended, exploreTest, LIMIT, start } from "./explored.ts";
import { checkStandstill, Trade, wasDone } from "./trade.ts";

/** A queue or channel, and what was put to it and got from it. */
class Side {
  readonly trade: Trade = new Trade();

  constructor(readonly line: Queue<number> | Channel<number>) {}

  recv(): Offer {
    return new Offer(this.trade, "get", -1, recv(this.line));
  }

  send(): Offer {
    const item = this.trade.newItem();
    return new Offer(this.trade, "put", item, send(this.line, item));
  }

  /** Checks that what is left is what must be left. */
  check(): void {
    const { line } = this;
    if (line instanceof Channel) return assertEquals(this.trade.check(0), []);
    assertEquals(Array.from({ length: line.size }, () => line.getNowait()), this.trade.check(line.maxSize));
  }
}

/** A case of a select(): noted as a call that was done only if it is chosen. */
class Offer {
  constructor(
    readonly trade: Trade,
    readonly kind: "get" | "put",
    readonly item: number,
    readonly entry: SelectCase<number | undefined>,
  ) {}
}

/** Does one of several; the others have no effect. */
function choose(offers: readonly Offer[], others: readonly SelectCase<unknown>[] = [], limit?: number) {
  const calls = offers.map(({ trade, kind, item }) => trade.begin(kind, item));
  const cases = [...offers.map(({ entry }) => entry), ...others];
  return wasDone(async () => {
    try {
      const { index, value } = await select(cases, { timeout: limit });
      if (index >= offers.length) return;
      const { trade, kind } = offers[index]!;
      trade.done(calls[index]!, kind === "get" ? value as number : undefined);
    } finally {
      for (const { trade } of offers) trade.open--;
    }
  });
}

/** What there is to choose from. */
class Scene {
  readonly a: Side = new Side(new Queue<number>(1));
  readonly b: Side = new Side(new Queue<number>(2));
  readonly c: Side = new Side(new Channel<number>());
  readonly sides: readonly Side[] = [this.a, this.b, this.c];
  readonly stop: Event = new Event();
  /** Those that end after a while. */
  readonly tasks: readonly Greenlet[];

  constructor(tasks: number) {
    this.tasks = start(tasks, () => sleep(1));
  }

  checkStandstill(): void {
    for (const { line, trade } of this.sides) checkStandstill(line, trade);
    const { getters, putters } = this.c.line;
    // A single select() may stand on both sides.
    assert(Math.min(getters.size, putters.size) <= 1, "Getters and putters wait for each other");
  }

  checkEnd(): void {
    this.checkStandstill();
    for (const side of this.sides) side.check();
  }
}

/** A way to choose. */
type Use = (scene: Scene) => Promise<unknown>;

const receive: Use = ({ a, b }) => choose([a.recv(), b.recv()]);
const give: Use = ({ a, b }) => choose([a.send(), b.send()]);
const swap: Use = ({ a, b }) => choose([b.recv(), a.send()], [], LIMIT);
const offer: Use = ({ a, c }) => choose([c.send(), a.recv()], [after(LIMIT)]);
const ask: Use = ({ b, c }) => choose([c.recv(), b.send()]);
const meet: Use = ({ c }) => choose([c.send(), c.recv()]);

const USES: readonly Use[] = [
  receive,
  give,
  swap,
  offer,
  ask,
  meet,
  ({ a }) => choose([a.recv(), a.recv()]),
  ({ a, c, stop }) => choose([a.send(), c.send()], [done(stop)]),
  ({ b, c, tasks }) => choose([b.recv(), c.recv()], [...tasks.map(done), after(1)]),
  ({ b, c }) => withTimeout(LIMIT, () => choose([b.send(), c.recv()])),
  ({ c }) => choose([c.recv(), c.send()], [otherwise()]),
  ({ a }) => a.trade.get(() => a.line.get()),
  ({ b }) => b.trade.put((item) => b.line.put(item)),
  ({ c }) => c.trade.get(() => c.line.get({ timeout: LIMIT })),
  ({ c }) => c.trade.put((item) => c.line.put(item)),
  () => sleep(),
];

/** What the `index`-th worker does, one after the other. */
type Plan = (index: number, random: () => number) => readonly Use[];

/** Any of these, four times. */
const anyOf = (uses: readonly Use[]): Plan => (_index, random) => {
  return Array.from({ length: 4 }, () => uses[Math.floor(random() * uses.length)]!);
};
const EXCHANGE: Plan = (index) => [[receive, give], [give], [swap]][index]!;
const MEETING: Plan = (index) => [[meet], [offer, meet], [ask]][index]!;

/** As if each had made only the call that was chosen; and nobody waits for what there is. */
function inOrder(workers: number, plan: Plan, tasks = 0): Body {
  return async (world) => {
    const scene = new Scene(tasks);
    const plans = Array.from({ length: workers }, (_, index) => plan(index, world.random));
    const working = start(workers, async function worker(index) {
      for (const use of plans[index]!) await use(scene);
    });
    await world.settle();
    scene.checkStandstill();
    scene.stop.set();
    for (const { line } of scene.sides) {
      await world.advance(1);
      scene.checkStandstill();
      line.shutdown();
    }
    await ended([...working, ...scene.tasks]);
    scene.checkEnd();
  };
}

const exclusive = inOrder(4, anyOf(USES), 1);
exploreTest("select() does exactly one of its cases, and the others have no effect", exclusive, {
  every: inOrder(3, EXCHANGE),
});
const meetings = inOrder(4, anyOf([meet, offer, ask]));
exploreTest("select() meets another at a channel, on whichever side", meetings, {
  every: inOrder(3, MEETING),
});
