import { callerTask, quiet, type Task } from "../../../hub/mod.ts";
import { Lease } from "../../../sync/lease.ts";

/** What may be touched: the objects of a run by number, so that they are the same ones in the next run. */
export type Mark = number | "timers" | "random";

/**
 * What a stretch of a run has touched, and whether it may have changed it. `undefined` if that is not known:
 * then it may be anything.
 */
export type Footprint = ReadonlyMap<Mark, boolean> | undefined;

/** Whether the order of two stretches may make a difference. */
export function dependent(a: Footprint, b: Footprint): boolean {
  if (a === undefined || b === undefined) return true;
  for (const [mark, changed] of a) {
    const other = b.get(mark);
    if (other !== undefined && (changed || other)) return true;
  }
  return false;
}

/**
 * Records footprints, by way of proxies of the objects.
 *
 * A method runs on the object itself, so what it does after a wait of its own is not seen. Until its promise
 * has settled, all that its caller runs therefore counts as touching the object.
 */
export class Tracker {
  readonly #proxies = new WeakMap<object, object>();
  /** The objects whose methods a task has called and that have not returned, as often as they were. */
  readonly #inside = new WeakMap<Task, Map<Mark | undefined, number>>();
  #touched: Map<Mark, boolean> | undefined = new Map();
  #body: Task | undefined = undefined;
  #watched = 0;

  /** Makes ready for the next run. */
  begin(): void {
    this.#body = undefined;
    this.#watched = 0;
    this.take();
  }

  /** An object that behaves as `object` does, and is watched. */
  watch<T extends object>(object: T): T {
    return this.#proxyOf(object, this.#nextMark());
  }

  /** Notes that something is looked at, or may be changed; `undefined` if it is not known what. */
  touch(mark: Mark | undefined, changes: boolean): void {
    if (mark === undefined) this.#touched = undefined;
    else if (this.#touched !== undefined && (changes || !this.#touched.has(mark))) {
      this.#touched.set(mark, changes);
    }
  }

  /** Notes that anything may have been touched. */
  touchAll(): void {
    this.touch(undefined, true);
  }

  /** A task goes on: perhaps inside the methods of objects. */
  resumed(task: Task): void {
    this.#body ??= task;
    for (const mark of this.#inside.get(task)?.keys() ?? []) this.touch(mark, true);
  }

  /** What was touched since the last call. */
  take(): Footprint {
    const touched = this.#touched;
    this.#touched = new Map();
    return touched;
  }

  /** A proxy of `target`; an iterator or a lease has the mark of what it was taken from. */
  #proxyOf<T extends object>(target: T, mark: Mark | undefined): T {
    const known = this.#proxies.get(target);
    if (known !== undefined) return known as T;
    const proxy = new Proxy(target, this.#handler(mark) as ProxyHandler<T>);
    this.#proxies.set(target, proxy);
    return proxy;
  }

  /** What the body watches is numbered; what greenlets do may come in another order in the next run. */
  #nextMark(): Mark | undefined {
    return this.#body === undefined || callerTask() === this.#body ? this.#watched++ : undefined;
  }

  #handler(mark: Mark | undefined): ProxyHandler<object> {
    const touch = (changes: boolean) => this.touch(mark, changes);
    return {
      get: (target, key) => {
        // The target itself is the receiver: private fields are not the proxy's.
        const value = Reflect.get(target, key, target);
        touch(typeof value === "function");
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => this.#result(value.apply(target, args), key, mark);
      },
      set(target, key, value) {
        touch(true);
        return Reflect.set(target, key, value, target);
      },
      deleteProperty(target, key) {
        touch(true);
        return Reflect.deleteProperty(target, key);
      },
      defineProperty(target, key, descriptor) {
        touch(true);
        return Reflect.defineProperty(target, key, descriptor);
      },
      has(target, key) {
        touch(false);
        return Reflect.has(target, key);
      },
      ownKeys(target) {
        touch(false);
        return Reflect.ownKeys(target);
      },
    };
  }

  /** What a method of an object has returned. */
  #result(result: unknown, key: PropertyKey, mark: Mark | undefined): unknown {
    this.touch(mark, true);
    if (result instanceof Promise) return this.#enter(result, mark);
    const iterates = key === Symbol.asyncIterator || key === Symbol.iterator;
    return iterates || result instanceof Lease ? this.#proxyOf(result as object, mark) : result;
  }

  #enter(promise: Promise<unknown>, mark: Mark | undefined): Promise<unknown> {
    const task = callerTask();
    const inside = this.#inside.get(task) ?? new Map<Mark | undefined, number>();
    this.#inside.set(task, inside);
    inside.set(mark, (inside.get(mark) ?? 0) + 1);
    const leave = () => {
      const depth = inside.get(mark)! - 1;
      if (depth > 0) inside.set(mark, depth);
      else inside.delete(mark);
    };
    return quiet(promise.then((value) => {
      leave();
      return value instanceof Lease ? this.#proxyOf(value, mark) : value;
    }, (error) => {
      leave();
      throw error;
    }));
  }
}
