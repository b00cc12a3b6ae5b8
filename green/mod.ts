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
export { Greenlet, type KillOptions } from "./greenlet.ts";
export { kill, killAll, type KillAllOptions } from "./kill.ts";
export type { KillReason } from "./kill_error.ts";
export { Local, local, type LocalOptions } from "./local.ts";
export { main } from "./main.ts";
export { shield, type ShieldOptions } from "./shield.ts";
export { idle, sleep, type SleepOptions } from "./sleep.ts";
export { spawn, spawnLater, type SpawnOptions, spawnWith } from "./spawn.ts";
export { spawnRaw } from "./spawn_raw.ts";
export { withTimeout, type WithTimeoutOptions } from "./with_timeout.ts";
export {
  iwait,
  joinAll,
  type JoinAllOptions,
  wait,
  type Waitable,
  type WaitIterator,
  type WaitManyOptions,
} from "./wait.ts";
