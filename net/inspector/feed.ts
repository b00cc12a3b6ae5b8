import type { Snapshot } from "../../hub/mod.ts";
import { IdleTimer } from "./idle_timer.ts";
import type { Observer } from "./observer.ts";
import { Look, type Told } from "./look.ts";

/** What a feed is made of. */
export interface FeedOptions {
  /** How long (ms) from one update to the next, at least. */
  readonly interval: number;
  /** What clients are told that they may do. */
  readonly mayKill: boolean;
  /** Told why nothing more comes, the first time. */
  onError(error: unknown): void;
}

/** Somebody who gets updates. */
export interface FeedClient {
  /** Whether the last update has been taken: what comes earlier is left out, and told with the next. */
  readonly ready: boolean;
  /** Takes an update. */
  send(update: string): void;
  /** Nothing more comes. */
  close(): void;
}

/** An update takes this share of the time at most: one that costs more makes the next one come later. */
const MAX_SHARE = 0.05;

/**
 * Looks at a hub again and again while somebody wants to know, and tells each what has changed since it was told
 * last. Nobody there: nothing is looked at, and no tracer attached.
 */
export class Feed {
  readonly #observer: Observer;
  readonly #options: FeedOptions;
  readonly #clients = new Map<FeedClient, Told>();
  readonly #timer: IdleTimer = new IdleTimer(() => this.#tick());
  #look: Look | undefined = undefined;
  #hasFailed = false;
  /** How long (ms) the last look took. */
  #lastCost = 0;

  /**
   * @param observer Sees the hub.
   * @param options How often.
   */
  constructor(observer: Observer, options: FeedOptions) {
    this.#observer = observer;
    this.#options = options;
  }

  /** How many get updates. */
  get size(): number {
    return this.#clients.size;
  }

  /** The last snapshot, while somebody gets updates. */
  get latest(): Snapshot | undefined {
    return this.#look?.latest;
  }

  /** Tells somebody all there is, and what changes from now on. */
  add(client: FeedClient): void {
    this.#clients.set(client, { version: 0, part: 0 });
    if (this.#look !== undefined) return this.#tell(client, new Map());
    this.#look = new Look(this.#observer, this.#options);
    this.#tick();
  }

  /** Tells it nothing more. */
  delete(client: FeedClient): void {
    if (this.#clients.delete(client) && this.#clients.size === 0) this.#close();
  }

  /** Tells nobody anything more. */
  stop(): void {
    const clients = [...this.#clients.keys()];
    this.#clients.clear();
    this.#close();
    for (const client of clients) client.close();
  }

  #close(): void {
    this.#timer.stop();
    this.#look?.[Symbol.dispose]();
    this.#look = undefined;
  }

  /** Called by the platform: an error in it would end the program that is only looked at. */
  #tick(): void {
    try {
      this.#takeLook(this.#look!);
    } catch (error) {
      if (!this.#hasFailed) this.#options.onError(error);
      this.#hasFailed = true;
      this.stop();
    }
  }

  #takeLook(look: Look): void {
    const start = this.#observer.now();
    look.take();
    const encoded = new Map<string, string>();
    for (const client of this.#clients.keys()) this.#tell(client, encoded);
    const cost = this.#observer.now() - start;
    // One that was slow by accident, as the first one is, slows down nothing.
    look.interval = Math.max(this.#options.interval, Math.min(cost, this.#lastCost) / MAX_SHARE);
    this.#lastCost = cost;
    this.#timer.start(look.interval);
  }

  /** @param encoded Most clients have been told the same: for them, the update is made once. */
  #tell(client: FeedClient, encoded: Map<string, string>): void {
    if (!client.ready) return;
    const look = this.#look!;
    const told = this.#clients.get(client)!;
    const key = `${told.version} ${told.part}`;
    let text = encoded.get(key);
    if (text === undefined) encoded.set(key, text = JSON.stringify(look.since(told)));
    this.#clients.set(client, look.told);
    client.send(text);
  }
}
