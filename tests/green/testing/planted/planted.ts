import { enterWait, EXPIRE_FALSE, planWait, refusal, suspend, type WaitList } from "@verdant/green/hub";
import type { Fault } from "@verdant/green";

/** A bug that depends on the schedule or on a fault, planted in a small primitive. */
export interface Planted {
  /** The bug. */
  readonly name: string;
  /** Says what should hold, of the primitive with the bug. */
  readonly broken: () => Promise<void>;
  /** Says the same of the primitive without it. */
  readonly correct: () => Promise<void>;
  /** The faults that bring it to light; none where the order alone does. */
  readonly inject: readonly Fault[];
  readonly fails: Failure;
  readonly shrunk: Size;
}

/** How a body fails. */
export interface Failure {
  // deno-lint-ignore no-explicit-any -- constructors of every signature
  readonly type: new (...args: any[]) => Error;
  /** Part of the message. */
  readonly message: string;
}

/** How long the schedule of a failure is at most, once it is shrunk: the longest of a hundred seeds. */
export interface Size {
  readonly switches: number;
  /** How many that a real hub would not make by itself. */
  readonly decisions: number;
}

/** Waits in a list without limit. */
export function waitIn(list: WaitList): Promise<unknown> {
  const plan = planWait(undefined, list.what);
  const task = enterWait(list.what);
  return refusal(task, plan) ?? suspend(task, list, undefined, plan, EXPIRE_FALSE);
}
