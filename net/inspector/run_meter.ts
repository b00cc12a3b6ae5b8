import { attachTracer, type Hub, type Task, type Tracer, Waiter } from "../../hub/mod.ts";
import { ThriftyClock } from "../../green/inspect/thrifty_clock.ts";
import type { Strip } from "./strip.ts";

/** What a meter has counted since it began. */
export interface RunCounts {
  /** Greenlets that were scheduled for the first time. */
  readonly spawned: number;
  /** How often one got the run token. */
  readonly switches: number;
}

/**
 * Enters into a strip who has the run token when, while it happens: what it costs to look at the strip does not
 * depend on how often they switch, as it does with a recording of each switch.
 *
 * Greenlets that switch faster than the clock can be read share the time between two readings, some 24 µs.
 */
export class RunMeter implements Tracer, Disposable {
  readonly #attached: Disposable;
  // The methods below are called at every switch: no brand is to be checked there.
  private readonly hub: Hub;
  private readonly strip: Strip;
  private readonly clock: ThriftyClock;
  /** Who has run since the last look at the clock, in order; the last one may still be running. */
  private readonly runs: Task[] = [];
  /** The last look at the clock (ms), if somebody runs. */
  private since = 0;
  private spawnCount = 0;
  private switchCount = 0;

  /**
   * Begins to measure.
   *
   * @param hub Whose greenlets.
   * @param strip Gets who ran.
   */
  constructor(hub: Hub, strip: Strip) {
    this.hub = hub;
    this.strip = strip;
    this.clock = new ThriftyClock(() => hub.now());
    this.#attached = attachTracer(hub, this);
  }

  /** What was counted. */
  get counts(): RunCounts {
    return { spawned: this.spawnCount, switches: this.switchCount };
  }

  /**
   * The event loop has turned: nobody runs. Whoever has the token awaits what is not the library's own, and how long
   * it has run before is not known: that time is nobody's.
   */
  turned(): void {
    this.runs.length = 0;
  }

  /** Measures no more. */
  [Symbol.dispose](): void {
    this.#attached[Symbol.dispose]();
    this.runs.length = 0;
  }

  /** For the hub. */
  spawned(): void {
    this.spawnCount++;
  }

  /** For the hub. */
  switched(task: Task): void {
    this.switchCount++;
    const { runs } = this;
    if (task === this.hub.root) return this.stop(); // nobody tells when that goes to do something else
    if (runs.length === 0) this.since = this.readNow();
    else if (runs.length >= this.clock.batch) this.share(this.clock.read());
    runs.push(task);
  }

  /** For the hub. */
  parked({ task }: Waiter): void {
    if (this.hub.holder === task && !this.hub.hasRunnable) this.stop();
  }

  /** For the hub. */
  detached(): void {
    this.stop();
  }

  /** For the hub. */
  ended(task: Task): void {
    const goesOn = this.hub.hasRunnable || task.links?.first instanceof Waiter; // whom its end wakes
    if (this.hub.holder === task && !goesOn) this.stop();
  }

  /** Nobody runs from now on. */
  private stop(): void {
    if (this.runs.length > 0) this.share(this.readNow());
  }

  private readNow(): number {
    this.clock.cutShort();
    return this.clock.read();
  }

  /** The time since the last look at the clock goes to those who have run, in equal shares. */
  private share(now: number): void {
    const { runs, since, strip } = this;
    const each = (now - since) / runs.length;
    for (let i = 0; i < runs.length; i++) strip.add(runs[i]!, since + i * each, since + (i + 1) * each);
    runs.length = 0;
    this.since = now;
  }
}
