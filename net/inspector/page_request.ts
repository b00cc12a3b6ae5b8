import { HttpHead, textOf } from "../websocket/http_head.ts";

/** A request that a page, or a tool such as curl, has sent. */
export interface PageRequest {
  /** `"GET"`, `"POST"`. */
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** The header `host`; empty if there is none. */
  readonly host: string;
  /** The header `origin`. */
  readonly origin: string | undefined;
  /** The token in `authorization: Bearer`, or in the query; empty if there is none. */
  readonly token: string;
  /** How long the body is (bytes). */
  readonly bodyLength: number;
}

const REQUEST_LINE = /^([A-Z]{1,10}) (\/[^ ]*) HTTP\/1\.[01]$/;
const BEARER = /^bearer +([^ ]+)$/i;
/** Where a head ends. */
const END = [13, 10, 13, 10];

/** Where the body begins; -1 if the head is not complete. */
export function endOfHead(bytes: Uint8Array): number {
  for (let at = 0; at + END.length <= bytes.length; at++) {
    if (END.every((byte, i) => bytes[at + i] === byte)) return at + END.length;
  }
  return -1;
}

/**
 * Understands the head of a request, with the empty line.
 *
 * @returns `undefined` if it breaks the rules of HTTP/1.1, or leaves its length open.
 */
export function parseRequest(bytes: Uint8Array): PageRequest | undefined {
  const head = HttpHead.parse(textOf(bytes));
  const [, method, target] = REQUEST_LINE.exec(head?.startLine ?? "") ?? [];
  if (head === undefined || method === undefined || target === undefined) return undefined;
  const hosts = head.getAll("host");
  const length = head.get("content-length") ?? "0";
  if (hosts.length > 1 || !/^\d{1,15}$/.test(length) || head.get("transfer-encoding") !== undefined) {
    return undefined;
  }
  const [path, query] = splitOnce(target, "?");
  return {
    method,
    path,
    host: hosts[0]?.toLowerCase() ?? "",
    origin: head.get("origin"),
    token: BEARER.exec(head.get("authorization") ?? "")?.[1] ?? new URLSearchParams(query).get("token") ?? "",
    bodyLength: Number(length),
  };
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
