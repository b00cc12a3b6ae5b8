/** What is to move with a value, until the value is sent. */
const marks = new WeakMap<object, readonly Transferable[]>();
/** How many values are marked. */
let marked = 0;

/**
 * Marks what moves to the other thread, instead of being copied, when `value` is next sent there: as an argument
 * of a task, as its result, or through a {@linkcode WorkerChannel}. What moved is gone here. Found in arguments and
 * results themselves and in plain arrays and objects.
 *
 * @param value What will be sent. Of a typed array, its buffer moves.
 * @param parts What moves, if it is not the value itself but in it.
 * @returns The same value.
 * @throws {TypeError} If a part is no object, or is a `SharedArrayBuffer`: that is shared without being marked.
 *
 * @example Move a buffer there and back
 * ```ts
 * import { ThreadPool, transfer } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * await using pool = new ThreadPool(1);
 * const pixels = new Uint8Array([1, 2, 3]);
 * const length = await pool.apply((bytes: Uint8Array) => bytes.length, [transfer(pixels)]);
 * assertEquals([length, pixels.length], [3, 0]);
 * ```
 */
export function transfer<T extends object>(value: T, parts?: readonly Transferable[]): T {
  if (typeof value !== "object" || value === null) {
    throw new TypeError(`Cannot transfer: value must be an object, received ${String(value)}`);
  }
  const moved = parts ?? [ownPart(value)];
  for (const part of moved) checkPart(part);
  if (!marks.has(value)) marked++;
  marks.set(value, moved);
  return value;
}

function ownPart(value: object): Transferable {
  return (ArrayBuffer.isView(value) ? value.buffer : value) as Transferable;
}

function checkPart(part: unknown): void {
  if (typeof part !== "object" || part === null) {
    throw new TypeError(`Cannot transfer: a part must be an object, received ${String(part)}`);
  }
  if (globalThis.SharedArrayBuffer !== undefined && part instanceof SharedArrayBuffer) {
    throw new TypeError("Cannot transfer: a SharedArrayBuffer is shared, it does not move");
  }
}

/** What moves with a value; `undefined` if it is not marked. */
export function partsOf(value: object): readonly Transferable[] | undefined {
  return marks.get(value);
}

/** The value has been sent: its mark has served. */
export function unmark(value: object): void {
  if (marks.delete(value)) marked--;
}

/** Whether any value is marked. */
export function anyMarked(): boolean {
  return marked > 0;
}
