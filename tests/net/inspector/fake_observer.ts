/** A hub that is made up, and what looks at it. */
import type { GreenletSnapshot, Hub } from "../../../hub/mod.ts";
import type { FeedClient } from "../../../net/inspector/feed.ts";
import type { Observer, Watch } from "../../../net/inspector/observer.ts";
import type { Strip } from "../../../net/inspector/strip.ts";
import type { Update } from "../../../net/inspector/wire.ts";

/** A greenlet that waits for nothing, unless something else is said. */
export function greenlet(id: number, more: Partial<GreenletSnapshot> = {}): GreenletSnapshot {
  return {
    id,
    name: `g${id}`,
    state: "queued",
    startsIn: undefined,
    spawner: undefined,
    waits: [],
    stuck: false,
    kills: 0,
    killPending: false,
    locals: {},
    spawnStack: undefined,
    counters: undefined,
    ...more,
  };
}

/** One wait. */
export function wait(
  what: string,
  on?: string,
  blockers: number[] = [],
  since = 0,
): GreenletSnapshot["waits"][0] {
  const title = on === undefined ? what : `${on} ${what}`;
  return { what, on, title, description: title, blockers, since, timeLeft: undefined, stack: undefined };
}

/** Shows what it is told to. */
export class FakeObserver implements Observer {
  greenlets: GreenletSnapshot[] = [];
  /** How long (ms) a snapshot takes. */
  cost = 0;
  time = 1_000;
  snapshots = 0;
  watching = 0;
  strip!: Strip;
  counts: { spawned: number; switches: number } = { spawned: 0, switches: 0 };
  /** Told instead of the number of greenlets. */
  count: number | undefined = undefined;

  now(): number {
    return this.time;
  }

  stats(): ReturnType<Hub["stats"]> {
    const greenlets = this.count ?? this.greenlets.length;
    return { greenlets, runnable: 0, timers: 0, foreignWaits: 0, detached: 0, turns: 0, made: 0 };
  }

  snapshot(): ReturnType<Observer["snapshot"]> {
    this.snapshots++;
    this.time += this.cost;
    return { takenAt: 1_000_000, stats: this.stats(), greenlets: this.greenlets, cycles: [] };
  }

  deadlocks(): ReturnType<Observer["deadlocks"]> {
    return [{ kind: "cycle", greenlets: [1, 2], behind: [], report: "1 -> 2 -> 1" }];
  }

  watch(strip: Strip): Watch {
    this.strip = strip;
    this.watching++;
    return { counts: this.counts, turned() {}, [Symbol.dispose]: () => void this.watching-- };
  }
}

/** Takes updates, and says when. */
export class FakeClient implements FeedClient {
  ready = true;
  closed = false;
  readonly updates: Update[] = [];
  readonly texts: string[] = [];
  #came: PromiseWithResolvers<void> = Promise.withResolvers();

  send(update: string): void {
    this.texts.push(update);
    this.updates.push(JSON.parse(update));
    this.#came.resolve();
    this.#came = Promise.withResolvers();
  }

  close(): void {
    this.closed = true;
  }

  /** The next one that comes. */
  async next(): Promise<Update> {
    await this.#came.promise;
    return this.updates.at(-1)!;
  }
}
