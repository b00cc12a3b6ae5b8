import type { Random } from "../random.ts";
import type { Bounds } from "./choice.ts";

/** One wait in this many gets a fault, on average. */
const WAITS_PER_FAULT = 8;

/** Injects faults at random waits. */
export class FaultDice {
  readonly #random: Random;
  readonly #bounds: Bounds;
  #injected = 0;

  constructor(random: Random, bounds: Bounds) {
    this.#random = random;
    this.#bounds = bounds;
  }

  /** Makes ready for the next run. */
  begin(): void {
    this.#injected = 0;
  }

  /** The way to go at a choice of kind `"fault"`. */
  roll(ways: number): number {
    if (this.#injected >= this.#bounds.faults || this.#below(WAITS_PER_FAULT) > 0) return 0;
    this.#injected++;
    return 1 + this.#below(ways - 1);
  }

  #below(n: number): number {
    return Math.floor(this.#random() * n);
  }
}
