/** What the tests of `tpool` run in threads. */
import { eventlet } from "@verdant/green";

/** Says that it has begun, and waits until it may go on. */
export function gate(state: Int32Array, result: string): string {
  Atomics.add(state, 1, 1);
  Atomics.notify(state, 1);
  Atomics.wait(state, 0, 0);
  return result;
}

/** As many calls, one in the other, as there must never be threads. */
export async function nested(depth: number): Promise<string> {
  const name = (globalThis as { name?: string }).name!;
  if (depth === 0) return name;
  const { nested } = await import("./tpool_work.ts");
  return `${name} > ${await eventlet.tpool.execute(nested, depth - 1)}`;
}

/** What lives behind a proxy. */
export class Counter {
  #count: number;

  constructor(start: number) {
    if (start < 0) throw new RangeError(`start must not be negative, received ${start}`);
    this.#count = start;
  }

  add(n: number): number {
    return this.#count += n;
  }

  async addLater(n: number): Promise<number> {
    await Promise.resolve();
    return this.add(n);
  }

  wait(state: Int32Array): number {
    gate(state, "");
    return this.#count;
  }

  fail(): never {
    throw new RangeError("no");
  }

  leave(): Promise<void> {
    close();
    return new Promise(() => {});
  }

  self(): string {
    return (globalThis as { name?: string }).name!;
  }
}

export class Empty {}

/** A factory. */
export async function makeCounter(start: number): Promise<Counter> {
  await Promise.resolve();
  return new Counter(start);
}

export const notAMaker = 5;
