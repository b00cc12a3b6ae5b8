import { checkPort } from "./address.ts";
import type { ListenTcpOptions } from "./listen.ts";

/** Port alone, or behind a host; a host with colons in it stands in brackets. */
const ADDRESS = /^(?:(?:\[([^\][\s]+)\]|([^:\][\s]*)):)?(\d+)$/;

/**
 * Reads an address as servers take it: `8080`, `"8080"`, `":8080"`, `"*:8080"`, `"127.0.0.1:8080"`,
 * `"[::1]:8080"`.
 *
 * Source: `gevent.baseserver.parse_address`.
 *
 * @param address Where to listen; on all interfaces if there is no host in it.
 * @param action For messages.
 * @throws {TypeError} If it is none of these.
 * @throws {RangeError} If the port is out of range.
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
  const match = typeof address === "string" ? ADDRESS.exec(address) : null;
  if (typeof address !== "number" && match === null) {
    throw new TypeError(
      `Cannot ${action}: it must be a port or look like "host:port", received ${JSON.stringify(address)}`,
    );
  }
  const port = Number(match?.[3] ?? address);
  checkPort(port, action);
  const hostname = match?.[1] ?? match?.[2] ?? "";
  return hostname === "" || hostname === "*" ? { port } : { hostname, port };
}
