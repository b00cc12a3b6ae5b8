import { parseIp } from "./ip_address.ts";

/**
 * The domain name under which the names of an address are found: `"4.3.2.1.in-addr.arpa"` (RFC 1035), and for
 * IPv6 its 32 digits backwards under `ip6.arpa` (RFC 3596).
 *
 * @throws {TypeError} If `ip` is no IP address.
 */
export function reverseName(ip: string): string {
  const bytes = parseIp(ip);
  if (bytes === undefined) {
    throw new TypeError(`Cannot resolve: ip must be an IP address, received ${JSON.stringify(ip)}`);
  }
  if (bytes.length === 4) return `${[...bytes].reverse().join(".")}.in-addr.arpa`;
  const digits = [...bytes].flatMap((byte) => [byte >> 4, byte & 15]);
  return `${digits.reverse().map((digit) => digit.toString(16)).join(".")}.ip6.arpa`;
}
