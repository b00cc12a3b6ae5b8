/**
 * `getNowait()` found nothing, or `get()` found nothing in time. Source: `queue.Empty`.
 *
 * @example Nothing there
 * ```ts
 * import { Empty, Queue } from "@verdant/green";
 * import { assertThrows } from "@std/assert";
 *
 * assertThrows(() => new Queue().getNowait(), Empty);
 * ```
 */
export class Empty extends Error {
  /** Always `"Empty"`. */
  override readonly name = "Empty";
}

/**
 * `putNowait()` found no room, or `put()` found none in time. Source: `queue.Full`.
 *
 * @example No room
 * ```ts
 * import { Full, Queue } from "@verdant/green";
 * import { assertThrows } from "@std/assert";
 *
 * assertThrows(() => new Queue(1, ["taken"]).putNowait("one more"), Full);
 * ```
 */
export class Full extends Error {
  /** Always `"Full"`. */
  override readonly name: string = "Full";
}

/**
 * The queue was shut down. Source: `queue.ShutDown`.
 *
 * @example Nothing will come any more
 * ```ts
 * import { Queue, ShutDown } from "@verdant/green";
 * import { assertRejects } from "@std/assert";
 *
 * const queue = new Queue<string>();
 * queue.shutdown();
 * await assertRejects(() => queue.get(), ShutDown);
 * ```
 */
export class ShutDown extends Error {
  /** Always `"ShutDown"`. */
  override readonly name = "ShutDown";
}

/**
 * A barrier was broken while waiting, or before. Source: `threading.BrokenBarrierError`.
 *
 * @example A barrier that was aborted
 * ```ts
 * import { Barrier, BrokenBarrierError } from "@verdant/green";
 * import { assertRejects } from "@std/assert";
 *
 * const barrier = new Barrier(2);
 * barrier.abort();
 * await assertRejects(() => barrier.wait(), BrokenBarrierError);
 * ```
 */
export class BrokenBarrierError extends Error {
  /** Always `"BrokenBarrierError"`. */
  override readonly name = "BrokenBarrierError";
}
