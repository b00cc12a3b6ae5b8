import { quiet } from "../../hub/mod.ts";
import type { Captured, CommandLine, Encoding } from "./process_options.ts";
import { run, type RunOptions } from "./run.ts";

/**
 * Options of {@linkcode checkOutput}: those of {@linkcode run}, except `stdout` and `check`.
 *
 * @example Errors among the output
 * ```ts
 * import { checkOutput, type CheckOutputOptions } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const options: CheckOutputOptions = { stderr: "stdout", shell: true };
 * assertEquals(await checkOutput("echo oh >&2", options), "oh\n");
 * ```
 */
export type CheckOutputOptions<E extends Encoding = Encoding> = Omit<RunOptions<E>, "stdout" | "check">;

/**
 * Runs a command as {@linkcode run} does and returns its output. Its error output is that of this program unless
 * `stderr` says otherwise. Switches.
 *
 * Source: `subprocess.check_output`.
 *
 * @throws {CalledProcessError} If it ends with another status than 0.
 * @throws {TimeoutExpired} If it does not end in time.
 *
 * @example The output, or an error
 * ```ts
 * import { CalledProcessError, checkOutput } from "@verdant/green";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * assertEquals(await checkOutput(["echo", "hello"]), "hello\n");
 * await assertRejects(() => checkOutput(["false"]), CalledProcessError);
 * ```
 */
export function checkOutput<E extends Encoding = "utf-8">(
  args: CommandLine,
  options: CheckOutputOptions<E> = {},
): Promise<Captured<E>> {
  const { stderr = "inherit" } = options;
  return quiet(run(args, { ...options, stdout: "pipe", stderr, check: true }).then(({ stdout }) => stdout));
}
