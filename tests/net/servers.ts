/** Servers on this machine, clients of theirs, and listeners whose clients come when a test says so. */
import {
  type BaseServer,
  Conn,
  connect,
  Event,
  Listener,
  type RawConn,
  type RawListener,
  SimpleQueue,
  sleep,
  type StreamHandler,
  StreamServer,
  type StreamServerOptions,
  type WaitOptions,
} from "@verdant/green";

/** Any free port of this machine. */
export const ANY_PORT = { hostname: "127.0.0.1", port: 0 };

/** Starts a server on any free port. */
export async function startServer(
  handler: StreamHandler,
  options?: StreamServerOptions,
): Promise<StreamServer> {
  const server = new StreamServer(ANY_PORT, handler, options);
  await server.start();
  return server;
}

/** For handlers that do not end by themselves. */
export function never(): Promise<boolean> {
  return new Event().wait();
}

/** Serves each line back. */
export async function echo(conn: Conn): Promise<void> {
  for await (const line of conn.lines()) await conn.writeAll(`${line}\n`);
}

/** The port of what listens. */
export function portOf(listening: BaseServer | Listener): number {
  const { address } = listening instanceof Listener ? { address: listening.addr } : listening;
  return (address as Deno.NetAddr).port;
}

/** Connects to what listens. */
export function dial(listening: BaseServer | Listener): Promise<Conn> {
  return connect({ port: portOf(listening) });
}

/** Whether nobody serves there any more. */
export async function isRefused(port: number): Promise<boolean> {
  try {
    using conn = await connect({ port });
    return await conn.readSome() === null; // it came while the platform was closing the listener
  } catch (error) {
    return error instanceof Deno.errors.ConnectionRefused || error instanceof Deno.errors.ConnectionReset;
  }
}

/** Sends a line and reads one. */
export async function ask(conn: Conn, line: string): Promise<string | null> {
  await conn.writeAll(`${line}\n`);
  return await conn.readLine();
}

/** Reads until the peer has closed, however it did. */
export async function drained(conn: Conn): Promise<void> {
  try {
    while (await conn.readSome() !== null);
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
}

/** A client without a network: all it can do is to be closed. */
export class FakeClient {
  /** How often it was closed. */
  closings = 0;

  constructor(readonly name: string) {}

  get closed(): boolean {
    return this.closings > 0;
  }

  /** What the listener wraps. */
  get raw(): RawConn {
    return {
      close: () => void this.closings++,
      remoteAddr: { transport: "unix", path: this.name },
    } as Partial<RawConn> as RawConn;
  }
}

/** A listener without a network: works in simulations. */
export class FakeListener extends Listener<Conn> {
  /** Who was accepted, in that order. */
  readonly accepted: FakeClient[] = [];
  readonly #arrivals = new SimpleQueue<FakeClient | Error>();
  /** How often somebody asked for a client. */
  asked = 0;

  constructor() {
    const raw = { addr: { transport: "unix", path: "fake" }, close() {} };
    super(raw as Partial<RawListener> as RawListener, (conn) => new Conn(conn));
  }

  /** Clients come, or accepting one fails. */
  arrive(...arrivals: (FakeClient | Error)[]): void {
    for (const arrival of arrivals) this.#arrivals.putNowait(arrival);
  }

  /** As many clients come. */
  crowd(count: number): FakeClient[] {
    const clients = Array.from({ length: count }, (_, index) => new FakeClient(`client ${index + 1}`));
    this.arrive(...clients);
    return clients;
  }

  override async accept(options?: WaitOptions): Promise<Conn> {
    this.asked++;
    if (this.closed) throw new Deno.errors.BadResource("closed");
    const arrival = await this.#arrivals.get(options);
    if (arrival instanceof Error) throw arrival;
    this.accepted.push(arrival);
    return new Conn(arrival.raw);
  }

  override close(): void {
    super.close();
    this.#arrivals.shutdown({ immediate: true });
  }
}

/** Starts a server without a network, with as many clients as there are handlers. */
export async function startFake(
  handlers: (() => unknown)[],
  options?: StreamServerOptions,
): Promise<{ server: StreamServer; listener: FakeListener; clients: FakeClient[] }> {
  const listener = new FakeListener();
  const left = [...handlers];
  const server = new StreamServer(listener, () => left.shift()!(), options);
  await server.start();
  const clients = listener.crowd(handlers.length);
  while (left.length > 0) await sleep();
  return { server, listener, clients };
}
