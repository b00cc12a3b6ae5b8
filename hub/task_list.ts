import type { Task } from "./task.ts";

/**
 * Stands between two neighbours in a {@linkcode TaskList}: a task, or what keeps the place of one that is held weakly.
 *
 * @example A task stands in the list by itself
 * ```ts
 * import { callerTask, type Place } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const place: Place = callerTask();
 * assertEquals(place.nextTask, undefined); // the code outside greenlets is in no list
 * ```
 */
export interface Place {
  /** The one before it. Owned by the list. */
  prevTask: Place | undefined;
  /** The one behind it. */
  nextTask: Place | undefined;
}

/**
 * Keeps the place of a task that the list holds weakly.
 *
 * @example Gone, or still there
 * ```ts
 * import { getHub, type WeakPlace } from "@verdant/green/hub";
 * import { spawn } from "@verdant/green";
 * import { assertStrictEquals } from "@std/assert";
 *
 * const g = spawn(() => {});
 * const place: WeakPlace | undefined = getHub().taskList.weaken(g);
 * assertStrictEquals(place?.task, g);
 * await g.join();
 * ```
 */
export class WeakPlace implements Place {
  /** Neighbours in the list. Owned by the list. */
  prevTask: Place | undefined = undefined;
  /** The one behind it. */
  nextTask: Place | undefined = undefined;
  readonly #ref: WeakRef<Task>;

  /** For {@linkcode TaskList}. */
  constructor(task: Task) {
    this.#ref = new WeakRef(task);
  }

  /** The task; `undefined` once it was collected. */
  get task(): Task | undefined {
    return this.#ref.deref();
  }
}

/**
 * The tasks of a hub that are scheduled or running: a linked list through the tasks themselves, which keeps them
 * alive. One that can be woken by others only may be held weakly instead: then it lives as long as anybody
 * can reach it, and so wake or kill it.
 *
 * @example Oldest first
 * ```ts
 * import { TaskList } from "@verdant/green/hub";
 * import { Greenlet } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const list = new TaskList();
 * const [first, second] = [new Greenlet(() => 1), new Greenlet(() => 2)];
 * list.add(first);
 * list.add(second);
 * list.weaken(first);
 * assertEquals([...list], [first, second]);
 * list.remove(first);
 * assertEquals(list.size, 1);
 * ```
 */
export class TaskList {
  /** How many are in it. One that was held weakly and collected counts until it is dropped. */
  size = 0;
  /** Stands before the oldest. */
  readonly #head: Place = { prevTask: undefined, nextTask: undefined };
  #last: Place = this.#head;
  /** The places of those that are held weakly. Made on first use. */
  #places: WeakMap<Task, WeakPlace> | undefined = undefined;

  /** Adds a task at the end. */
  add(task: Task): void {
    link(this.#last, task, undefined);
    this.#last = task;
    this.size++;
  }

  /**
   * Takes a task out.
   *
   * @returns Whether it was in.
   */
  remove(task: Task): boolean {
    if (task.prevTask === undefined) return this.#removeWeak(task);
    this.#unlink(task);
    return true;
  }

  /**
   * Holds a task weakly from now on.
   *
   * @returns Its place; `undefined` if it is not in the list.
   */
  weaken(task: Task): WeakPlace | undefined {
    if (task.prevTask === undefined) return this.#places?.get(task);
    const place = new WeakPlace(task);
    this.#replace(task, place);
    (this.#places ??= new WeakMap()).set(task, place);
    return place;
  }

  /** Keeps a task alive again. Nothing happens if it is not held weakly. */
  strengthen(task: Task): void {
    const place = this.#places?.get(task);
    if (place === undefined) return;
    this.#places!.delete(task);
    this.#replace(place, task);
  }

  /** Gives up the place of a task that was collected. Nothing happens if it is in the list no more. */
  drop(place: WeakPlace): void {
    if (place.prevTask !== undefined) this.#unlink(place);
  }

  /** Those that are alive, oldest first. */
  *[Symbol.iterator](): IterableIterator<Task> {
    for (let place = this.#head.nextTask; place !== undefined; place = place.nextTask) {
      const task = place instanceof WeakPlace ? place.task : place as Task;
      if (task !== undefined) yield task;
    }
  }

  /** The one with this number, if it is in the list and alive. */
  find(id: unknown): Task | undefined {
    for (const task of this) if (task.id === id) return task;
    return undefined;
  }

  #removeWeak(task: Task): boolean {
    const place = this.#places?.get(task);
    if (place === undefined) return false;
    this.#places!.delete(task);
    this.#unlink(place);
    return true;
  }

  #unlink(place: Place): void {
    const { prevTask, nextTask } = place;
    prevTask!.nextTask = nextTask;
    if (nextTask === undefined) this.#last = prevTask!;
    else nextTask.prevTask = prevTask;
    place.prevTask = place.nextTask = undefined;
    this.size--;
  }

  #replace(old: Place, place: Place): void {
    link(old.prevTask!, place, old.nextTask);
    if (this.#last === old) this.#last = place;
    old.prevTask = old.nextTask = undefined;
  }
}

function link(before: Place, place: Place, behind: Place | undefined): void {
  place.prevTask = before;
  before.nextTask = place;
  place.nextTask = behind;
  if (behind !== undefined) behind.prevTask = place;
}
