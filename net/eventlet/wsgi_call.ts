import { enterWait, GreenletExit, planWait, quiet, refusal, until } from "../../hub/mod.ts";
import { AsyncResult } from "../../sync/async_result.ts";
import { Event } from "../../sync/event.ts";
import { getCurrent } from "../../green/current.ts";
import type { Greenlet } from "../../green/greenlet.ts";
import { Job } from "../../green/job.ts";
import { shield } from "../../green/shield.ts";
import { spawnRaw } from "../../green/spawn_raw.ts";
import { describe, type RequestInfo } from "../http/request_greenlet.ts";
import { toBytes } from "../to_bytes.ts";
import type { WebSocketAdopter } from "../websocket/upgrade.ts";
import type { WebSocketConn } from "../websocket/web_socket_conn.ts";
import type { WsgiEnviron, WsgiPosthook } from "./wsgi_environ.ts";
import type { WsgiInput } from "./wsgi_input.ts";

/**
 * A piece of a body; text is sent as UTF-8. Bytes must not be changed afterwards.
 *
 * @example Both
 * ```ts
 * import type { eventlet } from "@verdant/green";
 *
 * const parts: eventlet.wsgi.WsgiPart[] = ["hello ", new Uint8Array([119, 111, 114, 108, 100])];
 * ```
 */
export type WsgiPart = string | Uint8Array;

/**
 * What a WSGI application returns: a body in an array, which is sent with its length; a body that comes part by part;
 * or, beyond WSGI, a `Response`, and then `startResponse` need not be called. If it has a method `close`, that is
 * called at the end.
 *
 * @example Part by part
 * ```ts
 * import { eventlet } from "@verdant/green";
 *
 * async function* count() {
 *   for (let i = 3; i > 0; i--) {
 *     yield `${i}\n`;
 *     await eventlet.sleep(1000);
 *   }
 * }
 * const result: eventlet.wsgi.WsgiResult = count();
 * ```
 */
export type WsgiResult = WsgiPart | Iterable<WsgiPart> | AsyncIterable<WsgiPart> | Response;

/**
 * Begins a response. May be called again, with an error, as long as nothing has been sent; otherwise that error is
 * thrown. Returns `write`, which sends a part and waits until the client has room for it.
 *
 * @example Plain text
 * ```ts
 * import type { eventlet } from "@verdant/green";
 *
 * const begin = (startResponse: eventlet.wsgi.StartResponse) =>
 *   startResponse("200 OK", [["Content-Type", "text/plain"]]);
 * ```
 */
export type StartResponse = (
  status: string,
  headers: readonly (readonly [name: string, value: string])[],
  excInfo?: unknown,
) => (part: WsgiPart) => Promise<void>;

/**
 * A WSGI application.
 *
 * Source: PEP 3333.
 *
 * @example Hello
 * ```ts
 * import type { eventlet } from "@verdant/green";
 *
 * const hello: eventlet.wsgi.WsgiApplication = (_environ, startResponse) => {
 *   startResponse("200 OK", [["Content-Type", "text/plain"]]);
 *   return ["Hello, World!\n"];
 * };
 * ```
 */
export type WsgiApplication = (
  environ: WsgiEnviron,
  startResponse: StartResponse,
) => WsgiResult | PromiseLike<WsgiResult>;

/** Responses that have no body, whatever the application yields. */
const BODILESS = [204, 205, 304];

const STATUS = /^(\d{3})(?: (.*))?$/;

/**
 * One call of an application, in a greenlet of its own, so that it can go on while what it has written is sent.
 *
 * The response has begun once `#response` is set: from then on, whoever reads its body looks after this greenlet;
 * until then the greenlet of the request does, in `answer()`.
 */
export class WsgiCall extends Job<void> implements WebSocketAdopter {
  readonly #site: WsgiApplication;
  readonly #environ: WsgiEnviron;
  // The application may do with its environment what it likes: these are remembered.
  readonly #input: WsgiInput;
  readonly #posthooks: readonly WsgiPosthook[];
  readonly #info: RequestInfo;
  readonly #request: Request;
  /** The greenlet of the request. */
  readonly #owner: Partial<WebSocketAdopter> | undefined;
  readonly #response: AsyncResult<Response> = new AsyncResult();
  /** Whether the client has room for a part. */
  readonly #demand: Event = new Event();
  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined = undefined;
  /** The end of what was written last: the application may not wait for it. */
  #writing: Promise<void> | undefined = undefined;
  /** Whether the client has gone: the kill comes at the next wait. */
  #left = false;
  #head: ResponseInit & { readonly status: number } | undefined = undefined;

  /**
   * Makes a greenlet that is not started.
   *
   * @param site The application.
   * @param environ What it is told.
   */
  constructor(site: WsgiApplication, environ: WsgiEnviron) {
    super();
    this.#site = site;
    this.#environ = environ;
    this.#input = environ["wsgi.input"];
    this.#posthooks = environ["eventlet.posthooks"];
    this.#info = environ["green.info"];
    this.#owner = getCurrent() as Partial<WebSocketAdopter> | undefined;
    this.#request = environ["green.request"];
  }

  /** Method and path, unless it was given a name. */
  override get label(): string {
    const name = super.label;
    return name.startsWith(this.constructor.name) ? describe(this.#request) : name;
  }

  /** For the greenlet of the request: calls the application, and waits for the beginning of its response. */
  async answer(): Promise<Response> {
    this.start();
    try {
      const response = await this.#response.get();
      await refusal(enterWait("answer"), planWait(undefined, "answer")); // nobody would read the body
      return response;
    } catch (error) {
      await shield(() => this.#end(error));
      throw error;
    }
  }

  /** For `upgrade()`: the server looks after its WebSockets by way of the greenlet of the request. */
  adoptWebSocket(handler: Greenlet, ws: WebSocketConn): void {
    this.#owner?.adoptWebSocket?.(handler, ws);
  }

  /** Calls the application. */
  protected override async run(): Promise<void> {
    const result = await this.#site(this.#environ, this.#startResponse);
    try {
      await this.#writing;
      if (result instanceof Response) this.#begin(result);
      else if (isWhole(result) && !this.#begun) this.#begin(this.#whole(partsOf(result)));
      else await this.#sendAll(isWhole(result) ? partsOf(result) : result);
    } finally {
      await (result as { close?: () => unknown } | undefined)?.close?.();
    }
  }

  /** For the hub. */
  override ended(): void {
    super.ended();
    this.#input.close();
    if (!this.#begun) this.#response.setError(this.outcome);
    else if (this.#controller !== undefined) this.#finish(this.#controller);
    else this.abandon(); // it has answered: only the hub can be told of an error
    if (this.#posthooks.length > 0) spawnRaw(() => this.#runPosthooks());
  }

  get #begun(): boolean {
    return this.#response.ready;
  }

  readonly #startResponse: StartResponse = (status, headers, excInfo) => {
    const again = excInfo !== undefined && excInfo !== null;
    if (again && this.#begun) throw excInfo;
    if (!again && this.#head !== undefined) {
      throw new Error("Cannot start response: it was started before; only an error may start another one");
    }
    this.#head = headOf(status, headers);
    return this.#write;
  };

  readonly #write = (part: WsgiPart): Promise<void> =>
    this.#writing = quiet(this.#writeAfter(this.#writing, part));

  async #writeAfter(earlier: Promise<void> | undefined, part: WsgiPart): Promise<void> {
    await earlier;
    await this.#send(part);
  }

  async #sendAll(parts: Iterable<WsgiPart> | AsyncIterable<WsgiPart>): Promise<void> {
    checkIterable(parts);
    for await (const part of parts) {
      await this.#writing;
      if (!await this.#send(part)) break;
    }
    await this.#writing;
    if (!this.#begun) this.#begin(new Response(null, this.#headNow()));
  }

  /** Sends a part, as soon as there is something in it; says whether more may follow. */
  async #send(part: WsgiPart): Promise<boolean> {
    const bytes = toBytes(part, "send body") as Uint8Array<ArrayBuffer>;
    const head = this.#headNow();
    if (bytes.length === 0) return true;
    const bodiless = BODILESS.includes(head.status);
    if (!this.#begun) this.#begin(bodiless ? new Response(null, head) : new Response(this.#body(), head));
    if (bodiless) return false;
    await this.#demand.wait();
    this.#demand.clear();
    if (!this.#left) this.#controller!.enqueue(bytes);
    return true;
  }

  #whole(parts: readonly WsgiPart[]): Response {
    const bytes = join(parts.map((part) => toBytes(part, "send body")));
    const head = this.#headNow();
    return new Response(BODILESS.includes(head.status) ? null : bytes, head);
  }

  #headNow(): ResponseInit & { readonly status: number } {
    if (this.#head !== undefined) return this.#head;
    throw new Error("Cannot respond: the application has not called startResponse");
  }

  #begin(response: Response): void {
    if (this.#begun) throw new Error("Cannot respond: the application has begun another response");
    this.#response.set(response);
  }

  /** What the client gets of the parts, one whenever it has room. */
  #body(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#demand.set(),
      cancel: () => {
        this.#left = true;
        return this.#end(new GreenletExit("The client has gone"));
      },
    }, { highWaterMark: 0 });
  }

  /** Ends the body, so that the client can tell whether it is complete. */
  #finish(controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>): void {
    const { outcome } = this;
    try {
      if (this.failed || outcome instanceof GreenletExit) controller.error(outcome);
      else controller.close();
    } catch {
      // The client has gone.
    }
  }

  /** Nobody waits for it any more. What happens to it now, nobody else is told. */
  async #end(reason: unknown): Promise<void> {
    if (this.dead) return;
    await this.kill(reason as Error);
    if (!this.caused(reason)) this.abandon();
  }

  async #runPosthooks(): Promise<void> {
    await until(this.#info.completed.catch(() => {}), { what: "end of the response" });
    for (const [fn, args = []] of this.#posthooks) {
      try {
        await fn(this.#environ, ...args);
      } catch (error) {
        this.hub.handleError(`posthook of ${this.label}`, error);
      }
    }
  }
}

function headOf(
  status: string,
  headers: readonly (readonly [string, string])[],
): ResponseInit & { readonly status: number } {
  const [, code, statusText = ""] = STATUS.exec(status) ?? [];
  if (!(Number(code) >= 200 && Number(code) <= 599)) {
    throw new TypeError(`Cannot start response: status must look like "200 OK", received ${String(status)}`);
  }
  if (!Array.isArray(headers)) {
    throw new TypeError(
      `Cannot start response: headers must be pairs in an array, received ${String(headers)}`,
    );
  }
  return { status: Number(code), statusText, headers: new Headers(headers as [string, string][]) };
}

/** Whether its length is known. */
function isWhole(result: unknown): result is WsgiPart | readonly WsgiPart[] {
  return typeof result === "string" || result instanceof Uint8Array || Array.isArray(result);
}

function partsOf(result: WsgiPart | readonly WsgiPart[]): readonly WsgiPart[] {
  return Array.isArray(result) ? result : [result as WsgiPart];
}

function checkIterable(parts: unknown): void {
  if (typeof Object(parts)[Symbol.asyncIterator] === "function") return;
  if (typeof Object(parts)[Symbol.iterator] === "function") return;
  throw new TypeError(`Cannot respond: the application must return an iterable, received ${String(parts)}`);
}

function join(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  if (parts.length === 1) return parts[0] as Uint8Array<ArrayBuffer>;
  const bytes = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let size = 0;
  for (const part of parts) {
    bytes.set(part, size);
    size += part.length;
  }
  return bytes;
}
