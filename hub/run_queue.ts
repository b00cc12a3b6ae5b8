import type { Hub } from "./hub.ts";
import { Ring } from "./ring.ts";

/**
 * Something the hub can run: a resumption, the start of a greenlet, a callback.
 *
 * @example Anything the hub can run
 * ```ts
 * import { getHub, type Runnable } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const seen: string[] = [];
 * const entry: Runnable = { dispatch: () => seen.push("ran") };
 * getHub().enqueue(entry);
 * await new Promise((resolve) => setTimeout(resolve));
 * assertEquals(seen, ["ran"]);
 * ```
 */
export interface Runnable {
  /** Runs it. Sets `hub.holder` when it hands the run token to a greenlet. */
  dispatch(hub: Hub): void;
}

/**
 * Decides who runs next. The hub pushes what became runnable and takes what is to run.
 *
 * The default is {@linkcode RunQueue}. A test may plug in another order.
 *
 * @example Last come, first served
 * ```ts
 * import { Hub, type RunQueuePolicy } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const entries: Parameters<RunQueuePolicy["push"]>[0][] = [];
 * const queue: RunQueuePolicy = {
 *   get size() {
 *     return entries.length;
 *   },
 *   push: (entry) => entries.push(entry),
 *   shift: () => entries.pop(),
 * };
 * assertEquals(new Hub({ queue }).stats().runnable, 0);
 * ```
 */
export interface RunQueuePolicy {
  /** How many entries wait to run. */
  readonly size: number;
  /** Adds an entry. */
  push(entry: Runnable): void;
  /** Takes the entry to run next, or `undefined` if there is none. */
  shift(): Runnable | undefined;
}

/**
 * First in, first out.
 *
 * @example First in, first out
 * ```ts
 * import { RunQueue } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const queue = new RunQueue();
 * queue.push({ dispatch() {} });
 * assertEquals(queue.size, 1);
 * ```
 */
export class RunQueue extends Ring<Runnable> implements RunQueuePolicy {}
