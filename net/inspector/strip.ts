import { cut, type TextTable, type WireBucket } from "./wire.ts";

/** Who runs. */
export interface Runner {
  readonly id: number;
  readonly label: string;
}

interface Share extends Runner {
  /** Milliseconds. */
  time: number;
}

/** How long (ms) a part is: a pixel or two. */
const WIDTH = 10;
/** How many parts are kept: ten seconds. */
const KEPT = 1_000;
/** How many are named in a part; the others are one. */
const NAMED = 4;
const MAX_LABEL = 60;
/** The number of those who are not named. */
const OTHERS = -1;

/**
 * Who ran in the last seconds, in parts of equal length: however often they switch, what is kept and sent is
 * bounded. Parts in which nobody ran are left out.
 */
export class Strip {
  /** How long (ms) a part is. */
  readonly width: number = WIDTH;
  /** The parts that are over: who ran the most in them. In order, because time is. */
  readonly #sealed = new Map<number, readonly Share[]>();
  /** Those that are not known to be over: all who ran, by their numbers. In order. */
  readonly #open = new Map<number, Map<number, Share>>();
  /** The last of them. */
  #part = -1;
  #shares: Map<number, Share> = new Map();

  /** The part that a time (ms) is in. */
  partAt(time: number): number {
    return Math.floor(time / WIDTH);
  }

  /** Somebody ran from one time to another (ms), which is not before that of the last call. */
  add(runner: Runner, from: number, to: number): void {
    const last = this.partAt(to);
    const first = Math.max(this.partAt(from), last - KEPT);
    if (first === last) return this.#addTo(last, runner, to - from);
    this.#addTo(first, runner, Math.min((first + 1) * WIDTH - from, WIDTH));
    for (let part = first + 1; part < last; part++) this.#addTo(part, runner, WIDTH);
    if (to > last * WIDTH) this.#addTo(last, runner, to - last * WIDTH);
  }

  /** Settles the parts that are over at a time (ms), and forgets those that are too old to be shown. */
  seal(now: number): void {
    const current = this.partAt(now);
    for (const [part, shares] of this.#open) {
      if (part >= current) break;
      this.#sealed.set(part, largest(shares));
      this.#open.delete(part);
    }
    if (!this.#open.has(this.#part)) this.#part = -1;
    for (const part of this.#sealed.keys()) {
      if (part >= current - KEPT) break;
      this.#sealed.delete(part);
    }
  }

  /** The sealed parts from one up to another, which is not among them. */
  between(from: number, to: number, texts: TextTable): WireBucket[] {
    const buckets: WireBucket[] = [];
    for (const [part, shares] of this.#sealed) {
      if (part < from || part >= to) continue;
      const bucket = [part];
      for (const { id, label, time } of shares) {
        bucket.push(texts.add(cut(label, MAX_LABEL)), id, Math.round(time * 1000));
      }
      buckets.push(bucket);
    }
    return buckets;
  }

  #addTo(part: number, runner: Runner, time: number): void {
    if (part !== this.#part) this.#begin(part);
    const { id } = runner;
    const share = this.#shares.get(id);
    if (share === undefined) this.#shares.set(id, { id, label: runner.label, time });
    else share.time += time;
  }

  #begin(part: number): void {
    this.#part = part;
    this.#shares = this.#open.get(part) ?? new Map();
    this.#open.set(part, this.#shares);
  }
}

function largest(shares: ReadonlyMap<number, Share>): readonly Share[] {
  const sorted = [...shares.values()].sort((a, b) => b.time - a.time);
  const rest = sorted.slice(NAMED).reduce((sum, { time }) => sum + time, 0);
  return rest > 0 ? [...sorted.slice(0, NAMED), { id: OTHERS, label: "", time: rest }] : sorted;
}
