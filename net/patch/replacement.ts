import type { AnyFunction } from "./through_hub.ts";

/** One property of one object of the platform, and what takes its place. */
export interface Replacement {
  /** As `original()` calls it: `"Deno.connect"`. */
  readonly path: string;
  /** What has the property. Not asked for before it is needed: modules of Node are slow to load. */
  readonly target: () => object;
  readonly key: string;
  /** Makes what takes its place. The path says in reports what is waited for. */
  readonly make: (original: AnyFunction, path: string) => AnyFunction;
}

/** A replacement in its place. */
export class Replaced {
  /** What it stands for. */
  readonly original: AnyFunction;
  readonly #target: object;
  readonly #key: string;
  /** `undefined` if it is inherited. */
  readonly #before: PropertyDescriptor | undefined;
  readonly #mine: AnyFunction;

  /** Puts it there. */
  constructor(replacement: Replacement) {
    const { key, path } = replacement;
    const target = replacement.target();
    this.#target = target;
    this.#key = key;
    this.original = (target as Record<string, AnyFunction>)[key]!; // not from the descriptor: some are accessors
    this.#before = Object.getOwnPropertyDescriptor(target, key);
    this.#mine = replacement.make(this.original, path);
    const enumerable = this.#before?.enumerable ?? false;
    Object.defineProperty(target, key, { value: this.#mine, enumerable, configurable: true, writable: true });
  }

  /**
   * Puts the original back.
   *
   * @returns Whether it could: not if somebody else has replaced it since.
   */
  undo(): boolean {
    if ((this.#target as Record<string, unknown>)[this.#key] !== this.#mine) return false;
    if (this.#before === undefined) delete (this.#target as Record<string, unknown>)[this.#key];
    else Object.defineProperty(this.#target, this.#key, this.#before);
    return true;
  }
}
