import type { Bounds, Choice, Strategy } from "./choice.ts";
import { dependent, type Footprint, type Tracker } from "./footprint.ts";
import { SimulationError } from "../simulation.ts";

/**
 * Stretches of code that need not run next: what comes of it was seen elsewhere. By the number of the entry
 * that would begin them.
 */
type Sleeping = ReadonlyMap<number, Footprint>;

const NOBODY: Sleeping = new Map();

const NOT_THE_SAME = "Cannot explore: with the same decisions the body did something else. " +
  "It must depend on nothing outside: no clock or randomness but the world's, no state kept from run to run";

/** A choice on the way of the current run. */
interface Node {
  /** The way taken now. */
  way: number;
  readonly kind: Choice["kind"];
  readonly ways: number;
  /** For each way the number of the entry that it lets run; `undefined` if it lets none run. */
  readonly entries: readonly (number | undefined)[];
  readonly sleeping: Sleeping;
  /** What the stretch that begins with `way` has touched. */
  footprint: Footprint;
  /** The ways whose consequences have all been seen. */
  readonly done: Map<number, Footprint>;
  /** Whether a bound has cut something off among the consequences of `way`. */
  wayCut: boolean;
  /** Whether a bound has cut something off here or below. */
  cut: boolean;
}

/**
 * Depth first through all schedules, within the bounds.
 *
 * With a tracker, schedules that differ only in the order of independent stretches are run once (sleep sets,
 * after Godefroid): a stretch all of whose consequences have been seen sleeps in its siblings until something
 * runs that depends on it. If a bound cut off some of its consequences they have not all been seen, and it
 * does not sleep.
 */
export class ExhaustiveStrategy implements Strategy {
  readonly bounds: Bounds;
  readonly #tracker: Tracker | undefined;
  /** The choices of the current run; those before `#depth` have been made. */
  readonly #path: Node[] = [];
  #depth = 0;
  /** The newest choice that began a stretch. */
  #current: Node | undefined = undefined;
  #sleeping: Sleeping = NOBODY;
  #slices = 0;
  #faults = 0;
  #begun = false;

  constructor(bounds: Bounds, tracker: Tracker | undefined) {
    this.bounds = bounds;
    this.#tracker = tracker;
  }

  begin(): boolean {
    if (this.#begun && !this.#turnBack()) return false;
    this.#begun = true;
    this.#depth = this.#slices = this.#faults = 0;
    this.#current = undefined;
    this.#sleeping = NOBODY;
    this.#tracker?.begin();
    return true;
  }

  decide(choice: Choice): number | undefined {
    if (choice.kind !== "fault") this.#endStretch();
    const node = this.#path[this.#depth] ?? this.#reach(choice);
    if (node === undefined) return undefined;
    if (node.kind !== choice.kind || node.ways !== choice.ways) throw new SimulationError(NOT_THE_SAME);
    this.#depth++;
    this.#count(node);
    this.#sleeping = sleepingAfter(node);
    if (choice.kind !== "fault") this.#current = node;
    return node.way;
  }

  end(): void {
    this.#endStretch();
  }

  /** The stretch that runs is over: whoever depends on what it touched sleeps no longer. */
  #endStretch(): void {
    if (this.#tracker === undefined) return;
    const footprint = this.#tracker.take();
    if (this.#current !== undefined) this.#current.footprint = footprint;
    this.#current = undefined;
    if (this.#sleeping.size === 0) return;
    const sleeping = new Map<number, Footprint>();
    for (const [entry, other] of this.#sleeping) {
      if (!dependent(footprint, other)) sleeping.set(entry, other);
    }
    this.#sleeping = sleeping;
  }

  #reach(choice: Choice): Node | undefined {
    const node: Node = {
      way: -1,
      kind: choice.kind,
      ways: choice.ways,
      entries: this.#withinBounds(choice),
      sleeping: this.#sleeping,
      footprint: undefined,
      done: new Map(),
      wayCut: false,
      cut: false,
    };
    node.cut = node.entries.length < choice.ways;
    if (!advance(node)) return undefined;
    this.#path.push(node);
    return node;
  }

  #withinBounds({ kind, ways, lines, nextOrder }: Choice): (number | undefined)[] {
    if (kind === "next") return lines.map((line) => line.order);
    if (kind === "slice") {
      // To go on is what the entry would do that is made if the slice ends.
      return this.#slices < this.bounds.preemptions ? [nextOrder, undefined] : [nextOrder];
    }
    return Array(this.#faults < this.bounds.faults ? ways : 1).fill(undefined);
  }

  #count({ kind, way }: Node): void {
    if (way === 0) return;
    if (kind === "slice") this.#slices++;
    else if (kind === "fault") this.#faults++;
  }

  /** Takes the next way at the last choice that has one left. */
  #turnBack(): boolean {
    for (;;) {
      const node = this.#path.at(-1);
      if (node === undefined) return false;
      const entry = node.entries[node.way];
      if (node.wayCut) node.cut = true;
      else if (this.#tracker !== undefined && entry !== undefined) node.done.set(entry, node.footprint);
      node.wayCut = false;
      if (advance(node)) return true;
      this.#path.pop();
      const parent = this.#path.at(-1);
      if (parent !== undefined && node.cut) parent.wayCut = true;
    }
  }
}

/** Takes the next way that does not sleep; says whether there was one. */
function advance(node: Node): boolean {
  for (node.way++; node.way < node.entries.length; node.way++) {
    const entry = node.entries[node.way];
    if (entry === undefined || !node.sleeping.has(entry)) return true;
  }
  return false;
}

function sleepingAfter({ sleeping, done }: Node): Sleeping {
  return done.size === 0 ? sleeping : new Map([...sleeping, ...done]);
}
