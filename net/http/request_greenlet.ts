import type { Timer } from "../../hub/mod.ts";
import { Greenlet } from "../../green/greenlet.ts";
import type { WebSocketAdopter } from "../websocket/upgrade.ts";
import type { WebSocketConn } from "../websocket/web_socket_conn.ts";
import type { AccessRecord } from "./access_log.ts";

/** Who a request comes from, and when it is over: what the platform hands to a handler of requests. */
export type RequestInfo = Deno.ServeHandlerInfo<Deno.Addr>;

/** What a server does for its requests. */
export interface RequestService {
  /** Calls the handler. */
  respond(greenlet: RequestGreenlet): Response | PromiseLike<Response>;
  /** What the client gets for a result, an error or a kill. Called once, at the end of the greenlet. */
  conclude(greenlet: RequestGreenlet): Response;
  /** Forgets a greenlet that has ended. */
  forget(greenlet: RequestGreenlet): void;
  /** Its request has become a WebSocket. */
  adopt(handler: Greenlet, ws: WebSocketConn): void;
  /** Tells of an error of the handler. */
  report(greenlet: RequestGreenlet): void;
}

let underConstruction: RequestGreenlet;
// One shared executor: a closure for each request would be a third of its cost.
function capture(resolve: (response: Response) => void): void {
  underConstruction.resolve = resolve;
}

/** Runs the handler of one request. Called `GET /path` in reports. */
export class RequestGreenlet extends Greenlet<Response> implements WebSocketAdopter {
  /** Neighbours among the requests that are being handled. Owned by `RequestList`. */
  before: RequestGreenlet | undefined = undefined;
  /** The one that came later. */
  after: RequestGreenlet | undefined = undefined;
  /** Whether it is in such a list. */
  listed = false;
  /** When it came, counted in looks at the clients. Owned by `ClientWatch`. */
  arrival = 0;
  /** Ends it when its time is up. Owned by the service. */
  limit: Timer | undefined = undefined;
  /** Whether its client has gone before the answer. */
  gone = false;
  /** For the access log. Owned by the service. */
  record: AccessRecord | undefined = undefined;
  /** Gives the answer, if somebody waits for it. Owned by this file. */
  resolve: ((response: Response) => void) | undefined = undefined;

  /**
   * Makes a greenlet that is not started.
   *
   * @param service What the server does for it.
   * @param request What it answers.
   * @param info Who asks.
   */
  constructor(readonly service: RequestService, readonly request: Request, readonly info: RequestInfo) {
    super();
  }

  /** Method and path, unless it was given a name. */
  override get label(): string {
    const name = super.label;
    return name.startsWith(this.constructor.name) ? describe(this.request) : name;
  }

  /** For the server, once it is started: the answer, now if the handler has not waited. */
  answer(): Response | Promise<Response> {
    if (this.ready) return this.service.conclude(this);
    underConstruction = this;
    return new Promise(capture);
  }

  /** Answers before the handler has ended, whose own answer comes too late then. */
  answerNow(response: Response): void {
    const { resolve } = this;
    if (resolve === undefined) return;
    this.resolve = undefined;
    resolve(response);
  }

  /** For `upgrade()`. */
  adoptWebSocket(handler: Greenlet, ws: WebSocketConn): void {
    this.service.adopt(handler, ws);
  }

  /** Calls the handler. */
  protected override run(): Response | PromiseLike<Response> {
    return this.service.respond(this);
  }

  /** For the hub. */
  override ended(): void {
    super.ended();
    if (this.listed) this.service.forget(this);
    if (this.resolve !== undefined) this.answerNow(this.service.conclude(this));
  }

  /** The server knows whom to tell. */
  protected override reportError(): void {
    this.service.report(this);
  }
}

/** `"GET /path"`. */
export function describe(request: Request): string {
  try {
    return `${request.method} ${pathOf(request.url)}`;
  } catch {
    return "request"; // the platform forgets what nobody asked for before the answer
  }
}

/** The path of a URL, without the query, which may hold secrets. */
export function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("//") + 2);
  if (start < 0) return "/";
  const end = url.slice(start).search(/[?#]/);
  return end < 0 ? url.slice(start) : url.slice(start, start + end);
}
