/** What a monitored thread and the worker that watches it share. */

/** Views on shared memory: written by the monitored thread, read by the worker, except where it says otherwise. */
export interface Heartbeat {
  /** See {@linkcode CELLS}. */
  readonly cells: Int32Array<SharedArrayBuffer>;
  /** Milliseconds on the clock of the monitored thread; see {@linkcode TIMES}. */
  readonly times: Float64Array<SharedArrayBuffer>;
  /** The greenlets, by number: {@linkcode SLOTS} times {@linkcode ENTRY_WORDS}. */
  readonly entries: Int32Array<SharedArrayBuffer>;
  /** Texts, each behind its length. What refers to one is its index; 0 stands for none. */
  readonly texts: Uint16Array<SharedArrayBuffer>;
  /** What was last said of a block. Written by the worker. */
  readonly line: Uint16Array<SharedArrayBuffer>;
}

// Constants rather than an object: they are read at each switch.

/** Not 0: the worker is to end. */
export const STOP: number = 0;
/** How often the event loop was seen to turn. */
export const BEATS: number = 1;
/** The number of the greenlet that runs; 0 for code outside greenlets. */
export const WHO: number = 2;
/** Not 0: there is more to be done at each switch. See {@linkcode ALARM} and {@linkcode DEBUG}. */
export const ATTENTION: number = 3;
/** What {@linkcode WHO} was at the alarm. Set by the worker, with it. */
export const SUSPECT: number = 4;
/** What the suspect had waited for: the index of a text. */
export const SUSPECT_WAIT: number = 5;
/** How long the line is. */
export const LINE_LENGTH: number = 6;
/** Not 0: code outside greenlets may block. */
export const OUTSIDE_MAY_BLOCK: number = 7;
/** Not 0: the worker watches. Set there. */
export const WATCHING: number = 8;

/** In {@linkcode ATTENTION}: the loop is said to be blocked. Set by the worker, cleared by the monitored thread. */
export const ALARM: number = 1;
/** In {@linkcode ATTENTION}: everything is to be written down that is known of a wait. */
export const DEBUG: number = 2;

/** When the event loop was last seen to turn. */
export const BEAT_AT: number = 0;
/** Since when the loop is blocked. Set by the worker, with the alarm. */
export const BLOCKED_SINCE: number = 1;
/** Since when the suspect has run. */
export const HELD_SINCE: number = 2;

/** So many greenlets have a name while they block. Untouched memory costs nothing. */
export const SLOTS: number = 2 ** 15;
/** A greenlet is in one of so many slots, beginning with that of its number. */
export const PROBES = 8;
/** The size of a slot. It begins with the number of the greenlet; 0 if it is free. */
export const ENTRY_WORDS = 8;
/** The index of its label. */
export const LABEL = 1;
/** See {@linkcode NUMBERED}, {@linkcode SPAWNER_NUMBERED} and {@linkcode MAY_BLOCK}. */
export const FLAGS = 2;
/** The number of its spawner, {@linkcode SPAWNED_OUTSIDE} or {@linkcode SPAWNER_ENDED}. */
export const SPAWNER = 3;
/** The index of the label of that. */
export const SPAWNER_LABEL = 4;
/** The index of where it was spawned. */
export const SITE = 5;
/** The index of what it waited for the last time. */
export const WAIT = 6;
/** In {@linkcode FLAGS}: its number is to be added to the label. */
export const NUMBERED = 1;
/** In {@linkcode FLAGS}: the same with its spawner. */
export const SPAWNER_NUMBERED = 2;
/** In {@linkcode FLAGS}: it may block. */
export const MAY_BLOCK = 4;
/** There is no spawner. */
export const SPAWNED_OUTSIDE = 0;
/** The spawner is not known any more. */
export const SPAWNER_ENDED: number = -1;
const CHARS = 2 ** 16;
const MAX_LINE = 2_000;

/** The numbers above, for the worker: its program is sent as text, without what is around it. */
export const LAYOUT: Layout = {
  stop: STOP,
  beats: BEATS,
  who: WHO,
  attention: ATTENTION,
  suspect: SUSPECT,
  suspectWait: SUSPECT_WAIT,
  lineLength: LINE_LENGTH,
  outsideMayBlock: OUTSIDE_MAY_BLOCK,
  watching: WATCHING,
  alarm: ALARM,
  beatAt: BEAT_AT,
  blockedSince: BLOCKED_SINCE,
  heldSince: HELD_SINCE,
  probes: PROBES,
  words: ENTRY_WORDS,
  label: LABEL,
  flags: FLAGS,
  spawner: SPAWNER,
  spawnerLabel: SPAWNER_LABEL,
  site: SITE,
  wait: WAIT,
  numbered: NUMBERED,
  spawnerNumbered: SPAWNER_NUMBERED,
  mayBlock: MAY_BLOCK,
};

/** See {@linkcode LAYOUT}. */
export type Layout = Readonly<
  Record<
    | "stop"
    | "beats"
    | "who"
    | "attention"
    | "suspect"
    | "suspectWait"
    | "lineLength"
    | "outsideMayBlock"
    | "watching"
    | "alarm"
    | "beatAt"
    | "blockedSince"
    | "heldSince"
    | "probes"
    | "words"
    | "label"
    | "flags"
    | "spawner"
    | "spawnerLabel"
    | "site"
    | "wait"
    | "numbered"
    | "spawnerNumbered"
    | "mayBlock",
    number
  >
>;

/** Memory for one monitor: 1.2 MB of address space, of which the system provides what is touched. */
export function makeHeartbeat(slots: number = SLOTS, chars: number = CHARS): Heartbeat {
  return {
    cells: new Int32Array(new SharedArrayBuffer(16 * 4)),
    times: new Float64Array(new SharedArrayBuffer(4 * 8)),
    entries: new Int32Array(new SharedArrayBuffer(slots * ENTRY_WORDS * 4)),
    texts: new Uint16Array(new SharedArrayBuffer(chars * 2)),
    line: new Uint16Array(new SharedArrayBuffer(MAX_LINE * 2)),
  };
}

/** The last line that the worker has published. */
export function readLine({ cells, line }: Heartbeat): string {
  return String.fromCharCode(...line.subarray(0, cells[LINE_LENGTH]));
}
