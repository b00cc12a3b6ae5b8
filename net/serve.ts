import { enterWait, getHub, isKill, quiet } from "../hub/mod.ts";
import { AsyncResult } from "../sync/async_result.ts";
import { checkFunction, checkSize } from "../sync/check.ts";
import { getCurrent } from "../green/current.ts";
import type { Greenlet } from "../green/greenlet.ts";
import { Job } from "../green/job.ts";
import { Pool } from "../green/pool.ts";
import { shield } from "../green/shield.ts";
import type { Conn } from "./conn.ts";
import { Listener } from "./listener.ts";

/**
 * Thrown by a handler of {@linkcode serve} to end it.
 *
 * Source: `eventlet.StopServe`.
 *
 * @example Once is enough
 * ```ts
 * import { connect, listen, serve, spawn, StopServe } from "@verdant/green";
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * const serving = spawn(() =>
 *   serve(listener, () => {
 *     throw new StopServe();
 *   })
 * );
 * using _conn = await connect({ port: (listener.addr as Deno.NetAddr).port });
 * await serving.get();
 * ```
 */
export class StopServe extends Error {
  /** Always `"StopServe"`. */
  override readonly name = "StopServe";
}

/**
 * Options of {@linkcode serve}.
 *
 * @example Ten at a time
 * ```ts
 * import type { ServeOptions } from "@verdant/green";
 *
 * const options: ServeOptions = { concurrency: 10 };
 * ```
 */
export interface ServeOptions {
  /**
   * How many clients are served at a time; the others wait to be accepted.
   *
   * @default {1000}
   */
  concurrency?: number | undefined;
}

const DEFAULT_CONCURRENCY = 1_000;

/**
 * Serves the clients of a listener, each in a greenlet, until a handler throws: a `StopServe` ends it, another
 * error is thrown by it. Handlers that run go on, their errors are reported; the listener stays open. Switches.
 *
 * Source: `eventlet.serve`.
 *
 * @param listener Where clients come from.
 * @param handler Serves one client; the connection is closed afterwards.
 * @throws {Error} What a handler throws.
 * @throws {TypeError} If `listener` is not a listener, or `handler` not a function.
 * @throws {RangeError} If `concurrency` is not a positive integer.
 *
 * @example Echo
 * ```ts
 * import { connect, listen, serve, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * const serving = spawn(() =>
 *   serve(listener, async (conn) => {
 *     for await (const line of conn.lines()) await conn.writeAll(`${line}\n`);
 *   })
 * );
 * using conn = await connect({ port: (listener.addr as Deno.NetAddr).port });
 * await conn.writeAll("hello\n");
 * assertEquals(await conn.readLine(), "hello");
 * await serving.kill();
 * ```
 */
export function serve<C extends Conn>(
  listener: Listener<C>,
  handler: (conn: C) => unknown,
  options: ServeOptions = {},
): Promise<void> {
  const { concurrency = DEFAULT_CONCURRENCY } = options;
  if (!(listener instanceof Listener)) {
    throw new TypeError(`Cannot serve: listener must be a Listener, received ${String(listener)}`);
  }
  checkFunction(handler, "serve", "handler");
  checkSize(concurrency, 1, "serve", "concurrency");
  enterWait("serve");
  return quiet(new Serving(listener, handler, concurrency).run());
}

/** One call of `serve()`: accepts in a greenlet of its own, so that a handler can end it at any moment. */
class Serving<C extends Conn> {
  readonly #listener: Listener<C>;
  readonly #handler: (conn: C) => unknown;
  readonly #pool: Pool;
  readonly #outcome: AsyncResult<void> = new AsyncResult();
  /** Whether nobody waits for the outcome any more. */
  #over = false;

  constructor(listener: Listener<C>, handler: (conn: C) => unknown, concurrency: number) {
    this.#listener = listener;
    this.#handler = handler;
    this.#pool = new Pool(concurrency);
  }

  async run(): Promise<void> {
    const acceptor = new Job<void>(() => this.#acceptAll());
    acceptor.name = `acceptor of ${this.#listener}`;
    acceptor.rawlink(() => acceptor.failed && this.#end(acceptor, acceptor.error));
    acceptor.start();
    try {
      await this.#outcome.get();
    } finally {
      this.#over = true;
      await shield(() => acceptor.kill());
    }
  }

  async #acceptAll(): Promise<void> {
    for (;;) {
      await this.#pool.waitAvailable(); // a client that cannot be served yet is not accepted
      const conn = await this.#listener.accept();
      const job = new Job<void>(() => this.#serve(conn));
      job.name = `client ${conn}`;
      job.rawlink(() => conn.close()); // even if it is killed before it begins
      try {
        await this.#pool.start(job);
      } catch (error) {
        conn.close(); // killed between the two
        throw error;
      }
    }
  }

  async #serve(conn: C): Promise<void> {
    try {
      await this.#handler(conn);
    } catch (error) {
      if (isKill(error)) throw error;
      this.#end(getCurrent(), error);
    }
  }

  /** The first outcome counts; later errors have nobody to go to. */
  #end(greenlet: Greenlet | undefined, error: unknown): void {
    const late = this.#over || this.#outcome.ready;
    if (error instanceof StopServe) {
      if (!late) this.#outcome.set(undefined);
    } else if (late) getHub().handleError(greenlet, error);
    else this.#outcome.setError(error);
  }
}
