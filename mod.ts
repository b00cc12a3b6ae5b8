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
  BlockingSwitchOutError,
  CheckWatcher,
  type Clock,
  ConcurrentObjectUseError,
  contextName,
  type Duration,
  getHub,
  GreenletExit,
  Hub,
  type HubOptions,
  type HubStats,
  IdleWatcher,
  isKill,
  Loop,
  LoopExit,
  PrepareWatcher,
  type RunQueuePolicy,
  SignalWatcher,
  Timeout,
  type TimeoutOptions,
  TimerWatcher,
  type TimerWatcherOptions,
  type Tracer,
  until,
  type UntilOptions,
  type Waitable,
  type WaitOptions,
  Watcher,
  type WatcherOptions,
} from "./hub/mod.ts";
export * from "./green/mod.ts";
export * from "./green/testing/mod.ts";
export * from "./sync/mod.ts";
export * from "./net/mod.ts";
export * from "./patch.ts";
export * as eventlet from "./eventlet.ts";
