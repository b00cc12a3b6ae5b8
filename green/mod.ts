/**
 * Greenlets and what is built around them: spawning, killing, waiting, time-outs, locals, groups, pools.
 *
 * @example Two greenlets
 * ```ts
 * import { joinAll, spawn } from "@verdant/green/green";
 *
 * await joinAll([spawn(() => 1), spawn(() => 2)]);
 * ```
 *
 * @module
 */
export { getCurrent } from "./current.ts";
export { Collision, DependencyCycle, PropagateError } from "./dag/dag_errors.ts";
export { type DAGFunction, DAGPool, type PostOptions } from "./dag/dag_pool.ts";
export { ConnectTimeout } from "./db/connect_timeout.ts";
export type { ConnectionAdapter } from "./db/connection_adapter.ts";
export { ConnectionPool } from "./db/connection_pool.ts";
export type { ConnectionPoolOptions } from "./db/connection_pool_options.ts";
export {
  ConnectionRegistry,
  type ConnectionRegistryConfig,
  type ConnectionTarget,
} from "./db/connection_registry.ts";
export type { PooledConnection } from "./db/pooled_connection.ts";
export { fetch, type FetchOptions } from "./fetch.ts";
export { GreenPile } from "./green_pile.ts";
export { GreenPool } from "./green_pool.ts";
export { Greenlet, type KillOptions } from "./greenlet.ts";
export { Group } from "./group.ts";
export type { Items, Results } from "./imap.ts";
export { BlockedEvent, type Blocking } from "./inspect/monitor/blocking_report.ts";
export { Counters, countSwitches, type GreenletCounters } from "./inspect/counters.ts";
export { type DumpSignalOptions, installDumpSignal } from "./inspect/dump_signal.ts";
export type { LeakHint } from "./inspect/leaks/leak_hint.ts";
export { LeakHints, leakHints, type LeakHintsOptions } from "./inspect/leaks/leak_hints.ts";
export { Monitor, monitor, type MonitorOptions } from "./inspect/monitor/monitor.ts";
export {
  MemoryExceededEvent,
  MemoryUnderEvent,
  type MonitorEvents,
} from "./inspect/monitor/monitor_events.ts";
export type { RecordedEvent, RecordedKind } from "./inspect/timeline/recorded_event.ts";
export { Recorder, type RecorderOptions, type RunSpan } from "./inspect/timeline/recorder.ts";
export { Timeline, trace, type TraceOptions } from "./inspect/timeline/trace.ts";
export { watchDeadlocks, type WatchDeadlocksOptions } from "./inspect/watch_deadlocks.ts";
export { joinAll, type JoinAllOptions } from "./join_all.ts";
export { kill, killAll, type KillAllOptions } from "./kill.ts";
export type { KillReason } from "./kill_error.ts";
export { Local, local, type LocalOptions } from "./local.ts";
export { main, type MainOptions } from "./main.ts";
export { type ImapOptions, MappingGroup } from "./mapping_group.ts";
export { type GroupStatistics, type JoinOptions, type KillMembersOptions, Members } from "./members.ts";
export { type Nursery, nursery, type NurseryOptions } from "./nursery.ts";
export { Pool, PoolFull, type PoolStatistics } from "./pool.ts";
export { ResourceLease } from "./resources/resource_lease.ts";
export { ResourcePool } from "./resources/resource_pool.ts";
export type { ResourcePoolOptions, ResourcePoolSizes } from "./resources/resource_pool_options.ts";
export type { ResourcePoolStatistics } from "./resources/resource_pool_statistics.ts";
export { Token, TokenPool } from "./resources/token_pool.ts";
export { shield, type ShieldOptions } from "./shield.ts";
export { idle, sleep, type SleepOptions } from "./sleep.ts";
export { spawn, spawnLater, type SpawnOptions, spawnWith } from "./spawn.ts";
export { spawnRaw } from "./spawn_raw.ts";
export { Executor, type ExecutorShutdownOptions } from "./threads/executor.ts";
export { Future } from "./threads/future.ts";
export { type FunctionName, ModuleTask, type Task, task, type TaskOf, tasks } from "./threads/task.ts";
export { CancelledError, ThreadError } from "./threads/thread_error.ts";
export { ThreadPool } from "./threads/thread_pool.ts";
export type {
  ApplyOptions,
  ThreadImapOptions,
  ThreadMapOptions,
  ThreadPoolOptions,
} from "./threads/thread_pool_options.ts";
export { ThreadResult } from "./threads/thread_result.ts";
export { transfer } from "./threads/transfer.ts";
export { WorkerChannel, workerChannel } from "./threads/worker_channel.ts";
export { iwait, wait, type WaitIterator, type WaitManyOptions } from "./wait.ts";
export { withTimeout, type WithTimeoutOptions } from "./with_timeout.ts";
export type { ItemsOfAll } from "./zip.ts";
