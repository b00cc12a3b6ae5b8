import type { Snapshot } from "../../hub/mod.ts";
import { LagMeter } from "./lag_meter.ts";
import type { Observer, Watch } from "./observer.ts";
import { RowBook } from "./row_book.ts";
import { Strip } from "./strip.ts";
import { TextTable, type Update } from "./wire.ts";

/** What a client was told last. */
export interface Told {
  /** Of the rows; 0 if it was told nothing. */
  readonly version: number;
  /** The first part of the strip that it was not told about. */
  readonly part: number;
}

/** More greenlets are not listed: to look at them all would stop the program for too long. */
const MAX_LISTED = 50_000;
/** A rate over a shorter time says nothing. */
const LEAST_SECONDS = 0.02;

/** What is known of a hub while somebody wants to know. */
export class Look implements Disposable {
  /** How long (ms) it is from one look to the next. */
  interval: number;
  readonly #observer: Observer;
  readonly #mayKill: boolean;
  readonly #watch: Watch;
  readonly #lag: LagMeter;
  readonly #book: RowBook = new RowBook();
  readonly #strip: Strip = new Strip();
  #latest: Snapshot | undefined = undefined;
  #deadlocks: Update["deadlocks"] = [];
  #worstLag = 0;
  /** For the rates: the totals at the last look, and at the one before it. */
  #totals: Totals;
  #before: Totals;

  /** Begins to watch who runs. */
  constructor(observer: Observer, { interval, mayKill }: { interval: number; mayKill: boolean }) {
    this.interval = interval;
    this.#mayKill = mayKill;
    this.#observer = observer;
    this.#watch = observer.watch(this.#strip);
    this.#lag = new LagMeter(() => observer.now(), () => this.#watch.turned());
    this.#lag.start();
    this.#totals = this.#before = this.#count();
  }

  /** The last snapshot; `undefined` if there were too many to list. */
  get latest(): Snapshot | undefined {
    return this.#latest;
  }

  /** What a client knows that was told everything now. */
  get told(): Told {
    return { version: this.#book.version, part: this.#strip.partAt(this.#totals.time) };
  }

  /**
   * Looks at the hub. Called straight from the event loop.
   */
  take(): void {
    this.#watch.turned();
    this.#before = this.#totals;
    this.#totals = this.#count();
    this.#worstLag = this.#lag.take();
    this.#strip.seal(this.#totals.time);
    const listed = this.#totals.stats.greenlets <= MAX_LISTED;
    this.#latest = listed ? this.#observer.snapshot() : undefined;
    const duration = this.#observer.now() - this.#totals.time;
    this.#book.see(this.#latest ?? { greenlets: [], takenAt: Date.now() }, duration);
    const stuck = this.#latest?.greenlets.some((greenlet) => greenlet.stuck) === true;
    this.#deadlocks = stuck
      ? this.#observer.deadlocks().map(({ greenlets, report }) => ({ greenlets, report }))
      : [];
  }

  /** What has changed since a client was told. */
  since({ version, part }: Told): Update {
    const full = !this.#book.knows(version);
    const texts = new TextTable();
    const current = this.#strip.partAt(this.#totals.time);
    return {
      full,
      takenAt: this.#latest?.takenAt ?? Date.now(),
      interval: this.interval,
      mayKill: this.#mayKill,
      listed: this.#latest !== undefined,
      stats: this.#totals.stats,
      rates: ratesBetween(this.#before, this.#totals),
      lag: this.#worstLag,
      texts: texts.texts,
      rows: this.#book.changedSince(full ? 0 : version, texts),
      gone: full ? [] : this.#book.goneSince(version),
      deadlocks: this.#deadlocks,
      strip: { width: this.#strip.width, current, buckets: this.#strip.between(part, current, texts) },
    };
  }

  /** Watches no more. */
  [Symbol.dispose](): void {
    this.#lag.stop();
    this.#watch[Symbol.dispose]();
  }

  #count(): Totals {
    const { spawned, switches } = this.#watch.counts;
    const stats = this.#observer.stats();
    return { time: this.#observer.now(), spawned, switches, turns: stats.turns, stats };
  }
}

interface Totals {
  /** Milliseconds on the hub's clock. */
  readonly time: number;
  readonly spawned: number;
  readonly switches: number;
  readonly turns: number;
  readonly stats: Update["stats"];
}

function ratesBetween(before: Totals, after: Totals): Update["rates"] {
  const seconds = (after.time - before.time) / 1000;
  // A first look comes at once: there is nothing to tell yet.
  const rate = (key: "spawned" | "switches" | "turns") =>
    seconds > LEAST_SECONDS ? Math.round((after[key] - before[key]) / seconds) : 0;
  return { spawned: rate("spawned"), switches: rate("switches"), turns: rate("turns") };
}
