import type { Task } from "../../../hub/mod.ts";
import {
  ENTRY_WORDS,
  FLAGS,
  LABEL,
  MAY_BLOCK,
  NUMBERED,
  PROBES,
  SITE,
  SPAWNED_OUTSIDE,
  SPAWNER,
  SPAWNER_ENDED,
  SPAWNER_LABEL,
  SPAWNER_NUMBERED,
  WAIT,
} from "./heartbeat.ts";
import type { MonitorTexts } from "./monitor_texts.ts";

const DASH = "-".charCodeAt(0);
const ZERO = "0".charCodeAt(0);

/**
 * What is to be said of each greenlet, in shared memory: whoever reads it cannot ask, as the thread is blocked.
 *
 * Each has one of {@linkcode PROBES} slots, beginning with that of its number. If others that live longer have
 * all of them, it has none, and only its number is known.
 */
export class MonitorTable {
  readonly #entries: Int32Array;
  readonly #texts: MonitorTexts;
  readonly #mask: number;

  /** Takes memory over that is all zero; the number of its slots is a power of two. */
  constructor(entries: Int32Array, texts: MonitorTexts) {
    this.#entries = entries;
    this.#texts = texts;
    this.#mask = entries.length / ENTRY_WORDS - 1;
  }

  /** Enters a greenlet, unless it has no slot. */
  add(task: Task): void {
    const entry = this.#find(0, task.id);
    if (entry < 0) return;
    let epoch: number;
    do { // a text may have wiped those before it away
      epoch = this.#texts.epoch;
      this.#describe(task, entry);
    } while (epoch !== this.#texts.epoch);
    this.#entries[entry] = task.id;
  }

  /** Forgets a greenlet. */
  remove(task: Task): void {
    const entry = this.#find(task.id, task.id);
    if (entry >= 0) this.#entries[entry] = 0;
  }

  /** What it waits for: the index of a text. Costs each wait: one that has not its first slot goes without. */
  setWait(task: Task, code: number): void {
    const { id } = task;
    const entry = (id & this.#mask) * ENTRY_WORDS;
    if (this.#entries[entry] === id) this.#entries[entry + WAIT] = code;
  }

  /** Forgets all. */
  clear(): void {
    this.#entries.fill(0);
  }

  /** Whether it may block. If it has no slot, it takes that of another. */
  setMayBlock(task: Task, mayBlock: boolean): void {
    let entry = this.#find(task.id, task.id);
    if (entry < 0 && mayBlock) {
      if (this.#find(0, task.id) < 0) this.#entries[(task.id & this.#mask) * ENTRY_WORDS] = 0;
      this.add(task);
      entry = this.#find(task.id, task.id);
    }
    if (entry < 0) return;
    if (mayBlock) this.#entries[entry + FLAGS]! |= MAY_BLOCK;
    else this.#entries[entry + FLAGS]! &= ~MAY_BLOCK;
  }

  #describe(task: Task, entry: number): void {
    const entries = this.#entries;
    const { origin, hub } = task;
    let flags = this.#putLabel(task, entry + LABEL) ? NUMBERED : 0;
    if (origin === undefined) {
      entries[entry + SPAWNER] = SPAWNED_OUTSIDE;
    } else if (origin.spawner === undefined) {
      entries[entry + SPAWNER] = SPAWNER_ENDED;
    } else {
      entries[entry + SPAWNER] = origin.spawner.id;
      if (this.#putLabel(origin.spawner, entry + SPAWNER_LABEL)) flags |= SPAWNER_NUMBERED;
    }
    entries[entry + FLAGS] = flags;
    entries[entry + SITE] = hub.debug ? this.#siteOf(task) : 0;
    entries[entry + WAIT] = 0;
  }

  /**
   * Greenlets without a name have a label that is a new text for each: the number in it is left out.
   *
   * @returns Whether it was.
   */
  #putLabel(task: Task, place: number): boolean {
    const { label } = task;
    const kind = task.constructor.name;
    const numbered = looksNumbered(label, kind, task.id);
    this.#entries[place] = this.#texts.codeOf(numbered ? kind : label);
    return numbered;
  }

  #siteOf({ spawnStack }: Task): number {
    const site = spawnStack === undefined ? undefined : firstPlace(spawnStack);
    return site === undefined ? 0 : this.#texts.codeOf(site);
  }

  /** The slot of `id` in which `wanted` stands; below 0 if there is none. */
  #find(wanted: number, id: number): number {
    const entries = this.#entries;
    for (let probe = 0; probe < PROBES; probe++) {
      const entry = (id + probe & this.#mask) * ENTRY_WORDS;
      if (entries[entry] === wanted) return entry;
    }
    return -1;
  }
}

/** Whether a label is `kind-id`, as far as that can be told without making another text (100 ns). */
function looksNumbered(label: string, kind: string, id: number): boolean {
  let length = kind.length + 2;
  for (let power = 10; power <= id; power *= 10) length++;
  return label.length === length && label.charCodeAt(kind.length) === DASH &&
    label.charCodeAt(length - 1) === ZERO + id % 10 && label.charCodeAt(0) === kind.charCodeAt(0);
}

/** The file and line of the first frame of a stack. */
export function firstPlace(stack: string): string | undefined {
  return /[^\s(]+:\d+:\d+/.exec(stack)?.[0];
}
