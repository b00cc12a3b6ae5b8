import type { Random } from "../random.ts";
import type { Bounds, Choice, Strategy } from "./choice.ts";
import { FaultDice } from "./fault_dice.ts";

/** One operation that need not wait in this many ends the slice, on average. */
const READY_PER_SLICE = 3;

/** Every way has a chance at every choice. */
export class RandomStrategy implements Strategy {
  readonly bounds: Bounds;
  readonly #random: Random;
  readonly #faults: FaultDice;
  #slices = 0;

  constructor(random: Random, bounds: Bounds) {
    this.#random = random;
    this.bounds = bounds;
    this.#faults = new FaultDice(random, bounds);
  }

  begin(): boolean {
    this.#slices = 0;
    this.#faults.begin();
    return true;
  }

  decide({ kind, ways }: Choice): number {
    if (kind === "slice") return this.#endSlice() ? 1 : 0;
    if (kind === "fault") return this.#faults.roll(ways);
    return ways === 1 ? 0 : this.#below(ways);
  }

  end(): void {}

  #endSlice(): boolean {
    if (this.#slices >= this.bounds.preemptions || this.#below(READY_PER_SLICE) > 0) return false;
    this.#slices++;
    return true;
  }

  #below(n: number): number {
    return Math.floor(this.#random() * n);
  }
}
