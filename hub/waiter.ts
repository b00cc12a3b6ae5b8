import type { Hub } from "./hub.ts";
import type { Runnable } from "./run_queue.ts";
import type { Task } from "./task.ts";
import type { Timer } from "./timers.ts";
import { ageOf } from "./ticks.ts";
import type { WaitNode } from "./wait_list.ts";

/**
 * What a waiter waits on, and how it is taken away from there.
 *
 * @example A source without a list
 * ```ts
 * import { callerTask, planWait, park, expireWith, Waiter, type WaitSource } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const source: WaitSource = { what: "the tide", owner: undefined, remove() {} };
 * const waiter = new Waiter(callerTask(), source, undefined);
 * setTimeout(() => waiter.wake("high"), 1);
 * assertEquals(await park(waiter, planWait(undefined, "wait"), expireWith("low")), "high");
 * ```
 */
export interface WaitSource {
  /** What is waited for, in a word or two: `"get"`, `"acquire"`, `"sleep"`. */
  readonly what: string;
  /** The object waited on, for reports; `undefined` where there is none. */
  readonly owner: object | undefined;
  /** Forgets the waiter: it was interrupted or timed out. */
  remove(waiter: Waiter): void;
}

/** Which bits of a waiter's state say what it is. */
const STATE = 3;
/** Registered, not yet granted. */
const WAITING = 0;
/** Granted a value; in the run queue. */
const GRANTED = 1;
/** Given an error; in the run queue. */
const FAILED = 2;
/** Its promise is settled. */
const SETTLED = 3;

let underConstruction: Waiter;
// One shared executor: a closure per wait would be most of its cost.
function capture(resolve: (value: unknown) => void): void {
  underConstruction.resolve = resolve;
}

/**
 * Resolving with this rejects. To keep the promise's own `reject` for the rare failure would cost every
 * parked greenlet 72 bytes.
 */
class Failure {
  constructor(readonly error: unknown) {}

  then(_resolve: unknown, reject: (error: unknown) => void): void {
    reject(this.error);
  }
}

/**
 * Keeps a rejection that nobody may be looking at from becoming an unhandled one.
 *
 * @example A rejection that nobody may see
 * ```ts
 * import { markHandled } from "@verdant/green/hub";
 *
 * const promise = Promise.reject(new Error("nobody looks"));
 * markHandled(promise);
 * ```
 */
export function markHandled(promise: Promise<unknown>): void {
  promise.catch(ignore);
}
function ignore(): void {}

/**
 * The same promise, which stays quiet if it rejects and nobody awaits it.
 *
 * @example Return it, handled
 * ```ts
 * import { quiet } from "@verdant/green/hub";
 * import { assertRejects } from "@std/assert";
 *
 * const promise = quiet(Promise.reject(new Error("look or not")));
 * await assertRejects(() => promise);
 * ```
 */
export function quiet<T>(promise: Promise<T>): Promise<T> {
  markHandled(promise);
  return promise;
}

/**
 * One wait: the only way in which code is suspended in this library.
 *
 * Life: WAITING (in the source's list and in the task's list of waits) → GRANTED or FAILED (in
 * neither list, in the run queue, with its outcome fixed) → SETTLED. The outcome is fixed the moment
 * the waiter leaves WAITING, so a grant is never lost and never given twice: what comes later, a kill
 * or a time-out, waits for the task's next wait.
 *
 * @example Granted at birth
 * ```ts
 * import { callerTask, Waiter, WaitList } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const task = callerTask();
 * const waiter = new Waiter(task, new WaitList("example", {}), undefined);
 * waiter.wake("granted");
 * task.hub.release(task);
 * assertEquals(await waiter.promise, "granted");
 * ```
 */
export class Waiter implements Runnable, WaitNode {
  /** While waiting: what it brings (an item to put). Afterwards: what it was granted, or its error. */
  value: unknown;
  /** Neighbours in the source's list. Owned by the source. */
  prev: WaitNode | undefined = undefined;
  /** The one behind it. */
  next: WaitNode | undefined = undefined;
  /** Neighbours among the waits of the same task. Owned by the task. */
  elder: Waiter | undefined = undefined;
  /** The wait begun after it. */
  younger: Waiter | undefined = undefined;
  /** Its time-out, if it has one. */
  timer: Timer | undefined = undefined;
  /** What settles when the task resumes. */
  readonly promise: Promise<unknown>;
  /** Resolves the promise. */
  resolve!: (value: unknown) => void;
  /**
   * WAITING, GRANTED, FAILED or SETTLED. While it waits, the bits above hold the tick of its beginning: a field for
   * that would cost every parked greenlet eight bytes. Owned by this file.
   */
  state: number;

  /**
   * Makes a waiter that stands in no list yet.
   *
   * @param task Who waits.
   * @param source What it waits on.
   * @param value What it brings, for sources that take something from their waiters.
   */
  constructor(readonly task: Task, readonly source: WaitSource, value: unknown) {
    this.value = value;
    this.state = task.hub.tick;
    // Read by the shared executor within the next statement.
    underConstruction = this;
    this.promise = new Promise(capture);
  }

  /** Whether it can still be granted. */
  get waiting(): boolean {
    return (this.state & STATE) === WAITING;
  }

  /** For how long (ms) it has waited, to within some 20 ms; 0 once it was granted. */
  get age(): number {
    return this.waiting ? ageOf(this.state, this.task.hub.now()) : 0;
  }

  /** Whether its task has resumed. */
  get settled(): boolean {
    return this.state === SETTLED;
  }

  /** Grants `value` and queues the task. The source has already taken the waiter from its list. */
  wake(value: unknown): void {
    leave(this, GRANTED, value);
  }

  /** Ends the wait with `error`. The source has already taken the waiter from its list. */
  fail(error: unknown): void {
    leave(this, FAILED, error);
  }

  /** Takes the waiter from its source and ends the wait with `error`. */
  interrupt(error: unknown): void {
    this.source.remove(this);
    this.fail(error);
  }

  /** Resumes the task: its continuation is the next microtask. Does nothing if it was resumed before its turn. */
  dispatch(hub: Hub): void {
    if (this.state === SETTLED) return;
    const { task } = this;
    if (!task.ready) { // one that has ended, and left a wait behind, would never give the token back
      hub.holder = task;
      hub.tracer?.switched(task, this);
    }
    this.settle();
  }

  /** Settles the promise with the outcome. */
  settle(): void {
    const failed = this.state === FAILED;
    this.state = SETTLED;
    if (failed) {
      markHandled(this.promise);
      this.resolve(new Failure(this.value));
    } else {
      this.resolve(this.value);
    }
    this.value = undefined;
  }
}

// A function, because private methods would cost every waiter a field for the brand.
function leave(waiter: Waiter, state: number, outcome: unknown): void {
  waiter.state = state;
  waiter.value = outcome;
  const { task, timer } = waiter;
  if (timer !== undefined) task.hub.timers.cancel(timer);
  task.removeWait(waiter);
  const { hub } = task;
  hub.tracer?.woken?.(waiter);
  hub.enqueue(waiter);
}
