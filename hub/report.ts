/** What a deadlock looks like, in words. */
import type { Hub } from "./hub.ts";
import { STARTED, Task } from "./task.ts";
import { waitStack } from "./wait_stack.ts";
import type { Waiter } from "./waiter.ts";

/**
 * Implemented by primitives that know which task keeps others waiting.
 *
 * @example Say who holds it
 * ```ts
 * import { callerTask, describeWait, type Held, Waiter, WaitList } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const tap: Held = { holder: callerTask() };
 * const waiter = new Waiter(callerTask(), new WaitList("turn", tap), undefined);
 * assertEquals(describeWait(waiter), "Object turn held by (main flow)");
 * ```
 */
export interface Held {
  /** The task that holds it, if one does. */
  readonly holder: Task | undefined;
}

/** At most this many greenlets are listed. */
const MAX_LISTED = 50;

/** The report of a deadlock. */
export function deadlockReport(hub: Hub): string {
  return hubReport(hub, "All greenlets are blocked and nothing can wake them");
}

/**
 * A headline, the cycle if there is one, and a line for every task that waits.
 *
 * @example Who waits for what
 * ```ts
 * import { getHub, hubReport } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(hubReport(getHub(), "Right now"), "Right now");
 * ```
 */
export function hubReport(hub: Hub, headline: string): string {
  const tasks = [hub.root, ...hub.tasks()].filter((task) => task.waits !== undefined || isDetached(task));
  const lines = [headline];
  const cycle = findCycle(tasks);
  if (cycle !== undefined) lines.push(`  cycle: ${cycle.map(shortName).join(" -> ")}`);
  for (const task of tasks.slice(0, MAX_LISTED)) lines.push(...describeTask(task));
  if (tasks.length > MAX_LISTED) lines.push(`  and ${tasks.length - MAX_LISTED} more`);
  return lines.join("\n");
}

/** Whether a task that has begun waits for something that is not the library's. */
function isDetached(task: Task): boolean {
  return task.state === STARTED && task.waits === undefined && task !== task.hub.root;
}

function describeTask(task: Task): string[] {
  const waits = task.allWaits().map(describeWait).join(" and for ") ||
    "a promise that is not the library's own";
  // It may be cleaning up, or have caught the kill and gone on: whoever waits for its end should know.
  const ignored = task.kills > 0 ? " (kill ignored so far)" : "";
  const lines = [`  ${shortName(task)} waits for ${waits}${ignored}`];
  const { spawnStack } = task as { spawnStack?: string };
  if (spawnStack !== undefined) lines.push(indent(`spawned\n${spawnStack}`));
  const stack = task.waits && waitStack(task.waits);
  if (stack) lines.push(indent(`waits\n${stack}`));
  return lines;
}

function indent(text: string): string {
  return `    ${text.replaceAll("\n", "\n    ")}`;
}

/**
 * What a waiter waits for, in words.
 *
 * @example For messages
 * ```ts
 * import { callerTask, describeWait, Waiter, WaitList } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const waiter = new Waiter(callerTask(), new WaitList("get", new Map()), undefined);
 * assertEquals(describeWait(waiter), "Map get");
 * ```
 */
export function describeWait(waiter: Waiter): string {
  const { owner, what } = waiter.source;
  if (owner === undefined) return what;
  if (owner instanceof Task) return `the end of ${shortName(owner)}`;
  const holder = holderOf(owner);
  const held = holder === undefined ? "" : ` held by ${shortName(holder)}`;
  return `${owner.constructor.name} ${what}${held}`;
}

function shortName(task: Task): string {
  return task === task.hub.root ? "(main flow)" : `#${task.id} ${task.label}`;
}

/** Whom a task waits for, where that is known. */
function blockerOf(task: Task): Task | undefined {
  for (const { source: { owner } } of task.allWaits()) {
    const blocker = owner instanceof Task ? owner : holderOf(owner);
    if (blocker !== undefined) return blocker;
  }
  return undefined;
}

function holderOf(owner: object | undefined): Task | undefined {
  const { holder } = (owner ?? {}) as Partial<Held>;
  return holder instanceof Task ? holder : undefined;
}

function findCycle(tasks: Task[]): Task[] | undefined {
  const cleared = new Set<Task>();
  for (const start of tasks) {
    const path: Task[] = [];
    for (
      let task: Task | undefined = start;
      task !== undefined && !cleared.has(task);
      task = blockerOf(task)
    ) {
      const seenAt = path.indexOf(task);
      if (seenAt >= 0) return [...path.slice(seenAt), task];
      path.push(task);
    }
    for (const task of path) cleared.add(task);
  }
  return undefined;
}
