import {
  type Deadlock,
  findDeadlocks,
  type Hub,
  type HubStats,
  type Snapshot,
  snapshot,
} from "../../hub/mod.ts";
import { type RunCounts, RunMeter } from "./run_meter.ts";
import type { Strip } from "./strip.ts";

/** What an inspector sees of a hub. */
export interface Observer {
  /** Milliseconds on the hub's clock. */
  now(): number;
  /** Figures about the hub. */
  stats(): HubStats;
  /** All greenlets. */
  snapshot(): Snapshot;
  /** Those that cannot go on. */
  deadlocks(): Deadlock[];
  /** Begins to enter into a strip who runs. */
  watch(strip: Strip): Watch;
}

/** Sees who runs, until it is disposed of. */
export interface Watch extends Disposable {
  /** What was counted since it began. */
  readonly counts: RunCounts;
  /** To be told now and then that the event loop turns. */
  turned(): void;
}

/** Sees a hub of this thread. */
export function observe(hub: Hub): Observer {
  return {
    now: () => hub.now(),
    stats: () => hub.stats(),
    snapshot: () => snapshot(hub),
    deadlocks: () => findDeadlocks(hub),
    watch: (strip) => new RunMeter(hub, strip),
  };
}
