import { isKey } from "./accept_key.ts";
import { HttpHead, isToken } from "./http_head.ts";

/**
 * With what a client has asked for a WebSocket.
 *
 * @example A path for each room
 * ```ts
 * import { type UpgradeRequest, type WebSocketConn, WebSocketServer } from "@verdant/green";
 *
 * const greet = (ws: WebSocketConn, { path }: UpgradeRequest) => ws.send(`Welcome to ${path}`);
 * new WebSocketServer({ port: 0 }, greet);
 * ```
 */
export interface UpgradeRequest {
  /** Always `"GET"`. */
  readonly method: string;
  /** The whole address: `"ws://host:port/path?query"`. */
  readonly url: string;
  /** The path in it: `"/path"`. */
  readonly path: string;
  /** The header fields. */
  readonly headers: Headers;
  /** The protocols that the client offers, in its order. */
  readonly protocols: readonly string[];
  /** The address of the client. */
  readonly remoteAddr: Deno.Addr;
}

/** Why a request is refused. */
export interface Refusal {
  readonly status: number;
  readonly headers?: readonly string[];
}

const BAD: Refusal = { status: 400 };
const BAD_VERSION: Refusal = { status: 426, headers: ["Upgrade: websocket", "Sec-WebSocket-Version: 13"] };
const REQUEST_LINE = /^([^ ]+) ([^ ]+) HTTP\/1\.1$/;

/** A request for a WebSocket, as it came by the wire. */
export class ParsedRequest implements UpgradeRequest {
  readonly method: string = "GET";
  readonly url: string;
  readonly path: string;
  readonly key: string;
  readonly protocols: readonly string[];
  /** Where the page is from that asks; `undefined` if it is no page. */
  readonly origin: string | undefined;
  /** The head, in one piece: a request may be kept for as long as its WebSocket lives. */
  readonly #text: string;
  #headers: Headers | undefined = undefined;

  private constructor(text: string, head: HttpHead, url: URL, readonly remoteAddr: Deno.Addr) {
    this.url = url.href;
    this.path = url.pathname;
    this.key = head.get("sec-websocket-key")!;
    this.protocols = head.list("sec-websocket-protocol");
    this.origin = head.get("origin");
    this.#text = text;
  }

  /** Understands a request, or says why it is refused. */
  static parse(text: string, remoteAddr: Deno.Addr, secure: boolean): ParsedRequest | Refusal {
    const head = HttpHead.parse(text);
    const match = REQUEST_LINE.exec(head?.startLine ?? "");
    if (head === undefined || match === null || match[1] !== "GET") return BAD;
    const url = urlOf(head, match[2]!, secure);
    if (url === undefined || hasBody(head)) return BAD;
    if (!head.has("upgrade", "websocket") || !head.has("connection", "upgrade")) return BAD;
    if (head.get("sec-websocket-version") !== "13") return BAD_VERSION;
    if (!isKey(head.get("sec-websocket-key") ?? "")) return BAD;
    if (!head.list("sec-websocket-protocol").every(isToken)) return BAD;
    return new ParsedRequest(text, head, url, remoteAddr);
  }

  /** Made on first use: most handlers do not look. */
  get headers(): Headers {
    return this.#headers ??= new Headers(HttpHead.parse(this.#text)!.fields);
  }
}

function urlOf(head: HttpHead, target: string, secure: boolean): URL | undefined {
  const hosts = head.getAll("host");
  if (hosts.length !== 1 || !(target.startsWith("/") || /^https?:\/\//i.test(target))) return undefined;
  const base = `${secure ? "wss" : "ws"}://${hosts[0]}`;
  const text = target.startsWith("/") ? base + target : target.replace(/^http/i, "ws");
  if (!URL.canParse(base) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  return url.username === "" && new URL(base).pathname === "/" ? url : undefined;
}

/** What is taken for a body by one and for frames by another can be used to smuggle. */
function hasBody(head: HttpHead): boolean {
  const length = head.get("content-length");
  return head.get("transfer-encoding") !== undefined || length !== undefined && length !== "0";
}
