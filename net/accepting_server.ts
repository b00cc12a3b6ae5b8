import { type Duration, getHub } from "../hub/mod.ts";
import { checkFunction, checkSize } from "../sync/check.ts";
import { Event } from "../sync/event.ts";
import { getCurrent } from "../green/current.ts";
import { Greenlet } from "../green/greenlet.ts";
import { Group } from "../green/group.ts";
import { Job } from "../green/job.ts";
import { Pool } from "../green/pool.ts";
import { sleep } from "../green/sleep.ts";
import { BaseServer } from "./base_server.ts";

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

/** After an error of accepting: wait this long (ms), then twice as long, and so on. */
const MIN_DELAY_MS = 10;
/** But no longer than this. */
const MAX_DELAY_MS = 1_000;
/** Why the wait for the next client ends when accepting pauses. */
const PAUSE = { name: "accepting pauses" };

/**
 * A server that takes its clients itself, one after the other, and runs a handler for each.
 *
 * @example What both kinds have
 * ```ts
 * import { type AcceptingServer, DatagramServer, StreamServer } from "@verdant/green";
 *
 * const address = { hostname: "127.0.0.1", port: 0 };
 * const servers: AcceptingServer[] = [new StreamServer(address, () => {}), new DatagramServer(address, () => {})];
 * for (const server of servers) await server.start();
 * for (const server of servers) await server.stop();
 * ```
 */
export abstract class AcceptingServer extends BaseServer {
  readonly #policy: Exclude<SpawnPolicy, number>;
  readonly #handlers: Group = new Group();
  #acceptor: Greenlet | undefined = undefined;
  /** Set unless it pauses. */
  readonly #accepting = new Event();
  /** Ends the wait for the next client when it begins to pause. */
  #pausing = new AbortController();

  /** Checks the options. */
  constructor({ spawn = "default", stopTimeout }: ServerOptions = {}) {
    super(stopTimeout);
    checkPolicy(spawn);
    this.#policy = typeof spawn === "number" ? new Pool(spawn) : spawn;
    this.#accepting.set();
  }

  /** How many handlers are running. */
  override get running(): number {
    return this.#handlers.size;
  }

  /**
   * Accepts nothing until {@linkcode startAccepting}: who comes meanwhile waits to be accepted. Handlers that
   * run go on. Does not switch.
   *
   * Source: `gevent.baseserver.BaseServer.stop_accepting`.
   */
  stopAccepting(): void {
    this.#accepting.clear();
    this.#pausing.abort(PAUSE);
  }

  /**
   * Accepts again after {@linkcode stopAccepting}. Does not switch.
   *
   * Source: `gevent.baseserver.BaseServer.start_accepting`.
   */
  startAccepting(): void {
    if (this.#accepting.isSet) return;
    this.#pausing = new AbortController();
    this.#accepting.set();
  }

  /**
   * Takes what comes next and handles it, by way of {@linkcode handle}.
   *
   * @param signal Ends the wait for it.
   */
  protected abstract acceptOne(signal: AbortSignal): Promise<void>;

  /** Stops listening. Called also if it never began. */
  protected abstract stopListening(): void;

  /** Whether nothing can come any more, because somebody else has closed what it listens on. */
  protected get broken(): boolean {
    return false;
  }

  /** For the base: the greenlets of the handlers. */
  protected override get handlers(): Iterable<Greenlet> {
    return this.#handlers;
  }

  /** For the base: accepts from now on. */
  protected override opened(): void {
    const acceptor = this.#acceptor = new Job<void>(() => this.#acceptAll());
    acceptor.name = `acceptor of ${this.constructor.name}`;
    acceptor.start();
  }

  /** For the base: accepts no more. */
  protected override shut(): void {
    void this.#acceptor?.kill(undefined, { block: false });
    this.stopListening();
  }

  /** For the base: the acceptor may be about to start a handler. */
  protected override async settle(): Promise<void> {
    if (this.#acceptor !== getCurrent()) await this.#acceptor?.join();
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
    if (this.closed) throw new Error("Cannot handle: the server is closed");
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
    while (!this.closed) {
      try {
        await this.#accepting.wait();
        await this.waitForRoom();
        await this.acceptOne(this.#pausing.signal);
        delay = MIN_DELAY_MS;
      } catch (error) {
        if (this.closed) return;
        if (error === PAUSE) continue;
        getHub().handleError(this, error);
        if (this.broken) return this.close();
        await sleep(delay);
        delay = Math.min(2 * delay, MAX_DELAY_MS);
      }
    }
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
