/**
 * A recording in the Trace Event Format of Chrome, which Perfetto loads as well: an object with `traceEvents`, times
 * in microseconds. See "Trace Event Format" (Google, 2016) and Perfetto's "Chrome JSON format".
 */
import type { RecordedEvent } from "./recorded_event.ts";
import type { Recording } from "./recording.ts";
import type { Span } from "./span.ts";
import { TraceLanes } from "./trace_lanes.ts";

/** The one process in the file. Not the real number: that of a thread must not be equal to it by chance. */
const PID = 1;
/** A piece of the text is a little longer than this. */
const PIECE_LENGTH = 32_768;
/** Times are rounded to this fraction of a millisecond: spans that touch must not overlap. */
const NS_PER_MS = 1e6;
const NS_PER_US = 1e3;
/** What is less exact than this (ms) is marked. */
const TOLERATED_ERROR = 0.1;

/** Writes the file piece by piece. Reads the recording meanwhile, which must not change. */
export function* traceJson(recording: Recording): IterableIterator<string> {
  const writer = new TraceWriter(recording);
  let separator = '{"displayTimeUnit":"ns","traceEvents":[\n';
  for (const _ of writer.steps()) {
    if (writer.length < PIECE_LENGTH) continue;
    yield separator + writer.take();
    separator = ",\n";
  }
  const other = JSON.stringify({ producer: "@verdant/green", dropped: recording.dropped });
  yield `${separator}${writer.take()}\n],"otherData":${other}}\n`;
}

class TraceWriter {
  /** How many characters are to be taken, or somewhat less. */
  length = 0;
  #events: string[] = [];
  readonly #recording: Recording;
  readonly #lanes: TraceLanes;
  /** The titles of the greenlets, in quotes. */
  readonly #titles = new Map<number, string>();
  /** What is waited for, in quotes: the same few texts over and over. */
  readonly #names = new Map<string, string>();
  /** What has the time 0. */
  readonly #origin: number;
  #lastFlow = 0;
  #alive: number;

  constructor(recording: Recording) {
    this.#recording = recording;
    this.#lanes = new TraceLanes(recording);
    this.#alive = recording.greenlets - recording.growth;
    this.#origin = recording.start;
  }

  /** What was written since the last time. */
  take(): string {
    const text = this.#events.join(",\n");
    this.#events = [];
    this.length = 0;
    return text;
  }

  /** Writes; yields after every few events. */
  *steps(): IterableIterator<void> {
    this.#metadata("process_name", 0, '{"name":"greenlets"}');
    yield* this.#bystanders();
    for (const { span, event } of this.#recording.steps()) {
      if (span !== undefined) this.#span(span);
      else this.#instant(event);
      yield;
    }
    for (const { tid, name } of this.#lanes.all()) {
      this.#metadata("thread_name", tid, `{"name":${JSON.stringify(name)}}`);
      this.#metadata("thread_sort_index", tid, `{"sort_index":${tid}}`);
      yield;
    }
  }

  *#bystanders(): IterableIterator<void> {
    const dur = this.#toNs(this.#recording.end);
    for (const { id, wait } of this.#recording.bystanders) {
      if (wait === undefined) continue;
      this.#complete(wait, "waiting", this.#lanes.of(id), 0, dur, `{"greenlet":${this.#title(id)}}`);
      yield;
    }
  }

  #span({ id, state, start, end, error, wait, cause }: Span): void {
    const ts = this.#toNs(start);
    const dur = this.#toNs(end) - ts;
    if (state === "queued" && dur === 0) return;
    const tid = this.#lanes.of(id);
    const by = cause === undefined ? "" : `,"by":${this.#title(cause.id)}`;
    const uncertainty = error > TOLERATED_ERROR ? `,"uncertainty_ms":${error}` : "";
    const args = `{"greenlet":${this.#title(id)}${by}${uncertainty}}`;
    this.#complete(nameOf(state, wait), state, tid, ts, dur, args);
    if (cause === undefined || cause.id === id) return;
    const flow = ++this.#lastFlow;
    this.#flow("s", flow, this.#lanes.of(cause.id), this.#toNs(cause.time));
    this.#flow("f", flow, tid, ts);
  }

  #instant({ kind, id, time, other }: RecordedEvent): void {
    if (kind !== "spawned" && kind !== "interrupted" && kind !== "ended") return;
    const tid = this.#lanes.of(id);
    const ts = this.#toNs(time) / NS_PER_US;
    const by = other === undefined ? "" : `,"by":${this.#title(other)}`;
    const where = `"pid":${PID},"tid":${tid},"ts":${ts}`;
    const args = `{"greenlet":${this.#title(id)}${by}}`;
    this.#add(`{"ph":"i","s":"t","name":"${kind}","cat":"greenlet",${where},"args":${args}}`);
    if (kind === "interrupted") return;
    this.#alive += kind === "spawned" ? 1 : -1;
    this.#add(
      `{"ph":"C","name":"greenlets","pid":${PID},"tid":0,"ts":${ts},"args":{"alive":${this.#alive}}}`,
    );
    if (kind === "ended") this.#lanes.release(id);
  }

  #complete(name: string, category: string, tid: number, ts: number, dur: number, args: string): void {
    const times = `"ts":${ts / NS_PER_US},"dur":${dur / NS_PER_US}`;
    const where = `"pid":${PID},"tid":${tid}`;
    this.#add(`{"ph":"X","name":${this.#quote(name)},"cat":"${category}",${where},${times},"args":${args}}`);
  }

  /** One end of an arrow. */
  #flow(phase: "s" | "f", id: number, tid: number, ts: number): void {
    const binding = phase === "f" ? ',"bp":"e"' : "";
    const where = `"pid":${PID},"tid":${tid},"ts":${ts / NS_PER_US}`;
    this.#add(`{"ph":"${phase}"${binding},"id":${id},"name":"wakes","cat":"wake",${where}}`);
  }

  #metadata(name: string, tid: number, args: string): void {
    this.#add(`{"ph":"M","name":"${name}","pid":${PID},"tid":${tid},"args":${args}}`);
  }

  #add(event: string): void {
    this.#events.push(event);
    this.length += event.length;
  }

  #title(id: number): string {
    let title = this.#titles.get(id);
    if (title === undefined) this.#titles.set(id, title = JSON.stringify(this.#recording.titleOf(id)));
    return title;
  }

  #quote(name: string): string {
    let quoted = this.#names.get(name);
    if (quoted === undefined) this.#names.set(name, quoted = JSON.stringify(name));
    return quoted;
  }

  #toNs(time: number): number {
    return Math.round((time - this.#origin) * NS_PER_MS);
  }
}

function nameOf(state: Span["state"], wait: string | undefined): string {
  if (state === "outside") return "a promise that is not the library's own";
  return state === "waiting" ? wait ?? "waiting" : state;
}
