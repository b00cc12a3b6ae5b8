import { type Duration, getHub, originalOf, toMilliseconds } from "../../hub/mod.ts";
import { mainHub } from "../../hub/registry.ts";
import { checkWhole } from "../../sync/check.ts";
import { checkHostname, checkPort, formatHostPort, withoutBrackets, withPlace } from "../address.ts";
import { isLoopback } from "../loopback.ts";
import { checkToken, makeToken } from "./access.ts";
import { Inspector } from "./inspector.ts";

/**
 * Options of {@linkcode serveInspector}.
 *
 * @example For a developer who may end what hangs
 * ```ts
 * import { type InspectorOptions, serveInspector } from "@verdant/green";
 *
 * const options: InspectorOptions = { allowKill: true, interval: 250 };
 * await using _inspector = serveInspector(options);
 * ```
 */
export interface InspectorOptions {
  /**
   * Where to listen; 0 for any free port.
   *
   * @default {0}
   */
  port?: number | undefined;
  /**
   * The address to listen on: one of this machine that others cannot reach, unless `allowRemote`.
   *
   * @default {"127.0.0.1"}
   */
  hostname?: string | undefined;
  /**
   * What a client must know: 16 to 256 characters of `A-Z a-z 0-9 - . _ ~`.
   *
   * @default 128 random bits.
   */
  token?: string | undefined;
  /**
   * Whether the page may kill greenlets.
   *
   * @default {false}
   */
  allowKill?: boolean | undefined;
  /**
   * Whether it may listen where other machines reach it, and be reached by other names than `localhost`. The
   * connection is not encrypted: everybody on the way sees the token.
   *
   * @default {false}
   */
  allowRemote?: boolean | undefined;
  /**
   * How long (ms or a `Temporal.Duration`) it is from one update of a page to the next: 50 ms at least. It is
   * longer when there is so much to tell that the program would be slowed down by more than a twentieth.
   *
   * @default {500}
   */
  interval?: Duration | undefined;
  /**
   * How many pages get updates at a time; one more is refused.
   *
   * @default {8}
   */
  maxClients?: number | undefined;
}

const ACTION = "serve inspector";
const DEFAULT_INTERVAL_MS = 500;
const MIN_INTERVAL_MS = 50;
const DEFAULT_MAX_CLIENTS = 8;

/**
 * Serves a web page about this thread's greenlets while the program runs: their tree, what each waits for and for
 * how long, who ran in the last seconds, how late the event loop is, and who waits for each other in a circle. Does
 * not switch.
 *
 * - Open {@linkcode Inspector.url} in a browser. Without the token in it, every request is answered 403; so is one
 *   from a page of somebody else's.
 * - While no page is open, nothing is looked at, and the program runs as fast as ever.
 * - It keeps no process alive, not even while a page is open, and hides no deadlock: it has no greenlets of its own.
 *
 * `GET /dump` with the token, in the query or as `authorization: Bearer`, answers what `dump()` returns.
 *
 * Source: `gevent.monitor`, `eventlet.backdoor`, as a page.
 *
 * @param options Where, for whom and how often.
 * @throws {Deno.errors.NotCapable} Without `--allow-net` for that address.
 * @throws {Deno.errors.AddrInUse} If somebody else listens there.
 * @throws {RangeError} If the port, the interval or `maxClients` is out of range, or `hostname` is reached from
 * other machines and `allowRemote` is not set.
 * @throws {TypeError} If the token or the host name makes no sense.
 * @throws {Error} In a simulation, which nothing reaches from outside.
 *
 * @example Look at a program
 * ```ts
 * import { fetch, serveInspector, sleep, spawnWith } from "@verdant/green";
 * import { assertStringIncludes } from "@std/assert";
 *
 * await using inspector = serveInspector({ port: 0 });
 * const worker = spawnWith({ name: "worker" }, () => sleep(60_000));
 * await sleep();
 * // console.log(inspector.url); and open it in a browser. Here, a look at the dump:
 * const dump = await fetch(inspector.url.replace("/?", "/dump?"));
 * assertStringIncludes(await dump.text(), "worker");
 * await worker.kill();
 * ```
 */
export function serveInspector(options: InspectorOptions = {}): Inspector {
  const { port = 0, hostname = "127.0.0.1", token = makeToken(), maxClients = DEFAULT_MAX_CLIENTS } = options;
  const { allowKill = false, allowRemote = false } = options;
  checkPort(port, ACTION);
  checkHostname(hostname, ACTION);
  checkToken(token, ACTION);
  checkFlag(allowKill, "allowKill");
  checkFlag(allowRemote, "allowRemote");
  checkWhole(maxClients, 1, ACTION, "maxClients");
  const interval = checkInterval(options.interval ?? DEFAULT_INTERVAL_MS);
  if (!allowRemote && !isLoopback(hostname)) {
    throw new RangeError(
      `Cannot ${ACTION}: hostname must be one of this machine only unless allowRemote is set, received "${hostname}"`,
    );
  }
  const hub = getHub();
  if (hub !== mainHub()) {
    throw new Error(
      `Cannot ${ACTION}: a simulation hears nothing from outside; snapshot() and dump() work there`,
    );
  }
  const listener = listenAt(withoutBrackets(hostname), port);
  return new Inspector(hub, listener, { token, allowKill, allowRemote, interval, maxClients });
}

function checkInterval(interval: Duration): number {
  const ms = toMilliseconds(interval, ACTION, "interval");
  if (ms >= MIN_INTERVAL_MS && ms !== Infinity) return ms;
  throw new RangeError(
    `Cannot ${ACTION}: interval must be ${MIN_INTERVAL_MS} ms or more, and finite, received ${ms}`,
  );
}

function checkFlag(flag: unknown, what: string): void {
  if (typeof flag === "boolean") return;
  throw new TypeError(`Cannot ${ACTION}: ${what} must be a boolean, received ${String(flag)}`);
}

function listenAt(hostname: string, port: number): Deno.TcpListener {
  try {
    return originalOf(Deno.listen)({ hostname, port });
  } catch (error) {
    const place = formatHostPort(hostname, port);
    if (error instanceof Deno.errors.NotCapable) {
      error.message = `Cannot ${ACTION} on ${place}: ${error.message}`;
    }
    throw withPlace(error, `${ACTION} on`, place);
  }
}
