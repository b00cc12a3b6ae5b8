/** What a {@linkcode MemoryLimit} has to say. */
export type MemoryFinding =
  | { readonly kind: "exceeded"; readonly usage: number; readonly limit: number }
  | { readonly kind: "under"; readonly usage: number; readonly limit: number; readonly most: number };

/** Tells when a program uses too much memory and goes on growing, and when it is back below. */
export class MemoryLimit {
  /** What it used when it was last above the limit (bytes); 0 below. */
  #above = 0;
  #most = 0;

  /**
   * Makes one.
   *
   * @param limit Bytes.
   * @param read How many bytes are in use.
   */
  constructor(readonly limit: number, readonly read: () => number) {}

  /** Looks how much is in use. */
  check(): MemoryFinding | undefined {
    const usage = this.read();
    const { limit } = this;
    const last = this.#above;
    if (usage <= limit) {
      const most = this.#most;
      this.#above = this.#most = 0;
      return last > 0 ? { kind: "under", usage, limit, most } : undefined;
    }
    this.#above = usage;
    this.#most = Math.max(this.#most, usage);
    return usage > last ? { kind: "exceeded", usage, limit } : undefined;
  }
}

const UNITS = ["", "K", "M", "G", "T"];

/**
 * A number of bytes.
 *
 * @param size Bytes, or a text such as `"100MB"`; a kilobyte is 1024 bytes.
 * @throws {RangeError} If it is not a positive number.
 * @throws {TypeError} If it is neither a number nor such a text.
 */
export function toBytes(size: number | string, action: string, what: string): number {
  const bytes = typeof size === "string" ? parseBytes(size) : size;
  if (typeof bytes !== "number") {
    throw new TypeError(
      `Cannot ${action}: ${what} must be a number of bytes or a text like "100MB", received ${String(size)}`,
    );
  }
  if (!(bytes > 0)) {
    throw new RangeError(`Cannot ${action}: ${what} must be a positive number of bytes, received ${size}`);
  }
  return bytes;
}

function parseBytes(text: string): number | undefined {
  const parts = /^\s*(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?\s*$/i.exec(text);
  if (parts === null) return undefined;
  return Math.floor(Number(parts[1]) * 1024 ** UNITS.indexOf(parts[2]!.toUpperCase()));
}

/** `"1.5 GB"`. */
export function formatBytes(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  const digits = power === 0 ? 0 : 1;
  return `${(bytes / 1024 ** power).toFixed(digits)} ${UNITS[power]}B`;
}
