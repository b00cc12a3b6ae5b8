import {
  callerTask,
  type Inspectable,
  planWait,
  shortName,
  type WaitDetails,
  type WaitOptions,
} from "../hub/mod.ts";
import { checkSize } from "../sync/check.ts";
import { quietly } from "../sync/iteration.ts";
import { checkHostname, checkPort, formatAddress, formatHostPort } from "./address.ts";
import { isCausedByClosing, refusedAsClosed } from "./closing.ts";
import { systemError } from "./datagram_errors.ts";
import { type Datagram, DatagramInbox } from "./datagram_inbox.ts";
import { DatagramOutbox } from "./datagram_outbox.ts";
import { parseIp } from "./ip_address.ts";
import { lookup } from "./lookup.ts";
import { toBytes } from "./to_bytes.ts";
import { within } from "./within.ts";

/**
 * A datagram socket of the platform: one of `node:dgram`.
 *
 * @example Wrap one
 * ```ts
 * import { DatagramConn, type RawDatagramSocket } from "@verdant/green";
 *
 * const wrap = (bound: RawDatagramSocket) => new DatagramConn(bound);
 * ```
 */
export interface RawDatagramSocket {
  /** Sends a datagram. */
  send(
    data: Uint8Array,
    port: number,
    address: string,
    done: (error: Error | null, bytes: number) => void,
  ): void;
  /** Where it is bound. */
  address(): { address: string; port: number };
  /** Tells of datagrams. */
  on(
    event: "message",
    listener: (data: Uint8Array<ArrayBuffer>, from: { address: string; port: number }) => void,
  ): unknown;
  /** Tells of errors. */
  on(event: "error", listener: (error: Error) => void): unknown;
  /** Joins a multicast group. */
  addMembership(group: string, networkInterface?: string): void;
  /** Leaves a multicast group. */
  dropMembership(group: string, networkInterface?: string): void;
  /** Whether datagrams may go to a broadcast address. */
  setBroadcast(broadcast: boolean): void;
  /** Whether it keeps the process alive. */
  unref(): unknown;
  /** Closes it. */
  close(): unknown;
}

/**
 * Where a datagram is to go; what `receive()` says it came from will do.
 *
 * @example This machine
 * ```ts
 * import type { DatagramDestination } from "@verdant/green";
 *
 * const to: DatagramDestination = { hostname: "127.0.0.1", port: 7 };
 * ```
 */
export interface DatagramDestination {
  /** A name or an address. */
  hostname: string;
  /** From 1. */
  port: number;
}

/** How many datagrams are kept for whoever receives next. */
export const DEFAULT_MAX_QUEUE = 1_024;

/**
 * A socket for datagrams: UDP.
 *
 * It receives as long as it is open. Datagrams that nobody takes at once wait in a queue of `maxQueue`; once it
 * is full, the ones that come later are dropped, as the system does with its own queue, and counted. (What the
 * system drops before is not counted.) A receive that is killed or times out loses nothing: whoever receives
 * next gets the datagram. Several greenlets may receive and send at a time; they are served first come first
 * served. The process is kept alive by who receives or sends, not by the socket as such.
 *
 * Source: `gevent.socket.socket` of the kind `SOCK_DGRAM`; `Deno.DatagramConn`.
 *
 * @example Ask and hear
 * ```ts
 * import { listenDatagram, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * using server = await listenDatagram({ hostname: "127.0.0.1", port: 0 });
 * spawn(async () => {
 *   for await (const [data, from] of server) await server.send(data, from);
 * });
 * using client = await listenDatagram({ hostname: "127.0.0.1", port: 0 });
 * await client.send("hello", server.addr);
 * const [answer] = await client.receive({ timeout: 1000 });
 * assertEquals(new TextDecoder().decode(answer), "hello");
 * ```
 */
export class DatagramConn implements Disposable, AsyncDisposable, AsyncIterable<Datagram>, Inspectable {
  /** The platform's socket. Do not use it. */
  readonly raw: RawDatagramSocket;
  /** Where it is bound; with the real port if it was asked for port 0. */
  readonly addr: Deno.NetAddr;
  readonly #inbox: DatagramInbox;
  readonly #outbox: DatagramOutbox;
  /** Why it cannot be used any more: `"it was closed by …"`; `undefined` while it can. */
  #over: string | undefined = undefined;

  /**
   * Takes over a socket of the platform.
   *
   * @param raw Must be bound, and not be used otherwise from now on. If it was not `unref()`ed before the bind,
   * it keeps the process alive until the first datagram.
   * @param maxQueue How many datagrams are kept for whoever receives next.
   * @throws {RangeError} If `maxQueue` is neither a positive integer nor `Infinity`.
   */
  constructor(raw: RawDatagramSocket, maxQueue: number = DEFAULT_MAX_QUEUE) {
    checkSize(maxQueue, 1, "create datagram socket", "maxQueue");
    this.raw = raw;
    this.addr = toNetAddr(raw.address());
    this.#inbox = new DatagramInbox(this, maxQueue);
    this.#outbox = new DatagramOutbox(raw, this);
    raw.unref(); // the inbox keeps the process alive while somebody receives
    raw.on("message", (data, from) => this.#inbox.deliver([compact(data), toNetAddr(from)]));
    raw.on("error", (cause) => this.#inbox.fail(systemError(`Cannot receive on ${this}`, cause)));
  }

  /** How many datagrams were thrown away because `maxQueue` of them were waiting. */
  get dropped(): number {
    return this.#inbox.dropped;
  }

  /** Whether {@linkcode close} was called. */
  get closed(): boolean {
    return this.#over !== undefined;
  }

  /**
   * Takes the datagram that arrived first, waiting for one. Switches unless one is there.
   *
   * Source: `socket.recvfrom`.
   *
   * @returns Its bytes, and whom it is from.
   * @throws {Deno.errors.BadResource} If the socket is closed.
   * @throws {Deno.errors.Interrupted} If it is closed meanwhile.
   * @throws {Timeout} On time-out; no datagram is lost.
   * @throws {RangeError} If the time-out is negative or NaN.
   */
  receive(options?: WaitOptions): Promise<Datagram> {
    return this.#inbox.receive(planWait(options, "receive datagram"));
  }

  /**
   * Sends a datagram, text as UTF-8. Nobody knows whether it arrives. Datagrams go out in the order of the
   * calls, those to a name once it is looked up. After a kill or time-out it may have gone all the same; with a
   * time-out of 0 nothing is sent. Switches.
   *
   * Source: `socket.sendto`.
   *
   * @param data Must not be changed before it has gone. May be empty.
   * @param to Where to; a name is looked up.
   * @returns How many bytes were sent: all.
   * @throws {RangeError} If the port is out of range; or, with the `code` `"EMSGSIZE"`, if `data` is too long
   * for a datagram (over IPv4, 65,507 bytes are the most).
   * @throws {TypeError} If `data` or the host name is of a wrong type, or the address is IPv6 and the socket IPv4.
   * @throws {Deno.errors.NotFound} If there is no such host, or none that the socket can reach.
   * @throws {Deno.errors.BadResource} If the socket is closed.
   * @throws {Deno.errors.Interrupted} If it is closed meanwhile.
   * @throws {Timeout} On time-out.
   */
  send(data: Uint8Array | string, to: DatagramDestination, options?: WaitOptions): Promise<number> {
    const action = "send datagram";
    const bytes = toBytes(data, action);
    checkDestination(to, action);
    const { hostname, port } = to;
    if (parseIp(hostname) === undefined) {
      const message = `sending to ${formatHostPort(hostname, port)}`;
      return within(options, action, message, (signal) => this.#sendToName(bytes, to, signal));
    }
    const parcel = { data: bytes, port, address: this.#ownKind(hostname) };
    return this.#outbox.send(parcel, planWait(options, action));
  }

  /**
   * Joins a multicast group. Does not switch.
   *
   * @param group Its address.
   * @param networkInterface Where: an address of this machine for IPv4, `"::%eth0"` for IPv6; the system
   * chooses if not given.
   * @throws {Deno.errors.BadResource} If the socket is closed.
   * @throws {Error} If the system refuses: it is no multicast address, or is joined.
   */
  joinMulticast(group: string, networkInterface?: string): void {
    this.#configure(`join multicast group ${group}`, () => this.raw.addMembership(group, networkInterface));
  }

  /**
   * Leaves a multicast group. Does not switch.
   *
   * @param group As for {@linkcode joinMulticast}.
   * @param networkInterface As for {@linkcode joinMulticast}.
   * @throws {Deno.errors.BadResource} If the socket is closed.
   * @throws {Error} If the system refuses: it is not joined.
   */
  leaveMulticast(group: string, networkInterface?: string): void {
    this.#configure(`leave multicast group ${group}`, () => this.raw.dropMembership(group, networkInterface));
  }

  /**
   * Whether datagrams may go to a broadcast address; at first they may not. Does not switch.
   *
   * @throws {Deno.errors.BadResource} If the socket is closed.
   */
  setBroadcast(broadcast: boolean): void {
    this.#configure("set broadcast", () => this.raw.setBroadcast(broadcast));
  }

  /**
   * Closes it. Greenlets that receive or send are told by an error; datagrams that nobody has taken are
   * forgotten. The system frees the port a moment later. Harmless when it is closed. Does not switch.
   */
  close(): void {
    if (this.#over !== undefined) return;
    this.#over = `it was closed by ${shortName(callerTask())}`;
    this.#inbox.close(this.#over);
    this.#outbox.close(this.#over);
    this.raw.close();
  }

  /** The same as {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** The same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  /** The datagrams, until it is closed. Each step waits as {@linkcode receive} does. */
  [Symbol.asyncIterator](): AsyncGenerator<Datagram, void, void> {
    return quietly(this.#each());
  }

  async *#each(): AsyncGenerator<Datagram, void, void> {
    while (!this.closed) {
      let datagram: Datagram;
      try {
        datagram = await this.receive();
      } catch (error) {
        if (this.closed && isCausedByClosing(error)) return;
        throw error;
      }
      yield datagram;
    }
  }

  /** For reports: its class and where it is bound. */
  get inspectTitle(): string {
    return `${this.constructor.name}(${this})`;
  }

  /** For reports: how many wait for the same. */
  inspectWait(what: string): WaitDetails | undefined {
    const { waiting } = what === "receive" ? this.#inbox : this.#outbox;
    return waiting > 1 ? { text: `${waiting} waiting` } : undefined;
  }

  /** For reports: where it is bound. */
  toString(): string {
    return formatAddress(this.addr);
  }

  get #isIpv6(): boolean {
    return this.addr.hostname.includes(":");
  }

  /** An IPv6 socket knows IPv4 addresses as IPv6 addresses. */
  #ownKind(address: string): string {
    if (address.includes(":") === this.#isIpv6) return address;
    if (this.#isIpv6) return `::ffff:${address}`;
    throw new TypeError(`Cannot send to ${address}: the socket on ${this} is an IPv4 socket`);
  }

  async #sendToName(
    data: Uint8Array,
    { hostname, port }: DatagramDestination,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const address = await this.#reachableAddress(hostname, signal);
    return await this.#outbox.send({ data, port, address }, planWait({ signal }, "send datagram"));
  }

  async #reachableAddress(hostname: string, signal: AbortSignal | undefined): Promise<string> {
    if (!this.#isIpv6) return (await lookup(hostname, { family: 4, signal }))[0]!.address;
    const found = await lookup(hostname, { signal });
    const { address } = found.find(({ family }) => family === 6) ?? found[0]!;
    return this.#ownKind(address);
  }

  #configure(action: string, change: () => void): void {
    if (this.#over !== undefined) throw refusedAsClosed(`${action} on`, this, this.#over);
    try {
      change();
    } catch (cause) {
      throw systemError(`Cannot ${action} on ${this}`, cause as Error);
    }
  }
}

/** The platform receives into 64 KiB a time: a small datagram must not hold on to that. */
function compact(data: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, length } = data;
  if (2 * length >= buffer.byteLength) return new Uint8Array(buffer, byteOffset, length);
  return new Uint8Array(data); // a copy, and no `Buffer`
}

function toNetAddr({ address, port }: { address: string; port: number }): Deno.NetAddr {
  return { transport: "udp", hostname: address, port };
}

function checkDestination(to: DatagramDestination, action: string): void {
  if (typeof to !== "object" || to === null) {
    throw new TypeError(
      `Cannot ${action}: to must be an object with hostname and port, received ${String(to)}`,
    );
  }
  checkHostname(to.hostname, action);
  checkPort(to.port, action);
  if (to.port === 0) throw new RangeError(`Cannot ${action}: port must not be 0`);
}
