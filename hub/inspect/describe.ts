/** How reports call tasks, and what they wait for. */
import { titleOf } from "../named.ts";
import { Task } from "../task.ts";
import { WaitList } from "../wait_list.ts";
import type { Waiter, WaitSource } from "../waiter.ts";
import type { Inspectable, WaitDetails } from "./inspectable.ts";

/** What the code outside greenlets is called. */
export const MAIN_FLOW = "the main flow";

/** `"#5 transfer"`, `"the main flow"`. */
export function shortName(task: Task): string {
  return task === task.hub.root ? MAIN_FLOW : `#${task.id} ${task.label}`;
}

/** What is waited on: `"Lock(accounts)"`; `undefined` where there is no object that has one. */
export function ownerTitle({ owner }: WaitSource): string | undefined {
  if (owner === undefined) return undefined;
  if (owner instanceof Task) return shortName(owner);
  const { inspectTitle = titleOf(owner) } = owner as Inspectable;
  return inspectTitle || undefined;
}

/**
 * What a waiter waits for, without what stands in its way: `"Lock(accounts) acquire"`, `"sleep"`.
 *
 * @example For messages
 * ```ts
 * import { callerTask, Waiter, WaitList, waitTitle } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const waiter = new Waiter(callerTask(), new WaitList("get", new Map()), undefined);
 * assertEquals(waitTitle(waiter.source), "Map get");
 * ```
 */
export function waitTitle(source: WaitSource): string {
  const title = ownerTitle(source);
  if (title === undefined) return source.what;
  return source.owner instanceof Task ? `the end of ${title}` : `${title} ${source.what}`;
}

/** What the owner of a wait has to say about it. What it throws is no matter of the report. */
export function detailsOf({ owner, what }: WaitSource): WaitDetails {
  if (owner === undefined) return {};
  if (owner instanceof Task) return { blockers: [owner] };
  try {
    return (owner as Inspectable).inspectWait?.(what) ?? {};
  } catch (error) {
    return { text: `it cannot say more: ${String(error)}` };
  }
}

/** The title of a wait, and what stands in its way: the same for all who wait there. */
export function describeSource(source: WaitSource, details: WaitDetails = detailsOf(source)): string {
  const parts = [waitTitle(source)];
  if (details.text) parts.push(details.text);
  if (!(source.owner instanceof Task) && details.blockers?.length) {
    parts.push(`${details.relation ?? "held by"} ${namesOf(details.blockers)}`);
  }
  if (source instanceof WaitList && source.size > 1) parts.push(`${source.size} waiting`);
  return parts.join(", ");
}

/** So many are named where there may be thousands. */
const MAX_NAMES = 5;

/** `"#5 left and #6 right"`. */
function namesOf(tasks: readonly Task[]): string {
  const names = tasks.slice(0, MAX_NAMES).map(shortName);
  if (tasks.length > MAX_NAMES) names.push(`${tasks.length - MAX_NAMES} more`);
  return names.join(" and ");
}

/**
 * What a waiter waits for, and what stands in its way.
 *
 * @returns `"Lock(accounts) acquire, held by #5 transfer, 2 waiting"`, `"sleep, 1.2 s left"`.
 *
 * @example In a line of a report
 * ```ts
 * import { callerTask, describeWait, Waiter, WaitList } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const waiter = new Waiter(callerTask(), new WaitList("get", new Map()), undefined);
 * assertEquals(describeWait(waiter), "Map get");
 * ```
 */
export function describeWait(waiter: Waiter): string {
  return withTimeLeft(describeSource(waiter.source), timeLeftOf(waiter));
}

/** Until its wait times out (ms); `undefined` without a limit. */
export function timeLeftOf({ timer, task }: Waiter): number | undefined {
  return timer?.active ? Math.max(0, timer.deadline - task.hub.now()) : undefined;
}

/** A description with the time that is left. */
export function withTimeLeft(description: string, ms: number | undefined): string {
  return ms === undefined ? description : `${description}, ${formatMs(ms)} left`;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `"5 ms"`, `"1.2 s"`, `"2 min 5 s"`, `"3 h 4 min"`, `"2 d 3 h"`. */
export function formatMs(ms: number): string {
  if (ms === Infinity) return "for ever";
  if (ms < SECOND) return `${Math.floor(ms)} ms`;
  if (ms < MINUTE) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  if (ms < HOUR) return twoUnits(ms, MINUTE, "min", SECOND, "s");
  if (ms < DAY) return twoUnits(ms, HOUR, "h", MINUTE, "min");
  return twoUnits(ms, DAY, "d", HOUR, "h");
}

function twoUnits(ms: number, large: number, largeName: string, small: number, smallName: string): string {
  return `${Math.floor(ms / large)} ${largeName} ${Math.floor(ms % large / small)} ${smallName}`;
}
