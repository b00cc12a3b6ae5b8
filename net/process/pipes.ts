import type { Child } from "./child.ts";
import { PipeReader } from "./pipe_reader.ts";
import { PipeWriter } from "./pipe_writer.ts";
import type { ProcessOptions } from "./process_options.ts";

/** The pipes to a process; those that were asked for. */
export interface Pipes {
  readonly stdin: PipeWriter | undefined;
  readonly stdout: PipeReader | undefined;
  readonly stderr: PipeReader | undefined;
}

/** Takes over the streams of the platform. */
export function pipesOf(
  raw: Deno.ChildProcess,
  child: Child,
  { stdin, stdout, stderr }: ProcessOptions,
): Pipes {
  const output = stdout !== "pipe" ? [] : stderr === "stdout" ? [raw.stdout, raw.stderr] : [raw.stdout];
  return {
    stdin: stdin === "pipe" ? new PipeWriter(`stdin of ${child}`, raw.stdin) : undefined,
    stdout: output.length > 0 ? new PipeReader(`stdout of ${child}`, ...output) : undefined,
    stderr: stderr === "pipe" ? new PipeReader(`stderr of ${child}`, raw.stderr) : undefined,
  };
}

/** Closes all of them. */
export function closePipes({ stdin, stdout, stderr }: Pipes): void {
  stdin?.close();
  stdout?.close();
  stderr?.close();
}
