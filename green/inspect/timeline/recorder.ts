import { attachTracer, type Hub, type Task, type Tracer, type Waiter } from "../../../hub/mod.ts";
import { DETACHED, EventRing, INTERRUPTED, SPAWNED, SWITCHED, WOKEN } from "./event_ring.ts";
import type { RecordedEvent } from "./recorded_event.ts";
import { Recording } from "./recording.ts";

/**
 * Options of a {@linkcode Recorder}.
 *
 * @example A short memory
 * ```ts
 * import { getHub, Recorder, type RecorderOptions } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const options: RecorderOptions = { capacity: 1000 };
 * using recorder = new Recorder(getHub(), options);
 * assertEquals(recorder.capacity, 1024);
 * ```
 */
export interface RecorderOptions {
  /**
   * How many events are kept, rounded up to a power of two: 40 bytes each.
   *
   * @default {65536}
   */
  capacity?: number | undefined;
}

/**
 * A time in which a greenlet ran.
 *
 * @example How long it ran
 * ```ts
 * import { getHub, Recorder, type RunSpan, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * using recorder = new Recorder(getHub());
 * await spawn(function worker() {}).join();
 * const runs: RunSpan[] = recorder.runs();
 * assertEquals(runs[0]?.label, "worker");
 * ```
 */
export interface RunSpan {
  /** The number of the greenlet, or that of the code outside greenlets. */
  readonly id: number;
  /** Its name. */
  readonly label: string;
  /** When it got the run token (ms on the hub's clock). */
  readonly start: number;
  /** When it gave it away; if it has not, when it was asked. */
  readonly end: number;
}

/** What the recorder keeps unless told otherwise. */
export const DEFAULT_CAPACITY = 65_536;
const MAX_CAPACITY = 2 ** 24;

/** What a recorder has now, to be read at any time. */
export function snapshotOf(recorder: Recorder): Recording {
  return recorder["final"] ?? new Recording(recorder["ring"].copy(), recorder["hub"]);
}

/**
 * Records what the greenlets of a hub do, the newest events only, at a price at which it can stay on: some 10 ns for
 * each. Attached when made, until it is disposed; then it can still be read.
 *
 * The clock takes longer to read than a switch: events that come fast share a look at it, see
 * {@linkcode RecordedEvent.error}. Nothing that greenlets wait on is kept alive, only what describes it.
 *
 * @example Who woke whom
 * ```ts
 * import { getHub, Queue, Recorder, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const jobs = new Queue<string>();
 * using recorder = new Recorder(getHub());
 * const worker = spawn(() => jobs.get());
 * const boss = spawn(() => jobs.put("sweep"));
 * await worker.join();
 * const woken = recorder.events().find(({ kind, id }) => kind === "woken" && id === worker.id);
 * assertEquals(woken?.other, boss.id);
 * ```
 */
export class Recorder implements Tracer, Disposable {
  readonly #attached: Disposable;
  /** What is left of it once it is off. */
  private final: Recording | undefined = undefined;
  // The methods below are called at every switch: no brand is to be checked there.
  private readonly hub: Hub;
  private readonly ring: EventRing;

  /**
   * Begins to record.
   *
   * @param hub Whose greenlets.
   * @param options How much it keeps.
   * @throws {RangeError} If `capacity` is no integer from 1 to 16,777,216.
   */
  constructor(hub: Hub, { capacity = DEFAULT_CAPACITY }: RecorderOptions = {}) {
    checkCapacity(capacity);
    this.hub = hub;
    this.ring = new EventRing(2 ** Math.ceil(Math.log2(capacity)), () => hub.now());
    this.#attached = attachTracer(hub, this);
  }

  /** How many events it keeps. */
  get capacity(): number {
    return this.ring.capacity;
  }

  /** How many events were overwritten by newer ones. */
  get dropped(): number {
    return this.ring.dropped;
  }

  /** Whether it still records. */
  get active(): boolean {
    return this.final === undefined;
  }

  /** The events that are kept, oldest first. Does not switch. */
  events(): RecordedEvent[] {
    return [...this.#recording().events()];
  }

  /**
   * Who ran when, oldest first. A greenlet that awaits a promise that is not the library's own has the run token, and
   * counts as running, until the hub takes it back: at the next turn of the event loop, if others are to run, or else
   * at the next timer. Does not switch.
   *
   * @param since Only what ended after this (ms on the hub's clock).
   * @throws {RangeError} If `since` is NaN.
   */
  runs(since: number = -Infinity): RunSpan[] {
    if (Number.isNaN(since)) {
      throw new RangeError("Cannot list runs: since must be a time in ms, received NaN");
    }
    const runs: RunSpan[] = [];
    const recording = this.#recording();
    for (const { id, state, start, end } of recording.spans(since)) {
      if (state === "running" && end > since) runs.push({ id, label: recording.labelOf(id), start, end });
    }
    return runs.sort((a, b) => a.start - b.start || a.end - b.end);
  }

  /** What is there now, to be read before anything else happens; once it is disposed, at any time. */
  #recording(): Recording {
    return this.final ?? new Recording(this.ring, this.hub);
  }

  /** Stops recording. Harmless when it has stopped. */
  [Symbol.dispose](): void {
    this.#attached[Symbol.dispose]();
    this.final ??= new Recording(this.ring, this.hub);
  }

  // ---- What the hub tells ------------------------------------------------------------------------

  /** For the hub. */
  spawned(task: Task): void {
    this.ring.addBy(SPAWNED, task, this.hub.holder);
  }

  /** For the hub. */
  parked({ task, source }: Waiter): void {
    const { ring } = this;
    const lull = !this.hub.hasRunnable;
    if (lull) ring.expectExact();
    ring.addWait(task, source.what, source.owner);
    if (lull) ring.expectExact(); // whatever comes next comes from outside
  }

  /** For the hub. */
  switched(task: Task): void {
    this.ring.add(SWITCHED, task);
  }

  /** For the hub. */
  woken({ task }: Waiter): void {
    const { holder } = this.hub;
    if (holder === task) return; // it hands the token on without waiting: the next switch tells
    if (holder === undefined && !this.ring.endsWith(WOKEN)) this.ring.expectExact();
    this.ring.addBy(WOKEN, task, holder);
  }

  /** For the hub. */
  detached(task: Task): void {
    this.ring.expectExact();
    this.ring.add(DETACHED, task);
  }

  /** For the hub. */
  interrupted(task: Task): void {
    this.ring.addBy(INTERRUPTED, task, this.hub.holder);
  }

  /** For the hub. */
  ended(task: Task): void {
    this.ring.addEnd(task);
  }
}

function checkCapacity(capacity: number): void {
  if (Number.isInteger(capacity) && capacity >= 1 && capacity <= MAX_CAPACITY) return;
  throw new RangeError(
    `Cannot record: capacity must be an integer from 1 to ${MAX_CAPACITY}, received ${String(capacity)}`,
  );
}
