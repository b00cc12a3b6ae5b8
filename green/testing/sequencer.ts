import { quiet } from "../../hub/mod.ts";
import { checkWhole } from "../../sync/check.ts";
import { Event } from "../../sync/event.ts";

/**
 * Numbered turns that force an order on greenlets: turn 0 is first, and each begins when the one before it is
 * over.
 *
 * Source: `trio.testing.Sequencer`.
 *
 * @example Whoever comes first, the order is this
 * ```ts
 * import { joinAll, Sequencer, spawn } from "@verdant/green";
 * import { assertEquals } from "@std/assert";
 *
 * const order = new Sequencer();
 * const log: string[] = [];
 * const say = async (turn: number, word: string) => {
 *   using _turn = await order.at(turn);
 *   log.push(word);
 * };
 * await joinAll([spawn(say, 1, "world"), spawn(say, 0, "hello")]);
 * assertEquals(log, ["hello", "world"]);
 * ```
 */
export class Sequencer {
  readonly #gates = new Map<number, Event>();
  readonly #taken = new Set<number>();

  /** Makes one whose turn 0 may begin. */
  constructor() {
    this.#gate(0).set();
  }

  /**
   * Waits for a turn; disposing what it returns ends the turn. Switches unless the turn has come.
   *
   * @param turn Its number, from 0; each may be taken once.
   * @throws {RangeError} If `turn` is not a non-negative integer.
   * @throws {Error} If it was taken before.
   */
  at(turn: number): Promise<Disposable> {
    checkWhole(turn, 0, "take turn", "turn");
    if (this.#taken.has(turn)) throw new Error(`Cannot take turn: ${turn} was taken before`);
    this.#taken.add(turn);
    return quiet(this.#take(turn));
  }

  async #take(turn: number): Promise<Disposable> {
    await this.#gate(turn).wait();
    return { [Symbol.dispose]: () => this.#gate(turn + 1).set() };
  }

  #gate(turn: number): Event {
    let gate = this.#gates.get(turn);
    if (gate === undefined) this.#gates.set(turn, gate = new Event());
    return gate;
  }
}
