/**
 * WSGI applications, served by `HttpServer`.
 *
 * Source: `eventlet.wsgi`.
 *
 * @example Hello, as in eventlet's documentation
 * ```ts
 * import { eventlet, fetch } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const { wsgi } = eventlet;
 *
 * const helloWorld: eventlet.wsgi.WsgiApplication = (env, startResponse) => {
 *   if (env.PATH_INFO !== "/") {
 *     startResponse("404 Not Found", [["Content-Type", "text/plain"]]);
 *     return ["Not Found\r\n"];
 *   }
 *   startResponse("200 OK", [["Content-Type", "text/plain"]]);
 *   return ["Hello, World!\r\n"];
 * };
 *
 * const sock = eventlet.listen(["127.0.0.1", 0]);
 * const server = eventlet.spawn(wsgi.server, sock, helloWorld, { logOutput: false });
 * await eventlet.sleep();
 * const { port } = sock.addr as Deno.NetAddr;
 * assertEquals(await (await fetch(`http://127.0.0.1:${port}/`)).text(), "Hello, World!\r\n");
 * sock.close();
 * await server.wait();
 * ```
 *
 * @module
 */
import { type Duration, enterWait, quiet } from "../../hub/mod.ts";
import { checkFunction, checkSize } from "../../sync/check.ts";
import { Pool } from "../../green/pool.ts";
import { formatAddress } from "../address.ts";
import { type AccessLogEntry, combinedLogLine } from "../http/access_log.ts";
import { HttpServer, type HttpServerOptions } from "../http/http_server.ts";
import { handOver, ListeningSocket } from "./listening_socket.ts";
import { type WsgiApplication, WsgiCall } from "./wsgi_call.ts";
import { environOf, type WsgiServerInfo } from "./wsgi_environ.ts";

export type { StartResponse, WsgiApplication, WsgiPart, WsgiResult } from "./wsgi_call.ts";
export type { WsgiEnviron, WsgiErrors, WsgiPosthook } from "./wsgi_environ.ts";
export { WsgiInput } from "./wsgi_input.ts";

/**
 * Options of `wsgi.server()`.
 *
 * @example Quiet, with limits
 * ```ts
 * import type { eventlet } from "@verdant/green";
 *
 * const options: eventlet.wsgi.WsgiServerOptions = { logOutput: false, maxSize: 100, requestTimeout: 30_000 };
 * ```
 */
export interface WsgiServerOptions {
  /**
   * Called with each line of the log.
   *
   * @default {console.error}
   */
  log?: ((line: string) => unknown) | undefined;
  /**
   * Whether there is a log at all.
   *
   * @default {true}
   */
  logOutput?: boolean | undefined;
  /**
   * Makes the line of a request.
   *
   * @default {formatLogLine}
   */
  logFormat?: ((entry: AccessLogEntry) => string) | undefined;
  /** Added to the environment of every request. */
  environ?: Readonly<Record<string, unknown>> | undefined;
  /**
   * How many requests are handled at a time; the others wait. In eventlet, connections are counted.
   *
   * @default {1024}
   */
  maxSize?: number | undefined;
  /** Where requests are handled, instead of a pool of `maxSize`: a `Pool`, in eventlet a `GreenPool`. */
  customPool?: Pool | undefined;
  /**
   * Whether a client is told the stack of an error in the application. In eventlet every client is.
   *
   * @default {false}
   */
  debug?: boolean | undefined;
  /**
   * How long (ms or a `Temporal.Duration`) a request may take until its response begins: then the client gets 503.
   * What comes closest to eventlet's `socket_timeout`, which limits each read and write.
   *
   * @default {Infinity}
   */
  requestTimeout?: Duration | undefined;
  /**
   * How large (bytes) the body of a request may be; a larger one is answered 413.
   *
   * @default {10485760}
   */
  maxBodyBytes?: number | undefined;
  /**
   * How long (ms or a `Temporal.Duration`) requests may take to finish when the server ends.
   *
   * @default {Infinity}
   */
  stopTimeout?: Duration | undefined;
}

const DEFAULT_MAX_SIZE = 1_024;
const ACTION = "serve WSGI";

/**
 * Serves a WSGI application, until the greenlet is killed, the listener is closed, or a SIGINT or SIGTERM comes. Then
 * idle connections are closed, and requests may finish. Switches.
 *
 * The wire is that of `HttpServer`, which listens in place of `sock`: clients that `sock` has not accepted are lost.
 * What the platform decides by itself cannot be chosen: `keepalive`, `minimum_chunk_size`, `url_length_limit`,
 * `capitalize_response_headers`, `max_http_version`, `protocol`. Nor does the log know `X-Forwarded-For`.
 *
 * Source: `eventlet.wsgi.server`.
 *
 * @param sock Where to listen: from `eventlet.listen()`, or with TLS from `eventlet.wrapSsl()`.
 * @param site The application.
 * @param options Limits and log.
 * @throws {Deno.errors.AddrInUse} If somebody else has taken the place of `sock`.
 * @throws {Deno.errors.BadResource} If `sock` is closed.
 * @throws {TypeError} If `sock` is of another kind, or `site` not a function, or an option of the wrong type.
 * @throws {RangeError} If a number is out of range.
 *
 * @example A response that comes part by part
 * ```ts
 * import { eventlet, fetch } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const sock = eventlet.listen(["127.0.0.1", 0]);
 * const serving = eventlet.spawn(eventlet.wsgi.server, sock, async function* (_environ, startResponse) {
 *   startResponse("200 OK", [["Content-Type", "text/plain"]]);
 *   yield "one ";
 *   await eventlet.sleep(1);
 *   yield "two";
 * }, { logOutput: false });
 * await eventlet.sleep();
 * const url = `http://127.0.0.1:${(sock.addr as Deno.NetAddr).port}/`;
 * assertEquals(await (await fetch(url)).text(), "one two");
 * await eventlet.kill(serving);
 * await serving.join();
 * ```
 */
export function server(
  sock: ListeningSocket,
  site: WsgiApplication,
  options: WsgiServerOptions = {},
): Promise<void> {
  checkArguments(sock, site, options);
  const { log = console.error, logOutput = true, environ: extra = {}, stopTimeout = Infinity } = options;
  const { place } = sock;
  const secure = place.tls !== undefined;
  const info: WsgiServerInfo = { address: sock.addr, secure, extra };
  const http = new HttpServer(
    place,
    (request, about) => new WsgiCall(site, environOf(request, about, info)).answer(),
    { ...httpOptions(options), stopTimeout },
  );
  enterWait(ACTION);
  if (sock.closed) throw new Deno.errors.BadResource(`Cannot ${ACTION}: the listener on ${sock} is closed`);
  handOver(sock, () => http.close());
  void http.start(); // an error of the platform is thrown here and now
  const write = logOutput ? (line: string) => void log(`(${Deno.pid}) ${line}`) : () => {};
  return quiet(serve(http, `${secure ? "https" : "http"}://${formatAddress(sock.addr)}`, write));
}

/**
 * A line of the log as eventlet writes it: the common log format, and how long it took, in seconds.
 *
 * @example With the time in front
 * ```ts
 * import { eventlet } from "@verdant/green";
 *
 * const options: eventlet.wsgi.WsgiServerOptions = {
 *   logFormat: (entry) => `${entry.time.toISOString()} ${eventlet.wsgi.formatLogLine(entry)}`,
 * };
 * ```
 */
export function formatLogLine(entry: AccessLogEntry): string {
  const line = combinedLogLine({ ...entry, referer: undefined, userAgent: undefined });
  return `${line.slice(0, -NOT_TOLD.length)} ${(entry.duration / 1_000).toFixed(6)}`;
}

/** How the combined log format ends without referer and user agent. */
const NOT_TOLD = ' "-" "-"';

async function serve(server: HttpServer, url: string, log: (line: string) => void): Promise<void> {
  log(`wsgi starting up on ${url}`);
  try {
    await server.serveForever();
  } finally {
    log("wsgi exited");
  }
}

function httpOptions(options: WsgiServerOptions): HttpServerOptions {
  const { log = console.error, logOutput = true, logFormat = formatLogLine, debug = false } = options;
  const { maxSize = DEFAULT_MAX_SIZE, customPool, requestTimeout, maxBodyBytes } = options;
  return {
    spawn: customPool ?? (maxSize === Infinity ? "default" : maxSize),
    maxQueued: Infinity,
    requestTimeout,
    maxBodyBytes,
    accessLog: logOutput && ((entry) => log(logFormat(entry))),
    onError: debug ? explain : undefined,
  };
}

function explain(error: unknown): Response {
  const text = error instanceof Error ? error.stack ?? String(error) : String(error);
  return new Response(`${text}\n`, { status: 500, headers: { "content-type": "text/plain;charset=UTF-8" } });
}

function checkArguments(sock: unknown, site: unknown, options: WsgiServerOptions): void {
  if (!(sock instanceof ListeningSocket)) {
    throw new TypeError(`Cannot ${ACTION}: sock must come from eventlet.listen(), received ${String(sock)}`);
  }
  checkFunction(site, ACTION, "site");
  const { log, logFormat, customPool, maxSize = DEFAULT_MAX_SIZE } = options;
  if (log !== undefined) checkFunction(log, ACTION, "log");
  if (logFormat !== undefined) checkFunction(logFormat, ACTION, "logFormat");
  checkSize(maxSize, 1, ACTION, "maxSize");
  if (customPool !== undefined && !(customPool instanceof Pool)) {
    throw new TypeError(`Cannot ${ACTION}: customPool must be a Pool, received ${String(customPool)}`);
  }
}
