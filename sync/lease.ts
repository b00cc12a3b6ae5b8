import { callerTask, noteEntrusted, type Task } from "../hub/mod.ts";

/**
 * A permit or a lock in hand: gives it back when disposed, once.
 *
 * @example Given back at the end of the block
 * ```ts
 * import { Semaphore } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const semaphore = new Semaphore(1);
 * const lease = await semaphore.lease();
 * lease[Symbol.dispose]();
 * lease[Symbol.dispose](); // gives nothing twice
 * assertEquals(semaphore.counter, 1);
 * ```
 */
export class Lease implements Disposable {
  #source: { release(): unknown } | undefined;

  /**
   * Made by `lease()`.
   *
   * @param source What it is given back to.
   */
  constructor(source: { release(): unknown }) {
    this.#source = source;
  }

  /** Whether it was given back. */
  get released(): boolean {
    return this.#source === undefined;
  }

  /** Gives it back; nothing happens the second time. Does not switch. */
  release(): void {
    this.#source?.release();
    this.#source = undefined; // not before: a refused release leaves it in hand
  }

  /** The same as {@linkcode release}. */
  [Symbol.dispose](): void {
    this.release();
  }
}

/** A lease of what a task has taken. With `hub.debug` it is crossed out as that, whoever disposes the lease. */
export function leaseTo(task: Task, source: { release(): unknown }): Lease {
  if (!task.hub.debug) return new Lease(source);
  return new Lease({
    release() {
      noteEntrusted(source, task, callerTask());
      source.release();
    },
  });
}
