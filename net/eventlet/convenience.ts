import type { WaitOptions } from "../../hub/mod.ts";
import { checkFunction } from "../../sync/check.ts";
import { Conn } from "../conn.ts";
import { connect as connectTo, type ConnectOptions } from "../connect.ts";
import { listen as listenAt, type ListenOptions } from "../listen.ts";
import type { Listener } from "../listener.ts";
import { serve as serveConns, type ServeOptions } from "../serve.ts";
import { type Address, type PeerAddress, peerOf, placeOf } from "./address.ts";
import { ListeningSocket } from "./listening_socket.ts";

export { type ServeOptions, StopServe } from "../serve.ts";

/**
 * Options of `eventlet.listen()`.
 *
 * @example A short queue
 * ```ts
 * import { eventlet } from "@verdant/green";
 *
 * const options: eventlet.ListenQueueOptions = { backlog: 50 };
 * using _sock = eventlet.listen(["127.0.0.1", 0], options);
 * ```
 */
export interface ListenQueueOptions {
  /**
   * How many clients may wait to be accepted; the system may allow fewer. Not with a path.
   *
   * @default {4096}
   */
  backlog?: number | undefined;
}

/**
 * Serves one client of `eventlet.serve()`. The connection is closed when it returns.
 *
 * @example Greet
 * ```ts
 * import type { eventlet } from "@verdant/green";
 *
 * const greet: eventlet.ServeHandler = (conn, addr) => conn.writeAll(`hello ${addr}\n`);
 * ```
 */
export type ServeHandler<C extends Conn = Conn> = (conn: C, addr: PeerAddress) => unknown;

/**
 * Connects by TCP or by a Unix socket, as `connect()` does. Switches.
 *
 * Source: `eventlet.connect`. There, a host is tried at one of its addresses only; `bind` is not possible in Deno.
 *
 * @param addr Where to.
 * @param options Limits.
 * @throws {Deno.errors.ConnectionRefused} If nobody listens there.
 * @throws {Deno.errors.NotFound} If there is no such host or path.
 * @throws {Timeout} On time-out.
 * @throws {TypeError} If the address makes no sense.
 * @throws {RangeError} If the port or the time-out is out of range.
 *
 * @example Ask and hear
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * using server = eventlet.listen(["127.0.0.1", 0]);
 * eventlet.spawn(eventlet.serve, server, async (conn) => {
 *   await conn.writeAll(`${await conn.readLine()}!\n`);
 *   throw new eventlet.StopServe();
 * });
 * using conn = await eventlet.connect(["127.0.0.1", (server.addr as Deno.NetAddr).port]);
 * await conn.writeAll("hello\n");
 * assertEquals(await conn.readLine(), "hello!");
 * ```
 */
export function connect(addr: Address | ConnectOptions, options: WaitOptions = {}): Promise<Conn> {
  return connectTo({ ...placeOf(addr, "connect"), ...options } as ConnectOptions);
}

/**
 * Listens for TCP or Unix connections, as `listen()` does. Does not switch.
 *
 * Source: `eventlet.listen`. There, two processes may share a port unless it says `reuse_port=False`; here the
 * second one gets `Deno.errors.AddrInUse`.
 *
 * @param addr Where; port 0 takes any free one.
 * @param options The length of the queue.
 * @throws {Deno.errors.AddrInUse} If somebody listens there, or a file is at the path.
 * @throws {TypeError} If the address makes no sense.
 * @throws {RangeError} If the port or the backlog is out of range.
 *
 * @example On every interface
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assert } from "@std/assert";
 *
 * using sock = eventlet.listen(["", 0]);
 * assert((sock.addr as Deno.NetAddr).port > 0);
 * ```
 */
export function listen(addr: Address, options: ListenQueueOptions = {}): ListeningSocket {
  const place = placeOf(addr, "listen");
  const { raw } = listenAt({ ...place, ...options } as ListenOptions);
  return new ListeningSocket(raw, (conn) => new Conn(conn));
}

/**
 * Serves the clients of a listener, each in a greenlet, until a handler throws, as `serve()` does: a `StopServe`
 * ends it, another error is thrown by it. Handlers that run go on; the listener stays open. Switches.
 *
 * Source: `eventlet.serve`. There, one client more than `concurrency` is accepted, and errors that are not
 * exceptions in Python's sense are ignored.
 *
 * @param sock Where clients come from.
 * @param handle Serves one client; the connection is closed afterwards.
 * @param options How many at a time: 1000 if not given.
 * @throws {Error} What a handler throws.
 * @throws {TypeError} If `sock` is not a listener, or `handle` not a function.
 * @throws {RangeError} If `concurrency` is not a positive integer.
 *
 * @example Until somebody says stop
 * ```ts
 * import { eventlet } from "@verdant/green";
 *
 * using sock = eventlet.listen(["127.0.0.1", 0]);
 * const serving = eventlet.spawn(eventlet.serve, sock, async (conn) => {
 *   if (await conn.readLine() === "stop") throw new eventlet.StopServe();
 * });
 * using conn = await eventlet.connect(["127.0.0.1", (sock.addr as Deno.NetAddr).port]);
 * await conn.writeAll("stop\n");
 * await serving.wait();
 * ```
 */
export function serve<C extends Conn>(
  sock: Listener<C>,
  handle: ServeHandler<C>,
  options?: ServeOptions,
): Promise<void> {
  checkFunction(handle, "serve", "handle");
  return serveConns(sock, (conn) => handle(conn, peerOf(conn.remoteAddr)), options);
}
