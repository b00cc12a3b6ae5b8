/** How values and errors look in a session: plain text without colours and tabs. */
import { Task } from "../../hub/mod.ts";
import { describeWait } from "../../hub/inspect/describe.ts";
import { isOwnFrame } from "../../hub/stacks.ts";
import { LINES_BEFORE } from "./compile.ts";

const INSPECT: Deno.InspectOptions = {
  colors: false,
  depth: 4,
  iterableLimit: 100,
  strAbbreviateSize: 10_000,
};

/** What stands between the hub and a greenlet with the portable context. */
const PORTABLE_CONTEXT = "ext:deno_node/async_hooks";
const FRAME = /^\s+at /;
/** A function of the session's scope was called: `this` is the scope. */
const SCOPE_CALL = /^(\s+at (?:async )?)Proxy\./;
/** Where a frame stands in an entry, as V8 has it. */
const ENTRY_FRAME = /(?:eval )?\((entry-\d+), <anonymous>:(\d+):(\d+)\)/;

/** A value, as a session shows it. Never throws. */
export function formatValue(value: unknown): string {
  try {
    if (value instanceof Task) return describeTask(value);
    return Deno.inspect(value, INSPECT);
  } catch (error) {
    return `[cannot be shown: ${messageOf(error)}]`;
  }
}

/** What is printed: text as it is, other values as a session shows them, with a space in between. */
export function formatAll(values: readonly unknown[]): string {
  return values.map((value) => typeof value === "string" ? value : formatValue(value)).join(" ");
}

/** What an entry has thrown, without the frames of the library. Never throws. */
export function formatError(error: unknown): string {
  const text = withoutOwnFrames(formatValue(error));
  return text.startsWith("GreenletExit: ") ? text : `Uncaught ${text}`;
}

/** A stack without the frames of the library, in which those of entries are short: `"entry-3:1:7"`. */
export function withoutOwnFrames(text: string): string {
  const lines: string[] = [];
  for (const line of text.split("\n")) {
    if (!(FRAME.test(line) && isOwn(line))) lines.push(inEntry(line));
    else if (line.endsWith(" {")) lines.push(`${lines.pop() ?? ""} {`); // more properties of the error follow
  }
  return lines.join("\n");
}

function isOwn(line: string): boolean {
  return isOwnFrame(line) || line.includes(PORTABLE_CONTEXT);
}

function inEntry(line: string): string {
  const frame = line.replace(SCOPE_CALL, "$1");
  return frame.replace(ENTRY_FRAME, (_, entry, row, column) => {
    // V8 blames the statement for a missing name, and that may be our `return` in the line before.
    return row > LINES_BEFORE ? `${entry}:${row - LINES_BEFORE}:${column}` : `${entry}:1:1`;
  });
}

/** `"#5 worker, waiting for Queue get"`. */
function describeTask(task: Task): string {
  const name = `#${task.id} ${task.label}`;
  if (task.ready) return `${name}, ${task.failed ? `failed: ${messageOf(task.outcome)}` : "ended"}`;
  if (task.waits === undefined) return name;
  return `${name}, waiting for ${task.allWaits().map(describeWait).join(" and for ")}`;
}

function messageOf(error: unknown): string {
  try {
    return String(error);
  } catch {
    return "it throws when it is converted to text";
  }
}
