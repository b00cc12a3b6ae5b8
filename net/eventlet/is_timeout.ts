import { Timeout } from "../../hub/mod.ts";

/**
 * Whether something is a time-out: a `Timeout` of this library, a `"TimeoutError"` of the platform
 * (`AbortSignal.timeout()`), `Deno.errors.TimedOut`, or anything whose `isTimeout` is `true`.
 *
 * Source: `eventlet.is_timeout`.
 *
 * @example Too late, whoever says so
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assert, assertFalse } from "@std/assert";
 *
 * assert(eventlet.isTimeout(new DOMException("The signal timed out", "TimeoutError")));
 * assertFalse(eventlet.isTimeout(new Error("disk full")));
 * ```
 */
export function isTimeout(value: unknown): boolean {
  if (value instanceof Timeout) return true;
  if ((value as { isTimeout?: unknown } | null | undefined)?.isTimeout === true) return true;
  if (value instanceof DOMException) return value.name === "TimeoutError";
  return globalThis.Deno !== undefined && value instanceof Deno.errors.TimedOut;
}

/**
 * Marks errors as time-outs for {@linkcode isTimeout}: all instances of a class, or what a function returns (also
 * as a promise).
 *
 * Source: `eventlet.wrap_is_timeout`.
 *
 * @param base A class, which is changed; or a function, which is not.
 * @returns The class itself, or a function to call instead.
 * @throws {TypeError} If `base` is neither, or a class of the language itself.
 *
 * @example A class of one's own
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assert } from "@std/assert";
 *
 * class TooLate extends Error {}
 * eventlet.wrapIsTimeout(TooLate);
 * assert(eventlet.isTimeout(new TooLate()));
 * ```
 *
 * @example What a function returns
 * ```ts
 * import { eventlet } from "@verdant/green";
 * import { assert } from "@std/assert";
 *
 * const makeError = eventlet.wrapIsTimeout((message: string) => new Error(message));
 * assert(eventlet.isTimeout(makeError("too late")));
 * ```
 */
export function wrapIsTimeout<F>(base: F): F {
  if (typeof base !== "function") {
    throw new TypeError(`Cannot wrap: base must be a class or a function, received ${String(base)}`);
  }
  if (!isClass(base)) return wrapFunction(base as unknown as (...args: unknown[]) => unknown) as F;
  if (/\{\s*\[native code\]\s*\}$/.test(Function.prototype.toString.call(base))) {
    throw new TypeError(`Cannot wrap ${base.name}: it is everybody's, derive a class from it`);
  }
  Object.defineProperty(base.prototype, "isTimeout", { value: true, configurable: true });
  return base;
}

/** The prototype of a class cannot be replaced, that of a function can; arrows have none. */
// deno-lint-ignore ban-types -- classes and functions of every signature
function isClass(base: Function): boolean {
  return Object.getOwnPropertyDescriptor(base, "prototype")?.writable === false;
}

function wrapFunction(fn: (...args: unknown[]) => unknown): (...args: unknown[]) => unknown {
  return function (this: unknown, ...args: unknown[]): unknown {
    const result = fn.apply(this, args);
    return result instanceof Promise ? result.then(mark) : mark(result);
  };
}

function mark(result: unknown): unknown {
  return Object.defineProperty(result, "isTimeout", { value: true, configurable: true });
}
