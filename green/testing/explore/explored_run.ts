import {
  Callback,
  Hub,
  type Runnable,
  type Task,
  Timeout,
  type Timer,
  type Tracer,
  Waiter,
} from "../../../hub/mod.ts";
import { Greenlet } from "../../greenlet.ts";
import { Job } from "../../job.ts";
import { LineQueue } from "../line_queue.ts";
import type { Random } from "../random.ts";
import { type Allowance, Simulation, SimulationError } from "../simulation.ts";
import { VirtualClock } from "../virtual_clock.ts";
import { World } from "../world.ts";
import type { Choice, Strategy } from "./choice.ts";
import { type Fault, injectKill, injectTimeout, isInjected, StartedTimeouts } from "./faults.ts";
import type { Tracker } from "./footprint.ts";
import { History } from "./history.ts";

/** What all runs of an exploration have in common. */
export interface RunSettings {
  readonly start: number;
  readonly limit: number;
  readonly allow: Allowance;
  /** How many choices a run may have. */
  readonly steps: number;
  readonly inject: readonly Fault[];
  readonly victims: (greenlet: Greenlet) => boolean;
  readonly tracker: Tracker | undefined;
}

/** What came of a run. */
export interface RunResult {
  /** What it failed with. */
  readonly failure: { readonly error: unknown } | undefined;
  /** Whether it was left because it would repeat what others have shown. */
  readonly skipped: boolean;
  /** The ways taken where there was more than one. */
  readonly decisions: readonly number[];
  readonly history: History;
}

/** A hub that asks where a real one would look at the clock. */
class ExploredHub extends Hub {
  readonly timeouts: StartedTimeouts = new StartedTimeouts();
  /** Whether the slice ends at an operation that need not wait; `undefined`: as on a real hub. */
  endsSlice: () => boolean | undefined = () => undefined;
  onTimer: () => void = () => {};

  override spend(): boolean {
    return this.endsSlice() ?? super.spend();
  }

  override startTimer<T>(delay: number, ref: boolean, fire: (arg: T) => void, arg: T): Timer {
    const timer = super.startTimer(delay, ref, fire, arg);
    if (arg instanceof Timeout && this.holder !== undefined) this.timeouts.add(this.holder, timer);
    this.onTimer();
    return timer;
  }
}

const SKIPPED = { name: "skipped" };

/** One run of the body, with a strategy that decides at every choice. */
export class ExploredRun implements Tracer {
  readonly #settings: RunSettings;
  readonly #strategy: Strategy;
  readonly #hub: ExploredHub;
  readonly #queue: LineQueue;
  readonly #world: World;
  readonly #simulation: Simulation;
  readonly #history: History;
  readonly #decisions: number[] = [];
  #steps = 0;
  /** Whether the running task is about to queue itself because its slice ends. */
  #preempts = false;
  /** Whether nothing is to be decided any more: the run was left. */
  #halted = false;
  /** Whether what is left is cleaned up. */
  #over = false;
  #unseen: { readonly error: unknown } | undefined = undefined;

  constructor(settings: RunSettings, strategy: Strategy, random: Random) {
    this.#settings = settings;
    this.#strategy = strategy;
    const clock = new VirtualClock(settings.start);
    this.#queue = new LineQueue(() => this.#pick());
    const hub = this.#hub = new ExploredHub({ clock, queue: this.#queue });
    this.#queue.hub = hub;
    this.#queue.onPush = (entry) => this.#pushed(entry);
    this.#history = new History(hub);
    this.#world = new World(hub, random, settings.tracker);
    this.#simulation = new Simulation({
      hub,
      clock,
      world: this.#world,
      limit: settings.limit,
      allow: settings.allow,
      beforeCleanup: () => this.#cleanUp(),
    });
    hub.endsSlice = () => this.#endsSlice();
    hub.onTimer = () => settings.tracker?.touch("timers", true); // timers that are due together keep their order
    hub.onError = (_context, error) => this.#report(error);
    hub.tracer = this;
  }

  /** Runs it. Never throws what the body throws. */
  async run(body: (world: World) => unknown, stop: AbortSignal): Promise<RunResult> {
    let failure: { readonly error: unknown } | undefined = undefined;
    try {
      await this.#simulation.run(body, stop);
      failure = this.#unseen;
    } catch (error) {
      stop.throwIfAborted();
      failure = { error };
    }
    const skipped = failure?.error === SKIPPED;
    return {
      failure: skipped ? undefined : failure,
      skipped,
      decisions: this.#decisions,
      history: this.#history,
    };
  }

  // ---- What the hub shows ------------------------------------------------------------------------

  spawned(): void {}

  switched(task: Task): void {
    this.#settings.tracker?.resumed(task);
    if (!this.#over) this.#history.switched(task);
  }

  parked(waiter: Waiter): void {
    if (this.#over) return;
    this.#history.waits(waiter, false);
    this.#offerFault(waiter);
  }

  interrupted(): void {
    this.#settings.tracker?.touchAll();
  }

  ended(task: Task): void {
    this.#settings.tracker?.touchAll(); // others may ask whether it has ended
    if (!this.#over) this.#history.ended(task);
  }

  /** A task queues itself: it yields, or its slice is over. */
  #pushed(entry: Runnable): void {
    if (this.#over || !(entry instanceof Waiter) || entry.task !== this.#hub.holder) return;
    this.#history.waits(entry, this.#preempts);
    this.#preempts = false;
    this.#offerFault(entry);
  }

  // ---- Choices -----------------------------------------------------------------------------------

  #pick(): number {
    this.#count();
    return this.#over || this.#halted ? 0 : this.#decide("next", this.#queue.lines.length, undefined);
  }

  #endsSlice(): boolean | undefined {
    if (this.#over) return undefined;
    this.#count();
    if (this.#halted) return true;
    const { holder } = this.#hub;
    this.#preempts = this.#decide("slice", 2, holder) === 1;
    if (holder !== undefined) this.#settings.tracker?.resumed(holder);
    return this.#preempts || this.#halted;
  }

  #decide(kind: Choice["kind"], ways: number, running: Task | undefined): number {
    const { lines, count: nextOrder } = this.#queue;
    try {
      const way = this.#strategy.decide({ kind, ways, running, lines, nextOrder });
      if (way === undefined) throw SKIPPED;
      if (ways > 1) this.#decisions.push(way);
      return way;
    } catch (error) {
      this.#halt(error);
      return 0;
    }
  }

  /** A run that does not end must be noticed. */
  #count(): void {
    const { steps } = this.#settings;
    if (++this.#steps > steps) this.#halt(new SimulationError(`The run did not end within ${steps} steps`));
  }

  /** Leaves the run: nothing more happens in it until the clean-up. */
  #halt(error: unknown): void {
    this.#halted = true;
    this.#queue.frozen = true;
    this.#simulation.halt(error);
  }

  #cleanUp(): void {
    this.#strategy.end();
    this.#over = true;
    this.#halted = this.#queue.frozen = false;
    this.#steps = 0;
  }

  // ---- Faults ------------------------------------------------------------------------------------

  #offerFault(waiter: Waiter): void {
    const { inject, victims } = this.#settings;
    const { task } = waiter;
    if (inject.length === 0 || !(task instanceof Greenlet) || task instanceof Job || !victims(task)) return;
    const way = this.#decide("fault", 1 + inject.length, task);
    if (way > 0) this.#schedule(inject[way - 1]!, task, waiter);
  }

  /** Lets the fault happen at some moment from now on, but before the greenlet has resumed. */
  #schedule(fault: Fault, victim: Greenlet, waiter: Waiter): void {
    const cause = {};
    const strike = () => {
      if (waiter.settled || victim.ready) return;
      this.#settings.tracker?.touchAll();
      this.#history.struck(fault === "kill" ? "kill" : "time-out of", victim);
      if (fault === "kill") injectKill(victim);
      else injectTimeout(victim, waiter, this.#hub.timeouts.of(victim));
    };
    this.#queue.as(
      cause,
      () => this.#hub.enqueue(new Callback(this.#hub, fault, () => this.#queue.as(cause, strike), [])),
    );
  }

  /** An error of a greenlet that nobody waits for fails the run. */
  #report(error: unknown): void {
    if (!this.#over && !isInjected(error)) this.#unseen ??= { error };
  }
}
