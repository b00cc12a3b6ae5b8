/**
 * What a monitor costs: the same work with and without one in turn, as machines change their pace more than a
 * monitor changes the work. `deno run bench/monitor.ts`
 */
import { joinAll, monitor, Queue, sleep, spawn } from "@verdant/green";

const ROUNDS = 60;
const WARM_UP = 10;
const OPERATIONS = 100_000;
const SWITCH_BUDGET_PERCENT = 2;

interface Work {
  readonly name: string;
  readonly run: () => Promise<unknown>;
}

const works: Work[] = [
  { name: "switch, 100 greenlets", run: () => switches(100) },
  { name: "switch, 10,000 greenlets", run: () => switches(10_000) },
  { name: "queue round trip", run: roundTrips },
  {
    name: "spawn + join, named function",
    run: () =>
      spawnAndJoin(function named() {
        return undefined;
      }),
  },
  { name: "spawn + join, arrow function", run: () => spawnAndJoin(() => undefined) },
];

function switches(greenlets: number): Promise<unknown> {
  const each = OPERATIONS / greenlets;
  const body = async () => {
    for (let i = 0; i < each; i++) await sleep();
  };
  return joinAll(Array.from({ length: greenlets }, () => spawn(body)));
}

function roundTrips(): Promise<unknown> {
  const there = new Queue<number>(1);
  const back = new Queue<number>(1);
  return joinAll([
    spawn(async () => {
      for (let i = 0; i < OPERATIONS; i++) {
        await there.put(i);
        await back.get();
      }
    }),
    spawn(async () => {
      for (let i = 0; i < OPERATIONS; i++) await back.put(await there.get());
    }),
  ]);
}

async function spawnAndJoin(body: () => unknown): Promise<void> {
  for (let i = 0; i < OPERATIONS; i++) await spawn(body).join();
}

/** Nanoseconds for each operation. */
async function time(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return (performance.now() - start) * 1e6 / OPERATIONS;
}

function median(samples: number[]): number {
  return samples.toSorted((a, b) => a - b)[samples.length >> 1]!;
}

async function compare({ name, run }: Work): Promise<void> {
  const off: number[] = [];
  const on: number[] = [];
  const ratios: number[] = [];
  let before = await time(run);
  for (let round = 0; round < WARM_UP + ROUNDS; round++) {
    const watch = monitor({ print: false });
    while (!watch.watching) await sleep(1);
    const watched = await time(run);
    watch.stop();
    const after = await time(run);
    if (round >= WARM_UP) {
      off.push(after);
      on.push(watched);
      ratios.push(2 * watched / (before + after));
    }
    before = after;
  }
  const percent = (100 * (median(ratios) - 1)).toFixed(1);
  console.log(
    `${name}: ${median(off).toFixed(1)} ns without, ${
      median(on).toFixed(1)
    } ns with a monitor: ${percent} % more`,
  );
}

console.log(`Budget: ${SWITCH_BUDGET_PERCENT} % on a switch.`);
for (const work of works) await compare(work);

const before = Deno.memoryUsage();
const watch = monitor({ print: false });
while (!watch.watching) await sleep(1);
const after = Deno.memoryUsage();
watch.stop();
console.log(
  `Memory: ${((after.rss - before.rss) / 2 ** 20).toFixed(1)} MB for the worker and what it shares.`,
);
