/**
 * Offline stand-in for `jsr:@std/assert`, for contributors whose machine does not reach JSR. Our own code,
 * with the same names and behaviour for the part that this repository uses; `deno.json` links it, and it
 * is not published. To use the real package: `deno unlink ./tools/std_assert`.
 *
 * @module
 */
import { deepStrictEqual } from "node:assert/strict";

/** Thrown by every assertion. */
export class AssertionError extends Error {
  /** Always `"AssertionError"`. */
  override readonly name = "AssertionError";
}

// deno-lint-ignore no-explicit-any -- constructors of every signature
type ErrorClass<E extends Error = Error> = new (...args: any[]) => E;

function show(value: unknown): string {
  return Deno.inspect(value, { depth: 6, sorted: true, strAbbreviateSize: 2000 });
}

function check(holds: boolean, expectation: string, msg?: string): asserts holds {
  if (!holds) throw new AssertionError(msg === undefined ? expectation : `${expectation}: ${msg}`);
}

function equal(actual: unknown, expected: unknown): boolean {
  try {
    deepStrictEqual(actual, expected);
    return true;
  } catch {
    return false;
  }
}

/** Asserts that `expr` is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/** Asserts that `expr` is falsy. */
export function assertFalse(expr: unknown, msg?: string): void {
  check(!expr, `Expected a falsy value, received ${show(expr)}`, msg);
}

/** Asserts deep equality. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  check(
    equal(actual, expected),
    `Values are not equal:\n  actual ${show(actual)}\nexpected ${show(expected)}`,
    msg,
  );
}

/** Asserts deep inequality. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  check(!equal(actual, expected), `Expected other than ${show(expected)}`, msg);
}

/** Asserts identity (`Object.is`). */
export function assertStrictEquals<T>(actual: unknown, expected: T, msg?: string): asserts actual is T {
  check(Object.is(actual, expected), `Values are not the same: ${show(actual)}, ${show(expected)}`, msg);
}

/** Asserts difference (`Object.is`). */
export function assertNotStrictEquals<T>(actual: T, expected: T, msg?: string): void {
  check(!Object.is(actual, expected), `Expected another object than ${show(expected)}`, msg);
}

/** Asserts that a value is neither `null` nor `undefined`. */
export function assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T> {
  check(actual !== undefined && actual !== null, `Expected a value, received ${actual}`, msg);
}

/** Asserts that `actual` is an instance of `type`. */
export function assertInstanceOf<T>(
  actual: unknown,
  // deno-lint-ignore no-explicit-any -- classes of every signature
  type: abstract new (...args: any[]) => T,
  msg?: string,
): asserts actual is T {
  check(actual instanceof type, `Expected an instance of ${type.name}, received ${show(actual)}`, msg);
}

/** Asserts that `actual` matches `expected`. */
export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  check(expected.test(actual), `Expected ${show(actual)} to match ${expected}`, msg);
}

/** Asserts that `actual` contains `expected`. */
export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  check(actual.includes(expected), `Expected ${show(actual)} to contain ${show(expected)}`, msg);
}

/** Asserts that `actual` contains every element of `expected`. */
export function assertArrayIncludes<T>(actual: ArrayLike<T>, expected: ArrayLike<T>, msg?: string): void {
  const missing = Array.from(expected).filter((e) => !Array.from(actual).some((a) => equal(a, e)));
  check(missing.length === 0, `Expected ${show(actual)} to include ${show(missing)}`, msg);
}

/** Asserts that two numbers are close. */
export function assertAlmostEquals(actual: number, expected: number, tolerance = 1e-7, msg?: string): void {
  check(Math.abs(actual - expected) <= tolerance, `Expected ${actual} to be close to ${expected}`, msg);
}

/** Asserts `actual > expected`. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  check(actual > expected, `Expected ${show(actual)} > ${show(expected)}`, msg);
}

/** Asserts `actual >= expected`. */
export function assertGreaterOrEqual<T>(actual: T, expected: T, msg?: string): void {
  check(actual >= expected, `Expected ${show(actual)} >= ${show(expected)}`, msg);
}

/** Asserts `actual < expected`. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  check(actual < expected, `Expected ${show(actual)} < ${show(expected)}`, msg);
}

/** Asserts `actual <= expected`. */
export function assertLessOrEqual<T>(actual: T, expected: T, msg?: string): void {
  check(actual <= expected, `Expected ${show(actual)} <= ${show(expected)}`, msg);
}

/** Asserts that `error` is an `ErrorClass` whose message contains `msgIncludes`. */
export function assertIsError<E extends Error = Error>(
  error: unknown,
  errorClass?: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): asserts error is E {
  check(error instanceof Error, `Expected an Error, received ${show(error)}`, msg);
  if (errorClass !== undefined) {
    check(
      error instanceof errorClass,
      `Expected ${errorClass.name}, received ${error.name}: ${error.message}`,
      msg,
    );
  }
  if (msgIncludes !== undefined) {
    check(
      error.message.includes(msgIncludes),
      `Expected the message to contain ${show(msgIncludes)}, received ${show(error.message)}`,
      msg,
    );
  }
}

/** Asserts that `fn` throws, and returns the error. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  errorClass?: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): E {
  try {
    fn();
  } catch (error) {
    assertIsError(error, errorClass, msgIncludes, msg);
    return error;
  }
  throw new AssertionError(`Expected the function to throw${msg === undefined ? "" : `: ${msg}`}`);
}

/** Asserts that the promise of `fn` rejects, and resolves with the error. */
export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  errorClass?: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E> {
  let promise: PromiseLike<unknown>;
  try {
    promise = fn();
  } catch (error) {
    throw new AssertionError(`Expected a rejection, but the function threw ${show(error)}`);
  }
  try {
    await promise;
  } catch (error) {
    assertIsError(error, errorClass, msgIncludes, msg);
    return error;
  }
  throw new AssertionError(`Expected the promise to reject${msg === undefined ? "" : `: ${msg}`}`);
}

/** Fails. */
export function fail(msg = "Failed"): never {
  throw new AssertionError(msg);
}

/** Fails: this place must not be reached. */
export function unreachable(reason = "Unreachable"): never {
  throw new AssertionError(reason);
}
