import { enterWait, originalOf, planWait, quiet, until, type WaitOptions } from "../../hub/mod.ts";
import { ByteFile } from "./byte_file.ts";
import { codecOf } from "./encoding.ts";
import { fileError } from "./file_error.ts";
import { checkCount } from "./green_file.ts";
import { type ByteMode, type ParsedMode, parseMode, type TextMode } from "./mode.ts";
import { pathOf } from "./path_of.ts";
import { TextFile, type TextFileOptions } from "./text_file.ts";

/**
 * Options of {@linkcode open} for any file.
 *
 * @example Private
 * ```ts
 * import { open, type OpenOptions } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const options: OpenOptions = { permissions: 0o600, bufferSize: 65_536 };
 * const path = `${await Deno.makeTempDir()}/secret`;
 * await using file = await open(path, "x", options);
 * assertEquals((await file.stat()).mode! & 0o777, 0o600);
 * await Deno.remove(path);
 * ```
 */
export interface OpenOptions extends WaitOptions {
  /**
   * How many bytes of writing are gathered before they are handed to the platform; 0 hands over each write.
   *
   * @default {8192}
   */
  bufferSize?: number | undefined;
  /**
   * Whether `"r+"` makes a file that is missing.
   *
   * @default {false}
   */
  create?: boolean | undefined;
  /** Who may do what with a new file, before the umask: `0o600`. The system's habit if it is left out. */
  permissions?: number | undefined;
}

/**
 * Options of {@linkcode open} for a file of text.
 *
 * @example A file of former times
 * ```ts
 * import { open, type OpenTextOptions } from "@verdant/green";
 *
 * const options: OpenTextOptions = { encoding: "latin1" };
 * const path = await Deno.makeTempFile();
 * await using file = await open(path, "w", options);
 * await file.write("café");
 * await Deno.remove(path);
 * ```
 */
export interface OpenTextOptions extends OpenOptions, Pick<TextFileOptions, "encoding" | "fatal"> {}

/**
 * Opens a file. Switches.
 *
 * Source: `gevent.fileobject.FileObject`, with the modes of Python's `open`.
 *
 * @param path Where it is.
 * @param mode With `"b"` it is a file of bytes, otherwise of text.
 * @returns The file, to be closed: `await using` flushes and closes it.
 * @throws {TypeError} If the mode or the encoding is unknown, or the path is no path.
 * @throws {RangeError} If a number among the options is out of range.
 * @throws {Timeout} On time-out. What is opened afterwards is closed; `"w"`, `"a"` and `"x"` may have made it.
 * @throws {Deno.errors.NotFound} And the platform's other errors, with the path: `"Cannot open /no/such: …"`.
 *
 * @example Write, then read
 * ```ts
 * import { open } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * {
 *   await using file = await open(path, "w");
 *   await file.write("hello\nworld\n");
 * }
 * await using file = await open(path);
 * for await (const line of file) console.log(line);
 * await file.seek(0);
 * assertEquals(await file.read(5), "hello");
 * await Deno.remove(path);
 * ```
 */
export function open(path: string | URL, mode?: TextMode, options?: OpenTextOptions): Promise<TextFile>;
/** The same for a file of bytes. */
export function open(path: string | URL, mode: ByteMode, options?: OpenOptions): Promise<ByteFile>;
/** The same for a mode that is known later. */
export function open(
  path: string | URL,
  mode?: TextMode | ByteMode,
  options?: OpenTextOptions,
): Promise<TextFile | ByteFile>;
export function open(
  path: string | URL,
  mode: TextMode | ByteMode = "r",
  options: OpenTextOptions = {},
): Promise<TextFile | ByteFile> {
  const parsed = parseMode(mode);
  const name = pathOf(path, "open file");
  const flags = flagsOf(parsed, options);
  if (options.bufferSize !== undefined) checkCount(options.bufferSize, "open file", "bufferSize");
  codecOf(options.encoding ?? "utf-8", false);
  planWait(options, "open file");
  enterWait("open file");
  const raw = until(() => openRaw(name, flags), {
    timeout: options.timeout,
    signal: options.signal,
    abandon: (file) => file.close(),
    what: `opening ${name}`,
  });
  return quiet(wrap(raw, name, parsed, options));
}

async function wrap(
  opening: Promise<Deno.FsFile>,
  name: string,
  { binary, read, write }: ParsedMode,
  { bufferSize, encoding, fatal }: OpenTextOptions,
): Promise<TextFile | ByteFile> {
  const raw = await opening.catch((error) => {
    throw fileError(error, "open", name);
  });
  const options = { name, bufferSize, readable: read, writable: write };
  return binary ? new ByteFile(raw, options) : new TextFile(raw, { ...options, encoding, fatal });
}

async function openRaw(path: string, flags: Deno.OpenOptions): Promise<Deno.FsFile> {
  const file = await originalOf(Deno.open)(path, flags);
  // As in Python: it is there that is written. A pipe has no end to go to.
  if (flags.append) await file.seek(0, Deno.SeekMode.End).catch(() => {});
  return file;
}

function flagsOf(parsed: ParsedMode, { create = false, permissions }: OpenOptions): Deno.OpenOptions {
  const { binary: _, ...flags } = parsed;
  const mode = permissions === undefined ? {} : { mode: permissions };
  return { ...flags, create: flags.create || create && flags.write, ...mode };
}
