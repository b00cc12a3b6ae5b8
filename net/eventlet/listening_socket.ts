import type { Conn, RawConn } from "../conn.ts";
import type { HttpAddress } from "../http/http_server.ts";
import { Listener, type RawListener } from "../listener.ts";

/** Who a listener for TLS is: certificate chain and private key, as PEM. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** The listener is the server's now. */
export function handOver(socket: ListeningSocket, onClose: () => void): void {
  socket["handOver"](onClose);
}

/**
 * A listener that `wsgi.server()` can take over. Made by `eventlet.listen()`, `eventlet.wrapTls()` and
 * `eventlet.wrapSsl()`.
 *
 * @typeParam C What it accepts.
 *
 * @example Accept by hand
 * ```ts
 * import { eventlet } from "@verdant/green";
 *
 * using sock: eventlet.ListeningSocket = eventlet.listen(["127.0.0.1", 0]);
 * eventlet.spawn(async () => {
 *   using conn = await sock.accept();
 *   await conn.writeAll("hello\n");
 * });
 * using conn = await eventlet.connect(["127.0.0.1", (sock.addr as Deno.NetAddr).port]);
 * console.log(await conn.readLine());
 * ```
 */
export class ListeningSocket<C extends Conn = Conn> extends Listener<C> {
  readonly #identity: Identity | undefined;
  #onClose: (() => void) | undefined = undefined;

  /**
   * Takes over a listener of the platform.
   *
   * @param raw Must not be used otherwise from now on.
   * @param wrap Makes a connection of the platform's.
   * @param identity If it listens for TLS.
   */
  constructor(raw: RawListener, wrap: (raw: RawConn) => C, identity?: Identity) {
    super(raw, wrap);
    this.#identity = identity;
  }

  /** Where it listens and as whom, for a server that takes its place. */
  get place(): HttpAddress {
    const { addr } = this;
    if (!("hostname" in addr)) return { path: (addr as Deno.UnixAddr).path };
    const { hostname, port } = addr;
    return { hostname, port, tls: this.#identity };
  }

  /** Closes it; a server that has taken its place stops. Harmless when it is closed. Does not switch. */
  override close(): void {
    super.close();
    this.#onClose?.();
  }

  /** Closes it for a server that takes its place. */
  private handOver(onClose: () => void): void {
    super.close();
    this.#onClose = onClose;
  }
}
