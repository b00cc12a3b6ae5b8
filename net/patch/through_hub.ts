import { standsFor, until, type UntilOptions } from "../../hub/mod.ts";
import { isOutside } from "../../green/outside.ts";

// deno-lint-ignore no-explicit-any -- functions of every signature
export type AnyFunction = (this: any, ...args: any[]) => any;

/** Calls the original, with whatever arguments. */
export type Call = (...args: unknown[]) => Promise<unknown>;

/** How an operation waits through the hub. */
export interface Manner {
  /** Called instead of the original in a greenlet. */
  readonly wait?: (call: Call, args: unknown[]) => unknown;
  /** Closes what arrives when nobody waits for it any more. */
  readonly abandon?: (value: never) => void;
  /** What is waited for, for reports. */
  readonly what?: string;
  /** Whether it begins also if an interruption is due: it cleans up. */
  readonly always?: boolean;
}

/**
 * A function that does what `original` does, and waits through the hub if it is called in a greenlet. Outside
 * of greenlets it is the original to the letter.
 */
export function throughHub<F extends AnyFunction>(original: F, manner: Manner = {}): F {
  const { abandon, always = false, what = original.name, wait = waitFor } = manner;
  function replacement(this: unknown, ...args: unknown[]): unknown {
    if (isOutside()) return Reflect.apply(original, this, args);
    return wait((...others) => Reflect.apply(original, this, others), args);
  }
  function waitFor(call: Call, args: unknown[]): Promise<unknown> {
    const options = { what, ...abandon && { abandon } } as UntilOptions<unknown>;
    return always ? until(call(...args), options) : begun(() => call(...args), options);
  }
  return imitate(replacement, original) as F;
}

/** As {@linkcode throughHub}, for what cleans up: it begins also if an interruption is due. */
export function cleaningUp(original: AnyFunction): AnyFunction {
  return throughHub(original, { always: true });
}

/**
 * Begins an operation, unless an interruption is due, and waits for it. What it throws at the call is thrown at
 * the call.
 */
export function begun<T>(
  begin: (interrupted: AbortSignal) => Promise<T>,
  options: UntilOptions<T>,
): Promise<T> {
  let thrown: { readonly error: unknown } | undefined;
  const waiting = until((interrupted) => {
    try {
      return begin(interrupted);
    } catch (error) {
      thrown = { error };
      throw error;
    }
  }, options);
  if (thrown !== undefined) throw (thrown as { readonly error: unknown }).error;
  return waiting;
}

/** For operations whose options, at this position, take a signal: an interruption aborts them. */
export function abortable(
  call: Call,
  args: unknown[],
  optionsAt: number,
  how: UntilOptions<never>,
): Promise<unknown> {
  const abortableCall = (interrupted: AbortSignal) => withSignal(call, args, optionsAt, interrupted);
  return begun(abortableCall, how as UntilOptions<unknown>);
}

/** Calls with one more signal in the options at this position. */
export function withSignal(
  call: Call,
  args: unknown[],
  optionsAt: number,
  signal: AbortSignal,
): Promise<unknown> {
  const options = (args[optionsAt] ?? {}) as { signal?: AbortSignal };
  const others = [...args];
  while (others.length < optionsAt) others.push(undefined);
  const both = options.signal == null ? signal : AbortSignal.any([options.signal, signal]);
  others[optionsAt] = { ...options, signal: both };
  return call(...others);
}

/** Gives a replacement the name, the length and the other properties of the original. */
export function imitate<F extends object>(replacement: F, original: object): F {
  const { prototype: _prototype, ...properties } = Object.getOwnPropertyDescriptors(original) as {
    [name: PropertyKey]: PropertyDescriptor;
  };
  for (const name of Reflect.ownKeys(properties)) {
    const present = Object.getOwnPropertyDescriptor(replacement, name);
    if (present === undefined || present.configurable) {
      Object.defineProperty(replacement, name, properties[name]!);
    }
  }
  return standsFor(replacement, original);
}

/** Puts other methods and getters into one object, each made of its own. Those it does not have are left out. */
export function replaceMethods<T extends object>(
  target: T,
  makers: { readonly [name: PropertyKey]: (original: AnyFunction) => AnyFunction },
): T {
  for (const name of Reflect.ownKeys(makers)) {
    const original = (target as Record<PropertyKey, unknown>)[name];
    if (typeof original !== "function") continue;
    const value = makers[name]!(original as AnyFunction);
    Object.defineProperty(target, name, { value, configurable: true, writable: true });
  }
  return target;
}

/** Puts getters into one object, which give what is made of what its own ones give. */
export function replaceGetters<T extends object>(
  target: T,
  // deno-lint-ignore no-explicit-any -- values of every type
  makers: { readonly [name: string]: (value: any) => unknown },
): T {
  for (const [name, make] of Object.entries(makers)) {
    const getter = getterOf(target, name);
    if (getter === undefined) continue;
    Object.defineProperty(target, name, { get: () => make(getter.call(target)), configurable: true });
  }
  return target;
}

function getterOf(target: object, name: string): (() => unknown) | undefined {
  for (let at: object | null = target; at !== null; at = Object.getPrototypeOf(at)) {
    const descriptor = Object.getOwnPropertyDescriptor(at, name);
    if (descriptor !== undefined) return descriptor.get ?? (() => descriptor.value);
  }
  return undefined;
}
