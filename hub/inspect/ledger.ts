/**
 * Who has taken a permit or an item and not given it back, recorded while `hub.debug` is on.
 *
 * Primitives whose calls have a task at hand ask `task.hub.debug`; those that have none ask {@linkcode recording}
 * first, so that a program that never records pays for one look at a variable.
 */
import { callerTask } from "../caller.ts";
import type { Task } from "../task.ts";
import type { WaitNode } from "../wait_list.ts";
import { programStack, waitStack } from "../stacks.ts";
import { Waiter } from "../waiter.ts";
import { shortName } from "./describe.ts";

/**
 * Something that was taken from a primitive, or put into one.
 *
 * @example Who has it
 * ```ts
 * import { callerTask, type LedgerEntry, noteTaken, takenFrom } from "@verdant/green/hub";
 * import { assertStrictEquals } from "@std/assert";
 *
 * const tap = {};
 * noteTaken(tap, callerTask());
 * const entry: LedgerEntry = takenFrom(tap)[0]!;
 * assertStrictEquals(entry.task, callerTask());
 * ```
 */
export interface LedgerEntry {
  /** Who did it; it may have ended. `undefined` once nobody else knows it any more: it has, for all that matters. */
  readonly task: Task | undefined;
  /** What reports call it: `"#5 transfer"`. */
  readonly who: string;
  /** When, on the hub's clock (ms). */
  readonly at: number;
  /** Where in the program: lines of "    at …". */
  readonly stack: string;
  /** Which thing it was, for owners that can tell them apart. */
  readonly item: unknown;
}

/** At most so many are remembered of one owner; the oldest are forgotten. */
const MAX_ENTRIES = 1_000;
/** So many takers are named in a text. */
const MAX_NAMED = 3;

/** By owner, oldest first. Never an empty list. */
const taken = new WeakMap<object, LedgerEntry[]>();
/** Who put something in last; `undefined` if nobody has since the owner was made. */
const puts = new WeakMap<object, LedgerEntry | undefined>();

/**
 * Whether anything was ever recorded. Never becomes false again: what was recorded is crossed out also when
 * `hub.debug` is off by then.
 */
export let recording: boolean = false;

/**
 * Says that something will be recorded: for those who wait with `hub.debug`, so that what they are given is.
 *
 * @example From now on
 * ```ts
 * import { recording, startRecording } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * startRecording();
 * assertEquals(recording, true);
 * ```
 */
export function startRecording(): void {
  recording = true;
}

/**
 * Remembers that a task has taken something.
 *
 * @param owner What it was taken from.
 * @param task Who has it from now on.
 * @param item Which thing, if the owner can tell.
 * @param stack Where; that of the caller if not given.
 *
 * @example Taken and given back
 * ```ts
 * import { callerTask, noteReturned, noteTaken, takenFrom } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const tap = {};
 * noteTaken(tap, callerTask());
 * assertEquals(takenFrom(tap).length, 1);
 * noteReturned(tap, callerTask());
 * assertEquals(takenFrom(tap).length, 0);
 * ```
 */
export function noteTaken(
  owner: object,
  task: Task,
  item?: unknown,
  stack: string = programStack(),
): void {
  recording = true;
  const entries = taken.get(owner);
  const entry = new Entry(task, stack, item);
  if (entries === undefined) return void taken.set(owner, [entry]);
  if (entries.length === MAX_ENTRIES) entries.shift();
  entries.push(entry);
}

/**
 * As {@linkcode noteTaken}, for a caller whose task is not at hand: only with `hub.debug`.
 *
 * @example Only with hub.debug
 * ```ts
 * import { noteTakenByCaller, takenFrom } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const tap = {};
 * noteTakenByCaller(tap);
 * assertEquals(takenFrom(tap), []);
 * ```
 */
export function noteTakenByCaller(owner: object): void {
  const task = callerTask();
  if (task.hub.debug) noteTaken(owner, task);
}

/**
 * As {@linkcode noteTaken}, for something that is handed to one who waits: taken where that wait began. Only with
 * the `hub.debug` of the one who waits.
 *
 * @param owner What it was taken from.
 * @param node Who waits: a waiter, or what stands in line for one and names it as its `waiter`.
 * @param item Which thing, if the owner can tell.
 *
 * @example Handed over
 * ```ts
 * import { callerTask, noteGranted, takenFrom, Waiter, WaitList } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const tap = {};
 * const waiter = new Waiter(callerTask(), new WaitList("turn", tap), undefined);
 * callerTask().hub.debug = true;
 * noteGranted(tap, waiter);
 * callerTask().hub.debug = false;
 * assertEquals(takenFrom(tap).length, 1);
 * ```
 */
export function noteGranted(owner: object, node: WaitNode, item?: unknown): void {
  const waiter = waiterOf(node);
  if (waiter?.task.hub.debug) noteTaken(owner, waiter.task, item, waitStack(waiter) ?? "");
}

/**
 * Crosses out what was given back: the entry of that very item; else what the task itself took last; else, what
 * was taken first.
 *
 * @param owner What it was taken from.
 * @param task Who gives it back.
 * @param left How many are still out, where that is known: what others took is crossed out only if more than so
 * many entries are left, for it may have been something that was never recorded.
 * @param item Which thing, if the owner can tell.
 *
 * @example Given back by somebody else
 * ```ts
 * import { callerTask, getHub, noteReturned, noteTaken, takenFrom } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const tap = {};
 * noteTaken(tap, callerTask(), "first");
 * noteTaken(tap, callerTask(), "second");
 * noteReturned(tap, getHub().root, 1, "first");
 * assertEquals(takenFrom(tap).map(({ item }) => item), ["second"]);
 * ```
 */
export function noteReturned(owner: object, task: Task, left = 0, item?: unknown): void {
  const entries = taken.get(owner);
  if (entries === undefined) return;
  let index = item === undefined ? -1 : entries.findIndex((entry) => entry.item === item);
  if (index < 0) index = entries.findLastIndex((entry) => entry.task === task);
  if (index >= 0) entries.splice(index, 1);
  else if (entries.length > left) entries.shift();
  if (entries.length === 0) taken.delete(owner);
}

/**
 * Whoever has something in hand that another took is about to give it back: it counts as taken by the one who
 * does.
 *
 * @param owner What it was taken from.
 * @param from Who took it.
 * @param to Who gives it back.
 *
 * @example Taken by one, given back by another
 * ```ts
 * import { callerTask, getHub, noteEntrusted, noteTaken, takenFrom } from "@verdant/green/hub";
 * import { assertStrictEquals } from "@std/assert";
 *
 * const tap = {};
 * noteTaken(tap, callerTask());
 * noteEntrusted(tap, callerTask(), getHub().root);
 * assertStrictEquals(takenFrom(tap)[0]!.task, getHub().root);
 * ```
 */
export function noteEntrusted(owner: object, from: Task, to: Task): void {
  const entries = taken.get(owner) ?? [];
  const index = entries.findLastIndex((entry) => entry.task === from);
  if (index < 0) return;
  const [{ stack, item }] = entries.splice(index, 1) as [LedgerEntry];
  entries.push(new Entry(to, stack, item));
}

/**
 * What was taken and not given back, as far as it was recorded; oldest first.
 *
 * @example Nothing is recorded without hub.debug
 * ```ts
 * import { Semaphore } from "@verdant/green";
 * import { takenFrom } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const semaphore = new Semaphore(1);
 * await semaphore.acquire();
 * assertEquals(takenFrom(semaphore), []);
 * ```
 */
export function takenFrom(owner: object): readonly LedgerEntry[] {
  return taken.get(owner) ?? [];
}

/**
 * Who has what is out. `undefined` unless every one that is out was recorded and all takers are alive: only then it
 * is certain that somebody of these stands in the way.
 *
 * @param owner What it was taken from.
 * @param out How many are out.
 *
 * @example One is out that nobody has recorded
 * ```ts
 * import { callerTask, holdersOf, noteTaken } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const tap = {};
 * noteTaken(tap, callerTask());
 * assertEquals([holdersOf(tap, 1), holdersOf(tap, 2)], [[callerTask()], undefined]);
 * ```
 */
export function holdersOf(owner: object, out: number): readonly Task[] | undefined {
  const entries = takenFrom(owner);
  if (out === 0 || entries.length !== out || entries.some(hasEnded)) return undefined;
  return [...new Set(entries.map(({ task }) => task!))];
}

/**
 * Who has taken what is out, in words: `"taken by #4 handler, which has ended, at handle (file:///…)"`.
 *
 * @param owner What it was taken from.
 * @param out How many are out.
 * @returns `undefined` if nothing of that was recorded.
 *
 * @example In words
 * ```ts
 * import { callerTask, describeTaken, noteTaken } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const tap = {};
 * noteTaken(tap, callerTask(), undefined, "    at drink (file:///bar.ts:1:2)");
 * assertEquals(describeTaken(tap, 1), "taken by the main flow at drink (file:///bar.ts:1:2)");
 * ```
 */
export function describeTaken(owner: object, out: number): string | undefined {
  const entries = takenFrom(owner);
  if (entries.length === 0 || entries.length > out) return undefined;
  const named = entries.slice(0, MAX_NAMED).map(describeEntry);
  if (entries.length > MAX_NAMED) named.push(`${entries.length - MAX_NAMED} more`);
  return `taken by ${named.join(", and by ")}`;
}

/**
 * Where what is out was taken, if only one is: `"at handle (file:///…)"`.
 *
 * @returns `undefined` if that was not recorded.
 *
 * @example The one that holds it
 * ```ts
 * import { callerTask, noteTaken, whereTaken } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const tap = {};
 * noteTaken(tap, callerTask(), undefined, "    at drink (file:///bar.ts:1:2)");
 * assertEquals(whereTaken(tap), "at drink (file:///bar.ts:1:2)");
 * ```
 */
export function whereTaken(owner: object): string | undefined {
  const entries = takenFrom(owner);
  return entries.length === 1 ? placeOf(entries[0]!) || undefined : undefined;
}

// ---- Puts ------------------------------------------------------------------------------------------

/**
 * Something that can be put into was made: from now on every put is recorded.
 *
 * @param owner What was made.
 * @param putter Who has put in what is in it already, if something is.
 *
 * @example Nobody yet
 * ```ts
 * import { describePuts, noteMade } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const box = {};
 * noteMade(box, undefined);
 * assertEquals(describePuts(box), "nobody has put anything");
 * ```
 */
export function noteMade(owner: object, putter: Task | undefined): void {
  recording = true;
  puts.set(owner, putter && new Entry(putter, programStack(), undefined));
}

/**
 * Remembers who put something in last.
 *
 * @param owner What it was put into.
 * @param task Who did it.
 * @param stack Where; that of the caller if not given.
 *
 * @example The last one
 * ```ts
 * import { callerTask, describePuts, notePut } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const box = {};
 * notePut(box, callerTask(), "    at fill (file:///box.ts:1:2)");
 * assertEquals(describePuts(box), "last put by the main flow at fill (file:///box.ts:1:2)");
 * ```
 */
export function notePut(owner: object, task: Task, stack: string = programStack()): void {
  recording = true;
  puts.set(owner, new Entry(task, stack, undefined));
}

/**
 * As {@linkcode notePut}, for a caller whose task is not at hand: only with `hub.debug`.
 *
 * @example Only with hub.debug
 * ```ts
 * import { describePuts, notePutByCaller } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const box = {};
 * notePutByCaller(box);
 * assertEquals(describePuts(box), undefined);
 * ```
 */
export function notePutByCaller(owner: object): void {
  const task = callerTask();
  if (task.hub.debug) notePut(owner, task);
}

/**
 * As {@linkcode notePut}, for one who had to wait with it. Only with the `hub.debug` of the one who waits.
 *
 * @param owner What it was put into.
 * @param node Who waits, as for {@linkcode noteGranted}.
 *
 * @example Let in
 * ```ts
 * import { callerTask, describePuts, notePutByWaiter, Waiter, WaitList } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const box = {};
 * notePutByWaiter(box, new Waiter(callerTask(), new WaitList("put", box), 1));
 * assertEquals(describePuts(box), undefined);
 * ```
 */
export function notePutByWaiter(owner: object, node: WaitNode): void {
  const waiter = waiterOf(node);
  if (waiter?.task.hub.debug) notePut(owner, waiter.task, waitStack(waiter) ?? "");
}

/**
 * Who put something in last, in words; `undefined` if that was not recorded.
 *
 * @example Nothing is recorded without hub.debug
 * ```ts
 * import { Queue } from "@verdant/green";
 * import { describePuts } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(describePuts(new Queue(1, ["item"])), undefined);
 * ```
 */
export function describePuts(owner: object): string | undefined {
  const entry = puts.get(owner);
  if (entry !== undefined) return `last put by ${describeEntry(entry)}`;
  return puts.has(owner) ? "nobody has put anything" : undefined;
}

// ----------------------------------------------------------------------------------------------------

/** Weakly: a queue that lives long would keep what its last thousand takers returned. */
class Entry implements LedgerEntry {
  readonly #task: WeakRef<Task>;
  readonly who: string;
  readonly at: number;

  constructor(task: Task, readonly stack: string, readonly item: unknown) {
    this.#task = new WeakRef(task);
    this.who = shortName(task);
    this.at = task.hub.now();
  }

  get task(): Task | undefined {
    return this.#task.deref();
  }
}

function hasEnded({ task }: LedgerEntry): boolean {
  return task === undefined || task.ready;
}

function waiterOf(node: WaitNode): Waiter | undefined {
  return node instanceof Waiter ? node : (node as { waiter?: Waiter }).waiter;
}

function describeEntry(entry: LedgerEntry): string {
  const place = placeOf(entry);
  if (!hasEnded(entry)) return `${entry.who} ${place}`.trim();
  return `${entry.who}, which has ended${place && `, ${place}`}`;
}

/** The newest frame: the call itself. */
function placeOf({ stack }: LedgerEntry): string {
  return stack.split("\n", 1)[0]!.trim();
}
