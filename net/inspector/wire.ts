/** What goes over the wire to the page: short names and arrays, because there may be 10,000 rows. */
import type { Deadlock, GreenletState, HubStats } from "../../hub/mod.ts";

/** The states by their numbers on the wire. */
export const STATES: readonly GreenletState[] = ["running", "queued", "waiting", "detached", "delayed"];

/** Part of a cycle, or behind one. */
export const STUCK = 1;
/** A kill was delivered. */
export const KILLED = 2;
/** An exception is on its way. */
export const KILL_PENDING = 4;

/** The number of a text in {@linkcode Update.texts}; -1 for none. */
export type TextIndex = number;

/** A greenlet. */
export type WireRow = readonly [
  id: number,
  name: TextIndex,
  state: number,
  /** -1 if nobody has spawned it, or who did has ended. */
  spawner: number,
  waitsFor: TextIndex,
  /** When its wait began (ms since 1970); 0 if it does not wait, or that is not known. */
  since: number,
  flags: number,
  /** The numbers of those who keep it waiting; 0 for none. */
  blockers: readonly number[] | 0,
  /** The last three only while they are counted. */
  switches?: number,
  waits?: number,
  /** Microseconds. */
  held?: number,
];

/** A part of the strip: its number, then for each who ran the most in it the name, the number and how long (µs). */
export type WireBucket = readonly number[];

/** What has changed since the last one that the client was sent. */
export interface Update {
  /** Whether the client is to forget what it knows. */
  readonly full: boolean;
  /** When it was taken (ms since 1970). */
  readonly takenAt: number;
  /** How long (ms) it is until the next. */
  readonly interval: number;
  /** Whether the client may kill. */
  readonly mayKill: boolean;
  /** Whether the greenlets are listed: not if there are too many. */
  readonly listed: boolean;
  readonly stats: HubStats;
  /** Per second. */
  readonly rates: { readonly spawned: number; readonly switches: number; readonly turns: number };
  /** How late (ms) the event loop was at worst. */
  readonly lag: number;
  readonly texts: readonly string[];
  /** Those that are new or have changed. */
  readonly rows: readonly WireRow[];
  /** The numbers of those that have ended. */
  readonly gone: readonly number[];
  readonly deadlocks: readonly Pick<Deadlock, "greenlets" | "report">[];
  /** Who ran. */
  readonly strip: {
    /** How long (ms) a part is. */
    readonly width: number;
    /** The number of the part that is under way. */
    readonly current: number;
    readonly buckets: readonly WireBucket[];
  };
}

/** Gives texts their numbers within one update. */
export class TextTable {
  readonly texts: string[] = [];
  readonly #numbers = new Map<string, TextIndex>();

  /** The number of a text; -1 for an empty one. */
  add(text: string): TextIndex {
    if (text === "") return -1;
    let number = this.#numbers.get(text);
    if (number === undefined) {
      number = this.texts.push(text) - 1;
      this.#numbers.set(text, number);
    }
    return number;
  }
}

/** Cuts a text that is longer than `limit` characters. */
export function cut(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 1)}…`;
}
