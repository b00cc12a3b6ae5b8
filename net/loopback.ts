import { withoutBrackets } from "./address.ts";
import { parseIp } from "./ip_address.ts";

/** Whether only this machine reaches a host: 127.0.0.0/8, ::1 or localhost. */
export function isLoopback(hostname: string): boolean {
  const bare = withoutBrackets(hostname);
  if (bare.toLowerCase() === "localhost") return true;
  const bytes = parseIp(bare);
  if (bytes === undefined) return false;
  if (bytes.length === 4) return bytes[0] === 127;
  const head = bytes.subarray(0, 12).join();
  if (head === "0,0,0,0,0,0,0,0,0,0,255,255") return bytes[12] === 127; // an IPv4 address written as IPv6
  return bytes.subarray(0, 15).every((byte) => byte === 0) && bytes[15] === 1;
}
