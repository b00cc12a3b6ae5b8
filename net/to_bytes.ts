const encoder = new TextEncoder();

/**
 * Text as UTF-8, bytes as they are.
 *
 * @throws {TypeError} If it is neither, naming the value.
 */
export function toBytes(data: string | Uint8Array, action: string, what = "data"): Uint8Array {
  if (typeof data === "string") return encoder.encode(data);
  if (data instanceof Uint8Array) return data;
  throw new TypeError(`Cannot ${action}: ${what} must be a Uint8Array or a string, received ${String(data)}`);
}
