import { callerTask } from "../caller.ts";
import type { Hub } from "../hub.ts";
import type { Task } from "../task.ts";
import { isAbortable } from "../wait.ts";
import type { Waiter, WaitSource } from "../waiter.ts";
import { Timeout } from "../timeout.ts";
import { describeWait, detailsOf, shortName } from "./describe.ts";

/**
 * Greenlets that wait for each other, or for somebody who has ended: none of them goes on by itself.
 *
 * @example Two greenlets that join each other
 * ```ts
 * import { type Deadlock, findDeadlocks, type Greenlet, killAll, sleep, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const first: Greenlet = spawn(() => second.join());
 * const second: Greenlet = spawn(() => first.join());
 * await sleep();
 * const [deadlock]: Deadlock[] = findDeadlocks();
 * assertEquals(deadlock!.greenlets, [first.id, second.id]);
 * await killAll([first, second]);
 * ```
 */
export interface Deadlock {
  /**
   * `"cycle"`: they wait for each other. `"orphan"`: what they wait for is held by a greenlet that has ended; only if
   * somebody releases it in its place will they go on.
   */
  readonly kind: "cycle" | "orphan";
  /** The numbers of those who wait for each other, in the order in which they do; of an orphan, those who wait. */
  readonly greenlets: readonly number[];
  /** The numbers of those who wait for them, directly or not. */
  readonly behind: readonly number[];
  /** All of it in words, a line for each. */
  readonly report: string;
}

/**
 * Finds greenlets that wait for each other while others live on. Does not switch, and disturbs nobody.
 *
 * Who may still go on is left out: whoever waits with a limit or a signal, or under a `Timeout`, or for somebody who
 * does; and whoever waits for something that anybody may end, as for a permit or an item. A lock whose holder has ended
 * counts, although others may release it for the dead; and so does a wait that was begun and is not awaited.
 *
 * @param hub Where to look; the caller's by default.
 *
 * @example Two locks, taken in different order
 * ```ts
 * import { findDeadlocks, killAll, Lock, named, sleep, spawnWith } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const [red, blue] = [named(new Lock(), "red"), named(new Lock(), "blue")];
 * const take = (one: Lock, other: Lock) => one.with(async () => {
 *   await sleep();
 *   await other.acquire();
 * });
 * const a = spawnWith({ name: "a" }, take, red, blue);
 * const b = spawnWith({ name: "b" }, take, blue, red);
 * await sleep();
 * await sleep();
 * assertEquals(findDeadlocks()[0]!.report.split("\n"), [
 *   `#${a.id} a -> #${b.id} b -> #${a.id} a`,
 *   `  #${a.id} a waits for Lock(blue) acquire, held by #${b.id} b`,
 *   `  #${b.id} b waits for Lock(red) acquire, held by #${a.id} a`,
 * ]);
 * await killAll([a, b]);
 * ```
 */
export function findDeadlocks(hub: Hub = callerTask().hub): Deadlock[] {
  const stuck = stuckTasks(hub);
  if (stuck.size === 0) return [];
  const groups = [...cyclesIn(stuck).map(cycleGroup), ...orphansIn(stuck).map(orphanGroup)];
  const members = new Set(groups.flatMap(({ tasks }) => tasks));
  const dependants = dependantsIn(stuck);
  return groups.map(({ kind, headline, tasks }) => {
    const behind = [...reach(tasks, dependants)].filter((task) => !members.has(task))
      .sort((a, b) => a.id - b.id);
    const lines = tasks.map((task) => `  ${shortName(task)} waits for ${waitsInWords(task)}`);
    if (behind.length > 0) lines.push(`  behind them: ${behind.map(shortName).join(", ")}`);
    return {
      kind,
      greenlets: tasks.map(({ id }) => id),
      behind: behind.map(({ id }) => id),
      report: [headline, ...lines].join("\n"),
    };
  });
}

/** Who waits, and for whom. */
export type WaitGraph = ReadonlyMap<Task, readonly Task[]>;

/** What stands in the way of all who wait at one source: they are stuck if one of these is (`all`), or if every one is. */
interface Obstacle {
  readonly blockers: readonly Task[];
  readonly all: boolean;
  readonly tasks: Task[];
}

/** What is known of sources: thousands may wait for the same. `undefined` for those where a wait may end. */
type Obstacles = Map<WaitSource, Obstacle | undefined>;

/**
 * The greatest set of tasks of which each waits for nothing but members of the set, or for somebody who has ended:
 * those that are in a cycle, or behind one.
 */
export function stuckTasks(hub: Hub): WaitGraph {
  const stuck = new Map<Task, Obstacle[]>();
  const known: Obstacles = new Map();
  for (const task of [hub.root, ...hub.tasks()]) {
    const obstacles = obstaclesOf(task, known);
    if (obstacles !== undefined) stuck.set(task, obstacles);
  }
  if (stuck.size > 0) releaseMovable(stuck, hub);
  const graph = new Map<Task, Task[]>();
  for (const [task, obstacles] of stuck) {
    const blockers = obstacles.flatMap(({ blockers }) => blockers);
    graph.set(task, blockers.filter((blocker) => stuck.has(blocker) || blocker.ready));
  }
  return graph;
}

/** Whom tasks wait for among other things: enough for a cycle once it is certain that nothing else will come. */
export function waitGraph(hub: Hub): WaitGraph {
  const graph = new Map<Task, readonly Task[]>();
  for (const task of [hub.root, ...hub.tasks()]) {
    const blockers = task.allWaits().flatMap(({ source }) => detailsOf(source).blockers ?? []);
    if (blockers.length > 0) graph.set(task, blockers);
  }
  return graph;
}

/** What a task waits for, if every one of its waits is for tasks that are known. */
function obstaclesOf(task: Task, known: Obstacles): Obstacle[] | undefined {
  // One that runs has begun a wait, and does something else meanwhile.
  if (task.waits === undefined || task === task.hub.holder || task === callerTask()) return undefined;
  const obstacles: Obstacle[] = [];
  for (const waiter of task.allWaits()) {
    const obstacle = hasLimit(waiter) ? undefined : obstacleAt(waiter.source, known);
    if (obstacle === undefined) return undefined; // this wait may end
    obstacles.push(obstacle);
  }
  for (const { tasks } of obstacles) tasks.push(task);
  return obstacles;
}

function obstacleAt(source: WaitSource, known: Obstacles): Obstacle | undefined {
  if (!known.has(source)) {
    const { blockers, all = false, likely = false } = detailsOf(source);
    known.set(source, likely || !blockers?.length ? undefined : { blockers, all, tasks: [] });
  }
  return known.get(source);
}

/** Whether the end of time, or a signal, may end a wait. */
function hasLimit(waiter: Waiter): boolean {
  return (waiter.timer?.active ?? false) || isAbortable(waiter);
}

/** Takes out who may go on, and whoever waits for one of those. */
function releaseMovable(stuck: Map<Task, Obstacle[]>, hub: Hub): void {
  for (const task of underTimeouts(hub)) stuck.delete(task);
  const inTheWay = new Map<Task, Obstacle[]>();
  /** How many of the blockers have not moved; of those that are overcome, nothing. */
  const left = new Map<Obstacle, number>();
  for (const obstacle of new Set([...stuck.values()].flat())) {
    left.set(obstacle, obstacle.blockers.length);
    for (const blocker of obstacle.blockers) {
      const obstacles = inTheWay.get(blocker);
      if (obstacles === undefined) inTheWay.set(blocker, [obstacle]);
      else obstacles.push(obstacle);
    }
  }
  const movable = [...inTheWay.keys()].filter((blocker) => !stuck.has(blocker) && !blocker.ready);
  for (let blocker = movable.pop(); blocker !== undefined; blocker = movable.pop()) {
    for (const obstacle of inTheWay.get(blocker) ?? []) {
      const count = left.get(obstacle);
      if (count === undefined) continue;
      left.set(obstacle, count - 1);
      if (obstacle.all && count > 1) continue; // another one of them may be stuck
      left.delete(obstacle);
      for (const task of obstacle.tasks) if (stuck.delete(task)) movable.push(task);
    }
  }
}

/** Who waits for whom, the other way round. */
function dependantsIn(graph: WaitGraph): Map<Task, Task[]> {
  const dependants = new Map<Task, Task[]>();
  for (const [task, blockers] of graph) {
    for (const blocker of blockers) {
      const waiting = dependants.get(blocker);
      if (waiting === undefined) dependants.set(blocker, [task]);
      else waiting.push(task);
    }
  }
  return dependants;
}

/** All that depend on some tasks, directly or not. */
function reach(tasks: readonly Task[], dependants: Map<Task, Task[]>): Set<Task> {
  const reached = new Set<Task>();
  const open = [...tasks];
  for (let task = open.pop(); task !== undefined; task = open.pop()) {
    for (const dependant of dependants.get(task) ?? []) {
      if (reached.has(dependant)) continue;
      reached.add(dependant);
      open.push(dependant);
    }
  }
  return reached;
}

/** Those whom a `Timeout` will interrupt. */
function* underTimeouts(hub: Hub): Iterable<Task> {
  for (const { arg } of hub.timers) {
    if (arg instanceof Timeout && arg.target !== undefined) yield arg.target;
  }
}

/** The cycles among tasks, each once, in the order in which its members wait for each other. */
export function cyclesIn(graph: WaitGraph): Task[][] {
  const cycles: Task[][] = [];
  const cleared = new Set<Task>();
  for (const start of graph.keys()) {
    const path: Task[] = [];
    const seenAt = new Map<Task, number>();
    let task: Task | undefined = start;
    while (task !== undefined && !cleared.has(task) && !seenAt.has(task)) {
      seenAt.set(task, path.length);
      path.push(task);
      task = graph.get(task)?.find((blocker) => graph.has(blocker));
    }
    if (task !== undefined && seenAt.has(task)) cycles.push(path.slice(seenAt.get(task)));
    for (const seen of path) cleared.add(seen);
  }
  return cycles;
}

/** The members of cycles, those who wait for somebody who has ended, and all who wait for one of them. */
export function withThoseBehind(cycles: readonly Task[][], graph: WaitGraph): Set<Task> {
  const dependants = dependantsIn(graph);
  const ended = [...dependants.keys()].filter(({ ready }) => ready);
  return reach([...cycles.flat(), ...ended], dependants);
}

/** Those who wait for somebody who has ended, by who that is. */
function orphansIn(stuck: WaitGraph): [Task, Task[]][] {
  return [...dependantsIn(stuck)].filter(([blocker]) => blocker.ready);
}

interface Group {
  readonly kind: Deadlock["kind"];
  readonly headline: string;
  readonly tasks: readonly Task[];
}

function cycleGroup(tasks: Task[]): Group {
  return { kind: "cycle", headline: cycleInWords(tasks), tasks };
}

/** `"#1 left -> #2 right -> #1 left"`. */
export function cycleInWords(tasks: readonly Task[]): string {
  return [...tasks, tasks[0]!].map(shortName).join(" -> ");
}

function orphanGroup([holder, tasks]: [Task, Task[]]): Group {
  return { kind: "orphan", headline: `${shortName(holder)} has ended, and others wait for it`, tasks };
}

function waitsInWords(task: Task): string {
  return task.allWaits().map(describeWait).join(" and for ");
}
