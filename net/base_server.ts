import {
  type Duration,
  enterWait,
  getHub,
  Named,
  planWait,
  quiet,
  Timeout,
  titleOf,
  toMilliseconds,
  until,
  type WaitOptions,
} from "../hub/mod.ts";
import { Event } from "../sync/event.ts";
import { getCurrent } from "../green/current.ts";
import type { Greenlet } from "../green/greenlet.ts";
import { joinAll } from "../green/join_all.ts";
import { killAll } from "../green/kill.ts";
import { shield } from "../green/shield.ts";
import { formatAddress } from "./address.ts";
import { onSignal } from "./on_signal.ts";

/**
 * Options of `serveForever()`.
 *
 * @example Only until Ctrl-C
 * ```ts
 * import type { ServeForeverOptions } from "@verdant/green";
 *
 * const options: ServeForeverOptions = { signals: ["SIGINT"] };
 * ```
 */
export interface ServeForeverOptions {
  /**
   * Signals that stop the server; a second one has its usual effect. None: `[]`.
   *
   * @default {["SIGINT", "SIGTERM"]}
   */
  signals?: Deno.Signal[] | undefined;
  /** As for `stop()`. */
  stopTimeout?: Duration | undefined;
}

const DEFAULT_STOP_TIMEOUT_MS = 1_000;

/**
 * What {@linkcode BaseServer.statistics} returns.
 *
 * @example How many handlers run
 * ```ts
 * import { type ServerStatistics, StreamServer } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = new StreamServer({ hostname: "127.0.0.1", port: 0 }, () => {});
 * await server.start();
 * const statistics: ServerStatistics = server.statistics();
 * assertEquals(statistics, { started: true, closed: false, running: 0 });
 * ```
 */
export interface ServerStatistics {
  /** Whether it has been started and not been stopped. */
  readonly started: boolean;
  /** Whether it was stopped or closed. */
  readonly closed: boolean;
  /** How many handlers are running. */
  readonly running: number;
}

/**
 * What servers have in common: the life cycle, and the greenlets of the handlers.
 *
 * Life: made → `start()` → started → `stop()` → closed. A closed server cannot be started again.
 *
 * Source: `gevent.baseserver.BaseServer`.
 *
 * @example Servers are alike
 * ```ts
 * import { type BaseServer, StreamServer } from "@verdant/green";
 *
 * async function runBriefly(server: BaseServer) {
 *   await server.start();
 *   await server.stop();
 * }
 * await runBriefly(new StreamServer({ hostname: "127.0.0.1", port: 0 }, () => {}));
 * ```
 */
export abstract class BaseServer extends Named implements AsyncDisposable {
  readonly #stopTimeout: Duration;
  /** The handlers that stop the server, or have stopped it: they neither wait for nor kill each other. */
  readonly #stoppers = new Set<Greenlet>();
  /** The handlers that a stop has killed. */
  readonly #killed = new WeakSet<Greenlet>();
  /** A stop is over, or `close()` was called alone. */
  readonly #stopped = new Event();
  #begun = false;
  /** The start that is under way. */
  #starting: Promise<void> | undefined = undefined;
  #closed = false;

  /**
   * Checks the option.
   *
   * @param stopTimeout How long (ms or a `Temporal.Duration`) `stop()` lets running handlers finish.
   */
  constructor(stopTimeout: Duration = DEFAULT_STOP_TIMEOUT_MS) {
    super();
    toMilliseconds(stopTimeout, "create server", "stopTimeout");
    this.#stopTimeout = stopTimeout;
  }

  /** Where it listens, with the real port if it was asked for port 0; `undefined` before the start. */
  abstract get address(): Deno.Addr | undefined;

  /** Begins to listen. */
  protected abstract open(): void | Promise<void>;

  /** It listens now. */
  protected opened(): void {}

  /** Stops listening. Called also if it never began, and again if the stop comes while it opens. */
  protected abstract shut(): void;

  /** The greenlets of the handlers that run. */
  protected abstract get handlers(): Iterable<Greenlet>;

  /** Waits until no handler can begin any more. Called after {@linkcode shut}. */
  protected async settle(): Promise<void> {}

  /**
   * Called at the end of a stop, when the handlers have ended.
   *
   * @param _left Those that do not heed their kill.
   */
  protected async finished(_left: readonly Greenlet[]): Promise<void> {}

  /** Whether it has been started and not been stopped. */
  get started(): boolean {
    return this.#begun && !this.#closed;
  }

  /** Whether it was stopped or closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Figures about it, as they are now: a frozen object. Does not switch.
   *
   * Source: `trio`'s `statistics()`.
   */
  statistics(): ServerStatistics {
    const { started, closed, running } = this;
    return Object.freeze({ started, closed, running });
  }

  /** How many handlers are running. */
  abstract get running(): number;

  /**
   * Begins to listen and to accept. Nothing happens if it is started; if it is being started, waits for that.
   *
   * @throws {Deno.errors.AddrInUse} If somebody else listens there.
   * @throws {Error} If it is closed.
   */
  start(): Promise<void> {
    this.#checkNotClosed();
    if (this.#starting !== undefined) return quiet(this.#startAfter(this.#starting));
    if (this.#begun) return Promise.resolve();
    this.#begun = true;
    try {
      const opening = this.open();
      if (opening !== undefined) return this.#starting = quiet(this.#startOpened(opening));
    } catch (error) {
      this.#begun = false;
      throw error;
    }
    this.opened();
    return Promise.resolve();
  }

  /**
   * Starts it if it is not started, and waits until it is stopped: by `stop()`, by a signal, or by `close()` and
   * the end of the handlers. If this wait is interrupted, by a kill for example, it is stopped, too. Switches.
   *
   * Source: `gevent.baseserver.BaseServer.serve_forever`.
   *
   * @throws {Deno.errors.AddrInUse} If somebody else listens there.
   * @throws {Error} If it is closed.
   * @throws {RangeError} If `stopTimeout` is negative or NaN.
   * @throws {TypeError} If a signal is unknown.
   */
  serveForever(options: ServeForeverOptions = {}): Promise<void> {
    const { signals = ["SIGINT", "SIGTERM"], stopTimeout = this.#stopTimeout } = options;
    this.#checkNotClosed();
    toMilliseconds(stopTimeout, "serve", "stopTimeout");
    enterWait("serve");
    const limits = { timeout: stopTimeout };
    const listening = onSignal(signals, () => this.stop(limits), { once: true });
    return quiet(this.#serveForever(listening, limits));
  }

  /** Stops accepting at once. Handlers that run go on. Does not switch. */
  close(): void {
    if (this.#stopAccepting()) this.#stopped.set();
  }

  /**
   * Stops accepting, waits for the running handlers, kills those that take too long, and waits for their
   * clean-up: as long as `stopTimeout`, and a second at least. If this wait is interrupted, they are killed at
   * once. A handler that calls it does not wait for itself. Switches.
   *
   * Source: `gevent.baseserver.BaseServer.stop`.
   *
   * @param options How long to wait before the kill; `stopTimeout` of the server if not given.
   * @throws {RangeError} If the time-out is negative or NaN.
   * @throws The reason of the signal, if it aborts.
   */
  stop(options: WaitOptions = {}): Promise<void> {
    const { timeout = this.#stopTimeout, signal } = options;
    planWait({ timeout, signal }, "stop server");
    enterWait("stop server");
    this.#stopAccepting();
    return quiet(this.#finish({ timeout, signal }));
  }

  /** Stops it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** For reports: its class, its name if it has one, and where it listens. */
  override toString(): string {
    const { address } = this;
    const title = titleOf(this);
    return address === undefined ? title : `${title} on ${formatAddress(address)}`;
  }

  #checkNotClosed(): void {
    if (this.#closed) throw new Error("Cannot start server: it is closed");
  }

  async #startOpened(opening: Promise<void>): Promise<void> {
    try {
      await opening;
    } catch (error) {
      this.#begun = false;
      throw error;
    } finally {
      this.#starting = undefined;
    }
    if (this.#closed) this.shut();
    else this.opened();
  }

  /** Somebody else is starting it. If that fails, or is killed, it is tried again. */
  async #startAfter(starting: Promise<void>): Promise<void> {
    await until(starting.catch(() => {}));
    if (!this.#closed) await this.start();
  }

  async #serveForever(listening: Disposable, limits: WaitOptions): Promise<void> {
    using _listening = listening;
    await this.start();
    this.#stopped.name = `end of ${this}`;
    try {
      await this.#stopped.wait();
    } finally {
      await shield(() => this.stop(limits));
    }
  }

  /** Says whether it accepted until now. */
  #stopAccepting(): boolean {
    if (this.#closed) return false;
    this.#closed = true;
    this.shut();
    return true;
  }

  async #finish(limits: WaitOptions): Promise<void> {
    const current = getCurrent();
    const handlers = [...this.handlers];
    if (current !== undefined && handlers.includes(current)) this.#stoppers.add(current);
    try {
      await this.settle();
      await this.#joinHandlers(current, limits);
    } finally {
      const left = await shield(() => this.#killHandlers(current)); // also if this wait was interrupted
      await shield(() => this.finished(left));
      this.#stopped.set();
    }
  }

  /** A handler may leave another greenlet behind: one that streams its answer, for example. */
  async #joinHandlers(
    current: Greenlet | undefined,
    { timeout = Infinity, signal }: WaitOptions,
  ): Promise<void> {
    const remaining = timeout instanceof Timeout ? () => timeout : countdown(timeout);
    for (;;) {
      const handlers = this.#awaited(current);
      const ended = await joinAll(handlers, { timeout: remaining(), signal });
      if (ended.length < handlers.length || this.#awaited(current).length === 0) return;
    }
  }

  /**
   * Handlers get as long for their clean-up as they had to finish, and some time even if they had none; one that
   * hangs must not hang the stop.
   *
   * @returns Those that are left.
   */
  async #killHandlers(current: Greenlet | undefined): Promise<Greenlet[]> {
    const remaining = countdown(
      Math.max(toMilliseconds(this.#stopTimeout, "stop server"), DEFAULT_STOP_TIMEOUT_MS),
    );
    for (;;) {
      const handlers = this.#awaited(current);
      if (handlers.length === 0) return [];
      // Another stop may have killed them already: a second kill would interrupt their clean-up.
      await killAll(handlers.filter((greenlet) => !this.#killed.has(greenlet)), { block: false });
      for (const greenlet of handlers) this.#killed.add(greenlet);
      const ended = await joinAll(handlers, { timeout: remaining() });
      if (ended.length === handlers.length) continue;
      const left = handlers.filter((greenlet) => !greenlet.ready);
      getHub().handleError(this, new Error(`Still running after their kill: ${left.join(", ")}`));
      return left;
    }
  }

  /** The handlers that a stop waits for. */
  #awaited(current: Greenlet | undefined): Greenlet[] {
    const stopping = current !== undefined && this.#stoppers.has(current);
    return [...this.handlers].filter((greenlet) =>
      !greenlet.ready && !(stopping && this.#stoppers.has(greenlet))
    );
  }
}

/** How much is left (ms) of a time that begins now. */
function countdown(duration: Duration): () => number {
  const hub = getHub();
  const deadline = hub.now() + toMilliseconds(duration, "stop server");
  return () => Math.max(0, deadline - hub.now());
}
