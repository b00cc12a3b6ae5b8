import { enterWait, planWait, until, type WaitOptions } from "../../hub/mod.ts";
import { quietly } from "../../sync/iteration.ts";
import { Job } from "../../green/job.ts";
import { describe } from "../http/request_greenlet.ts";
import { type ByteSource, Inflow, type Want } from "../inflow.ts";
import type { ReadBuffer } from "../read_buffer.ts";

const NEWLINE = 10;
/** Why it cannot be read any more. */
const OVER = "its request is over";
const EMPTY: Uint8Array<ArrayBuffer> = new Uint8Array(0);

/**
 * The body of a request, as a WSGI application reads it: `environ["wsgi.input"]`. One greenlet may read at a time. A
 * read that is killed or times out takes nothing.
 *
 * Source: `eventlet.wsgi.Input`. Iteration yields lines, as WSGI asks for; there, whatever one read gives.
 *
 * @example Count the bytes
 * ```ts
 * import type { eventlet } from "@verdant/green";
 *
 * const count: eventlet.wsgi.WsgiApplication = async (environ, startResponse) => {
 *   const body = await environ["wsgi.input"].read();
 *   startResponse("200 OK", [["Content-Type", "text/plain"]]);
 *   return [`${body.length}\n`];
 * };
 * ```
 */
export class WsgiInput implements AsyncIterable<Uint8Array<ArrayBuffer>> {
  readonly #request: Request;
  /** Made on first use: few requests have a body. */
  #body: BodySource | undefined = undefined;
  #inflow: Inflow | undefined = undefined;
  #closed = false;

  /**
   * Made by the server.
   *
   * @param request Whose body it is.
   */
  constructor(request: Request) {
    this.#request = request;
  }

  /**
   * Reads `size` bytes, fewer only at the end; the whole rest, if no size is given. Switches unless they are there.
   *
   * @param size Nothing, `null` or a negative number: all.
   * @returns The bytes: none at the end.
   * @throws {BodyTooLargeError} If the body is larger than the server takes.
   * @throws {Timeout} On time-out; nothing is lost.
   * @throws {ConcurrentObjectUseError} If another greenlet is reading.
   */
  read(size?: number | null, options?: WaitOptions): Promise<Uint8Array<ArrayBuffer>> {
    return this.#receive(new UpTo(limitOf(size, "read")), options, "read");
  }

  /**
   * Reads a line, with its newline, which only the last one may lack. Switches unless it is there.
   *
   * @param size No more than so many bytes, if given.
   * @returns The line: empty at the end.
   * @throws {BodyTooLargeError} If the body is larger than the server takes.
   * @throws {Timeout} On time-out; nothing is lost.
   * @throws {ConcurrentObjectUseError} If another greenlet is reading.
   */
  readline(size?: number | null, options?: WaitOptions): Promise<Uint8Array<ArrayBuffer>> {
    return this.#receive(new Line(limitOf(size, "read line")), options, "read line");
  }

  /**
   * Reads all lines that are left.
   *
   * @param hint No more lines once they are so many bytes together, if given.
   * @throws As {@linkcode readline}.
   */
  readlines(hint?: number | null, options?: WaitOptions): Promise<Uint8Array<ArrayBuffer>[]> {
    const limit = limitOf(hint, "read lines") || Infinity;
    planWait(options, "read lines");
    enterWait("read lines");
    return this.#readLines(limit, options);
  }

  /** The lines that are left. Each step waits as {@linkcode readline} does. */
  [Symbol.asyncIterator](): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
    return quietly(this.#each());
  }

  /** For reports. */
  toString(): string {
    return `the body of ${describe(this.#request)}`;
  }

  /** For the server: the request is over. */
  close(): void {
    this.#closed = true;
    this.#inflow?.close(OVER);
    this.#body?.close();
  }

  #receive(want: Want<Uint8Array<ArrayBuffer>>, options: WaitOptions | undefined, action: string) {
    const plan = planWait(options, action);
    return (this.#inflow ?? this.#open()).receive(want, plan);
  }

  #open(): Inflow {
    this.#body = new BodySource(this.#request);
    this.#inflow = new Inflow(this.#body, this);
    if (this.#closed) this.#inflow.close(OVER);
    return this.#inflow;
  }

  async #readLines(limit: number, options: WaitOptions | undefined): Promise<Uint8Array<ArrayBuffer>[]> {
    const lines: Uint8Array<ArrayBuffer>[] = [];
    for (let size = 0; size < limit;) {
      const line = await this.readline(null, options);
      if (line.length === 0) break;
      lines.push(line);
      size += line.length;
    }
    return lines;
  }

  async *#each(): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
    for (let line = await this.readline(); line.length > 0; line = await this.readline()) yield line;
  }
}

/**
 * Reads the body in greenlets of its own: the platform's stream breaks if its reader is killed, and what has been
 * read would be lost.
 */
class BodySource implements ByteSource {
  readonly #request: Request;
  #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined = undefined;
  /** What has come and did not fit. */
  #rest: Uint8Array<ArrayBuffer> = EMPTY;
  #job: Job<void> | undefined = undefined;

  constructor(request: Request) {
    this.#request = request;
  }

  read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    const { promise, resolve, reject } = Promise.withResolvers<number | null>();
    if (this.#rest.length > 0) {
      resolve(this.#move(into));
      return promise;
    }
    const job = this.#job = new Job<void>(async () => resolve(await this.#fill(into)));
    job.name = "reader of a request";
    job.rawlink(() => job.failed && reject(job.error));
    job.start();
    return promise;
  }

  close(): void {
    void this.#job?.kill(undefined, { block: false });
  }

  async #fill(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    const reader = this.#reader ??= this.#request.body?.getReader();
    if (reader === undefined) return null;
    const { done, value } = await until(() => reader.read(), { what: "the body of a request" });
    if (done) return null;
    this.#rest = value;
    return this.#move(into);
  }

  #move(into: Uint8Array<ArrayBuffer>): number {
    const moved = this.#rest.subarray(0, into.length);
    into.set(moved);
    this.#rest = this.#rest.subarray(moved.length);
    return moved.length;
  }
}

/** A number of bytes, or what there is at the end. */
class UpTo implements Want<Uint8Array<ArrayBuffer>> {
  constructor(readonly size: number) {}

  take(buffer: ReadBuffer): Uint8Array<ArrayBuffer> | undefined {
    return buffer.size >= this.size ? buffer.take(this.size) : undefined;
  }

  end(buffer: ReadBuffer): Uint8Array<ArrayBuffer> {
    return buffer.take(buffer.size);
  }
}

/** A line with its newline, or the first bytes of a longer one. */
class Line implements Want<Uint8Array<ArrayBuffer>> {
  /** How many bytes hold no newline. */
  #searched = 0;

  constructor(readonly limit: number) {}

  take(buffer: ReadBuffer): Uint8Array<ArrayBuffer> | undefined {
    const newline = buffer.bytes.indexOf(NEWLINE, this.#searched);
    const length = Math.min(newline < 0 ? Infinity : newline + 1, this.limit);
    if (buffer.size >= length) return buffer.take(length);
    this.#searched = buffer.size;
    return undefined;
  }

  end(buffer: ReadBuffer): Uint8Array<ArrayBuffer> {
    return buffer.take(buffer.size);
  }
}

function limitOf(size: number | null | undefined, action: string): number {
  if (size === undefined || size === null || size < 0) return Infinity;
  if (Number.isInteger(size) || size === Infinity) return size;
  throw new RangeError(`Cannot ${action}: size must be an integer, received ${String(size)}`);
}
