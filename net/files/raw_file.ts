/**
 * What a green file stands on: an open file of the platform, or anything that behaves like one. What is missing
 * cannot be done with it. No operation is begun before the one before it has ended.
 *
 * @example A file of the platform is one
 * ```ts
 * import { ByteFile, type RawFile } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * const raw: RawFile = await Deno.open(path, { read: true, write: true });
 * await using file = new ByteFile(raw, { name: "scratch" });
 * await file.write(Uint8Array.of(1, 2, 3));
 * await file.seek(0);
 * assertEquals(await file.readAll(), Uint8Array.of(1, 2, 3));
 * await Deno.remove(path);
 * ```
 */
export interface RawFile {
  /** Reads some bytes, at least one; `null` at the end. */
  read?(into: Uint8Array<ArrayBuffer>): Promise<number | null>;
  /** Writes some of the bytes, at least one. */
  write?(data: Uint8Array): Promise<number>;
  /** Moves to another position (bytes); yields the new one, counted from the start. */
  seek?(offset: number, whence: Deno.SeekMode): Promise<number>;
  /** Makes it shorter or longer (bytes). */
  truncate?(size: number): Promise<void>;
  /** Asks for its size, times and so on. */
  stat?(): Promise<Deno.FileInfo>;
  /** Has the system bring to the disk what it holds of it. */
  sync?(): Promise<void>;
  /** Whether a person sits behind it. */
  isTerminal?(): boolean;
  /** Whether a terminal passes on each key at once. */
  setRaw?(raw: boolean, options?: Deno.SetRawOptions): void;
  /** Closes it; ends a read that is under way with an error. */
  close(): void;
  /** A read that is under way keeps the process alive (again). */
  ref?(): void;
  /** A read that is under way does not keep the process alive. */
  unref?(): void;
}
