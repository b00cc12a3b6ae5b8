/**
 * The kernel: the hub with its run queue, run token, timers and clock; the waiter under every wait; the
 * errors. Most programs use `green/` and `sync/`; this is for those who build primitives of their own.
 *
 * @example The hub of this thread
 * ```ts
 * import { getHub } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(getHub().stats().greenlets, 0);
 * ```
 *
 * @module
 */
export { Callback } from "./callback.ts";
export { callerTask } from "./caller.ts";
export { type Clock, SystemClock } from "./clock.ts";
export { contextName, currentTask } from "./context.ts";
export {
  BlockingSwitchOutError,
  ConcurrentObjectUseError,
  GreenletExit,
  isKill,
  LoopExit,
} from "./errors.ts";
export {
  type FailureWatch,
  noteFailure,
  noteLook,
  noteReport,
  watchesFailures,
  watchFailures,
} from "./failure_watch.ts";
export { type ErrorHandler, getHub, Hub, type HubOptions, type HubStats } from "./hub.ts";
export { type Deadlock, findDeadlocks } from "./inspect/deadlocks.ts";
export { describeWait, formatMs, shortName, waitTitle } from "./inspect/describe.ts";
export { dump, type DumpOptions, formatSnapshot, hopelessDump } from "./inspect/dump.ts";
export type { Inspectable, WaitDetails } from "./inspect/inspectable.ts";
export {
  describePuts,
  describeTaken,
  holdersOf,
  type LedgerEntry,
  noteEntrusted,
  noteGranted,
  noteMade,
  notePut,
  notePutByCaller,
  notePutByWaiter,
  noteReturned,
  noteTaken,
  noteTakenByCaller,
  recording,
  startRecording,
  takenFrom,
  whereTaken,
} from "./inspect/ledger.ts";
export {
  type GreenletSnapshot,
  type GreenletState,
  type Snapshot,
  snapshot,
  type TaskCounters,
  type WaitSnapshot,
} from "./inspect/snapshot.ts";
export { showLocal } from "./inspect/visible_locals.ts";
export { Named, named, titleOf } from "./named.ts";
export { originalOf, standsFor } from "./original.ts";
export { type Accountable, type Leftover, plural } from "./leftover.ts";
export { type Duration, toMilliseconds, type WaitOptions } from "./options.ts";
export { Ring } from "./ring.ts";
export { type Runnable, RunQueue, type RunQueuePolicy } from "./run_queue.ts";
export { type Interruption, KILL, type Lineage, Task, WANTS_OUTCOME } from "./task.ts";
export { type Place, TaskList, WeakPlace } from "./task_list.ts";
export { Timeout, type TimeoutOptions } from "./timeout.ts";
export { Timer, TimerHeap } from "./timers.ts";
export { attachTracer, type Tracer } from "./tracer.ts";
export { until, type UntilOptions } from "./until.ts";
export {
  enterWait,
  EXPIRE_FALSE,
  expireThrowing,
  expireWith,
  type Expiry,
  failedWith,
  immediately,
  linkReady,
  park,
  planWait,
  readyWith,
  refusal,
  rejected,
  suspend,
  type WaitPlan,
} from "./wait.ts";
export { WaitList, type WaitNode } from "./wait_list.ts";
export { programStack, recordWaitStack, waitStack } from "./stacks.ts";
export type { Waitable } from "./waitable.ts";
export { markHandled, quiet, Waiter, type WaitSource } from "./waiter.ts";
export { ActiveWatchers, activeWatchers, type Called } from "./watchers/active_watchers.ts";
export { AsyncWatcher } from "./watchers/async_watcher.ts";
export { CheckWatcher } from "./watchers/check_watcher.ts";
export { ForeignWatcher } from "./watchers/foreign_watcher.ts";
export { HoldingWatcher } from "./watchers/holding_watcher.ts";
export { IdleWatcher } from "./watchers/idle_watcher.ts";
export { Loop } from "./watchers/loop.ts";
export { PrepareWatcher } from "./watchers/prepare_watcher.ts";
export { SignalBoard, signalBoard, type SignalSource } from "./watchers/signal_board.ts";
export { SignalWatcher } from "./watchers/signal_watcher.ts";
export { TimerWatcher, type TimerWatcherOptions } from "./watchers/timer_watcher.ts";
export { Watcher, type WatcherOptions } from "./watchers/watcher.ts";
