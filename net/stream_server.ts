import { type Duration, toMilliseconds } from "../hub/mod.ts";
import { checkWhole } from "../sync/check.ts";
import { sleep } from "../green/sleep.ts";
import { AcceptingServer, checkHandler, type ServerOptions } from "./accepting_server.ts";
import type { Conn } from "./conn.ts";
import { checkPlace, listen, type ListenOptions, listenTls, type ListenTlsOptions } from "./listen.ts";
import { Listener } from "./listener.ts";
import { parseAddress } from "./parse_address.ts";
import { TlsConn } from "./tls_conn.ts";

/**
 * Serves one client. The connection is closed when it returns or throws.
 *
 * @example Greet
 * ```ts
 * import type { StreamHandler } from "@verdant/green";
 *
 * const greet: StreamHandler = (conn) => conn.writeAll("hello\n");
 * ```
 */
export type StreamHandler = (conn: Conn, server: StreamServer) => unknown;

/**
 * Options of {@linkcode StreamServer}.
 *
 * @example With TLS
 * ```ts
 * import type { StreamServerOptions } from "@verdant/green";
 *
 * const options = (key: string, cert: string): StreamServerOptions => ({ tls: { key, cert }, spawn: 1000 });
 * ```
 */
export interface StreamServerOptions extends ServerOptions {
  /** Serve TLS: certificate and key (PEM). */
  tls?: Pick<ListenTlsOptions, "cert" | "key" | "alpnProtocols"> | undefined;
  /**
   * How long (ms or a `Temporal.Duration`) a client may take for the TLS handshake. Then its handler ends; but
   * Deno keeps the socket of an unfinished handshake until the client sends something or goes.
   *
   * @default {10000}
   */
  handshakeTimeout?: Duration | undefined;
  /**
   * How many clients are accepted in a row before the other greenlets get their turn.
   *
   * @default {100}
   */
  maxAccept?: number | undefined;
}

const DEFAULT_HANDSHAKE_TIMEOUT_MS = 10_000;
const DEFAULT_MAX_ACCEPT = 100;

/**
 * Accepts connections and serves each in a greenlet.
 *
 * An error of a handler is reported and ends its connection, nothing else. A TLS handshake is done in the
 * handler's greenlet: a slow client keeps nobody waiting.
 *
 * Source: `gevent.server.StreamServer`.
 *
 * @example Echo
 * ```ts
 * import { connect, StreamServer } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = new StreamServer({ hostname: "127.0.0.1", port: 0 }, async (conn) => {
 *   for await (const line of conn.lines()) await conn.writeAll(`${line}\n`);
 * });
 * await server.start();
 * using conn = await connect({ port: (server.address as Deno.NetAddr).port });
 * await conn.writeAll("hello\n");
 * assertEquals(await conn.readLine(), "hello");
 * ```
 */
export class StreamServer extends AcceptingServer {
  readonly #handler: StreamHandler;
  readonly #open: () => Listener<Conn>;
  readonly #handshakeTimeout: Duration;
  readonly #maxAccept: number;
  #listener: Listener<Conn> | undefined = undefined;
  #accepted = 0;

  /**
   * Makes a server that does not listen yet.
   *
   * @param address A port, `"host:port"`, an object as for `listen()`, or a listener, which is the server's from
   * now on.
   * @param handler Serves one client.
   * @param options How.
   * @throws {TypeError} If the address makes no sense, `handler` is not a function, or `tls` goes with a
   * listener.
   * @throws {RangeError} If a number is out of range.
   */
  constructor(
    address: number | string | ListenOptions | Listener<Conn>,
    handler: StreamHandler,
    options: StreamServerOptions = {},
  ) {
    super(options);
    checkHandler(handler);
    const { tls, maxAccept = DEFAULT_MAX_ACCEPT } = options;
    const { handshakeTimeout = DEFAULT_HANDSHAKE_TIMEOUT_MS } = options;
    checkWhole(maxAccept, 1, "create server", "maxAccept");
    toMilliseconds(handshakeTimeout, "create server", "handshakeTimeout");
    this.#handler = handler;
    this.#open = opener(address, tls);
    this.#maxAccept = maxAccept;
    this.#handshakeTimeout = handshakeTimeout;
    if (address instanceof Listener) this.#listener = address; // also one that never starts closes it
  }

  /**
   * Where it listens, with the real port if it was asked for port 0; `undefined` before the start unless it was
   * given a listener.
   */
  override get address(): Deno.Addr | undefined {
    return this.#listener?.addr;
  }

  /** Begins to listen. */
  protected override open(): void {
    this.#listener = this.#open();
  }

  /** Accepts a client and serves it. */
  protected override async acceptOne(signal: AbortSignal): Promise<void> {
    const conn = await this.#listener!.accept({ signal });
    try {
      await this.handle(() => this.#serve(conn), `client ${conn}`, () => conn.close());
    } catch (error) {
      conn.close(); // there is nobody to serve it
      throw error;
    }
    if (++this.#accepted % this.#maxAccept === 0) await sleep();
  }

  /** Closes the listener. */
  protected override stopListening(): void {
    this.#listener?.close();
  }

  /** Whether the listener was closed by somebody else. */
  protected override get broken(): boolean {
    return this.#listener!.closed;
  }

  async #serve(conn: Conn): Promise<void> {
    using _conn = conn;
    if (conn instanceof TlsConn) await conn.handshake({ timeout: this.#handshakeTimeout });
    await this.#handler(conn, this);
  }
}

function opener(
  address: number | string | ListenOptions | Listener<Conn>,
  tls: StreamServerOptions["tls"],
): () => Listener<Conn> {
  if (address instanceof Listener) {
    if (tls !== undefined) throw new TypeError("Cannot create server: tls cannot be given with a listener");
    return () => address;
  }
  const place = typeof address === "object" && address !== null
    ? address
    : parseAddress(address, "create server");
  checkPlace(place, "create server");
  if (tls === undefined) return () => listen(place);
  if (place.path !== undefined) {
    throw new TypeError("Cannot create server: TLS needs a port, received a path");
  }
  return () => listenTls({ ...place, ...tls });
}
