import type { WaitOptions } from "../../hub/mod.ts";
import { Conn } from "../conn.ts";
import type { StartTlsOptions } from "../connect.ts";
import type { ListenTlsOptions } from "../listen.ts";
import type { Listener } from "../listener.ts";
import { TlsConn } from "../tls_conn.ts";
import { wrapTls as wrapInTls } from "../wrap_tls.ts";
import { ListeningSocket } from "./listening_socket.ts";

/**
 * How `eventlet.wrapSsl()` puts TLS on a listener.
 *
 * @example As in Python
 * ```ts
 * import type { eventlet } from "@verdant/green";
 *
 * const options: eventlet.WrapSslServerOptions = { certfile: "cert.crt", keyfile: "private.key", serverSide: true };
 * ```
 */
export interface WrapSslServerOptions {
  /** The file with the certificate chain (PEM). */
  certfile: string;
  /** The file with its private key (PEM). */
  keyfile: string;
  /** A listener is always the server's. */
  serverSide?: true | undefined;
}

/**
 * How `eventlet.wrapSsl()` puts TLS on a connection.
 *
 * @example As in Python
 * ```ts
 * import type { eventlet } from "@verdant/green";
 *
 * const options: eventlet.WrapSslClientOptions = { serverHostname: "localhost", caCerts: "ca.crt" };
 * ```
 */
export interface WrapSslClientOptions extends WaitOptions {
  /** Whom the server's certificate must be for. */
  serverHostname: string;
  /** A file with certificates (PEM) to trust besides the usual ones. */
  caCerts?: string | undefined;
  /** Deno puts TLS on connections only as their client: to be a server, wrap the listener. */
  serverSide?: false | undefined;
}

/**
 * Puts TLS on a TCP connection, as its client, with certificates in memory. Switches.
 *
 * Source: `eventlet.wrap_ssl`.
 *
 * @example Of a client
 * ```ts
 * import { eventlet } from "@verdant/green";
 *
 * const secure = async (host: string) =>
 *   await eventlet.wrapTls(await eventlet.connect([host, 443]), { hostname: host });
 * ```
 */
export function wrapTls(conn: Conn, options: StartTlsOptions): Promise<TlsConn>;
/**
 * Puts TLS on a listener: it is closed, and another one listens in its place. Clients that it has not accepted
 * are lost, so do this first. Does not switch.
 *
 * @throws {TypeError} If it does not listen for TCP, or the certificate or key is missing.
 * @throws {Deno.errors.InvalidData} If the certificate or key is bad; the listener stays open.
 *
 * @example Of a server
 * ```ts
 * import { eventlet } from "@verdant/green";
 *
 * const secure = (cert: string, key: string) => eventlet.wrapTls(eventlet.listen(["", 8443]), { cert, key });
 * ```
 */
export function wrapTls(
  listener: Listener,
  options: Pick<ListenTlsOptions, "key" | "cert" | "alpnProtocols">,
): ListeningSocket<TlsConn>;
export function wrapTls(
  target: Conn | Listener,
  options: StartTlsOptions | Pick<ListenTlsOptions, "key" | "cert" | "alpnProtocols">,
): Promise<TlsConn> | ListeningSocket<TlsConn> {
  if (target instanceof Conn) return wrapInTls(target, options as StartTlsOptions);
  const identity = options as Pick<ListenTlsOptions, "key" | "cert" | "alpnProtocols">;
  const { raw } = wrapInTls(target, identity);
  const { cert, key } = identity;
  return new ListeningSocket(raw, (conn) => new TlsConn(conn as Deno.TlsConn), { cert, key });
}

/**
 * Puts TLS on a listener, with certificate and key from files, as {@linkcode wrapTls} does otherwise. Does not
 * switch.
 *
 * Source: `eventlet.wrap_ssl`.
 *
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {TypeError} If it does not listen for TCP, or `certfile` or `keyfile` is missing.
 * @throws {Deno.errors.InvalidData} If the certificate or key is bad; the listener stays open.
 *
 * @example Of a server
 * ```ts
 * import { eventlet } from "@verdant/green";
 *
 * const secure = () =>
 *   eventlet.wrapSsl(eventlet.listen(["", 8443]), {
 *     certfile: "cert.crt",
 *     keyfile: "private.key",
 *     serverSide: true,
 *   });
 * ```
 */
export function wrapSsl(listener: Listener, options: WrapSslServerOptions): ListeningSocket<TlsConn>;
/**
 * Puts TLS on a TCP connection, as its client. The server's certificate is always checked, which eventlet does not
 * do. Switches.
 *
 * @throws {Deno.errors.InvalidData} If the server's certificate is refused.
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {Timeout} On time-out.
 * @throws {TypeError} If `serverHostname` is missing, or `serverSide` is true.
 *
 * @example Of a client
 * ```ts
 * import { eventlet } from "@verdant/green";
 *
 * const secure = async () =>
 *   await eventlet.wrapSsl(await eventlet.connect(["", 8443]), { serverHostname: "localhost", caCerts: "ca.crt" });
 * ```
 */
export function wrapSsl(conn: Conn, options: WrapSslClientOptions): Promise<TlsConn>;
export function wrapSsl(
  target: Conn | Listener,
  options: WrapSslServerOptions | WrapSslClientOptions,
): Promise<TlsConn> | ListeningSocket<TlsConn> {
  checkSide(target, options.serverSide);
  if (!(target instanceof Conn)) {
    const { certfile, keyfile } = options as WrapSslServerOptions;
    return wrapTls(target, { cert: readPem(certfile, "certfile"), key: readPem(keyfile, "keyfile") });
  }
  const { serverHostname, caCerts, timeout, signal } = options as WrapSslClientOptions;
  const trust = caCerts === undefined ? {} : { caCerts: [readPem(caCerts, "caCerts")] };
  return wrapTls(target, { hostname: serverHostname, timeout, signal, ...trust });
}

function checkSide(target: Conn | Listener, serverSide: unknown): void {
  const isConn = target instanceof Conn;
  if (isConn && serverSide === true) {
    throw new TypeError(
      "Cannot wrap in TLS: serverSide must not be true for a connection; wrap the listener",
    );
  }
  if (!isConn && serverSide === false) {
    throw new TypeError("Cannot wrap in TLS: serverSide must not be false for a listener");
  }
}

function readPem(file: string, what: string): string {
  if (typeof file === "string" && file !== "") return Deno.readTextFileSync(file);
  throw new TypeError(`Cannot wrap in TLS: ${what} must be the name of a file, received ${String(file)}`);
}
