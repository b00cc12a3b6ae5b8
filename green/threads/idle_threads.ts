import type { Hub, Timer } from "../../hub/mod.ts";
import type { Thread } from "./thread.ts";

/**
 * The threads of a pool that have nothing to do. The last one is used first, so that those that are not needed grow
 * old, and end. One timer serves them all.
 */
export class IdleThreads {
  readonly #hub: Hub;
  readonly #timeout: number;
  readonly #retire: (thread: Thread) => void;
  /** The one that has been idle longest is first. */
  readonly #threads: Thread[] = [];
  #timer: Timer | undefined = undefined;

  /**
   * @param hub Whose clock counts.
   * @param timeout How long (ms) a thread may be idle.
   * @param retire Ends a thread, which is not in here any more.
   */
  constructor(hub: Hub, timeout: number, retire: (thread: Thread) => void) {
    this.#hub = hub;
    this.#timeout = timeout;
    this.#retire = retire;
  }

  /** How many there are. */
  get size(): number {
    return this.#threads.length;
  }

  /** Adds a thread; if it stays here, it is to {@linkcode rest}. */
  add(thread: Thread): void {
    this.#threads.push(thread);
  }

  /** Takes the one that was used last. */
  take(): Thread | undefined {
    return this.#threads.pop();
  }

  /** Takes the one that has been idle longest. */
  takeOldest(): Thread | undefined {
    return this.#threads.shift();
  }

  /** Takes a thread out, if it is here; says whether it was. */
  remove(thread: Thread): boolean {
    const index = this.#threads.indexOf(thread);
    if (index >= 0) this.#threads.splice(index, 1);
    return index >= 0;
  }

  /** Forgets all. */
  clear(): void {
    this.#threads.length = 0;
    if (this.#timer !== undefined) this.#hub.cancelTimer(this.#timer);
    this.#timer = undefined;
  }

  /** If a thread is still here, it may sleep from now on, until it is too old. */
  rest(thread: Thread): void {
    if (this.#threads.at(-1) !== thread) return;
    if (thread.canSleep) {
      thread.rest();
      this.#watch();
    } else { // the process could not end: better no thread than that
      this.#threads.pop();
      this.#retire(thread);
    }
  }

  #watch(): void {
    const oldest = this.#threads[0];
    if (this.#timer !== undefined || oldest === undefined || this.#timeout === Infinity) return;
    const delay = Math.max(0, oldest.idleSince + this.#timeout - this.#hub.now());
    this.#timer = this.#hub.startTimer(delay, false, this.#onTimer, undefined);
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined;
    const latest = this.#hub.now() - this.#timeout;
    while (this.#threads.length > 0 && this.#threads[0]!.idleSince <= latest) {
      this.#retire(this.#threads.shift()!);
    }
    this.#watch();
  };
}
