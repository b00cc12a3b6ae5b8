import type { CommandLine } from "./process_options.ts";

/** How much of a command messages show. */
const MAX_NAME = 100;

/** What the platform is asked to run. */
export interface Command {
  readonly program: string;
  readonly args: string[];
  /** How messages call it. */
  readonly name: string;
}

/**
 * Reads a command line.
 *
 * @throws {TypeError} If it is none.
 */
export function commandOf(line: CommandLine, shell: boolean): Command {
  const name = nameOfCommand(line);
  if (!shell) {
    const [program = "", ...args] = typeof line === "string" ? [line] : checkArgs(line);
    if (program !== "") return { program, args, name };
    throw new TypeError(`Cannot run command: the program must have a name, received ${show(line)}`);
  }
  if (typeof line === "string") return { program: "/bin/sh", args: ["-c", line], name };
  throw new TypeError(`Cannot run command: for a shell it must be a string, received ${show(line)}`);
}

/** How messages call it: `"git log -1"`. */
export function nameOfCommand(line: CommandLine): string {
  const name = typeof line === "string" ? line : Array.isArray(line) ? line.join(" ") : String(line);
  return name.length > MAX_NAME ? `${name.slice(0, MAX_NAME)}…` : name;
}

function checkArgs(line: readonly string[]): readonly string[] {
  if (Array.isArray(line) && line.every((arg) => typeof arg === "string")) return line;
  throw new TypeError(
    `Cannot run command: it must be a string or an array of strings, received ${show(line)}`,
  );
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}
