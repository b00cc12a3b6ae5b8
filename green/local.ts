import { callerTask, showLocal } from "../hub/mod.ts";

/**
 * Options of {@linkcode Local}.
 *
 * @example An initial value, made for each greenlet
 * ```ts
 * import { Local, type LocalOptions } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const options: LocalOptions<string[]> = { initial: () => [] };
 * const log = new Local(options);
 * log.get().push("here");
 * assertEquals(log.get(), ["here"]);
 * ```
 */
export interface LocalOptions<T> {
  /** Makes the value of a greenlet that asks for it and has none. Called once for each greenlet. */
  initial?: (() => T) | undefined;
  /**
   * Whether a greenlet begins with the value that its spawner had at the spawn; also if that is the code outside
   * greenlets.
   *
   * @default {false}
   */
  inherit?: boolean | undefined;
  /** Shows the values under this name in dumps, as texts. */
  name?: string | undefined;
}

/**
 * A variable of which every greenlet has its own. All code outside greenlets shares one.
 *
 * The value is dropped when the greenlet ends.
 *
 * Source: `gevent.local.local`, for one value.
 *
 * @typeParam T The type of the value; without `initial` it should admit `undefined`.
 *
 * @example A request id that helpers can read
 * ```ts
 * import { Local, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const requestId = new Local<string>({ inherit: true });
 * const log = () => requestId.get();
 *
 * const first = spawn(() => {
 *   requestId.set("a");
 *   return spawn(log).get();
 * });
 * assertEquals(await first.get(), "a");
 * assertEquals(requestId.get(), undefined);
 * ```
 */
export class Local<T> {
  readonly #initial: (() => T) | undefined;
  readonly #inherit: boolean;

  /** What dumps call it; `undefined` if they do not show it. */
  readonly name: string | undefined;

  /**
   * Makes a variable.
   *
   * @throws {TypeError} If `initial` is not a function.
   */
  constructor(options: LocalOptions<T> = {}) {
    const { initial, inherit = false, name } = options;
    if (initial !== undefined && typeof initial !== "function") {
      throw new TypeError(`Cannot create local: initial must be a function, received ${String(initial)}`);
    }
    this.#initial = initial;
    this.#inherit = inherit;
    this.name = name;
    if (name !== undefined) showLocal(this, name);
  }

  /** The running greenlet's value; the initial one, or `undefined`, if it has none. Does not switch. */
  get(): T {
    const task = callerTask();
    const values = this.#inherit ? task.inherited : task.locals;
    if (values?.has(this)) return values.get(this) as T;
    if (this.#initial === undefined) return undefined as T;
    const value = this.#initial();
    this.set(value);
    return value;
  }

  /** Sets the running greenlet's value. Does not switch. */
  set(value: T): void {
    const task = callerTask();
    if (this.#inherit) task.inherited = new Map(task.inherited).set(this, value);
    else (task.locals ??= new WeakMap()).set(this, value);
  }

  /**
   * Forgets the running greenlet's value. Does not switch.
   *
   * @returns Whether it had one.
   */
  delete(): boolean {
    const task = callerTask();
    if (!this.#inherit) return task.locals?.delete(this) ?? false;
    const values = new Map(task.inherited);
    const deleted = values.delete(this);
    if (deleted) task.inherited = values;
    return deleted;
  }
}

/**
 * An object whose properties every greenlet has for itself: what one sets, no other sees.
 *
 * Source: `gevent.local.local`.
 *
 * @typeParam T The shape of the object.
 * @param initial Makes the object that a greenlet begins with; an empty one by default.
 * @param name Shows the objects under this name in dumps.
 *
 * @example Properties per greenlet
 * ```ts
 * import { local, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const state = local<{ user?: string }>();
 * state.user = "main";
 * const seen = await spawn(() => {
 *   const before = state.user;
 *   state.user = "worker";
 *   return before;
 * }).get();
 * assertEquals([seen, state.user], [undefined, "main"]);
 * ```
 */
export function local<T extends object>(initial: () => T = () => ({}) as T, name?: string): T {
  const objects = new Local<T>({ initial, name });
  // Every operation goes to the running greenlet's object; the target itself stays empty.
  return new Proxy({} as T, {
    get: (_, key) => Reflect.get(objects.get(), key),
    set: (_, key, value) => Reflect.set(objects.get(), key, value),
    has: (_, key) => Reflect.has(objects.get(), key),
    deleteProperty: (_, key) => Reflect.deleteProperty(objects.get(), key),
    ownKeys: () => Reflect.ownKeys(objects.get()),
    getPrototypeOf: () => Reflect.getPrototypeOf(objects.get()),
    setPrototypeOf: (_, prototype) => Reflect.setPrototypeOf(objects.get(), prototype),
    getOwnPropertyDescriptor(_, key) {
      const descriptor = Reflect.getOwnPropertyDescriptor(objects.get(), key);
      // A proxy must not report a fixed property that its target does not have.
      return descriptor && { ...descriptor, configurable: true };
    },
    defineProperty: (_, key, descriptor) =>
      Reflect.defineProperty(objects.get(), key, { ...descriptor, configurable: true }),
    preventExtensions: () => false,
  });
}
