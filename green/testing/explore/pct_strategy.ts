import { Task, Waiter } from "../../../hub/mod.ts";
import type { Line } from "../line_queue.ts";
import type { Random } from "../random.ts";
import type { Bounds, Choice, Strategy } from "./choice.ts";
import { FaultDice } from "./fault_dice.ts";

/** Whoever runs this often in a row while others could lets them: it may be waiting for them in a loop. */
const MAX_IN_A_ROW = 100;

/**
 * Probabilistic concurrency testing: greenlets get random priorities, and the highest always runs, except
 * that at a few random points whoever runs falls below all others. A bug that needs d such orderings among n
 * greenlets and k choices is found by one run with a chance of at least 1 / (n k^(d-1)).
 *
 * After Burckhardt, Kothari, Musuvathi and Nagarakatte, "A randomized scheduler with probabilistic guarantees
 * of finding bugs" (2010).
 */
export class PctStrategy implements Strategy {
  /** How often a slice may end is not bounded: only how often the priorities change. */
  readonly bounds: Bounds;
  readonly #random: Random;
  readonly #mostChanges: number;
  readonly #faults: FaultDice;
  /** By task; the hub's own entries are one of them. Higher runs first. */
  readonly #priorities = new Map<Task | undefined, number>();
  readonly #changes = new Set<number>();
  /** The longest run so far, in choices. Nothing is known before the first: changes in vain would be none. */
  #length = 1;
  #at = 0;
  /** Below all that were given before. */
  #lowest = 0;
  #last: Task | undefined = undefined;
  #inARow = 0;

  constructor(random: Random, bounds: Bounds) {
    this.#random = random;
    this.bounds = { ...bounds, preemptions: Infinity };
    this.#mostChanges = bounds.preemptions;
    this.#faults = new FaultDice(random, bounds);
  }

  begin(): boolean {
    this.#priorities.clear();
    this.#changes.clear();
    const changes = Math.min(this.#mostChanges, this.#length);
    for (let i = 0; i < changes; i++) this.#changes.add(this.#below(this.#length));
    this.#at = this.#lowest = this.#inARow = 0;
    this.#faults.begin();
    return true;
  }

  decide(choice: Choice): number {
    if (choice.kind === "fault") return this.#faults.roll(choice.ways);
    const change = this.#changes.has(this.#at++);
    if (choice.kind === "slice") return this.#endSlice(choice, change) ? 1 : 0;
    let best = this.#highest(choice.lines);
    if (change || this.#tooOften(taskOf(choice.lines[best]!))) {
      this.#lower(taskOf(choice.lines[best]!));
      best = this.#highest(choice.lines);
    }
    return best;
  }

  end(): void {
    this.#length = Math.max(this.#length, this.#at);
  }

  #endSlice({ running, lines }: Choice, change: boolean): boolean {
    if (change) this.#lower(running);
    const own = this.#priority(running);
    return lines.some((line) => this.#priority(taskOf(line)) > own);
  }

  #tooOften(task: Task | undefined): boolean {
    this.#inARow = task === this.#last ? this.#inARow + 1 : 0;
    this.#last = task;
    return this.#inARow >= MAX_IN_A_ROW;
  }

  #highest(lines: readonly Line[]): number {
    let best = 0;
    for (let i = 1; i < lines.length; i++) {
      if (this.#priority(taskOf(lines[i]!)) > this.#priority(taskOf(lines[best]!))) best = i;
    }
    return best;
  }

  #priority(task: Task | undefined): number {
    let priority = this.#priorities.get(task);
    if (priority === undefined) this.#priorities.set(task, priority = this.#random());
    return priority;
  }

  #lower(task: Task | undefined): void {
    this.#priorities.set(task, --this.#lowest);
  }

  #below(n: number): number {
    return Math.floor(this.#random() * n);
  }
}

/** Whom a line's first entry lets run; `undefined` for the hub. */
function taskOf({ head }: Line): Task | undefined {
  if (head instanceof Waiter) return head.task;
  return head instanceof Task ? head : undefined;
}
