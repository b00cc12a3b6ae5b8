import { callName } from "../call_name.ts";
import type { Hub, Task, Waiter, WaitSource } from "../../../hub/mod.ts";

/** A stretch that one greenlet ran, and what it did when it let others run. */
interface Step {
  readonly task: Task;
  readonly now: number;
  /** What it waits for; `undefined` if no wait of the library's is open. */
  end: WaitSource | "ended" | undefined;
  /** Whether it would not have had to wait. */
  preempted: boolean;
}

/** Something that happens to a greenlet from outside. */
interface Blow {
  readonly what: string;
  readonly task: Task;
  readonly now: number;
}

/** What happened in one run, for people. */
export class History {
  readonly #hub: Hub;
  readonly #events: (Step | Blow)[] = [];
  #last: Step | undefined = undefined;
  /** How often the run token went from one greenlet to another. */
  switches = 0;

  constructor(hub: Hub) {
    this.#hub = hub;
  }

  /** A task gets the run token. */
  switched(task: Task): void {
    if (this.#last?.task !== task) this.switches++;
    // Of several waits at once only one is over: it may go on with the others.
    this.#last = { task, now: this.#hub.now(), end: task.waits?.source, preempted: false };
    this.#events.push(this.#last);
  }

  /** A task begins to wait, or lets others run although it would not have to: `preempted` by the scheduler. */
  waits({ task, source }: Waiter, preempted: boolean): void {
    if (this.#last?.task !== task) return;
    this.#last.end = source;
    this.#last.preempted = preempted;
  }

  /** A task has ended. */
  ended(task: Task): void {
    if (this.#last?.task === task) this.#last.end = "ended";
  }

  /** A fault strikes. */
  struck(what: string, task: Task): void {
    this.#events.push({ what, task, now: this.#hub.now() });
  }

  /** `#3 producer: Queue.put() → kill #3 producer → #3 producer ends`. */
  toString(): string {
    const words: string[] = [];
    let now: number | undefined = undefined;
    for (const event of this.#events) {
      if (now !== undefined && event.now > now) words.push(`(${event.now - now} ms later)`);
      now = event.now;
      words.push("what" in event ? `${event.what} ${nameOf(event.task)}` : describe(event));
    }
    return words.join(" → ");
  }
}

function describe({ task, end, preempted }: Step): string {
  if (end === "ended") return `${nameOf(task)} ends`;
  if (end === undefined) return `${nameOf(task)} awaits a promise`;
  return `${nameOf(task)}: ${callName(end)}()${preempted ? ", preempted" : ""}`;
}

function nameOf({ id, label }: Task): string {
  return `#${id} ${label}`;
}
