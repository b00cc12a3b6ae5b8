import { callerTask } from "../caller.ts";
import type { Hub } from "../hub.ts";
import { stuckTasks, waitGraph } from "./deadlocks.ts";
import { formatMs, MAIN_FLOW } from "./describe.ts";
import { type GreenletSnapshot, pictureOf, type Snapshot } from "./snapshot.ts";

/**
 * Options of {@linkcode dump}.
 *
 * @example No more than ten lines
 * ```ts
 * import { dump, type DumpOptions } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const options: DumpOptions = { headline: "Right now", limit: 10 };
 * assertEquals(dump(options), "Right now");
 * ```
 */
export interface DumpOptions {
  /** Which hub; the caller's by default. */
  hub?: Hub | undefined;
  /** The first line. By default, it counts the greenlets by their state. */
  headline?: string | undefined;
  /**
   * How many greenlets are shown at most; the rest is counted.
   *
   * @default {Infinity}
   */
  limit?: number | undefined;
}

/**
 * Says in words what every greenlet does: the tree of who spawned whom, with the state of each, what it waits for, for
 * how long and who stands in its way; cycles come first. With `hub.debug` (or `GREEN_DEBUG=1`), also where each was
 * spawned and where it waits. Does not switch, and disturbs nobody.
 *
 * Many greenlets of one spawner that wait for the same are one line.
 *
 * Source: `gevent.util.format_run_info`.
 *
 * @throws {RangeError} If `limit` is negative or NaN.
 *
 * @example In a program that hangs
 * ```ts
 * import { dump, named, Queue, sleep, spawnWith } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const jobs = named(new Queue<string>(), "jobs");
 * const worker = spawnWith({ name: "worker" }, () => jobs.get());
 * await sleep();
 * assertEquals(dump({ headline: "Now" }), `Now\n  #${worker.id} worker waits for Queue(jobs) get, it is empty`);
 * await worker.kill();
 * ```
 */
export function dump(options: DumpOptions = {}): string {
  const { hub = callerTask().hub, headline, limit = Infinity } = options;
  if (!(limit >= 0)) throw new RangeError(`Cannot dump: limit must be 0 or more, received ${limit}`);
  return formatSnapshot(pictureOf(hub, stuckTasks(hub)), { headline, limit });
}

/** A deadlock in words is no longer than this, so that the error can be read. */
const MAX_IN_ERROR = 50;

/** The dump of a hub in which nothing can run any more: whoever waits for something that is known, waits in vain. */
export function hopelessDump(hub: Hub): string {
  const headline = "All greenlets are blocked and nothing can wake them";
  try {
    return formatSnapshot(pictureOf(hub, waitGraph(hub)), { headline, limit: MAX_IN_ERROR });
  } catch (error) {
    return `${headline}\n  who waits for what cannot be said: ${String(error)}`; // names are the program's own code
  }
}

/** A snapshot in words. */
export function formatSnapshot(snapshot: Snapshot, options: Omit<DumpOptions, "hub">): string {
  const { headline = summary(snapshot), limit = Infinity } = options;
  const lines = [headline];
  const inCycles = new Set(snapshot.cycles.flat());
  const byId = new Map(snapshot.greenlets.map((entry) => [entry.id, entry]));
  for (const cycle of snapshot.cycles) {
    lines.push(`  cycle: ${[...cycle, cycle[0]!].map((id) => title(byId.get(id)!)).join(" -> ")}`);
  }
  const branches = branchesOf(snapshot, byId);
  let shown = 0;
  for (const { entry, depth, alike } of walk(branches)) {
    if (shown >= limit) break;
    const indent = "  ".repeat(1 + Math.min(depth, MAX_INDENT));
    for (const line of describe(entry, inCycles.has(entry.id))) lines.push(indent + line);
    shown += 1 + alike.length;
    if (alike.length > 0) lines.push(`${indent}and ${count(alike.length)} like it: ${someOf(alike)}`);
  }
  const left = snapshot.greenlets.length - shown;
  if (left > 0) lines.push(`  and ${count(left)} more`);
  return lines.join("\n");
}

/** `"4 greenlets: 1 running, 3 waiting; 1 timer"`. */
function summary({ greenlets, stats }: Snapshot): string {
  const states = Map.groupBy(greenlets.filter((entry) => !isMainFlow(entry)), ({ state }) => state);
  const byState = [...states].map(([state, { length }]) => `${count(length)} ${state}`).join(", ");
  const others = [
    stats.timers > 0 && counted(stats.timers, "timer"),
    stats.foreignWaits > 0 && counted(stats.foreignWaits, "foreign wait"),
  ].filter(Boolean);
  const colon = byState === "" ? "" : `: ${byState}`;
  return [`${counted(stats.greenlets, "greenlet")}${colon}`, ...others].join("; ");
}

// ---- The tree ------------------------------------------------------------------------------------

/** Greenlets by the number of their spawner; `undefined` for those that nobody spawned who is still there. */
type Branches = Map<number | undefined, GreenletSnapshot[]>;

/** Deeper ones stand below each other, so that a long chain of spawns does not become a staircase of megabytes. */
const MAX_INDENT = 20;

function branchesOf({ greenlets }: Snapshot, byId: Map<number, GreenletSnapshot>): Branches {
  return Map.groupBy(
    greenlets,
    ({ spawner }) => spawner !== undefined && byId.has(spawner) ? spawner : undefined,
  );
}

interface Node {
  readonly entry: GreenletSnapshot;
  readonly depth: number;
  /** The numbers of its siblings of which the same can be said. */
  readonly alike: number[];
}

/** All greenlets, each one after its spawner. */
function* walk(branches: Branches): Iterable<Node> {
  const open = nodesOf(branches.get(undefined) ?? [], 0, branches).reverse();
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    yield node;
    const children = branches.get(node.entry.id);
    if (children === undefined) continue;
    for (const child of nodesOf(children, node.depth + 1, branches).reverse()) open.push(child);
  }
}

/** So many of the same are worth a line each. */
const FEW_ALIKE = 3;

function nodesOf(entries: GreenletSnapshot[], depth: number, branches: Branches): Node[] {
  const groups = Map.groupBy(entries, (entry) => branches.has(entry.id) ? entry : likeness(entry));
  const nodes: Node[] = [];
  for (const group of groups.values()) {
    const single = group.length > FEW_ALIKE ? 1 : group.length;
    for (let i = 0; i < single; i++) nodes.push({ entry: group[i]!, depth, alike: [] });
    for (let i = single; i < group.length; i++) nodes.at(-1)!.alike.push(group[i]!.id);
  }
  return nodes;
}

/** Equal for those of whom the same can be said, apart from how long. */
function likeness(
  { id, name, state, waits, stuck, kills, killPending, locals, spawnStack, counters }: GreenletSnapshot,
) {
  const suffix = `-${id}`; // of those without a name
  let text = `${
    name.endsWith(suffix) ? name.slice(0, -suffix.length) : name
  }\n${state}${stuck}${kills}${killPending}`;
  for (const { what, on, stack } of waits) text += `\n${on}\n${what}\n${stack}`;
  if (spawnStack !== undefined) text += spawnStack;
  for (const local in locals) text += `\n${local}=${locals[local]}`;
  return counters === undefined ? text : `${text}\n${id}`; // figures of its own
}

/** Numbers that are listed of those alike. */
const MAX_NUMBERS = 5;

function someOf(ids: readonly number[]): string {
  const some = ids.slice(0, MAX_NUMBERS).map((id) => `#${id}`).join(", ");
  return ids.length > MAX_NUMBERS ? `${some}, …` : some;
}

// ---- One greenlet --------------------------------------------------------------------------------

/** How long (ms) a wait is before reports say for how long. */
const WORTH_SAYING = 1_000;

function describe(entry: GreenletSnapshot, inCycle: boolean): string[] {
  const lines = [`${title(entry)} ${activity(entry)}${remarks(entry, inCycle)}`];
  const { counters, locals, spawnStack, waits } = entry;
  const names = Object.keys(locals);
  if (names.length > 0) {
    lines.push(`  locals: ${names.map((name) => `${name} = ${locals[name]}`).join(", ")}`);
  }
  if (counters !== undefined) {
    const { switches, held, waits } = counters;
    lines.push(`  ${counted(switches, "switch", "es")}, ${counted(waits, "wait")}, ${formatMs(held)} held`);
  }
  if (spawnStack) lines.push("  spawned", ...stackLines(spawnStack));
  for (const { stack, what } of waits) {
    if (stack) lines.push(what === "await" ? "  waited before" : "  waits", ...stackLines(stack));
  }
  return lines;
}

function stackLines(stack: string): string[] {
  return stack.split("\n").filter((line) => line !== "").map((line) => `  ${line}`);
}

function isMainFlow({ id }: GreenletSnapshot): boolean {
  return id === 0;
}

function title(entry: GreenletSnapshot): string {
  return isMainFlow(entry) ? MAIN_FLOW : `#${entry.id} ${entry.name}`;
}

function activity({ state, waits, startsIn }: GreenletSnapshot): string {
  if (state === "delayed") return `starts in ${formatMs(startsIn!)}`;
  if (waits.length === 0) return state === "running" ? "is running" : "is queued";
  const what = waits.map(({ description }) => description).join(", and for ");
  const age = waits.reduce((longest, { since = 0 }) => Math.max(longest, since), 0);
  const verb = age < WORTH_SAYING ? "waits" : `has waited ${formatMs(age)}`;
  return `${state === "running" ? "is running, and " : ""}${verb} for ${what}`;
}

function remarks({ kills, killPending, stuck }: GreenletSnapshot, inCycle: boolean): string {
  const said = [
    stuck && (inCycle ? "deadlock" : "stuck"),
    // It may be cleaning up, or have caught the kill and gone on: whoever waits for its end should know.
    kills > 0 && "kill ignored so far",
    killPending && "interruption pending",
  ].filter(Boolean);
  return said.length === 0 ? "" : ` (${said.join(", ")})`;
}

/** `"1,200"`. */
function count(number: number): string {
  return number.toLocaleString("en");
}

/** `"1 wait"`, `"1,200 waits"`. */
function counted(number: number, noun: string, ending = "s"): string {
  return `${count(number)} ${noun}${number === 1 ? "" : ending}`;
}
