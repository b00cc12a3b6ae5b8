import { enterWait, planWait, readyWith, refusal, type WaitSource } from "../hub/mod.ts";
import { ShutDown } from "./errors.ts";

/** Takes items from a queue or channel until it is shut down. */
export async function* itemsOf<T>(source: { get(): Promise<T> }): AsyncGenerator<T, void, void> {
  try {
    for (;;) yield await source.get();
  } catch (error) {
    if (!(error instanceof ShutDown)) throw error;
  }
}

const NO_LIMIT = planWait(undefined, "take next item");
const NOTHING: WaitSource = { what: "next", owner: undefined, remove() {} };

/**
 * Makes `next()` of a generator a waiting call like any other: in a callback of the hub it throws at once; a
 * kill that rejects it is no unhandled rejection if nobody awaits it; behind the end it counts, so that a loop
 * lets the others and the event loop run.
 *
 * @returns The same generator.
 */
export function quietly<T>(generator: AsyncGenerator<T, void, void>): AsyncGenerator<T, void, void> {
  const { next } = generator;
  let over = false;
  const fulfilled = ({ done }: IteratorResult<T, void>) => void (over = done === true);
  const rejected = () => void (over = true);
  generator.next = () => {
    const task = enterWait("take next item");
    if (over) {
      return refusal(task, NO_LIMIT) ?? readyWith(task, NOTHING, { done: true, value: undefined });
    }
    const step = next.call(generator);
    step.then(fulfilled, rejected);
    return step;
  };
  return generator;
}
