import { type Hub, shortName, type Task, waitTitle } from "../../../hub/mod.ts";
import type { EventRing } from "./event_ring.ts";
import { type EventTimes, timesOf } from "./event_times.ts";
import type { RecordedEvent } from "./recorded_event.ts";
import type { Span } from "./span.ts";
import { SpanBuilder } from "./span_builder.ts";

/** At most so many greenlets to which nothing happened are listed. */
const MAX_BYSTANDERS = 1_000;
const FOREIGN = "a promise that is not the library's own";

/** A greenlet that was there, and to which nothing has happened. */
export interface Bystander {
  readonly id: number;
  /** What it waits for; `undefined` if it is to be started later. */
  readonly wait: string | undefined;
}

/** An event, or a span and the event that ends it, if one does. */
export type Step =
  | { readonly span: undefined; readonly event: RecordedEvent }
  | { readonly span: Span; readonly event: RecordedEvent | undefined };

/** The events of a ring, put into words. Reads the ring when asked: nothing may have been added since. */
export class Recording {
  /** When it was made (ms on the hub's clock). */
  readonly end: number;
  /** How many greenlets there were then. */
  readonly greenlets: number;
  /** The number of the code outside greenlets. */
  readonly root: number;
  readonly #ring: EventRing;
  readonly #labels = new Map<number, string>();
  readonly #bystanders: Bystander[] = [];
  #growth = 0;
  #start: number | undefined = undefined;

  /**
   * Makes one of what there is now.
   *
   * @param ring The events.
   * @param hub Whose events: asked for the names of the greenlets there are.
   */
  constructor(ring: EventRing, hub: Hub) {
    this.#ring = ring;
    this.end = hub.now();
    this.greenlets = hub.stats().greenlets;
    this.root = hub.root.id;
    const concerned = this.#readIds();
    this.#labels.set(this.root, shortName(hub.root));
    for (const task of hub.tasks()) this.#meet(task, concerned);
  }

  /** How many events were overwritten. */
  get dropped(): number {
    return this.#ring.dropped;
  }

  /** Greenlets to which nothing happened meanwhile, the first thousand. */
  get bystanders(): readonly Bystander[] {
    return this.#bystanders;
  }

  /** The name of a greenlet. */
  labelOf(id: number): string {
    return this.#labels.get(id) ?? `Greenlet-${id}`;
  }

  /** `"#5 transfer"`, `"the main flow"`. */
  titleOf(id: number): string {
    return id === this.root ? this.labelOf(id) : `#${id} ${this.labelOf(id)}`;
  }

  /** The events, oldest first. */
  *events(since: number = -Infinity): IterableIterator<RecordedEvent> {
    const times = timesOf(this.#ring, since, this.end);
    for (let index = times.from; index < this.#ring.size; index++) yield this.#event(index, times);
  }

  /** The time of the oldest event (ms on the hub's clock); that of the end, if there is none. */
  get start(): number {
    return this.#start ?? this.end;
  }

  /** How many more greenlets there are at the end than at the first of the events. */
  get growth(): number {
    return this.#growth;
  }

  /** What the greenlets did, in the order in which it ended. */
  *spans(since: number = -Infinity): IterableIterator<Span> {
    for (const { span } of this.steps(since)) if (span !== undefined) yield span;
  }

  /** The events, and before each of them the spans that end with it; those that go on come last. */
  *steps(since: number = -Infinity): IterableIterator<Step> {
    const spans: Span[] = [];
    let builder: SpanBuilder | undefined;
    for (const event of this.events(since)) {
      builder ??= new SpanBuilder(event.time, this.root, (span) => spans.push(span));
      builder.add(event);
      for (const span of spans) yield { span, event };
      spans.length = 0;
      yield { span: undefined, event };
    }
    builder?.finish(this.end);
    for (const span of spans) yield { span, event: undefined };
  }

  #event(index: number, { times, errors }: EventTimes): RecordedEvent {
    const ring = this.#ring;
    const kind = ring.kindAt(index);
    return {
      kind,
      id: ring.idAt(index),
      time: times[index]!,
      error: errors[index]!,
      other: kind === "switched" || kind === "detached" || kind === "ended" ? undefined : ring.otherAt(index),
      wait: kind === "parked" ? this.#describeWait(index) : undefined,
    };
  }

  #describeWait(index: number): string {
    const ring = this.#ring;
    const task = ring.otherAt(index);
    if (task !== undefined) return `the end of ${this.titleOf(task)}`;
    const subject = ring.subjectAt(index);
    return subject === undefined ? ring.textAt(index) : `${subject} ${ring.textAt(index)}`;
  }

  /** Takes the names of those who have ended; returns all to whom something happened. */
  #readIds(): Set<number> {
    const ids = new Set<number>();
    const ring = this.#ring;
    for (let index = 0; index < ring.size; index++) {
      const id = ring.idAt(index);
      const kind = ring.kindAt(index);
      ids.add(id);
      if (kind === "ended") this.#labels.set(id, ring.textAt(index));
      // Those before the oldest look at the clock are left out.
      if (this.#start === undefined && ring.exactAt(index)) this.#start = ring.timeAt(index);
      if (this.#start === undefined) continue;
      if (kind === "spawned") this.#growth++;
      if (kind === "ended") this.#growth--;
    }
    return ids;
  }

  #meet(task: Task, concerned: Set<number>): void {
    this.#labels.set(task.id, task.label);
    if (concerned.has(task.id) || this.#bystanders.length === MAX_BYSTANDERS) return;
    const waits = task.allWaits().map(({ source }) => waitTitle(source)).join(" and for ");
    this.#bystanders.push({
      id: task.id,
      wait: waits || (task.startsAt === undefined ? FOREIGN : undefined),
    });
  }
}
