import { enterWait, planWait, quiet, until, type WaitOptions } from "../hub/mod.ts";
import { endedByClosing, isCausedByClosing } from "./closing.ts";
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
  /** The platform's connection. Do not read from or write to it. */
  declare readonly raw: Deno.TlsConn;

  /**
   * Takes over a connection of the platform.
   *
   * @param raw Must not be used otherwise from now on.
   */
  constructor(raw: Deno.TlsConn) {
    super(raw);
  }

  /** The address on this side. */
  override get localAddr(): Deno.NetAddr {
    return asTcp(this.raw.localAddr);
  }

  /** The address of the peer. */
  override get remoteAddr(): Deno.NetAddr {
    return asTcp(this.raw.remoteAddr);
  }

  /**
   * Waits until the handshake is done; without it, the first read or write does it. If it is interrupted the
   * connection is closed: a handshake cannot be resumed. Switches.
   *
   * @returns Which protocol was agreed on, if `alpnProtocols` was given.
   * @throws {Timeout} On time-out.
   * @throws {Deno.errors.BadResource} If it is closed.
   * @throws {Deno.errors.Interrupted} If it is closed meanwhile.
   * @throws {Error} Of the platform, if the peer's certificate is refused, or ours is.
   */
  handshake(options?: WaitOptions): Promise<Deno.TlsHandshakeInfo> {
    const limits = { signal: options?.signal, timeout: options?.timeout ?? this.timeout ?? undefined };
    planWait(limits, "shake hands");
    enterWait("shake hands");
    return quiet(this.#handshake(limits));
  }

  async #handshake(limits: WaitOptions): Promise<Deno.TlsHandshakeInfo> {
    this.checkOpen("shake hands with");
    try {
      return await until(this.raw.handshake(), { ...limits, what: `the TLS handshake with ${this}` });
    } catch (error) {
      if (this.closed && isCausedByClosing(error)) {
        throw endedByClosing("The TLS handshake with", this, "it was closed");
      }
      this.close();
      throw error;
    }
  }
}

/** The platform leaves the transport out where TLS was started on a TCP connection. */
function asTcp({ hostname, port }: Deno.NetAddr): Deno.NetAddr {
  return { transport: "tcp", hostname, port };
}
