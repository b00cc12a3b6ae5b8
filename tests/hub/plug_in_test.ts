import { assertEquals, assertNotEquals } from "@std/assert";
import {
  Hub,
  joinAll,
  Queue,
  type RunQueuePolicy,
  seededRandom,
  sleep,
  spawn,
  spawnLater,
  VirtualClock,
  withTimeout,
} from "@verdant/green";
import { runAs } from "../../hub/context.ts";
import type { Runnable } from "../../hub/mod.ts";
import { turn } from "../helpers.ts";

/** Runs `fn` on a hub with a manual clock: time jumps whenever nothing can run. */
async function simulate(fn: () => Promise<void>, queue?: RunQueuePolicy): Promise<number> {
  const clock = new VirtualClock();
  const hub = new Hub(queue === undefined ? { clock } : { clock, queue });
  let done = false;
  runAs(hub.root, () => spawn(fn).rawlink(() => done = true), undefined);
  while (!done) {
    await turn();
    if (!done && hub.stats().runnable === 0) clock.jump();
  }
  return clock.now();
}

class SeededQueue implements RunQueuePolicy {
  readonly #entries: Runnable[] = [];
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  get size(): number {
    return this.#entries.length;
  }

  push(entry: Runnable): void {
    this.#entries.push(entry);
  }

  shift(): Runnable | undefined {
    return this.#entries.splice(Math.floor(this.#random() * this.size), 1)[0];
  }
}

Deno.test("Hub follows a replaced clock: sleep, spawnLater and withTimeout take no real time", async () => {
  const log: string[] = [];
  const day = 24 * 60 * 60 * 1000;
  const end = await simulate(async () => {
    const sleeper = spawn(async () => {
      await sleep(day);
      log.push("slept a day");
    });
    const late = spawnLater(day / 2, () => log.push("started at noon"));
    log.push(await withTimeout(day / 4, () => sleep(day), { value: "gave up at six" }) as string);
    await joinAll([sleeper, late]);
  });
  assertEquals(log, ["gave up at six", "started at noon", "slept a day"]);
  assertEquals(end, day);
});

Deno.test("Hub follows a replaced run queue: the same seed gives the same order", async () => {
  const run = async (seed: number) => {
    const log: string[] = [];
    await simulate(async () => {
      const queue = new Queue<string>(1);
      const workers = ["a", "b", "c", "d"].map((name) =>
        spawn(async () => {
          for (let i = 0; i < 3; i++) {
            await queue.put(`${name}${i}`);
            log.push(await queue.get());
          }
        })
      );
      await joinAll(workers);
    }, new SeededQueue(seed));
    return log;
  };
  const first = await run(1);
  assertEquals(first.toSorted(), ["a", "b", "c", "d"].flatMap((n) => [`${n}0`, `${n}1`, `${n}2`]));
  assertEquals(await run(1), first);
  assertNotEquals(await run(2), first);
});
