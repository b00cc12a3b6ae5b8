/** What a primitive has left at the end of a simulation. */
export interface Leftover {
  /** Permits that somebody holds, or items that nobody dealt with. */
  readonly kind: "permits" | "items";
  /** How many, in words: `"2 permits held"`. */
  readonly text: string;
}

/**
 * Implemented by primitives that can say what is left. They enter themselves into `hub.inventory` when they
 * are made, if there is one.
 *
 * @example What a queue says
 * ```ts
 * import { Queue } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const queue = new Queue<string>(Infinity, ["job"]);
 * void queue.join({ timeout: 0 });
 * assertEquals(queue.leftover?.text, "1 item unprocessed");
 * ```
 */
export interface Accountable {
  /** What is left; `undefined` if nothing is. */
  readonly leftover: Leftover | undefined;
}

/** `"1 item"`, `"2 items"`; with `"es"`, `"2 switches"`. */
export function plural(count: number, noun: string, ending = "s"): string {
  return `${count} ${noun}${count === 1 ? "" : ending}`;
}
