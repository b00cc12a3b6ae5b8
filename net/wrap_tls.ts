import { Conn } from "./conn.ts";
import { startTls, type StartTlsOptions } from "./connect.ts";
import { listenTls, type ListenTlsOptions } from "./listen.ts";
import { Listener } from "./listener.ts";
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
 * @throws {TypeError} If it does not listen for TCP, or the certificate or key is missing.
 * @throws {Deno.errors.InvalidData} If the certificate or key is bad; the listener stays open.
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
  if (!(target instanceof Listener)) {
    throw new TypeError(`Cannot wrap in TLS: not a Conn or Listener, received ${String(target)}`);
  }
  const { addr } = target;
  if (addr.transport !== "tcp") throw new TypeError(`Cannot wrap in TLS: ${target} does not listen for TCP`);
  const { hostname, port } = addr;
  const { key, cert, alpnProtocols } = options as Pick<ListenTlsOptions, "key" | "cert" | "alpnProtocols">;
  const identity = { key, cert, alpnProtocols };
  listenTls({ hostname, port: 0, ...identity }).close(); // a bad certificate must not cost the listener
  target.close();
  return listenTls({ hostname, port, ...identity });
}
