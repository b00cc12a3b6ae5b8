import { callerTask } from "../caller.ts";
import { currentTask } from "../context.ts";
import type { Hub, HubStats } from "../hub.ts";
import { lastWaitStack, waitStack } from "../stacks.ts";
import { SCHEDULED, type Task } from "../task.ts";
import type { Waiter, WaitSource } from "../waiter.ts";
import { cyclesIn, stuckTasks, type WaitGraph, withThoseBehind } from "./deadlocks.ts";
import { describeSource, detailsOf, ownerTitle, timeLeftOf, waitTitle, withTimeLeft } from "./describe.ts";
import { visibleLocals } from "./visible_locals.ts";

/**
 * What a greenlet is doing:
 *
 * - `queued`: in the run queue, to be started or resumed.
 * - `running`: it has the run token.
 * - `waiting`: at least one wait of the library holds it.
 * - `detached`: suspended in a promise that is not the library's own.
 * - `delayed`: started with a delay that is not over.
 *
 * @example Who can run
 * ```ts
 * import { type GreenletState, sleep, snapshot, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const g = spawn(() => sleep());
 * const state: GreenletState = snapshot().greenlets[0]!.state;
 * assertEquals(state, "queued");
 * await g.join();
 * ```
 */
export type GreenletState = "queued" | "running" | "waiting" | "detached" | "delayed";

/**
 * One wait of a greenlet.
 *
 * @example What a sleeper waits for
 * ```ts
 * import { simulate, sleep, snapshot, spawn, type WaitSnapshot } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * await simulate(async () => {
 *   const sleeper = spawn(() => sleep(1_500));
 *   await sleep(300);
 *   const [wait]: readonly WaitSnapshot[] = snapshot().greenlets.find(({ id }) => id === sleeper.id)!.waits;
 *   assertEquals([wait!.description, wait!.timeLeft], ["sleep, 1.2 s left", 1_200]);
 *   await sleeper.join();
 * });
 * ```
 */
export interface WaitSnapshot {
  /** The operation in a word or two: `"get"`, `"acquire"`, `"sleep"`. */
  readonly what: string;
  /** In words, without what changes by itself: `"Lock(accounts) acquire"`, `"the end of #5 transfer"`. */
  readonly title: string;
  /** All of it in words: `"Lock(accounts) acquire, held by #5 transfer, 2 waiting"`. */
  readonly description: string;
  /** What is waited on, `"Lock(accounts)"`; `undefined` where there is no object. */
  readonly on: string | undefined;
  /** The numbers of the greenlets that keep it waiting, where that is known. */
  readonly blockers: readonly number[];
  /** For how long (ms), to within some 20 ms; `undefined` if that is not known. */
  readonly since: number | undefined;
  /** How long (ms) until it times out; `undefined` without a limit. */
  readonly timeLeft: number | undefined;
  /** Where it began, recorded with `hub.debug`; of a foreign await, where the wait before it began. */
  readonly stack: string | undefined;
}

/**
 * Figures about one greenlet, while they are counted.
 *
 * @example Its share of the time
 * ```ts
 * import type { TaskCounters } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const perSwitch = ({ held, switches }: TaskCounters) => held / switches;
 * assertEquals(perSwitch({ held: 10, switches: 5, waits: 5 }), 2);
 * ```
 */
export interface TaskCounters {
  /** How often it got the run token. */
  readonly switches: number;
  /** How often it waited. */
  readonly waits: number;
  /** How long (ms) it held the run token, foreign awaits left out. */
  readonly held: number;
}

/**
 * One greenlet in a {@linkcode Snapshot}.
 *
 * @example Who spawned it
 * ```ts
 * import { type GreenletSnapshot, snapshot, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const parent = spawn(() => {
 *   spawn(function child() {});
 *   return snapshot().greenlets.find(({ name }) => name === "child");
 * });
 * const child: GreenletSnapshot | undefined = await parent.get();
 * assertEquals(child?.spawner, parent.id);
 * ```
 */
export interface GreenletSnapshot {
  /** Its number. The code outside greenlets has one, too. */
  readonly id: number;
  /** The name it was given, or that of its function. */
  readonly name: string;
  /** What it is doing. */
  readonly state: GreenletState;
  /** How long (ms) until it starts, if it is delayed. */
  readonly startsIn: number | undefined;
  /** Who spawned it; `undefined` if none did, or it has ended. */
  readonly spawner: number | undefined;
  /** What it waits for: more than one only if it started several waits at once. */
  readonly waits: readonly WaitSnapshot[];
  /** Whether it waits in vain: for one that waits for it, or has ended, or is stuck itself. */
  readonly stuck: boolean;
  /** How many kills were delivered: it has caught them, or is cleaning up. */
  readonly kills: number;
  /** Whether an exception is on its way to it that a shield holds back, or that comes at its next wait. */
  readonly killPending: boolean;
  /** Its locals that have a name, and those of its tree if nobody spawned it; as texts. */
  readonly locals: Readonly<Record<string, string>>;
  /** Where it was spawned, recorded with `hub.debug`. */
  readonly spawnStack: string | undefined;
  /** Counted while `countSwitches()` is on. */
  readonly counters: TaskCounters | undefined;
}

/**
 * All that a hub knows at one moment. Plain data, fit for JSON: nothing in it changes, or keeps a greenlet alive.
 *
 * @example Count the states
 * ```ts
 * import { type Snapshot, snapshot, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const workers = [spawn(() => {}), spawn(() => {})];
 * const { greenlets }: Snapshot = snapshot();
 * assertEquals(Map.groupBy(greenlets, ({ state }) => state).get("queued")?.length, workers.length);
 * ```
 */
export interface Snapshot {
  /** When it was taken (ms since 1970). */
  readonly takenAt: number;
  /** Figures about the hub. */
  readonly stats: HubStats;
  /** Everything that waits, runs or is queued, oldest first; the code outside greenlets comes first if it waits. */
  readonly greenlets: readonly GreenletSnapshot[];
  /** Greenlets that wait for each other: each list names them once, in the order in which they wait. */
  readonly cycles: readonly (readonly number[])[];
}

/** What a foreign await is called. */
const FOREIGN = "a promise that is not the library's own";

/**
 * Takes a picture of all greenlets: who spawned whom, what each does, what it waits for, since when, and who stands
 * in its way. Does not switch, and disturbs nobody. 100,000 greenlets take some 200 ms.
 *
 * Source: `gevent.util.GreenletTree`.
 *
 * @param hub Which hub; the caller's by default.
 *
 * @example Who waits for what
 * ```ts
 * import { named, Queue, sleep, snapshot, spawnWith } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const jobs = named(new Queue<string>(), "jobs");
 * const worker = spawnWith({ name: "worker" }, () => jobs.get());
 * await sleep();
 * const { greenlets } = snapshot();
 * assertEquals(greenlets.map(({ name, state, waits }) => [name, state, waits[0]?.on]), [
 *   ["worker", "waiting", "Queue(jobs)"],
 * ]);
 * await worker.kill();
 * ```
 */
export function snapshot(hub: Hub = callerTask().hub): Snapshot {
  return pictureOf(hub, stuckTasks(hub));
}

/** Takes a picture of all greenlets, given who waits for whom in vain. */
export function pictureOf(hub: Hub, graph: WaitGraph): Snapshot {
  const cycles = cyclesIn(graph);
  const picture = new Picture(hub, withThoseBehind(cycles, graph));
  const tasks = [...hub.tasks()];
  if (hub.root.waits !== undefined) tasks.unshift(hub.root);
  return {
    takenAt: Date.now(),
    stats: hub.stats(),
    greenlets: tasks.map((task) => picture.of(task)),
    cycles: cycles.map((cycle) => cycle.map(({ id }) => id)),
  };
}

/** What the entries of one snapshot share. */
class Picture {
  readonly #hub: Hub;
  readonly #stuck: ReadonlySet<Task>;
  readonly #running: Task | undefined = currentTask();
  /** Thousands may wait for the same. */
  readonly #sources = new Map<
    WaitSource,
    Pick<WaitSnapshot, "on" | "title" | "description" | "blockers">
  >();

  constructor(hub: Hub, stuck: ReadonlySet<Task>) {
    this.#hub = hub;
    this.#stuck = stuck;
  }

  of(task: Task): GreenletSnapshot {
    const state = this.#stateOf(task);
    return {
      id: task.id,
      name: task.label,
      state,
      startsIn: state === "delayed" ? Math.max(0, task.startsAt! - this.#hub.now()) : undefined,
      spawner: task.origin?.spawner?.id,
      waits: state === "detached"
        ? [this.#foreignAwait(task)]
        : task.allWaits().map((wait) => this.#wait(wait)),
      stuck: this.#stuck.has(task),
      kills: task.kills,
      killPending: task.pending !== undefined,
      locals: visibleLocals(task),
      spawnStack: task.spawnStack,
      counters: this.#hub.counters?.of(task),
    };
  }

  #stateOf(task: Task): GreenletState {
    const current = task === this.#running; // or this is a callback in its context
    const holds = task === this.#hub.holder;
    if (holds && current) return "running";
    if (task.waits !== undefined) return "waiting";
    if (task.state === SCHEDULED) return task.startsAt === undefined ? "queued" : "delayed";
    if (current) return "running";
    // Whoever has the token and is not the one that runs awaits something.
    return holds || this.#hub.detachedFor(task) !== undefined ? "detached" : "queued";
  }

  #wait(waiter: Waiter): WaitSnapshot {
    const { on, title, description, blockers } = this.#sourceOf(waiter.source);
    const timeLeft = timeLeftOf(waiter);
    return {
      what: waiter.source.what,
      title,
      description: withTimeLeft(description, timeLeft),
      on,
      blockers,
      since: waiter.age,
      timeLeft,
      stack: waitStack(waiter),
    };
  }

  #sourceOf(source: WaitSource) {
    let known = this.#sources.get(source);
    if (known === undefined) {
      const details = detailsOf(source);
      known = {
        on: ownerTitle(source),
        title: waitTitle(source),
        description: describeSource(source, details),
        blockers: details.blockers?.map(({ id }) => id) ?? [],
      };
      this.#sources.set(source, known);
    }
    return known;
  }

  #foreignAwait(task: Task): WaitSnapshot {
    return {
      what: "await",
      title: FOREIGN,
      description: FOREIGN,
      on: undefined,
      blockers: [],
      since: this.#hub.detachedFor(task),
      timeLeft: undefined,
      stack: lastWaitStack(task),
    };
  }
}
