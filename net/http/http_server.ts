import { type Duration, getHub, until } from "../../hub/mod.ts";
import { checkFunction, checkWhole } from "../../sync/check.ts";
import type { Greenlet } from "../../green/greenlet.ts";
import type { Pool } from "../../green/pool.ts";
import { formatHostPort, withPlace } from "../address.ts";
import { BaseServer } from "../base_server.ts";
import { checkPlace, type ListenOptions, type ListenTcpOptions } from "../listen.ts";
import { parseAddress } from "../parse_address.ts";
import type { AccessLogEntry } from "./access_log.ts";
import type { RequestInfo } from "./request_greenlet.ts";
import { Service } from "./service.ts";

/**
 * Answers a request, in a greenlet of its own.
 *
 * @example Hello
 * ```ts
 * import type { HttpHandler } from "@verdant/green";
 *
 * const hello: HttpHandler = (request, { remoteAddr }) =>
 *   new Response(`${request.method} from ${(remoteAddr as Deno.NetAddr).hostname}\n`);
 * ```
 */
export type HttpHandler = (request: Request, info: RequestInfo) => Response | PromiseLike<Response>;

/**
 * Where an `HttpServer` listens.
 *
 * @example By TLS
 * ```ts
 * import { type HttpAddress, HttpServer } from "@verdant/green";
 *
 * const at = (cert: string, key: string): HttpAddress => ({ port: 443, tls: { cert, key } });
 * const serve = (cert: string, key: string) => new HttpServer(at(cert, key), () => new Response("hello"));
 * ```
 */
export type HttpAddress = ListenOptions & {
  /** Certificate chain and private key (PEM). HTTP/2 is spoken with those who can. */
  tls?: { readonly cert: string; readonly key: string } | undefined;
};

/**
 * Options of an `HttpServer`.
 *
 * @example For the open Internet
 * ```ts
 * import { HttpServer, type HttpServerOptions } from "@verdant/green";
 *
 * const options: HttpServerOptions = {
 *   spawn: 500,
 *   maxQueued: 2_000,
 *   requestTimeout: 30_000,
 *   maxBodyBytes: 1_000_000,
 *   accessLog: true,
 * };
 * new HttpServer({ port: 0 }, () => new Response("hello"), options);
 * ```
 */
export interface HttpServerOptions {
  /**
   * How many requests are handled at a time, or a pool that others may share; the rest waits in the order of
   * arrival.
   *
   * @default {"default"} Any number.
   */
  spawn?: "default" | number | Pool | undefined;
  /**
   * How many requests may wait; one more is answered 503 with `Retry-After`.
   *
   * @default {1000}
   */
  maxQueued?: number | undefined;
  /**
   * How long (ms or a `Temporal.Duration`) a request may take until its handler returns a response, the time in
   * the queue included. Then the handler is killed and the client gets `timeoutStatus`.
   *
   * @default {Infinity}
   */
  requestTimeout?: Duration | undefined;
  /**
   * What a client gets when time is up.
   *
   * @default {503}
   */
  timeoutStatus?: 503 | 504 | undefined;
  /**
   * How large the body of a request may be; a larger one is answered 413. Copies by `clone()` have the same limit,
   * those that `new Request(request)` makes have none unless the length was announced.
   *
   * @default {10485760} 10 MiB.
   */
  maxBodyBytes?: number | undefined;
  /**
   * Called with what a handler throws, in its greenlet, after it was reported; makes the answer instead of
   * "Internal Server Error".
   */
  onError?:
    | ((error: unknown, request: Request, info: RequestInfo) => Response | PromiseLike<Response>)
    | undefined;
  /**
   * Called for each request once it is over; `true` writes the combined log format to the standard output.
   *
   * @default {false}
   */
  accessLog?: boolean | ((entry: AccessLogEntry) => unknown) | undefined;
  /** Headers whose values reports must not tell, beside `authorization`, `cookie` and the like. */
  redact?: readonly string[] | undefined;
  /**
   * How long (ms or a `Temporal.Duration`) `stop()` lets running handlers finish before it kills them.
   *
   * @default {1000}
   */
  stopTimeout?: Duration | undefined;
}

/** How long (ms) the platform may take to close its connections once nothing uses them any more. */
const SHUTDOWN_TIMEOUT_MS = 1_000;
/** With the platform's default, a burst of clients overflows it, and they try again a second later. */
const DEFAULT_BACKLOG = 4096;

/**
 * Serves HTTP: a greenlet for each request, limits, and a graceful end. The wire is `Deno.serve`'s, HTTP/2 and
 * all.
 *
 * - The handler is killed when its client goes, unless a `shield()` holds it, and when its time is up. Of a client
 *   that goes in the middle of its body, the handler hears when it reads on.
 * - Its errors are reported, and the client gets a bare 500.
 * - `stop()` accepts no more, closes idle connections, lets requests and streams finish, and kills what is left
 *   after the time-out; event streams and WebSockets are told to end at once.
 *
 * Source: `gevent.pywsgi.WSGIServer`, `eventlet.wsgi.server`.
 *
 * @example Hello
 * ```ts
 * import { fetch, HttpServer } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = new HttpServer("127.0.0.1:0", (request) => new Response(`hello ${new URL(request.url).pathname}`));
 * await server.start();
 * const { port } = server.address as Deno.NetAddr;
 * assertEquals(await (await fetch(`http://127.0.0.1:${port}/you`)).text(), "hello /you");
 * ```
 */
export class HttpServer extends BaseServer {
  readonly #place: HttpAddress;
  readonly #service: Service;
  #server: Deno.HttpServer | undefined = undefined;
  #shutdown: Promise<void> | undefined = undefined;

  /**
   * Makes a server that does not listen yet.
   *
   * @param address A port, `"host:port"`, or an object with `hostname` and `port` or `path`, and `tls`.
   * @param handler Answers one request.
   * @param options Limits and logs.
   * @throws {TypeError} If the address makes no sense, or an option is of the wrong type.
   * @throws {RangeError} If a number is out of range.
   */
  constructor(address: number | string | HttpAddress, handler: HttpHandler, options: HttpServerOptions = {}) {
    super(options.stopTimeout);
    this.#place = typeof address === "object" && address !== null
      ? address
      : parseAddress(address, "create server");
    checkPlace(this.#place, "create server");
    checkTls(this.#place);
    const { backlog } = this.#place as ListenTcpOptions;
    if (backlog !== undefined) checkWhole(backlog, 0, "create server", "backlog");
    checkFunction(handler, "create server", "handler");
    this.#service = new Service(handler, options, this.#place.tls !== undefined);
  }

  /** Where it listens, with the real port if it was asked for port 0; `undefined` before the start. */
  override get address(): Deno.Addr | undefined {
    return this.#server?.addr;
  }

  /** How many requests are being handled, streamed responses and WebSockets included. */
  override get running(): number {
    return this.#service.size;
  }

  /** How many requests wait for a slot. */
  get queued(): number {
    return this.#service.queued;
  }

  /** For the base. */
  protected override open(): void {
    const { tls, port, hostname = "0.0.0.0", path } = this.#place;
    const { backlog = DEFAULT_BACKLOG } = this.#place as ListenTcpOptions;
    const place = path === undefined ? { port: port!, hostname, tcpBacklog: backlog, ...tls } : { path };
    try {
      this.#server = Deno.serve(
        {
          ...place,
          onListen: () => {},
          onError: (error) => this.#service.fail(this, error),
        } as Deno.ServeTcpOptions,
        this.#service.handle,
      );
    } catch (error) {
      throw withPlace(error, "serve HTTP on", path ?? formatHostPort(hostname, port!));
    }
  }

  /** For the base. */
  protected override shut(): void {
    this.#shutdown = this.#server?.shutdown();
    this.#service.endEndless();
  }

  /** For the base. */
  protected override get handlers(): Iterable<Greenlet> {
    return this.#service.greenlets();
  }

  /** For the base. */
  protected override async finished(left: readonly Greenlet[]): Promise<void> {
    await this.#service.stop(left);
    // The connection of a handler that stops the server stays open until that handler returns.
    if (this.#shutdown !== undefined && this.running <= left.length) {
      await this.#shutDownInTime(this.#shutdown);
    }
  }

  async #shutDownInTime(shutdown: Promise<void>): Promise<void> {
    const over = await until(shutdown.then(() => true), { timeout: SHUTDOWN_TIMEOUT_MS }).catch(() => false);
    if (over) return;
    // The platform lets nobody close them, and keeps the process alive as long as they are open.
    const error = new Error("Connections are still open: their clients neither take nor send what is due");
    getHub().handleError(this, error);
  }
}

function checkTls({ tls, path }: HttpAddress): void {
  if (tls === undefined) return;
  if (path !== undefined) throw new TypeError("Cannot create server: TLS needs a port, received a path");
  for (const name of ["cert", "key"] as const) {
    if (typeof tls?.[name] === "string") continue;
    throw new TypeError(
      `Cannot create server: tls.${name} must be PEM text, received ${String(tls?.[name])}`,
    );
  }
}
