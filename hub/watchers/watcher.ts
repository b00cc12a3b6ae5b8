import { Callback } from "../callback.ts";
import type { Hub } from "../hub.ts";

/**
 * Options that every {@linkcode Watcher} has.
 *
 * @example A watcher that lets the program end
 * ```ts
 * import { getHub, type WatcherOptions } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const options: WatcherOptions = { ref: false };
 * using watcher = getHub().check(options);
 * assertEquals(watcher.ref, false);
 * ```
 */
export interface WatcherOptions {
  /**
   * Whether it keeps the process alive, and `hub.join()` waiting, while it is active.
   *
   * @default {true}
   */
  ref?: boolean | undefined;
}

/** Of every signature: it is called with what it was given with. */
type Call = (...args: unknown[]) => void;

/**
 * Calls a plain function whenever something happens: a time has come, a signal, a message, a phase of the hub.
 * It does nothing before it is started.
 *
 * The function runs in the hub, between greenlets: it must not wait (`BlockingSwitchOutError`), and an error of
 * it goes to `hub.handleError`; the watcher stays active. `using` closes a watcher.
 *
 * Source: the watchers of `gevent.core`.
 *
 * @example Stop whatever it is
 * ```ts
 * import { getHub, type Watcher } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const halt = (watcher: Watcher) => watcher.stop();
 * using timer = getHub().timer(60_000);
 * timer.start(() => {});
 * halt(timer);
 * assertEquals(timer.active, false);
 * ```
 */
export abstract class Watcher implements Disposable {
  /** What it watches, for messages: `"timer"`. */
  protected abstract readonly kind: string;
  #callback: Call | undefined = undefined;
  #args: unknown[] | undefined = undefined;
  /** The call that waits for its turn. */
  #queued: Callback | undefined = undefined;
  #active = false;
  #closed = false;
  #ref: boolean;

  /**
   * Made by the methods of the hub.
   *
   * @param hub Where it calls.
   * @param options Whether it keeps the process alive.
   */
  constructor(protected readonly hub: Hub, { ref = true }: WatcherOptions = {}) {
    this.#ref = ref;
  }

  /** Whether it watches. */
  get active(): boolean {
    return this.#active;
  }

  /** Whether it has happened, and the function is still to be called. */
  get pending(): boolean {
    return this.#queued?.pending === true;
  }

  /** Whether it was closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** What it calls; `undefined` when it was stopped, or will not call any more. */
  get callback(): ((...args: unknown[]) => void) | undefined {
    return this.#callback;
  }

  /** What the function gets. */
  get args(): readonly unknown[] | undefined {
    return this.#args;
  }

  /** Whether it keeps the process alive while it is active. May be changed at any time. */
  get ref(): boolean {
    return this.#ref;
  }
  set ref(ref: boolean) {
    if (ref === this.#ref) return;
    this.#ref = ref;
    if (this.#active) this.refChanged();
  }

  /** How reports call it. */
  get label(): string {
    return `${this.kind} watcher`;
  }

  /**
   * Begins to watch. One that is active goes on, and calls the new function from now on. Does not switch.
   *
   * @param callback Called in the hub each time: it must not wait.
   * @param args What it gets.
   * @throws {TypeError} If `callback` is not a function.
   * @throws {Error} If the watcher is closed.
   */
  start<A extends unknown[]>(callback: (...args: A) => void, ...args: A): void {
    this.begin(callback, args, () => this.enable());
  }

  /** Watches no more; what is pending is not called. It may be started again. Does not switch. */
  stop(): void {
    this.#queued?.cancel();
    this.#queued = undefined;
    this.#callback = undefined;
    this.#args = undefined;
    if (!this.#active) return;
    this.#active = false;
    this.disable();
  }

  /** Stops it for good, and frees what it holds. Does not switch. */
  close(): void {
    this.stop();
    this.#closed = true;
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Sets what is called; then, unless it is active, calls `enable`. Nothing has changed if something throws. */
  protected begin<A extends unknown[]>(callback: (...args: A) => void, args: A, enable: () => void): void {
    if (typeof callback !== "function") {
      const received = String(callback);
      throw new TypeError(`Cannot start ${this.label}: callback must be a function, received ${received}`);
    }
    if (this.#closed) throw new Error(`Cannot start ${this.label}: it is closed`);
    if (!this.#active) enable();
    this.#active = true;
    this.#callback = callback as Call;
    this.#args = args;
  }

  /** Begins to watch. */
  protected abstract enable(): void;

  /** Ends it. */
  protected abstract disable(): void;

  /** {@linkcode ref} has changed while it is active. */
  protected abstract refChanged(): void;

  /** For a watcher that watches once: it has. */
  protected expire(): void {
    this.#active = false;
  }

  /** It has happened: queues the call. Until that is made, it happens no second time. */
  protected happen(): void {
    if (this.pending) return;
    this.#queued = new Callback(this.hub, this, this.#call, []);
    this.#queued.wake();
  }

  /** Withdraws the call that is queued. */
  protected withdraw(): void {
    this.#queued?.cancel();
  }

  /** Called before each call. */
  protected aboutToCall(): void {}

  /** Calls the function at once, if it is active. Only the hub itself may do so. */
  callNow(): void {
    if (this.#active) new Callback(this.hub, this, this.#call, []).dispatch(this.hub);
  }

  readonly #call = (): void => {
    const { hub } = this;
    const callback = this.#callback!;
    const args = this.#args!;
    this.aboutToCall();
    try {
      const result: unknown = callback(...args);
      // It should not be async; if it is, its error is not to end the process.
      if (result instanceof Promise) result.catch((error) => hub.handleError(this, error));
    } finally {
      if (!this.#active && !this.pending) this.#callback = this.#args = undefined;
    }
  };
}
