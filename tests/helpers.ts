import { type Clock, getHub } from "@verdant/green";

/** Collects what the hub reports instead of printing it, until disposed. */
export function captureErrors(): Disposable & { readonly seen: unknown[] } {
  const hub = getHub();
  const { onError } = hub;
  const seen: unknown[] = [];
  hub.onError = (_context, error) => seen.push(error);
  return {
    seen,
    [Symbol.dispose]() {
      hub.onError = onError;
    },
  };
}

/** A small seeded generator (mulberry32): numbers in [0, 1), the same for the same seed. */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A clock that moves only when it is told to. */
export class ManualClock implements Clock {
  time = 0;
  #deadline = Infinity;
  #wake: (() => void) | undefined = undefined;

  now(): number {
    return this.time;
  }

  arm(deadline: number, _ref: boolean, wake: () => void): void {
    this.#deadline = deadline;
    this.#wake = wake;
  }

  disarm(): void {
    this.#deadline = Infinity;
    this.#wake = undefined;
  }

  /** Jumps to the deadline it is armed for; says whether there was one. */
  jump(): boolean {
    const wake = this.#wake;
    if (wake === undefined) return false;
    this.time = Math.max(this.time, this.#deadline);
    this.disarm();
    wake();
    return true;
  }
}

/** Resolves after a turn of the event loop, without a timer. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
