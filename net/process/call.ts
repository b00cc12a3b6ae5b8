import { quiet } from "../../hub/mod.ts";
import type { CommandLine } from "./process_options.ts";
import { run, type RunOptions } from "./run.ts";

/**
 * Options of {@linkcode call} and {@linkcode checkCall}: those of {@linkcode run} that are not about captured
 * output.
 *
 * @example A time limit
 * ```ts
 * import { call, type CallProcessOptions } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const options: CallProcessOptions = { stdout: "null", timeout: 10_000 };
 * assertEquals(await call(["echo", "unheard"], options), 0);
 * ```
 */
export type CallProcessOptions = Omit<RunOptions, "encoding" | "check" | "maxOutput">;

/**
 * Runs a command as {@linkcode run} does, with the input and output of this program unless the options say
 * otherwise. Switches.
 *
 * Source: `subprocess.call`.
 *
 * @returns Its exit status; negative the number of the signal that ended it.
 * @throws {TimeoutExpired} If it does not end in time.
 *
 * @example Its status
 * ```ts
 * import { call } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await call("exit 3", { shell: true }), 3);
 * ```
 */
export function call(args: CommandLine, options: CallProcessOptions = {}): Promise<number> {
  return quiet(run(args, inheriting(options)).then(({ returnCode }) => returnCode));
}

/**
 * As {@linkcode call}, but another exit status than 0 is an error. Switches.
 *
 * Source: `subprocess.check_call`.
 *
 * @throws {CalledProcessError} If it ends with another status than 0.
 * @throws {TimeoutExpired} If it does not end in time.
 *
 * @example It must succeed
 * ```ts
 * import { CalledProcessError, checkCall } from "@verdant/green";
 * import { assertRejects } from "@std/assert";
 *
 * await checkCall(["true"]);
 * await assertRejects(() => checkCall(["false"]), CalledProcessError, `Command "false" ended with status 1`);
 * ```
 */
export function checkCall(args: CommandLine, options: CallProcessOptions = {}): Promise<void> {
  return quiet(run(args, inheriting(options)).then((done) => done.checkReturnCode()));
}

function inheriting({ stdout = "inherit", stderr = "inherit", ...rest }: CallProcessOptions): RunOptions {
  return { ...rest, stdout, stderr };
}
