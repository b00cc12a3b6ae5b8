import type { Recording } from "./recording.ts";

/** One line of the picture. */
export interface TraceLane {
  readonly tid: number;
  readonly name: string;
}

interface Entry {
  readonly tid: number;
  readonly label: string;
  /** Its only greenlet; `undefined` once it had several. */
  only: number | undefined;
}

/** The number of the line of the code outside greenlets, equal to that of the process: Perfetto puts it first. */
const ROOT_TID = 1;

/**
 * Gives each greenlet a line of its own while it lives. When it has ended, the next one of the same name may have the
 * line: ten thousand short requests are as many lines as ran at once.
 */
export class TraceLanes {
  readonly #recording: Recording;
  readonly #entries: Entry[] = [];
  readonly #taken = new Map<number, Entry>();
  /** Lines nobody has, by the name of those who had them. */
  readonly #free = new Map<string, Entry[]>();

  constructor(recording: Recording) {
    this.#recording = recording;
  }

  /** The line of a greenlet. */
  of(id: number): number {
    return (this.#taken.get(id) ?? this.#take(id)).tid;
  }

  /** The greenlet has ended. */
  release(id: number): void {
    const entry = this.#taken.get(id); // it stays there: an arrow may still have to start at it
    if (entry === undefined) return;
    const free = this.#free.get(entry.label);
    if (free === undefined) this.#free.set(entry.label, [entry]);
    else free.push(entry);
  }

  /** All lines there were. */
  *all(): IterableIterator<TraceLane> {
    for (const { tid, label, only } of this.#entries) {
      yield { tid, name: only === undefined ? label : this.#recording.titleOf(only) };
    }
  }

  #take(id: number): Entry {
    const label = this.#recording.labelOf(id);
    let entry = this.#free.get(label)?.pop();
    if (entry === undefined) {
      const tid = id === this.#recording.root ? ROOT_TID : ROOT_TID + 1 + this.#entries.length;
      entry = { tid, label, only: id };
      this.#entries.push(entry);
    } else {
      entry.only = undefined;
    }
    this.#taken.set(id, entry);
    return entry;
  }
}
