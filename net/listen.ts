import { originalOf } from "../hub/mod.ts";
import { checkWhole } from "../sync/check.ts";
import { checkHostname, checkPort, formatHostPort, withPlace } from "./address.ts";
import { Conn } from "./conn.ts";
import { Listener } from "./listener.ts";
import { TlsConn } from "./tls_conn.ts";

/** With the platform's default of 511, a burst of clients overflows it, and they try again a second later. */
const DEFAULT_BACKLOG = 4096;

/**
 * Where to listen: a TCP port, or the path of a Unix socket.
 *
 * @example Both
 * ```ts
 * import type { ListenOptions } from "@verdant/green";
 *
 * const tcp: ListenOptions = { hostname: "127.0.0.1", port: 0 };
 * const unix: ListenOptions = { path: "/tmp/example.sock" };
 * ```
 */
export type ListenOptions = ListenTcpOptions | ListenUnixOptions;

/**
 * Where to listen for TCP.
 *
 * @example Any free port
 * ```ts
 * import type { ListenTcpOptions } from "@verdant/green";
 *
 * const options: ListenTcpOptions = { port: 0 };
 * ```
 */
export interface ListenTcpOptions {
  /** 0 for any free one. */
  port: number;
  /**
   * The address of the interface.
   *
   * @default {"0.0.0.0"}
   */
  hostname?: string | undefined;
  /**
   * How many clients may wait to be accepted; the system may allow fewer.
   *
   * @default {4096}
   */
  backlog?: number | undefined;
  /** Not with TCP. */
  path?: undefined;
}

/**
 * Where to listen on a Unix socket.
 *
 * @example A path
 * ```ts
 * import type { ListenUnixOptions } from "@verdant/green";
 *
 * const options: ListenUnixOptions = { path: "/tmp/example.sock" };
 * ```
 */
export interface ListenUnixOptions {
  /** Where the socket is made; removed when the listener is closed. */
  path: string;
  /** Not with a path. */
  port?: undefined;
  /** Not with a path. */
  hostname?: undefined;
}

/**
 * Where and as whom to listen for TLS.
 *
 * @example With a certificate
 * ```ts
 * import type { ListenTlsOptions } from "@verdant/green";
 *
 * const options = (key: string, cert: string): ListenTlsOptions => ({ port: 443, key, cert });
 * ```
 */
export interface ListenTlsOptions extends ListenTcpOptions {
  /** The certificate chain (PEM). */
  cert: string;
  /** Its private key (PEM). */
  key: string;
  /** Protocols to offer, the preferred one first. */
  alpnProtocols?: string[] | undefined;
}

/**
 * Listens for TCP or Unix connections. Does not switch.
 *
 * Source: `eventlet.listen`, `gevent.baseserver`.
 *
 * @throws {RangeError} If the port or the backlog is out of range.
 * @throws {TypeError} If both or none of port and path are given, or the host name is empty.
 * @throws {Deno.errors.AddrInUse} If somebody listens there, or a file is at the path.
 * @throws {Deno.errors.AddrNotAvailable} If the address is not one of this machine.
 * @throws {Deno.errors.NotFound} If there is no such host, or no directory for the path.
 *
 * @example On any free port
 * ```ts
 * import { listen } from "@verdant/green";
 * import { assert } from "@std/assert";
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * assert((listener.addr as Deno.NetAddr).port > 0);
 * ```
 */
export function listen(options: ListenOptions): Listener {
  const action = "listen";
  checkPlace(options, action);
  checkBacklog(options, action);
  try {
    const raw = options.path === undefined
      ? originalOf(Deno.listen)(tcpOptions(options))
      : originalOf(Deno.listen)({ transport: "unix", path: options.path });
    return new Listener(raw, (conn) => new Conn(conn));
  } catch (error) {
    throw withPlace(error, "listen on", options.path ?? placeOf(options));
  }
}

/**
 * Listens for TLS connections. Does not switch. The handshake is done by the first read or write of the
 * connection, or its `handshake()`.
 *
 * @throws {RangeError} If the port or the backlog is out of range.
 * @throws {TypeError} If the host name is empty, or the certificate or key is missing.
 * @throws {Deno.errors.InvalidData} If the certificate or key is bad.
 *
 * @example With a certificate
 * ```ts
 * import { listenTls } from "@verdant/green";
 *
 * const serve = (key: string, cert: string) => listenTls({ port: 8443, key, cert });
 * ```
 */
export function listenTls(options: ListenTlsOptions): Listener<TlsConn> {
  const action = "listen for TLS";
  checkTcpPlace(options, action);
  checkBacklog(options, action);
  const { key, cert, alpnProtocols } = options;
  for (const [name, value] of Object.entries({ key, cert })) {
    if (typeof value !== "string" || value === "") {
      throw new TypeError(
        `Cannot ${action}: ${name} must be a PEM string, received ${JSON.stringify(value)}`,
      );
    }
  }
  try {
    const raw = originalOf(Deno.listenTls)({
      ...tcpOptions(options),
      key,
      cert,
      ...(alpnProtocols && { alpnProtocols }),
    });
    return new Listener(raw, (conn) => new TlsConn(conn as Deno.TlsConn));
  } catch (error) {
    throw withPlace(error, "listen for TLS on", placeOf(options));
  }
}

function placeOf({ hostname = "0.0.0.0", port }: ListenTcpOptions): string {
  return formatHostPort(hostname, port);
}

function tcpOptions({ port, hostname, backlog = DEFAULT_BACKLOG }: ListenTcpOptions): Deno.TcpListenOptions {
  return {
    port,
    ...(hostname !== undefined && { hostname }),
    tcpBacklog: backlog,
  };
}

/** Refuses what is no TCP port of a host. */
export function checkTcpPlace(
  { port, hostname }: { port?: unknown; hostname?: unknown },
  action: string,
): void {
  checkPort(port, action);
  if (hostname !== undefined) checkHostname(hostname, action);
}

function checkBacklog(options: ListenOptions, action: string): void {
  const { backlog } = options as ListenTcpOptions;
  if (backlog !== undefined) checkWhole(backlog, 0, action, "backlog");
}

/** Refuses what is no place to listen at or connect to. */
export function checkPlace(
  { port, hostname, path }: { port?: unknown; hostname?: unknown; path?: unknown },
  action: string,
): void {
  if (path !== undefined && (port !== undefined || hostname !== undefined)) {
    throw new TypeError(`Cannot ${action}: either path or port and hostname can be given, received both`);
  }
  if (path === undefined) {
    if (port === undefined) {
      throw new TypeError(`Cannot ${action}: either path or port must be given, received neither`);
    }
    checkTcpPlace({ port, hostname }, action);
  } else if (typeof path !== "string" || path === "") {
    throw new TypeError(
      `Cannot ${action}: path must be a non-empty string, received ${JSON.stringify(path)}`,
    );
  }
}
