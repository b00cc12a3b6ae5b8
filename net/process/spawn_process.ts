import { Process } from "./process.ts";
import type { CommandLine, Encoding, ProcessOptions } from "./process_options.ts";
import { checkEncoding, planStart } from "./start_child.ts";

/**
 * Options of {@linkcode spawnProcess}.
 *
 * @example Bytes from a pipe
 * ```ts
 * import { spawnProcess, type SpawnProcessOptions } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const options: SpawnProcessOptions<"buffer"> = { stdout: "pipe", encoding: "buffer" };
 * await using child = spawnProcess(["printf", "ab"], options);
 * assertEquals((await child.communicate()).stdout, new Uint8Array([97, 98]));
 * ```
 */
export interface SpawnProcessOptions<E extends Encoding = Encoding> extends ProcessOptions {
  /**
   * What `communicate()` returns: text (what is no UTF-8 becomes U+FFFD), or bytes as they are.
   *
   * @default {"utf-8"}
   */
  encoding?: E | undefined;
}

/**
 * Starts a process that runs beside this program. Its input and output are those of this program unless they are
 * to be pipes. Does not switch.
 *
 * Source: `gevent.subprocess.Popen`.
 *
 * @param args The program and its arguments; with `shell`, a command line.
 * @param options Where input and output go, and the environment.
 * @returns The process: to be disposed, or waited for.
 * @throws {Deno.errors.NotFound} If there is no such program, or no such `cwd`.
 * @throws {Deno.errors.PermissionDenied} If it may not be run.
 * @throws {TypeError} If an argument is of the wrong kind.
 * @throws {RangeError} If `killGrace` is negative or NaN.
 *
 * @example Read while it runs
 * ```ts
 * import { spawnProcess } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * await using child = spawnProcess("echo one; echo two; sleep 60", { shell: true, stdout: "pipe" });
 * const seen: string[] = [];
 * for await (const line of child.stdout.lines()) {
 *   seen.push(line);
 *   if (line === "two") break;
 * }
 * assertEquals(seen, ["one", "two"]);
 * ```
 */
export function spawnProcess<E extends Encoding = "utf-8">(
  args: CommandLine,
  options: SpawnProcessOptions<E> = {},
): Process<E> {
  const { encoding = "utf-8" as E } = options;
  checkEncoding(encoding);
  const start = planStart(args, options);
  return new Process(start(), encoding);
}
