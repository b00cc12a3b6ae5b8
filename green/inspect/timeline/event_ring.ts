import { Task } from "../../../hub/mod.ts";
import type { RecordedKind } from "./recorded_event.ts";
import { ThriftyClock } from "../thrifty_clock.ts";

/** The kinds by their numbers. */
const KINDS: readonly RecordedKind[] = [
  "spawned",
  "switched",
  "parked",
  "woken",
  "detached",
  "interrupted",
  "ended",
];
export const SPAWNED = 0;
export const SWITCHED = 1;
export const PARKED = 2;
export const WOKEN = 3;
export const DETACHED = 4;
export const INTERRUPTED = 5;
export const ENDED = 6;
/** Added to the kind: the clock was read at this event. */
const EXACT = 8;
const KIND_MASK = 7;
/** A code is the number of the task times this, plus the kind. */
const ID_UNIT = 16;
/** Stands for the number of a task where there is none. */
const NOBODY = -1;

/** A class, for the sake of its name, or the title of one of its instances. */
type Subject = { readonly name: string } | string | undefined;

/**
 * The newest events, in columns: nothing is allocated for an event, and no object that greenlets wait on is kept
 * alive by it, only the texts that describe it.
 *
 * Invariants: `head` is where the next event goes; once `wrapped`, the oldest one stands there. The time of an event
 * is written only if it is EXACT: the others are put between those when they are read.
 */
export class EventRing {
  readonly capacity: number;
  private readonly clock: ThriftyClock;
  /** How many events are left until the clock is to be read. */
  private left = 1;
  /** How often the ring was full. */
  private laps = 0;
  private head = 0;
  private readonly mask: number;
  /** Two numbers for each event, side by side: the code, and who else had a part in it. */
  private readonly codes: Float64Array;
  private readonly times: Float64Array;
  /** What is waited for, in a word or two; the label of one that has ended. */
  private readonly texts: (string | undefined)[];
  private readonly subjects: Subject[];

  /**
   * Makes an empty one.
   *
   * @param capacity How many events it holds: a power of two.
   * @param now The clock (ms).
   */
  constructor(capacity: number, now: () => number) {
    this.capacity = capacity;
    this.mask = capacity - 1;
    this.clock = new ThriftyClock(now);
    this.codes = new Float64Array(2 * capacity);
    this.times = new Float64Array(capacity);
    this.texts = new Array(capacity).fill(undefined);
    this.subjects = new Array(capacity).fill(undefined);
  }

  /** How many events were overwritten. */
  get dropped(): number {
    return this.laps === 0 ? 0 : (this.laps - 1) * this.capacity + this.head;
  }

  /** How many events it holds. */
  get size(): number {
    return this.laps === 0 ? this.head : this.capacity;
  }

  /** Adds an event that nobody else has a part in. */
  add(kind: number, task: Task): void {
    const { head } = this;
    this.codes[2 * head] = task.id * ID_UNIT + kind;
    this.head = (head + 1) & this.mask;
    if (this.head === 0) this.laps++;
    if (--this.left === 0) this.stamp(head);
  }

  /** Adds what somebody did to a task. */
  addBy(kind: number, task: Task, other: Task | undefined): void {
    this.codes[2 * this.head + 1] = other === undefined ? NOBODY : other.id;
    this.add(kind, task);
  }

  /** Adds a wait. */
  addWait(task: Task, what: string, owner: object | undefined): void {
    const { head } = this;
    this.texts[head] = what;
    if (owner === undefined) {
      this.subjects[head] = undefined;
      this.codes[2 * head + 1] = NOBODY;
    } else if (owner instanceof Task) {
      this.subjects[head] = undefined;
      this.codes[2 * head + 1] = owner.id;
    } else {
      this.subjects[head] = subjectOf(owner);
      this.codes[2 * head + 1] = NOBODY;
    }
    this.add(PARKED, task);
  }

  /** Adds the end of a task. */
  addEnd(task: Task): void {
    this.texts[this.head] = task.label;
    this.add(ENDED, task);
  }

  // ---- Reading: the oldest event has the index 0 -------------------------------------------------

  /** What happened. */
  kindAt(index: number): RecordedKind {
    return KINDS[this.codeAt(index) & KIND_MASK]!;
  }

  /** To whom. */
  idAt(index: number): number {
    return Math.floor(this.codeAt(index) / ID_UNIT);
  }

  /** Whether the clock was read. */
  exactAt(index: number): boolean {
    return (this.codeAt(index) & EXACT) !== 0;
  }

  /** What the clock showed, if it was read. */
  timeAt(index: number): number {
    return this.times[this.slot(index)]!;
  }

  /** Who else had a part in it: of all kinds but `switched`, `detached` and `ended`. */
  otherAt(index: number): number | undefined {
    const other = this.codes[2 * this.slot(index) + 1]!;
    return other === NOBODY ? undefined : other;
  }

  /** What is waited for, without the object: of `parked`. The label of the task: of `ended`. */
  textAt(index: number): string {
    return this.texts[this.slot(index)] ?? "";
  }

  /** What is waited on: of `parked`; `undefined` where there is no object, or it is a task. */
  subjectAt(index: number): string | undefined {
    const subject = this.subjects[this.slot(index)];
    return typeof subject === "function" ? subject.name || "Object" : subject as string | undefined;
  }

  private codeAt(index: number): number {
    return this.codes[2 * this.slot(index)]!;
  }

  private slot(index: number): number {
    return this.laps === 0 ? index : (this.head + index) & this.mask;
  }

  // ---- Writing -----------------------------------------------------------------------------------

  /** The next event is to be exact, whatever the pace. */
  expectExact(): void {
    this.left = 1;
    this.clock.cutShort();
  }

  /** Whether the newest event is of this kind. */
  endsWith(kind: number): boolean {
    return (this.codes[2 * ((this.head - 1) & this.mask)]! & KIND_MASK) === kind;
  }

  /** The same events in a ring that does not change. */
  copy(): EventRing {
    const copy = new EventRing(1, () => 0);
    return Object.assign(copy, this, {
      codes: this.codes.slice(),
      times: this.times.slice(),
      texts: this.texts.slice(),
      subjects: this.subjects.slice(),
    });
  }

  private stamp(slot: number): void {
    this.times[slot] = this.clock.read();
    this.codes[2 * slot]! += EXACT;
    this.left = this.clock.batch;
  }
}

/** As `titleOf()` describes it; its class alone, where that is all, makes no new text. */
function subjectOf(owner: object): Subject {
  const { inspectTitle, name } = owner as { inspectTitle?: unknown; name?: unknown };
  if (typeof inspectTitle === "string") return inspectTitle;
  const { constructor } = owner;
  const kind = typeof constructor === "function" ? constructor : Object;
  return typeof name === "string" && name !== "" ? `${kind.name || "Object"}(${name})` : kind;
}
