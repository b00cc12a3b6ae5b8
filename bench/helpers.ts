/** How the benches are written: each is one iteration of many operations, and its name says how many. */

/** A bench of `operations` operations; the plain-promise counterpart of a group is its baseline. */
export interface Measured {
  readonly group: string;
  readonly name: string;
  readonly operations: number;
  readonly baseline?: boolean;
  readonly run: () => Promise<unknown>;
}

/** Registers a bench; divide its time by the number of operations in its name. */
export function measure({ group, name, operations, baseline = false, run }: Measured): void {
  const label = `${name} (${operations.toLocaleString("en")}×)`;
  Deno.bench({ group, name: label, baseline }, async () => {
    await run();
  });
}

/** Calls `fn` that often, awaiting each call. */
export async function repeat(times: number, fn: () => unknown): Promise<void> {
  for (let i = 0; i < times; i++) await fn();
}
