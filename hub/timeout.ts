import { callerTask } from "./caller.ts";
import { type Duration, toMilliseconds } from "./options.ts";
import type { Task } from "./task.ts";
import type { Timer } from "./timers.ts";

/**
 * Options of {@linkcode Timeout}.
 *
 * @example An error of one's own
 * ```ts
 * import { sleep, Timeout, type TimeoutOptions } from "@verdant/green";
 * import { assertRejects } from "@std/assert";
 *
 * const options: TimeoutOptions = { error: new RangeError("too late") };
 * await assertRejects(async () => {
 *   using _limit = Timeout.start(1, options);
 *   await sleep(60_000);
 * }, RangeError);
 * ```
 */
export interface TimeoutOptions {
  /** Thrown instead of the `Timeout` itself. */
  error?: Error | undefined;
  /** Whether `withTimeout` swallows it: the time-out is then no error. */
  silent?: boolean | undefined;
  /**
   * Whether the pending timer keeps the process alive.
   *
   * @default {true}
   */
  ref?: boolean | undefined;
  /** Added to the message: what was to be done in time. */
  message?: string | undefined;
}

/**
 * Throws itself at the wait of the greenlet that started it, once its time is over.
 *
 * Time-outs are told apart by identity, so that a foreign one passes through an inner one:
 * `if (error !== timeout) throw error`. `withTimeout` does that.
 *
 * Source: `gevent.Timeout`, with milliseconds instead of seconds.
 *
 * @example Limit a block
 * ```ts
 * import { sleep, Timeout } from "@verdant/green";
 * import { assertRejects } from "@std/assert";
 *
 * await assertRejects(async () => {
 *   using _limit = Timeout.start(5);
 *   await sleep(60_000);
 * }, Timeout);
 * ```
 */
export class Timeout extends Error implements Disposable {
  /** Always `"Timeout"`. */
  override readonly name = "Timeout";
  /** How long (ms) after the start it fires; `null` never. */
  readonly ms: number | null;
  /** Whether the functions that run a block under it swallow it. */
  readonly silent: boolean;
  /** What it throws: itself, or the error it was given. */
  readonly thrown: Error;
  readonly #ref: boolean;
  #timer: Timer | undefined = undefined;
  #task: Task | undefined = undefined;
  /** The task's depth at the start. */
  #depth = 0;

  /**
   * Makes a time-out that is not started.
   *
   * @param duration Milliseconds, a `Temporal.Duration`, or `null` for never.
   * @throws {RangeError} If it is negative or NaN.
   */
  constructor(duration: Duration | null = null, options: TimeoutOptions = {}) {
    const ms = duration === null ? null : toMilliseconds(duration, "create timeout", "duration");
    const { error, silent = false, ref = true, message } = options;
    if (error !== undefined && !(error instanceof Error)) {
      throw new TypeError(`Cannot create timeout: error must be an Error, received ${String(error)}`);
    }
    super(describe(ms, message));
    this.ms = ms;
    this.silent = silent;
    this.thrown = error ?? this;
    this.#ref = ref;
  }

  /** Makes a time-out and starts it. */
  static start(duration: Duration | null, options?: TimeoutOptions): Timeout {
    const timeout = new Timeout(duration, options);
    timeout.start();
    return timeout;
  }

  /** Whether it is started, and neither fired nor cancelled. */
  get pending(): boolean {
    return this.#timer?.active ?? false;
  }

  /** Whom it will interrupt; `undefined` unless it is pending. */
  get target(): Task | undefined {
    return this.pending ? this.#task : undefined;
  }

  /**
   * How long (ms) a wait that begins now may last if this is its limit. `Infinity` while it is running and will
   * interrupt the wait by itself.
   */
  get limit(): number {
    const task = this.#task;
    if (!this.pending) {
      const due = task?.pending?.some(({ origin }) => origin === this);
      return due ? 0 : this.ms ?? Infinity;
    }
    // It will interrupt only who started it, and not through a shield.
    if (task === callerTask() && this.#depth >= task.depth) return Infinity;
    return Math.max(0, this.#timer!.deadline - task!.hub.now());
  }

  /**
   * Starts it, for the running greenlet. May be started again once it fired or was cancelled; what it fired and
   * was not delivered yet is withdrawn then.
   *
   * @throws {Error} If it is pending.
   */
  start(): void {
    if (this.pending) throw new Error(`Cannot start timeout: it is pending (${this.message})`);
    this.cancel();
    const task = callerTask();
    this.#task = task;
    if (this.ms === null || this.ms === Infinity) return;
    const { depth } = task;
    this.#depth = depth;
    this.#timer = task.hub.startTimer(this.ms, this.#ref, (timeout: Timeout) => {
      task.interrupt({ error: timeout.thrown, origin: timeout, depth });
    }, this);
  }

  /** Stops it. One that fired and was not delivered yet is withdrawn. */
  cancel(): void {
    if (this.#timer !== undefined) this.#task!.hub.cancelTimer(this.#timer);
    if (this.#task?.pending !== undefined) this.#task.withdraw(this);
    this.#timer = undefined;
    this.#task = undefined;
  }

  /** The same as {@linkcode cancel}. */
  [Symbol.dispose](): void {
    this.cancel();
  }
}

function describe(ms: number | null, message: string | undefined): string {
  const limit = ms === null ? "Timed out" : `Timed out after ${ms} ms`;
  return message === undefined ? limit : `${limit}: ${message}`;
}
