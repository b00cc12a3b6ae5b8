/** What a client is answered. */
export interface Reply {
  /** The HTTP status. */
  readonly status: number;
  /** Besides those that every reply has. */
  readonly headers?: Readonly<Record<string, string>>;
  /** All of it; not for a stream. */
  readonly body?: string;
}

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  413: "Content Too Large",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

/** Nothing of it is stored, framed or guessed at, and its address, which has the token, is told to nobody. */
const COMMON_HEADERS: Readonly<Record<string, string>> = {
  "connection": "close",
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

const encoder = new TextEncoder();

/** A reply in plain text; without one, what the status means. */
export function textReply(status: number, text: string = `${REASONS[status]}\n`): Reply {
  return { status, headers: { "content-type": "text/plain; charset=utf-8" }, body: text };
}

/** A reply for programs. */
export function jsonReply(value: unknown): Reply {
  return { status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(value) };
}

/** The bytes of a reply; of a stream, what stands before it. */
export function encodeReply({ status, headers, body }: Reply): Uint8Array<ArrayBuffer> {
  const content = body === undefined ? undefined : encoder.encode(body);
  const fields: Record<string, string> = { ...COMMON_HEADERS, ...headers };
  if (content !== undefined) fields["content-length"] = String(content.length);
  const lines = [`HTTP/1.1 ${status} ${REASONS[status]}`];
  for (const [name, value] of Object.entries(fields)) lines.push(`${name}: ${value}`);
  const head = encoder.encode(`${lines.join("\r\n")}\r\n\r\n`);
  if (content === undefined) return head;
  const bytes = new Uint8Array(head.length + content.length);
  bytes.set(head);
  bytes.set(content, head.length);
  return bytes;
}
