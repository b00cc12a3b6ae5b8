import { callerTask, Task } from "../hub/mod.ts";
import { checkFunction } from "../sync/check.ts";

/** What a greenlet runs. */
// deno-lint-ignore no-explicit-any -- bodies of every signature
export type Body = (...args: any[]) => unknown;

/** A task with nothing but a body: what `spawnRaw` runs. */
class RawTask extends Task {
  readonly #fn: Body;
  readonly #args: unknown[];

  constructor(spawner: Task, fn: Body, args: unknown[]) {
    super(spawner.hub, spawner === spawner.hub.root ? undefined : spawner);
    this.#fn = fn;
    this.#args = args;
  }

  override get label(): string {
    return this.#fn.name || "raw";
  }

  override begin(): unknown {
    return this.#fn(...this.#args);
  }

  override ended(): void {
    if (this.failed) this.hub.handleError(this, this.outcome);
  }
}

/**
 * Schedules a function with the least that it takes: no handle, no result, nothing to join or kill.
 * Its errors are reported. Does not switch.
 *
 * Source: `gevent.spawn_raw`.
 *
 * @throws {TypeError} If `fn` is not a function.
 *
 * @example Fire and forget
 * ```ts
 * import { sleep, spawnRaw } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const seen: number[] = [];
 * spawnRaw((n: number) => seen.push(n), 1);
 * await sleep();
 * assertEquals(seen, [1]);
 * ```
 */
export function spawnRaw<A extends unknown[]>(fn: (...args: A) => unknown, ...args: A): void {
  checkFunction(fn, "spawn greenlet");
  const task = new RawTask(callerTask(), fn as Body, args);
  task.captureContext();
  task.hub.enqueue(task);
}
