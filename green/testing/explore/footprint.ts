/**
 * What a stretch of a run has touched: shared objects, and whether it may have changed them. `undefined` if
 * that is not known: then it may be anything.
 */
export type Footprint = ReadonlyMap<object, boolean> | undefined;

/** Whether the order of two stretches may make a difference. */
export function dependent(a: Footprint, b: Footprint): boolean {
  if (a === undefined || b === undefined) return true;
  for (const [object, changed] of a) {
    const other = b.get(object);
    if (other !== undefined && (changed || other)) return true;
  }
  return false;
}

/** Records footprints, by way of proxies of the objects. */
export class Tracker {
  readonly #proxies = new WeakMap<object, object>();
  #touched: Map<object, boolean> | undefined = new Map();

  /** An object that behaves as `object` does, and is watched. */
  watch<T extends object>(object: T): T {
    const known = this.#proxies.get(object);
    if (known !== undefined) return known as T;
    const proxy = new Proxy(object, this.#handler() as ProxyHandler<T>);
    this.#proxies.set(object, proxy);
    return proxy;
  }

  /** Notes that an object is looked at, or may be changed. */
  touch(object: object, changes: boolean): void {
    if (this.#touched !== undefined && (changes || !this.#touched.has(object))) {
      this.#touched.set(object, changes);
    }
  }

  /** Notes that anything may have been touched. */
  touchAll(): void {
    this.#touched = undefined;
  }

  /** What was touched since the last call. */
  take(): Footprint {
    const touched = this.#touched;
    this.#touched = new Map();
    return touched;
  }

  #handler(): ProxyHandler<object> {
    const touch = (target: object, changes: boolean) => this.touch(target, changes);
    return {
      get(target, key) {
        // The object itself is the receiver: private fields are not the proxy's.
        const value = Reflect.get(target, key, target);
        touch(target, typeof value === "function");
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          touch(target, true);
          return value.apply(target, args);
        };
      },
      set(target, key, value) {
        touch(target, true);
        return Reflect.set(target, key, value, target);
      },
      deleteProperty(target, key) {
        touch(target, true);
        return Reflect.deleteProperty(target, key);
      },
      defineProperty(target, key, descriptor) {
        touch(target, true);
        return Reflect.defineProperty(target, key, descriptor);
      },
      has(target, key) {
        touch(target, false);
        return Reflect.has(target, key);
      },
      ownKeys(target) {
        touch(target, false);
        return Reflect.ownKeys(target);
      },
    };
  }
}
