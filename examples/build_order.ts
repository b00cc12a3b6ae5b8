/**
 * A small build: every target begins as soon as what it needs is done, whatever does not depend on each other
 * runs side by side, and a target that fails takes along only those that need it.
 *
 *     deno run examples/build_order.ts [broken target]
 */
import { DAGPool, main, sleep } from "@verdant/green";

interface Target {
  readonly needs: readonly string[];
  /** How long it takes (ms). */
  readonly ms: number;
}

const TARGETS: Record<string, Target> = {
  "app": { needs: ["main.o", "zlib.a", "version.h"], ms: 5 },
  "manual": { needs: ["version.h"], ms: 25 },
  "main.o": { needs: ["version.h", "zlib.h"], ms: 15 },
  "zlib.a": { needs: ["zlib.h"], ms: 40 },
  "zlib.h": { needs: [], ms: 5 },
  "version.h": { needs: [], ms: 10 },
};

const order: string[] = [];

async function build(
  target: string,
  made: AsyncIterable<[string, number]>,
  broken?: string,
): Promise<number> {
  for await (const [part] of made) console.log(`${target} has ${part}`);
  await sleep(TARGETS[target]!.ms);
  if (target === broken) throw new Error(`cannot make ${target}`);
  console.log(`${target} is done`);
  return order.push(target);
}

main(async () => {
  await using pool = new DAGPool<string, number>();
  const needs = Object.entries(TARGETS).map(([target, { needs }]) => [target, needs] as const);
  pool.spawnMany(needs, build, Deno.args[0]);
  for await (const [target, { message }] of pool.waitEachException()) {
    console.log(`${target} is not done: ${message}`);
  }
  console.log(`built: ${order.join(", ")}`);
});
