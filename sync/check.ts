/**
 * Refuses a number that is not whole or below `least`.
 *
 * @throws {RangeError} Naming the value.
 */
export function checkWhole(value: number, least: number, action: string, what: string): void {
  if (Number.isInteger(value) && value >= least) return;
  const kind = least === 0 ? "a non-negative integer" : "a positive integer";
  throw new RangeError(`Cannot ${action}: ${what} must be ${kind}, received ${value}`);
}

/**
 * Refuses a size that is neither whole and at least `least` nor `Infinity`.
 *
 * @throws {RangeError} Naming the value.
 */
export function checkSize(value: number, least: number, action: string, what: string): void {
  if (value === Infinity || (Number.isInteger(value) && value >= least)) return;
  const kind = least === 0 ? "a non-negative integer" : "a positive integer";
  throw new RangeError(`Cannot ${action}: ${what} must be ${kind} or Infinity, received ${value}`);
}

/**
 * Refuses what is not a function.
 *
 * @throws {TypeError} Naming the value.
 */
export function checkFunction(fn: unknown, action: string, what = "fn"): void {
  if (typeof fn === "function") return;
  throw new TypeError(`Cannot ${action}: ${what} must be a function, received ${String(fn)}`);
}
