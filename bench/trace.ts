/**
 * What tracing and counting cost: each piece of work is run with it off and on in turn, in one process, and the
 * medians are compared.
 *
 * deno run -A bench/trace.ts [rounds]
 */
import { countSwitches, getHub, joinAll, Queue, Recorder, sleep, spawn } from "../mod.ts";

const ROUNDS = Number(Deno.args[0] ?? 31);
const WARM_UP = 5;
/** What the timeline may add to a switch. */
const BUDGET = 0.15;

const MODES: Record<string, () => Disposable> = {
  trace: () => new Recorder(getHub()),
  counters: () => countSwitches(),
};

interface Work {
  readonly name: string;
  readonly operations: number;
  run(): Promise<unknown>;
}

const WORK: Work[] = [
  { name: "switch, 100 greenlets", operations: 100_000, run: () => switches(100, 1_000) },
  { name: "switch, 2 greenlets", operations: 100_000, run: () => switches(2, 50_000) },
  { name: "switch, 10,000 greenlets", operations: 100_000, run: () => switches(10_000, 10) },
  { name: "queue round trip", operations: 50_000, run: () => roundTrips(50_000) },
  { name: "spawn and join", operations: 20_000, run: () => spawnAndJoin(20_000) },
];

function switches(greenlets: number, each: number): Promise<unknown> {
  const body = async () => {
    for (let i = 0; i < each; i++) await sleep();
  };
  return joinAll(Array.from({ length: greenlets }, () => spawn(body)));
}

function roundTrips(count: number): Promise<unknown> {
  const [there, back] = [new Queue<number>(), new Queue<number>()];
  const asks = async () => {
    for (let i = 0; i < count; i++) {
      await there.put(i);
      await back.get();
    }
  };
  const answers = async () => {
    for (let i = 0; i < count; i++) await back.put(await there.get());
  };
  return joinAll([spawn(asks), spawn(answers)]);
}

async function spawnAndJoin(count: number): Promise<void> {
  const body = () => 1;
  for (let i = 0; i < count; i++) await spawn(body).join();
}

/** Nanoseconds per operation with it off and on. */
async function measure(
  { operations, run }: Work,
  start: () => Disposable,
): Promise<{ off: number; on: number }> {
  const [off, on]: [number[], number[]] = [[], []];
  for (let round = 0; round < WARM_UP + ROUNDS; round++) {
    off.push(await time(run));
    using _started = start();
    await run(); // what it costs once it is on
    on.push(await time(run));
  }
  const perOperation = (samples: number[]) => median(samples.slice(WARM_UP)) / operations * 1e6;
  return { off: perOperation(off), on: perOperation(on) };
}

async function time(run: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await run();
  return performance.now() - began;
}

function median(samples: number[]): number {
  return samples.toSorted((a, b) => a - b)[samples.length >> 1]!;
}

for (const [mode, start] of Object.entries(MODES)) {
  console.log(mode);
  for (const work of WORK) {
    const { off, on } = await measure(work, start);
    const added = `+${((on / off - 1) * 100).toFixed(0)} %`;
    console.log(
      `  ${work.name.padEnd(26)} ${off.toFixed(1).padStart(7)} ns ${on.toFixed(1).padStart(7)} ns ${added}`,
    );
  }
}
console.log(`budget of a timeline: +${BUDGET * 100} % of a switch between 100 greenlets`);
