const EMPTY = new Uint8Array(0);

/**
 * Bytes that are to be written: either small pieces, copied one behind the other, or one large piece that was
 * lent and must not change until it is written.
 */
export class WriteBuffer {
  readonly #capacity: number;
  #memory: Uint8Array = EMPTY;
  #pending: Uint8Array = EMPTY;

  /** `capacity` is in bytes; with 0 nothing is copied. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** How many bytes there are. */
  get size(): number {
    return this.#pending.length;
  }

  /** The bytes. */
  get bytes(): Uint8Array {
    return this.#pending;
  }

  /** Whether so many bytes more can be copied. */
  fits(count: number): boolean {
    if (count === 0) return true;
    if (this.#pending.length === 0) return count < this.#capacity;
    return this.#end + count <= this.#capacity; // never behind a lent piece: it is no smaller than the buffer
  }

  /** Copies bytes that fit. */
  add(data: Uint8Array): void {
    if (data.length === 0) return;
    if (this.#memory.length === 0) this.#memory = new Uint8Array(this.#capacity);
    const start = this.#pending.length === 0 ? 0 : this.#pending.byteOffset;
    const end = start + this.#pending.length;
    this.#memory.set(data, end);
    this.#pending = this.#memory.subarray(start, end + data.length);
  }

  /** Takes a piece that does not fit as it is. There must be no bytes. */
  lend(data: Uint8Array): void {
    this.#pending = data;
  }

  /** The first `count` bytes are written. */
  skip(count: number): void {
    this.#pending = this.#pending.subarray(count);
  }

  /** Forgets all bytes. */
  clear(): void {
    this.#pending = EMPTY;
  }

  get #end(): number {
    return this.#pending.byteOffset + this.#pending.length;
  }
}
