import { ReadUntil } from "../wants.ts";
import type { ReadBuffer } from "../read_buffer.ts";

const END = new TextEncoder().encode("\r\n\r\n");
/** A name of a field, a protocol (RFC 9110, section 5.6.2). */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Control characters other than a tab. */
// deno-lint-ignore no-control-regex -- they are what is looked for
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;
const BLANKS = /^[ \t]+|[ \t]+$/g;
/** So many arguments can be given to a function without harm. */
const CHUNK = 4096;

/** Reads the bytes up to the empty line, and keeps the memory that holds what came behind them. */
export class ReadHead extends ReadUntil {
  /** Where what came behind the head is. */
  rest: ReadBuffer | undefined = undefined;

  /** @param maxBytes How long it may be; `TooLongError` if it is longer. */
  constructor(maxBytes: number, from: object) {
    super(END, maxBytes, from);
  }

  override take(buffer: ReadBuffer): Uint8Array<ArrayBuffer> | undefined {
    this.rest = buffer;
    return super.take(buffer);
  }
}

/** What stands before the body of a request or response. */
export class HttpHead {
  /** The request line or the status line. */
  readonly startLine: string;
  /** Names (in lower case) and values, in order. */
  readonly fields: [string, string][];

  private constructor(startLine: string, fields: [string, string][]) {
    this.startLine = startLine;
    this.fields = fields;
  }

  /** Understands a head, without the empty line; `undefined` if it breaks the rules of HTTP/1.1. */
  static parse(text: string): HttpHead | undefined {
    const [startLine, ...lines] = text.split("\r\n");
    const fields: [string, string][] = [];
    for (const line of lines) {
      const colon = line.indexOf(":");
      const name = line.slice(0, Math.max(colon, 0)); // a line that is folded begins with a blank: no name either
      const value = line.slice(colon + 1).replace(BLANKS, "");
      if (!isToken(name) || CONTROL.test(value)) return undefined;
      fields.push([name.toLowerCase(), value]);
    }
    return CONTROL.test(startLine!) ? undefined : new HttpHead(startLine!, fields);
  }

  /** All values of a field, in one; `undefined` if there is none. */
  get(name: string): string | undefined {
    const values = this.getAll(name);
    return values.length === 0 ? undefined : values.join(", ");
  }

  /** All values of a field. */
  getAll(name: string): string[] {
    return this.fields.filter((field) => field[0] === name).map((field) => field[1]);
  }

  /** The elements of a list, which may be spread over several fields. */
  list(name: string): string[] {
    return splitList(this.get(name) ?? "");
  }

  /** Whether a list has an element, in whatever case. */
  has(name: string, element: string): boolean {
    return this.list(name).some((found) => found.toLowerCase() === element);
  }
}

/** The elements of a list of tokens. */
export function splitList(list: string): string[] {
  return list.split(",").map((element) => element.replace(BLANKS, "")).filter((element) => element !== "");
}

/** Whether it may be a name of a field or a protocol. */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/** A head as text, without the empty line. Each byte is a character: nothing else is agreed on. */
export function textOf(head: Uint8Array): string {
  const bytes = head.subarray(0, head.length - END.length);
  let text = "";
  for (let at = 0; at < bytes.length; at += CHUNK) {
    text += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  }
  return text;
}
