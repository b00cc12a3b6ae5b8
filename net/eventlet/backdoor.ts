/**
 * A line to the inside of the running program.
 *
 * Source: `eventlet.backdoor`. Not here: `SocketConsole` and `FileProxy`, which put the connection in the place of the
 * standard streams: here, `print()` and `console` of a session write to the session.
 *
 * @example Look into a program
 * ```ts
 * import { eventlet } from "@verdant/green";
 *
 * const app = { users: 42 };
 * using sock = eventlet.listen(["127.0.0.1", 0]);
 * const server = eventlet.spawn(eventlet.backdoor.backdoorServer, sock, { app });
 * using conn = await eventlet.connect(["127.0.0.1", (sock.addr as Deno.NetAddr).port]);
 * await conn.writeAll("app.users\n");
 * await conn.readUntil("42\n");
 * await eventlet.kill(server);
 * ```
 *
 * @module
 */
import { enterWait, quiet } from "../../hub/mod.ts";
import { Greenlet } from "../../green/mod.ts";
import { defaultBanner } from "../backdoor.ts";
import { checkLoopback } from "../backdoor/local_place.ts";
import { Session } from "../backdoor/session.ts";
import { Conn } from "../conn.ts";
import { Listener } from "../listener.ts";
import { type PeerAddress, peerOf } from "./address.ts";

/**
 * Options of `eventlet.backdoor.backdoorServer()`.
 *
 * @example For everybody
 * ```ts
 * import type { eventlet } from "@verdant/green";
 *
 * const options: eventlet.backdoor.BackdoorServerOptions = { allowRemote: true };
 * ```
 */
export interface BackdoorServerOptions {
  /**
   * Whether it may listen where other machines reach it.
   *
   * @default {false}
   */
  allowRemote?: boolean | undefined;
}

const PROMPT = ">>> ";
const MAX_LINE = 65_536;
const LINGER_MS = 5_000;

/**
 * Lets everybody in who connects, each as `backdoor()` does, until it is killed or the listener is closed; then
 * closes the listener. The sessions go on. Switches.
 *
 * Source: `eventlet.backdoor.backdoor_server`.
 *
 * @param sock Where clients come from.
 * @param locals The variables, which all sessions share: what one of them assigns, the others see.
 * @throws {TypeError} If `sock` is not a listener, or others can reach it and `allowRemote` is not set.
 *
 * @example In the background
 * ```ts
 * import { eventlet } from "@verdant/green";
 *
 * const sock = eventlet.listen(["127.0.0.1", 0]);
 * const server = eventlet.spawn(eventlet.backdoor.backdoorServer, sock, { answer: 42 });
 * await eventlet.sleep();
 * await eventlet.kill(server);
 * ```
 */
export function backdoorServer(
  sock: Listener,
  locals?: Record<string, unknown>,
  options: BackdoorServerOptions = {},
): Promise<void> {
  if (!(sock instanceof Listener)) {
    throw new TypeError(`Cannot serve backdoor: sock must be a listener, received ${String(sock)}`);
  }
  checkLocals(locals, "serve backdoor");
  const hostname = "hostname" in sock.addr ? sock.addr.hostname : undefined;
  if (options.allowRemote !== true) checkLoopback(hostname, "serve backdoor");
  enterWait("serve backdoor");
  return quiet(acceptAll(sock, locals ?? {}));
}

async function acceptAll(sock: Listener, locals: Record<string, unknown>): Promise<void> {
  using _sock = sock;
  console.log(`backdoor server listening on ${sock}`);
  for await (const conn of sock) backdoor([conn, peerOf(conn.remoteAddr)], locals);
}

/**
 * Begins a session with a client that has connected, in a greenlet of its own, which closes the connection at the end.
 * Does not switch.
 *
 * Source: `eventlet.backdoor.backdoor`.
 *
 * @param connInfo The connection and who it is.
 * @param locals The variables of the session: what it assigns, stands in them.
 * @throws {TypeError} If it is no connection.
 *
 * @example One client
 * ```ts
 * import { eventlet } from "@verdant/green";
 *
 * using sock = eventlet.listen(["127.0.0.1", 0]);
 * using client = await eventlet.connect(["127.0.0.1", (sock.addr as Deno.NetAddr).port]);
 * eventlet.backdoor.backdoor([await sock.accept(), "somebody"], { answer: 42 });
 * await client.writeAll("answer\n");
 * await client.readUntil("42\n");
 * ```
 */
export function backdoor(
  connInfo: readonly [conn: Conn, addr: PeerAddress],
  locals?: Record<string, unknown>,
): void {
  const conn = Array.isArray(connInfo) ? connInfo[0] : connInfo;
  if (!(conn instanceof Conn)) {
    throw new TypeError(
      `Cannot open backdoor: it must be [connection, address], received ${String(connInfo)}`,
    );
  }
  checkLocals(locals, "open backdoor");
  console.log(`backdoor to ${conn}`);
  const greenlet = new Greenlet(() => hold(conn, locals ?? {}));
  greenlet.name = `backdoor session of ${conn}`;
  greenlet.rawlink(() => {
    conn.close(); // also if it was killed before it began
    console.log(`backdoor closed to ${conn}`);
  });
  greenlet.start();
}

async function hold(conn: Conn, variables: Record<string, unknown>): Promise<void> {
  console.log("backdoor opened");
  const settings = { banner: defaultBanner(), prompt: PROMPT, token: undefined, maxLine: MAX_LINE };
  await new Session(conn, { ...settings, variables, lingerTimeout: LINGER_MS }).run();
}

function checkLocals(locals: unknown, action: string): void {
  if (locals === undefined || typeof locals === "object" && locals !== null) return;
  throw new TypeError(`Cannot ${action}: locals must be an object, received ${String(locals)}`);
}
