import {
  Callback,
  callerTask,
  type Duration,
  enterWait,
  EXPIRE_FALSE,
  expireThrowing,
  type Expiry,
  failedWith,
  type GreenletExit,
  KILL,
  planWait,
  readyWith,
  refusal,
  suspend,
  Task,
  Timeout,
  type Timer,
  toMilliseconds,
  type WaitOptions,
  WANTS_OUTCOME,
} from "../hub/mod.ts";
import { CREATED, SCHEDULED, STARTED, SUCCEEDED } from "../hub/task.ts";
import { checkFunction } from "../sync/check.ts";
import { asKillError, type KillReason } from "./kill_error.ts";
import { type Body, spawnRaw } from "./spawn_raw.ts";

/**
 * Options of {@linkcode Greenlet.kill}.
 *
 * @example Do not wait for the clean-up
 * ```ts
 * import { type KillOptions, sleep, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const options: KillOptions = { block: false };
 * const g = spawn(() => sleep(60_000));
 * await sleep();
 * assertEquals(await g.kill("enough", options), false);
 * await g.join();
 * ```
 */
export interface KillOptions extends WaitOptions {
  /**
   * Whether to wait until the greenlet has ended.
   *
   * @default {true}
   */
  block?: boolean | undefined;
}

const GET_EXPIRY: Expiry = expireThrowing(() => new Timeout(null, { message: "Greenlet.get()" }));

/** What few greenlets have, in an object of its own: a million of them should fit into a gigabyte. */
interface Extras {
  name?: string;
  startTimer?: Timer | undefined;
  /** Also some that are spent: they are forgotten when there are twice as many as were left the last time. */
  callbacks?: Callback[];
  mostCallbacks?: number;
  controller?: AbortController;
}

/** So many are not worth looking through. */
const FEW_CALLBACKS = 8;

function forgetSpent(extras: Extras): void {
  extras.callbacks = extras.callbacks!.filter((callback) => callback.pending);
  extras.mostCallbacks = Math.max(FEW_CALLBACKS, 2 * extras.callbacks.length);
}

/** How much of a function's text a label shows. */
const MAX_LABEL = 50;

/**
 * A cooperatively scheduled async function.
 *
 * The body runs until it waits; between two waits no other greenlet runs. It starts after the caller's
 * next wait, in the order of the spawns. A greenlet is not thenable: `await g.get()` for the result,
 * `await g.join()` for the end.
 *
 * `await using` kills it and waits for its clean-up.
 *
 * Source: `gevent.Greenlet`.
 *
 * @typeParam T What the body returns.
 *
 * @example Run two functions side by side
 * ```ts
 * import { joinAll, sleep, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const order: string[] = [];
 * async function count(name: string) {
 *   for (let i = 1; i <= 2; i++) {
 *     order.push(`${name}${i}`);
 *     await sleep();
 *   }
 * }
 * await joinAll([spawn(count, "a"), spawn(count, "b")]);
 * assertEquals(order, ["a1", "b1", "a2", "b2"]);
 * ```
 */
export class Greenlet<T = unknown> extends Task implements AsyncDisposable {
  readonly #fn: Body | undefined;
  #args: unknown[] | undefined;
  #extras: Extras | undefined = undefined;

  /**
   * Makes a greenlet that is not started yet.
   *
   * @param fn The body; left out by subclasses that override `run()`.
   * @param args What the body is called with.
   * @throws {TypeError} If `fn` is not a function.
   */
  // deno-lint-ignore no-explicit-any -- bodies of every signature
  constructor(fn?: (...args: any[]) => T | PromiseLike<T>, ...args: unknown[]) {
    const caller = callerTask();
    super(caller.hub, caller === caller.hub.root ? undefined : caller);
    if (fn !== undefined && typeof fn !== "function") {
      throw new TypeError(`Cannot create greenlet: fn must be a function, received ${String(fn)}`);
    }
    this.#fn = fn as Body | undefined;
    this.#args = args;
  }

  /**
   * Makes a greenlet and schedules it. Does not switch.
   *
   * @throws {TypeError} If `fn` is not a function.
   */
  static spawn<A extends unknown[], R>(fn: (...args: A) => R, ...args: A): Greenlet<Awaited<R>> {
    checkFunction(fn, "spawn greenlet");
    const greenlet = new Greenlet<Awaited<R>>(fn as (...args: A) => Awaited<R>, ...args);
    greenlet.start();
    return greenlet;
  }

  /**
   * Makes a greenlet that starts after `delay` (ms or `Temporal.Duration`). Does not switch.
   *
   * @throws {TypeError} If `fn` is not a function.
   * @throws {RangeError} If `delay` is negative or NaN.
   */
  static spawnLater<A extends unknown[], R>(
    delay: Duration,
    fn: (...args: A) => R,
    ...args: A
  ): Greenlet<Awaited<R>> {
    checkFunction(fn, "spawn greenlet");
    const greenlet = new Greenlet<Awaited<R>>(fn as (...args: A) => Awaited<R>, ...args);
    greenlet.startLater(delay);
    return greenlet;
  }

  // ---- State -------------------------------------------------------------------------------------

  /** Whether it is scheduled or running: started and not ended. */
  get started(): boolean {
    return this.state === SCHEDULED || this.state === STARTED;
  }

  /** The same as {@linkcode ready}. */
  get dead(): boolean {
    return this.ready;
  }

  /** Whether it has ended without an error. A kill is no error. */
  get successful(): boolean {
    return this.state === SUCCEEDED;
  }

  /** What it returned; the `GreenletExit` if it was killed; `undefined` before the end and after an error. */
  get value(): T | GreenletExit | undefined {
    return this.successful ? this.outcome as T : undefined;
  }

  /** The error it ended with; `undefined` before the end and after a success. */
  get error(): unknown {
    return this.failed ? this.outcome : undefined;
  }

  /** The name it was given; otherwise `Greenlet-` and its number. */
  get name(): string {
    return this.#extras?.name ?? `Greenlet-${this.id}`;
  }

  set name(name: string) {
    this.extras.name = name;
  }

  /** How reports call it. */
  override get label(): string {
    if (this.#extras?.name !== undefined) return this.#extras.name;
    const body = this.#fn?.name.slice(0, MAX_LABEL);
    return body || `${this.constructor.name}-${this.id}`;
  }

  /** The greenlet that spawned it; `undefined` if none did (a raw one has no handle), or it has ended. */
  get spawner(): Greenlet | undefined {
    const spawner = this.origin?.spawner;
    return spawner instanceof Greenlet ? spawner : undefined;
  }

  /** When it starts (ms on the hub's clock), if it was started with a delay that is not over. */
  override get startsAt(): number | undefined {
    return this.#extras?.startTimer?.deadline;
  }

  /** One object shared by all greenlets of a tree of spawns: by all that one root greenlet spawned. */
  get treeLocals(): Record<PropertyKey, unknown> {
    return this.lineage.tree.locals ??= {};
  }

  /** Aborts when the greenlet is killed or ends: for functions that take a signal. Made on first use. */
  get signal(): AbortSignal {
    const controller = this.extras.controller ??= new AbortController();
    if (this.ready) controller.abort(this.outcome);
    return controller.signal;
  }

  // ---- Life --------------------------------------------------------------------------------------

  /** Schedules it. Nothing happens if it was started before. Does not switch. */
  start(): void {
    if (this.#extras?.startTimer !== undefined) this.stopTimer();
    else if (this.state !== CREATED) return;
    else this.captureContext();
    this.hub.enqueue(this);
  }

  /**
   * Schedules it after `delay` (ms or `Temporal.Duration`). Nothing happens if it was started before.
   *
   * @throws {RangeError} If `delay` is negative or NaN.
   */
  startLater(delay: Duration): void {
    const ms = toMilliseconds(delay, "start greenlet", "delay");
    if (this.state !== CREATED) return;
    this.captureContext();
    this.extras.startTimer = this.hub.startTimer(ms, true, (greenlet: this) => {
      greenlet.extras.startTimer = undefined;
      greenlet.hub.enqueue(greenlet);
    }, this);
  }

  /** The body. Subclasses override it; nobody calls it but the hub. */
  protected run(): T | PromiseLike<T> {
    const fn = this.#fn;
    if (fn === undefined) throw new TypeError("Cannot run greenlet: it has no function");
    const args = this.#args!;
    this.#args = undefined;
    return fn(...args) as T | PromiseLike<T>;
  }

  /** For the hub. */
  override begin(): unknown {
    return this.run();
  }

  /** For the hub. */
  override ended(): void {
    this.#args = undefined;
    this.#extras?.controller?.abort(this.outcome);
    if (this.failed) this.reportError();
  }

  /** Tells the hub of the error it ended with, so that none goes unnoticed. */
  protected reportError(): void {
    this.hub.handleError(this, this.outcome);
  }

  // ---- Waiting for it ----------------------------------------------------------------------------

  /**
   * Waits for the end; never throws the greenlet's error. Switches unless it has ended.
   *
   * @returns Whether it ended in time.
   */
  join(options?: WaitOptions): Promise<boolean> {
    const plan = planWait(options, "join greenlet");
    const task = enterWait("join greenlet");
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    if (this.ready) return readyWith(task, this.joiners, true);
    return suspend(task, this.joiners, undefined, plan, EXPIRE_FALSE);
  }

  /**
   * Waits for the result. Switches unless the greenlet has ended.
   *
   * @returns What the body returned; the `GreenletExit` if it was killed.
   * @throws {Timeout} If it does not end in time.
   * @throws The error the greenlet ended with.
   */
  get(options?: WaitOptions): Promise<T> {
    const plan = planWait(options, "get result of greenlet");
    const task = enterWait("get result of greenlet");
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    if (!this.ready) return suspend(task, this.joiners, WANTS_OUTCOME, plan, GET_EXPIRY);
    return this.failed
      ? failedWith(task, this.joiners, this.outcome)
      : readyWith(task, this.joiners, this.outcome as T);
  }

  // ---- Ending it ---------------------------------------------------------------------------------

  /**
   * Kills it: `reason` is thrown at its current wait (its next one, if it is not waiting), so that
   * `finally` and `using` run. If its body has not begun, it never will.
   *
   * Switches, unless `block` is false or it has ended. A greenlet may catch the kill and go on: then
   * this waits until it does end. One that kills itself does not wait for its own end: this throws the
   * kill, or returns `false` if a shield holds it back.
   *
   * @param reason A message, an error or an error class.
   * @param options Limits of the wait; `block: false` does not wait.
   * @returns Whether it has ended.
   * @throws {TypeError} If `reason` is of another type.
   *
   * @example Kill and clean up
   * ```ts
   * import { sleep, spawn } from "@verdant/green";
   * import { assertEquals } from "@std/assert";
   *
   * const log: string[] = [];
   * const worker = spawn(async () => {
   *   try {
   *     await sleep(60_000);
   *   } finally {
   *     log.push("cleaned up");
   *   }
   * });
   * await sleep();
   * await worker.kill();
   * assertEquals(log, ["cleaned up"]);
   * ```
   */
  kill(reason?: KillReason, options: KillOptions = {}): Promise<boolean> {
    const { block = true, ...limits } = options;
    const plan = planWait(limits, "kill greenlet");
    const error = asKillError(reason, this);
    const task = block ? enterWait("kill greenlet") : undefined;
    this.throwIn(error);
    if (task === undefined) return Promise.resolve(this.ready);
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    if (this.ready) return readyWith(task, this.joiners, true);
    if (task === this) {
      return this.depth > 0 ? readyWith(task, this.joiners, false) : failedWith(task, this.joiners, error);
    }
    return suspend(task, this.joiners, undefined, plan, EXPIRE_FALSE);
  }

  /**
   * Throws `error` at its current wait, without waiting for the effect. Does not switch.
   *
   * @throws {TypeError} If `error` is neither an error, an error class nor a message.
   */
  throw(error: KillReason): void {
    this.throwIn(asKillError(error, this));
  }

  /** Kills it with an error, by way of its state. */
  private throwIn(error: unknown): void {
    if (this.state === STARTED) {
      this.#extras?.controller?.abort(error);
      this.interrupt({ error, origin: KILL, depth: 0 });
    } else if (!this.ready) {
      if (this.#extras?.startTimer !== undefined) this.stopTimer();
      this.fail(error); // the body never runs; those who wait are told
    }
  }

  /** Kills what is left and waits for its clean-up. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.ready) await this.kill();
  }

  // ---- Links -------------------------------------------------------------------------------------

  /**
   * Calls `callback(this)` once, in a greenlet of its own, after the end. Links start in the order in
   * which they were made.
   *
   * @returns Removes the link when disposed.
   * @throws {TypeError} If `callback` is not a function.
   */
  link(callback: (greenlet: this) => unknown): Disposable {
    return this.addLinkIf(callback, () => true);
  }

  /** As {@linkcode link}, only after a success. */
  linkValue(callback: (greenlet: this) => unknown): Disposable {
    return this.addLinkIf(callback, () => !this.failed);
  }

  /** As {@linkcode link}, only after an error. */
  linkError(callback: (greenlet: this) => unknown): Disposable {
    return this.addLinkIf(callback, () => this.failed);
  }

  /**
   * Calls `callback(this)` once, in the hub, after the end: it must not wait. An error in it is reported
   * and does not stop the other links.
   *
   * @returns Removes the link when disposed.
   * @throws {TypeError} If `callback` is not a function.
   */
  rawlink(callback: (greenlet: this) => void): Disposable {
    return this.register(callback, callback);
  }

  /** Removes a callback given to one of the `link` methods. Unknown ones are ignored. */
  unlink(callback: (greenlet: this) => unknown): void {
    const found = this.#extras?.callbacks?.find((entry) => entry.pending && entry.context === callback);
    found?.cancel();
  }

  /** Runs a link in a greenlet of its own, if it applies to the end. */
  private addLinkIf(callback: (greenlet: this) => unknown, applies: () => boolean): Disposable {
    return this.register(callback, () => {
      if (applies()) spawnRaw(callback as (greenlet: Greenlet) => unknown, this as Greenlet);
    });
  }

  /** Makes and remembers a callback for the end. */
  private register(callback: unknown, fire: (greenlet: this) => void): Disposable {
    if (typeof callback !== "function") {
      throw new TypeError(`Cannot link greenlet: callback must be a function, received ${String(callback)}`);
    }
    const entry = new Callback(this.hub, callback, fire, [this] as [this]);
    const { extras } = this;
    extras.callbacks ??= [];
    extras.callbacks.push(entry as unknown as Callback);
    if (extras.callbacks.length > (extras.mostCallbacks ?? FEW_CALLBACKS)) forgetSpent(extras);
    this.addLink(entry as unknown as Callback);
    return entry;
  }

  // Not `#private`: such methods would cost every greenlet a field for the brand.

  /** What few greenlets have; made on first use. */
  private get extras(): Extras {
    return this.#extras ??= {};
  }

  /** It starts now, or never. */
  private stopTimer(): void {
    this.hub.cancelTimer(this.extras.startTimer!);
    this.extras.startTimer = undefined;
  }

  /** Number, name and state, for messages. */
  override toString(): string {
    return `Greenlet #${this.id} ${this.label} (${this.stateName()})`;
  }

  /** Its state in words. */
  private stateName(): string {
    if (this.failed) return "failed";
    if (this.ready) return "ended";
    if (this.state === STARTED) return this.kills > 0 ? "running, kill ignored so far" : "running";
    return this.state === SCHEDULED ? "scheduled" : "new";
  }
}

// What console.log() shows: the fields would drag in the whole hub.
Object.defineProperty(Greenlet.prototype, Symbol.for("Deno.customInspect"), {
  value(this: Greenlet): string {
    return this.toString();
  },
});
