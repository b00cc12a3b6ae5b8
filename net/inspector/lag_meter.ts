import { IdleTimer } from "./idle_timer.ts";

/** How often (ms) it looks. */
const PERIOD_MS = 20;

/** How late the event loop is: how much later than asked a timer of its own is called. */
export class LagMeter {
  readonly #now: () => number;
  readonly #onTurn: () => void;
  readonly #timer: IdleTimer = new IdleTimer(() => this.#tick());
  #due = Infinity;
  #worst = 0;

  /**
   * @param now Milliseconds.
   * @param onTurn Called by its timer, straight from the event loop.
   */
  constructor(now: () => number, onTurn: () => void) {
    this.#now = now;
    this.#onTurn = onTurn;
  }

  /** Begins to look. */
  start(): void {
    this.#worst = 0;
    this.#arm();
  }

  /** Looks no more. */
  stop(): void {
    this.#timer.stop();
    this.#due = Infinity;
  }

  /** The worst (ms) since the last call, that under way included. */
  take(): number {
    const worst = Math.max(this.#worst, this.#now() - this.#due, 0);
    this.#worst = 0;
    return worst;
  }

  #tick(): void {
    this.#worst = Math.max(this.#worst, this.#now() - this.#due);
    this.#onTurn();
    this.#arm();
  }

  #arm(): void {
    this.#due = this.#now() + PERIOD_MS;
    this.#timer.start(PERIOD_MS);
  }
}
