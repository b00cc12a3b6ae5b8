/** The rules of the "Trace Event Format" (Google, 2016), as far as the phases go that a timeline writes. */

/** One entry of `traceEvents`. */
export interface TraceEvent {
  readonly ph: string;
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly cat?: string;
  readonly ts?: number;
  readonly dur?: number;
  readonly id?: number;
  readonly bp?: string;
  readonly s?: string;
  readonly args?: Record<string, unknown>;
}

const PHASES = new Set(["M", "X", "i", "s", "f", "C"]);
const METADATA: Record<string, string> = {
  process_name: "name",
  thread_name: "name",
  thread_sort_index: "sort_index",
};

/** Parses a file; throws if it breaks a rule. */
export function checkTrace(text: string): TraceEvent[] {
  const file = JSON.parse(text) as { traceEvents: TraceEvent[]; displayTimeUnit: string };
  if (!Array.isArray(file.traceEvents)) throw new Error("traceEvents must be an array");
  if (!["ms", "ns"].includes(file.displayTimeUnit)) throw new Error("displayTimeUnit must be ms or ns");
  file.traceEvents.forEach(checkEvent);
  checkNames(file.traceEvents);
  checkSlices(file.traceEvents);
  checkFlows(file.traceEvents);
  checkCounters(file.traceEvents);
  return file.traceEvents;
}

function fail(event: TraceEvent, rule: string): never {
  throw new Error(`${rule}: ${JSON.stringify(event)}`);
}

function checkEvent(event: TraceEvent): void {
  const { ph, name, pid, tid, ts, dur } = event;
  if (!PHASES.has(ph)) fail(event, "ph must be known");
  if (typeof name !== "string" || name === "") fail(event, "name must be a text");
  if (!Number.isInteger(pid) || !Number.isInteger(tid)) fail(event, "pid and tid must be integers");
  if (ph !== "M" && !(Number.isFinite(ts) && ts! >= 0)) fail(event, "ts must be 0 or more");
  if (ph === "X" && !(Number.isFinite(dur) && dur! >= 0)) fail(event, "dur must be 0 or more");
  if (ph === "i" && !["g", "p", "t"].includes(event.s!)) fail(event, "s must be g, p or t");
  if (ph === "M" && event.args?.[METADATA[name]!] === undefined) {
    fail(event, "metadata must have their argument");
  }
  if ("sf".includes(ph) && (event.id === undefined || !event.cat)) fail(event, "flows must have id and cat");
}

function checkNames(events: TraceEvent[]): void {
  const named = new Set(
    events.filter(({ ph, name }) => ph === "M" && name === "thread_name").map(({ tid }) => tid),
  );
  for (const event of events) {
    if (event.ph === "X" && !named.has(event.tid)) fail(event, "its thread must have a name");
  }
  if (!events.some(({ ph, name }) => ph === "M" && name === "process_name")) {
    throw new Error("the process must have a name");
  }
}

const ns = (us: number) => Math.round(us * 1000);

/** Slices of one thread must be apart or one inside the other. Ours are apart. */
function checkSlices(events: TraceEvent[]): void {
  for (const slices of byThread(events).values()) {
    let end = 0;
    for (const slice of slices) {
      if (ns(slice.ts!) < end) fail(slice, "slices must not overlap");
      end = ns(slice.ts!) + ns(slice.dur!);
    }
  }
}

function byThread(events: TraceEvent[]): Map<number, TraceEvent[]> {
  const slices = events.filter(({ ph }) => ph === "X");
  const threads = Map.groupBy(slices, ({ tid }) => tid);
  for (const list of threads.values()) list.sort((a, b) => a.ts! - b.ts! || a.dur! - b.dur!);
  return threads;
}

/** Each arrow has one start and one end, not before it, and each of these lies in a slice. */
function checkFlows(events: TraceEvent[]): void {
  const threads = byThread(events);
  const starts = new Map<string, TraceEvent>();
  const key = ({ cat, name, id }: TraceEvent) => `${cat} ${name} ${id}`;
  for (const event of events) {
    if (event.ph !== "s") continue;
    if (starts.has(key(event))) fail(event, "a flow must start once");
    starts.set(key(event), event);
  }
  for (const event of events) {
    if (event.ph !== "s" && event.ph !== "f") continue;
    const at = ns(event.ts!);
    const inside = ({ ts, dur, cat }: TraceEvent) =>
      cat === "running" && ns(ts!) <= at && at <= ns(ts!) + ns(dur!);
    if (!threads.get(event.tid)?.some(inside)) fail(event, "a flow must be bound to a run");
    if (event.ph === "s") continue;
    if (event.bp !== "e") fail(event, "a flow must end in the enclosing slice");
    const start = starts.get(key(event));
    if (start === undefined) fail(event, "a flow that ends must have started");
    if (ns(start.ts!) > at) fail(event, "a flow must not go back in time");
    starts.delete(key(event));
  }
  for (const start of starts.values()) fail(start, "a flow must end");
}

function checkCounters(events: TraceEvent[]): void {
  let last = 0;
  for (const event of events) {
    if (event.ph !== "C") continue;
    const values = Object.values(event.args ?? {});
    if (values.length === 0 || !values.every(Number.isFinite)) fail(event, "a counter must have numbers");
    if (event.ts! < last) fail(event, "a counter must not go back in time");
    if (values.some((value) => (value as number) < 0)) fail(event, "there are no fewer than none");
    last = event.ts!;
  }
}
