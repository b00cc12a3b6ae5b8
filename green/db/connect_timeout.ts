/**
 * A database did not accept a connection within `connectTimeout`.
 *
 * Source: `eventlet.db_pool.ConnectTimeout`.
 *
 * @example A server that never answers
 * ```ts
 * import { ConnectionPool, ConnectTimeout } from "@verdant/green";
 * import { assertRejects } from "@std/assert";
 *
 * const silent = {
 *   name: "silent",
 *   connect: (signal: AbortSignal) =>
 *     new Promise<object>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
 *   close() {},
 * };
 * await using pool = new ConnectionPool(silent, { connectTimeout: 1 });
 * await assertRejects(() => pool.lease(), ConnectTimeout, "Cannot connect to silent: no answer within 1 ms");
 * ```
 */
export class ConnectTimeout extends Error {
  /** Always `"ConnectTimeout"`. */
  override readonly name = "ConnectTimeout";
}
