import { originalOf, until, type WaitOptions } from "../hub/mod.ts";
import { checkHostname, formatHostPort, withoutBrackets, withPlace } from "./address.ts";
import { Conn, type RawConn } from "./conn.ts";
import { raceAddresses } from "./happy_eyeballs.ts";
import { checkPlace, checkTcpPlace, listen } from "./listen.ts";
import { closeQuietly } from "./listener.ts";
import { parseIp } from "./ip_address.ts";
import { type HostAddress, lookup } from "./lookup.ts";
import { TlsConn } from "./tls_conn.ts";
import { within } from "./within.ts";

/**
 * What to connect to: a TCP port of a host, or the path of a Unix socket.
 *
 * @example Both
 * ```ts
 * import type { ConnectOptions } from "@verdant/green";
 *
 * const tcp: ConnectOptions = { hostname: "example.com", port: 80, timeout: 5000 };
 * const unix: ConnectOptions = { path: "/tmp/example.sock" };
 * ```
 */
export type ConnectOptions = ConnectTcpOptions | ConnectUnixOptions;

/**
 * What to connect to by TCP.
 *
 * @example A host
 * ```ts
 * import type { ConnectTcpOptions } from "@verdant/green";
 *
 * const options: ConnectTcpOptions = { hostname: "example.com", port: 80 };
 * ```
 */
export interface ConnectTcpOptions extends WaitOptions {
  /** The port. */
  port: number;
  /**
   * A name or an address.
   *
   * @default {"127.0.0.1"}
   */
  hostname?: string | undefined;
  /** Not with TCP. */
  path?: undefined;
}

/**
 * What to connect to by a Unix socket.
 *
 * @example A path
 * ```ts
 * import type { ConnectUnixOptions } from "@verdant/green";
 *
 * const options: ConnectUnixOptions = { path: "/tmp/example.sock" };
 * ```
 */
export interface ConnectUnixOptions extends WaitOptions {
  /** Where the socket is. */
  path: string;
  /** Not with a path. */
  port?: undefined;
  /** Not with a path. */
  hostname?: undefined;
}

/**
 * How to begin TLS.
 *
 * @example A server with a certificate of one's own
 * ```ts
 * import type { TlsOptions } from "@verdant/green";
 *
 * const options = (caCert: string): TlsOptions => ({ caCerts: [caCert] });
 * ```
 */
export interface TlsOptions {
  /** Certificates (PEM) to trust besides the usual ones. */
  caCerts?: string[] | undefined;
  /** Protocols to offer, the preferred one first. */
  alpnProtocols?: string[] | undefined;
}

/**
 * What to connect to by TLS.
 *
 * @example A host
 * ```ts
 * import type { ConnectTlsOptions } from "@verdant/green";
 *
 * const options: ConnectTlsOptions = { hostname: "example.com", port: 443, timeout: 5000 };
 * ```
 */
export interface ConnectTlsOptions extends WaitOptions, TlsOptions {
  /** The port. */
  port: number;
  /**
   * A name or an address; the certificate must be for it.
   *
   * @default {"127.0.0.1"}
   */
  hostname?: string | undefined;
  /**
   * A certificate (PEM) to show to the server; with `key`. The platform makes such a connection in one piece:
   * an interruption ends the call at once, but the platform goes on in the background, and keeps the process
   * alive, until the server has answered or is given up. What comes then is closed.
   */
  cert?: string | undefined;
  /** Its private key (PEM). */
  key?: string | undefined;
}

/**
 * How to turn a TCP connection into a TLS connection.
 *
 * @example Whom the certificate must be for
 * ```ts
 * import type { StartTlsOptions } from "@verdant/green";
 *
 * const options: StartTlsOptions = { hostname: "mail.example.com" };
 * ```
 */
export interface StartTlsOptions extends WaitOptions, TlsOptions {
  /** Whom the server's certificate must be for. */
  hostname: string;
}

const DEFAULT_HOSTNAME = "127.0.0.1";

/**
 * Connects by TCP or by a Unix socket. Switches.
 *
 * A host with several addresses is tried as RFC 8305 says: IPv6 and IPv4 in turn, each a quarter of a second
 * after the one before, the first that answers wins. A kill or time-out ends whatever is under way, be it the
 * look-up of the name; a connection that comes too late is closed.
 *
 * Source: `gevent.socket.create_connection`, `eventlet.connect`.
 *
 * @throws {Deno.errors.ConnectionRefused} If nobody listens there.
 * @throws {Deno.errors.NotFound} If there is no such host or path.
 * @throws {Timeout} On time-out.
 * @throws {RangeError} If the port or the time-out is out of range.
 * @throws {TypeError} If both or none of port and path are given, or the host name is empty.
 *
 * @example Ask and hear
 * ```ts
 * import { connect, listen, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * spawn(async () => {
 *   using client = await listener.accept();
 *   await client.writeAll(`${await client.readLine()}!\n`);
 * });
 * const { port } = listener.addr as Deno.NetAddr;
 * using conn = await connect({ port, timeout: 1000 });
 * await conn.writeAll("hello\n");
 * assertEquals(await conn.readLine(), "hello!");
 * ```
 */
export function connect(options: ConnectOptions): Promise<Conn> {
  checkPlace(options, "connect");
  if (options.path !== undefined) {
    return within(
      options,
      "connect",
      `connecting to ${options.path}`,
      (signal) => connectUnix(options.path, signal),
    );
  }
  return within(options, "connect", `connecting to ${placeOf(options)}`, async (signal) => {
    return new Conn(await connectTcp({ ...options, signal }));
  });
}

/**
 * Connects by TLS, the handshake included. Switches. Can be ended in every phase as {@linkcode connect} can.
 *
 * Source: `gevent.ssl`.
 *
 * @throws {Deno.errors.ConnectionRefused} If nobody listens there.
 * @throws {Deno.errors.InvalidData} If the server's certificate is refused.
 * @throws {Timeout} On time-out.
 * @throws {RangeError} If the port or the time-out is out of range.
 * @throws {TypeError} If the host name is empty, or only one of `cert` and `key` is given.
 *
 * @example Fetch by hand
 * ```ts
 * import { connectTls } from "@verdant/green";
 *
 * async function get(hostname: string) {
 *   using conn = await connectTls({ hostname, port: 443, timeout: 5000 });
 *   await conn.writeAll(`GET / HTTP/1.0\r\nHost: ${hostname}\r\n\r\n`);
 *   return await conn.readLine();
 * }
 * ```
 */
export function connectTls(options: ConnectTlsOptions): Promise<TlsConn> {
  checkTcpPlace(options, "connect");
  const { cert, key } = options;
  if ((cert === undefined) !== (key === undefined)) {
    throw new TypeError("Cannot connect: cert and key must be given together");
  }
  const connecting = cert === undefined ? connectThenTls : connectWithCertificate;
  const place = placeOf(options);
  return within(options, "connect", `connecting to ${place}`, async (signal) => {
    try {
      return await connecting({ ...options, signal });
    } catch (error) {
      throw withPlace(error, "connect to", place);
    }
  });
}

/**
 * Turns a TCP connection into a TLS connection, as its client, the handshake included; the TCP connection
 * counts as closed. If it fails or is interrupted the connection is closed. What was set by its `setTimeout()`
 * holds for this, too, and for the TLS connection. Switches.
 *
 * @throws {Deno.errors.BadResource} If it is closed.
 * @throws {Deno.errors.Busy} If a read or write of it is under way, or bytes have come that nobody has read.
 * @throws {Deno.errors.InvalidData} If the server's certificate is refused.
 * @throws {Timeout} On time-out.
 * @throws {TypeError} If the host name is empty.
 *
 * @example After a greeting in plain text
 * ```ts
 * import { type Conn, startTls } from "@verdant/green";
 *
 * async function upgrade(conn: Conn) {
 *   await conn.writeAll("STARTTLS\r\n");
 *   await conn.readLine();
 *   return await startTls(conn, { hostname: "mail.example.com" });
 * }
 * ```
 */
export function startTls(conn: Conn, options: StartTlsOptions): Promise<TlsConn> {
  checkHostname(options?.hostname, "start TLS");
  const { timeout: limit } = conn;
  const limits = { signal: options.signal, timeout: options.timeout ?? limit ?? undefined };
  const inherit = (secured: TlsConn) => {
    secured.setTimeout(limit);
    return secured;
  };
  return within(
    limits,
    "start TLS",
    `starting TLS with ${conn}`,
    (signal) => shakeHands(conn.detach(), { ...options, signal }).then(inherit),
  );
}

/**
 * Makes two TCP connections of this machine that are connected to each other: for tests and pipes. Switches.
 *
 * Source: `gevent.socket.socketpair`.
 *
 * @throws {Timeout} On time-out.
 *
 * @example What goes in at one end comes out at the other
 * ```ts
 * import { createSocketPair } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const [a, b] = await createSocketPair();
 * using _a = a;
 * using _b = b;
 * await a.writeAll("over");
 * a.close();
 * assertEquals(await b.readExactly(4), new TextEncoder().encode("over"));
 * assertEquals(await b.readSome(), null);
 * ```
 */
export function createSocketPair(options: WaitOptions = {}): Promise<[Conn, Conn]> {
  return within(options, "create socket pair", "creating a socket pair", pair);
}

async function pair(signal: AbortSignal | undefined): Promise<[Conn, Conn]> {
  using listener = listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const near = await connect({ port, signal });
  try {
    for (;;) {
      const far = await listener.accept({ signal });
      if ((far.remoteAddr as Deno.NetAddr).port === (near.localAddr as Deno.NetAddr).port) return [near, far];
      far.close(); // somebody else found the port
    }
  } catch (error) {
    near.close();
    throw error;
  }
}

async function connectUnix(path: string, signal: AbortSignal | undefined): Promise<Conn> {
  const connecting = until<RawConn>(() => originalOf(Deno.connect)({ transport: "unix", path }), {
    what: `a connection to ${path}`,
    abandon: closeQuietly,
    signal,
  });
  try {
    return new Conn(await connecting);
  } catch (error) {
    throw withPlace(error, "connect to", path);
  }
}

async function connectTcp(options: ConnectTcpOptions | ConnectTlsOptions): Promise<RawConn> {
  const { hostname = DEFAULT_HOSTNAME, port, signal } = options;
  const addresses = parseIp(hostname) === undefined && mayConnectAnywhere()
    ? await lookup(hostname, { signal })
    : asItIs(hostname);
  const attempt = ({ address }: HostAddress) =>
    until<RawConn>((abort) => dial(address, port, abort), {
      what: `a connection to ${formatHostPort(address, port)}`,
      abandon: closeQuietly,
      signal,
    }).catch((error) => {
      throw withPlace(error, "connect to", formatHostPort(address, port));
    });
  if (addresses.length === 1) return await attempt(addresses[0]!); // nobody to race against
  return await raceAddresses({ addresses, attempt, discard: closeQuietly, signal });
}

/**
 * Connects, until `signal` aborts. The platform asks `throwIfAborted()` at the end and forgets a connection that
 * has just come, open as it is. So it gets no answer: such a connection is yielded, and can be closed.
 */
function dial(hostname: string, port: number, signal: AbortSignal): Promise<RawConn> {
  signal.throwIfAborted = () => {};
  return originalOf(Deno.connect)({ hostname, port, signal });
}

/** Who may connect to some hosts only may neither look up their addresses nor connect to those. */
function mayConnectAnywhere(): boolean {
  return Deno.permissions.querySync({ name: "net" }).state === "granted";
}

/** Leaves the look-up to the platform. The family is of no importance where there is one address. */
function asItIs(hostname: string): HostAddress[] {
  return [{ address: hostname, family: 4 }];
}

async function connectThenTls(options: ConnectTlsOptions): Promise<TlsConn> {
  const { hostname = DEFAULT_HOSTNAME } = options;
  return await shakeHands(await connectTcp(options), { ...options, hostname });
}

/** The platform shows a certificate only when it makes the connection itself. */
async function connectWithCertificate(options: ConnectTlsOptions): Promise<TlsConn> {
  const { port, cert, key, signal } = options;
  const hostname = withoutBrackets(options.hostname ?? DEFAULT_HOSTNAME);
  const raw = await until(
    () =>
      originalOf(Deno.connectTls)({
        hostname,
        port,
        cert: cert!,
        key: key!,
        keyFormat: "pem",
        ...trust(options),
      }),
    { what: `a connection to ${formatHostPort(hostname, port)}`, abandon: closeQuietly, signal },
  );
  const conn = new TlsConn(raw);
  await conn.handshake({ signal });
  return conn;
}

async function shakeHands(raw: RawConn, options: StartTlsOptions): Promise<TlsConn> {
  const { signal } = options;
  const hostname = withoutBrackets(options.hostname);
  sendAtOnce(raw);
  const starting = originalOf(Deno.startTls)(raw as Deno.TcpConn, { hostname, ...trust(options) });
  starting.catch(() => closeQuietly(raw)); // the platform may have kept it
  const conn = new TlsConn(await until(starting, { what: "TLS to start", abandon: closeQuietly, signal }));
  await conn.handshake({ signal });
  return conn;
}

/** Otherwise the end of the handshake waits for an acknowledgement of its beginning, which peers delay: 40 ms. */
function sendAtOnce(raw: RawConn): void {
  try {
    if (raw.localAddr.transport === "tcp") (raw as Deno.TcpConn).setNoDelay();
  } catch {
    // The peer has gone, as the handshake will tell.
  }
}

function trust({ caCerts, alpnProtocols }: TlsOptions): { caCerts?: string[]; alpnProtocols?: string[] } {
  return { ...(caCerts && { caCerts }), ...(alpnProtocols && { alpnProtocols }) };
}

function placeOf(
  { hostname = DEFAULT_HOSTNAME, port }: { hostname?: string | undefined; port: number },
): string {
  return formatHostPort(hostname, port);
}
