import { originalOf } from "../../hub/mod.ts";
import type { RequestInfo } from "./request_greenlet.ts";

/**
 * What an access log tells of a request.
 *
 * @example A log of one's own
 * ```ts
 * import { type AccessLogEntry, HttpServer } from "@verdant/green";
 *
 * const slow: AccessLogEntry[] = [];
 * new HttpServer({ port: 0 }, () => new Response("hello"), {
 *   accessLog: (entry) => {
 *     if (entry.duration > 1_000) slow.push(entry);
 *   },
 * });
 * ```
 */
export interface AccessLogEntry {
  /** Of the client; `"-"` if it has none. */
  readonly address: string;
  /** When the request came. */
  readonly time: Date;
  /** Such as `"GET"`. */
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** Of the response; 499 if the client went before it. */
  readonly status: number;
  /** Size of the body; `undefined` if it is not known. */
  readonly bytes: number | undefined;
  /** What the client said of where it comes from. */
  readonly referer: string | undefined;
  /** What the client said of itself. */
  readonly userAgent: string | undefined;
  /** How long the answer took, its body included (ms). */
  readonly duration: number;
}

/**
 * A line of the combined log format, without its end. As the platform does not tell the version of HTTP, it always
 * says 1.1.
 *
 * @example Into a file
 * ```ts
 * import { combinedLogLine, HttpServer } from "@verdant/green";
 *
 * const lines: string[] = [];
 * new HttpServer({ port: 0 }, () => new Response("hello"), {
 *   accessLog: (entry) => lines.push(combinedLogLine(entry)),
 * });
 * ```
 */
export function combinedLogLine(entry: AccessLogEntry): string {
  const { address, time, method, target, status, bytes = "-", referer, userAgent } = entry;
  const request = quote(`${method} ${target} HTTP/1.1`);
  return `${address} - - [${clf(time)}] ${request} ${status} ${bytes} ${quote(referer)} ${quote(userAgent)}`;
}

/** What is noted of a request when it comes, so that its entry can be made when it is over. */
export class AccessRecord {
  readonly #address: string;
  readonly #time: Date = new Date();
  readonly #begin: number;
  readonly #method: string;
  readonly #url: string;
  readonly #referer: string | undefined;
  readonly #userAgent: string | undefined;

  constructor(request: Request, { remoteAddr }: RequestInfo, now: number) {
    const { headers } = request;
    this.#address = "hostname" in remoteAddr ? remoteAddr.hostname : "-";
    this.#begin = now;
    this.#method = request.method;
    this.#url = request.url;
    this.#referer = headers.get("referer") ?? undefined;
    this.#userAgent = headers.get("user-agent") ?? undefined;
  }

  /** The entry, now that the request is over. */
  finish(status: number, bytes: number | undefined, now: number): AccessLogEntry {
    const path = this.#url.indexOf("/", this.#url.indexOf("//") + 2);
    return {
      address: this.#address,
      time: this.#time,
      method: this.#method,
      target: path < 0 ? "/" : this.#url.slice(path),
      status,
      bytes: this.#method === "HEAD" ? 0 : bytes,
      referer: this.#referer,
      userAgent: this.#userAgent,
      duration: now - this.#begin,
    };
  }
}

/** Lines are written this long (ms) after the first one, together. */
const FLUSH_DELAY_MS = 100;
/** Lines beyond these wait in vain for a slow standard output: the number of those that were dropped is told. */
const MAX_WAITING_LINES = 100_000;

const encoder = new TextEncoder();

/** Writes lines to the standard output, many at a time, so that no request waits for it. */
export class LineWriter {
  #lines: string[] = [];
  #dropped = 0;
  #timer: ReturnType<typeof setTimeout> | undefined = undefined;
  #writing: Promise<void> | undefined = undefined;

  /** Takes a line. */
  write(line: string): void {
    if (this.#lines.length >= MAX_WAITING_LINES) {
      this.#dropped++;
      return;
    }
    this.#lines.push(line);
    // A timer of the platform: a log must not depend on the turns of the greenlets.
    this.#timer ??= originalOf(setTimeout)(() => void this.flush(), FLUSH_DELAY_MS);
  }

  /** Writes what there is, and waits until it is written. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#writing !== undefined || this.#lines.length > 0) {
      await (this.#writing ??= this.#writeOut());
    }
  }

  async #writeOut(): Promise<void> {
    const lines = this.#lines;
    this.#lines = [];
    if (this.#dropped > 0) lines.push(`(${this.#dropped} lines dropped)`);
    this.#dropped = 0;
    const bytes = encoder.encode(lines.join("\n") + "\n");
    try {
      for (let sent = 0; sent < bytes.length;) {
        sent += await originalOf(Deno.stdout.write).call(Deno.stdout, bytes.subarray(sent));
      }
    } catch {
      // Nobody reads it any more.
    } finally {
      this.#writing = undefined;
    }
  }
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `21/Nov/2026:10:33:19 +0000`. */
function clf(time: Date): string {
  const two = (n: number) => String(n).padStart(2, "0");
  const offset = -time.getTimezoneOffset();
  const zone = `${offset < 0 ? "-" : "+"}${two(Math.trunc(Math.abs(offset) / 60))}${
    two(Math.abs(offset) % 60)
  }`;
  const date = `${two(time.getDate())}/${MONTHS[time.getMonth()]}/${time.getFullYear()}`;
  return `${date}:${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())} ${zone}`;
}

/** In quotes, as Apache writes what clients send. */
function quote(text: string | undefined): string {
  return text === undefined ? '"-"' : `"${printable(text.replace(/["\\]/g, "\\$&"))}"`;
}

// deno-lint-ignore no-control-regex -- they are what must not get through
const CONTROLS = /[\x00-\x1f\x7f-\x9f]/g;

/** What clients send, so that they neither forge a line nor send commands to a terminal. */
export function printable(text: string): string {
  return text.replace(CONTROLS, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
