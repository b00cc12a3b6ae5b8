import { planWait, type WaitOptions } from "../../hub/mod.ts";
import { checkSize } from "../../sync/check.ts";
import { quietly } from "../../sync/iteration.ts";
import { eachLine } from "../each_line.ts";
import { type Codec, codecOf, type TextFileEncoding } from "./encoding.ts";
import { FileCore } from "./file_core.ts";
import type { RawFile } from "./raw_file.ts";
import { TextLine } from "./text_wants.ts";

/**
 * How a file is used.
 *
 * @example Give it a name
 * ```ts
 * import { ByteFile, type FileOptions } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * const options: FileOptions = { name: "the log", bufferSize: 1024 };
 * await using file = new ByteFile(await Deno.open(path), options);
 * assertEquals(`${file}`, "the log");
 * await Deno.remove(path);
 * ```
 */
export interface FileOptions {
  /**
   * What messages call it.
   *
   * @default {"file"}
   */
  name?: string | undefined;
  /**
   * How many bytes of writing are gathered before they are handed to the platform; 0 hands over each write.
   *
   * @default {8192}
   */
  bufferSize?: number | undefined;
  /** Whether it may be read from: `true` if the platform's file can be read from. */
  readable?: boolean | undefined;
  /** Whether it may be written to: `true` if the platform's file can be written to. */
  writable?: boolean | undefined;
}

/**
 * Limits of reading a line of a file.
 *
 * @example A short line
 * ```ts
 * import { type FileLineOptions, open } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * await Deno.writeTextFile(path, "hello\n");
 * const options: FileLineOptions = { maxBytes: 80 };
 * await using file = await open(path);
 * assertEquals(await file.readLine(options), "hello");
 * await Deno.remove(path);
 * ```
 */
export interface FileLineOptions extends WaitOptions {
  /**
   * How long (bytes) it may be, the newline not counted.
   *
   * @default {Infinity}
   */
  maxBytes?: number | undefined;
}

const DEFAULT_BUFFER_SIZE = 8192;

/** For the other files of this folder: what is under a green file. */
export function coreOf(file: GreenFile): FileCore {
  return GreenFile["coreOf"](file);
}

/** For the other files of this folder: how its text is stored. */
export function textCodecOf(file: GreenFile): Codec {
  return GreenFile["codecOf"](file);
}

/**
 * An open file: what `TextFile` and `ByteFile` share.
 *
 * Its operations are done one at a time, in the order in which they were asked for, whichever greenlets ask. A
 * read that is killed or times out takes nothing: whoever reads next gets it. A write that is killed or times out
 * is done completely if it has begun, otherwise not at all, and what is written later follows it. Any other
 * operation, too, is either done or not begun.
 *
 * What is written is gathered (`bufferSize`) and handed to the platform when there is enough of it, before
 * anything is read, and at {@linkcode flush} and {@linkcode close}. If that fails (a full disk), the operation that
 * needed it is told, and what could not be written is tried again by the next one.
 *
 * Source: `gevent.fileobject.FileObject`, eventlet's `GreenPipe`.
 *
 * @example Whichever file it is
 * ```ts
 * import { type GreenFile, open } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * async function firstLine(file: GreenFile): Promise<string | null> {
 *   await file.seek(0);
 *   return await file.readLine();
 * }
 * const path = await Deno.makeTempFile();
 * await Deno.writeTextFile(path, "one\ntwo\n");
 * await using text = await open(path);
 * await using bytes = await open(path, "rb");
 * assertEquals([await firstLine(text), await firstLine(bytes)], ["one", "one"]);
 * await Deno.remove(path);
 * ```
 */
export abstract class GreenFile implements AsyncDisposable {
  readonly #core: FileCore;
  readonly #codec: Codec;

  /** For {@linkcode coreOf}. Were it assigned in a static block, a bundler could not leave the class out. */
  private static coreOf(file: GreenFile): FileCore {
    return file.#core;
  }

  /** For {@linkcode textCodecOf}. */
  private static codecOf(file: GreenFile): Codec {
    return file.#codec;
  }

  /**
   * Takes over a file of the platform.
   *
   * @param source Must not be used otherwise from now on. A green file gets one more face: both do their
   * operations in one order, at one position, and are closed together.
   * @param encoding How its text is stored.
   * @param fatal Whether bytes that are no text are an error.
   * @throws {RangeError} If the size of the buffer is not a non-negative integer.
   */
  protected constructor(
    source: RawFile | GreenFile,
    options: FileOptions = {},
    encoding: TextFileEncoding = "utf-8",
    fatal = false,
  ) {
    this.#codec = codecOf(encoding, fatal);
    this.#core = source instanceof GreenFile ? source.#core : new FileCore(source, checked(options));
  }

  /** What messages call it: its path. */
  get name(): string {
    return this.#core.name;
  }

  /** Whether {@linkcode close} was called. */
  get closed(): boolean {
    return this.#core.closed;
  }

  /** Whether it is a terminal: a person may sit behind it. */
  get isTerminal(): boolean {
    return this.#core.isTerminal;
  }

  /**
   * Whether a terminal passes on each key at once, instead of lines that can be edited. Does not switch.
   *
   * @throws {Deno.errors.NotSupported} If it is no terminal.
   */
  setRaw(raw: boolean, options?: Deno.SetRawOptions): void {
    this.#core.setRaw(raw, options);
  }

  /**
   * Reads a line of text: up to `\n` or `\r\n`, which is not part of it, as `Conn.readLine()` does. What is left at
   * the end of the file counts as a line. Switches unless it has been read ahead.
   *
   * @returns The line; `null` at the end.
   * @throws {RangeError} If `maxBytes` is neither a positive integer nor `Infinity`.
   * @throws {TooLongError} If it is longer than `maxBytes`; the bytes can be read otherwise.
   * @throws {Timeout} On time-out; nothing is lost.
   * @throws {Deno.errors.NotSupported} If the file is not open for reading.
   */
  readLine(options?: FileLineOptions): Promise<string | null> {
    const maxBytes = options?.maxBytes ?? Infinity;
    checkSize(maxBytes, 1, "read line", "maxBytes");
    return this.#core.read(new TextLine(maxBytes, this.#codec, this), planWait(options, "read line"));
  }

  /**
   * The lines, to the end of the file. Each step waits as {@linkcode readLine} does.
   *
   * @throws {RangeError} If `maxBytes` is neither a positive integer nor `Infinity`, or the time-out is negative.
   */
  lines(options?: FileLineOptions): AsyncGenerator<string, void, void> {
    checkSize(options?.maxBytes ?? Infinity, 1, "read lines", "maxBytes");
    planWait(options, "read lines");
    return quietly(eachLine(this, options));
  }

  /** The same as {@linkcode lines}. */
  [Symbol.asyncIterator](): AsyncGenerator<string, void, void> {
    return this.lines();
  }

  /**
   * Hands to the platform what was gathered. Switches if there is something.
   *
   * @throws {Timeout} On time-out; it is done all the same if it has begun.
   */
  flush(options?: WaitOptions): Promise<void> {
    return this.#core.flush(planWait(options, "flush"));
  }

  /**
   * Goes to another position. Switches.
   *
   * @param offset In bytes, in a text file too.
   * @param whence What it is counted from.
   * @returns The position, in bytes from the start.
   * @throws {RangeError} If `offset` is no integer.
   * @throws {TypeError} If that is before the start; the position stays.
   * @throws {Timeout} On time-out; it is done all the same if it has begun.
   * @throws {Deno.errors.NotSupported} If it has no positions.
   */
  seek(offset: number, whence: Deno.SeekMode = 0, options?: WaitOptions): Promise<number> {
    if (!Number.isSafeInteger(offset)) {
      throw new RangeError(`Cannot seek in ${this}: offset must be an integer, received ${offset}`);
    }
    return this.#core.seek(offset, whence, planWait(options, "seek"));
  }

  /**
   * Asks for the position, in bytes from the start. Switches.
   *
   * @throws {Timeout} On time-out.
   * @throws {Deno.errors.NotSupported} If it has no positions.
   */
  tell(options?: WaitOptions): Promise<number> {
    return this.#core.tell(planWait(options, "tell position"));
  }

  /**
   * Makes it shorter, or longer by zeros. The position stays. Switches.
   *
   * @param size In bytes; up to the position if it is left out, as in Python.
   * @throws {RangeError} If `size` is not a non-negative integer.
   * @throws {Timeout} On time-out; it is done all the same if it has begun.
   * @throws {Deno.errors.NotSupported} If it is not open for writing.
   */
  truncate(size?: number, options?: WaitOptions): Promise<void> {
    if (size !== undefined) checkCount(size, "truncate", "size");
    return this.#core.truncate(size, planWait(options, "truncate"));
  }

  /**
   * Asks for its size, times and so on, as they are when all is written. Switches.
   *
   * @throws {Timeout} On time-out.
   * @throws {Deno.errors.NotSupported} If the platform cannot tell.
   */
  stat(options?: WaitOptions): Promise<Deno.FileInfo> {
    return this.#core.stat(planWait(options, "ask for state"));
  }

  /**
   * Hands to the platform what was gathered, and waits until it is on the disk. Switches.
   *
   * @throws {Timeout} On time-out; it is done all the same if it has begun.
   * @throws {Deno.errors.NotSupported} If it is no file on a disk.
   */
  sync(options?: WaitOptions): Promise<void> {
    return this.#core.sync(planWait(options, "sync"));
  }

  /**
   * Hands to the platform what was gathered, and closes the file after the operations that were asked for before.
   * Greenlets that read are told by `Deno.errors.Interrupted`; calls that come later, by
   * `Deno.errors.BadResource`. Harmless when it is closed. Switches if there is something to wait for.
   *
   * Even if the wait is killed or times out, the file is flushed and closed.
   *
   * @throws {Error} What the platform says if the rest cannot be written; the file is closed all the same.
   * @throws {Timeout} On time-out.
   */
  close(options?: WaitOptions): Promise<void> {
    return this.#core.close(planWait(options, "close"));
  }

  /** The same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** For reports: its name. */
  toString(): string {
    return this.name;
  }
}

function checked(
  { name = "file", bufferSize = DEFAULT_BUFFER_SIZE, readable = true, writable = true }: FileOptions,
) {
  checkCount(bufferSize, "open file", "bufferSize");
  return { name, bufferSize, readable, writable };
}

/** Refuses what is no number of bytes or characters. */
export function checkCount(count: number, action: string, what: string): void {
  if (Number.isSafeInteger(count) && count >= 0) return;
  throw new RangeError(`Cannot ${action}: ${what} must be a non-negative integer, received ${count}`);
}
