import { type Duration, toMilliseconds } from "../../hub/mod.ts";
import { checkWhole } from "../../sync/check.ts";
import { SourceStream, type StreamSource } from "./source_stream.ts";

/**
 * A server-sent event.
 *
 * @example With a name and an id
 * ```ts
 * import type { ServerSentEvent } from "@verdant/green";
 *
 * const event: ServerSentEvent = { event: "price", id: "17", data: { symbol: "DENO", price: 42 } };
 * ```
 */
export interface ServerSentEvent {
  /** Text as it is; anything else as JSON. */
  readonly data?: unknown;
  /** The name of the event; `"message"` for the browser if there is none. */
  readonly event?: string | undefined;
  /** What a browser that comes back says it has seen, in the header `last-event-id`. */
  readonly id?: string | undefined;
  /** How long (ms) a browser waits before it comes back. */
  readonly retry?: number | undefined;
}

/**
 * Options of `eventStream()`.
 *
 * @example Behind an impatient proxy
 * ```ts
 * import type { EventStreamOptions } from "@verdant/green";
 *
 * const options: EventStreamOptions = { heartbeat: 5_000 };
 * ```
 */
export interface EventStreamOptions {
  /**
   * After so long (ms or a `Temporal.Duration`) without an event, a comment is sent, so that nobody on the way
   * takes the connection for dead; `Infinity` for none.
   *
   * @default {15000}
   */
  heartbeat?: Duration | undefined;
  /** Further headers. */
  headers?: HeadersInit | undefined;
}

const DEFAULT_HEARTBEAT_MS = 15_000;

const encoder = new TextEncoder();
const COMMENT = encoder.encode(":\n\n");

/**
 * A response of server-sent events, which a browser reads with `EventSource`. The source is read in a greenlet of
 * its own, and only as fast as the client takes the events. If the client leaves, or the server stops, the source
 * ends: its `finally` runs. Does not switch.
 *
 * @param source Events, or text for events that have nothing but data.
 * @throws {TypeError} If the source is not iterable.
 * @throws {RangeError} If `heartbeat` is negative or NaN.
 *
 * @example A clock
 * ```ts
 * import { eventStream, HttpServer, sleep } from "@verdant/green";
 *
 * async function* ticks() {
 *   for (;;) {
 *     yield { event: "tick", data: new Date().toISOString() };
 *     await sleep(1_000);
 *   }
 * }
 * new HttpServer({ port: 0 }, () => eventStream(ticks()));
 * ```
 */
export function eventStream(
  source: StreamSource<ServerSentEvent | string>,
  options: EventStreamOptions = {},
): Response {
  const every = toMilliseconds(options.heartbeat ?? DEFAULT_HEARTBEAT_MS, "stream events", "heartbeat");
  const heartbeat = every === Infinity ? undefined : { every, bytes: COMMENT };
  const { stream } = new SourceStream(source, { encode, heartbeat, endsOnKill: true });
  const headers = new Headers(options.headers);
  headers.set("content-type", "text/event-stream; charset=utf-8");
  if (!headers.has("cache-control")) headers.set("cache-control", "no-cache");
  return new Response(stream, { headers });
}

function encode(item: ServerSentEvent | string): Uint8Array<ArrayBuffer> {
  return encoder.encode(typeof item === "string" ? format({ data: item }) : format(item));
}

function format({ event, id, retry, data }: ServerSentEvent): string {
  let text = "";
  if (event !== undefined) text += `event: ${oneLine(event, "event")}\n`;
  if (id !== undefined) text += `id: ${oneLine(id, "id")}\n`;
  if (retry !== undefined) {
    checkWhole(retry, 0, "send event", "retry");
    text += `retry: ${retry}\n`;
  }
  if (data !== undefined) {
    const lines = typeof data === "string" ? data : JSON.stringify(data);
    for (const line of lines.split(/\r\n|\r|\n/)) text += `data: ${line}\n`;
  }
  return `${text}\n`;
}

function oneLine(text: string, what: string): string {
  if (/[\r\n\0]/.test(text)) {
    throw new TypeError(`Cannot send event: ${what} must be a single line, received ${JSON.stringify(text)}`);
  }
  return text;
}
