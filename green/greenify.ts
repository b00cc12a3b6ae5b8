import { quiet, until } from "../hub/mod.ts";
import { isHub } from "./outside.ts";

// deno-lint-ignore no-explicit-any -- functions of every signature
type AnyFunction = (...args: any[]) => any;
/**
 * What to do about one method of an object: about its interrupted operations, and with what it returns.
 *
 * @typeParam T The object.
 * @typeParam A The arguments of the method.
 * @typeParam R What it returns, or what its promise brings.
 *
 * @example Stop what nobody waits for
 * ```ts
 * import { greenify, type MethodHooks, Timeout, withTimeout } from "@verdant/green";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * class Search {
 *   stopped: string[] = [];
 *   find(_what: string): Promise<string> {
 *     return new Promise(() => {});
 *   }
 * }
 * const find: MethodHooks<Search, [string], string> = {
 *   cancel: (search, [what]) => search.stopped.push(what),
 * };
 * const search = greenify(new Search(), { find });
 * await assertRejects(() => withTimeout(1, () => search.find("tea")), Timeout);
 * assertEquals(search.stopped, ["tea"]);
 * ```
 */
export interface MethodHooks<T, A extends unknown[], R> {
  /** Called when the caller of an operation is interrupted, with the reason: may stop it. */
  cancel?(target: T, args: A, reason: unknown): void;
  /** Gets what an operation brings whose caller was interrupted: closes it. */
  abandon?(value: R): void;
  /** Whether what it returns, or its promise brings, is a view, too; or the hooks of that one. */
  view?: boolean | (R extends object ? GreenifyHooks<R> : never);
}

/**
 * What to do about the methods of an object, by name; of a class in a module, `view` is about its instances.
 *
 * @typeParam T The object.
 *
 * @example Close what comes too late
 * ```ts
 * import { greenify, type GreenifyHooks } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * class Door {
 *   open(): Promise<{ close(): void }> {
 *     return Promise.resolve({ close() {} });
 *   }
 * }
 * const hooks: GreenifyHooks<Door> = { open: { abandon: (opened) => opened.close() } };
 * const door = greenify(new Door(), hooks);
 * assertEquals(typeof (await door.open()).close, "function");
 * ```
 */
export type GreenifyHooks<T> = {
  // Of a method with several signatures, types only see the last one, which may take a callback and bring nothing.
  [name in keyof T]?: T[name] extends (...args: infer A) => infer R
    // deno-lint-ignore no-explicit-any -- it may bring anything
    ? MethodHooks<T, A, [R] extends [void] ? any : Awaited<R>>
    // deno-lint-ignore no-explicit-any -- classes of every signature
    : T[name] extends abstract new (...args: any[]) => infer I ? { view?: GreenifyHooks<I> }
    : never;
};

/** The hooks of one method, of whatever type. */
interface Hooks {
  readonly cancel?: (target: object, args: unknown[], reason: unknown) => void;
  readonly abandon?: (value: unknown) => void;
  readonly view?: boolean | HooksByName;
}

type HooksByName = { readonly [name: PropertyKey]: Hooks | undefined };

/**
 * A view of an object whose methods wait through the hub: a greenlet that awaits one can be killed and timed out
 * meanwhile. Works for every object whose methods return promises, the client of a database for example; the
 * object itself is not changed, and needs to know nothing.
 *
 * An interrupted operation goes on, since nobody can stop a promise: the hook `cancel` is called at the
 * interruption, and may stop it; `abandon` gets what it brings nevertheless. An interrupted `for await` ends its
 * iterator.
 *
 * Methods run with the real object as `this`, and views among their arguments are given to them as the real
 * objects. What they return is as it was, apart from promises, objects that can be awaited or iterated with
 * `for await`, the object itself, and what the hook `view` names: these are views, too. Of a class or a function
 * the view can be called as well; what a class makes is a view, unless it is made for a subclass.
 *
 * Source: `eventlet.tpool.Proxy` in spirit.
 *
 * @typeParam T The object.
 * @param target The object.
 * @param hooks What to do about interrupted operations, and which results are views.
 * @throws {TypeError} If it is no object.
 *
 * @example Time out a client that cannot do it itself
 * ```ts
 * import { greenify, Timeout, withTimeout } from "@verdant/green";
 * import { assertRejects } from "@std/assert";
 *
 * class Client {
 *   query(_sql: string): Promise<string[]> {
 *     return new Promise(() => {}); // the server does not answer
 *   }
 * }
 * const client = greenify(new Client());
 * await assertRejects(() => withTimeout(5, () => client.query("select 1")), Timeout);
 * ```
 */
export function greenify<T extends object>(target: T, hooks: GreenifyHooks<T> = {}): T {
  if (Object(target) !== target) {
    throw new TypeError(`Cannot greenify: expected an object, received ${String(target)}`);
  }
  return viewOf(realOf(target) as object, hooks as HooksByName) as T;
}

const NO_HOOKS: Hooks = {};
/** Nobody else ends an iterator: `for await` does not, if asking for the next item fails. */
const ITERATOR_HOOKS: HooksByName = {
  next: { cancel: (iterator) => void endIterator(iterator as AsyncIterator<unknown>).catch(() => {}) },
};

async function endIterator(iterator: AsyncIterator<unknown>): Promise<void> {
  await iterator.return?.();
}

const THEN = "then";

/** What views are views of. */
const reals = new WeakMap<object, object>();

function viewOf(real: object, hooks?: HooksByName | boolean, member?: Member): object {
  const view: object = new Proxy(
    dummyOf(real),
    new View(real, typeof hooks === "object" ? hooks : {}, member),
  );
  reals.set(view, real);
  return view;
}

/** What a view is a view of; anything else as it is. */
function realOf(value: unknown): unknown {
  return reals.get(value as object) ?? value;
}

/**
 * What the proxy is one of. Not the real object, because a proxy may not show other values for what is frozen in
 * it; so it has no property that cannot be deleted.
 */
function dummyOf(real: object): object {
  if (typeof real !== "function") return {};
  return isConstructor(real) ? function () {}.bind(undefined) : () => {};
}

function isConstructor(fn: object): boolean {
  try {
    Reflect.construct(Object, [], fn as AnyFunction);
    return true;
  } catch {
    return false;
  }
}

/** Whose method a function is. */
interface Member {
  readonly owner: object;
  readonly view: object;
  readonly key: PropertyKey;
  readonly hooks: Hooks;
}

class View implements ProxyHandler<object> {
  readonly #real: object;
  readonly #hooks: HooksByName;
  readonly #member: Member | undefined;
  /** The same method is the same function each time. */
  readonly #methods = new Map<PropertyKey, object>();
  readonly #isModule: boolean;

  constructor(real: object, hooks: HooksByName, member: Member | undefined) {
    this.#real = real;
    this.#hooks = hooks;
    this.#member = member;
    this.#isModule = isModule(real);
  }

  get(_target: object, key: PropertyKey, view: object): unknown {
    const value = Reflect.get(this.#real, key, this.#real);
    if (typeof value === "object" && this.#isModule && isNamespace(value)) {
      return this.#partOf(value, key, () => viewOf(value, this.#hooks));
    }
    if (typeof value !== "function" || key === "constructor") return value;
    if (key === "then") return this.#then(value);
    // What a module exports by default has its hooks: it may be a function with properties.
    const hooks = key === "default" && this.#isModule ? this.#hooks : undefined;
    return this.#partOf(value, key, () => viewOf(value, hooks, this.#memberOf(key, view)));
  }

  set(_target: object, key: PropertyKey, value: unknown): boolean {
    return Reflect.set(this.#real, key, realOf(value), this.#real);
  }

  has(_target: object, key: PropertyKey): boolean {
    return Reflect.has(this.#real, key);
  }

  deleteProperty(_target: object, key: PropertyKey): boolean {
    return Reflect.deleteProperty(this.#real, key);
  }

  defineProperty(_target: object, key: PropertyKey, descriptor: PropertyDescriptor): boolean {
    return Reflect.defineProperty(this.#real, key, descriptor);
  }

  ownKeys(): (string | symbol)[] {
    return Reflect.ownKeys(this.#real);
  }

  getOwnPropertyDescriptor(_target: object, key: PropertyKey): PropertyDescriptor | undefined {
    const descriptor = Reflect.getOwnPropertyDescriptor(this.#real, key);
    // What its target does not have, a proxy may not call permanent.
    return descriptor && { ...descriptor, configurable: true };
  }

  getPrototypeOf(): object | null {
    return Reflect.getPrototypeOf(this.#real);
  }

  setPrototypeOf(_target: object, prototype: object | null): boolean {
    return Reflect.setPrototypeOf(this.#real, prototype);
  }

  /** Whoever wants to freeze something freezes the object itself. */
  preventExtensions(): boolean {
    return false;
  }

  apply(_target: object, self: unknown, args: unknown[]): unknown {
    const receiver = this.#member === undefined ? realOf(self) : this.#member.owner;
    const reached = args.map(realOf);
    return this.#give(Reflect.apply(this.#real as AnyFunction, receiver, reached), reached);
  }

  construct(_target: object, args: unknown[], newTarget: AnyFunction): object {
    const isOwn = realOf(newTarget) === this.#real;
    const made = Reflect.construct(
      this.#real as AnyFunction,
      args.map(realOf),
      realOf(newTarget) as AnyFunction,
    );
    // A subclass has private fields of its own, which a view would have instead of the object.
    return isOwn ? viewOf(made, this.#member?.hooks.view) : made;
  }

  #partOf(real: object, key: PropertyKey, make: () => object): object {
    let part = this.#methods.get(key);
    if (part === undefined || realOf(part) !== real) this.#methods.set(key, part = make());
    return part;
  }

  #memberOf(key: PropertyKey, view: object): Member {
    return { owner: this.#real, view, key, hooks: this.#hooks[key] ?? NO_HOOKS };
  }

  /** What a call returns, as the caller gets it. */
  #give(result: unknown, args: unknown[]): unknown {
    const { owner, view, key, hooks = NO_HOOKS }: Partial<Member> = this.#member ?? {};
    if (key === Symbol.asyncIterator) return viewOf(result as object, ITERATOR_HOOKS);
    if (owner !== undefined && result === owner) return view;
    const dress = (value: unknown) => owner !== undefined && value === owner ? view : dressed(value, hooks);
    const cancel = (reason: unknown) => hooks.cancel?.(owner!, args, reason);
    if (isPlainPromise(result)) {
      return follow(result, { what: this.#what, abandon: hooks.abandon, cancel, dress });
    }
    if (!isThenable(result)) {
      return isAsyncIterable(result) ? viewOf(result, hooks.view) : dressed(result, hooks);
    }
    return viewOf(result, { then: { ...hooks, cancel: (_target, _args, reason) => cancel(reason) } });
  }

  /** Objects that begin their work when they are awaited: queries under construction, for example. */
  #then(then: AnyFunction): AnyFunction {
    const { [THEN]: hooks = NO_HOOKS } = this.#hooks;
    const begin = () => new Promise((resolve, reject) => then.call(this.#real, resolve, reject));
    const cancel = (reason: unknown) => hooks.cancel?.(this.#real, [], reason);
    const dress = (value: unknown) => dressed(value, hooks);
    return (fulfilled, rejected) =>
      follow(begin, { what: nameOf(this.#real), abandon: hooks.abandon, cancel, dress }).then(
        fulfilled,
        rejected,
      );
  }

  /** For reports. */
  get #what(): string {
    if (this.#member === undefined) return nameOf(this.#real);
    const { owner, key } = this.#member;
    return isModule(owner) ? String(key) : `${nameOf(owner)}.${String(key)}`;
  }
}

/** How the result of an operation is waited for. */
interface Following {
  readonly what: string;
  readonly abandon: ((value: unknown) => void) | undefined;
  readonly cancel: (reason: unknown) => void;
  readonly dress: (value: unknown) => unknown;
}

/** Waits for an operation: one that has begun already, or is to begin, unless an interruption is due. */
function follow(operation: Promise<unknown> | (() => Promise<unknown>), how: Following): Promise<unknown> {
  if (!isHub()) return quiet(followInGreenlet(operation, how));
  return (typeof operation === "function" ? operation() : operation).then(how.dress);
}

async function followInGreenlet(
  operation: Promise<unknown> | (() => Promise<unknown>),
  { what, abandon, cancel, dress }: Following,
): Promise<unknown> {
  let underWay = false;
  const over = () => void (underWay = false);
  const watched = (begun: Promise<unknown>) => {
    underWay = true;
    begun.then(over, over);
    return begun;
  };
  try {
    const source = typeof operation === "function" ? () => watched(operation()) : watched(operation);
    return dress(await until(source, { what, abandon }));
  } catch (error) {
    if (underWay) cancel(error);
    throw error;
  }
}

function dressed(value: unknown, { view }: Hooks): unknown {
  return view && Object(value) === value ? viewOf(value as object, view) : value;
}

/** Whether it has nothing to offer but its outcome. */
function isPlainPromise(value: unknown): value is Promise<unknown> {
  return value instanceof Promise && Object.getPrototypeOf(value) === Promise.prototype &&
    Object.getOwnPropertyNames(value).length === 0;
}

function isThenable(value: unknown): value is object {
  return Object(value) === value && typeof (value as PromiseLike<unknown>).then === "function";
}

function isAsyncIterable(value: unknown): value is object {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

function nameOf(value: object): string {
  return (typeof value === "function" ? value.name : value.constructor?.name) || "an object";
}

function isModule(value: object): boolean {
  return (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag] === "Module" || isNamespace(value);
}

/** Whether an object only holds others together, as the default exports of CommonJS modules do. */
function isNamespace(value: object | null): value is object {
  if (value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
