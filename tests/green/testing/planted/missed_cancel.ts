import { joinAll, LoopExit, sleep, spawn } from "@verdant/green";
import {
  enterWait,
  EXPIRE_FALSE,
  park,
  planWait,
  readyWith,
  refusal,
  Waiter,
  type WaitSource,
} from "@verdant/green/hub";
import type { Planted } from "./planted.ts";

/** Passed from hand to hand. */
class Baton implements WaitSource {
  readonly what = "acquire";
  readonly owner = this;
  readonly #line: Waiter[] = [];
  #held = false;

  acquire(): Promise<unknown> {
    const plan = planWait(undefined, "acquire baton");
    const task = enterWait("acquire baton");
    const refused = refusal(task, plan);
    if (refused !== undefined) return refused;
    const held = this.#held;
    this.#held = true;
    if (!held) return readyWith(task, this, true);
    const waiter = new Waiter(task, this, undefined);
    this.#line.push(waiter);
    return park(waiter, plan, EXPIRE_FALSE);
  }

  release(): void {
    const next = this.#line.shift();
    if (next === undefined) this.#held = false;
    else if (next.waiting) next.wake(true);
  }

  /** Called when a waiter is killed. */
  remove(waiter: Waiter): void {
    this.#line.splice(this.#line.indexOf(waiter), 1);
  }
}

/** Who was killed keeps the place in the line, and the baton is passed to nobody. */
class DroppedBaton extends Baton {
  override remove(): void {}
}

async function passedOn(baton: Baton): Promise<void> {
  const runner = async () => {
    await baton.acquire();
    try {
      await sleep(1);
    } finally {
      baton.release();
    }
  };
  await joinAll([spawn(runner), spawn(runner)]);
  await baton.acquire();
}

/** A waiter that was cancelled swallows a grant. */
export const missedCancel: Planted = {
  name: "a cancelled waiter that swallows a grant",
  broken: () => passedOn(new DroppedBaton()),
  correct: () => passedOn(new Baton()),
  inject: ["kill"],
  fails: { type: LoopExit, message: "body waits for DroppedBaton acquire" },
  shrunk: { switches: 5, decisions: 1 },
};
