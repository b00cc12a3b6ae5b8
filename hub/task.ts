import type { Callback } from "./callback.ts";
import { captureFrame, currentTask, type Frame, runInFrame } from "./context.ts";
import { exitOf } from "./errors.ts";
import type { Hub } from "./hub.ts";
import type { Runnable } from "./run_queue.ts";
import { recordSpawnStack, spawnStackOf } from "./stacks.ts";
import { WaitList } from "./wait_list.ts";
import { Waiter } from "./waiter.ts";

/** Constructed, not scheduled. */
export const CREATED: number = 0;
/** In the run queue, or on a timer, to be started. */
export const SCHEDULED: number = 1;
/** The body has begun. */
export const STARTED: number = 2;
/** The body has returned, was killed, or will never begin. */
export const SUCCEEDED: number = 3;
/** The body has thrown. */
export const FAILED: number = 4;

/**
 * An exception on its way into a task.
 *
 * @example Interrupt a wait
 * ```ts
 * import { callerTask, type Interruption, planWait, expireWith, park, Waiter, WaitList } from "@verdant/green/hub";
 * import { assertRejects } from "@std/assert";
 *
 * const task = callerTask();
 * const list = new WaitList("example", {});
 * const waiter = new Waiter(task, list, undefined);
 * list.push(waiter);
 * const interruption: Interruption = { error: new Error("enough"), origin: "me", depth: 0 };
 * setTimeout(() => task.interrupt(interruption), 1);
 * await assertRejects(() => park(waiter, planWait(undefined, "wait"), expireWith(0)), Error, "enough");
 * ```
 */
export interface Interruption {
  /** Thrown at the task's wait. */
  readonly error: unknown;
  /** Whose it is: the `Timeout` that fired, for example, so that it can be withdrawn. */
  readonly origin: unknown;
  /** The {@linkcode Task.depth} at which its cause began: shields raised since then hold it back. */
  readonly depth: number;
}

/**
 * What the tasks spawned by one task share: who spawned them, and the locals of their tree.
 *
 * @example What a task hands to those it spawns
 * ```ts
 * import { callerTask, type Lineage } from "@verdant/green/hub";
 * import { assertStrictEquals } from "@std/assert";
 *
 * const lineage: Lineage = callerTask().lineage;
 * assertStrictEquals(lineage.spawner, callerTask());
 * ```
 */
export interface Lineage {
  /** Cleared when it ends, so that a chain of spawns keeps nobody alive. */
  spawner: Task | undefined;
  /** Shared by the whole tree of spawns below one root; made on first use. */
  readonly tree: { locals: Record<PropertyKey, unknown> | undefined };
}

/** Shields have numbers that are never used again, so that an earlier one cannot be taken for a later one. */
let lastShield = 0;

// The handlers are shared by all tasks: the async context they run in names the task.
function onFulfilled(value: unknown): void {
  currentTask()!.succeed(value);
}
function onRejected(error: unknown): void {
  currentTask()!.fail(error);
}

function runBody(task: Task): void {
  try {
    const result = task.begin();
    if (result instanceof Promise) result.then(onFulfilled, onRejected);
    else if (isThenable(result)) Promise.resolve(result).then(onFulfilled, onRejected);
    else task.succeed(result);
  } catch (error) {
    task.fail(error);
  }
}

/** Whether something is to be awaited. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === "function";
}

/**
 * What the hub schedules: the part of a greenlet that the kernel knows.
 *
 * A task is in exactly one of these places: not started; in the run queue; holding the run token
 * (`hub.holder`); parked (at least one entry in its list of waits); detached (suspended in a promise
 * that is not ours, the token taken back); ended.
 *
 * @example The task of the code that runs
 * ```ts
 * import { callerTask, Task } from "@verdant/green/hub";
 * import { assert } from "@std/assert";
 *
 * assert(callerTask() instanceof Task);
 * ```
 */
export abstract class Task implements Runnable {
  /** Small number, unique within the hub. */
  readonly id: number;
  /** CREATED, SCHEDULED, STARTED, SUCCEEDED or FAILED. */
  state: number = CREATED;
  /** The result; the error if {@linkcode failed}. */
  outcome: unknown = undefined;
  /** How many kills were delivered to the body. */
  kills = 0;
  /** The numbers of the shields that are up, the newest last; `undefined` if there are none. */
  shields: number[] | undefined = undefined;
  /** Interruptions that found no wait to end: delivered at the next waits, one each. */
  pending: Interruption[] | undefined = undefined;
  /** The newest of its waits. */
  waits: Waiter | undefined = undefined;
  /** Who waits for its end. Made on first use: most tasks end unobserved. */
  links: WaitList | undefined = undefined;
  /** Who spawned it, shared with its siblings. */
  readonly origin: Lineage | undefined;
  /** What it hands to the tasks it spawns. Made on the first spawn. */
  #lineage: Lineage | undefined = undefined;
  /** Values of its own locals; dropped at the end. */
  locals: WeakMap<object, unknown> | undefined = undefined;
  /** Values of inheriting locals: a map never changed, only replaced. */
  inherited: ReadonlyMap<object, unknown> | undefined;
  /** Neighbours in the hub's list of tasks. Owned by the hub. */
  prevTask: Task | undefined = undefined;
  /** The task scheduled after it. */
  nextTask: Task | undefined = undefined;
  #frame: Frame = undefined;

  /**
   * Makes a task that is not scheduled.
   *
   * @param hub The hub that runs it.
   * @param spawner The task that makes it, if one does.
   */
  constructor(readonly hub: Hub, spawner: Task | undefined) {
    this.id = hub.nextId();
    this.origin = spawner?.lineage;
    this.inherited = (spawner ?? hub.root)?.inherited; // the root itself comes before `hub.root`
  }

  /** How reports call it. */
  abstract get label(): string;

  /** Runs the body's synchronous beginning. */
  abstract begin(): unknown;

  /** Called once at the end, before anybody is told. */
  abstract ended(): void;

  /** What the tasks it spawns share. */
  get lineage(): Lineage {
    return this.#lineage ??= { spawner: this, tree: this.origin?.tree ?? { locals: undefined } };
  }

  /** The locals that it shares with the whole tree of spawns; `undefined` as long as nobody asked for them. */
  get sharedLocals(): Record<PropertyKey, unknown> | undefined {
    return (this.origin ?? this.#lineage)?.tree.locals;
  }

  /** Where it was spawned, recorded with `hub.debug`: lines of "    at …". */
  get spawnStack(): string | undefined {
    return spawnStackOf(this);
  }

  /** When it starts (ms on the hub's clock), if it was started with a delay that is not over. */
  get startsAt(): number | undefined {
    return undefined;
  }

  /** Remembers the async context of the spawner. Called once, when the task is scheduled. */
  captureContext(): void {
    if (this.hub.debug) recordSpawnStack(this);
    this.state = SCHEDULED;
    this.#frame = captureFrame(this);
    this.hub.addTask(this);
  }

  /** Whether it has ended: returned, failed, or was killed. */
  get ready(): boolean {
    return this.state >= SUCCEEDED;
  }

  /** Whether it has ended with an error. */
  get failed(): boolean {
    return this.state === FAILED;
  }

  /** Starts the body. */
  dispatch(hub: Hub): void {
    if (this.state !== SCHEDULED) return; // killed while it was queued
    this.state = STARTED;
    hub.holder = this;
    hub.tracer?.switched(this, undefined);
    const frame = this.#frame;
    this.#frame = undefined;
    runInFrame(frame, runBody, this as Task);
  }

  /** Ends the task with a result. */
  succeed(value: unknown): void {
    end(this, value, SUCCEEDED);
  }

  /** Ends the task with an error; `GreenletExit` is a quiet success. */
  fail(error: unknown): void {
    const exit = exitOf(error);
    end(this, exit ?? error, exit === undefined ? FAILED : SUCCEEDED);
  }

  /** Registers a wait. */
  addWait(waiter: Waiter): void {
    const elder = this.waits;
    if (elder !== undefined) {
      waiter.elder = elder;
      elder.younger = waiter;
    }
    this.waits = waiter;
  }

  /** Forgets a wait. */
  removeWait(waiter: Waiter): void {
    const { elder, younger } = waiter;
    if (younger !== undefined) younger.elder = elder;
    else if (this.waits === waiter) this.waits = elder;
    else return; // never registered: granted at birth
    if (elder !== undefined) elder.younger = younger;
    waiter.elder = waiter.younger = undefined;
  }

  /** Its waits, oldest first. */
  allWaits(): Waiter[] {
    const waits: Waiter[] = [];
    for (let waiter = this.waits; waiter !== undefined; waiter = waiter.elder) waits.push(waiter);
    return waits.reverse();
  }

  /**
   * Ends all current waits with an error, or keeps the interruption for the next wait if there is
   * none, or a shield is up.
   */
  interrupt(interruption: Interruption): void {
    if (this.ready) return;
    this.hub.tracer?.interrupted?.(this);
    if (this.waits === undefined || interruption.depth < this.depth) {
      (this.pending ??= []).push(interruption);
      return;
    }
    noteDelivery(this, interruption);
    endWaits(this, interruption.error);
  }

  /** The newest shield that is up: what began before it is held back. 0 if none is up. */
  get depth(): number {
    return this.shields?.at(-1) ?? 0;
  }

  /**
   * Holds interruptions back, except those of time-outs started from now on.
   *
   * @returns Which shield it is, for {@linkcode lowerShield}.
   */
  raiseShield(): number {
    (this.shields ??= []).push(++lastShield);
    return lastShield;
  }

  /**
   * Takes one shield away. If the task waits, what no other shield holds back ends its wait.
   *
   * @param shield What {@linkcode raiseShield} returned.
   */
  lowerShield(shield: number): void {
    const shields = this.shields!;
    shields.splice(shields.lastIndexOf(shield), 1);
    if (shields.length === 0) this.shields = undefined;
    if (this.pending === undefined || this.waits === undefined) return;
    const interruption = this.takePending();
    if (interruption !== undefined) endWaits(this, interruption.error);
  }

  /** Takes the oldest interruption, of those that are `wanted`, that may be delivered now. */
  takePending(wanted: (entry: Interruption) => boolean = anyOne): Interruption | undefined {
    const { depth } = this;
    const index = this.pending!.findIndex((entry) => entry.depth >= depth && wanted(entry));
    if (index < 0) return undefined;
    const [interruption] = this.pending!.splice(index, 1);
    if (this.pending!.length === 0) this.pending = undefined;
    noteDelivery(this, interruption!);
    return interruption;
  }

  /** Withdraws the interruptions of an origin that were not delivered. */
  withdraw(origin: unknown): void {
    const left = this.pending?.filter((entry) => entry.origin !== origin);
    this.pending = left?.length ? left : undefined;
  }

  /** Runs `callback` once the task has ended; soon, if it already has. */
  addLink(callback: Callback): void {
    if (this.ready) this.hub.enqueue(callback);
    else callback.waitIn(this.joiners);
  }

  /** Those who wait for the end, waiters and callbacks, first come first served. */
  get joiners(): WaitList {
    return this.links ??= new WaitList("join", this);
  }

  /** Its children outlive it, but do not keep it alive. */
  dropLineage(): void {
    if (this.#lineage !== undefined) this.#lineage.spawner = undefined;
  }
}

function anyOne(): boolean {
  return true;
}

// Functions, because private methods would cost every task a field for the brand.

function endWaits(task: Task, error: unknown): void {
  for (const waiter of task.allWaits()) if (waiter.waiting) waiter.interrupt(error);
}

function noteDelivery(task: Task, interruption: Interruption): void {
  if (interruption.origin === KILL) task.kills++;
}

function end(task: Task, outcome: unknown, state: number): void {
  const { hub } = task;
  const began = task.state === STARTED;
  task.outcome = outcome;
  task.state = state;
  task.pending = undefined;
  task.locals = undefined;
  task.inherited = undefined;
  task.dropLineage();
  hub.removeTask(task);
  hub.tracer?.ended(task);
  if (task.links !== undefined) notifyLinks(task, task.links);
  task.ended();
  if (began) hub.release(task); // otherwise it has no token: nobody runs because of its end
}

function notifyLinks(task: Task, links: WaitList): void {
  for (let node = links.shift(); node !== undefined; node = links.shift()) {
    const wantsOutcome = node instanceof Waiter && node.value === WANTS_OUTCOME;
    if (!wantsOutcome) node.wake(true);
    else if (task.failed) node.fail(task.outcome);
    else node.wake(task.outcome);
  }
}

/**
 * What a waiter in `links` brings if it wants the outcome instead of `true`.
 *
 * @example A tag
 * ```ts
 * import { WANTS_OUTCOME } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(typeof WANTS_OUTCOME, "symbol");
 * ```
 */
export const WANTS_OUTCOME: unique symbol = Symbol("wants outcome");

/**
 * The origin of every kill.
 *
 * @example A tag
 * ```ts
 * import { KILL } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(typeof KILL, "symbol");
 * ```
 */
export const KILL: unique symbol = Symbol("kill");
