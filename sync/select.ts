import {
  type Duration,
  enterWait,
  expireThrowing,
  type Expiry,
  failedWith,
  immediately,
  park,
  planWait,
  readyWith,
  refusal,
  startRecording,
  type Task,
  Timeout,
  type Timer,
  toMilliseconds,
  type Waitable,
  Waiter,
  WaitList,
  type WaitNode,
  type WaitOptions,
  type WaitSource,
} from "../hub/mod.ts";
import { waitTitle } from "../hub/inspect/describe.ts";
import type { Channel } from "./channel.ts";
import type { SimpleQueue } from "./simple_queue.ts";

/**
 * Something that {@linkcode select} waits for, made by `recv`, `send`, `after`, `done` or `otherwise`.
 *
 * @example Cases in a variable
 * ```ts
 * import { Queue, recv, select, type SelectCase } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const queue = new Queue<number>(Infinity, [7]);
 * const cases: SelectCase<number>[] = [recv(queue)];
 * assertEquals((await select(cases)).value, 7);
 * ```
 */
export interface SelectCase<T> {
  /** For reports: what is waited for, in a word or two. */
  readonly what?: string | undefined;
  /** For reports: the object it is waited for on. */
  readonly on?: object | undefined;
  /** Does it if that needs no wait: what it yields, boxed. */
  attempt(): { readonly value: T } | undefined;
  /** Starts waiting for it; the returned function stops that. */
  enlist(node: CaseNode, task: Task): () => void;
}

/**
 * Which case of a {@linkcode select} it was, and what it yielded.
 *
 * @example Which one was it
 * ```ts
 * import { after, otherwise, select, type Selected } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const first: Selected<undefined> = await select([after(60_000), otherwise()]);
 * assertEquals(first.index, 1);
 * ```
 */
export interface Selected<T> {
  /** The position of the case in the list. */
  readonly index: number;
  /** The item received; the object that is ready; `undefined` for the other cases. */
  readonly value: T;
}

/**
 * The results of a list of cases.
 *
 * @example The type follows the cases
 * ```ts
 * import { Queue, recv, type SelectedOf } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const cases = [recv(new Queue<string>())] as const;
 * const result: SelectedOf<typeof cases> = { index: 0, value: "a string" };
 * assertEquals(result.value.length, 8);
 * ```
 */
export type SelectedOf<C extends readonly SelectCase<unknown>[]> = {
  [I in keyof C]: C[I] extends SelectCase<infer T> ? { readonly index: IndexOf<I>; readonly value: T }
    : never;
}[number];

/**
 * The number that a key of a tuple stands for.
 *
 * @example From key to number
 * ```ts
 * import type { IndexOf } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const second: IndexOf<"1"> = 1;
 * assertEquals(["a", "b"][second], "b");
 * ```
 */
export type IndexOf<I> = I extends `${infer N extends number}` ? N : number;

/**
 * Who is told how a case ends.
 *
 * @example Told how it went
 * ```ts
 * import type { CaseOutcome } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const told: unknown[] = [];
 * const outcome: CaseOutcome = {
 *   win: (index, value) => told.push(index, value),
 *   lose: (index, error) => told.push(index, error),
 * };
 * outcome.win(3, "came true");
 * assertEquals(told, [3, "came true"]);
 * ```
 */
export interface CaseOutcome {
  /** The wait that all the cases share. */
  readonly waiter?: Waiter | undefined;
  /** The case has come true. */
  win(index: number, value: unknown): void;
  /** The case has failed. */
  lose(index: number, error: unknown): void;
}

/**
 * The place of one case in the list of a queue, a channel or a task.
 *
 * @example A case of one's own
 * ```ts
 * import { type CaseNode, select, type SelectCase } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const soon: SelectCase<string> = {
 *   attempt: () => undefined,
 *   enlist(node: CaseNode) {
 *     const timer = setTimeout(() => node.wake("came true"), 1);
 *     return () => clearTimeout(timer);
 *   },
 * };
 * assertEquals((await select([soon])).value, "came true");
 * ```
 */
export class CaseNode implements WaitNode {
  /** Neighbours in the list. Owned by the list. */
  prev: WaitNode | undefined = undefined;
  /** The one behind it. */
  next: WaitNode | undefined = undefined;
  readonly #selection: CaseOutcome;
  readonly #index: number;

  /** Made by `select`, one for each case. */
  constructor(selection: CaseOutcome, index: number, public value: unknown) {
    this.#selection = selection;
    this.#index = index;
  }

  /** For reports: the wait it stands in line for. */
  get waiter(): Waiter | undefined {
    return this.#selection.waiter;
  }

  /** Its case has come true: the others are given up at once. */
  wake(value: unknown): void {
    this.#selection.win(this.#index, value);
  }

  /** Its case has failed, and the whole selection with it. */
  fail(error: unknown): void {
    this.#selection.lose(this.#index, error);
  }
}

/** One wait for several cases. */
class Selection implements WaitSource, CaseOutcome {
  readonly owner = undefined;
  readonly waiter: Waiter;
  readonly #cases: readonly SelectCase<unknown>[];
  readonly #stops: (() => void)[] = [];

  constructor(task: Task, cases: readonly SelectCase<unknown>[]) {
    this.waiter = new Waiter(task, this, undefined);
    this.#cases = cases;
    if (task.hub.debug) startRecording();
    try {
      cases.forEach((entry, index) => {
        this.#stops.push(entry.enlist(new CaseNode(this, index, undefined), task));
      });
    } catch (error) {
      this.#stop(-1); // a node left behind would swallow an item
      throw error;
    }
  }

  get what(): string {
    return `select of ${this.#cases.map(describeCase).join(" or ")}`;
  }

  win(index: number, value: unknown): void {
    this.#stop(index);
    this.waiter.wake({ index, value });
  }

  lose(index: number, error: unknown): void {
    this.#stop(index);
    this.waiter.fail(error);
  }

  /** Interrupted: no case will come true any more. */
  remove(): void {
    this.#stop(-1);
  }

  /** Gives up all cases but one, which has left its list already. */
  #stop(except: number): void {
    this.#stops.forEach((stop, index) => {
      if (index !== except) stop();
    });
  }
}

function describeCase({ what = "something", on }: SelectCase<unknown>): string {
  return waitTitle({ what, owner: on, remove() {} });
}

const NEVER: Expiry = expireThrowing(() => new Timeout(null, { message: "select()" }));

/**
 * Waits until one of several things can be done, and does exactly that one. If several can be done at
 * once, it is the first in the list. Switches unless one can be done at once.
 *
 * @param cases What to wait for: `recv`, `send`, `after`, `done`; `otherwise` for not waiting at all.
 * @param options Limits of the whole wait.
 * @returns The position of the case, and what it yielded.
 * @throws {Timeout} If none can be done in time.
 * @throws {ShutDown} If a queue or channel in the list is shut down, and empty if it is to be received from.
 * @throws {RangeError} If the list is empty: the wait would never end.
 *
 * @example A job, or a pause
 * ```ts
 * import { after, Queue, recv, select } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const jobs = new Queue<string>(Infinity, ["first"]);
 * assertEquals(await select([recv(jobs), after(5)]), { index: 0, value: "first" });
 * assertEquals(await select([recv(jobs), after(5)]), { index: 1, value: undefined });
 * ```
 */
export function select<const C extends readonly SelectCase<unknown>[]>(
  cases: C,
  options?: WaitOptions,
): Promise<SelectedOf<C>> {
  const plan = planWait(options, "select");
  const task = enterWait("select");
  if (cases.length === 0) throw new RangeError("Cannot select: the list of cases is empty");
  const refused = refusal(task, plan);
  if (refused !== undefined) return refused;
  try {
    const first = attemptFirst(cases);
    if (first !== undefined) return readyWith(task, NOTHING, first as SelectedOf<C>);
    if (plan.timeout === 0) return immediately(plan, NEVER);
    return park(new Selection(task, cases).waiter, plan, NEVER);
  } catch (error) {
    return failedWith(task, NOTHING, error); // as the operation itself would
  }
}

/** Does the first case that needs no wait. */
function attemptFirst(cases: readonly SelectCase<unknown>[]): Selected<unknown> | undefined {
  for (const [index, entry] of cases.entries()) {
    const result = entry.attempt();
    if (result !== undefined) return { index, value: result.value };
  }
  return undefined;
}

const NOTHING: WaitSource = { what: "select", owner: undefined, remove() {} };

function checkLine(object: { readonly getters?: unknown }, action: string): void {
  if (object?.getters instanceof WaitList) return;
  throw new TypeError(`Cannot ${action}: expected a queue or channel, received ${String(object)}`);
}

/** Puts a node into a list; the returned function takes it out. */
function enlistIn(list: WaitList, node: CaseNode): () => void {
  list.push(node);
  return () => list.remove(node);
}

/**
 * The case of receiving from a queue or channel. Yields the item.
 *
 * @throws {TypeError} If `source` is neither a queue nor a channel.
 *
 * @example Receive if there is something
 * ```ts
 * import { otherwise, Queue, recv, select } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const { index } = await select([recv(new Queue<number>()), otherwise()]);
 * assertEquals(index, 1);
 * ```
 */
export function recv<T>(source: SimpleQueue<T> | Channel<T>): SelectCase<T> {
  checkLine(source, "receive");
  return {
    what: "get",
    on: source,
    attempt: () =>
      source.size > 0 || source.putters.size > 0 || source.closed ? { value: source.getNowait() } : undefined,
    enlist: (node) => enlistIn(source.getters, node),
  };
}

/**
 * The case of sending an item to a queue or channel.
 *
 * @throws {TypeError} If `target` is neither a queue nor a channel.
 *
 * @example Send to whoever has room
 * ```ts
 * import { Queue, select, send } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const full = new Queue<number>(1, [1]);
 * const roomy = new Queue<number>(1);
 * const { index } = await select([send(full, 2), send(roomy, 2)]);
 * assertEquals([index, roomy.size], [1, 1]);
 * ```
 */
export function send<T>(target: SimpleQueue<T> | Channel<T>, item: T): SelectCase<undefined> {
  checkLine(target, "send");
  return {
    what: "put",
    on: target,
    attempt() {
      if (target.full && target.getters.size === 0 && !target.closed) return undefined;
      target.putNowait(item);
      return { value: undefined };
    },
    enlist(node) {
      node.value = item;
      return enlistIn(target.putters, node);
    },
  };
}

/**
 * The case of time passing: comes true after `delay`.
 *
 * @param delay Milliseconds or a `Temporal.Duration`.
 * @throws {RangeError} If it is negative or NaN.
 *
 * @example Give up after a while
 * ```ts
 * import { after, Channel, recv, select } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals((await select([recv(new Channel<number>()), after(1)])).index, 1);
 * ```
 */
export function after(delay: Duration): SelectCase<undefined> {
  const ms = toMilliseconds(delay, "select", "delay");
  return {
    what: "a delay",
    attempt: () => undefined,
    enlist(node, { hub }) {
      if (ms === Infinity) return () => {};
      const timer: Timer = hub.startTimer(ms, true, (node: CaseNode) => node.wake(undefined), node);
      return () => hub.cancelTimer(timer);
    },
  };
}

/**
 * The case of something being ready: a greenlet that has ended, an event that is set. Yields the object.
 *
 * @throws {TypeError} If it cannot be waited for.
 *
 * @example Work until told to stop
 * ```ts
 * import { done, Event, Queue, recv, select } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const stop = new Event();
 * stop.set();
 * const { index } = await select([done(stop), recv(new Queue<number>())]);
 * assertEquals(index, 0);
 * ```
 */
export function done<W extends Waitable>(object: W): SelectCase<W> {
  if (typeof object?.rawlink !== "function") {
    throw new TypeError(
      `Cannot wait for object: it must have a method rawlink(), received ${String(object)}`,
    );
  }
  return {
    what: "ready",
    on: object,
    attempt: () => object.ready ? { value: object } : undefined,
    enlist(node) {
      const link = object.rawlink(() => node.wake(object));
      return () => link[Symbol.dispose]();
    },
  };
}

/**
 * The case of nothing else being possible at once: makes {@linkcode select} not wait. Put it last.
 *
 * @example Do not wait
 * ```ts
 * import { Channel, otherwise, recv, select } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals((await select([recv(new Channel<number>()), otherwise()])).index, 1);
 * ```
 */
export function otherwise(): SelectCase<undefined> {
  return { attempt: () => ({ value: undefined }), enlist: () => () => {} };
}
