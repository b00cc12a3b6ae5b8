import type { ListenTcpOptions } from "./listen.ts";

/**
 * Reads an address as servers take it: `8080`, `":8080"`, `"*:8080"`, `"127.0.0.1:8080"`, `"[::1]:8080"`.
 *
 * Source: `gevent.baseserver.parse_address`.
 *
 * @throws {TypeError} If it is none of these.
 *
 * @example Host and port
 * ```ts
 * import { parseAddress } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseAddress("[::1]:8080"), { hostname: "::1", port: 8080 });
 * assertEquals(parseAddress(":8080"), { port: 8080 });
 * ```
 */
export function parseAddress(address: number | string, action = "parse address"): ListenTcpOptions {
  if (typeof address === "number") return { port: address };
  const match = typeof address === "string" && /^(?:\[([^\]]+)\]|([^:]*)):(\d+)$/.exec(address);
  if (!match) {
    throw new TypeError(
      `Cannot ${action}: it must be a port or look like "host:port", received ${JSON.stringify(address)}`,
    );
  }
  const hostname = match[1] ?? match[2]!;
  const port = Number(match[3]);
  return hostname === "" || hostname === "*" ? { port } : { hostname, port };
}
