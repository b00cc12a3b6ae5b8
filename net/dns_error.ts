/**
 * Why there is no answer; a time-out is not among them, it is a `Timeout`.
 *
 * - `"not-found"`: the server says that it has none. The platform does not tell a name that does not exist
 *   (NXDOMAIN), one without records of the type, a server that failed (SERVFAIL) and one that refused
 *   (REFUSED) from each other.
 * - `"failed"`: the question could not be asked, or the answer not be read; `cause` is the platform's error.
 *
 * @example Two kinds
 * ```ts
 * import { DnsError, type DnsErrorCode } from "@verdant/green";
 *
 * const advice: Record<DnsErrorCode, string> = {
 *   "not-found": "check the name",
 *   failed: "check the network",
 * };
 * const explain = (error: unknown) => error instanceof DnsError ? advice[error.code] : "wait and try again";
 * ```
 */
export type DnsErrorCode = "not-found" | "failed";

/**
 * A name was asked for and there is no answer.
 *
 * Source: `gevent.socket.gaierror`.
 *
 * @example Tell the reasons apart
 * ```ts
 * import { DnsError, resolve } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * // The top-level domain "invalid" is guaranteed to be empty (RFC 2606).
 * const error = await resolve("example.invalid", "A", { nameServer: "127.0.0.1" }).catch((error) => error);
 * assertEquals(error instanceof DnsError && error.code, "not-found");
 * ```
 */
export class DnsError extends Error {
  /** Always `"DnsError"`. */
  override readonly name = "DnsError";
  /** Why. */
  readonly code: DnsErrorCode;

  /**
   * Makes one to throw.
   *
   * @param code Why.
   * @param message In words.
   * @param options `cause`, as for every error.
   */
  constructor(code: DnsErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
