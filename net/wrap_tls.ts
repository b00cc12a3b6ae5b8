import { Conn } from "./conn.ts";
import { startTls, type StartTlsOptions } from "./connect.ts";
import { listenTls, type ListenTlsOptions } from "./listen.ts";
import type { Listener } from "./listener.ts";
import type { TlsConn } from "./tls_conn.ts";

/**
 * Puts TLS on a TCP connection, as its client: the same as `startTls()`. Switches.
 *
 * Source: `eventlet.wrap_ssl`.
 *
 * @example Of a client
 * ```ts
 * import { connect, wrapTls } from "@verdant/green";
 *
 * const secure = async (hostname: string) => wrapTls(await connect({ hostname, port: 443 }), { hostname });
 * ```
 */
export function wrapTls(conn: Conn, options: StartTlsOptions): Promise<TlsConn>;
/**
 * Puts TLS on a listener: it is closed, and another one listens in its place. Clients that it has not accepted
 * are lost, so do this first. Does not switch.
 *
 * @example Of a server
 * ```ts
 * import { listen, wrapTls } from "@verdant/green";
 *
 * const secure = (key: string, cert: string) => wrapTls(listen({ port: 8443 }), { key, cert });
 * ```
 */
export function wrapTls(
  listener: Listener<Conn>,
  options: Pick<ListenTlsOptions, "key" | "cert" | "alpnProtocols">,
): Listener<TlsConn>;
export function wrapTls(
  target: Conn | Listener<Conn>,
  options: StartTlsOptions | Pick<ListenTlsOptions, "key" | "cert" | "alpnProtocols">,
): Promise<TlsConn> | Listener<TlsConn> {
  if (target instanceof Conn) return startTls(target, options as StartTlsOptions);
  const { addr } = target;
  if (addr.transport !== "tcp") throw new TypeError(`Cannot wrap in TLS: ${target} does not listen for TCP`);
  target.close();
  const { hostname, port } = addr;
  return listenTls({
    hostname,
    port,
    ...options as Pick<ListenTlsOptions, "key" | "cert" | "alpnProtocols">,
  });
}
