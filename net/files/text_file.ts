import { planWait, type WaitOptions } from "../../hub/mod.ts";
import { ByteFile } from "./byte_file.ts";
import type { TextFileEncoding } from "./encoding.ts";
import { checkCount, coreOf, type FileOptions, GreenFile, textCodecOf } from "./green_file.ts";
import type { RawFile } from "./raw_file.ts";
import { TextRest, TextSome, TextUpTo } from "./text_wants.ts";

/**
 * How a file of text is used.
 *
 * @example Insist on UTF-8
 * ```ts
 * import { open, type TextFileOptions } from "@verdant/green";
 * import { assertRejects } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * await Deno.writeFile(path, Uint8Array.of(0xff));
 * const options: TextFileOptions = { fatal: true };
 * await using file = await open(path, "r", options);
 * await assertRejects(() => file.read(), TypeError);
 * await Deno.remove(path);
 * ```
 */
export interface TextFileOptions extends FileOptions {
  /**
   * How characters are stored.
   *
   * @default {"utf-8"}
   */
  encoding?: TextFileEncoding | undefined;
  /**
   * Whether bytes that are no text are an error (`TypeError`) instead of the character U+FFFD. They stay where
   * they are then.
   *
   * @default {false}
   */
  fatal?: boolean | undefined;
}

/**
 * An open file of text. Newlines are neither added nor changed, except that lines are read without theirs. A
 * byte order mark is a character like others.
 *
 * Source: a `FileObject` of gevent without `"b"` in its mode; counts characters as Python does.
 *
 * @example Write and read
 * ```ts
 * import { open } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * await using file = await open(path, "w+");
 * await file.write("one\ntwo\nthree\n");
 * await file.seek(0);
 * assertEquals(await file.readLine(), "one");
 * assertEquals(await Array.fromAsync(file), ["two", "three"]);
 * await Deno.remove(path);
 * ```
 */
export class TextFile extends GreenFile {
  #bytes: ByteFile | undefined;

  /**
   * Takes over a file of the platform.
   *
   * @param source Must not be used otherwise from now on. A green file gets one more face: both do their
   * operations in one order, at one position, and are closed together.
   * @throws {TypeError} If the encoding is unknown.
   * @throws {RangeError} If the size of the buffer is not a non-negative integer.
   */
  constructor(source: RawFile | GreenFile, options: TextFileOptions = {}) {
    super(source, options, options.encoding, options.fatal);
  }

  /** The same file as bytes: one position, one order. */
  get bytes(): ByteFile {
    return this.#bytes ??= new ByteFile(this);
  }

  /**
   * Reads `count` characters, fewer only at the end; without `count`, all that is left. Switches unless they have
   * been read ahead.
   *
   * @param count In code points, as Python counts: `"😀"` is one.
   * @returns The text; with `count`, `null` at the end.
   * @throws {RangeError} If `count` is not a non-negative integer.
   * @throws {TypeError} With `fatal`, if it is no text; nothing is lost.
   * @throws {Timeout} On time-out; nothing is lost.
   * @throws {Deno.errors.NotSupported} If the file is not open for reading.
   */
  read(count?: undefined, options?: WaitOptions): Promise<string>;
  /** The same with `count`. */
  read(count: number, options?: WaitOptions): Promise<string | null>;
  read(count?: number, options?: WaitOptions): Promise<string | null> {
    if (count === undefined) return this.readAll(options);
    checkCount(count, "read", "count");
    return coreOf(this).read(new TextUpTo(count, textCodecOf(this)), planWait(options, "read"));
  }

  /**
   * Reads as many characters as are there, at least one, waiting for them if there are none.
   *
   * @returns The text; `null` at the end.
   * @throws {TypeError} With `fatal`, if it is no text; nothing is lost.
   * @throws {Timeout} On time-out; nothing is lost.
   * @throws {Deno.errors.NotSupported} If the file is not open for reading.
   */
  readSome(options?: WaitOptions): Promise<string | null> {
    return coreOf(this).read(new TextSome(textCodecOf(this)), planWait(options, "read"));
  }

  /**
   * Reads all that is left. Switches.
   *
   * @throws {TypeError} With `fatal`, if it is no text; nothing is lost.
   * @throws {Timeout} On time-out; nothing is lost.
   * @throws {Deno.errors.NotSupported} If the file is not open for reading.
   */
  readAll(options?: WaitOptions): Promise<string> {
    return coreOf(this).read(new TextRest(textCodecOf(this)), planWait(options, "read"));
  }

  /**
   * Writes all of `text`. Switches if more is gathered than the buffer holds: then it waits until the platform has
   * it, so that who writes much does not outrun the disk.
   *
   * @throws {TypeError} If it is no string, or the encoding lacks one of its characters.
   * @throws {Timeout} On time-out; it is done all the same if it has begun. With `timeout: 0` nothing is written
   * but what the buffer has room for.
   * @throws {Deno.errors.NotSupported} If the file is not open for writing.
   */
  write(text: string, options?: WaitOptions): Promise<void> {
    if (typeof text !== "string") {
      throw new TypeError(`Cannot write: text must be a string, received ${String(text)}`);
    }
    return coreOf(this).write(textCodecOf(this).encode(text), planWait(options, "write"));
  }
}
