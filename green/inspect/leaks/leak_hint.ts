/** What leak hints say. */
import { describeWait, shortName, type Task } from "../../../hub/mod.ts";
import type { FailureRecord } from "./leak_failures.ts";
import type { ParkedRecord } from "./leak_parked.ts";

/**
 * Something that was lost, as {@linkcode leakHints} found it. Plain data: it keeps nothing alive.
 *
 * - `parked`: a greenlet that can never run again, because nobody can reach what it waits for, nor itself.
 * - `failure`: an error that nobody looked at.
 * - `end`: greenlets that were parked when the program ended.
 *
 * @example Only the errors
 * ```ts
 * import { type LeakHint, leakHints } from "@verdant/green";
 *
 * const isFailure = ({ kind }: LeakHint) => kind === "failure";
 * using leaks = leakHints({ print: false });
 * const errors = leaks.hints.filter(isFailure);
 * ```
 */
export interface LeakHint {
  /** What kind of leak it is. */
  readonly kind: "parked" | "failure" | "end";
  /** All of it in words; with `hub.debug`, followed by the stacks of the spawn and the wait. */
  readonly text: string;
  /** The numbers of the greenlets it is about; empty where it is about none. */
  readonly greenlets: readonly number[];
}

/** At most so many greenlets are described at the end of the program. */
const MAX_LISTED = 50;

/** For a greenlet that was collected. */
export function parkedHint({ id, name, wait, spawnStack, waitStack }: ParkedRecord): LeakHint {
  const lines = [
    `#${id} ${name} can never run again: it waited for ${wait}, and nothing else can reach that`,
  ];
  if (spawnStack) lines.push("  spawned", spawnStack);
  if (waitStack) lines.push("  waited", waitStack);
  return { kind: "parked", text: lines.join("\n"), greenlets: [id] };
}

/** For an error that nobody looked at. */
export function failureHint({ holder, greenlet, error }: FailureRecord): LeakHint {
  return {
    kind: "failure",
    text: `the error of ${holder} was never looked at: ${error}`,
    greenlets: greenlet === undefined ? [] : [greenlet],
  };
}

/** For those who are left when the program ends. */
export function endHint(tasks: readonly Task[]): LeakHint {
  const one = tasks.length === 1;
  const lines = [
    `${tasks.length} greenlet${one ? " was" : "s were"} still parked when the program ended:`,
    ...tasks.slice(0, MAX_LISTED).map(describeParked),
  ];
  if (tasks.length > MAX_LISTED) lines.push(`  and ${tasks.length - MAX_LISTED} more`);
  return { kind: "end", text: lines.join("\n"), greenlets: tasks.map(({ id }) => id) };
}

function describeParked(task: Task): string {
  const waits = task.allWaits().map(describeWait).join(", and for ") ||
    "a promise that is not the library's own";
  const spawned = task.spawnStack ? `\n  spawned\n${task.spawnStack}` : "";
  return `  ${shortName(task)} waits for ${waits}${spawned}`;
}
