import { checkPlace, type ListenOptions } from "../listen.ts";
import { isLoopback } from "../loopback.ts";
import { parseAddress } from "../parse_address.ts";

const LOOPBACK = "127.0.0.1";

/**
 * Where a server that is for this machine only is to listen: on 127.0.0.1 if no host is named.
 *
 * @param address A port, `"host:port"`, or an object as for `listen()`.
 * @param action For messages.
 * @throws {TypeError} If it makes no sense.
 * @throws {RangeError} If the port is out of range.
 */
export function localPlace(address: number | string | ListenOptions, action: string): ListenOptions {
  const place = typeof address === "object" && address !== null ? address : parseAddress(address, action);
  checkPlace(place, action);
  if (place.path !== undefined || place.hostname !== undefined) return place;
  const everywhere = typeof address === "string" && address.startsWith("*");
  return { ...place, hostname: everywhere ? "0.0.0.0" : LOOPBACK };
}

/**
 * Refuses what others can reach.
 *
 * @param hostname Where it is to listen; `undefined` for a Unix socket.
 * @param action For messages.
 * @throws {TypeError} If it is not of this machine alone.
 */
export function checkLoopback(hostname: string | undefined, action: string): void {
  if (hostname === undefined || isLoopback(hostname)) return;
  throw new TypeError(
    `Cannot ${action}: whoever reaches ${hostname} could do anything here; it listens on a loopback address ` +
      "or a Unix socket only, unless allowRemote is true",
  );
}
