import { checkPort, formatHostPort } from "./address.ts";
import { parseIp } from "./ip_address.ts";

/**
 * A name server: its IP address, with a port if it is not 53.
 *
 * @example All notations
 * ```ts
 * import { type NameServer, Resolver } from "@verdant/green";
 *
 * const nameServers: NameServer[] = [
 *   "1.1.1.1",
 *   "1.1.1.1:5353",
 *   "2606:4700:4700::1111",
 *   "[2606:4700:4700::1111]:5353",
 *   { ipAddr: "1.1.1.1", port: 5353 },
 * ];
 * new Resolver({ nameServers });
 * ```
 */
export type NameServer = string | {
  /** The address. */
  readonly ipAddr: string;
  /**
   * The port.
   *
   * @default {53}
   */
  readonly port?: number | undefined;
};

/** A name server as the platform takes it. */
export interface NameServerAddress {
  readonly ipAddr: string;
  readonly port: number;
}

/** The port of name servers (RFC 1035). */
const DNS_PORT = 53;

/**
 * Reads a name server in any notation.
 *
 * @throws {TypeError} If it is in none, or without an IP address.
 * @throws {RangeError} If the port is none from 1 to 65535.
 */
export function parseNameServer(server: NameServer, action: string): NameServerAddress {
  const address = typeof server === "string" ? split(server) : server;
  const { ipAddr, port = DNS_PORT } = address ?? {};
  if (parseIp(ipAddr) === undefined) {
    throw new TypeError(
      `Cannot ${action}: name server must be an IP address, or one with a port, received ${
        JSON.stringify(server)
      }`,
    );
  }
  checkPort(port, action);
  if (port === 0) throw new RangeError(`Cannot ${action}: a name server has no port 0`);
  return { ipAddr: ipAddr!, port };
}

/** For messages. */
export function formatNameServer(server: NameServerAddress | undefined): string {
  return server === undefined ? "the system's name servers" : formatHostPort(server.ipAddr, server.port);
}

/** An address alone, or `address:port` with an IPv6 address in brackets. */
function split(server: string): NameServer & object {
  if (parseIp(server) !== undefined) return { ipAddr: server };
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(server);
  const ipAddr = match?.[1] ?? match?.[2] ?? "";
  return match?.[3] === undefined ? { ipAddr } : { ipAddr, port: Number(match[3]) };
}
