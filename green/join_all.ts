import {
  enterWait,
  type Expiry,
  failedWith,
  immediately,
  type Inspectable,
  park,
  planWait,
  readyWith,
  refusal,
  type WaitDetails,
  Waiter,
  type WaitSource,
} from "../hub/mod.ts";
import { EndNode } from "./end_node.ts";
import type { Greenlet } from "./greenlet.ts";
import { checkCount, type WaitManyOptions } from "./wait.ts";

/**
 * Options of {@linkcode joinAll}.
 *
 * @example Throw the first error
 * ```ts
 * import { getHub, joinAll, type JoinAllOptions, spawn } from "@verdant/green";
 * import { assertRejects } from "@std/assert";
 *
 * getHub().onError = () => {}; // it would be printed as well
 * const options: JoinAllOptions = { raiseError: true };
 * const g = spawn(() => {
 *   throw new RangeError("no");
 * });
 * await assertRejects(() => joinAll([g], options), RangeError);
 * ```
 */
export interface JoinAllOptions extends WaitManyOptions {
  /**
   * Whether to throw the error of the first greenlet that failed.
   *
   * @default {false}
   */
  raiseError?: boolean | undefined;
}

/** One wait for the ends of many greenlets. */
class Gathering<G extends Greenlet> implements WaitSource, Inspectable {
  readonly what = "joinAll";
  /** It says it all by its operation. */
  readonly inspectTitle = "";
  /** Those that have ended, in the order of their ends. */
  readonly ended: G[] = [];
  /** The first that failed, if that matters. */
  failure: G | undefined = undefined;
  #nodes: EndNode<G>[] = [];
  #waiter: Waiter | undefined = undefined;

  constructor(readonly wanted: number, readonly raiseError: boolean) {}

  /** Whether there is nothing to wait for any more. */
  get complete(): boolean {
    return this.ended.length >= this.wanted || this.failure !== undefined;
  }

  get owner(): this {
    return this;
  }

  inspectWait(): WaitDetails {
    const left = this.#nodes.map(({ greenlet }) => greenlet).filter((greenlet) => !greenlet.ready);
    const all = !this.raiseError && this.wanted - this.ended.length >= left.length;
    return { blockers: left, all, relation: `${this.ended.length} of ${this.wanted} ended, left:` };
  }

  /** Counts a greenlet that has ended. */
  add(greenlet: G): void {
    this.ended.push(greenlet);
    if (this.raiseError && greenlet.failed) this.failure ??= greenlet;
  }

  /** Watches the greenlets for a waiter. */
  watch(greenlets: G[], waiter: Waiter): void {
    this.#waiter = waiter;
    const onEnd = ({ greenlet }: EndNode<G>) => {
      this.add(greenlet);
      if (this.complete) this.#finish();
    };
    this.#nodes = greenlets.map((greenlet) => new EndNode(greenlet, onEnd));
  }

  /** Stops watching. */
  remove(): void {
    for (const node of this.#nodes) node.stop();
    this.#nodes = [];
  }

  #finish(): void {
    this.remove();
    if (this.failure === undefined) this.#waiter!.wake(this.ended);
    else this.#waiter!.fail(this.failure.error);
  }
}

/**
 * Waits until all greenlets (or `count` of them) have ended, or the time is over. Switches.
 *
 * Source: `gevent.joinall`.
 *
 * @returns Those that have ended, in the order of their ends.
 * @throws The error that came first, with `raiseError`; the others run on.
 * @throws {RangeError} If the time-out is negative or NaN, or `count` is not a non-negative number.
 *
 * @example Wait for all
 * ```ts
 * import { joinAll, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const done = await joinAll([spawn(() => 1), spawn(() => 2)]);
 * assertEquals(done.map((g) => g.value), [1, 2]);
 * ```
 */
export function joinAll<G extends Greenlet>(
  greenlets: Iterable<G>,
  options: JoinAllOptions = {},
): Promise<G[]> {
  const { raiseError = false, count = Infinity, ...limits } = options;
  const plan = planWait(limits, "join greenlets");
  checkCount(count);
  const task = enterWait("join greenlets");
  const refused = refusal(task, plan);
  if (refused !== undefined) return refused;
  const all = [...greenlets];
  const gathering = new Gathering<G>(Math.min(count, all.length), raiseError);
  for (const greenlet of all) {
    if (gathering.complete) break;
    if (greenlet.ready) gathering.add(greenlet);
  }
  const { failure, ended } = gathering;
  if (failure !== undefined) return failedWith(task, gathering, failure.error);
  if (gathering.complete) return readyWith(task, gathering, ended);
  const expiry = expireGathering(gathering);
  if (plan.timeout === 0) return immediately(plan, expiry);
  const waiter = new Waiter(task, gathering, undefined);
  gathering.watch(all.filter((greenlet) => !greenlet.ready), waiter);
  return park(waiter, plan, expiry);
}

/** A time-out is no error: it returns what there is. */
function expireGathering<G extends Greenlet>(gathering: Gathering<G>): Expiry {
  return {
    throws: false,
    expire(waiter) {
      gathering.remove();
      waiter.wake(gathering.ended);
    },
    immediate: () => gathering.ended,
  };
}
