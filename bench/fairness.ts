/**
 * What timers and I/O feel while 100 greenlets switch without pause. `deno run -A bench/fairness.ts`
 */
import { joinAll, sleep, spawn } from "@verdant/green";

const GREENLETS = 100;
const WINDOW_MS = 100;
const ROUNDS = 10;
const LATE_BUDGET_MS = 10;
const TICKS_BUDGET = 50;

/** Runs `probe` while greenlets switch. */
async function underLoad<T>(probe: () => Promise<T>): Promise<T> {
  let over = false;
  const busy = Array.from({ length: GREENLETS }, () =>
    spawn(async () => {
      while (!over) await sleep();
    }));
  try {
    return await probe();
  } finally {
    over = true;
    await joinAll(busy);
  }
}

function countTicks(): Promise<number> {
  return new Promise((resolve) => {
    let ticks = 0;
    const interval = setInterval(() => ticks++, 1);
    setTimeout(() => {
      clearInterval(interval);
      resolve(ticks);
    }, WINDOW_MS);
  });
}

function timerLateness(): Promise<number> {
  const due = performance.now() + 20;
  return new Promise((resolve) => setTimeout(() => resolve(performance.now() - due), 20));
}

async function sleepLateness(): Promise<number> {
  const due = performance.now() + 20;
  await spawn(() => sleep(20)).join();
  return performance.now() - due;
}

async function echoLatency(): Promise<number> {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const accepted = listener.accept();
  using client = await Deno.connect({ port: (listener.addr as Deno.NetAddr).port, hostname: "127.0.0.1" });
  using server = await accepted;
  const begin = performance.now();
  await client.write(new Uint8Array([1]));
  await server.read(new Uint8Array(1));
  await server.write(new Uint8Array([2]));
  await client.read(new Uint8Array(1));
  return performance.now() - begin;
}

async function worstAndMedian(probe: () => Promise<number>): Promise<string> {
  const samples: number[] = [];
  for (let i = 0; i < ROUNDS; i++) samples.push(await underLoad(probe));
  samples.sort((a, b) => a - b);
  return `median ${samples[ROUNDS >> 1]!.toFixed(1)}, worst ${samples.at(-1)!.toFixed(1)}`;
}

const ticks: number[] = [];
for (let i = 0; i < ROUNDS; i++) ticks.push(await underLoad(countTicks));
console.log(
  `1 ms interval, ticks in ${WINDOW_MS} ms: fewest ${Math.min(...ticks)}, budget ${TICKS_BUDGET} or more`,
);
console.log(`20 ms setTimeout, ms late: ${await worstAndMedian(timerLateness)}, budget ${LATE_BUDGET_MS}`);
console.log(`20 ms sleep(), ms late: ${await worstAndMedian(sleepLateness)}, budget ${LATE_BUDGET_MS}`);
console.log(`TCP echo over loopback, ms: ${await worstAndMedian(echoLatency)}`);
