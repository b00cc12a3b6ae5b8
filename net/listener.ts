import {
  callerTask,
  enterWait,
  failedWith,
  immediately,
  type Inspectable,
  park,
  planWait,
  readyWith,
  refusal,
  Ring,
  shortName,
  type WaitDetails,
  Waiter,
  WaitList,
  type WaitOptions,
  type WaitSource,
} from "../hub/mod.ts";
import { quietly } from "../sync/iteration.ts";
import { formatAddress } from "./address.ts";
import type { Conn, RawConn } from "./conn.ts";
import { expiryOf } from "./expiry.ts";

/**
 * A listener of the platform.
 *
 * @example Wrap one
 * ```ts
 * import { Conn, Listener, type RawListener } from "@verdant/green";
 *
 * const wrap = (raw: RawListener) => new Listener(raw, (conn) => new Conn(conn));
 * using listener = wrap(Deno.listen({ hostname: "127.0.0.1", port: 0 }));
 * ```
 */
export type RawListener = Deno.Listener<RawConn, Deno.Addr>;

/**
 * Takes connections as they come.
 *
 * An accept that is killed or times out loses no client: whoever accepts next gets it. Several greenlets may
 * accept at a time; they are served first come first served. Once it is closed, all of them get
 * `Deno.errors.BadResource`, those that waited included, as in Deno.
 *
 * @example Greet one client
 * ```ts
 * import { connect, listen, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * spawn(async () => {
 *   using client = await listener.accept();
 *   await client.writeAll("hello\n");
 * });
 * const { port } = listener.addr as Deno.NetAddr;
 * using conn = await connect({ hostname: "127.0.0.1", port });
 * assertEquals(await conn.readLine(), "hello");
 * ```
 */
export class Listener<C extends Conn = Conn>
  implements Disposable, AsyncIterable<C>, Inspectable, WaitSource {
  /** The platform's listener. Do not accept from it. */
  readonly raw: RawListener;
  /** For the hub: what is waited for. */
  readonly what = "accept";
  readonly #wrap: (raw: RawConn) => C;
  readonly #waiters: WaitList = new WaitList("accept", this);
  /** Connections that came when nobody waited any more. */
  readonly #arrived: Ring<RawConn> = new Ring();
  #pulling = false;
  #unreferenced = false;
  #closed: Error | undefined = undefined;

  /**
   * Takes over a listener of the platform.
   *
   * @param raw Must not be used otherwise from now on.
   * @param wrap Makes a connection of the platform's.
   */
  constructor(raw: RawListener, wrap: (raw: RawConn) => C) {
    this.raw = raw;
    this.#wrap = wrap;
  }

  /** For the hub: what is waited on. */
  get owner(): this {
    return this;
  }

  /** Where it listens; with the real port if it was asked for port 0. */
  get addr(): Deno.Addr {
    return this.raw.addr;
  }

  /** Whether {@linkcode close} was called. */
  get closed(): boolean {
    return this.#closed !== undefined;
  }

  /**
   * Takes the next connection, waiting for one. With TLS the handshake is still to be done.
   *
   * @throws {Deno.errors.BadResource} If it is closed, now or meanwhile.
   * @throws {Timeout} On time-out; no client is lost.
   */
  accept(options?: WaitOptions): Promise<C> {
    const plan = planWait(options, "accept connection");
    const task = enterWait("accept connection");
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    if (this.#closed !== undefined) return failedWith(task, this, this.#closed);
    const arrived = this.#arrived.shift();
    if (arrived !== undefined) return readyWith(task, this, this.#wrap(arrived));
    this.#pull();
    if (plan.timeout === 0) {
      this.#unreference();
      return immediately(plan, expiryOf(plan, "accepting on", this));
    }
    const waiter = new Waiter(task, this, undefined);
    this.#waiters.push(waiter);
    task.hub.foreignWaits++;
    return park(waiter, plan, expiryOf(plan, "accepting on", this));
  }

  /** Closes it; greenlets that accept are told by an error. Harmless when it is closed. Does not switch. */
  close(): void {
    if (this.#closed !== undefined) return;
    const by = shortName(callerTask());
    const error = this.#closed = new Deno.errors.BadResource(`Listener on ${this} was closed by ${by}`);
    this.raw.close();
    for (let raw = this.#arrived.shift(); raw !== undefined; raw = this.#arrived.shift()) closeQuietly(raw);
    for (let waiter = this.#nextWaiter(); waiter !== undefined; waiter = this.#nextWaiter()) {
      waiter.fail(error);
    }
  }

  /** The same as {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** The connections, until it is closed. Each step waits as {@linkcode accept} does. */
  [Symbol.asyncIterator](): AsyncGenerator<C, void, void> {
    return quietly(this.#each());
  }

  async *#each(): AsyncGenerator<C, void, void> {
    while (!this.closed) {
      let conn: C;
      try {
        conn = await this.accept();
      } catch (error) {
        if (error === this.#closed) return;
        throw error;
      }
      yield conn;
    }
  }

  /** For reports: its class and where it listens. */
  get inspectTitle(): string {
    return `${this.constructor.name}(${this})`;
  }

  /** For reports: how many accept at a time. */
  inspectWait(_what: string): WaitDetails | undefined {
    const { size } = this.#waiters;
    return size > 1 ? { text: `${size} waiting` } : undefined;
  }

  /** For reports: where it listens. */
  toString(): string {
    return formatAddress(this.raw.addr);
  }

  /** For the hub: a waiter was interrupted. */
  remove(waiter: Waiter): void {
    this.#waiters.remove(waiter);
    waiter.task.hub.foreignWaits--;
    this.#unreference();
  }

  /** A client that nobody waits for must not keep the process alive. */
  #unreference(): void {
    if (this.#waiters.size > 0 || !this.#pulling) return;
    this.#unreferenced = true;
    this.raw.unref();
  }

  #pull(): void {
    if (this.#unreferenced) {
      this.#unreferenced = false;
      this.raw.ref();
    }
    if (this.#pulling) return;
    this.#pulling = true;
    this.raw.accept().then(this.#came, this.#failed);
  }

  readonly #came = (raw: RawConn): void => {
    this.#pulling = false;
    if (this.#closed !== undefined) return closeQuietly(raw);
    const waiter = this.#nextWaiter();
    if (waiter === undefined) return void this.#arrived.push(raw);
    if (this.#waiters.size > 0) this.#pull();
    waiter.task.hub.wakeFromOutside(() => waiter.wake(this.#wrap(raw)));
  };

  readonly #failed = (error: unknown): void => {
    this.#pulling = false;
    if (this.#closed !== undefined) return; // they have been told
    const waiter = this.#nextWaiter();
    if (waiter === undefined) return; // whoever asks next tries again
    if (this.#waiters.size > 0) this.#pull();
    waiter.task.hub.wakeFromOutside(() => waiter.fail(error));
  };

  #nextWaiter(): Waiter | undefined {
    const waiter = this.#waiters.shift() as Waiter | undefined;
    if (waiter !== undefined) waiter.task.hub.foreignWaits--;
    return waiter;
  }
}

/** Closes what nobody will use. */
export function closeQuietly(raw: { close(): void }): void {
  try {
    raw.close();
  } catch {
    // It has failed by itself meanwhile.
  }
}
