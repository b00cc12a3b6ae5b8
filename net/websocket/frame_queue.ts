import type { ByteSink } from "../outflow.ts";
import { roomFor, writeFrame } from "./frame.ts";

/** Small frames share pieces of memory of this size (bytes), which are used again. */
const CHUNK_BYTES = 2 * 1024;
/** So many of them are kept for later. */
const MAX_KEPT = 256;

const encoder = new TextEncoder();

/** Memory with frames in it, which go together. */
class Chunk {
  readonly memory: Uint8Array;
  /** How many bytes are written to it. */
  end = 0;
  /** How many bytes of it have gone. */
  start = 0;

  constructor(size: number) {
    this.memory = new Uint8Array(size);
  }
}

/** Shared by all connections: an idle one has none. */
const kept: Chunk[] = [];

function takeChunk(size: number): Chunk {
  return size > CHUNK_BYTES ? new Chunk(size) : kept.pop() ?? new Chunk(CHUNK_BYTES);
}

function giveBack(chunk: Chunk): void {
  if (chunk.memory.length !== CHUNK_BYTES || kept.length >= MAX_KEPT) return;
  chunk.start = chunk.end = 0;
  kept.push(chunk);
}

/** What a {@linkcode FrameQueue} needs. */
export interface FrameQueueOptions {
  readonly sink: Pick<ByteSink, "write">;
  /** Whether payloads are masked. */
  readonly masks: boolean;
  /** Told that less is unsent. */
  readonly sent: () => void;
  /** Told that nothing can be written any more. */
  readonly failed: () => void;
}

/** Frames on their way to the system, in order, each as a whole. */
export class FrameQueue {
  /** How many bytes are unsent. */
  size = 0;
  readonly #options: FrameQueueOptions;
  /** What the system is writing. */
  #underWay: Chunk | undefined = undefined;
  #waiting: Chunk[] = [];
  #broken = false;

  constructor(options: FrameQueueOptions) {
    this.#options = options;
  }

  /** Adds a frame; drops it if nothing can be written any more. */
  push(opcode: number, payload: string | Uint8Array): void {
    if (this.#broken) return;
    let room = roomFor(payload);
    if (room > CHUNK_BYTES && typeof payload === "string") {
      payload = encoder.encode(payload); // rather than room for the worst case
      room = roomFor(payload);
    }
    let chunk = this.#waiting.at(-1);
    if (chunk === undefined || chunk.end + room > chunk.memory.length) {
      chunk = takeChunk(room);
      this.#waiting.push(chunk);
    }
    const written = writeFrame(chunk.memory, chunk.end, opcode, payload, this.#options.masks);
    chunk.end += written;
    this.size += written;
    if (this.#underWay === undefined) this.#writeNext();
  }

  /** Forgets what has not been handed to the system. */
  drop(): void {
    this.#waiting = [];
    this.#broken = true;
  }

  #writeNext(): void {
    this.#underWay = this.#waiting.shift();
    if (this.#underWay !== undefined) this.#write(this.#underWay);
  }

  #write({ memory, start, end }: Chunk): void {
    this.#options.sink.write(memory.subarray(start, end)).then(this.#wrote, this.#broke);
  }

  readonly #wrote = (count: number): void => {
    const chunk = this.#underWay!;
    this.size -= count;
    chunk.start += count;
    if (chunk.start < chunk.end) this.#write(chunk);
    else {
      giveBack(chunk);
      this.#writeNext();
    }
    this.#options.sent();
  };

  readonly #broke = (): void => {
    this.drop();
    this.#options.failed();
  };
}
