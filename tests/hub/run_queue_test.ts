import { assertEquals } from "@std/assert";
import { Hub, sleep, spawn } from "@verdant/green";
import { runAs } from "../../hub/context.ts";
import { type Runnable, RunQueue, type RunQueuePolicy } from "../../hub/mod.ts";
import { turn } from "../helpers.ts";

class Stack implements RunQueuePolicy {
  readonly #entries: Runnable[] = [];

  get size(): number {
    return this.#entries.length;
  }

  push(entry: Runnable): void {
    this.#entries.push(entry);
  }

  shift(): Runnable | undefined {
    return this.#entries.pop();
  }
}

/** In what order three greenlets start and come back. */
async function orderUnder(queue: RunQueuePolicy): Promise<string[]> {
  const hub = new Hub({ queue });
  const log: string[] = [];
  const body = async (name: string) => {
    log.push(`${name} starts`);
    await sleep();
    log.push(`${name} ends`);
  };
  runAs(hub.root, () => {
    for (const name of ["a", "b", "c"]) spawn(body, name);
  }, undefined);
  while (hub.stats().greenlets > 0) await turn();
  return log;
}

Deno.test("RunQueue runs who came first", async () => {
  assertEquals(await orderUnder(new RunQueue()), [
    "a starts",
    "b starts",
    "c starts",
    "a ends",
    "b ends",
    "c ends",
  ]);
});

Deno.test("RunQueuePolicy may run who came last", async () => {
  assertEquals(await orderUnder(new Stack()), [
    "c starts",
    "c ends",
    "b starts",
    "b ends",
    "a starts",
    "a ends",
  ]);
});

Deno.test("RunQueue.shift() and peek() of an empty queue are undefined, also after it was used", () => {
  const queue = new RunQueue();
  assertEquals([queue.shift(), queue.peek(), queue.size, [...queue]], [undefined, undefined, 0, []]);
  const entry: Runnable = { dispatch() {} };
  queue.push(entry);
  assertEquals([queue.peek() === entry, queue.shift() === entry], [true, true]);
  assertEquals([queue.shift(), queue.peek(), queue.size], [undefined, undefined, 0]);
});
