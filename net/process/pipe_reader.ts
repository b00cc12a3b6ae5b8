import { callerTask, planWait, shortName, type WaitOptions } from "../../hub/mod.ts";
import { checkSize, checkWhole } from "../../sync/check.ts";
import { quietly } from "../../sync/iteration.ts";
import { checkBuffer } from "../check_buffer.ts";
import { eachLine } from "../each_line.ts";
import type { ReadLineOptions } from "../conn.ts";
import { Inflow } from "../inflow.ts";
import { toBytes } from "../to_bytes.ts";
import { READ_SOME, ReadExactly, ReadInto, ReadLine, ReadUntil } from "../wants.ts";
import { PipeSource } from "./pipe_source.ts";
import { ReadAll } from "./read_all.ts";

/**
 * Limits of {@linkcode PipeReader.readAll}.
 *
 * @example Not too much
 * ```ts
 * import { type ReadAllOptions, spawnProcess, TooLongError } from "@verdant/green";
 * import { assertRejects } from "@std/assert";
 *
 * const options: ReadAllOptions = { maxBytes: 100, timeout: 10_000 };
 * await using child = spawnProcess(["head", "-c", "1000", "/dev/zero"], { stdout: "pipe" });
 * await assertRejects(() => child.stdout.readAll(options), TooLongError);
 * ```
 */
export interface ReadAllOptions extends WaitOptions {
  /**
   * How many bytes there may be.
   *
   * @default {Infinity}
   */
  maxBytes?: number | undefined;
}

const MAX_LINE = 65_536;

/**
 * What a process writes, read as a {@linkcode Conn} is.
 *
 * One greenlet may read at a time. A read that is killed or times out takes nothing: whoever reads next gets the
 * bytes. Whoever reads when it is closed ends with `Deno.errors.Interrupted`, who comes later with
 * `Deno.errors.BadResource`.
 *
 * Source: `subprocess.Popen.stdout`.
 *
 * @example Line by line
 * ```ts
 * import { type PipeReader, spawnProcess } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const linesOf = (pipe: PipeReader) => Array.fromAsync(pipe.lines());
 * await using child = spawnProcess(["printf", "one\\ntwo"], { stdout: "pipe" });
 * assertEquals(await linesOf(child.stdout), ["one", "two"]);
 * ```
 */
export class PipeReader implements Disposable {
  readonly #name: string;
  readonly #source: PipeSource;
  readonly #inflow: Inflow;
  #closed = false;

  /** For {@linkcode spawnProcess}: reads one stream or several as one. */
  constructor(name: string, ...streams: readonly ReadableStream<Uint8Array<ArrayBuffer>>[]) {
    this.#name = name;
    this.#source = new PipeSource(streams);
    this.#inflow = new Inflow(this.#source, this);
  }

  /** Whether {@linkcode close} was called. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Reads into `buffer` as many bytes as are there, at least one, waiting for them if there are none.
   *
   * @returns How many; `null` at the end.
   * @throws {TypeError} If `buffer` is no `Uint8Array`.
   * @throws {RangeError} If it has no room.
   * @throws {Timeout} On time-out; nothing is lost.
   * @throws {ConcurrentObjectUseError} If another greenlet is reading.
   */
  read(buffer: Uint8Array, options?: WaitOptions): Promise<number | null> {
    checkBuffer(buffer);
    return this.#inflow.receive(new ReadInto(buffer), planWait(options, "read"));
  }

  /**
   * Reads as many bytes as are there, at least one, waiting for them if there are none.
   *
   * @returns The bytes; `null` at the end.
   * @throws {Timeout} On time-out; nothing is lost.
   * @throws {ConcurrentObjectUseError} If another greenlet is reading.
   */
  readSome(options?: WaitOptions): Promise<Uint8Array<ArrayBuffer> | null> {
    return this.#inflow.receive(READ_SOME, planWait(options, "read"));
  }

  /**
   * Reads exactly `count` bytes, waiting until they have come.
   *
   * @throws {RangeError} If `count` is not a non-negative integer.
   * @throws {Deno.errors.UnexpectedEof} If it ends before; the bytes that have come can be read.
   * @throws {Timeout} On time-out; nothing is lost.
   * @throws {ConcurrentObjectUseError} If another greenlet is reading.
   */
  readExactly(count: number, options?: WaitOptions): Promise<Uint8Array<ArrayBuffer>> {
    checkWhole(count, 0, "read", "count");
    return this.#inflow.receive(new ReadExactly(count, this), planWait(options, "read"));
  }

  /**
   * Reads a line of UTF-8 text: up to `\n` or `\r\n`, which is not part of it. What is left at the end counts as
   * a line.
   *
   * @returns The line; `null` at the end.
   * @throws {TooLongError} If it is longer than `maxBytes`; the bytes can be read otherwise.
   * @throws {Timeout} On time-out; nothing is lost.
   * @throws {ConcurrentObjectUseError} If another greenlet is reading.
   */
  readLine(options?: ReadLineOptions): Promise<string | null> {
    const { maxBytes = MAX_LINE } = options ?? {};
    checkSize(maxBytes, 1, "read line", "maxBytes");
    return this.#inflow.receive(new ReadLine(maxBytes, this), planWait(options, "read line"));
  }

  /**
   * Reads up to and including a delimiter.
   *
   * @throws {RangeError} If the delimiter is empty.
   * @throws {TooLongError} If it does not come within `maxBytes`; the bytes can be read otherwise.
   * @throws {Deno.errors.UnexpectedEof} If it ends before; the bytes that have come can be read.
   * @throws {Timeout} On time-out; nothing is lost.
   * @throws {ConcurrentObjectUseError} If another greenlet is reading.
   */
  readUntil(delimiter: string | Uint8Array, options?: ReadLineOptions): Promise<Uint8Array<ArrayBuffer>> {
    const { maxBytes = MAX_LINE } = options ?? {};
    checkSize(maxBytes, 1, "read", "maxBytes");
    const bytes = toBytes(delimiter, "read", "delimiter");
    if (bytes.length === 0) throw new RangeError("Cannot read: delimiter must not be empty");
    return this.#inflow.receive(new ReadUntil(bytes, maxBytes, this), planWait(options, "read"));
  }

  /**
   * Reads everything that is left, waiting for the end.
   *
   * @throws {TooLongError} If it is longer than `maxBytes`; the bytes can be read otherwise.
   * @throws {Timeout} On time-out; nothing is lost.
   * @throws {ConcurrentObjectUseError} If another greenlet is reading.
   */
  readAll(options?: ReadAllOptions): Promise<Uint8Array<ArrayBuffer>> {
    const { maxBytes = Infinity } = options ?? {};
    checkSize(maxBytes, 0, "read", "maxBytes");
    return this.#inflow.receive(new ReadAll(maxBytes, this), planWait(options, "read"));
  }

  /**
   * The lines, to the end. Each step waits as {@linkcode readLine} does.
   *
   * @throws {RangeError} If `maxBytes` is neither a positive integer nor `Infinity`, or the time-out is negative.
   */
  lines(options?: ReadLineOptions): AsyncGenerator<string, void, void> {
    checkSize(options?.maxBytes ?? MAX_LINE, 1, "read lines", "maxBytes");
    planWait(options, "read lines");
    return quietly(eachLine(this, options));
  }

  /**
   * Closes it: a process that goes on writing gets SIGPIPE or an error. Harmless when it is closed. Does not
   * switch.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#inflow.close(`it was closed by ${shortName(callerTask())}`);
    this.#source.close();
  }

  /** The same as {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** For messages: `"stdout of process 1234 (git log)"`. */
  toString(): string {
    return this.#name;
  }
}
