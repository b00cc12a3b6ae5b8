import { getHub, type Hub } from "@verdant/green";
import type { Blocking } from "../../../../green/inspect/monitor/blocking_report.ts";
import { type Heartbeat, LAYOUT, makeHeartbeat } from "../../../../green/inspect/monitor/heartbeat.ts";
import { sentinel } from "../../../../green/inspect/monitor/monitor_sentinel.ts";
import { MonitorTracer } from "../../../../green/inspect/monitor/monitor_tracer.ts";

/** The clock of the worker is ahead. */
const AHEAD = 5_000;
const PERIOD = 20;

/** Both sides of a monitor with `maxBlocking: 100`, in one thread, whose clock is moved by the test. */
export class MonitorTrial implements Disposable {
  /** What was printed while the loop was blocked. */
  readonly lines: string[] = [];
  /** What was said afterwards. */
  readonly blockings: Blocking[] = [];
  readonly heartbeat: Heartbeat;
  readonly tracer: MonitorTracer;
  #now = 1_000;
  readonly #look: () => void;
  readonly #resources = new DisposableStack();

  constructor(hub: Hub = getHub(), heartbeat: Heartbeat = makeHeartbeat()) {
    this.heartbeat = heartbeat;
    const tracer = this.tracer = new MonitorTracer(hub, heartbeat, () => this.#now);
    this.#resources.use(tracer.attach());
    this.#look = sentinel(
      heartbeat,
      LAYOUT,
      { maxBlocking: 100, period: PERIOD },
      () => this.#now + AHEAD,
      (line) => this.lines.push(line),
    );
    this.#look();
  }

  /** The event loop turns, and the worker sees it. */
  beat(): void {
    const blocking = this.tracer.beat();
    if (blocking !== undefined) this.blockings.push(blocking);
    this.#look();
  }

  /** Keeps the event loop for so long (ms), in view of the worker. */
  hold(ms: number): void {
    for (let left = ms; left > 0; left -= PERIOD) {
      this.#now += Math.min(left, PERIOD);
      this.#look();
    }
  }

  /** Time (ms) passes in which neither thread runs. */
  stopTheWorld(ms: number): void {
    this.#now += ms;
    this.#look();
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}
