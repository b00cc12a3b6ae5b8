import type { Task } from "../task.ts";

/**
 * What a primitive says about those who wait on it.
 *
 * @example In words
 * ```ts
 * import type { WaitDetails } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const details: WaitDetails = { text: "0 of 2 permits free" };
 * assertEquals(details.blockers, undefined);
 * ```
 */
export interface WaitDetails {
  /** What stands in the way, in words: `"0 of 2 permits free"`. */
  readonly text?: string | undefined;
  /** Who stands in the way: without one of them, nobody who waits here goes on. */
  readonly blockers?: readonly Task[] | undefined;
  /**
   * Whether all of them must have moved, not just one.
   *
   * @default {false}
   */
  readonly all?: boolean | undefined;
  /**
   * Whether that is likely, not certain: somebody else may end the wait, too. Enough to be named, and for a report
   * once nothing can run any more; not for a deadlock among those who live.
   *
   * @default {false}
   */
  readonly likely?: boolean | undefined;
  /**
   * What stands before their names.
   *
   * @default {"held by"}
   */
  readonly relation?: string | undefined;
}

/**
 * Implemented by what greenlets wait on and can say more about it than its class and name.
 *
 * @example A tap that somebody holds
 * ```ts
 * import { callerTask, describeWait, type Inspectable, Waiter, WaitList } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * class Tap implements Inspectable {
 *   inspectWait = () => ({ blockers: [callerTask()] });
 * }
 * const waiter = new Waiter(callerTask(), new WaitList("turn", new Tap()), undefined);
 * assertEquals(describeWait(waiter), "Tap turn, held by the main flow");
 * ```
 */
export interface Inspectable {
  /** What reports call it instead of its class and name: `"Conn(127.0.0.1:8080)"`; nothing at all if it is empty. */
  readonly inspectTitle?: string;
  /**
   * What keeps those waiting who wait for `what`: the word of their {@linkcode WaitSource}. Called while a report is
   * made: must not wait, spawn, kill or throw.
   */
  inspectWait?(what: string): WaitDetails | undefined;
}
