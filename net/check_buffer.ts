/**
 * Refuses what cannot be read into.
 *
 * @throws {TypeError} If it is no `Uint8Array`, naming the value.
 * @throws {RangeError} If it has no room.
 */
export function checkBuffer(buffer: unknown): void {
  if (!(buffer instanceof Uint8Array)) {
    throw new TypeError(`Cannot read: buffer must be a Uint8Array, received ${String(buffer)}`);
  }
  if (buffer.length > 0) return;
  throw new RangeError("Cannot read: buffer must have room for a byte at least, received a length of 0");
}
