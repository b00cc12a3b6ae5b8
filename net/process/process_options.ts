import type { Duration } from "../../hub/mod.ts";

/**
 * What to run: a program and its arguments, or, as a string, a program without any. With `shell` it is one
 * string: the command line.
 *
 * @example Both forms
 * ```ts
 * import { type CommandLine, run } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const program: CommandLine = ["echo", "a  b"];
 * assertEquals((await run(program)).stdout, "a  b\n");
 * const line: CommandLine = "echo a  b | tr a-z A-Z";
 * assertEquals((await run(line, { shell: true })).stdout, "A B\n");
 * ```
 */
export type CommandLine = string | readonly string[];

/**
 * What stands at an end of a process: a pipe to this program, what this program has itself, or nothing.
 *
 * @example Ignore the output
 * ```ts
 * import { run, type Stdio } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const stdout: Stdio = "null";
 * assertEquals((await run(["echo", "unheard"], { stdout })).stdout, "");
 * ```
 */
export type Stdio = "pipe" | "inherit" | "null";

/**
 * What captured output becomes: text, or bytes as they are.
 *
 * @example Bytes
 * ```ts
 * import { type Encoding, run } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const encoding = "buffer" satisfies Encoding;
 * assertEquals((await run(["printf", "\\377"], { encoding })).stdout, new Uint8Array([255]));
 * ```
 */
export type Encoding = "utf-8" | "buffer";

/**
 * Captured output in an encoding.
 *
 * @example Its types
 * ```ts
 * import type { Captured } from "@verdant/green";
 *
 * const text: Captured<"utf-8"> = "text";
 * const bytes: Captured<"buffer"> = new Uint8Array(4);
 * ```
 */
export type Captured<E extends Encoding> = E extends "buffer" ? Uint8Array<ArrayBuffer> : string;

/**
 * How to start a process, and how to end it.
 *
 * @example In another folder, with one variable more
 * ```ts
 * import { type ProcessOptions, run } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const options: ProcessOptions = { cwd: "/", env: { NAME: "green" }, shell: true };
 * assertEquals((await run("echo $PWD $NAME", options)).stdout, "/ green\n");
 * ```
 */
export interface ProcessOptions {
  /**
   * Where its input comes from.
   *
   * @default {"inherit"}
   */
  stdin?: Stdio | undefined;
  /**
   * Where its output goes to.
   *
   * @default {"inherit"}; {"pipe"} for `run()`
   */
  stdout?: Stdio | undefined;
  /**
   * Where its errors go to. `"stdout"`: among the output, in the order in which both arrive; `stdout` must not be
   * `"inherit"` then.
   *
   * @default {"inherit"}; {"pipe"} for `run()`
   */
  stderr?: Stdio | "stdout" | undefined;
  /** Its working directory; by default that of this program. */
  cwd?: string | URL | undefined;
  /** Environment variables, in addition to those of this program. */
  env?: Record<string, string> | undefined;
  /**
   * Whether it gets only the variables in `env`.
   *
   * @default {false}
   */
  clearEnv?: boolean | undefined;
  /**
   * Whether `/bin/sh` runs the command line.
   *
   * @default {false}
   */
  shell?: boolean | undefined;
  /**
   * Whether the process leads a group (and session) of its own, so that signals reach its children as well.
   * Ctrl-C of the terminal does not reach them then. Needs the permission to run everything (`--allow-run`
   * without a list), and Unix; otherwise the process gets no group, and the signals reach only itself.
   *
   * @default {shell}
   */
  processGroup?: boolean | undefined;
  /**
   * How long (ms or `Temporal.Duration`) it may take to end after SIGTERM, before SIGKILL.
   *
   * @default {1000}
   */
  killGrace?: Duration | undefined;
}
