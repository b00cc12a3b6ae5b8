import {
  attachTracer,
  getHub,
  type Hub,
  type Task,
  type TaskCounters,
  type Tracer,
  Waiter,
} from "../../hub/mod.ts";
import { MAX_BATCH, ThriftyClock } from "./thrifty_clock.ts";

/**
 * What {@linkcode Counters} has counted of one greenlet.
 *
 * @example The one that ran most
 * ```ts
 * import { countSwitches, type GreenletCounters, sleep, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * using counters = countSwitches();
 * const g = spawn(() => sleep(60_000));
 * await sleep();
 * const [top]: GreenletCounters[] = [...counters];
 * assertEquals(top?.id, g.id);
 * await g.kill();
 * ```
 */
export interface GreenletCounters extends TaskCounters {
  /** The number of the greenlet. */
  readonly id: number;
  /** Its name. */
  readonly label: string;
}

/** The counters of one greenlet, as they grow. */
class Tally implements TaskCounters {
  switches = 0;
  waits = 0;
  held = 0;

  constructor(readonly id: number) {}
}

/** How many greenlets are found without a look into the map, if their numbers are close. */
const CACHE_SIZE = 1024;

/**
 * Counts what the greenlets of a hub do, until it is disposed: {@linkcode countSwitches} makes one.
 *
 * What one greenlet has held the run token for is exact as long as switches come more than 24 µs apart. The faster
 * they come, the more of them, up to 64, share a look at the clock, and the time between two looks evenly.
 *
 * @example How busy a worker was
 * ```ts
 * import { countSwitches, Queue, sleep, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * using counters = countSwitches();
 * const jobs = new Queue<number>();
 * const worker = spawn(() => jobs.get());
 * await sleep();
 * assertEquals(counters.of(worker)?.waits, 1);
 * await worker.kill();
 * ```
 */
export class Counters implements Tracer, Disposable {
  readonly #attached: Disposable;
  readonly #previous: Hub["counters"];
  #active = true;
  // The methods the hub calls at every switch read these: no brand is to be checked there.
  private readonly hub: Hub;
  private readonly clock: ThriftyClock;
  private readonly sum = new Tally(-1);
  private readonly tallies = new Map<Task, Tally>();
  private readonly cache: (Tally | undefined)[] = new Array(CACHE_SIZE).fill(undefined);
  /** Who has run since the last look at the clock, once for each run; the last of them may still be running. */
  private readonly runs: Tally[] = new Array(MAX_BATCH).fill(this.sum);
  private runCount = 0;
  private since = 0;
  /** Whether the last of them is. */
  private running = false;

  /**
   * Begins to count.
   *
   * @param hub Whose greenlets.
   */
  constructor(hub: Hub) {
    this.hub = hub;
    this.clock = new ThriftyClock(() => hub.now());
    this.#attached = attachTracer(hub, this);
    this.#previous = hub.counters;
    hub.counters = this;
  }

  /** Whether it still counts. */
  get active(): boolean {
    return this.#active;
  }

  /** Of all greenlets together, also those that have ended. */
  get total(): TaskCounters {
    this.settle();
    const { switches, waits, held } = this.sum;
    return { switches, waits, held };
  }

  /**
   * Of one greenlet.
   *
   * @returns `undefined` once it has ended: then it is only part of {@linkcode total}.
   */
  of(greenlet: Task): TaskCounters | undefined {
    if (greenlet.ready) return undefined;
    this.settle();
    const { switches, waits, held } = this.tallies.get(greenlet) ?? new Tally(greenlet.id);
    return { switches, waits, held };
  }

  /** Of every greenlet that has run or waited and not ended, those first that have held the run token longest. */
  *[Symbol.iterator](): IterableIterator<GreenletCounters> {
    this.settle();
    const all = [...this.tallies].filter(([task]) => task !== this.hub.root);
    for (const [{ id, label }, { switches, waits, held }] of all.sort(([, a], [, b]) => byTime(a, b))) {
      yield { id, label, switches, waits, held };
    }
  }

  /** Stops counting. What was counted can still be read. Harmless when it has stopped. */
  [Symbol.dispose](): void {
    if (!this.#active) return;
    this.settle();
    this.stop();
    this.#active = false;
    this.#attached[Symbol.dispose]();
    if (this.hub.counters === this) this.hub.counters = this.#outer();
  }

  /** Those that were there before, if they still count. */
  #outer(): Hub["counters"] {
    const previous = this.#previous;
    return previous instanceof Counters && !previous.#active ? previous.#outer() : previous;
  }

  // ---- What the hub tells ------------------------------------------------------------------------

  /** For the hub. */
  spawned(): void {}

  /** For the hub. */
  parked({ task }: Waiter): void {
    this.tallyOf(task).waits++;
    this.sum.waits++;
    if (this.hub.holder === task && !this.hub.hasRunnable) this.stop();
  }

  /** For the hub. */
  switched(task: Task): void {
    const tally = this.tallyOf(task);
    tally.switches++;
    this.sum.switches++;
    if (task === this.hub.root) return this.stop(); // nobody tells when that goes to do something else
    if (!this.running) this.begin();
    else if (this.runCount >= this.clock.batch) this.share(this.clock.read(), 0);
    this.runs[this.runCount++] = tally;
  }

  /** For the hub. */
  detached(): void {
    this.stop();
  }

  /** For the hub. */
  ended(task: Task): void {
    const { hub } = this;
    const last = !hub.hasRunnable && !(task.links?.first instanceof Waiter);
    if (hub.holder === task && last) this.stop();
    this.tallies.delete(task);
  }

  // ---- Whose time it was -------------------------------------------------------------------------

  /** Somebody runs, after a time that was nobody's. */
  private begin(): void {
    this.since = this.readNow();
    this.running = true;
  }

  /** Nobody is known to run from now on. */
  private stop(): void {
    if (!this.running) return;
    this.share(this.readNow(), 0);
    this.running = false;
  }

  /** Brings the counters up to date. */
  private settle(): void {
    if (this.running) this.share(this.readNow(), 1);
  }

  /** The exact time (ms). */
  private readNow(): number {
    this.clock.cutShort();
    return this.clock.read();
  }

  /** The time since the last look at the clock goes to those who have run; `left`: whether the last of them runs on. */
  private share(now: number, left: 0 | 1): void {
    const { runs, runCount } = this;
    const each = (now - this.since) / runCount;
    for (let i = 0; i < runCount; i++) runs[i]!.held += each;
    this.sum.held += now - this.since;
    this.since = now;
    runs[0] = runs[runCount - 1]!;
    this.runCount = left;
  }

  /** The figures of a task: those of one that ran a moment ago are at hand. */
  private tallyOf(task: Task): Tally {
    const tally = this.cache[task.id % CACHE_SIZE];
    return tally !== undefined && tally.id === task.id ? tally : this.find(task);
  }

  /** The figures of a task, from the map. */
  private find(task: Task): Tally {
    let tally = this.tallies.get(task);
    if (tally === undefined) this.tallies.set(task, tally = new Tally(task.id));
    this.cache[task.id % CACHE_SIZE] = tally;
    return tally;
  }
}

function byTime(a: Tally, b: Tally): number {
  return b.held - a.held || b.switches - a.switches || a.id - b.id;
}

/**
 * Counts from now on what each greenlet does: how often it gets the run token and how often it waits, and for how
 * long it holds the token. While it is on, `snapshot()` shows the figures, too. Does not switch.
 *
 * Source: `gevent._tracer.GreenletTracer`, which counts switches.
 *
 * @returns The counters; disposed, they stop.
 *
 * @example For a block
 * ```ts
 * import { countSwitches, joinAll, sleep, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * using counters = countSwitches();
 * const body = async () => {
 *   for (let i = 0; i < 9; i++) await sleep();
 * };
 * await joinAll([spawn(body), spawn(body)]);
 * assertEquals(counters.total.switches >= 20, true);
 * ```
 */
export function countSwitches(): Counters {
  return new Counters(getHub());
}
