/** Real sockets for the tests: pairs of connections, a certificate, places where nobody answers. */
import { assert, assertEquals } from "@std/assert";
import {
  type Conn,
  connect,
  connectTls,
  createSocketPair,
  getHub,
  listen,
  type Listener,
  listenTls,
  sleep,
  type TlsConn,
} from "@verdant/green";
import { turn } from "../helpers.ts";

/** Text as UTF-8. */
export function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** UTF-8 as text. */
export function text(bytes: Uint8Array | null): string | null {
  return bytes && new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/** Where a TCP listener listens. */
export function portOf(listener: { readonly addr: Deno.Addr }): number {
  return (listener.addr as Deno.NetAddr).port;
}

/** Which port a TCP connection has on this side, and on the other. */
export function portsOf(conn: Conn): { near: number; far: number } {
  return { near: (conn.localAddr as Deno.NetAddr).port, far: (conn.remoteAddr as Deno.NetAddr).port };
}

/** A listener on this machine. */
export function local(backlog?: number): Listener {
  return listen({ hostname: "127.0.0.1", port: 0, backlog });
}

/** A port where nobody listens. */
export function deadPort(): number {
  using listener = local();
  return portOf(listener);
}

/** A connection and its peer; disposing of them closes both. */
export class Pair<C extends Conn = Conn> implements Disposable {
  constructor(readonly conn: C, readonly peer: C) {}

  [Symbol.dispose](): void {
    this.conn.close();
    this.peer.close();
  }
}

async function tcpPair(): Promise<Pair> {
  return new Pair(...await createSocketPair());
}

async function unixPair(): Promise<Pair> {
  using place = unixPlace();
  using listener = listen({ path: place.path });
  const conn = await connect({ path: place.path });
  return new Pair(conn, await listener.accept());
}

async function tlsPair(): Promise<Pair<TlsConn>> {
  const { cert, key } = await certificate();
  using listener = listenTls({ hostname: "127.0.0.1", port: 0, cert, key });
  // The handshake needs both.
  const connecting = connectTls({ hostname: "localhost", port: portOf(listener), caCerts: [cert] });
  const peer = await listener.accept();
  await peer.handshake();
  return new Pair(await connecting, peer);
}

/** How to make a pair, by the kind of the connection. */
export const pairs: Readonly<Record<"TCP" | "Unix" | "TLS", () => Promise<Pair>>> = {
  TCP: tcpPair,
  Unix: unixPair,
  TLS: tlsPair,
};

/** A path for a socket; disposing of it removes the directory around it. */
export function unixPlace(): Disposable & { readonly path: string } {
  const directory = Deno.makeTempDirSync({ prefix: "green-" });
  return {
    path: `${directory}/socket`,
    [Symbol.dispose]: () => Deno.removeSync(directory, { recursive: true }),
  };
}

/** A certificate for localhost, 127.0.0.1 and ::1, and its key (PEM). */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

let made: Promise<Certificate> | undefined;

/** The certificate that servers of the tests show. It is trusted only by those who are given it. */
export function certificate(): Promise<Certificate> {
  return made ??= makeCertificate();
}

async function makeCertificate(): Promise<Certificate> {
  const directory = await Deno.makeTempDir({ prefix: "green-" });
  const [certPath, keyPath] = [`${directory}/cert.pem`, `${directory}/key.pem`];
  const { success, stderr } = await new Deno.Command("openssl", {
    args: [
      ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30".split(" "),
      ...["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"],
      ...["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", keyPath, "-out", certPath],
    ],
  }).output();
  if (!success) throw new Error(`openssl failed: ${new TextDecoder().decode(stderr)}`);
  const [cert, key] = [await Deno.readTextFile(certPath), await Deno.readTextFile(keyPath)];
  await Deno.remove(directory, { recursive: true });
  return { cert, key };
}

/** Connections that are made to it do not come through: its backlog is full, and it accepts nobody. */
export async function fullListener(): Promise<Disposable & { readonly port: number }> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
  const { port } = listener.addr;
  // Linux takes one more than the backlog.
  const waiting = [await Deno.connect({ port }), await Deno.connect({ port })];
  return {
    port,
    [Symbol.dispose]() {
      for (const conn of waiting) conn.close();
      listener.close();
    },
  };
}

/** What an operation throws; `undefined` if nothing. */
export async function caughtFrom(operation: () => Promise<unknown>): Promise<unknown> {
  try {
    await operation();
  } catch (error) {
    return error;
  }
}

/** Lets whoever can run do so. */
export async function calm(): Promise<void> {
  for (let i = 0; i < 5; i++) await sleep();
}

/** Waits for what the system does in its own time. Fails if it does not within five seconds. */
export async function eventually(happened: () => boolean): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!happened()) {
    assert(performance.now() < deadline, `It does not happen: ${happened}`);
    await sleep(1);
  }
}

/** Waits for the end of what was killed and is on its way out; then nothing may be left of what was begun. */
export async function assertIdleSoon(): Promise<void> {
  for (let turns = 0; turns < 100 && getHub().stats().greenlets > 0; turns++) await turn();
  await turn(); // the platform's operations have been told, and end
  assertIdle();
}

/** Nothing is left of what was begun. */
export function assertIdle(): void {
  const { greenlets, runnable, timers, foreignWaits, detached } = getHub().stats();
  assertEquals(
    { greenlets, runnable, timers, foreignWaits, detached },
    { greenlets: 0, runnable: 0, timers: 0, foreignWaits: 0, detached: 0 },
  );
}
