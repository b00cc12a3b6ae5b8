/** The hub: owns the run queue, the run token, the timers and the list of tasks. */
import { Callback } from "./callback.ts";
import { type Clock, SystemClock } from "./clock.ts";
import { currentTask } from "./context.ts";
import { readEnvironment } from "./environment.ts";
import { LoopExit } from "./errors.ts";
import { noteReport } from "./failure_watch.ts";
import type { TaskCounters } from "./inspect/snapshot.ts";
import type { Accountable } from "./leftover.ts";
import type { WaitOptions } from "./options.ts";
import { platform } from "./platform_timers.ts";
import { mainHub, setHubFactory } from "./registry.ts";
import { hopelessDump } from "./inspect/dump.ts";
import { printError } from "./print_error.ts";
import { type Runnable, RunQueue, type RunQueuePolicy } from "./run_queue.ts";
import { RootTask } from "./root_task.ts";
import type { Task } from "./task.ts";
import { TaskList } from "./task_list.ts";
import { ageOf, tickOf } from "./ticks.ts";
import { type Timer, TimerHeap } from "./timers.ts";
import type { Tracer } from "./tracer.ts";
import { enterWait, EXPIRE_FALSE, planWait, refusal, suspend } from "./wait.ts";
import { WaitList } from "./wait_list.ts";
import type { Waiter } from "./waiter.ts";
import type { ActiveWatchers } from "./watchers/active_watchers.ts";
import { Loop } from "./watchers/loop.ts";

/**
 * Figures about a hub, as {@linkcode Hub.stats} returns them.
 *
 * @example How many greenlets there are
 * ```ts
 * import { getHub, type HubStats, sleep, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const g = spawn(() => sleep(60_000));
 * const stats: HubStats = getHub().stats();
 * assertEquals(stats.greenlets, 1);
 * await g.kill();
 * ```
 */
export interface HubStats {
  /** Greenlets that are scheduled or running. */
  readonly greenlets: number;
  /** Greenlets that were made so far, those that have ended included. */
  readonly made: number;
  /** Entries in the run queue; the idle watchers, if they are still to be called, count as one. */
  readonly runnable: number;
  /** Timers that are to fire. */
  readonly timers: number;
  /** Waits for promises that are not the library's own. */
  readonly foreignWaits: number;
  /** Greenlets suspended in an await of a promise that is not the library's own. */
  readonly detached: number;
  /** Turns of the event loop that the hub has taken. */
  readonly turns: number;
}

/**
 * What a hub may be made of instead of the defaults.
 *
 * @example A clock of one's own
 * ```ts
 * import { type Clock, Hub } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const clock: Clock = { now: () => 1234, arm() {}, disarm() {} };
 * assertEquals(new Hub({ clock }).now(), 1234);
 * ```
 */
export interface HubOptions {
  /** Where time comes from. With one that does not move by itself, set `hub.switchInterval` to 0. */
  clock?: Clock;
  /** Who runs next. */
  queue?: RunQueuePolicy;
}

/**
 * Reports an uncaught error. `context` is the greenlet, or whatever the failing callback served.
 *
 * @example Collect instead of print
 * ```ts
 * import { type ErrorHandler, getHub } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const seen: unknown[] = [];
 * const collect: ErrorHandler = (_context, error) => seen.push(error);
 * getHub().onError = collect;
 * getHub().handleError("example", "broken");
 * assertEquals(seen, ["broken"]);
 * ```
 */
export type ErrorHandler = (context: unknown, error: unknown) => void;

/** Between two looks at the clock (80 ns), the hub switches this many times (60 ns each). */
const SWITCHES_PER_CLOCK_READ = 64;

/**
 * Deno polls I/O once in 61 turns of a busy event loop, so a busy hub delays I/O by 61 slices: 300 ms
 * with slices of 5 ms, 6 ms with slices of 0.1 ms, which cost 1 % (a turn takes 0.9 µs).
 */
const DEFAULT_SWITCH_INTERVAL_MS = 0.1;

/**
 * The scheduler of one thread.
 *
 * Invariants:
 * - At most one task holds the run token (`holder`); while `pumping`, the hub itself does.
 * - An entry in the run queue implies that the hub is pumping or a turn is armed, so that it will run.
 * - Whenever the hub goes idle, the clock is armed for the earliest timer.
 *
 * Source: `gevent.hub.Hub`.
 *
 * @example Figures about the running program
 * ```ts
 * import { getHub } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(getHub().stats().runnable, 0);
 * ```
 */
export class Hub extends Loop {
  /** How long (ms) greenlets may run before the event loop gets a turn. */
  switchInterval: number = DEFAULT_SWITCH_INTERVAL_MS;
  /** Whether greenlets record where they were spawned. */
  debug: boolean = readEnvironment("GREEN_DEBUG") === "1";
  /** Reports uncaught errors; replaceable. What it throws itself is printed. */
  onError: ErrorHandler = printError;
  /** Sees every switch, if set. */
  tracer: Tracer | undefined = undefined;
  /** Figures about each greenlet, while they are counted. */
  counters: { of(task: Task): TaskCounters | undefined } | undefined = undefined;
  /** Where primitives enter themselves, so that a simulation can ask what is left. */
  inventory: Set<Accountable> | undefined = undefined;
  /** The tasks that are scheduled or running. */
  readonly taskList: TaskList = new TaskList();
  /** Stands for all code outside greenlets. */
  readonly root: Task;
  /** The task that has the run token. */
  holder: Task | undefined = undefined;
  /** Whether a callback of the hub is running: waiting is impossible there. */
  inCallback = false;
  /** All timers. */
  readonly timers: TimerHeap = new TimerHeap();
  /** Waits for foreign promises. */
  foreignWaits = 0;
  /** About when it is, to within a slice: see `ticks.ts`. */
  tick = 0;
  /** Whether the hub was idle since then. */
  slept = true;
  /** The task whose deadlock is the program's; set by `main()`. */
  mainTask: Task | undefined = undefined;

  readonly #clock: Clock;
  readonly #queue: RunQueuePolicy;
  readonly #joiners: WaitList = new WaitList("join", this);
  #pumping = false;
  #turnArmed = false;
  #budget = SWITCHES_PER_CLOCK_READ;
  #sliceStart = 0;
  /** What the clock is armed for. */
  #armedFor = Infinity;
  #armedRef = false;
  /** Since when: ticks. */
  #detached = new Map<Task, number>();
  /** Whether there are any: asked at every switch, and a field is faster than the size of a set. */
  #anyDetached = false;
  #lastId = 0;
  #turns = 0;
  #watchesDeadlock = false;

  /**
   * Makes a hub. Programs use the one of their thread, `getHub()`.
   *
   * @param options Replacements for the clock and the run queue.
   */
  constructor(options: HubOptions = {}) {
    super();
    this.#clock = options.clock ?? new SystemClock();
    this.#queue = options.queue ?? new RunQueue();
    this.root = new RootTask(this);
  }

  /** Milliseconds on the hub's clock; never goes back. */
  now(): number {
    return this.#clock.now();
  }

  /** Figures about the hub. */
  stats(): HubStats {
    return {
      greenlets: this.taskList.size,
      made: this.#lastId - 1, // the code outside greenlets has a number, too
      runnable: this.#queue.size + (this.watchers?.idleDue(this.#turns) ? 1 : 0),
      timers: this.timers.size,
      foreignWaits: this.foreignWaits,
      detached: this.#detached.size,
      turns: this.#turns,
    };
  }

  /**
   * Queues a call of `fn(...args)`, after everything that is queued now. It runs outside greenlets and
   * must not wait; its errors are reported.
   *
   * @returns Cancels the call when disposed.
   * @throws {TypeError} If `fn` is not a function.
   */
  runCallback<A extends unknown[]>(fn: (...args: A) => void, ...args: A): Disposable {
    if (typeof fn !== "function") {
      throw new TypeError(`Cannot run callback: fn must be a function, received ${String(fn)}`);
    }
    const callback = new Callback(this, fn, fn, args);
    this.enqueue(callback);
    return callback;
  }

  /** Hands an uncaught error to {@linkcode onError}. Never throws. */
  handleError(context: unknown, error: unknown): void {
    noteReport(error);
    try {
      this.onError(context, error);
    } catch (handlerError) {
      printError(context, error);
      printError("hub.onError", handlerError);
    }
  }

  /**
   * Waits until nothing is left to do: no greenlet can run, and no timer and no awaited I/O will make
   * one run. Switches.
   *
   * @returns `true` once that is so, `false` on time-out.
   */
  join(options?: WaitOptions): Promise<boolean> {
    const plan = planWait(options, "join hub");
    const task = enterWait("join hub");
    return refusal(task, plan) ?? suspend(task, this.#joiners, undefined, plan, EXPIRE_FALSE);
  }

  /** The tasks that are scheduled or running, oldest first. */
  tasks(): IterableIterator<Task> {
    return this.taskList[Symbol.iterator]();
  }

  /** For how long (ms) a task has been suspended in a foreign await; `undefined` if it is not known to be. */
  detachedFor(task: Task): number | undefined {
    const since = this.#detached.get(task);
    return since === undefined ? undefined : ageOf(since, this.now());
  }

  // ---- For the rest of the kernel ----------------------------------------------------------------

  /** A number for a new task. */
  nextId(): number {
    return this.#lastId++;
  }

  /** Adds a task to the list. */
  addTask(task: Task): void {
    this.taskList.add(task);
    this.tracer?.spawned(task);
  }

  /** Takes a task out of the list. */
  removeTask(task: Task): void {
    if (!this.taskList.remove(task)) return; // never scheduled
    if (this.#anyDetached) this.#forgetDetached(task);
  }

  /** Makes an entry runnable. */
  enqueue(entry: Runnable): void {
    this.#queue.push(entry);
    if (!this.#turnArmed && !this.#pumping) this.#armTurn();
  }

  /**
   * Counts an operation that did not have to wait.
   *
   * @returns Whether the slice is over, so that the caller should yield.
   */
  spend(): boolean {
    if (--this.#budget >= 0 || !this.#sliceIsOver()) return false;
    this.#budget = 0; // so that the run loop finds it over, too
    return true;
  }

  /** Takes the run token back from a task that waits or has ended, and passes it on. */
  release(task: Task): void {
    if (this.holder === task) this.holder = undefined;
    // Also if it has the token: another of its waits may have brought it back.
    if (this.#anyDetached) this.#comeBack(task);
    if (task === this.root) this.#waitOutside();
    // Whoever stands outside may start the run, but not take the token from a greenlet.
    if (this.holder !== undefined || this.#pumping) this.#waitBeside();
    else this.#pump();
  }

  /** Code outside greenlets waits. */
  #waitOutside(): void {
    if (!this.#watchesDeadlock) this.watchDeadlock();
    if (this.watchers === undefined || this.#pumping || this.holder !== undefined) return;
    this.#nextSlice(this.watchers);
  }

  /** A task that awaited something foreign may have come back, and waits. */
  #comeBack(task: Task): void {
    this.#forgetDetached(task);
    this.#openSlice();
  }

  /** Somebody waits who does not have the token. The one who has it may await something foreign for long. */
  #waitBeside(): void {
    if (!this.#pumping && !this.#turnArmed) this.#armClock();
  }

  /** Looks at the clock for the sake of the tick. */
  refreshTick(): number {
    this.#setTick(this.#clock.now());
    return this.tick;
  }

  /**
   * Grants a wait because of a foreign event (I/O is done). Called on an empty stack: if the hub is
   * idle, the task runs at once instead of a turn later.
   */
  wakeFromOutside(grant: () => void): void {
    const idle = !this.#pumping && !this.#turnArmed && this.holder === undefined;
    if (!idle) return grant();
    if (this.watchers !== undefined) this.#openSlice();
    this.#pumping = true;
    grant();
    this.#pump();
  }

  /**
   * The same for a call that comes straight from the event loop, not in a microtask: that was a turn of its own,
   * so no other one is due. Otherwise one request in 64 would wait for it, and be the slowest percent.
   */
  wakeFromEventLoop(grant: () => void): void {
    if (!this.#turnArmed) this.#budget = SWITCHES_PER_CLOCK_READ;
    this.wakeFromOutside(grant);
  }

  /** Starts a timer. `fire` runs inside the hub: it may queue work, nothing else. */
  startTimer<T>(delay: number, ref: boolean, fire: (arg: T) => void, arg: T): Timer {
    const deadline = Math.min(this.now() + delay, Number.MAX_VALUE); // `Infinity` stands for a clock that is not armed
    const timer = this.timers.add(deadline, ref, fire, arg);
    this.#reviewClock();
    return timer;
  }

  /** Cancels a timer; harmless when it has fired or was cancelled. */
  cancelTimer(timer: Timer): void {
    this.timers.cancel(timer);
    this.#reviewClock();
  }

  /** Whether anything is in the run queue. */
  get hasRunnable(): boolean {
    return this.#queue.size > 0;
  }

  /** Calls the idle watchers, unless something is runnable. Called straight from the event loop. */
  runIdle(): void {
    if (this.#queue.size === 0) this.wakeFromEventLoop(() => this.watchers!.callIdle(this.#turns));
  }

  /** After something has ended that kept the hub from being done: looks whether it is. */
  review(): void {
    this.#reviewClock();
  }

  /** Listens for the event loop running dry, which is when a deadlock is certain. */
  watchDeadlock(): void {
    if (this.#watchesDeadlock) return;
    this.#watchesDeadlock = true;
    globalThis.addEventListener?.("beforeunload", (event) => {
      if (this.breakDeadlock()) event.preventDefault();
    });
  }

  /**
   * Nothing outside can wake anybody any more: ends the waits outside greenlets, and that of the main
   * greenlet, with `LoopExit`.
   *
   * @returns Whether there was one.
   */
  breakDeadlock(): boolean {
    // Something is still to happen: the event loop was stopped, it did not run dry.
    if (this.#queue.size > 0 || this.timers.refs > 0 || this.#watcherRefs > 0) return false;
    const { root, mainTask } = this;
    // What has ended may have left a wait behind, which is nobody's any more.
    const victims = [root, mainTask].filter((task) => task?.waits !== undefined && !task.ready) as Task[];
    if (victims.length === 0) return false;
    const error = new LoopExit(hopelessDump(this));
    error.stack = `${error.name}: ${error.message}`; // where the end of the event loop was noticed says nothing
    for (const task of victims) task.interrupt({ error, origin: this, depth: Infinity });
    return true;
  }

  // ---- The run loop ------------------------------------------------------------------------------

  /** Runs entries until a task has the token, the queue is empty or the slice is over. */
  #pump(): void {
    const queue = this.#queue;
    this.#pumping = true;
    for (;;) {
      if (--this.#budget < 0 && this.#sliceIsOver()) {
        this.#armTurn();
        this.watchers?.afterSlice();
        break;
      }
      const next = queue.shift();
      if (next === undefined) {
        this.#goIdle();
        if (queue.size > 0) continue; // somebody waited for this
        if (this.watchers !== undefined) this.#closeSlice(this.watchers);
        break;
      }
      next.dispatch(this);
      if (this.holder !== undefined) {
        // Whoever awaits something foreign now does not give the token back: a turn takes it, for the sake of
        // the queue, or the clock does, for the sake of the timers.
        if (!this.#turnArmed) {
          if (queue.size > 0 || this.tracer?.detached !== undefined) this.#armTurn();
          else if (this.timers.size > 0) this.#armClock();
        }
        // A task that goes on without waiting again must not be outlived by a timer nobody needs.
        if (this.#armedRef && this.timers.refs === 0) this.#armClock();
        break;
      }
    }
    this.#pumping = false;
  }

  /** Tells the watchers, unless a slice runs. The caller pumps: what they queue needs no turn. */
  #openSlice(): void {
    if (this.watchers === undefined || this.#pumping || this.holder !== undefined) return;
    this.#pumping = true;
    this.watchers.beforeSlice();
    this.#pumping = false;
  }

  /** Begins a slice, whether or not the one before was seen to end. The caller pumps. */
  #nextSlice(watchers: ActiveWatchers): void {
    this.#pumping = true;
    watchers.afterSlice();
    watchers.beforeSlice();
    this.#pumping = false;
  }

  /** Nothing is runnable: tells the watchers. What they queue is for the next slice. */
  #closeSlice(watchers: ActiveWatchers): void {
    if (!watchers.afterSlice()) return;
    this.#goIdle(); // they may have started timers
    if (this.#queue.size > 0) this.#armTurn();
  }

  #sliceIsOver(): boolean {
    this.#budget = SWITCHES_PER_CLOCK_READ;
    const now = this.#clock.now();
    this.#setTick(now);
    if (this.timers.size > 0) this.#fireTimers(now);
    return now - this.#sliceStart >= this.switchInterval;
  }

  #fireTimers(now: number): void {
    const pumping = this.#pumping;
    const { holder } = this;
    this.#pumping = true; // what they queue needs no turn: the queue is about to be looked at
    this.holder = undefined; // whom a timer wakes was not woken by whoever runs
    this.timers.fireDue(now);
    this.holder = holder;
    this.#pumping = pumping;
    if (!pumping && this.#queue.size > 0 && !this.#turnArmed) this.#armTurn();
  }

  #armTurn(): void {
    if (this.#turnArmed) return;
    this.#turnArmed = true;
    platform.setImmediate(this.#onTurn);
  }

  /** A turn of the event loop: every microtask has run, so a holder that is left awaits something foreign. */
  readonly #onTurn = (): void => {
    this.#turnArmed = false;
    this.#turn();
  };

  readonly #onTimer = (): void => {
    this.#armedFor = Infinity;
    this.#armedRef = false;
    this.#turn();
  };

  #turn(): void {
    this.#turns++;
    this.#budget = SWITCHES_PER_CLOCK_READ;
    this.#sliceStart = this.#clock.now();
    this.#setTick(this.#sliceStart);
    if (this.timers.size > 0) this.#fireTimers(this.#sliceStart);
    if (this.holder !== undefined) this.#detachHolder(this.holder);
    if (this.watchers !== undefined) this.#nextSlice(this.watchers);
    this.#pump();
  }

  #detachHolder(task: Task): void {
    // Code outside greenlets is nobody's to wait for; an empty wait list means suspended elsewhere.
    if (task !== this.root && task.waits === undefined) {
      this.#detached.set(task, this.tick);
      this.#anyDetached = true;
    }
    this.tracer?.detached?.(task);
    this.holder = undefined;
  }

  #forgetDetached(task: Task): void {
    this.#detached.delete(task);
    this.#anyDetached = this.#detached.size > 0;
  }

  #setTick(now: number): void {
    this.tick = tickOf(now);
    this.slept = false;
  }

  #goIdle(): void {
    this.slept = true;
    this.#armClock();
    if (this.#joiners.size > 0 && this.#isDry()) this.#joiners.wakeAll(true);
  }

  #armClock(): void {
    const { timers } = this;
    if (timers.size === 0) {
      if (this.#armedFor !== Infinity) this.#clock.disarm();
      this.#armedFor = Infinity;
      this.#armedRef = false;
      return;
    }
    const deadline = timers.next;
    const ref = timers.refs > 0;
    if (deadline >= this.#armedFor && ref === this.#armedRef) return; // early is harmless
    this.#armedFor = deadline;
    this.#armedRef = ref;
    this.#clock.arm(deadline, ref, this.#onTimer);
  }

  /** After a change of the timers outside a wait: makes sure that the hub soon goes idle, or is told. */
  #reviewClock(): void {
    if (this.#pumping || this.#turnArmed) return;
    if (this.holder === undefined) this.#goIdle();
    else if (this.timers.next < this.#armedFor || this.timers.refs === 0) this.#armTurn();
  }

  get #watcherRefs(): number {
    return this.watchers === undefined ? 0 : this.watchers.refs;
  }

  #isDry(): boolean {
    if (this.foreignWaits > 0 || this.#detached.size > 0 || this.#watcherRefs > 0) return false;
    let ownTimers = 0;
    for (const waiter of this.#joiners) if ((waiter as Waiter).timer !== undefined) ownTimers++;
    return this.timers.refs === ownTimers;
  }
}

setHubFactory(() => new Hub());

/**
 * The hub of the running greenlet; outside greenlets, the hub of this thread.
 *
 * Source: `gevent.get_hub`.
 *
 * @example Shorten the slices
 * ```ts
 * import { getHub } from "@verdant/green";
 *
 * getHub().switchInterval = 0.05;
 * ```
 */
export function getHub(): Hub {
  return currentTask()?.hub ?? mainHub();
}
