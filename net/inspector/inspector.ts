import { enterWait, type Hub, quiet, until } from "../../hub/mod.ts";
import { runAs } from "../../hub/context.ts";
import { formatHostPort, withoutBrackets } from "../address.ts";
import { IdleTimer } from "./idle_timer.ts";
import { PageService, type Settings } from "./page_service.ts";
import { textReply } from "./reply.ts";
import { Visit } from "./visit.ts";

/** Connections at a time, those that have said nothing yet included. */
const MAX_VISITS = 64;
/** After a failure to accept, such as too many open files, it is tried again so much later (ms). */
const RETRY_MS = 200;
/** Where to go if it listens on all addresses. */
const UNSPECIFIED: Record<string, string> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

/**
 * A page about the running program, made by {@linkcode serveInspector}.
 *
 * @example Its address
 * ```ts
 * import { type Inspector, serveInspector } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * await using inspector: Inspector = serveInspector();
 * const { hostname, port } = inspector.address;
 * assertEquals(new URL(inspector.url).host, `${hostname}:${port}`);
 * ```
 */
export class Inspector implements AsyncDisposable {
  /** Where it listens, with the real port if it was asked for port 0. */
  readonly address: Deno.NetAddr;
  /** The address of the page, with the token: whoever knows it may look. */
  readonly url: string;
  readonly #listener: Deno.TcpListener;
  readonly #service: PageService;
  readonly #visits = new Map<Visit, Promise<void>>();
  #accepting: Promise<void> | undefined = undefined;
  #closed = false;
  #resume: () => void = () => {};
  readonly #retry: IdleTimer = new IdleTimer(() => this.#resume());

  /**
   * For {@linkcode serveInspector}.
   *
   * @param hub What is shown.
   * @param listener Where, the inspector's own from now on.
   * @param settings How.
   */
  constructor(hub: Hub, listener: Deno.TcpListener, settings: Settings) {
    this.#listener = listener;
    this.#service = new PageService(hub, settings);
    this.address = listener.addr;
    const { hostname, port } = listener.addr;
    const host = formatHostPort(UNSPECIFIED[withoutBrackets(hostname)] ?? hostname, port);
    this.url = `http://${host}/?token=${settings.token}`;
    listener.unref();
    // As code outside greenlets: what it does, no greenlet has done.
    runAs(hub.root, () => this.#accepting = this.#acceptAll(), undefined);
  }

  /** The port it listens on. */
  get port(): number {
    return this.address.port;
  }

  /** How many pages get updates now. */
  get clients(): number {
    return this.#service.clients;
  }

  /** Whether it was stopped. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Closes the port and the pages' connections at once, and waits until they are closed. Switches. */
  stop(): Promise<void> {
    enterWait("stop inspector");
    if (!this.#closed) {
      this.#closed = true;
      this.#listener.ref(); // somebody waits for its end now
      this.#listener.close();
      this.#retry.stop();
      this.#resume();
      this.#service.stop();
      for (const visit of this.#visits.keys()) visit.close();
    }
    return quiet(this.#end());
  }

  /** Stops it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** For reports: where it listens, without the token. */
  toString(): string {
    return `Inspector on ${formatHostPort(this.address.hostname, this.port)}`;
  }

  async #end(): Promise<void> {
    const all = Promise.all([this.#accepting, ...this.#visits.values()]);
    await until(all, { what: "the connections of an inspector" });
  }

  async #acceptAll(): Promise<void> {
    while (!this.#closed) {
      try {
        this.#receive(await this.#listener.accept());
      } catch {
        if (!this.#closed) await this.#pause();
      }
    }
  }

  /** Until it is worth to try again, or it is stopped. */
  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#resume = resolve;
      this.#retry.start(RETRY_MS);
    });
  }

  #receive(conn: Deno.TcpConn): void {
    // It may have come in the very moment of the end. Nor are there to be too many that are told to come later.
    if (this.#closed || this.#visits.size >= 2 * MAX_VISITS) return conn.close();
    const visit = new Visit(conn);
    const busy = this.#visits.size >= MAX_VISITS;
    const serving = busy ? visit.reply(textReply(503)) : this.#service.serve(visit, this.port);
    this.#visits.set(visit, serving);
    void serving.finally(() => this.#visits.delete(visit));
  }
}
