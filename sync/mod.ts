/**
 * Synchronisation between greenlets.
 *
 * @example An event
 * ```ts
 * import { Event } from "@verdant/green/sync";
 *
 * const event = new Event();
 * event.set();
 * await event.wait();
 * ```
 *
 * @module
 */
export { AsyncResult, type Outcome } from "./async_result.ts";
export { Barrier, type BarrierOptions } from "./barrier.ts";
export { BoundedSemaphore } from "./bounded_semaphore.ts";
export type { Buffer, Compare } from "./buffer.ts";
export { Channel } from "./channel.ts";
export { Condition } from "./condition.ts";
export { DummySemaphore } from "./dummy_semaphore.ts";
export { BrokenBarrierError, Empty, Full, ShutDown } from "./errors.ts";
export { Event } from "./event.ts";
export { Lease } from "./lease.ts";
export { Lock, OwnedLock, RLock } from "./lock.ts";
export { JoinableQueue, LifoQueue, PriorityQueue, type PriorityQueueOptions, Queue } from "./queue.ts";
export {
  after,
  type CaseNode,
  type CaseOutcome,
  done,
  type IndexOf,
  otherwise,
  recv,
  select,
  type SelectCase,
  type Selected,
  type SelectedOf,
  send,
} from "./select.ts";
export { Semaphore } from "./semaphore.ts";
export { type ShutdownOptions, SimpleQueue } from "./simple_queue.ts";
