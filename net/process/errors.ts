import type { CommandLine } from "./process_options.ts";
import { nameOfCommand } from "./command.ts";

/**
 * What a process printed before it failed. Empty where the output was not captured.
 *
 * @example Its parts
 * ```ts
 * import type { ProcessOutput } from "@verdant/green";
 *
 * const lengthOf = ({ stdout, stderr }: ProcessOutput) => stdout.length + stderr.length;
 * ```
 */
export interface ProcessOutput {
  /** What it wrote to its output. */
  readonly stdout: string | Uint8Array<ArrayBuffer>;
  /** What it wrote to its error output. */
  readonly stderr: string | Uint8Array<ArrayBuffer>;
}

/**
 * What the errors about subprocesses have in common.
 *
 * Source: `subprocess.SubprocessError`.
 *
 * @example Catch both
 * ```ts
 * import { checkCall, SubprocessError } from "@verdant/green";
 * import { assertRejects } from "@std/assert";
 *
 * await assertRejects(() => checkCall(["false"]), SubprocessError);
 * ```
 */
export class SubprocessError extends Error implements ProcessOutput {
  /** The name of the class. */
  override readonly name: string = "SubprocessError";
  /** The command, as it was given. */
  readonly args: CommandLine;
  /** What it wrote to its output until then; empty if that was not captured. */
  readonly stdout: string | Uint8Array<ArrayBuffer>;
  /** What it wrote to its error output until then; empty if that was not captured. */
  readonly stderr: string | Uint8Array<ArrayBuffer>;

  /** Makes one to throw. */
  constructor(message: string, args: CommandLine, { stdout, stderr }: ProcessOutput) {
    super(message);
    this.args = args;
    this.stdout = stdout;
    this.stderr = stderr;
  }

  /** The same as `stdout`, as in Python. */
  get output(): string | Uint8Array<ArrayBuffer> {
    return this.stdout;
  }
}

/**
 * A process ended with another status than 0, and that was to be an error.
 *
 * Source: `subprocess.CalledProcessError`.
 *
 * @example What happened
 * ```ts
 * import { CalledProcessError, run } from "@verdant/green";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const error = await assertRejects(
 *   () => run("echo no >&2; exit 3", { shell: true, check: true }),
 *   CalledProcessError,
 *   "ended with status 3",
 * );
 * assertEquals([error.returnCode, error.stderr], [3, "no\n"]);
 * ```
 */
export class CalledProcessError extends SubprocessError {
  /** Always `"CalledProcessError"`. */
  override readonly name = "CalledProcessError";
  /** Its exit status; negative the number of the signal that ended it. */
  readonly returnCode: number;

  /** Makes one to throw. */
  constructor(args: CommandLine, returnCode: number, output: ProcessOutput = NO_OUTPUT) {
    const how = returnCode < 0 ? `was ended by signal ${-returnCode}` : `ended with status ${returnCode}`;
    super(`Command "${nameOfCommand(args)}" ${how}`, args, output);
    this.returnCode = returnCode;
  }
}

/**
 * A process took longer than it was allowed to.
 *
 * Source: `subprocess.TimeoutExpired`.
 *
 * @example What it had said
 * ```ts
 * import { run, TimeoutExpired } from "@verdant/green";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const error = await assertRejects(
 *   () => run("echo wait; sleep 60", { shell: true, timeout: 200 }),
 *   TimeoutExpired,
 * );
 * assertEquals([error.stdout, error.timeout], ["wait\n", 200]);
 * ```
 */
export class TimeoutExpired extends SubprocessError {
  /** Always `"TimeoutExpired"`. */
  override readonly name = "TimeoutExpired";
  /** How long (ms) it was allowed to take. */
  readonly timeout: number;

  /** Makes one to throw. */
  constructor(args: CommandLine, timeout: number, output: ProcessOutput = NO_OUTPUT) {
    super(`Command "${nameOfCommand(args)}" timed out after ${timeout} ms`, args, output);
    this.timeout = timeout;
  }
}

const NO_OUTPUT: ProcessOutput = { stdout: "", stderr: "" };
