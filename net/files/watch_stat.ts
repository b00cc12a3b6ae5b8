import { type Duration, originalOf, toMilliseconds, until } from "../../hub/mod.ts";
import { sleep } from "../../green/sleep.ts";
import { checkFunction } from "../../sync/check.ts";
import { quietly } from "../../sync/iteration.ts";
import { fileError } from "./file_error.ts";
import { pathOf } from "./path_of.ts";

/**
 * A change of a file's state.
 *
 * @example Whether it has grown
 * ```ts
 * import type { StatChange } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const growth = ({ previous, current }: StatChange) => (current?.size ?? 0) - (previous?.size ?? 0);
 * assertEquals(growth({ previous: null, current: null }), 0);
 * ```
 */
export interface StatChange {
  /** What it was; `null` if there was none. */
  readonly previous: Deno.FileInfo | null;
  /** What it is; `null` if there is none. */
  readonly current: Deno.FileInfo | null;
}

/**
 * Options of {@linkcode watchStat}.
 *
 * @example Every second
 * ```ts
 * import type { WatchStatOptions } from "@verdant/green";
 *
 * const options: WatchStatOptions = { interval: 1_000 };
 * ```
 */
export interface WatchStatOptions {
  /**
   * How long (ms or `Temporal.Duration`) to wait between two looks.
   *
   * @default {5000}
   */
  interval?: Duration | undefined;
  /**
   * How to look. `Deno.lstat` looks at a link itself.
   *
   * @default {Deno.stat}
   */
  stat?: ((path: string) => PromiseLike<Deno.FileInfo>) | undefined;
}

/**
 * Looks at a file again and again, and yields each change of its state. It need not exist yet, and works where the
 * system notifies nobody (network disks). Each step switches; the first look is taken in the first step.
 *
 * It looks only when it is asked: changes in between are one. That a file was read (`atime`) is no change.
 *
 * Source: `hub.loop.stat()` of gevent (libev's `ev_stat`).
 *
 * @throws {TypeError} If the path is no path, or `stat` no function.
 * @throws {RangeError} If the interval is negative or NaN.
 *
 * @example Wait for a file
 * ```ts
 * import { spawnLater, watchStat } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * spawnLater(5, () => Deno.writeTextFile(`${folder}/new`, "text"));
 * for await (const { previous, current } of watchStat(`${folder}/new`, { interval: 2 })) {
 *   assertEquals([previous, current?.isFile], [null, true]);
 *   break;
 * }
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export function watchStat(
  path: string | URL,
  { interval = 5_000, stat = originalOf(Deno.stat) }: WatchStatOptions = {},
): AsyncGenerator<StatChange, void, void> {
  const name = pathOf(path, "watch file");
  const pause = toMilliseconds(interval, "watch file");
  checkFunction(stat, "watch file", "stat");
  return quietly(changesOf(name, pause, stat));
}

type Stat = (path: string) => PromiseLike<Deno.FileInfo>;

async function* changesOf(path: string, pause: number, stat: Stat): AsyncGenerator<StatChange, void, void> {
  let previous = await look(path, stat);
  for (;;) {
    await sleep(pause);
    const current = await look(path, stat);
    if (isSame(previous, current)) continue;
    yield { previous, current };
    previous = current;
  }
}

async function look(path: string, stat: Stat): Promise<Deno.FileInfo | null> {
  try {
    return await until(() => stat(path), { what: `the state of ${path}` });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw fileError(error, "look at", path);
  }
}

function isSame(a: Deno.FileInfo | null, b: Deno.FileInfo | null): boolean {
  if (a === null || b === null) return a === b;
  return TELLING.every((key) => a[key] === b[key]) &&
    TIMES.every((key) => a[key]?.getTime() === b[key]?.getTime());
}

const TELLING = [
  "size",
  "mode",
  "ino",
  "dev",
  "nlink",
  "uid",
  "gid",
  "rdev",
  "isFile",
  "isDirectory",
] as const;
const TIMES = ["mtime", "ctime"] as const;
