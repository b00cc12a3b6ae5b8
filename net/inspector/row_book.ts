import type { GreenletSnapshot, Snapshot, WaitSnapshot } from "../../hub/mod.ts";
import { cut, KILL_PENDING, KILLED, STATES, STUCK, type TextTable, type WireRow } from "./wire.ts";

/** Characters of a name, and of what is waited for. */
const MAX_NAME = 120;
const MAX_WAITS = 160;
/** By how much (ms) snapshots may differ in their opinion of when a wait began: twice the resolution of ages. */
const SINCE_TOLERANCE = 40;
/** More that have ended are not remembered: a client that is so far behind gets everything. */
const MAX_GONE = 10_000;

/** A greenlet as it was last seen. */
class Row {
  version = 0;
  name = "";
  state = 0;
  spawner = -1;
  waitsFor = "";
  since = 0;
  flags = 0;
  blockers: readonly number[] = [];
  switches = -1;
  waits = 0;
  held = 0;

  constructor(readonly id: number) {}

  /** Takes over what is seen now. */
  see(seen: GreenletSnapshot, takenAt: number, tolerance: number, version: number): void {
    const { name, spawner = -1, waits, counters } = seen;
    const state = STATES.indexOf(seen.state);
    const waitsFor = waitsInWords(waits);
    const since = this.#sinceOf(waits[0], takenAt, tolerance, waitsFor);
    const flags = flagsOf(seen);
    const blockers = waits.length === 1 ? waits[0]!.blockers : waits.flatMap((wait) => wait.blockers);
    const switches = counters?.switches ?? -1;
    if (
      this.version > 0 && name === this.name && state === this.state && spawner === this.spawner &&
      waitsFor === this.waitsFor && since === this.since && flags === this.flags &&
      switches === this.switches &&
      alike(blockers, this.blockers)
    ) return;
    Object.assign(this, { version, name, state, spawner, waitsFor, since, flags, blockers, switches });
    this.waits = counters?.waits ?? 0;
    this.held = Math.round((counters?.held ?? 0) * 1000);
  }

  toWire(texts: TextTable): WireRow {
    const { id, state, spawner, since, flags, blockers, switches, waits, held } = this;
    const name = texts.add(cut(this.name, MAX_NAME));
    const waitsFor = texts.add(cut(this.waitsFor, MAX_WAITS));
    const known = blockers.length === 0 ? 0 : blockers;
    return switches < 0
      ? [id, name, state, spawner, waitsFor, since, flags, known]
      : [id, name, state, spawner, waitsFor, since, flags, known, switches, waits, held];
  }

  #sinceOf(wait: WaitSnapshot | undefined, takenAt: number, tolerance: number, waitsFor: string): number {
    if (wait?.since === undefined) return 0;
    const since = Math.round(takenAt - wait.since);
    const same = waitsFor === this.waitsFor && Math.abs(since - this.since) <= tolerance;
    return same ? this.since : since;
  }
}

/**
 * All greenlets as they were last seen, with what has changed when.
 *
 * Invariant: a row's version is that of the look that found it changed, so that those with a version above that of
 * a client's last update are what the client is to be told, however many updates it has missed.
 */
export class RowBook {
  readonly #rows = new Map<number, Row>();
  #version = 0;
  #gone: { readonly version: number; readonly id: number }[] = [];
  /** Of what ended up to this version, not all is in `#gone`. */
  #forgotten = 0;

  /** That of the last look; 0 before the first. */
  get version(): number {
    return this.#version;
  }

  /**
   * Looks at what is there now.
   *
   * @param duration How long (ms) the snapshot took: ages in it may be wrong by as much.
   */
  see({ greenlets, takenAt }: Pick<Snapshot, "greenlets" | "takenAt">, duration: number): void {
    const version = ++this.#version;
    const tolerance = SINCE_TOLERANCE + duration;
    const rows = this.#rows;
    const seen = new Set<number>();
    for (const greenlet of greenlets) {
      const { id } = greenlet;
      seen.add(id);
      let row = rows.get(id);
      if (row === undefined) rows.set(id, row = new Row(id));
      row.see(greenlet, takenAt, tolerance, version);
    }
    if (seen.size < rows.size) this.#dropUnseen(seen);
  }

  /** Whether a client that knows a version can be told what has changed since. */
  knows(version: number): boolean {
    return version > 0 && version >= this.#forgotten && version <= this.#version;
  }

  /** The rows that have changed after a version. */
  changedSince(version: number, texts: TextTable): WireRow[] {
    const changed: WireRow[] = [];
    for (const row of this.#rows.values()) if (row.version > version) changed.push(row.toWire(texts));
    return changed;
  }

  /** The numbers of those that ended after a version. */
  goneSince(version: number): number[] {
    return this.#gone.filter((gone) => gone.version > version).map(({ id }) => id);
  }

  #dropUnseen(seen: ReadonlySet<number>): void {
    for (const id of this.#rows.keys()) {
      if (seen.has(id)) continue;
      this.#rows.delete(id);
      this.#gone.push({ version: this.#version, id });
    }
    const surplus = this.#gone.length - MAX_GONE;
    if (surplus <= 0) return;
    this.#forgotten = this.#gone[surplus - 1]!.version;
    this.#gone = this.#gone.slice(surplus);
  }
}

/** `"Lock(accounts) acquire"`: without what changes by itself, such as the time that is left. */
function waitsInWords(waits: readonly WaitSnapshot[]): string {
  if (waits.length === 1) return waits[0]!.title;
  return waits.slice(0, 4).map(({ title }) => title).join(" + ") +
    (waits.length > 4 ? ` + ${waits.length - 4} more` : "");
}

function flagsOf({ stuck, kills, killPending }: GreenletSnapshot): number {
  return (stuck ? STUCK : 0) | (kills > 0 ? KILLED : 0) | (killPending ? KILL_PENDING : 0);
}

function alike(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((id, i) => id === other[i]);
}
