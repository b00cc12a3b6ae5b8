/**
 * Adds up the primes below a limit: first in one thread, then in as many as there are cores. Meanwhile a greenlet of
 * the main thread goes on ticking, since nothing computes there.
 *
 *     deno run --allow-read examples/prime_sum.ts [limit]
 */
import { main, sleep, spawn, ThreadPool } from "@verdant/green";

/** Self-contained: it is sent to the threads as text. */
function sumOfPrimes([from, to]: [from: number, to: number]): number {
  let sum = 0;
  for (let n = Math.max(from, 2); n < to; n++) {
    let prime = true;
    for (let d = 2; d * d <= n && prime; d++) prime = n % d !== 0;
    if (prime) sum += n;
  }
  return sum;
}

/** Small parts, for the later ones take longer: whoever is done early takes another one. */
function* parts(limit: number, size: number): IterableIterator<[number, number]> {
  for (let from = 0; from < limit; from += size) yield [from, Math.min(limit, from + size)];
}

async function measure(threads: number, limit: number): Promise<{ sum: number; ms: number }> {
  await using pool = new ThreadPool(threads);
  await pool.map(sumOfPrimes, Array(threads).fill([0, 10_000])); // starts the threads
  const start = performance.now();
  let sum = 0;
  for await (const part of pool.imapUnordered(sumOfPrimes, parts(limit, 20_000))) sum += part;
  return { sum, ms: performance.now() - start };
}

main(async () => {
  const limit = Number(Deno.args[0] ?? 6_000_000);
  const cores = navigator.hardwareConcurrency;
  let ticks = 0;
  await using _ticker = spawn(async () => {
    for (;; ticks++) await sleep(10);
  });

  const one = await measure(1, limit);
  console.log(`1 thread:  the primes below ${limit} add up to ${one.sum}, in ${one.ms.toFixed()} ms`);
  const all = await measure(cores, limit);
  console.log(`${cores} threads: the primes below ${limit} add up to ${all.sum}, in ${all.ms.toFixed()} ms`);
  console.log(`${(one.ms / all.ms).toFixed(2)} times as fast, and ${ticks} ticks meanwhile`);
});
