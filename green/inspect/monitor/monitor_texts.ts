/** Longer texts are cut: a name needs no more, and nor does a position in a file. */
const MAX_TEXT = 200;

/**
 * Texts in shared memory, each of them once. When the memory is full, all are forgotten and it starts again.
 *
 * Invariant: between two calls of `onWipe`, what {@linkcode codeOf} returned stands for the same text.
 */
export class MonitorTexts {
  /** Grows whenever all texts are forgotten. */
  epoch = 0;
  readonly #chars: Uint16Array;
  readonly #onWipe: () => void;
  readonly #codes = new Map<string, number>();
  /** The first free place; 0 stands for no text. */
  #top = 1;

  /**
   * Takes memory over.
   *
   * @param chars All zero.
   * @param onWipe Called when all texts were forgotten. May enter those anew that are still needed.
   */
  constructor(chars: Uint16Array, onWipe: () => void) {
    this.#chars = chars;
    this.#onWipe = onWipe;
  }

  /** Whether more than half of the memory is in use. */
  get halfFull(): boolean {
    return this.#top > this.#chars.length / 2;
  }

  /** Where a text is, from now on. */
  codeOf(text: string): number {
    return this.#codes.get(text) ?? this.#enter(text);
  }

  /** The text that is there; `undefined` for 0. */
  at(code: number): string | undefined {
    if (code === 0) return undefined;
    return String.fromCharCode(...this.#chars.subarray(code + 1, code + 1 + this.#chars[code]!));
  }

  #enter(text: string): number {
    const cut = text.slice(0, MAX_TEXT);
    if (this.#top + 1 + cut.length > this.#chars.length) this.#wipe();
    const code = this.#top;
    this.#chars[code] = cut.length;
    for (let i = 0; i < cut.length; i++) this.#chars[code + 1 + i] = cut.charCodeAt(i);
    this.#top += 1 + cut.length;
    this.#codes.set(text, code);
    return code;
  }

  #wipe(): void {
    this.#codes.clear();
    this.#top = 1;
    this.epoch++;
    this.#onWipe();
  }
}
