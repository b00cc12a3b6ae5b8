import { checkBuffer } from "../check_buffer.ts";
import { planWait, type WaitOptions } from "../../hub/mod.ts";
import { READ_SOME, ReadInto } from "../wants.ts";
import { READ_REST, ReadUpTo } from "./byte_wants.ts";
import { checkCount, coreOf, type FileOptions, GreenFile } from "./green_file.ts";
import type { RawFile } from "./raw_file.ts";

/**
 * An open file of bytes. Its lines are UTF-8 text, as those of a `Conn`.
 *
 * Source: a `FileObject` of gevent with `"b"` in its mode.
 *
 * @example Change a byte
 * ```ts
 * import { open } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * {
 *   await using file = await open(path, "w+b");
 *   await file.write(Uint8Array.of(1, 2, 3));
 *   await file.seek(1);
 *   await file.write(Uint8Array.of(7));
 *   assertEquals(await file.tell(), 2);
 * }
 * assertEquals(await Deno.readFile(path), Uint8Array.of(1, 7, 3));
 * await Deno.remove(path);
 * ```
 */
export class ByteFile extends GreenFile {
  /**
   * Takes over a file of the platform.
   *
   * @param source Must not be used otherwise from now on. A green file gets one more face: both do their
   * operations in one order, at one position, and are closed together.
   * @throws {RangeError} If the size of the buffer is not a non-negative integer.
   */
  constructor(source: RawFile | GreenFile, options?: FileOptions) {
    super(source, options);
  }

  /**
   * Reads `count` bytes, fewer only at the end; without `count`, all that is left. Switches unless they have been
   * read ahead.
   *
   * @returns The bytes; with `count`, `null` at the end.
   * @throws {RangeError} If `count` is not a non-negative integer.
   * @throws {Timeout} On time-out; nothing is lost.
   * @throws {Deno.errors.NotSupported} If the file is not open for reading.
   */
  read(count?: undefined, options?: WaitOptions): Promise<Uint8Array<ArrayBuffer>>;
  /** The same with `count`. */
  read(count: number, options?: WaitOptions): Promise<Uint8Array<ArrayBuffer> | null>;
  read(count?: number, options?: WaitOptions): Promise<Uint8Array<ArrayBuffer> | null> {
    if (count === undefined) return this.readAll(options);
    checkCount(count, "read", "count");
    return coreOf(this).read(new ReadUpTo(count), planWait(options, "read"));
  }

  /**
   * Reads as many bytes as are there, at least one, waiting for them if there are none.
   *
   * @returns The bytes; `null` at the end.
   * @throws {Timeout} On time-out; nothing is lost.
   * @throws {Deno.errors.NotSupported} If the file is not open for reading.
   */
  readSome(options?: WaitOptions): Promise<Uint8Array<ArrayBuffer> | null> {
    return coreOf(this).read(READ_SOME, planWait(options, "read"));
  }

  /**
   * Reads all that is left. Switches.
   *
   * @throws {Timeout} On time-out; nothing is lost.
   * @throws {Deno.errors.NotSupported} If the file is not open for reading.
   */
  readAll(options?: WaitOptions): Promise<Uint8Array<ArrayBuffer>> {
    return coreOf(this).read(READ_REST, planWait(options, "read"));
  }

  /**
   * Reads into `buffer` as many bytes as are there, at least one, waiting for them if there are none.
   *
   * @returns How many; `null` at the end.
   * @throws {TypeError} If `buffer` is no `Uint8Array`.
   * @throws {RangeError} If it has no room.
   * @throws {Timeout} On time-out; nothing is lost.
   * @throws {Deno.errors.NotSupported} If the file is not open for reading.
   */
  readInto(buffer: Uint8Array, options?: WaitOptions): Promise<number | null> {
    checkBuffer(buffer);
    return coreOf(this).read(new ReadInto(buffer), planWait(options, "read"));
  }

  /**
   * Writes all of `data`. Switches if more is gathered than the buffer holds: then it waits until the platform has
   * it, so that who writes much does not outrun the disk.
   *
   * @param data Must not be changed after a kill or time-out.
   * @throws {TypeError} If it is no `Uint8Array`.
   * @throws {Timeout} On time-out; it is done all the same if it has begun. With `timeout: 0` nothing is written
   * but what the buffer has room for.
   * @throws {Deno.errors.NotSupported} If the file is not open for writing.
   */
  write(data: Uint8Array, options?: WaitOptions): Promise<void> {
    checkBytes(data, "write", "data");
    return coreOf(this).write(data, planWait(options, "write"));
  }
}

function checkBytes(bytes: unknown, action: string, what: string): void {
  if (bytes instanceof Uint8Array) return;
  throw new TypeError(`Cannot ${action}: ${what} must be a Uint8Array, received ${String(bytes)}`);
}
