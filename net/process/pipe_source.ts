import type { ByteSource } from "../inflow.ts";

type Reader = ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;

/** A stream of the platform, and how far it is. */
interface Tap {
  readonly reader: Reader;
  /** Whether a read is under way, or what it brought has not been taken, or there is no more. */
  busy: boolean;
}

interface Pending {
  readonly into: Uint8Array;
  readonly outcome: PromiseWithResolvers<number | null>;
}

/**
 * The output of a process: one or two streams of the platform, read as one, in the order in which their pieces
 * arrive. No more is taken from a stream than one piece ahead.
 */
export class PipeSource implements ByteSource {
  readonly #taps: Tap[];
  /** What has arrived and was not taken, oldest first: one piece of each tap at most. */
  readonly #pieces: { readonly tap: Tap; bytes: Uint8Array }[] = [];
  #open: number;
  #failure: { readonly error: unknown } | undefined = undefined;
  /** The read under way. */
  #pending: Pending | undefined = undefined;

  constructor(streams: readonly ReadableStream<Uint8Array<ArrayBuffer>>[]) {
    this.#taps = streams.map((stream) => ({ reader: stream.getReader(), busy: false }));
    this.#open = streams.length;
  }

  /** One at a time. */
  read(into: Uint8Array): Promise<number | null> {
    const outcome = Promise.withResolvers<number | null>();
    this.#pending = { into, outcome };
    for (const tap of this.#taps) if (!tap.busy) this.#pull(tap);
    this.#serve();
    return outcome.promise;
  }

  /** Closes the streams; a read under way ends. */
  close(): void {
    for (const { reader } of this.#taps) reader.cancel().catch(() => {}); // it had failed before
  }

  #pull(tap: Tap): void {
    tap.busy = true;
    tap.reader.read().then(({ value, done }) => {
      if (done) this.#open--;
      else this.#pieces.push({ tap, bytes: value });
      this.#serve();
    }, (error) => {
      this.#failure ??= { error };
      this.#serve();
    });
  }

  #serve(): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    const { into, outcome } = pending;
    if (this.#pieces.length > 0) outcome.resolve(this.#moveTo(into));
    else if (this.#failure !== undefined) outcome.reject(this.#failure.error);
    else if (this.#open === 0) outcome.resolve(null);
    else return;
    this.#pending = undefined;
  }

  #moveTo(into: Uint8Array): number {
    const piece = this.#pieces[0]!;
    const { bytes } = piece;
    const count = Math.min(bytes.length, into.length);
    into.set(count === bytes.length ? bytes : bytes.subarray(0, count));
    if (count < bytes.length) {
      piece.bytes = bytes.subarray(count);
    } else {
      this.#pieces.shift();
      piece.tap.busy = false;
    }
    return count;
  }
}
