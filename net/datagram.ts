import type dgram from "node:dgram";
import { planWait, until, type WaitOptions } from "../hub/mod.ts";
import { checkSize } from "../sync/check.ts";
import { checkHostname, checkPort, formatHostPort } from "./address.ts";
import { builtin } from "./builtin.ts";
import { DatagramConn, DEFAULT_MAX_QUEUE } from "./datagram_conn.ts";
import { systemError } from "./datagram_errors.ts";
import { closeQuietly } from "./listener.ts";
import { type HostAddress, lookup } from "./lookup.ts";
import { within } from "./within.ts";

/**
 * Where and how to listen for datagrams.
 *
 * @example Any free port
 * ```ts
 * import type { ListenDatagramOptions } from "@verdant/green";
 *
 * const options: ListenDatagramOptions = { hostname: "127.0.0.1", port: 0 };
 * ```
 */
export interface ListenDatagramOptions extends WaitOptions {
  /** 0 for any free one. */
  port: number;
  /**
   * The address of the interface, or a name of it. `"::"` is for IPv6 and IPv4.
   *
   * @default {"0.0.0.0"}
   */
  hostname?: string | undefined;
  /**
   * Whether other sockets that want it too may be bound to the same port.
   *
   * @default {false}
   */
  reuseAddress?: boolean | undefined;
  /**
   * Whether datagrams may be sent to a broadcast address.
   *
   * @default {false}
   */
  broadcast?: boolean | undefined;
  /** Whether multicast datagrams that are sent come back to this machine. If not given, the system decides. */
  loopback?: boolean | undefined;
  /**
   * How many datagrams are kept for whoever receives next; those that come later are dropped. Each may take
   * 64 KiB.
   *
   * @default {1024}
   */
  maxQueue?: number | undefined;
}

const DEFAULT_HOSTNAME = "0.0.0.0";

/**
 * Makes a socket for datagrams (UDP) and begins to receive. Needs no unstable flag. Switches.
 *
 * Source: `Deno.listenDatagram`; `eventlet.green.socket` with `bind`.
 *
 * @throws {Deno.errors.AddrInUse} If the port is taken.
 * @throws {Deno.errors.AddrNotAvailable} If the address is not one of this machine.
 * @throws {Deno.errors.NotFound} If there is no such host.
 * @throws {RangeError} If the port, the time-out or `maxQueue` is out of range.
 * @throws {TypeError} If the host name is no or an empty string.
 * @throws {Timeout} On time-out.
 *
 * @example Two that talk
 * ```ts
 * import { listenDatagram } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * using a = await listenDatagram({ hostname: "127.0.0.1", port: 0 });
 * using b = await listenDatagram({ hostname: "127.0.0.1", port: 0 });
 * await a.send("hello", b.addr);
 * const [data, from] = await b.receive({ timeout: 1000 });
 * assertEquals([new TextDecoder().decode(data), from], ["hello", a.addr]);
 * ```
 */
export function listenDatagram(options: ListenDatagramOptions): Promise<DatagramConn> {
  checkDatagramOptions(options, "listen for datagrams");
  const { hostname = DEFAULT_HOSTNAME, port } = options;
  const message = `listening for datagrams on ${formatHostPort(hostname, port)}`;
  return within(options, "listen for datagrams", message, (signal) => open({ ...options, signal }));
}

/** Refuses what makes no sense. */
export function checkDatagramOptions(options: ListenDatagramOptions, action: string): void {
  const { hostname = DEFAULT_HOSTNAME, port, maxQueue = DEFAULT_MAX_QUEUE } = options;
  checkHostname(hostname, action);
  checkPort(port, action);
  checkSize(maxQueue, 1, action, "maxQueue");
  planWait(options, action);
}

async function open(options: ListenDatagramOptions): Promise<DatagramConn> {
  const { hostname = DEFAULT_HOSTNAME, port, signal } = options;
  const [host] = await lookup(hostname, { signal });
  return await until(() => bind(host!, options), {
    signal,
    what: `a datagram socket on ${formatHostPort(host!.address, port)}`,
    abandon: (conn) => conn.close(),
  });
}

function bind({ address, family }: HostAddress, options: ListenDatagramOptions): Promise<DatagramConn> {
  const { port, reuseAddress: reuseAddr = false } = options;
  const { createSocket } = builtin<typeof dgram>("node:dgram");
  const raw = createSocket({ type: family === 6 ? "udp6" : "udp4", reuseAddr, lookup: asItIs });
  raw.unref(); // counts for the first datagram only if it is said before the bind
  return new Promise<DatagramConn>((resolve, reject) => {
    raw.once("error", reject);
    // The first datagram may come as soon as this returns.
    raw.bind({ address, port }, () => {
      try {
        resolve(configured(raw, options));
      } catch (error) {
        reject(error);
      }
    });
  }).catch((cause) => {
    closeQuietly(raw);
    throw systemError(`Cannot listen for datagrams on ${formatHostPort(address, port)}`, cause);
  });
}

function configured(
  raw: dgram.Socket,
  { broadcast = false, loopback, maxQueue }: ListenDatagramOptions,
): DatagramConn {
  if (broadcast) raw.setBroadcast(true);
  if (loopback !== undefined) raw.setMulticastLoopback(loopback);
  return new DatagramConn(raw, maxQueue);
}

/** `node:dgram` is only given addresses; its own look-up would take another turn for each datagram. */
const asItIs: NonNullable<dgram.SocketOptions["lookup"]> = (address, _family, callback) => {
  callback(null, address, address.includes(":") ? 6 : 4);
};
