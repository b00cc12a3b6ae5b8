import { originalOf, toMilliseconds } from "../../hub/mod.ts";
import { Child } from "./child.ts";
import { commandOf } from "./command.ts";
import { type Pipes, pipesOf } from "./pipes.ts";
import { canSignalGroups } from "./process_group.ts";
import type { CommandLine, Encoding, ProcessOptions, Stdio } from "./process_options.ts";

const DEFAULT_GRACE = 1_000;
const STDIO = ["pipe", "inherit", "null"];

/** A process that runs, and how to deal with it. */
export interface Started {
  readonly line: CommandLine;
  readonly child: Child;
  readonly pipes: Pipes;
  /** How long (ms) it may take to end after SIGTERM. */
  readonly grace: number;
}

/** Options that were checked: what is left is to start it. */
export type Start = () => Started;

/**
 * Checks what is to be run, and how.
 *
 * @throws {TypeError} If an option is of the wrong kind.
 * @throws {RangeError} If `killGrace` is negative or NaN.
 */
export function planStart(line: CommandLine, options: ProcessOptions): Start {
  const { shell = false, processGroup = shell, killGrace = DEFAULT_GRACE } = options;
  const command = commandOf(line, shell);
  checkStdio(options);
  const grace = toMilliseconds(killGrace, "run command", "killGrace");
  const platform = platformOptions(options);
  return () => {
    const leadsGroup = processGroup && canSignalGroups();
    const raw = new (originalOf(Deno.Command))(command.program, {
      ...platform,
      args: command.args,
      detached: leadsGroup,
    })
      .spawn();
    const child = new Child(raw, command.name, leadsGroup);
    return { line, child, pipes: pipesOf(raw, child, options), grace };
  };
}

/**
 * Checks how output is to be decoded.
 *
 * @throws {TypeError} If it is unknown.
 */
export function checkEncoding(encoding: Encoding): void {
  if (encoding === "utf-8" || encoding === "buffer") return;
  throw new TypeError(
    `Cannot run command: encoding must be "utf-8" or "buffer", received ${String(encoding)}`,
  );
}

function checkStdio({ stdin = "inherit", stdout = "inherit", stderr = "inherit" }: ProcessOptions): void {
  for (const [name, value] of Object.entries({ stdin, stdout, stderr })) {
    if (STDIO.includes(value) || name === "stderr" && value === "stdout") continue;
    const last = name === "stderr" ? `, "null" or "stdout"` : ` or "null"`;
    throw new TypeError(
      `Cannot run command: ${name} must be "pipe", "inherit"${last}, received ${JSON.stringify(value)}`,
    );
  }
  if (stderr !== "stdout" || stdout !== "inherit") return;
  throw new TypeError('Cannot run command: with stderr "stdout", stdout must be "pipe" or "null"');
}

function platformOptions(options: ProcessOptions): Deno.CommandOptions {
  const { stdin, stdout, stderr, cwd, env, clearEnv } = options;
  return {
    stdin: platformStdio(stdin),
    stdout: platformStdio(stdout),
    stderr: platformStdio(stderr === "stdout" ? stdout : stderr),
    ...(cwd !== undefined && { cwd }),
    ...(env !== undefined && { env: { ...env } }),
    ...(clearEnv !== undefined && { clearEnv }),
  };
}

function platformStdio(stdio: Stdio = "inherit"): "piped" | "inherit" | "null" {
  return stdio === "pipe" ? "piped" : stdio;
}
