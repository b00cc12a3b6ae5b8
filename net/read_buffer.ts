/** The first read of a connection asks for this many bytes: an idle connection costs little. */
const MIN_READ = 2 * 1024;
/** Reads that are filled to the brim ask for more the next time, up to this. */
const MAX_READ = 64 * 1024;
/** How much more: few steps to the full size. */
const GROWTH = 4;
/** Memory beyond this was for one long message: it is not kept once that was taken. */
const MAX_KEPT = 4 * MAX_READ;

/** Up to this many bytes, a loop is faster than a view and a copy of it. */
const SMALL_COPY = 48;

const EMPTY = new Uint8Array(0);

/**
 * Bytes that have arrived and that nobody has taken yet.
 *
 * One stretch of memory: `[start, end)` holds the bytes, what is behind `end` is room for the next read. While
 * a read is under way the system writes into that room, so only `room()` may move the bytes.
 */
export class ReadBuffer {
  #memory: Uint8Array<ArrayBuffer> = EMPTY;
  #start = 0;
  #end = 0;
  /** How many bytes the next read asks for. */
  #ask = MIN_READ;

  /** How many bytes there are. */
  get size(): number {
    return this.#end - this.#start;
  }

  /** The bytes; valid until the next call of another method. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#memory.subarray(this.#start, this.#end);
  }

  /** Where the next read may write to. There must be no read under way. */
  room(): Uint8Array<ArrayBuffer> {
    if (this.#start === this.#end) this.#clear();
    if (this.#memory.length - this.#end < this.#ask) this.#makeRoom();
    return this.#end === 0 ? this.#memory : this.#memory.subarray(this.#end);
  }

  /** `count` bytes were written into the room. */
  commit(count: number): void {
    const room = this.#memory.length - this.#end;
    this.#end += count;
    if (count === room) this.#ask = Math.min(this.#ask * GROWTH, MAX_READ);
    else if (count * GROWTH < this.#ask) this.#ask = Math.max(this.#ask / GROWTH, MIN_READ);
  }

  /** Moves as many bytes as fit into `target`; says how many. */
  moveTo(target: Uint8Array): number {
    const count = Math.min(this.size, target.length);
    const memory = this.#memory;
    const start = this.#start;
    if (count > SMALL_COPY) target.set(memory.subarray(start, start + count));
    else for (let i = 0; i < count; i++) target[i] = memory[start + i]!;
    this.#start = start + count;
    return count;
  }

  /** Takes `count` bytes. */
  take(count: number): Uint8Array<ArrayBuffer> {
    const taken = this.#memory.slice(this.#start, this.#start + count);
    this.#start += count;
    return taken;
  }

  /** Drops `count` bytes. */
  skip(count: number): void {
    this.#start += count;
  }

  #clear(): void {
    this.#start = this.#end = 0;
    if (this.#memory.length > MAX_KEPT) this.#memory = EMPTY;
  }

  #makeRoom(): void {
    const { size } = this;
    const needed = size + this.#ask;
    // Doubling, so that a long line is not copied again and again.
    const target = needed <= this.#memory.length ? this.#memory : new Uint8Array(Math.max(needed, 2 * size));
    target.set(this.bytes);
    this.#memory = target;
    this.#start = 0;
    this.#end = size;
  }
}
