import type { Task } from "../../../hub/mod.ts";
import type { Line } from "../line_queue.ts";

/**
 * A point where a run can go on in more than one way. Option 0 is always what a real hub does by itself.
 *
 * - `"next"`: the run token is free; option i is the first entry of line i.
 * - `"slice"`: an operation need not wait; 0 goes on, 1 ends the slice: others run first.
 * - `"fault"`: a greenlet begins to wait; 0 leaves it alone, i injects the fault i-1.
 */
export interface Choice {
  readonly kind: "next" | "slice" | "fault";
  /** How many ways there are. */
  readonly ways: number;
  /** Who runs; `undefined` at `"next"`. */
  readonly running: Task | undefined;
  /** What is ready to run, by age. */
  readonly lines: readonly Line[];
  /** The number that the next entry of the queue will have. */
  readonly nextOrder: number;
}

/** How far a run may stray from what a real hub does by itself. */
export interface Bounds {
  /** How often a slice may end. */
  readonly preemptions: number;
  /** How many faults there may be. */
  readonly faults: number;
}

/** Decides at every choice of many runs. */
export interface Strategy {
  /** What its runs keep to. */
  readonly bounds: Bounds;
  /** Makes ready for the next run; `false` if there is nothing left to try. */
  begin(): boolean;
  /** The way to go on; `undefined` if the rest of the run would repeat what others have shown. */
  decide(choice: Choice): number | undefined;
  /** Called at the end of every run. */
  end(): void;
}

/** The ways taken at the choices of a run, to be taken again. Choices beyond its end take way 0. */
export type Decisions = readonly number[];

/** `"3:1 17:2"`: at the fourth choice way 1, at the eighteenth way 2, at all others way 0. */
export function encodeDecisions(decisions: Decisions): string {
  return decisions.flatMap((way, at) => way === 0 ? [] : [`${at}:${way}`]).join(" ");
}

/** The opposite of {@linkcode encodeDecisions}. */
export function decodeDecisions(text: string): Decisions {
  const decisions: number[] = [];
  for (const pair of text.split(" ").filter(Boolean)) {
    const match = /^(\d+):(\d+)$/.exec(pair);
    if (match === null) {
      throw new TypeError(
        `Cannot replay: replay must look like "3:1 17:2", received ${JSON.stringify(text)}`,
      );
    }
    decisions[Number(match[1])] = Number(match[2]);
  }
  return Array.from(decisions, (way) => way ?? 0);
}

/** No bounds. */
const UNBOUNDED: Bounds = { preemptions: Infinity, faults: Infinity };

/** Takes the ways of an earlier run; where there are fewer ways now, or a bound is reached, way 0. */
export class ReplayStrategy implements Strategy {
  readonly bounds: Bounds;
  readonly #decisions: Decisions;
  #at = 0;
  #slices = 0;
  #faults = 0;

  constructor(decisions: Decisions, bounds: Bounds = UNBOUNDED) {
    this.#decisions = decisions;
    this.bounds = bounds;
  }

  begin(): boolean {
    this.#at = this.#slices = this.#faults = 0;
    return true;
  }

  decide({ kind, ways }: Choice): number {
    if (ways === 1) return 0;
    const way = this.#decisions[this.#at++] ?? 0;
    return way > 0 && way < ways && this.#mayStray(kind) ? way : 0;
  }

  end(): void {}

  /** Counts another way than 0; says whether it is within the bounds. */
  #mayStray(kind: Choice["kind"]): boolean {
    if (kind === "slice") return ++this.#slices <= this.bounds.preemptions;
    if (kind === "fault") return ++this.#faults <= this.bounds.faults;
    return true;
  }
}
