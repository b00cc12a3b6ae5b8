import { enterWait, originalOf, planWait, quiet, until, type WaitOptions } from "../../hub/mod.ts";
import { toBytes } from "../to_bytes.ts";
import { fileError } from "./file_error.ts";
import { pathOf } from "./path_of.ts";

/**
 * Options of {@linkcode writeFile}.
 *
 * @example All or nothing
 * ```ts
 * import { writeFile, type WriteFileOptions } from "@verdant/green";
 *
 * const options: WriteFileOptions = { atomic: true };
 * const path = await Deno.makeTempFile();
 * await writeFile(path, "{}", options);
 * await Deno.remove(path);
 * ```
 */
export interface WriteFileOptions extends WaitOptions {
  /**
   * Whether the file is replaced in one step: who reads it sees the old content or the new one, whatever happens, and
   * so does the next start after a crash. It is written beside the old one, brought to the disk, and renamed.
   *
   * @default {false}
   */
  atomic?: boolean | undefined;
  /** Who may do what with a new file, before the umask: `0o600`. */
  permissions?: number | undefined;
}

/**
 * Reads a whole file as UTF-8 text. Switches. It is read no further after a kill or time-out.
 *
 * Source: `FileObject(path).read()` of gevent.
 *
 * @throws {TypeError} If the path is no path.
 * @throws {Timeout} On time-out.
 * @throws {Deno.errors.NotFound} And the platform's other errors, with the path.
 *
 * @example Read a file
 * ```ts
 * import { readText, writeFile } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * await writeFile(path, "hello");
 * assertEquals(await readText(path, { timeout: 1_000 }), "hello");
 * await Deno.remove(path);
 * ```
 */
export function readText(path: string | URL, options?: WaitOptions): Promise<string> {
  return readWhole(path, options, (name, signal) => originalOf(Deno.readTextFile)(name, { signal }));
}

/**
 * Reads a whole file as bytes. Switches. It is read no further after a kill or time-out.
 *
 * Source: `FileObject(path, "rb").read()` of gevent.
 *
 * @throws {TypeError} If the path is no path.
 * @throws {Timeout} On time-out.
 * @throws {Deno.errors.NotFound} And the platform's other errors, with the path.
 *
 * @example Read a file
 * ```ts
 * import { readBytes, writeFile } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * await writeFile(path, Uint8Array.of(1, 2));
 * assertEquals(await readBytes(path), Uint8Array.of(1, 2));
 * await Deno.remove(path);
 * ```
 */
export function readBytes(path: string | URL, options?: WaitOptions): Promise<Uint8Array<ArrayBuffer>> {
  return readWhole(path, options, (name, signal) => originalOf(Deno.readFile)(name, { signal }));
}

/**
 * Writes a whole file, anew if it exists; text as UTF-8. Switches.
 *
 * After a kill or time-out a file that was begun is written to its end, without anybody waiting. With `atomic` it
 * is given up instead: then the file is as it was, and nothing is left beside it.
 *
 * Source: `FileObject(path, "w").write()` of gevent.
 *
 * @param data Must not be changed after a kill or time-out.
 * @throws {TypeError} If the path is no path, or `data` neither text nor bytes.
 * @throws {Timeout} On time-out.
 * @throws {Deno.errors.NotFound} And the platform's other errors, with the path.
 *
 * @example All or nothing
 * ```ts
 * import { writeFile } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * await writeFile(path, JSON.stringify({ count: 1 }), { atomic: true });
 * assertEquals(await Deno.readTextFile(path), '{"count":1}');
 * await Deno.remove(path);
 * ```
 */
export function writeFile(
  path: string | URL,
  data: string | Uint8Array,
  options: WriteFileOptions = {},
): Promise<void> {
  const { atomic = false, permissions } = options;
  const name = pathOf(path, "write file");
  const bytes = toBytes(data, "write file");
  const mode = permissions === undefined ? {} : { mode: permissions };
  return whole(name, "write", options, (signal) => {
    return atomic ? replace(name, bytes, mode, signal) : originalOf(Deno.writeFile)(name, bytes, mode);
  });
}

function readWhole<T>(
  path: string | URL,
  options: WaitOptions | undefined,
  read: (name: string, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const name = pathOf(path, "read file");
  return whole(name, "read", options, (signal) => read(name, signal));
}

function whole<T>(
  name: string,
  action: string,
  options: WaitOptions | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  planWait(options, `${action} file`);
  enterWait(`${action} file`);
  const what = `${action === "read" ? "reading" : "writing"} ${name}`;
  const working = until(work, { timeout: options?.timeout, signal: options?.signal, what });
  return quiet(working.catch((error) => {
    throw fileError(error, action, name);
  }));
}

/** Goes on by itself when nobody waits any more: removes what it has begun. */
async function replace(
  name: string,
  bytes: Uint8Array,
  options: { mode?: number },
  signal: AbortSignal,
): Promise<void> {
  const { target, permissions } = await whatIsAt(name);
  const draft = `${target}.${crypto.randomUUID()}.tmp`;
  try {
    await writeToDisk(draft, bytes, options);
    if (permissions !== null && options.mode === undefined) await originalOf(Deno.chmod)(draft, permissions);
    signal.throwIfAborted(); // from here to the renaming nothing is awaited: it is done, or has not begun
    await originalOf(Deno.rename)(draft, target);
  } catch (error) {
    await originalOf(Deno.remove)(draft).catch(() => {});
    throw error;
  }
}

async function writeToDisk(path: string, bytes: Uint8Array, options: { mode?: number }): Promise<void> {
  using file = await originalOf(Deno.open)(path, { write: true, createNew: true, ...options });
  for (let sent = 0; sent < bytes.length;) sent += await file.write(bytes.subarray(sent));
  await file.sync();
}

/** What is to be replaced: a link stays one. */
async function whatIsAt(path: string): Promise<{ target: string; permissions: number | null }> {
  try {
    const target = await originalOf(Deno.realPath)(path);
    const { mode } = await originalOf(Deno.stat)(target);
    return { target, permissions: mode === null ? null : mode & 0o777 };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { target: path, permissions: null };
    throw error;
  }
}
