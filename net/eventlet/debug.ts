/**
 * What is going on, and what to report.
 *
 * Source: `eventlet.debug`. Not here: `spew`, as V8 calls nobody for each line, see `Tracer`; and
 * `hub_prevent_multiple_readers`, as a second reader of a connection always gets `ConcurrentObjectUseError`.
 *
 * @example Who waits for what
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assertStringIncludes } from "@std/assert";
 *
 * const queue = new eventlet.Queue();
 * const getter = eventlet.spawn(() => queue.get());
 * await eventlet.sleep();
 * assertStringIncludes(eventlet.debug.formatHubListeners(), "waits for");
 * await eventlet.kill(getter);
 * ```
 *
 * @module
 */
import { dump, type ErrorHandler, getHub, type Hub, shortName, type Task, waitTitle } from "../../hub/mod.ts";
import { checkFunction } from "../../sync/check.ts";
import { BlockingDetector, type BlockingReport } from "./blocking_detector.ts";

export type { BlockingReport } from "./blocking_detector.ts";

/** What hubs did with errors before they were silenced. */
const handlers = new WeakMap<Hub, ErrorHandler>();
const detectors = new WeakMap<Hub, BlockingDetector>();

function ignore(): void {}

/**
 * Whether uncaught errors of greenlets are reported. They are, unless it is switched off here.
 *
 * Source: `eventlet.debug.hub_exceptions`.
 *
 * @example Silence
 * ```ts
 * import { eventlet } from "@verdant/green";
 *
 * eventlet.debug.hubExceptions(false);
 * eventlet.spawn(() => {
 *   throw new Error("nobody will know");
 * });
 * await eventlet.sleep();
 * eventlet.debug.hubExceptions(true);
 * ```
 */
export function hubExceptions(state: boolean = true): void {
  const hub = getHub();
  const silenced = hub.onError === ignore;
  if (state && silenced) hub.onError = handlers.get(hub)!;
  if (state || silenced) return;
  handlers.set(hub, hub.onError);
  hub.onError = ignore;
}

/**
 * Whether greenlets record where they were spawned and where they wait, for reports and errors: the same switch as
 * {@linkcode hubTimerStacks} and `hub.debug`.
 *
 * Source: `eventlet.debug.hub_listener_stacks`.
 *
 * @example For a while
 * ```ts
 * import { eventlet, getHub } from "@verdant/green";
 * import { assert } from "@std/assert";
 *
 * eventlet.debug.hubListenerStacks(true);
 * assert(getHub().debug);
 * eventlet.debug.hubListenerStacks(false);
 * ```
 */
export function hubListenerStacks(state: boolean = false): void {
  getHub().debug = state;
}

/**
 * The same as {@linkcode hubListenerStacks}: there is one switch.
 *
 * Source: `eventlet.debug.hub_timer_stacks`.
 *
 * @example For a while
 * ```ts
 * import { eventlet, getHub } from "@verdant/green";
 * import { assert } from "@std/assert";
 *
 * eventlet.debug.hubTimerStacks(true);
 * assert(getHub().debug);
 * eventlet.debug.hubTimerStacks(false);
 * ```
 */
export function hubTimerStacks(state: boolean = false): void {
  getHub().debug = state;
}

/**
 * Who waits, and for what: a line for each, those of whom the same can be said on one.
 *
 * Source: `eventlet.debug.format_hub_listeners`.
 *
 * @example A sleeper
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assertStringIncludes } from "@std/assert";
 *
 * const sleeper = eventlet.spawn(() => eventlet.sleep(60_000));
 * await eventlet.sleep();
 * assertStringIncludes(eventlet.debug.formatHubListeners(), "waits for sleep");
 * await eventlet.kill(sleeper);
 * ```
 */
export function formatHubListeners(): string {
  return dump({ headline: "LISTENERS:" });
}

/**
 * The timers: how many there are, and the waits that are limited by one, soonest first.
 *
 * Source: `eventlet.debug.format_hub_timers`.
 *
 * @example A sleeper
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assertStringIncludes } from "@std/assert";
 *
 * const sleeper = eventlet.spawn(() => eventlet.sleep(60_000));
 * await eventlet.sleep();
 * assertStringIncludes(eventlet.debug.formatHubTimers(), "TIMERS: 1");
 * await eventlet.kill(sleeper);
 * ```
 */
export function formatHubTimers(): string {
  const hub = getHub();
  const waits = [hub.root, ...hub.tasks()].flatMap((task) => task.allWaits());
  const limited = waits.filter(({ timer }) => timer?.active)
    .sort((a, b) => a.timer!.deadline - b.timer!.deadline);
  const lines = limited.map((wait) => {
    const left = wait.timer!.deadline - hub.now();
    return `  in ${left.toFixed(1)} ms ${shortName(wait.task)} has waited enough for ${
      waitTitle(wait.source)
    }`;
  });
  const others = hub.timers.size - limited.length;
  if (others > 0) lines.push(`  and ${others} that end no wait`);
  return [`TIMERS: ${hub.timers.size}`, ...lines].join("\n");
}

/**
 * Whether to report greenlets that keep the event loop to themselves for too long, so that nobody else can run. They
 * cannot be interrupted: it is told afterwards who it was.
 *
 * Source: `eventlet.debug.hub_blocking_detection`, which raises an error in the code that blocks.
 *
 * @param state Whether.
 * @param resolution What is shorter (ms) is not reported: 1000 if not given. A greenlet that comes back from an await
 * of a foreign promise may be charged up to a tenth of it too much.
 * @param report Gets the task and how long (ms) it took. Must not wait. If not given, a line is written to the
 * standard error output.
 * @throws {RangeError} If `resolution` is not a positive number.
 * @throws {TypeError} If `report` is not a function.
 *
 * @example Catch a busy loop
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assert } from "@std/assert";
 *
 * const blockers: string[] = [];
 * eventlet.debug.hubBlockingDetection(true, 10, (task) => blockers.push(task.label));
 * await eventlet.spawn(function busy() {
 *   for (const start = performance.now(); performance.now() < start + 20;);
 * }).wait();
 * eventlet.debug.hubBlockingDetection(false);
 * assert(blockers.includes("busy"));
 * ```
 */
export function hubBlockingDetection(
  state: boolean = false,
  resolution: number = 1_000,
  report: BlockingReport = warn,
): void {
  if (!(resolution > 0 && resolution < Infinity)) {
    throw new RangeError(
      `Cannot detect blocking: resolution must be a positive number, received ${resolution}`,
    );
  }
  checkFunction(report, "detect blocking", "report");
  const hub = getHub();
  detectors.get(hub)?.stop();
  detectors.delete(hub);
  if (state) detectors.set(hub, new BlockingDetector(hub, resolution, report));
}

function warn(task: Task, held: number): void {
  console.error(`Blocking detected: ${shortName(task)} kept the event loop for ${held.toFixed(0)} ms`);
  const { spawnStack } = task as { spawnStack?: string };
  if (spawnStack !== undefined) console.error(`spawned\n${spawnStack}`);
}
