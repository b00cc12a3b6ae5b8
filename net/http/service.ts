import {
  getHub,
  GreenletExit,
  type Hub,
  isKill,
  quiet,
  Timeout,
  toMilliseconds,
  until,
} from "../../hub/mod.ts";
import { checkFunction, checkSize } from "../../sync/check.ts";
import type { Greenlet } from "../../green/greenlet.ts";
import { Pool } from "../../green/pool.ts";
import type { WebSocketConn } from "../websocket/web_socket_conn.ts";
import { type AccessLogEntry, AccessRecord, combinedLogLine, LineWriter } from "./access_log.ts";
import { Admission } from "./admission.ts";
import { BodyGreenlet, BrokenOff } from "./body_greenlet.ts";
import {
  announcesMore,
  BadBodyError,
  BodyTooLargeError,
  ClientGoneError,
  makeBodyGreen,
  mayHaveBody,
} from "./body_limit.ts";
import { ClientWatch } from "./client_watch.ts";
import type { HttpHandler, HttpServerOptions } from "./http_server.ts";
import { describe, RequestGreenlet, type RequestInfo, type RequestService } from "./request_greenlet.ts";
import { RequestList } from "./request_list.ts";
import { RequestReporter } from "./request_report.ts";
import { bodyOf, sizeOf } from "./response_body.ts";

const DEFAULT_MAX_QUEUED = 1_000;
const DEFAULT_MAX_BODY_BYTES = 10 * 1024 * 1024;
/** What a client that found the queue full is told to wait (s). */
const RETRY_AFTER_S = "1";
/** In the log, for a client that has gone before the answer: nginx's number. */
const CLIENT_GONE = 499;
/** How long (ms) the access log may take to be written when the server stops. */
const LOG_TIMEOUT_MS = 1_000;

/** Handles the requests of a server: from their arrival to the end of their answers. */
export class Service implements RequestService {
  readonly #hub: Hub = getHub();
  /** The global is slow to get. */
  readonly #response: typeof Response = Response;
  readonly #handler: HttpHandler;
  readonly #onError: HttpServerOptions["onError"];
  readonly #maxBodyBytes: number;
  /** Milliseconds. */
  readonly #requestTimeout: number;
  readonly #timeoutStatus: number;
  readonly #reporter: RequestReporter;
  readonly #log: ((entry: AccessLogEntry) => unknown) | undefined;
  readonly #lines: LineWriter | undefined;
  readonly #admission: Admission | undefined;
  /** Requests whose handlers run, or wait for a slot. */
  readonly #requests: RequestList = new RequestList();
  readonly #watch: ClientWatch;
  /** Responses that are being streamed. */
  readonly #bodies = new Set<BodyGreenlet>();
  /** WebSockets, by the greenlets of their handlers. */
  readonly #webSockets = new Map<Greenlet, WebSocketConn>();
  #stopping = false;

  /**
   * Checks the options.
   *
   * @param handler Answers a request.
   * @param options Of the server.
   * @param tls Whether it speaks TLS.
   */
  constructor(handler: HttpHandler, options: HttpServerOptions, tls: boolean) {
    const { spawn = "default", maxQueued = DEFAULT_MAX_QUEUED, maxBodyBytes = DEFAULT_MAX_BODY_BYTES } =
      options;
    const { requestTimeout = Infinity, timeoutStatus = 503, onError, accessLog = false, redact = [] } =
      options;
    const action = "create server";
    if (!Array.isArray(redact) || redact.some((name) => typeof name !== "string")) {
      throw new TypeError(`Cannot ${action}: redact must be names of headers, received ${String(redact)}`);
    }
    if (typeof spawn === "number") checkSize(spawn, 1, action, "spawn");
    else if (spawn !== "default" && !(spawn instanceof Pool)) {
      throw new TypeError(
        `Cannot ${action}: spawn must be "default", a number or a Pool, received ${String(spawn)}`,
      );
    }
    checkSize(maxQueued, 0, action, "maxQueued");
    checkSize(maxBodyBytes, 0, action, "maxBodyBytes");
    if (timeoutStatus !== 503 && timeoutStatus !== 504) {
      throw new RangeError(`Cannot ${action}: timeoutStatus must be 503 or 504, received ${timeoutStatus}`);
    }
    if (onError !== undefined) checkFunction(onError, action, "onError");
    if (typeof accessLog !== "boolean") checkFunction(accessLog, action, "accessLog");
    this.#watch = new ClientWatch(this.#hub, this.#requests, tls);
    this.#handler = handler;
    this.#onError = onError;
    this.#maxBodyBytes = maxBodyBytes;
    this.#requestTimeout = toMilliseconds(requestTimeout, action, "requestTimeout");
    this.#timeoutStatus = timeoutStatus;
    this.#reporter = new RequestReporter(redact);
    const lines = accessLog === true ? new LineWriter() : undefined;
    this.#lines = lines;
    this.#log = lines === undefined
      ? accessLog as Exclude<typeof accessLog, boolean> || undefined
      : (entry) => lines.write(combinedLogLine(entry));
    if (spawn !== "default") {
      this.#admission = new Admission(typeof spawn === "number" ? new Pool(spawn) : spawn, maxQueued);
    }
  }

  /** How many requests are being handled, their answers and WebSockets included. */
  get size(): number {
    return this.#requests.size + this.#bodies.size + this.#webSockets.size;
  }

  /** How many requests wait for a slot. */
  get queued(): number {
    return this.#admission?.queued ?? 0;
  }

  /** All greenlets that work for requests. */
  *greenlets(): Iterable<Greenlet> {
    yield* this.#requests;
    yield* this.#bodies;
    yield* this.#webSockets.keys();
  }

  /** For the platform: answers a request. */
  readonly handle = (request: Request, info: RequestInfo): Response | Promise<Response> => {
    const record = this.#log === undefined ? undefined : new AccessRecord(request, info, this.#hub.now());
    if (mayHaveBody(request)) {
      if (announcesMore(request, this.#maxBodyBytes)) {
        return this.#refuse(refusal(413), record);
      }
      makeBodyGreen(request, this.#maxBodyBytes);
    }
    const greenlet = new RequestGreenlet(this, request, info);
    greenlet.record = record;
    if (!this.#start(greenlet)) return this.#refuse(plain(503, { "retry-after": RETRY_AFTER_S }), record);
    const answer = greenlet.answer();
    if (!greenlet.ready) this.#attend(greenlet);
    return answer;
  };

  /** For the greenlet of a request. */
  respond(greenlet: RequestGreenlet): Response | PromiseLike<Response> {
    if (this.#onError !== undefined) return this.#respondToErrors(greenlet);
    return this.#handler(greenlet.request, greenlet.info);
  }

  /** For the greenlet of a request. Never throws. */
  conclude(greenlet: RequestGreenlet): Response {
    const response = this.#responseOf(greenlet);
    try {
      return this.#send(greenlet, response);
    } catch (error) {
      this.#tell(greenlet, error); // its body has been used
      return this.#note(greenlet, plain(500));
    }
  }

  /** For the greenlet of a request. */
  forget(greenlet: RequestGreenlet): void {
    this.#requests.remove(greenlet);
    this.#admission?.forget(greenlet);
    if (greenlet.limit !== undefined) this.#hub.cancelTimer(greenlet.limit);
  }

  /** For the greenlet of a request. */
  report(greenlet: RequestGreenlet): void {
    const { error } = greenlet;
    const fault = faultOf(error);
    if (fault === CLIENT_GONE) greenlet.gone = true;
    else if (fault === undefined) this.#tell(greenlet, error);
  }

  /** For the greenlet of a request: it has become a WebSocket. */
  adopt(handler: Greenlet, socket: WebSocketConn): void {
    this.#webSockets.set(handler, socket);
    handler.rawlink(() => this.#webSockets.delete(handler));
    if (this.#stopping) this.#goAway(socket);
  }

  /** For the platform: a response could not be sent. */
  fail(context: object, error: unknown): Response {
    if (!(error instanceof BrokenOff)) this.#hub.handleError(context, error);
    return plain(500);
  }

  /** Ends what has no end of its own: event streams, WebSockets. */
  endEndless(): void {
    this.#stopping = true;
    for (const body of this.#bodies) if (body.endless) body.finish();
    for (const socket of this.#webSockets.values()) this.#goAway(socket);
  }

  /**
   * Cleans up once the handlers have ended.
   *
   * @param left Those that do not heed their kill: their clients wait no longer.
   */
  async stop(left: readonly Greenlet[]): Promise<void> {
    this.#watch.stop();
    for (const greenlet of left) if (greenlet instanceof RequestGreenlet) this.#answerEarly(greenlet, 503);
    await this.#admission?.stop();
    if (this.#lines !== undefined) await flushInTime(this.#lines);
  }

  #start(greenlet: RequestGreenlet): boolean {
    let admitted = true;
    this.#hub.wakeFromEventLoop(() => {
      if (this.#admission === undefined) greenlet.start();
      else admitted = this.#admission.admit(greenlet);
    });
    return admitted;
  }

  /** Looks after a request whose handler waits. */
  #attend(greenlet: RequestGreenlet): void {
    this.#requests.add(greenlet);
    this.#watch.add(greenlet);
    if (this.#requestTimeout === Infinity) return;
    greenlet.limit = this.#hub.startTimer(this.#requestTimeout, false, this.#expire, greenlet);
  }

  readonly #expire = (greenlet: RequestGreenlet): void => {
    const reason = `The request ${greenlet.label} took more than ${this.#requestTimeout} ms`;
    this.#answerEarly(greenlet, this.#timeoutStatus);
    void greenlet.kill(new GreenletExit(reason), { block: false });
  };

  /** Answers although the handler has not ended. */
  #answerEarly(greenlet: RequestGreenlet, status: number): void {
    if (greenlet.resolve !== undefined) greenlet.answerNow(this.#note(greenlet, plain(status)));
  }

  async #respondToErrors(greenlet: RequestGreenlet): Promise<Response> {
    const { request, info } = greenlet;
    try {
      return await this.#handler(request, info);
    } catch (error) {
      if (isExpected(error)) throw error;
      this.#tell(greenlet, error);
      return await this.#onError!(error, request, info);
    }
  }

  #responseOf(greenlet: RequestGreenlet): Response {
    if (greenlet.failed) return answerTo(greenlet.error);
    const { value } = greenlet;
    if (value instanceof this.#response) return value;
    if (value instanceof GreenletExit) return plain(503);
    this.#tell(greenlet, new TypeError(`The handler must return a Response, it returned ${String(value)}`));
    return plain(500);
  }

  #send(greenlet: RequestGreenlet, response: Response): Response {
    const content = bodyOf(response);
    if (typeof content === "string") return this.#note(greenlet, response); // before the globals, slow to get
    if (content instanceof ReadableStream) return this.#stream(greenlet, response, content);
    if (content === null && response.type === "error") {
      throw new TypeError("The handler must not return Response.error()");
    }
    return this.#note(greenlet, response);
  }

  #stream(
    greenlet: RequestGreenlet,
    response: Response,
    content: ReadableStream<Uint8Array<ArrayBuffer>>,
  ): Response {
    if (response.bodyUsed) throw new TypeError("The handler must not return a response that has been read");
    const body = new BodyGreenlet(response, content, () => this.#name(greenlet), (body) => {
      this.#bodies.delete(body);
      if (body.fault !== undefined && !isExpected(body.fault.error)) this.#tell(greenlet, body.fault.error);
      this.#enter(greenlet.record, greenlet.gone ? CLIENT_GONE : response.status, body.bytes);
    });
    body.name = `body of ${describe(greenlet.request)}`;
    this.#bodies.add(body);
    body.start();
    if (this.#stopping && body.endless) body.finish();
    return body.response;
  }

  #refuse(response: Response, record: AccessRecord | undefined): Response {
    this.#enter(record, response.status, sizeOf(bodyOf(response)));
    return response;
  }

  /** Logs a response that is sent at once. */
  #note(greenlet: RequestGreenlet, response: Response): Response {
    const { record, gone } = greenlet;
    if (gone) this.#enter(record, CLIENT_GONE, 0);
    else if (record !== undefined) this.#enter(record, response.status, sizeOf(bodyOf(response)));
    return response;
  }

  #enter(record: AccessRecord | undefined, status: number, bytes: number | undefined): void {
    if (record === undefined) return;
    const report = (error: unknown) => this.#hub.handleError("access log", error);
    try {
      const logged = this.#log!(record.finish(status, bytes, this.#hub.now()));
      if (logged instanceof Promise) logged.catch(report);
    } catch (error) {
      report(error);
    }
  }

  /** Reports an error under a name that says what the request was. */
  #tell(greenlet: RequestGreenlet, error: unknown): void {
    this.#name(greenlet);
    this.#hub.handleError(greenlet, error);
  }

  #name(greenlet: RequestGreenlet): void {
    try {
      greenlet.name = this.#reporter.describe(greenlet.request, greenlet.info);
    } catch {
      // It was answered before: the platform has forgotten it.
    }
  }

  #goAway(socket: WebSocketConn): void {
    void quiet(socket.close(1001, "The server stops"));
  }
}

/** Nobody may read the log any more. */
async function flushInTime(lines: LineWriter): Promise<void> {
  const limit = new Timeout(LOG_TIMEOUT_MS);
  await until(lines.flush(), { timeout: limit, what: "access log" }).catch((error) => {
    if (error !== limit) throw error;
  });
}

const TEXTS: Record<number, string> = {
  400: "Bad Request",
  413: "Content Too Large",
  500: "Internal Server Error",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

/** For the status of an error that is the client's fault; `undefined` if it is the handler's. */
function faultOf(error: unknown): number | undefined {
  if (error instanceof BodyTooLargeError) return 413;
  if (error instanceof BadBodyError) return 400;
  return error instanceof ClientGoneError ? CLIENT_GONE : undefined;
}

/** Whether an error is no fault of the handler. */
function isExpected(error: unknown): boolean {
  return faultOf(error) !== undefined || isKill(error);
}

function answerTo(error: unknown): Response {
  const fault = faultOf(error);
  if (fault === undefined) return plain(500);
  return refusal(fault === CLIENT_GONE ? 400 : fault); // it may still listen
}

/** The rest of the body is of no use to anybody. */
function refusal(status: number): Response {
  return plain(status, { connection: "close" });
}

function plain(status: number, headers: HeadersInit = {}): Response {
  return new Response(`${TEXTS[status]}\n`, { status, headers });
}
