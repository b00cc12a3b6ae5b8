import {
  callerTask,
  type Duration,
  getHub,
  type Hub,
  originalOf,
  Task,
  toMilliseconds,
} from "../../../hub/mod.ts";
import { runAs } from "../../../hub/context.ts";
import { BlockedEvent } from "./blocking_report.ts";
import { makeHeartbeat, WATCHING } from "./heartbeat.ts";
import { MemoryExceededEvent, MemoryUnderEvent, type MonitorEvents } from "./monitor_events.ts";
import { formatBytes, MemoryLimit, toBytes } from "./monitor_memory_limit.ts";
import { startSentinel } from "./monitor_sentinel.ts";
import { MonitorTracer } from "./monitor_tracer.ts";

/** As they were when the library was loaded: with green ones, the hub would see itself. */
const { setInterval, clearInterval } = globalThis;

/**
 * Options of {@linkcode monitor}.
 *
 * @example Memory only
 * ```ts
 * import { monitor, type MonitorOptions } from "@verdant/green";
 *
 * const options: MonitorOptions = { maxBlocking: Infinity, maxMemory: "2GB", memoryPeriod: 1_000 };
 * using watch = monitor(options);
 * ```
 */
export interface MonitorOptions {
  /**
   * How long (ms or `Temporal.Duration`) the event loop may be blocked: at least 5 ms. `Infinity`: for ever, then
   * nothing is spent on it.
   *
   * @default {100}
   */
  maxBlocking?: Duration | undefined;
  /** How much memory the program may use: bytes, or `"100MB"`. Without a limit if not given. */
  maxMemory?: number | string | undefined;
  /**
   * How often (ms or `Temporal.Duration`) to look at the memory.
   *
   * @default {5000}
   */
  memoryPeriod?: Duration | undefined;
  /** How many bytes are in use. If not given, those of the process that are resident in memory. */
  memoryUsage?: (() => number) | undefined;
  /**
   * Whether to write to the standard error output.
   *
   * @default {true}
   */
  print?: boolean | undefined;
}

/** The loop beats so many times in the time for which it may be blocked: as exact is what is said of it. */
const BEATS_PER_BLOCKING = 5;
/** No timer can tell less. */
const MIN_BLOCKING_MS = 5;
const MAX_PERIOD_MS = 60_000;

const monitors = new WeakMap<Hub, Monitor>();

/**
 * Watches a hub: who blocks its event loop, and how much memory the program uses. Made by {@linkcode monitor}.
 *
 * Its events are dispatched outside greenlets: `"blocked"` ({@linkcode BlockedEvent}), `"memoryexceeded"`
 * ({@linkcode MemoryExceededEvent}) and `"memoryunder"` ({@linkcode MemoryUnderEvent}).
 *
 * Source: gevent's `PeriodicMonitoringThread`.
 *
 * @example For a block
 * ```ts
 * import { type Monitor, monitor } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * let last: Monitor;
 * {
 *   using watch = monitor();
 *   last = watch;
 * }
 * assertEquals(last.stopped, true);
 * ```
 */
export class Monitor extends EventTarget implements Disposable {
  /** How long (ms) the event loop may be blocked. */
  readonly maxBlocking: number;
  /** How much memory may be used (bytes). */
  readonly maxMemory: number;
  readonly #hub: Hub;
  readonly #print: boolean;
  readonly #cells: Int32Array<SharedArrayBuffer> | undefined;
  readonly #tracer: MonitorTracer | undefined;
  readonly #resources = new DisposableStack();

  /**
   * Begins to watch; {@linkcode monitor} does the same for the hub of the caller.
   *
   * @throws {RangeError} If a limit is too small or negative.
   * @throws {TypeError} If an option is of another type.
   * @throws {Error} If the hub has a monitor already.
   */
  constructor(hub: Hub, options: MonitorOptions = {}) {
    super();
    const { maxBlocking = 100, memoryPeriod = 5_000, memoryUsage = residentMemory, print = true } = options;
    this.#hub = hub;
    this.#print = print;
    this.maxBlocking = checkBlocking(maxBlocking);
    const period = checkPeriod(memoryPeriod);
    this.maxMemory = options.maxMemory === undefined
      ? Infinity
      : toBytes(options.maxMemory, "start monitor", "maxMemory");
    if (typeof memoryUsage !== "function") {
      throw new TypeError(
        `Cannot start monitor: memoryUsage must be a function, received ${String(memoryUsage)}`,
      );
    }
    if (monitors.has(hub)) throw new Error("Cannot start monitor: this hub has one already, stop that first");
    if (this.maxBlocking !== Infinity) {
      const heartbeat = makeHeartbeat();
      this.#cells = heartbeat.cells;
      const tracer = this.#tracer = new MonitorTracer(hub, heartbeat, () => performance.now());
      const beat = Math.min(Math.max(1, this.maxBlocking / BEATS_PER_BLOCKING), MAX_PERIOD_MS);
      const times = { maxBlocking: this.maxBlocking, period: beat };
      this.#resources.use(startSentinel(hub, heartbeat, times, print, (error) => this.#fail(error)));
      this.#resources.use(tracer.attach());
      this.#repeat(beat, () => this.#beat(tracer));
    }
    if (this.maxMemory !== Infinity) {
      const limit = new MemoryLimit(this.maxMemory, memoryUsage);
      this.#repeat(period, () => this.#checkMemory(limit));
    }
    // At the end of the program the loop does not turn any more, and nobody is to blame.
    const stop = () => this.stop();
    globalThis.addEventListener?.("unload", stop);
    this.#resources.defer(() => globalThis.removeEventListener?.("unload", stop));
    monitors.set(hub, this);
    this.#resources.defer(() => monitors.delete(hub));
  }

  /**
   * Whether its worker has begun to watch: that takes some 30 ms, in a worker up to a second. A program that blocks
   * before that is seen all the same if it does so for long enough.
   */
  get watching(): boolean {
    return this.#cells !== undefined && Atomics.load(this.#cells, WATCHING) !== 0;
  }

  /** Whether it was stopped. */
  get stopped(): boolean {
    return this.#resources.disposed;
  }

  /**
   * Lets a greenlet block the event loop as long as it likes. Does not switch.
   *
   * Source: gevent's `ignore_current_greenlet_blocking`.
   *
   * @param greenlet Which; the running one if not given. Outside greenlets, that is all code outside greenlets.
   * @returns Ends that when disposed.
   * @throws {TypeError} If `greenlet` is no greenlet.
   * @throws {Error} If it belongs to another hub.
   *
   * @example Something that is known to take long
   * ```ts
   * import { monitor, spawn } from "@verdant/green";
   *
   * using watch = monitor();
   * await spawn(() => {
   *   using _ignored = watch.ignore();
   *   for (let i = 0; i < 1e6; i++);
   * }).join();
   * ```
   */
  ignore(greenlet: Task = callerTask()): Disposable {
    if (!(greenlet instanceof Task)) {
      throw new TypeError(
        `Cannot ignore blocking: greenlet must be a greenlet, received ${String(greenlet)}`,
      );
    }
    if (greenlet.hub !== this.#hub) {
      throw new Error(`Cannot ignore blocking: #${greenlet.id} ${greenlet.label} belongs to another hub`);
    }
    const ignored = new DisposableStack();
    this.#tracer?.setMayBlock(greenlet, true);
    ignored.defer(() => this.#tracer?.setMayBlock(greenlet, false));
    return ignored;
  }

  /** Ends it, and its worker. Harmless if it was stopped before. Does not switch. */
  stop(): void {
    this.#resources.dispose();
  }

  /** The same as {@linkcode stop}. */
  [Symbol.dispose](): void {
    this.stop();
  }

  /** Listens, as `EventTarget` does. */
  override addEventListener<K extends keyof MonitorEvents>(
    type: K,
    listener: ((event: MonitorEvents[K]) => void) | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  /** The same for other events. */
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void {
    super.addEventListener(type, listener, options);
  }

  /** Listens no more, as `EventTarget` does. */
  override removeEventListener<K extends keyof MonitorEvents>(
    type: K,
    listener: ((event: MonitorEvents[K]) => void) | null,
    options?: boolean | EventListenerOptions,
  ): void;
  /** The same for other events. */
  override removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
  override removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void {
    super.removeEventListener(type, listener, options);
  }

  #beat(tracer: MonitorTracer): void {
    const blocking = tracer.beat();
    if (blocking === undefined) return;
    const event = new BlockedEvent(blocking);
    if (this.#print) console.error(event.report);
    this.dispatchEvent(event);
  }

  #fail(error: Error): void {
    this.stop();
    this.#hub.handleError("monitor", error);
  }

  #checkMemory(limit: MemoryLimit): void {
    const finding = limit.check();
    if (finding === undefined) return;
    if (this.#print) console.error(describeMemory(finding.usage, finding.limit));
    this.dispatchEvent(
      finding.kind === "exceeded"
        ? new MemoryExceededEvent(finding.usage, finding.limit)
        : new MemoryUnderEvent(finding.usage, finding.limit, finding.most),
    );
  }

  /** Neither in the context of the greenlet that starts the monitor, nor a reason to live on. */
  #repeat(period: number, act: () => void): void {
    let timer!: ReturnType<typeof setInterval>;
    runAs(this.#hub.root, () => timer = originalOf(setInterval)(act, period), undefined);
    timer.unref();
    this.#resources.defer(() => originalOf(clearInterval)(timer));
  }
}

/**
 * Watches the hub of the running greenlet, or of this thread: a worker says on the standard error output *while it
 * happens* which greenlet has held the event loop for too long, who spawned it and what it waited for last; then
 * again whenever that time has doubled. With `hub.debug` it also says where in the program. What the greenlet did in
 * the end, and where, is said as soon as the loop turns again, also as an event.
 *
 * It does not keep the process alive, needs no permission, and costs some 2 ns for each switch, some 5 ns for each
 * wait, some 100 ns for each greenlet, and one worker. Times are not exaggerated: a block that is longer than
 * `maxBlocking` by two fifths is seen for certain, and none that is shorter.
 *
 * Source: gevent's `monitor_thread`, `max_blocking_time` and `max_memory_usage`.
 *
 * @throws {RangeError} If a limit is too small or negative.
 * @throws {TypeError} If an option is of another type.
 * @throws {Error} If the hub has a monitor already, or if the platform has no workers that let the process end.
 *
 * @example Who blocks the event loop
 * ```ts
 * import { monitor, sleep, spawn } from "@verdant/green";
 *
 * const blockers: string[] = [];
 * using watch = monitor({ maxBlocking: 20, print: false });
 * watch.addEventListener("blocked", ({ blocking }) => blockers.push(blocking.name));
 * await spawn(async function parseReport() {
 *   for (const start = performance.now(); performance.now() < start + 300;);
 * }).join();
 * while (!blockers.includes("parseReport")) await sleep(1); // a monitor does not keep the process alive
 * ```
 */
export function monitor(options?: MonitorOptions): Monitor {
  return new Monitor(getHub(), options);
}

function checkBlocking(maxBlocking: Duration): number {
  const ms = toMilliseconds(maxBlocking, "start monitor", "maxBlocking");
  if (ms >= MIN_BLOCKING_MS) return ms;
  throw new RangeError(
    `Cannot start monitor: maxBlocking must be at least ${MIN_BLOCKING_MS} milliseconds, received ${ms}`,
  );
}

function checkPeriod(memoryPeriod: Duration): number {
  const ms = toMilliseconds(memoryPeriod, "start monitor", "memoryPeriod");
  if (ms > 0 && ms < 2 ** 31) return ms;
  throw new RangeError(
    `Cannot start monitor: memoryPeriod must be more than 0 and less than 2^31 milliseconds, received ${ms}`,
  );
}

function residentMemory(): number {
  return Deno.memoryUsage().rss;
}

function describeMemory(usage: number, limit: number): string {
  const state = usage > limit ? "above the limit and growing" : "below the limit again";
  return `green monitor: ${formatBytes(usage)} of memory are in use, ${state} (${formatBytes(limit)})`;
}
