import { CalledProcessError } from "./errors.ts";
import type { Captured, CommandLine, Encoding } from "./process_options.ts";

/**
 * A process that has ended: how, and what it wrote.
 *
 * Source: `subprocess.CompletedProcess`.
 *
 * @typeParam E How its output was decoded.
 *
 * @example Look at it
 * ```ts
 * import { type CompletedProcess, run } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const done: CompletedProcess = await run(["sh", "-c", "echo hello; exit 2"]);
 * assertEquals([done.success, done.returnCode, done.stdout], [false, 2, "hello\n"]);
 * ```
 */
export class CompletedProcess<E extends Encoding = "utf-8"> {
  /** The command, as it was given. */
  readonly args: CommandLine;
  /** Its exit status; negative the number of the signal that ended it: -15 for SIGTERM. */
  readonly returnCode: number;
  /** The signal that ended it. */
  readonly signal: Deno.Signal | null;
  /** What it wrote to its output; empty if that was not captured. */
  readonly stdout: Captured<E>;
  /** What it wrote to its error output; empty if that was not captured. */
  readonly stderr: Captured<E>;

  /** Takes over the values. */
  constructor(values: Pick<CompletedProcess<E>, "args" | "returnCode" | "signal" | "stdout" | "stderr">) {
    this.args = values.args;
    this.returnCode = values.returnCode;
    this.signal = values.signal;
    this.stdout = values.stdout;
    this.stderr = values.stderr;
  }

  /** Whether it ended with status 0. */
  get success(): boolean {
    return this.returnCode === 0;
  }

  /**
   * Insists on a success.
   *
   * @throws {CalledProcessError} If it ended with another status than 0.
   */
  checkReturnCode(): void {
    if (!this.success) throw new CalledProcessError(this.args, this.returnCode, this);
  }
}
