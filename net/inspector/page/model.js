export const STATES = ["running", "queued", "waiting", "detached", "delayed"];
export const STUCK = 1;
export const KILLED = 2;
export const KILL_PENDING = 4;

/** How many parts of the strip are kept: ten seconds. */
export const PARTS = 1000;
/** How many updates the sparklines show. */
export const SAMPLES = 60;

/** What is known of the program: grows by the updates of the feed. */
export class Model {
  /** The greenlets by their numbers. */
  rows = new Map();
  /** The last update; `undefined` before the first. */
  last = undefined;
  /** Who ran: `{ part, shares: [{ name, id, time }] }`, times in microseconds. */
  parts = [];
  /** `{ lag, runnable }` for each update. */
  samples = [];

  apply(update) {
    const { texts, rows, gone, strip, stats, lag } = update;
    if (update.full) {
      this.rows = new Map();
      this.parts = [];
      this.samples = [];
    }
    const text = (index) => texts[index] ?? "";
    for (const row of rows) this.rows.set(row[0], rowOf(row, text));
    for (const id of gone) this.rows.delete(id);
    for (const bucket of strip.buckets) this.parts.push(partOf(bucket, text));
    const oldest = strip.current - PARTS;
    const kept = this.parts.findIndex(({ part }) => part >= oldest);
    this.parts = kept < 0 ? [] : this.parts.slice(kept);
    this.samples = [...this.samples, { lag, runnable: stats.runnable }].slice(-SAMPLES);
    this.last = update;
  }

  /** What is known now, and stays so. */
  freeze() {
    const copy = new Model();
    copy.rows = new Map(this.rows); // a row is never changed, only replaced
    copy.last = this.last;
    copy.parts = this.parts.slice();
    copy.samples = this.samples;
    return copy;
  }

  /** How many there are in each state, and `stuck`. */
  count() {
    const counts = { stuck: 0 };
    for (const state of STATES) counts[state] = 0;
    for (const { state, flags } of this.rows.values()) {
      counts[state]++;
      if (flags & STUCK) counts.stuck++;
    }
    return counts;
  }
}

function rowOf([id, name, state, spawner, waitsFor, since, flags, blockers, switches, waits, held], text) {
  return {
    id,
    name: text(name),
    state: STATES[state],
    spawner,
    waitsFor: text(waitsFor),
    since,
    flags,
    blockers: blockers || [],
    switches,
    waits,
    held,
  };
}

function partOf([part, ...numbers], text) {
  const shares = [];
  for (let at = 0; at < numbers.length; at += 3) {
    shares.push({ name: text(numbers[at]), id: numbers[at + 1], time: numbers[at + 2] });
  }
  return { part, shares };
}
