import { callerTask, type Duration, toMilliseconds } from "../../hub/mod.ts";
import type { EventSource } from "./event_inbox.ts";
import { fileError } from "./file_error.ts";
import { FileWatcher } from "./file_watcher.ts";
import { pathOf } from "./path_of.ts";

/**
 * Options of {@linkcode watch}.
 *
 * @example Build once after each burst of changes
 * ```ts
 * import { watch, type WatchOptions } from "@verdant/green";
 * import { assert } from "@std/assert";
 *
 * const options: WatchOptions = { debounce: 10, recursive: false };
 * const folder = await Deno.makeTempDir();
 * {
 *   using watcher = watch(folder, options);
 *   await Deno.writeTextFile(`${folder}/a`, "");
 *   await Deno.writeTextFile(`${folder}/b`, "");
 *   const burst = await watcher.receive({ timeout: 5_000 });
 *   assert(burst?.paths.includes(`${folder}/a`));
 * }
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export interface WatchOptions {
  /**
   * Whether the folders in a folder are watched, too.
   *
   * @default {true}
   */
  recursive?: boolean | undefined;
  /**
   * If it is more than 0, what happens is told once it has been quiet for so long (ms or `Temporal.Duration`), as one
   * event with all paths; of kind `"several"` if there were different ones. A burst that does not end is told after
   * ten times as long.
   *
   * @default {0}
   */
  debounce?: Duration | undefined;
}

/** So many events are kept for who does not ask. */
const CAPACITY = 1024;

/**
 * Watches files and folders from now on. Does not switch; waiting for the events does.
 *
 * The platform drops events if a program keeps the event loop busy while many files change: look at everything
 * again from time to time if that matters.
 *
 * Source: the `stat` watcher of gevent's loop, with the system's notifications in place of polling.
 *
 * @param paths What to watch. It must exist: otherwise see `watchStat()`.
 * @returns The watcher: an iteration that closes it when it is left, also by a kill.
 * @throws {TypeError} If there is no path, or something is no path.
 * @throws {RangeError} If `debounce` is negative or NaN.
 * @throws {Deno.errors.NotFound} And the platform's other errors, with the paths: `"Cannot watch /no/such: …"`.
 *
 * @example Stop after a change
 * ```ts
 * import { spawn, watch } from "@verdant/green";
 *
 * const folder = await Deno.makeTempDir();
 * const events = watch(folder);
 * spawn(() => Deno.writeTextFile(`${folder}/new`, ""));
 * for await (const { kind, paths } of events) {
 *   console.log(kind, paths);
 *   break;
 * }
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export function watch(
  paths: string | URL | readonly (string | URL)[],
  { recursive = true, debounce = 0 }: WatchOptions = {},
): FileWatcher {
  const roots = (Array.isArray(paths) ? paths : [paths]).map((path) => pathOf(path, "watch"));
  if (roots.length === 0) throw new TypeError("Cannot watch: paths must not be empty, received []");
  const quiet = toMilliseconds(debounce, "watch");
  return new FileWatcher(sourceOf(roots, recursive), {
    hub: callerTask().hub,
    roots,
    debounce: quiet,
    capacity: CAPACITY,
  });
}

function sourceOf(roots: string[], recursive: boolean): EventSource {
  try {
    // Its type does not say that it is its own iterator, and can be unreferenced.
    return Deno.watchFs(roots, { recursive }) as unknown as EventSource;
  } catch (error) {
    throw fileError(error, "watch", roots.join(", "));
  }
}
