import type { ListenOptions } from "../listen.ts";

/**
 * Where to listen or connect, as eventlet writes it: host and port, or the path of a Unix socket. The object of
 * `listen()` and `connect()` will do, too. A host of `""` is every interface for those who listen, and this machine
 * for those who connect.
 *
 * Source: the addresses of Python's `socket`.
 *
 * @example Three ways
 * ```ts
 * import type { eventlet } from "@verdant/green";
 *
 * const addresses: eventlet.Address[] = [["", 8080], "/tmp/example.sock", { hostname: "127.0.0.1", port: 8080 }];
 * ```
 */
export type Address = readonly [hostname: string, port: number] | string | ListenOptions;

/**
 * Who is at the other end: address and port, or the path of a Unix socket, which is mostly empty.
 *
 * @example Of a client
 * ```ts
 * import type { eventlet } from "@verdant/green";
 *
 * const client: eventlet.PeerAddress = ["127.0.0.1", 50_000];
 * console.log("accepted", client);
 * ```
 */
export type PeerAddress = readonly [hostname: string, port: number] | string;

/** As it would be a path, a mistake would make a strange file. */
const LOOKS_LIKE_HOST_AND_PORT = /^[^/]*:\d+$/;

/**
 * The place that an address names, unchecked otherwise.
 *
 * @param action For messages.
 * @throws {TypeError} If it is none of the kinds of addresses.
 */
export function placeOf<O extends object>(address: Address | O, action: string): ListenOptions | O {
  if (typeof address === "string") return { path: checkPath(address, action) };
  if (typeof address !== "object" || address === null) throw malformed(address, action);
  if (!Array.isArray(address)) return address as O;
  const [hostname, port] = address;
  if (address.length !== 2 || typeof hostname !== "string") throw malformed(address, action);
  return hostname === "" ? { port } : { hostname, port };
}

/** The address of a peer, as eventlet writes it. */
export function peerOf(address: Deno.Addr): PeerAddress {
  if ("hostname" in address) return [address.hostname, address.port];
  return "path" in address ? address.path ?? "" : "";
}

function checkPath(path: string, action: string): string {
  if (!LOOKS_LIKE_HOST_AND_PORT.test(path)) return path;
  throw new TypeError(`Cannot ${action}: host and port must be given as ["host", port], received "${path}"`);
}

function malformed(address: unknown, action: string): TypeError {
  const received = JSON.stringify(address) ?? String(address);
  return new TypeError(
    `Cannot ${action}: the address must be ["host", port], a path or an object, received ${received}`,
  );
}
