import {
  callerTask,
  type Duration,
  type Inspectable,
  planWait,
  shortName,
  toMilliseconds,
  type WaitDetails,
  type WaitOptions,
  type WaitPlan,
} from "../hub/mod.ts";
import { checkWhole } from "../sync/check.ts";
import { quietly } from "../sync/iteration.ts";
import { checkBuffer } from "./check_buffer.ts";
import { eachLine } from "./each_line.ts";
import { formatAddress } from "./address.ts";
import { refusedAsClosed } from "./closing.ts";
import { readableOf, writableOf } from "./conn_streams.ts";
import { Inflow } from "./inflow.ts";
import { Outflow } from "./outflow.ts";
import { toBytes } from "./to_bytes.ts";
import { READ_SOME, ReadExactly, ReadInto, ReadLine, ReadUntil } from "./wants.ts";

/**
 * A connection of the platform.
 *
 * @example Wrap one
 * ```ts
 * import { Conn, type RawConn } from "@verdant/green";
 *
 * const wrap = (raw: RawConn) => new Conn(raw);
 * using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * using conn = wrap(await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port }));
 * ```
 */
export type RawConn = Deno.Conn<Deno.Addr>;

/**
 * Limits of reading a line or a delimited message.
 *
 * @example A short line
 * ```ts
 * import { createSocketPair, type ReadLineOptions } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const options: ReadLineOptions = { maxBytes: 80, timeout: 1000 };
 * const [a, b] = await createSocketPair();
 * using _a = a;
 * using _b = b;
 * await a.writeAll("hello\n");
 * assertEquals(await b.readLine(options), "hello");
 * ```
 */
export interface ReadLineOptions extends WaitOptions {
  /**
   * How long (bytes) it may be, the newline not counted, the delimiter counted.
   *
   * @default {65536}
   */
  maxBytes?: number | undefined;
}

const DEFAULT_MAX_BYTES = 65_536;

/**
 * A connection: TCP, Unix or TLS.
 *
 * One greenlet may read and one may write at a time. A read that is killed or times out takes nothing and
 * closes nothing: whoever reads next gets the bytes. A write that is killed or times out may have sent a part.
 *
 * What waits when it is closed ends with `Deno.errors.Interrupted`; a call that comes later, with
 * `Deno.errors.BadResource`; as in Deno.
 *
 * Source: `gevent.socket.socket`, with the reading methods of its `makefile()`.
 *
 * @example Talk to oneself
 * ```ts
 * import { createSocketPair, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const [client, server] = await createSocketPair();
 * using _client = client;
 * spawn(async () => {
 *   using _server = server;
 *   for await (const line of server.lines()) await server.writeAll(`${line}, ${line}\n`);
 * });
 * await client.writeAll("hello\n");
 * assertEquals(await client.readLine(), "hello, hello");
 * ```
 */
export class Conn implements Disposable, AsyncDisposable, Inspectable {
  /** The platform's connection. Do not read from or write to it. */
  readonly raw: RawConn;
  readonly #inflow: Inflow;
  readonly #outflow: Outflow;
  /** Why it cannot be used any more: `"it was closed by …"`; `undefined` while it can. */
  #over: string | undefined = undefined;
  /** Limit of operations that are given none. */
  #limit: { readonly timeout: Duration } | undefined = undefined;
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | undefined = undefined;
  #writable: WritableStream<Uint8Array> | undefined = undefined;

  /**
   * Takes over a connection of the platform.
   *
   * @param raw Must not be used otherwise from now on.
   */
  constructor(raw: RawConn) {
    this.raw = raw;
    this.#inflow = new Inflow(raw, this);
    this.#outflow = new Outflow(raw, this);
  }

  /** The address on this side. */
  get localAddr(): Deno.Addr {
    return this.raw.localAddr;
  }

  /** The address of the peer. */
  get remoteAddr(): Deno.Addr {
    return this.raw.remoteAddr;
  }

  /** Whether {@linkcode close} was called. */
  get closed(): boolean {
    return this.#over !== undefined;
  }

  /** The limit that was set by {@linkcode setTimeout}; `null` if there is none. */
  get timeout(): Duration | null {
    return this.#limit?.timeout ?? null;
  }

  /**
   * Reads into `buffer` as many bytes as are there, at least one, waiting for them if there are none.
   *
   * @returns How many; `null` at the end of the stream.
   * @throws {TypeError} If `buffer` is no `Uint8Array`.
   * @throws {RangeError} If it has no room.
   * @throws {Timeout} On time-out; nothing is lost.
   * @throws {ConcurrentObjectUseError} If another greenlet is reading.
   */
  read(buffer: Uint8Array, options?: WaitOptions): Promise<number | null> {
    checkBuffer(buffer);
    return this.#inflow.receive(new ReadInto(buffer), this.#plan(options, "read"));
  }

  /**
   * Reads as many bytes as are there, at least one, waiting for them if there are none.
   *
   * @returns The bytes; `null` at the end of the stream.
   * @throws {Timeout} On time-out; nothing is lost.
   * @throws {ConcurrentObjectUseError} If another greenlet is reading.
   */
  readSome(options?: WaitOptions): Promise<Uint8Array<ArrayBuffer> | null> {
    return this.#inflow.receive(READ_SOME, this.#plan(options, "read"));
  }

  /**
   * Reads exactly `count` bytes, waiting until they have come.
   *
   * @throws {RangeError} If `count` is not a non-negative integer.
   * @throws {Deno.errors.UnexpectedEof} If the stream ends before; the bytes that have come can be read.
   * @throws {Timeout} On time-out; nothing is lost.
   * @throws {ConcurrentObjectUseError} If another greenlet is reading.
   */
  readExactly(count: number, options?: WaitOptions): Promise<Uint8Array<ArrayBuffer>> {
    checkWhole(count, 0, "read", "count");
    return this.#inflow.receive(new ReadExactly(count, this), this.#plan(options, "read"));
  }

  /**
   * Reads a line of UTF-8 text: up to `\n` or `\r\n`, which is not part of it. What is left at the end of the
   * stream counts as a line.
   *
   * @returns The line; `null` at the end of the stream.
   * @throws {TooLongError} If it is longer than `maxBytes`; the bytes can be read otherwise.
   * @throws {Timeout} On time-out; nothing is lost.
   * @throws {ConcurrentObjectUseError} If another greenlet is reading.
   */
  readLine(options?: ReadLineOptions): Promise<string | null> {
    const { maxBytes = DEFAULT_MAX_BYTES } = options ?? {};
    checkMaxBytes(maxBytes, "read line");
    return this.#inflow.receive(new ReadLine(maxBytes, this), this.#plan(options, "read line"));
  }

  /**
   * Reads up to and including a delimiter.
   *
   * @throws {RangeError} If the delimiter is empty.
   * @throws {TooLongError} If it does not come within `maxBytes`; the bytes can be read otherwise.
   * @throws {Deno.errors.UnexpectedEof} If the stream ends before; the bytes that have come can be read.
   * @throws {Timeout} On time-out; nothing is lost.
   * @throws {ConcurrentObjectUseError} If another greenlet is reading.
   */
  readUntil(delimiter: string | Uint8Array, options?: ReadLineOptions): Promise<Uint8Array<ArrayBuffer>> {
    const { maxBytes = DEFAULT_MAX_BYTES } = options ?? {};
    checkMaxBytes(maxBytes, "read");
    const bytes = toBytes(delimiter, "read", "delimiter");
    if (bytes.length === 0) throw new RangeError("Cannot read: delimiter must not be empty");
    return this.#inflow.receive(new ReadUntil(bytes, maxBytes, this), this.#plan(options, "read"));
  }

  /**
   * The lines, to the end of the stream. Each step waits as {@linkcode readLine} does.
   *
   * @throws {RangeError} If `maxBytes` is neither a positive integer nor `Infinity`, or the time-out is negative.
   */
  lines(options?: ReadLineOptions): AsyncGenerator<string, void, void> {
    checkMaxBytes(options?.maxBytes ?? DEFAULT_MAX_BYTES, "read lines");
    planWait(options, "read lines");
    return quietly(eachLine(this, options));
  }

  /**
   * Writes some of `data`, at least one byte, waiting until there is room. Switches. With `timeout: 0` nothing
   * is sent: writing always waits.
   *
   * @returns How many bytes were written.
   * @throws {Timeout} On time-out. What the system has got already goes out, so `data` must not be changed
   * after a kill or time-out.
   * @throws {ConcurrentObjectUseError} If another greenlet is writing.
   */
  write(data: Uint8Array, options?: WaitOptions): Promise<number> {
    const bytes = toBytes(data, "write");
    return this.#outflow.send(bytes, this.#plan(options, "write"));
  }

  /**
   * Writes all of `data`, text as UTF-8. Switches. With `timeout: 0` nothing is sent: writing always waits.
   *
   * @throws {Timeout} On time-out. A part may have gone, so `data` must not be changed after a kill or
   * time-out, and the stream goes on with an incomplete message.
   * @throws {ConcurrentObjectUseError} If another greenlet is writing.
   */
  writeAll(data: string | Uint8Array, options?: WaitOptions): Promise<void> {
    const bytes = toBytes(data, "write");
    return this.#outflow.sendAll(bytes, this.#plan(options, "write"));
  }

  /**
   * Tells the peer that nothing more will be written; reading goes on. Switches.
   *
   * @throws {ConcurrentObjectUseError} If a greenlet is writing.
   */
  closeWrite(options?: WaitOptions): Promise<void> {
    return this.#outflow.finish(this.#plan(options, "close the writing side"));
  }

  /** Closes it. Greenlets that read or write are told by an error. Harmless when it is closed. Does not switch. */
  close(): void {
    if (this.#over !== undefined) return;
    this.#end(`it was closed by ${shortName(callerTask())}`);
    this.raw.close();
  }

  /**
   * Lets go of the platform's connection without closing it: this one counts as closed. Does not switch.
   *
   * Source: `socket.detach`.
   *
   * @throws {Deno.errors.BadResource} If it is closed.
   * @throws {Deno.errors.Busy} If a read or write is under way, also one whose greenlet was killed, or bytes
   * have arrived that nobody has read.
   */
  detach(): RawConn {
    this.checkOpen("detach");
    if (this.#inflow.busy || this.#outflow.busy) {
      throw new Deno.errors.Busy(
        `Cannot detach ${this}: a read or write is under way, or bytes are not read`,
      );
    }
    this.#end("it was detached");
    this.raw.ref(); // a read that was killed may have let go of it
    return this.raw;
  }

  /** The same as {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** The same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  /**
   * Limits all later operations that are given no time-out of their own; `null` for no limit.
   *
   * @param timeout Milliseconds or a `Temporal.Duration`.
   * @throws {RangeError} If it is negative or NaN.
   */
  setTimeout(timeout: Duration | null): void {
    if (timeout !== null) toMilliseconds(timeout, "set time-out");
    this.#limit = timeout === null ? undefined : { timeout };
  }

  /**
   * Whether small writes go out at once instead of waiting for others to join them. TCP only.
   *
   * @throws {TypeError} If it is no TCP connection.
   * @throws {Deno.errors.BadResource} If it is closed.
   */
  setNoDelay(noDelay = true): void {
    this.#tcp("set no delay").setNoDelay(noDelay);
  }

  /**
   * Whether the system asks silent peers whether they are still there. TCP only.
   *
   * @throws {TypeError} If it is no TCP connection.
   * @throws {Deno.errors.BadResource} If it is closed.
   */
  setKeepAlive(keepAlive = true): void {
    this.#tcp("set keep-alive").setKeepAlive(keepAlive);
  }

  /** What is read, as a stream of bytes. Cancelling it closes the connection. */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#readable ??= readableOf(this);
  }

  /**
   * What is to be written, as a stream. Closing it closes the writing side; aborting it closes the connection,
   * also if a write is under way.
   */
  get writable(): WritableStream<Uint8Array> {
    return this.#writable ??= writableOf(this);
  }

  /** For reports: its class and the peer's address. */
  get inspectTitle(): string {
    return `${this.constructor.name}(${this})`;
  }

  /** For reports: how far the read or write has come. */
  inspectWait(what: string): WaitDetails | undefined {
    return what === "read" ? this.#inflow.details : this.#outflow.details;
  }

  /** For reports: the peer's address. */
  toString(): string {
    return formatAddress(this.remoteAddr);
  }

  /** Refuses what cannot be done any more: `"shake hands with"`. */
  protected checkOpen(action: string): void {
    if (this.#over !== undefined) throw refusedAsClosed(action, this, this.#over);
  }

  #end(why: string): void {
    this.#over = why;
    this.#inflow.close(why);
    this.#outflow.close(why);
  }

  #plan(options: WaitOptions | undefined, action: string): WaitPlan {
    const limit = this.#limit;
    if (limit === undefined || options?.timeout !== undefined) return planWait(options, action);
    return planWait({ ...options, ...limit }, action);
  }

  #tcp(action: string): Deno.TcpConn {
    if (this.raw.localAddr.transport !== "tcp" || !("setNoDelay" in this.raw)) {
      throw new TypeError(`Cannot ${action}: ${this} is not a plain TCP connection`);
    }
    this.checkOpen(`${action} on`);
    return this.raw as Deno.TcpConn;
  }
}

function checkMaxBytes(maxBytes: number, action: string): void {
  if (maxBytes === Infinity) return;
  checkWhole(maxBytes, 1, action, "maxBytes");
}
