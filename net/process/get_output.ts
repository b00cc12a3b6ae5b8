import { quiet } from "../../hub/mod.ts";
import { run, type RunOptions } from "./run.ts";

/**
 * Options of {@linkcode getOutput} and {@linkcode getStatusOutput}: those of {@linkcode run} that they do not set
 * themselves.
 *
 * @example Elsewhere
 * ```ts
 * import { getOutput, type GetOutputOptions } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const options: GetOutputOptions = { cwd: "/" };
 * assertEquals(await getOutput("pwd", options), "/");
 * ```
 */
export type GetOutputOptions = Omit<RunOptions, "encoding" | "check" | "shell" | "stdout" | "stderr">;

/**
 * Runs a command line in a shell and returns its output, errors included, without the last newline. Switches.
 *
 * Source: `subprocess.getoutput`.
 *
 * @throws {TimeoutExpired} If it does not end in time.
 *
 * @example A word
 * ```ts
 * import { getOutput } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await getOutput("echo hello | tr a-z A-Z"), "HELLO");
 * ```
 */
export function getOutput(command: string, options?: GetOutputOptions): Promise<string> {
  return quiet(getStatusOutput(command, options).then(([, output]) => output));
}

/**
 * As {@linkcode getOutput}, with the exit status. Switches.
 *
 * Source: `subprocess.getstatusoutput`.
 *
 * @returns The exit status (negative the number of the signal that ended it) and the output.
 * @throws {TimeoutExpired} If it does not end in time.
 *
 * @example Both
 * ```ts
 * import { getStatusOutput } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await getStatusOutput("echo oh >&2; exit 1"), [1, "oh"]);
 * ```
 */
export function getStatusOutput(
  command: string,
  options: GetOutputOptions = {},
): Promise<[returnCode: number, output: string]> {
  const done = run(command, { ...options, shell: true, stdout: "pipe", stderr: "stdout" });
  return quiet(done.then(({ returnCode, stdout }) => [returnCode, stdout.replace(/\n$/, "")]));
}
