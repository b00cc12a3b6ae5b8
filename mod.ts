/**
 * Green threads for Deno: greenlets on an explicit, cooperative run queue.
 *
 * @example Spawn, wait, get
 * ```ts
 * import { sleep, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const g = spawn(async () => {
 *   await sleep(1);
 *   return 42;
 * });
 * assertEquals(await g.get(), 42);
 * ```
 *
 * @module
 */
export {
  AsyncWatcher,
  attachTracer,
  BlockingSwitchOutError,
  CheckWatcher,
  type Clock,
  ConcurrentObjectUseError,
  contextName,
  type Deadlock,
  dump,
  type DumpOptions,
  type Duration,
  findDeadlocks,
  getHub,
  GreenletExit,
  type GreenletSnapshot,
  type GreenletState,
  Hub,
  type HubOptions,
  type HubStats,
  IdleWatcher,
  isKill,
  Loop,
  LoopExit,
  Named,
  named,
  PrepareWatcher,
  type RunQueuePolicy,
  SignalWatcher,
  type Snapshot,
  snapshot,
  type TaskCounters,
  Timeout,
  type TimeoutOptions,
  TimerWatcher,
  type TimerWatcherOptions,
  type Tracer,
  until,
  type UntilOptions,
  type Waitable,
  type WaitOptions,
  type WaitSnapshot,
  Watcher,
  type WatcherOptions,
} from "./hub/mod.ts";
export * from "./green/mod.ts";
export * from "./green/testing/mod.ts";
export * from "./sync/mod.ts";
export * from "./net/mod.ts";
export * from "./patch.ts";
export * as eventlet from "./eventlet.ts";
