/**
 * Where the signals of the process come from.
 *
 * @example None ever
 * ```ts
 * import type { SignalSource } from "@verdant/green/hub";
 *
 * const source: SignalSource = { add() {}, remove() {}, hasFew: false };
 * ```
 */
export interface SignalSource {
  /** Calls `listener` whenever the signal comes; throws if there is no such signal, or it cannot be caught. */
  add(signal: Deno.Signal, listener: () => void): void;
  /** Undoes {@linkcode add}; without listeners, a signal has its usual effect. */
  remove(signal: Deno.Signal, listener: () => void): void;
  /** Whether the system has but a few signals: the others never come. */
  readonly hasFew: boolean;
}

/** Who listens to one signal. */
class Line {
  /** In the order in which they came. */
  readonly listeners = new Set<() => void>();
  /** Those who are called when there is nobody else. */
  readonly fallbacks = new Set<() => void>();

  get empty(): boolean {
    return this.listeners.size === 0 && this.fallbacks.size === 0;
  }

  readonly call = (): void => {
    const { listeners, fallbacks } = this;
    const called = listeners.size > 0 ? listeners : fallbacks;
    for (const listener of [...called]) if (called.has(listener)) listener();
  };
}

/**
 * Who listens to which signal of the process, on behalf of all hubs of the thread. It knows what the system does
 * not tell: whether the program listens to a signal itself.
 *
 * Invariant: the system is asked for a signal if and only if somebody listens to it.
 *
 * @example Instead of the system
 * ```ts
 * import { SignalBoard } from "@verdant/green/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const seen: string[] = [];
 * let raise = () => {};
 * const board = new SignalBoard({ add: (_signal, listener) => raise = listener, remove() {}, hasFew: false });
 * board.listen("SIGINT", () => seen.push("fallback"), true);
 * raise();
 * board.listen("SIGINT", () => seen.push("own"));
 * raise();
 * assertEquals(seen, ["fallback", "own"]);
 * ```
 */
export class SignalBoard {
  readonly #source: SignalSource;
  readonly #lines = new Map<Deno.Signal, Line>();

  /**
   * Makes a board.
   *
   * @param source Where the signals come from.
   */
  constructor(source: SignalSource) {
    this.#source = source;
  }

  /**
   * Refuses what is no signal, or one that cannot be caught.
   *
   * @throws {TypeError} Naming it.
   */
  check(signal: Deno.Signal): void {
    if (this.#lines.has(signal)) return;
    const listener = () => {};
    if (this.#ask(signal, listener)) this.#source.remove(signal, listener);
  }

  /**
   * Has `listener` called when the signal comes, after those who came before.
   *
   * @param fallback Whether it is to be called only when there is no other.
   * @throws {TypeError} If there is no such signal, or it cannot be caught.
   */
  listen(signal: Deno.Signal, listener: () => void, fallback = false): void {
    const line = this.#lines.get(signal) ?? this.#open(signal);
    (fallback ? line.fallbacks : line.listeners).add(listener);
  }

  /** Has it called no more. */
  unlisten(signal: Deno.Signal, listener: () => void): void {
    const line = this.#lines.get(signal);
    if (line === undefined) return;
    line.listeners.delete(listener);
    line.fallbacks.delete(listener);
    this.#closeIfEmpty(signal, line);
  }

  /** Lets a signal have its usual effect when nobody listens: the fallbacks are forgotten. */
  leaveToSystem(signal: Deno.Signal): void {
    const line = this.#lines.get(signal);
    if (line === undefined) return;
    line.fallbacks.clear();
    this.#closeIfEmpty(signal, line);
  }

  #open(signal: Deno.Signal): Line {
    const line = new Line();
    this.#ask(signal, line.call);
    this.#lines.set(signal, line);
    return line;
  }

  #closeIfEmpty(signal: Deno.Signal, line: Line): void {
    if (!line.empty) return;
    this.#lines.delete(signal);
    try {
      this.#source.remove(signal, line.call);
    } catch {
      // One that never comes was never asked for.
    }
  }

  /** Says whether the system has the signal. */
  #ask(signal: Deno.Signal, listener: () => void): boolean {
    try {
      this.#source.add(signal, listener);
      return true;
    } catch (error) {
      if (this.#source.hasFew && /^SIG[A-Z0-9]+$/.test(signal)) return false;
      const reason = error instanceof Error ? error.message : String(error);
      throw new TypeError(`Cannot listen to signal ${String(signal)}: ${reason}`, { cause: error });
    }
  }
}

/**
 * The one of this thread.
 *
 * @example Refuse what cannot be caught
 * ```ts
 * import { signalBoard } from "@verdant/green/hub";
 * import { assertThrows } from "@std/assert";
 *
 * assertThrows(() => signalBoard.check("SIGKILL"), TypeError, "SIGKILL");
 * ```
 */
export const signalBoard: SignalBoard = /* @__PURE__ */ new SignalBoard({
  add: (signal, listener) => Deno.addSignalListener(signal, listener),
  remove: (signal, listener) => Deno.removeSignalListener(signal, listener),
  get hasFew() {
    return Deno.build.os === "windows";
  },
});
