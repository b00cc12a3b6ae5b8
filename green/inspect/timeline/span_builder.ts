import type { RecordedEvent } from "./recorded_event.ts";
import type { Cause, Span, SpanState } from "./span.ts";

/** Of a greenlet whose first event has not been seen, or of code outside greenlets that does not wait. */
const UNKNOWN = "unknown";

/** One greenlet on its way through the events. */
interface Lane {
  readonly id: number;
  state: SpanState | typeof UNKNOWN;
  since: number;
  error: number;
  /** What holds it: more than one only if it started several waits at once. */
  waits: string[];
  cause: Cause | undefined;
}

/**
 * Makes spans of events: they come out in the order in which they end. Two spans of one greenlet never overlap.
 *
 * Who has the run token is told by the events only when it goes to somebody else: a greenlet that has just handed it
 * on without waiting is in the run queue again. Nobody tells of code outside greenlets that it goes on by itself:
 * its run ends at the latest when somebody is woken and nobody has the token.
 */
export class SpanBuilder {
  readonly #emit: (span: Span) => void;
  readonly #root: number;
  readonly #start: number;
  readonly #lanes = new Map<number, Lane>();
  #running: Lane | undefined = undefined;
  #anyRan = false;

  /**
   * Makes one that has seen nothing.
   *
   * @param start Since when it sees events (ms).
   * @param root The number of the code outside greenlets.
   * @param emit Gets each span.
   */
  constructor(start: number, root: number, emit: (span: Span) => void) {
    this.#start = start;
    this.#root = root;
    this.#emit = emit;
  }

  /** Whether anything is known of a greenlet. */
  knows(id: number): boolean {
    return this.#lanes.has(id);
  }

  /** The next event. */
  add(event: RecordedEvent): void {
    const lane = this.#laneOf(event);
    switch (event.kind) {
      case "spawned":
        return this.#queue(lane, event);
      case "woken":
        return this.#wake(lane, event);
      case "switched":
        return this.#run(lane, event);
      case "parked":
        return this.#park(lane, event);
      case "detached":
        return this.#stop(lane, "outside", event);
      case "ended":
        this.#enter(lane, UNKNOWN, event);
        this.#lanes.delete(lane.id);
    }
  }

  /** The recording is over: emits what is under way. */
  finish(end: number): void {
    for (const lane of this.#lanes.values()) this.#close(lane, end, 0);
    this.#lanes.clear();
    this.#running = undefined;
  }

  #laneOf({ id, kind }: RecordedEvent): Lane {
    let lane = this.#lanes.get(id);
    if (lane !== undefined) return lane;
    const state = id === this.#root ? UNKNOWN : stateBefore(kind, this.#anyRan);
    lane = { id, state, since: this.#start, error: 0, waits: [], cause: undefined };
    this.#lanes.set(id, lane);
    return lane;
  }

  #wake(lane: Lane, event: RecordedEvent): void {
    const running = this.#running;
    // The token was taken back and nobody was told.
    const idle = event.other === undefined && running !== undefined;
    if (idle && (running.id === this.#root || running.waits.length > 0)) this.#stop(running, "queued", event);
    if (lane !== this.#running) this.#queue(lane, event); // another of its waits is over, it runs on
    lane.waits.shift();
  }

  #queue(lane: Lane, event: RecordedEvent): void {
    this.#enter(lane, "queued", event);
    const waker = event.other;
    lane.cause = waker !== undefined && waker === this.#running?.id
      ? { id: waker, time: event.time }
      : undefined;
  }

  #run(lane: Lane, event: RecordedEvent): void {
    if (this.#running !== undefined && this.#running !== lane) this.#stop(this.#running, "queued", event);
    this.#enter(lane, "running", event);
    this.#running = lane;
    this.#anyRan = true;
  }

  #park(lane: Lane, event: RecordedEvent): void {
    if (lane.state !== "waiting") this.#enter(lane, "waiting", event);
    lane.waits.push(event.wait!);
  }

  /** It has the run token no longer, though it did not begin to wait: another of its waits may go on. */
  #stop(lane: Lane, state: SpanState, event: RecordedEvent): void {
    if (lane.waits.length > 0) this.#enter(lane, "waiting", event);
    else this.#enter(lane, lane.id === this.#root ? UNKNOWN : state, event);
  }

  #enter(lane: Lane, state: Lane["state"], { time, error }: RecordedEvent): void {
    this.#close(lane, time, error);
    if (lane === this.#running) this.#running = undefined;
    lane.state = state;
    lane.since = time;
    lane.error = error;
  }

  #close(lane: Lane, end: number, error: number): void {
    const { id, state, since: start } = lane;
    if (state === UNKNOWN) return;
    this.#emit({
      id,
      state,
      start,
      end,
      error: Math.max(lane.error, error),
      wait: state === "waiting" && lane.waits.length > 0 ? lane.waits.join(" and for ") : undefined,
      cause: state === "running" ? lane.cause : undefined,
    });
    if (state === "running") lane.cause = undefined;
  }
}

/** What a greenlet did before the first event that is known of it; `anyRan`: whether another one has run since. */
function stateBefore(kind: RecordedEvent["kind"], anyRan: boolean): Lane["state"] {
  switch (kind) {
    case "switched":
      return "queued";
    case "woken":
      return "waiting";
    case "parked":
    case "detached":
      return anyRan ? "outside" : "running";
    default:
      return UNKNOWN;
  }
}
