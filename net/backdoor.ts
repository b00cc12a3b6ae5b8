import { type Duration, isKill, toMilliseconds } from "../hub/mod.ts";
import { checkWhole } from "../sync/check.ts";
import { getCurrent } from "../green/current.ts";
import { checkLoopback, localPlace } from "./backdoor/local_place.ts";
import { Session, type SessionSettings } from "./backdoor/session.ts";
import { restrictSocketFile } from "./backdoor/socket_file.ts";
import type { Conn } from "./conn.ts";
import type { ListenOptions } from "./listen.ts";
import { Listener } from "./listener.ts";
import { StreamServer, type StreamServerOptions } from "./stream_server.ts";

/**
 * Options of {@linkcode BackdoorServer}.
 *
 * @example With a name for the entries, and a secret
 * ```ts
 * import { type BackdoorOptions, BackdoorServer } from "@verdant/green";
 *
 * const app = { users: 0 };
 * const options: BackdoorOptions = { locals: { app }, banner: "Careful!", token: crypto.randomUUID() };
 * new BackdoorServer(4000, options);
 * ```
 */
export interface BackdoorOptions extends StreamServerOptions {
  /** The variables that a session begins with: each has a copy of this object. */
  locals?: Record<string, unknown> | undefined;
  /** What is printed first; `""` for nothing. By default it names the process. */
  banner?: string | undefined;
  /**
   * What is printed before each entry.
   *
   * @default {">>> "}
   */
  prompt?: string | undefined;
  /**
   * Whether it may listen where other machines reach it. What is sent is not encrypted, unless there is `tls`.
   *
   * @default {false}
   */
  allowRemote?: boolean | undefined;
  /** What must be typed first. Without one, whoever can connect is let in: every user of this machine. */
  token?: string | undefined;
  /**
   * How long (bytes) a line, and an entry of several lines, may be. A longer one is ignored, and the client is told.
   *
   * @default {65536}
   */
  maxLine?: number | undefined;
  /**
   * How many sessions there may be at a time. Who comes then is told so, and the connection is closed.
   *
   * @default {16}
   */
  maxSessions?: number | undefined;
  /**
   * How long (ms or a `Temporal.Duration`) the entries go on at the end of the input, before they are killed: `nc -N`
   * only closes its writing side, but a client that has gone looks the same.
   *
   * @default {5000}
   */
  lingerTimeout?: Duration | undefined;
  /**
   * How long (ms or a `Temporal.Duration`) `stop()` waits before it kills the sessions, which do not end by themselves.
   *
   * @default {0}
   */
  stopTimeout?: Duration | undefined;
}

const ACTION = "create backdoor";
const DEFAULT_PROMPT = ">>> ";
const DEFAULT_MAX_LINE = 65_536;
const DEFAULT_MAX_SESSIONS = 16;
const DEFAULT_LINGER_MS = 5_000;

/**
 * A line to the inside of the running program: whoever connects types JavaScript, with top-level `await`, which runs in
 * the program, and reads what comes of it. `telnet` and `nc` will do as clients.
 *
 * Whoever can connect can do all that the program can. So it listens on a loopback address or a Unix socket only,
 * unless `allowRemote` is set; without a host, on 127.0.0.1. Other users of the machine reach a loopback address, too:
 * a `token` keeps them out, or a Unix socket, which is readable for its owner only.
 *
 * An entry is an expression or statements; what it declares at its top level lasts, as variables of the session that
 * can be declared again (`const` is not kept constant, `using` ends with the entry). What the session has beside the
 * `locals`, `help()` tells: `greenlets()`, `dump()`, `kill(5)`, `quit()`, the last value in `_`, parts of the library.
 * `print()` and `console` write to the session, also from greenlets that it has spawned; what the program's own code
 * prints goes where it always goes. `typeof` of a name that does not exist throws. Ctrl-C in `telnet` kills the entry
 * that runs. Errors are printed and survived; those of greenlets that were spawned go to the hub, as ever.
 *
 * Source: `gevent.backdoor.BackdoorServer`.
 *
 * @example Ask the program how it is
 * ```ts
 * import { BackdoorServer, connect } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const app = { users: 41 };
 * await using server = new BackdoorServer(0, { locals: { app }, banner: "", prompt: "" });
 * await server.start();
 * using conn = await connect({ port: (server.address as Deno.NetAddr).port });
 * await conn.writeAll("app.users += 1\n");
 * assertEquals(await conn.readLine(), "42");
 * ```
 */
export class BackdoorServer extends StreamServer {
  readonly #settings: Omit<SessionSettings, "variables">;
  readonly #locals: Record<string, unknown>;
  readonly #maxSessions: number;
  #sessions = 0;
  /** The path of a Unix socket that it makes itself. */
  readonly #path: string | undefined;

  /**
   * Makes a server that does not listen yet.
   *
   * @param address A port, `"host:port"`, an object as for `listen()`, or a listener, which is the server's from
   * now on.
   * @param options How.
   * @throws {TypeError} If others could reach the address and `allowRemote` is not set, or an option makes no sense.
   * @throws {RangeError} If a number is out of range.
   */
  constructor(address: number | string | ListenOptions | Listener<Conn>, options: BackdoorOptions = {}) {
    const { locals = {}, maxSessions = DEFAULT_MAX_SESSIONS, stopTimeout = 0 } = options;
    if (typeof locals !== "object" || locals === null) {
      throw new TypeError(`Cannot ${ACTION}: locals must be an object, received ${String(locals)}`);
    }
    checkWhole(maxSessions, 1, ACTION, "maxSessions");
    const settings = settingsOf(options);
    const place = address instanceof Listener ? address : localPlace(address, ACTION);
    if (options.allowRemote !== true) checkLoopback(hostnameOf(place), ACTION);
    super(place, (conn, server) => (server as BackdoorServer).#welcome(conn), { ...options, stopTimeout });
    this.#settings = settings;
    this.#locals = locals;
    this.#maxSessions = maxSessions;
    this.#path = place instanceof Listener ? undefined : place.path;
  }

  /** Begins to listen. */
  protected override open(): void {
    if (this.#path === undefined) return super.open();
    using restricted = restrictSocketFile(this.#path);
    super.open();
    try {
      restricted.apply();
    } catch (error) {
      this.stopListening();
      throw error;
    }
  }

  async #welcome(conn: Conn): Promise<void> {
    if (this.#sessions === this.#maxSessions) return await refuse(conn, this.#maxSessions);
    const current = getCurrent();
    if (current !== undefined) current.name = `backdoor session of ${conn}`;
    this.#sessions++;
    try {
      await new Session(conn, { ...this.#settings, variables: { ...this.#locals } }).run();
    } finally {
      this.#sessions--;
    }
  }
}

async function refuse(conn: Conn, count: number): Promise<void> {
  try {
    await conn.writeAll(`There are ${count} sessions already\n`);
  } catch (error) {
    if (isKill(error)) throw error; // otherwise it has gone
  }
}

/** What all sessions have in common. */
function settingsOf(options: BackdoorOptions): Omit<SessionSettings, "variables"> {
  const { token, prompt = DEFAULT_PROMPT, banner = defaultBanner() } = options;
  const { maxLine = DEFAULT_MAX_LINE, lingerTimeout = DEFAULT_LINGER_MS } = options;
  for (const [name, value] of Object.entries({ prompt, banner, token: token ?? "-" })) {
    if (typeof value === "string" && !(name === "token" && value === "")) continue;
    const kind = name === "token" ? "a non-empty string" : "a string";
    throw new TypeError(`Cannot ${ACTION}: ${name} must be ${kind}, received ${JSON.stringify(value)}`);
  }
  checkWhole(maxLine, 1, ACTION, "maxLine");
  return {
    token,
    prompt,
    banner,
    maxLine,
    lingerTimeout: toMilliseconds(lingerTimeout, ACTION, "lingerTimeout"),
  };
}

/** Says where one is, as there may be several terminals. */
export function defaultBanner(): string {
  return `Backdoor of process ${Deno.pid}, Deno ${Deno.version.deno}: help() tells what there is`;
}

function hostnameOf(place: ListenOptions | Listener): string | undefined {
  if (!(place instanceof Listener)) return place.hostname;
  return "hostname" in place.addr ? place.addr.hostname : undefined;
}
