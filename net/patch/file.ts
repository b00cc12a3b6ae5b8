import { BYTES, Leftovers, resumable } from "./leftovers.ts";
import { greenReadable, greenWritable } from "./streams.ts";
import { sending } from "./conns.ts";
import { type AnyFunction, imitate, replaceGetters, replaceMethods, throughHub } from "./through_hub.ts";

const PLAIN = ["truncate", "stat", "sync", "syncData", "utime", "lock", "tryLock", "unlock"];

/** Bytes that were read for somebody who was interrupted. */
const unread = /* @__PURE__ */ new Leftovers<Uint8Array | undefined>();

/** Makes a file wait through the hub. */
export function greenFile(file: Deno.FsFile): Deno.FsFile {
  const { seek } = file;
  replaceGetters(file, { readable: greenReadable, writable: greenWritable });
  return replaceMethods(file, {
    ...Object.fromEntries(PLAIN.map((name) => [name, throughHub])),
    read: (original) => resumable(original, { delivery: BYTES, leftovers: unread }),
    seek: (original) => throughHub(seeking(original)),
    write: (original) => sending(writing(original, seek)),
  });
}

/** Bytes that were read for nobody have moved the position: it is where the last reader that got some left it. */
function seeking(original: AnyFunction): AnyFunction {
  async function seekFrom(
    file: Deno.FsFile,
    offset: number | bigint,
    whence: Deno.SeekMode,
  ): Promise<number> {
    const ahead = await dropUnread(file);
    const from = whence === Deno.SeekMode.Current ? BigInt(offset) - BigInt(ahead) : offset;
    return await Reflect.apply(original, file, [from, whence]) as number;
  }
  function seek(this: Deno.FsFile, offset: number | bigint, whence: Deno.SeekMode): Promise<number> {
    return isAhead(this) ? seekFrom(this, offset, whence) : Reflect.apply(original, this, [offset, whence]);
  }
  return imitate(seek, original);
}

/** Writes where the last reader left the position. */
function writing(original: AnyFunction, seek: AnyFunction): AnyFunction {
  async function writeBehind(file: Deno.FsFile, bytes: Uint8Array): Promise<number> {
    const ahead = await dropUnread(file);
    await Reflect.apply(seek, file, [-ahead, Deno.SeekMode.Current]);
    return await Reflect.apply(original, file, [bytes]) as number;
  }
  function write(this: Deno.FsFile, bytes: Uint8Array): Promise<number> {
    return isAhead(this) ? writeBehind(this, bytes) : Reflect.apply(original, this, [bytes]);
  }
  return imitate(write, original);
}

/** Pipes and terminals have no position, and a read of theirs may take for ever. */
function isAhead(file: Deno.FsFile): boolean {
  return unread.has(file) && file.statSync().isFile;
}

/** How many bytes they were. */
async function dropUnread(file: Deno.FsFile): Promise<number> {
  let count = 0;
  for (const { result } of unread.drop(file)) count += (await result.catch(() => undefined))?.length ?? 0;
  return count;
}
