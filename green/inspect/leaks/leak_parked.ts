import {
  type Hub,
  type Task,
  type Tracer,
  type Waiter,
  type WaitSource,
  waitStack,
  waitTitle,
  type WeakPlace,
} from "../../../hub/mod.ts";

/**
 * What is left to say of a greenlet once it was collected. Refers neither to it nor to anything it waits for: that
 * would keep it alive.
 */
export interface ParkedRecord {
  /** Its number. */
  readonly id: number;
  /** Where it was spawned, if that was recorded. */
  readonly spawnStack: string | undefined;
  /** Where it stood in the list of tasks. */
  readonly place: WeakPlace;
  /** Its name. */
  name: string;
  /** What it waited for the last time, in words. */
  wait: string;
  /** Where that wait began, if that was recorded. */
  waitStack: string | undefined;
}

/** Whether a wait is meant to last for ever: who sleeps without an end waits for a kill at best. */
function isEndlessSleep({ what, owner }: WaitSource): boolean {
  return what === "sleep" && owner === undefined;
}

/**
 * Finds greenlets that can never run again: it has the hub hold weakly those that only others can wake.
 *
 * The chain of references is greenlet → waiter → what it waits on → its list of waiters → waiter → the suspended
 * function with its variables. If nobody else refers to any of these, nobody can wake or kill the greenlet any more,
 * and all of it is garbage. Whatever could still wake it refers to it, so that it is not: timers, pending
 * operations, callbacks, and the run queue once it was woken.
 */
export class ParkedWatch implements Tracer, Disposable {
  readonly #hub: Hub;
  readonly #onLeak: (record: ParkedRecord) => void;
  readonly #records = new WeakMap<Task, ParkedRecord>();
  /** The same, of those that have neither ended nor been reported. */
  readonly #open = new Set<ParkedRecord>();
  readonly #registry: FinalizationRegistry<ParkedRecord> = new FinalizationRegistry((record) =>
    this.#collected(record)
  );

  /**
   * Watches nothing until it is attached to the hub.
   *
   * @param hub Whose greenlets.
   * @param onLeak Called on an empty stack.
   */
  constructor(hub: Hub, onLeak: (record: ParkedRecord) => void) {
    this.#hub = hub;
    this.#onLeak = onLeak;
  }

  spawned(): void {}

  switched(): void {}

  parked(waiter: Waiter): void {
    if (waiter.timer !== undefined) return; // the timers refer to it
    const { task, source } = waiter;
    if (isEndlessSleep(source)) return this.#strengthen(task);
    const record = this.#records.get(task) ?? this.#weaken(task);
    if (record === undefined) return; // the code outside greenlets
    record.name = task.label;
    record.wait = describe(source);
    record.waitStack = waitStack(waiter);
  }

  // Woken, it stays weak: the run queue refers to it, then `hub.holder`. To change that at each wait would cost more.

  ended(task: Task): void {
    this.#forget(task);
  }

  /** Reports those that were collected and not told of yet: at the end of the program, nobody will tell. */
  flush(): void {
    for (const record of [...this.#open]) if (record.place.task === undefined) this.#collected(record);
  }

  /** Has the hub hold everybody as before. */
  [Symbol.dispose](): void {
    for (const { place } of [...this.#open]) {
      const { task } = place;
      if (task === undefined) this.#hub.taskList.drop(place);
      else this.#strengthen(task);
    }
    this.#open.clear();
  }

  #weaken(task: Task): ParkedRecord | undefined {
    const place = this.#hub.taskList.weaken(task);
    if (place === undefined) return undefined;
    const { id, spawnStack } = task;
    const record = { id, spawnStack, place, name: "", wait: "", waitStack: undefined };
    this.#records.set(task, record);
    this.#open.add(record);
    this.#registry.register(task, record, task);
    return record;
  }

  #strengthen(task: Task): void {
    if (this.#forget(task)) this.#hub.taskList.strengthen(task);
  }

  #forget(task: Task): boolean {
    const record = this.#records.get(task);
    if (record === undefined) return false;
    this.#records.delete(task);
    this.#open.delete(record);
    this.#registry.unregister(task);
    return true;
  }

  #collected(record: ParkedRecord): void {
    if (!this.#open.delete(record)) return;
    this.#hub.taskList.drop(record.place);
    this.#onLeak(record);
  }
}

/** A wait in words. It is described in the middle of the hub's work, where nothing may be thrown. */
function describe(source: WaitSource): string {
  try {
    return waitTitle(source);
  } catch {
    return "something that cannot be described";
  }
}
