import { quiet, type WaitOptions } from "../hub/mod.ts";
import { formatAddress } from "./address.ts";
import { AcceptingServer, checkHandler, type ServerOptions } from "./accepting_server.ts";
import { checkDatagramOptions, listenDatagram, type ListenDatagramOptions } from "./datagram.ts";
import { DatagramConn, type DatagramDestination } from "./datagram_conn.ts";
import { parseAddress } from "./parse_address.ts";

/**
 * Handles one datagram.
 *
 * @example Echo
 * ```ts
 * import type { DatagramHandler } from "@verdant/green";
 *
 * const echo: DatagramHandler = (data, from, server) => server.send(data, from);
 * ```
 */
export type DatagramHandler = (
  data: Uint8Array<ArrayBuffer>,
  from: Deno.NetAddr,
  server: DatagramServer,
) => unknown;

/**
 * Receives datagrams and handles each in a greenlet.
 *
 * An error of a handler is reported and ends nothing else. While as many handlers run as the `spawn` option
 * allows, nothing is received; what comes meanwhile waits in the socket's queue, see `maxQueue` of
 * `listenDatagram()`. While it is being stopped, handlers that run can still send; after `close()` they cannot.
 *
 * Source: `gevent.server.DatagramServer`.
 *
 * @example Echo
 * ```ts
 * import { DatagramServer, listenDatagram } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const place = { hostname: "127.0.0.1", port: 0 };
 * await using echo = new DatagramServer(place, (data, from, server) => server.send(data, from));
 * await echo.start();
 * using client = await listenDatagram({ hostname: "127.0.0.1", port: 0 });
 * await client.send("hello", echo.address!);
 * const [answer] = await client.receive({ timeout: 1000 });
 * assertEquals(new TextDecoder().decode(answer), "hello");
 * ```
 */
export class DatagramServer extends AcceptingServer {
  readonly #handler: DatagramHandler;
  /** A socket that was given, or where to make one. */
  readonly #place: DatagramConn | ListenDatagramOptions;
  #conn: DatagramConn | undefined = undefined;
  /** Whether the socket is left to `stop()`, for the handlers that run. */
  #stopping = false;

  /**
   * Makes a server that does not receive yet.
   *
   * @param address A port, `"host:port"`, an object as for `listenDatagram()`, or a socket.
   * @param handler Handles one datagram.
   * @param options How.
   * @throws {TypeError} If the address makes no sense, or `handler` is not a function.
   * @throws {RangeError} If a number is out of range.
   */
  constructor(
    address: number | string | ListenDatagramOptions | DatagramConn,
    handler: DatagramHandler,
    options: ServerOptions = {},
  ) {
    super(options);
    checkHandler(handler);
    this.#handler = handler;
    this.#place = toPlace(address);
  }

  /** Where it receives, with the real port if it was asked for port 0; `undefined` before the start. */
  override get address(): Deno.NetAddr | undefined {
    return this.#conn?.addr;
  }

  /** How many datagrams were thrown away because the socket's queue was full. */
  get dropped(): number {
    return this.#conn?.dropped ?? 0;
  }

  /**
   * Sends a datagram from the server's address, as {@linkcode DatagramConn.send} does. Switches.
   *
   * Source: `gevent.server.DatagramServer.sendto`.
   *
   * @throws {Error} If the server was not started.
   */
  send(data: Uint8Array | string, to: DatagramDestination, options?: WaitOptions): Promise<number> {
    if (this.#conn === undefined) throw new Error("Cannot send datagram: the server is not started");
    return this.#conn.send(data, to, options);
  }

  /**
   * Stops receiving, waits for the running handlers, kills those that take too long, waits for their clean-up,
   * and closes the socket. Switches.
   *
   * @param options How long to wait before the kill; `stopTimeout` of the server if not given.
   * @throws {RangeError} If the time-out is negative or NaN.
   * @throws The reason of the signal, if it aborts.
   */
  override stop(options?: WaitOptions): Promise<void> {
    const before = this.#stopping;
    this.#stopping = true;
    try {
      return quiet(super.stop(options).finally(() => this.#closeSocket()));
    } catch (error) {
      this.#stopping = before; // it was refused
      throw error;
    }
  }

  /** Makes the socket. */
  protected override open(): void | Promise<void> {
    if (this.#place instanceof DatagramConn) this.#conn = this.#place;
    else return this.#listen(this.#place);
  }

  /** Receives a datagram and handles it. */
  protected override async acceptOne(signal: AbortSignal): Promise<void> {
    const [data, from] = await this.#conn!.receive({ signal });
    await this.handle(async () => {
      await this.#handler(data, from, this);
    }, `datagram from ${formatAddress(from)}`);
  }

  /** Closes the socket, unless handlers may still need it. */
  protected override stopListening(): void {
    if (!this.#stopping) this.#closeSocket();
  }

  /** Whether somebody else has closed the socket. */
  protected override get broken(): boolean {
    return this.#conn!.closed;
  }

  /** Also one that it was given, if it never began. */
  #closeSocket(): void {
    if (this.#place instanceof DatagramConn) this.#place.close();
    else this.#conn?.close();
  }

  async #listen(options: ListenDatagramOptions): Promise<void> {
    const conn = await listenDatagram(options);
    if (this.closed) conn.close(); // meanwhile
    else this.#conn = conn;
  }
}

function toPlace(
  address: number | string | ListenDatagramOptions | DatagramConn,
): DatagramConn | ListenDatagramOptions {
  if (address instanceof DatagramConn) return address;
  const place = typeof address === "object" && address !== null
    ? address
    : parseAddress(address, "create server");
  checkDatagramOptions(place, "create server");
  return place;
}
