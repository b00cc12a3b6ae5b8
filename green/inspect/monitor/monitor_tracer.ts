import {
  activeWatchers,
  attachTracer,
  type Called,
  callerTask,
  type Hub,
  programStack,
  shortName,
  type Task,
  type Tracer,
  type Waiter,
  waitStack,
  waitTitle,
} from "../../../hub/mod.ts";
import { STARTED } from "../../../hub/task.ts";
import { Greenlet } from "../../greenlet.ts";
import type { Blocking } from "./blocking_report.ts";
import {
  ALARM,
  ATTENTION,
  BEAT_AT,
  BEATS,
  BLOCKED_SINCE,
  DEBUG,
  type Heartbeat,
  HELD_SINCE,
  OUTSIDE_MAY_BLOCK,
  readLine,
  SUSPECT,
  SUSPECT_WAIT,
  WHO,
} from "./heartbeat.ts";
import { firstPlace, MonitorTable } from "./monitor_table.ts";
import { MonitorTexts } from "./monitor_texts.ts";

/** Who let go of the loop, after the worker had said that it is blocked. */
interface Culprit {
  /** Whom the worker had in mind. */
  readonly suspect: number;
  readonly task: Task;
  /** Milliseconds. */
  readonly until: number;
  /** In words; `undefined` if it was not seen. */
  readonly end: string | undefined;
  readonly stack: string | undefined;
}

const OUTSIDE = "code outside greenlets";

/**
 * Writes down who runs, for the worker that watches.
 *
 * This costs every switch: it may store a number and little else. What is behind the number is written down at the
 * start of a greenlet. Who runs is cleared whenever nobody does, so that the code outside greenlets, which nobody
 * sees begin, is not taken for the greenlet that ran last.
 */
export class MonitorTracer implements Tracer, Called {
  /** For the hub's list of what it calls after each slice. */
  readonly ref = false;
  readonly #hub: Hub;
  readonly #heartbeat: Heartbeat;
  readonly #cells: Int32Array<SharedArrayBuffer>;
  readonly #texts: MonitorTexts;
  readonly #table: MonitorTable;
  readonly #now: () => number;
  /** Those who may block, and how often that was said. */
  readonly #mayBlock = new Map<Task, number>();
  #culprit: Culprit | undefined = undefined;
  // The two newest kinds of waits: those who take turns often wait for two.
  #what: string | undefined = undefined;
  #code = 0;
  #otherWhat: string | undefined = undefined;
  #otherCode = 0;

  /**
   * Enters those greenlets that are there already.
   *
   * @param now The clock (ms) of this thread.
   */
  constructor(hub: Hub, heartbeat: Heartbeat, now: () => number) {
    this.#hub = hub;
    this.#heartbeat = heartbeat;
    this.#cells = heartbeat.cells;
    this.#now = now;
    this.#texts = new MonitorTexts(heartbeat.texts, () => this.#enterAll());
    this.#table = new MonitorTable(heartbeat.entries, this.#texts);
    this.#enterAll();
    this.beat();
    this.#cells[WHO] = hub.holder?.id ?? 0;
  }

  /**
   * Begins to write down.
   *
   * @returns Ends it when disposed.
   */
  attach(): Disposable {
    const hub = this.#hub;
    const attached = new DisposableStack();
    attached.use(attachTracer(hub, this));
    activeWatchers(hub).addCheck(this);
    attached.defer(() => hub.watchers!.remove(this));
    return attached;
  }

  // ---- What the hub does -------------------------------------------------------------------------

  spawned(): void {}

  switched(task: Task, waiter: Waiter | undefined): void {
    const cells = this.#cells;
    if (cells[ATTENTION] !== 0) this.#attendSwitch(waiter);
    cells[WHO] = task.id;
    if (waiter === undefined) this.#enter(task);
  }

  parked(waiter: Waiter): void {
    const { task, source: { what } } = waiter;
    const cells = this.#cells;
    if (cells[ATTENTION] !== 0) return this.#attendPark(waiter);
    this.#table.setWait(task, what === this.#what ? this.#code : this.#codeOf(what));
    // Not if it is a second wait at a time: then the first has already handed on to the next one.
    if (cells[WHO] === task.id) cells[WHO] = 0;
  }

  /** What it does is not the doing of the greenlet before it. */
  callback(): void {
    this.#cells[WHO] = 0;
  }

  detached(task: Task): void {
    this.#leave(task, "it waited for a promise that is not the library's");
  }

  ended(task: Task): void {
    this.#leave(task, "it ended");
    this.#table.remove(task);
    if (this.#mayBlock.size > 0) this.#mayBlock.delete(task);
  }

  /** A slice is over: the event loop turns, or nothing is runnable. */
  callNow(): void {
    if ((this.#cells[ATTENTION]! & ALARM) !== 0) this.#noticeYield();
    this.#cells[WHO] = 0;
  }

  #leave(task: Task, how: string, waits = false): void {
    if ((this.#cells[ATTENTION]! & ALARM) !== 0) {
      this.#notice(task, how, waits ? programStack() || undefined : undefined);
    }
    if (this.#cells[WHO] === task.id) this.#cells[WHO] = 0;
  }

  #attendSwitch(waiter: Waiter | undefined): void {
    if ((this.#cells[ATTENTION]! & ALARM) !== 0) this.#noticeYield();
    // Not every wait is parked: one that has its outcome at once is not.
    if (waiter !== undefined && this.#hub.debug) this.#setFullWait(waiter);
  }

  #attendPark(waiter: Waiter): void {
    const { task, source } = waiter;
    this.#setFullWait(waiter);
    this.#leave(task, `it waited for ${waitTitle(source)}`, true);
  }

  // ---- What the monitor does ---------------------------------------------------------------------

  /**
   * The event loop turns: whoever has the run token awaits something foreign.
   *
   * @returns What has just ended, if the worker has noticed something.
   */
  beat(): Blocking | undefined {
    const { cells, times } = this.#heartbeat;
    const now = this.#now();
    times[BEAT_AT] = now;
    // In this order: the worker sets the alarm, and then looks whether there was a beat.
    Atomics.add(cells, BEATS, 1);
    const attention = Atomics.exchange(cells, ATTENTION, this.#hub.debug ? DEBUG : 0);
    const blocking = (attention & ALARM) === 0 ? undefined : this.#conclude(now);
    this.#culprit = undefined;
    cells[WHO] = 0;
    return blocking;
  }

  /** Whether a task may block; said as often with `true` as with `false`, it may not. */
  setMayBlock(task: Task, mayBlock: boolean): void {
    if (task.ready) return;
    const count = (this.#mayBlock.get(task) ?? 0) + (mayBlock ? 1 : -1);
    if (count > 0) this.#mayBlock.set(task, count);
    else this.#mayBlock.delete(task);
    this.#putMayBlock(task);
  }

  #putMayBlock(task: Task): void {
    const mayBlock = this.#mayBlock.has(task);
    if (task === this.#hub.root) this.#cells[OUTSIDE_MAY_BLOCK] = mayBlock ? 1 : 0;
    else if (task.state === STARTED) this.#table.setMayBlock(task, mayBlock);
  }

  // ---- What is said of greenlets -----------------------------------------------------------------

  /** A greenlet starts. */
  #enter(task: Task): void {
    this.#table.add(task);
    if (this.#mayBlock.size > 0 && this.#mayBlock.has(task)) this.#table.setMayBlock(task, true);
  }

  /** Those that have started, the oldest first: they are the least likely to end soon. */
  #enterAll(): void {
    this.#what = this.#otherWhat = undefined;
    this.#table.clear();
    for (const task of this.#hub.tasks()) {
      if (this.#texts.halfFull) break;
      if (task.state === STARTED) this.#table.add(task);
    }
    for (const task of this.#mayBlock.keys()) this.#putMayBlock(task);
  }

  #codeOf(what: string): number {
    return this.#remember(what, what === this.#otherWhat ? this.#otherCode : this.#texts.codeOf(what));
  }

  #remember(what: string, code: number): number {
    this.#otherWhat = this.#what;
    this.#otherCode = this.#code;
    this.#what = what;
    this.#code = code;
    return code;
  }

  /** With `hub.debug`: what it waits for, and where. */
  #setFullWait(waiter: Waiter): void {
    const title = waitTitle(waiter.source);
    const place = firstPlace(waitStack(waiter) ?? "");
    this.#table.setWait(
      waiter.task,
      this.#texts.codeOf(place === undefined ? title : `${title} at ${place}`),
    );
  }

  // ---- Who it was --------------------------------------------------------------------------------

  /** A task lets go of the loop. */
  #notice(task: Task, end: string, stack: string | undefined): void {
    if (!this.#noticed) this.#remark(task, end, stack);
  }

  /** Whoever runs lets go of the loop, but does not wait. */
  #noticeYield(): void {
    if (this.#noticed) return;
    const suspect = this.#suspect;
    // Of one that has just been started, the hub's call is on the stack of another one.
    const stack = suspect === callerTask() ? programStack() || undefined : undefined;
    this.#remark(suspect, "it let others run", stack);
  }

  /** The one whom the worker has in mind; it may have ended. */
  get #suspect(): Task {
    return this.#hub.taskList.find(this.#cells[SUSPECT]) ?? this.#hub.root;
  }

  /** Whether the one whom the worker has in mind was seen to let go: the first is the one. */
  get #noticed(): boolean {
    return this.#culprit?.suspect === this.#cells[SUSPECT];
  }

  #remark(task: Task, end: string | undefined, stack: string | undefined): void {
    this.#culprit = { suspect: this.#cells[SUSPECT]!, task, until: this.#now(), end, stack };
  }

  #conclude(now: number): Blocking {
    const { cells, times } = this.#heartbeat;
    const id = cells[SUSPECT]!;
    if (!this.#noticed) this.#remark(this.#suspect, undefined, undefined);
    const { task, until, end, stack } = this.#culprit!;
    const outside = task === this.#hub.root;
    const spawner = task.origin?.spawner;
    return {
      greenlet: task instanceof Greenlet ? task : undefined,
      id: task.id,
      name: outside ? OUTSIDE : task.label,
      held: until - times[HELD_SINCE]!,
      blocked: now - times[BLOCKED_SINCE]!,
      spawner: spawner && shortName(spawner),
      spawnStack: task.spawnStack,
      lastWait: task.id === id && !outside ? this.#texts.at(cells[SUSPECT_WAIT]!) : undefined,
      end: outside ? undefined : end,
      stack: outside ? undefined : stack,
      during: readLine(this.#heartbeat),
    };
  }
}
