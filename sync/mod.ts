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
export { AsyncResult, type AsyncResultStatistics, type Outcome } from "./async_result.ts";
export { Barrier, type BarrierOptions, type BarrierStatistics } from "./barrier.ts";
export { BoundedSemaphore } from "./bounded_semaphore.ts";
export type { Buffer, Compare } from "./buffer.ts";
export { Channel, type ChannelStatistics } from "./channel.ts";
export { Condition, type ConditionStatistics } from "./condition.ts";
export { DummySemaphore } from "./dummy_semaphore.ts";
export { BrokenBarrierError, Empty, Full, ShutDown } from "./errors.ts";
export { Event, type EventStatistics } from "./event.ts";
export { Lease } from "./lease.ts";
export { Lock, type LockStatistics, OwnedLock, RLock } from "./lock.ts";
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
export { Semaphore, type SemaphoreStatistics } from "./semaphore.ts";
export { type QueueStatistics, type ShutdownOptions, SimpleQueue } from "./simple_queue.ts";
