import {
  enterWait,
  failedWith,
  type Hub,
  immediately,
  park,
  readyWith,
  refusal,
  type Timer,
  Waiter,
  WaitList,
  type WaitPlan,
  type WaitSource,
} from "../../hub/mod.ts";
import { expiryOf } from "../expiry.ts";
import { fileError } from "./file_error.ts";
import { type FileEvent, PendingEvents } from "./pending_events.ts";

/** Where events come from: the platform's watcher. */
export interface EventSource {
  next(): Promise<IteratorResult<Deno.FsEvent>>;
  close(): void;
  ref?(): void;
  unref?(): void;
}

/** What the inbox must know of what it watches. */
export interface InboxOptions {
  readonly hub: Hub;
  /** What is watched. */
  readonly roots: readonly string[];
  /** How long (ms) it must be quiet until a burst is over; 0 for no bursts. */
  readonly debounce: number;
  /** How many events are kept. */
  readonly capacity: number;
}

/** A burst that does not end is reported after so many times the quiet that should end it. */
const MAX_BURST = 10;

/**
 * The events of a watcher, for whoever asks.
 *
 * The platform is asked all the time, because it drops what is not fetched. A receiver that is killed or timed out
 * just leaves the line. The process is kept alive exactly while somebody waits.
 */
export class EventInbox implements WaitSource {
  readonly what = "file event";
  readonly #source: EventSource;
  readonly #hub: Hub;
  readonly #debounce: number;
  readonly #pending: PendingEvents;
  readonly #waiters: WaitList = new WaitList("file event", this);
  #broken: { readonly error: unknown } | undefined = undefined;
  /** Runs while a burst goes on. */
  #quiet: Timer | undefined = undefined;
  /** When the burst is reported at the latest (ms of the hub's clock). */
  #latest = 0;
  #closed = false;

  constructor(readonly owner: object, source: EventSource, { hub, roots, debounce, capacity }: InboxOptions) {
    this.#source = source;
    this.#hub = hub;
    this.#debounce = debounce;
    this.#pending = new PendingEvents(roots, capacity);
    this.#ask();
    source.unref?.();
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Takes the oldest event, or a whole burst, waiting for it; `null` when it is closed. */
  receive(plan: WaitPlan): Promise<FileEvent | null> {
    const task = enterWait("wait for file event");
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    const event = this.#take();
    if (event !== undefined) return readyWith(task, this, event);
    if (this.#broken !== undefined) return failedWith(task, this, this.#broken.error);
    const expiry = expiryOf(plan, "waiting for an event of", this.owner);
    if (plan.timeout === 0) return immediately(plan, expiry);
    const waiter = new Waiter(task, this, undefined);
    if (this.#waiters.size === 0) this.#source.ref?.();
    this.#waiters.push(waiter);
    task.hub.foreignWaits++;
    return park(waiter, plan, expiry);
  }

  /** Nothing will come any more; whoever waits gets `null`. What has come is forgotten. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#endBurst();
    while (this.#waiters.size > 0) this.#next().wake(null);
    this.#source.close();
  }

  /** For the hub: a receiver was interrupted. */
  remove(waiter: Waiter): void {
    this.#waiters.remove(waiter);
    this.#left(waiter);
  }

  #take(): FileEvent | null | undefined {
    if (this.#closed) return null;
    if (this.#debounce === 0) return this.#pending.shift();
    return this.#quiet === undefined ? this.#pending.merge() : undefined;
  }

  #ask(): void {
    this.#source.next().then(this.#arrived, this.#broke);
  }

  readonly #arrived = ({ done, value }: IteratorResult<Deno.FsEvent>): void => {
    if (this.#closed) return;
    if (done === true) return this.#broke(new Deno.errors.BadResource("the platform has closed it"));
    this.#pending.add({ kind: value.flag === "rescan" ? "overflow" : value.kind, paths: value.paths });
    if (this.#debounce > 0) this.#prolong();
    this.#hub.wakeFromOutside(() => this.#serve());
    this.#ask();
  };

  readonly #broke = (reason: unknown): void => {
    if (this.#closed) return;
    const error = fileError(reason, "watch", String(this.owner));
    this.#broken = { error };
    this.#endBurst();
    this.#hub.wakeFromOutside(() => {
      this.#serve();
      while (this.#waiters.size > 0) this.#next().fail(error);
    });
  };

  /** The burst goes on: it ends after the next quiet. */
  #prolong(): void {
    const now = this.#hub.now();
    if (this.#quiet === undefined) this.#latest = now + MAX_BURST * this.#debounce;
    else this.#hub.cancelTimer(this.#quiet);
    const delay = Math.min(this.#debounce, Math.max(0, this.#latest - now));
    this.#quiet = this.#hub.startTimer(delay, false, this.#quieted, undefined);
  }

  readonly #quieted = (): void => {
    this.#quiet = undefined;
    this.#serve();
  };

  #endBurst(): void {
    if (this.#quiet !== undefined) this.#hub.cancelTimer(this.#quiet);
    this.#quiet = undefined;
  }

  #serve(): void {
    while (this.#waiters.size > 0) {
      const event = this.#take();
      if (event === undefined) return;
      this.#next().wake(event);
    }
  }

  #next(): Waiter {
    const waiter = this.#waiters.shift() as Waiter;
    this.#left(waiter);
    return waiter;
  }

  #left(waiter: Waiter): void {
    waiter.task.hub.foreignWaits--;
    if (this.#waiters.size === 0 && !this.#closed) this.#source.unref?.();
  }
}
