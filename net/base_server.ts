import {
  type Duration,
  enterWait,
  getHub,
  planWait,
  quiet,
  toMilliseconds,
  until,
  type WaitOptions,
} from "../hub/mod.ts";
import { checkFunction, checkSize } from "../sync/check.ts";
import { Event } from "../sync/event.ts";
import { getCurrent } from "../green/current.ts";
import { Greenlet } from "../green/greenlet.ts";
import { Group } from "../green/group.ts";
import { joinAll } from "../green/join_all.ts";
import { Job } from "../green/job.ts";
import { killAll } from "../green/kill.ts";
import { Pool } from "../green/pool.ts";
import { shield } from "../green/shield.ts";
import { sleep } from "../green/sleep.ts";
import { formatAddress } from "./address.ts";
import { onSignal } from "./on_signal.ts";

/**
 * In which greenlets a server runs its handlers.
 *
 * - `"default"`: each in a greenlet of its own.
 * - a number: so many at a time at most; meanwhile no client is accepted.
 * - a `Pool`: the same, with a pool that others may share.
 * - a function that spawns as `spawn()` does. If it returns no greenlet, `stop()` neither waits for the handler
 *   nor kills it.
 *
 * @example A hundred at a time
 * ```ts
 * import { type SpawnPolicy, StreamServer } from "@verdant/green";
 *
 * const policy: SpawnPolicy = 100;
 * new StreamServer({ port: 0 }, (conn) => conn.writeAll("hello\n"), { spawn: policy });
 * ```
 */
export type SpawnPolicy = "default" | number | Pool | ((fn: () => Promise<void>) => unknown);

/**
 * Options of servers.
 *
 * @example Patient
 * ```ts
 * import { type ServerOptions, StreamServer } from "@verdant/green";
 *
 * const options: ServerOptions = { stopTimeout: 30_000 };
 * new StreamServer({ port: 0 }, (conn) => conn.writeAll("hello\n"), options);
 * ```
 */
export interface ServerOptions {
  /**
   * In which greenlets the handlers run.
   *
   * @default {"default"}
   */
  spawn?: SpawnPolicy | undefined;
  /**
   * How long (ms or a `Temporal.Duration`) `stop()` lets running handlers finish before it kills them.
   *
   * @default {1000}
   */
  stopTimeout?: Duration | undefined;
}

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
/** After an error of accepting: wait this long (ms), then twice as long, and so on. */
const MIN_DELAY_MS = 10;
/** But no longer than this. */
const MAX_DELAY_MS = 1_000;

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
export abstract class BaseServer implements AsyncDisposable {
  readonly #policy: Exclude<SpawnPolicy, number>;
  readonly #stopTimeout: Duration;
  /** The greenlets of the handlers that run. */
  readonly #handlers: Group = new Group();
  /** The handlers that stop the server, or have stopped it: they neither wait for nor kill each other. */
  readonly #stoppers = new Set<Greenlet>();
  /** A stop is over, or `close()` was called alone. */
  readonly #stopped = new Event();
  #acceptor: Greenlet | undefined = undefined;
  /** The start that is under way. */
  #starting: Promise<void> | undefined = undefined;
  #closed = false;

  /** Checks the options. */
  constructor({ spawn = "default", stopTimeout = DEFAULT_STOP_TIMEOUT_MS }: ServerOptions = {}) {
    checkPolicy(spawn);
    toMilliseconds(stopTimeout, "create server", "stopTimeout");
    this.#policy = typeof spawn === "number" ? new Pool(spawn) : spawn;
    this.#stopTimeout = stopTimeout;
  }

  /** Where it listens, with the real port if it was asked for port 0; `undefined` before the start. */
  abstract get address(): Deno.Addr | undefined;

  /** Begins to listen. */
  protected abstract open(): void | Promise<void>;

  /** Takes what comes next and handles it, by way of {@linkcode handle}. */
  protected abstract acceptOne(): Promise<void>;

  /** Stops listening. Called also if it never began. */
  protected abstract shut(): void;

  /** Whether nothing can come any more, because somebody else has closed what it listens on. */
  protected get broken(): boolean {
    return false;
  }

  /** Whether it has been started and not been stopped. */
  get started(): boolean {
    return this.#acceptor !== undefined && !this.#closed;
  }

  /** Whether it was stopped or closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** How many handlers are running. */
  get running(): number {
    return this.#handlers.size;
  }

  /**
   * Begins to listen and to accept. Nothing happens if it is started; if it is being started, waits for that.
   *
   * @throws {Deno.errors.AddrInUse} If somebody else listens there.
   * @throws {Error} If it is closed.
   */
  start(): Promise<void> {
    this.#checkNotClosed();
    if (this.#starting !== undefined) return quiet(this.#startAfter(this.#starting));
    if (this.#acceptor !== undefined) return Promise.resolve();
    const acceptor = this.#acceptor = new Job<void>(() => this.#acceptAll());
    acceptor.name = `acceptor of ${this.constructor.name}`;
    try {
      const opening = this.open();
      if (opening !== undefined) return this.#starting = quiet(this.#startOpened(acceptor, opening));
    } catch (error) {
      this.#acceptor = undefined;
      throw error;
    }
    acceptor.start();
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

  /** For reports: its class and where it listens. */
  toString(): string {
    const { address } = this;
    const { name } = this.constructor;
    return address === undefined ? name : `${name} on ${formatAddress(address)}`;
  }

  /** Waits until a handler may run: a full pool stops accepting. */
  protected async waitForRoom(): Promise<void> {
    if (this.#policy instanceof Pool) { while (await this.#policy.waitAvailable() === 0); }
  }

  /**
   * Runs a handler as the `spawn` option says.
   *
   * @param run Calls the handler.
   * @param name Of its greenlet.
   * @param release Called at its end, and also if it is killed before it has begun: then `run` is not called.
   */
  protected async handle(run: () => Promise<void>, name: string, release?: () => void): Promise<void> {
    const policy = this.#policy;
    if (this.#closed) throw new Error("Cannot handle: the server is closed");
    if (typeof policy === "function") {
      const spawned = policy(() => this.#runSpawned(run));
      if (spawned instanceof Greenlet) this.#adopt(spawned, release);
      return;
    }
    const greenlet = new Greenlet<void>(run);
    greenlet.name = name;
    if (policy instanceof Pool) await policy.start(greenlet);
    else greenlet.start();
    this.#adopt(greenlet, release);
  }

  /** If the function has spawned no greenlet but called the handler itself, nobody else reports its error. */
  #runSpawned(run: () => Promise<void>): Promise<void> {
    const inAcceptor = getCurrent() === this.#acceptor;
    const work = run();
    return inAcceptor ? work.catch((error) => getHub().handleError(this, error)) : work;
  }

  #adopt(greenlet: Greenlet, release: (() => void) | undefined): void {
    if (release !== undefined) greenlet.rawlink(release);
    this.#handlers.add(greenlet);
  }

  /** Accepts until it is closed. After an error it waits a little, longer each time, and goes on. */
  async #acceptAll(): Promise<void> {
    let delay = MIN_DELAY_MS;
    while (!this.#closed) {
      try {
        await this.waitForRoom();
        await this.acceptOne();
        delay = MIN_DELAY_MS;
      } catch (error) {
        if (this.#closed) return;
        getHub().handleError(this, error);
        if (this.broken) return this.close();
        await sleep(delay);
        delay = Math.min(2 * delay, MAX_DELAY_MS);
      }
    }
  }

  #checkNotClosed(): void {
    if (this.#closed) throw new Error("Cannot start server: it is closed");
  }

  async #startOpened(acceptor: Greenlet, opening: Promise<void>): Promise<void> {
    try {
      await opening;
    } catch (error) {
      this.#acceptor = undefined;
      throw error;
    } finally {
      this.#starting = undefined;
    }
    if (this.#closed) this.shut();
    else acceptor.start();
  }

  /** Somebody else is starting it. If that fails, or is killed, it is tried again. */
  async #startAfter(starting: Promise<void>): Promise<void> {
    await until(starting.catch(() => {}));
    if (!this.#closed) await this.start();
  }

  async #serveForever(listening: Disposable, limits: WaitOptions): Promise<void> {
    using _listening = listening;
    await this.start();
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
    void this.#acceptor?.kill(undefined, { block: false });
    this.shut();
    return true;
  }

  async #finish(limits: WaitOptions): Promise<void> {
    const acceptor = this.#acceptor;
    const current = getCurrent();
    if (current !== undefined && this.#handlers.has(current)) this.#stoppers.add(current);
    try {
      if (acceptor !== current) await acceptor?.join(); // it may be about to start a handler
      await joinAll(this.#awaited(current), limits);
    } finally {
      await shield(() => this.#killHandlers(current)); // also if this wait was interrupted
      this.#stopped.set();
    }
  }

  /**
   * Handlers get as long for their clean-up as they had to finish, and some time even if they had none; one that
   * hangs must not hang the stop.
   */
  async #killHandlers(current: Greenlet | undefined): Promise<void> {
    const victims = this.#awaited(current);
    if (victims.length === 0) return;
    await killAll(victims, { block: false });
    const timeout = Math.max(toMilliseconds(this.#stopTimeout, "stop server"), DEFAULT_STOP_TIMEOUT_MS);
    await joinAll(victims, { timeout });
    const left = victims.filter((greenlet) => !greenlet.ready);
    if (left.length > 0) {
      getHub().handleError(this, new Error(`Still running after their kill: ${left.join(", ")}`));
    }
  }

  /** The handlers that a stop waits for. */
  #awaited(current: Greenlet | undefined): Greenlet[] {
    const handlers = [...this.#handlers];
    if (current === undefined || !this.#stoppers.has(current)) return handlers;
    return handlers.filter((greenlet) => !this.#stoppers.has(greenlet));
  }
}

function checkPolicy(spawn: unknown): void {
  if (spawn === "default" || spawn instanceof Pool) return;
  if (typeof spawn === "number") checkSize(spawn, 1, "create server", "spawn");
  else if (typeof spawn !== "function") {
    throw new TypeError(
      `Cannot create server: spawn must be "default", a number, a Pool or a function, received ${
        String(spawn)
      }`,
    );
  }
}

/** Refuses a handler that is no function. */
export function checkHandler(handler: unknown): void {
  checkFunction(handler, "create server", "handler");
}
