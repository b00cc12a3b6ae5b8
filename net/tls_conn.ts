import { planWait, quiet, until, type WaitOptions } from "../hub/mod.ts";
import { Conn } from "./conn.ts";

/**
 * A connection under TLS.
 *
 * @example What it wraps
 * ```ts
 * import { TlsConn } from "@verdant/green";
 *
 * const wrap = (raw: Deno.TlsConn) => new TlsConn(raw);
 * ```
 */
export class TlsConn extends Conn {
  declare readonly raw: Deno.TlsConn;

  /**
   * Takes over a connection of the platform.
   *
   * @param raw Must not be used otherwise from now on.
   */
  constructor(raw: Deno.TlsConn) {
    super(raw);
  }

  /**
   * Waits until the handshake is done; without it, the first read or write does it. If it is interrupted the
   * connection is closed: a handshake cannot be resumed. Switches.
   *
   * @returns Which protocol was agreed on, if `alpnProtocols` was given.
   * @throws {Timeout} On time-out.
   * @throws {Error} Of the platform, if the peer's certificate is refused, or ours is.
   */
  handshake(options?: WaitOptions): Promise<Deno.TlsHandshakeInfo> {
    planWait(options, "shake hands");
    return quiet(this.#handshake(options));
  }

  async #handshake(options: WaitOptions | undefined): Promise<Deno.TlsHandshakeInfo> {
    try {
      return await until(this.raw.handshake(), { ...options, what: `the TLS handshake with ${this}` });
    } catch (error) {
      this.close();
      throw error;
    }
  }
}
