import type { Thrown } from "./error_packet.ts";
import type { TaskText } from "./task.ts";

/**
 * What a pool and its threads tell each other. A thread has one call at a time, so calls need no number. Most
 * messages are flat arrays, or no objects at all: Deno has a faster way for these, and the time of a round trip is
 * counted in microseconds.
 */

/** To a thread: run a task it has met, without arguments or with some. */
export type PlainOrder = number | readonly [key: number, ...args: unknown[]];

/** To a thread: run a task it has not met, or one with arguments that must be unpacked. */
export interface FullOrder {
  readonly key: number;
  readonly args: unknown;
  readonly wired: boolean;
  /** Comes along the first time. */
  readonly task: TaskText | undefined;
}

/** What is no object. */
export type Primitive = string | number | bigint | boolean | null | undefined;

/**
 * From a thread: what the task returned. An object stands in an array, and so does `null`: alone it is `undefined`,
 * which Deno delivers as `null`.
 */
export type PlainResult = Primitive | readonly [value: unknown];

/** From a thread: anything else. */
export type Report =
  | { readonly kind: "wired"; readonly value: unknown }
  | { readonly kind: "failed"; readonly thrown: Thrown }
  /** Something threw where nobody could catch it. */
  | { readonly kind: "crashed"; readonly thrown: Thrown; readonly begun: number }
  /** The thread ends itself. */
  | { readonly kind: "closed" };
